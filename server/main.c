/* The funicular program: one list of commands, and what they share. */
#include "server/commands/command.h"

#include <stdio.h>

static const struct srv_command *const commands[] = {
	&srv_cmd_serve,  &srv_cmd_user,    &srv_cmd_device, &srv_cmd_collection,
	&srv_cmd_item,   &srv_cmd_session, &srv_cmd_report, &srv_cmd_import,
	&srv_cmd_export, &srv_cmd_backup,  &srv_cmd_check,  &srv_cmd_migrate,
	&srv_cmd_copy,   &srv_cmd_alarm,   &srv_cmd_hold,   &srv_cmd_push,
	&srv_cmd_mail,
};

enum { COMMAND_N = sizeof(commands) / sizeof(commands[0]) };

static const char head[] =
    "usage: funicular [--config FILE] [--json] COMMAND [ARGUMENT...]\n"
    "\n"
    "Funicular keeps phones' contacts, calendars, tasks and notes in step by\n"
    "SyncML (OMA Data Synchronization).\n"
    "\n"
    "Commands:\n";

static const char tail[] =
    "\n"
    "Options:\n"
    "  --config FILE   configuration; else $FUNICULAR_CONF, else\n"
    "                  /etc/funicular/funicular.conf, else defaults\n"
    "  --json          machine-readable output where data is printed\n"
    "  --help          this text; `funicular help COMMAND` tells more\n"
    "  --version       the program's version\n"
    "\n"
    "Exit codes: 0 done, 1 failed, 2 wrong command line, 3 not found,\n"
    "4 check or copy found something, 5 configuration cannot work, 6 busy or "
    "away.\n";

static void
usage(FILE *to)
{
	(void)fputs(head, to);
	for (size_t i = 0; i < COMMAND_N; i++)
		(void)fprintf(to, "  %-12s %s\n", commands[i]->name,
			      commands[i]->summary);
	(void)fputs(tail, to);
}

static const struct srv_command *
find(const char *name)
{
	for (size_t i = 0; i < COMMAND_N; i++)
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	return NULL;
}

/* Output that could not be written (a full disk) is a failure. */
static int
end_output(int code)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return code;
	(void)fputs("funicular: cannot write the output\n", stderr);
	return code == SRV_EXIT_OK ? SRV_EXIT_FAILED : code;
}

static int
unknown(const char *what)
{
	(void)fprintf(stderr,
		      "funicular: \"%s\" is no command; see funicular "
		      "--help\n",
		      what);
	return SRV_EXIT_USAGE;
}

struct line { /* the command line, read */
	struct srv_args args;
	bool help, version;
	const char *wrong;
};

/*
 * Take our options off, wherever they stand before "--"; the rest keeps its
 * order in argv, which is ours to change.
 */
static void
read_line(int argc, char **argv, struct line *l)
{
	int out = 0;
	bool ours = true;

	*l = (struct line){ 0 };
	for (int i = 1; i < argc; i++) {
		struct slice a = slice_c(argv[i]);

		if (ours && slice_is(a, "--")) {
			ours = false;
			/* Commands see it too: names may start with "-". */
			argv[out++] = argv[i];
		} else if (ours && slice_is(a, "--json")) {
			l->args.json = true;
		} else if (ours && slice_starts(a, "--config=")) {
			l->args.conf_path = argv[i] + strlen("--config=");
		} else if (ours && slice_is(a, "--config")) {
			if (i + 1 == argc)
				l->wrong = "--config wants a file";
			else
				l->args.conf_path = argv[++i];
		} else if (ours &&
			   (slice_is(a, "--help") || slice_is(a, "-h"))) {
			l->help = true;
		} else if (ours && out == 0 && slice_is(a, "--version")) {
			l->version = true;
		} else {
			argv[out++] = argv[i];
		}
	}
	argv[out] = NULL;
	l->args.argc = out;
	l->args.argv = argv;
}

static int
show_help(const struct line *l)
{
	const struct srv_args *a = &l->args;
	bool asked = a->argc > 0 && strcmp(a->argv[0], "help") == 0;
	const char *name =
	    a->argc > (asked ? 1 : 0) ? a->argv[asked ? 1 : 0] : NULL;
	const struct srv_command *c = name == NULL ? NULL : find(name);

	if (name == NULL)
		usage(stdout);
	else if (c == NULL)
		return unknown(name);
	else
		(void)fputs(c->help, stdout);
	return SRV_EXIT_OK;
}

static int
run(int argc, char **argv)
{
	const struct srv_command *c;
	struct line l;

	read_line(argc, argv, &l);
	if (l.wrong != NULL) {
		(void)fprintf(stderr, "funicular: %s\n", l.wrong);
		return SRV_EXIT_USAGE;
	}
	if (l.version) {
		(void)puts("funicular " FUNICULAR_VERSION);
		return SRV_EXIT_OK;
	}
	if (l.help || (l.args.argc > 0 && strcmp(l.args.argv[0], "help") == 0))
		return show_help(&l);
	if (l.args.argc == 0) {
		usage(stderr);
		return SRV_EXIT_USAGE;
	}
	c = find(l.args.argv[0]);
	if (c == NULL)
		return unknown(l.args.argv[0]);
	return c->run(&l.args);
}

int
main(int argc, char **argv)
{
	return end_output(run(argc, argv));
}
