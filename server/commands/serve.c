#include "server/commands/command.h"

#include "server/engine.h"
#include "server/life.h"

#include <malloc.h>
#include <stdio.h>

static const char help[] =
    "usage: funicular [--config FILE] serve [OPTION]\n"
    "\n"
    "Answer devices until told to stop. One line says where, once it is\n"
    "ready; the log goes to standard error.\n"
    "\n"
    "  --allow-root     run as root although nothing here needs it\n"
    "  --check-config   read the configuration, say what is wrong, and leave\n"
    "  --print-config   print the configuration file with all keys, their\n"
    "                   defaults and what they mean\n"
    "  --print-man      print the manual page funicular.conf(5)\n"
    "  --help           this text\n"
    "\n"
    "Signals: SIGHUP reads the configuration and the certificate again;\n"
    "SIGTERM and SIGINT stop it, running messages finish first.\n";

enum serve_mode { MODE_RUN, MODE_CHECK, MODE_SAMPLE, MODE_MAN };

enum { PRINT_ARENA_BYTES = 1 << 20 };

static int
print(void (*what)(struct buf *out))
{
	struct arena *a = arena_new(PRINT_ARENA_BYTES);
	struct buf b = { .a = a };
	int code = SRV_EXIT_FAILED;

	if (a == NULL)
		return code;
	what(&b);
	if (buf_ok(&b) && fwrite(b.p, 1, b.n, stdout) == b.n &&
	    fflush(stdout) == 0)
		code = SRV_EXIT_OK;
	arena_free(&a);
	return code;
}

/* What the front does not know of: the outlets. */
static int
check_outlets(const char *conf_path, struct err *e)
{
	struct srv_conf conf;
	struct arena *a = arena_new(PRINT_ARENA_BYTES);
	int rc;

	if (a == NULL)
		return err_set(e, ERR_NOMEM, "serve", "out of memory");
	rc = srv_conf_load(a, conf_path, &conf, e);
	if (rc == 0)
		rc = srv_outlets_check(&conf, e);
	arena_free(&a);
	return rc;
}

/* Either run it, or only look whether it could run. */
static int
serve(const struct srv_args *args, bool allow_root, bool check)
{
	/* A copy of our own: a reload changes its level. */
	struct log log = { .write = log_stderr.write, .min = LOG_LVL_INFO };
	struct srv_metrics metrics = { 0 };
	struct srv_engine eng = { .conf_path = args->conf_path,
				  .metrics = &metrics,
				  .log = &log };
	struct srv_service service = srv_engine_service(&eng);
	struct srv_life_in in = { .conf_path = args->conf_path,
				  .allow_root = allow_root,
				  .service = &service,
				  .metrics = &metrics,
				  .log = &log };
	struct err e = { 0 };
	int rc;

	/* Heaps for every thread would each keep their own free memory. There
	   is no other thread yet. NOLINTNEXTLINE(concurrency-mt-unsafe) */
	(void)mallopt(M_ARENA_MAX, 2);
	rc = check ? srv_life_check(&in, &e) : srv_life_run(&in, &e);
	if (rc == 0 && check)
		rc = check_outlets(args->conf_path, &e);
	if (rc != 0)
		return srv_fail(&e);
	if (check)
		(void)puts("funicular: the configuration is fine");
	return SRV_EXIT_OK;
}

static int
run(const struct srv_args *args)
{
	enum serve_mode mode = MODE_RUN;
	bool allow_root = false;

	for (int i = 1; i < args->argc; i++) {
		struct slice arg = slice_c(args->argv[i]);

		if (slice_is(arg, "--allow-root")) {
			allow_root = true;
		} else if (slice_is(arg, "--check-config")) {
			mode = MODE_CHECK;
		} else if (slice_is(arg, "--print-config")) {
			mode = MODE_SAMPLE;
		} else if (slice_is(arg, "--print-man")) {
			mode = MODE_MAN;
		} else {
			(void)fprintf(stderr,
				      "funicular: serve does not know \"%s\"; "
				      "see funicular serve --help\n",
				      args->argv[i]);
			return SRV_EXIT_USAGE;
		}
	}
	if (mode == MODE_SAMPLE)
		return print(srv_conf_sample);
	if (mode == MODE_MAN)
		return print(srv_conf_man);
	return serve(args, allow_root, mode == MODE_CHECK);
}

const struct srv_command srv_cmd_serve = {
	.name = "serve",
	.summary = "run the sync server",
	.help = help,
	.run = run,
};
