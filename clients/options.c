#include "clients/options.h"

#include "clients/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_BYTES_MAX = 65536 };

struct ctx {
	struct arena *a;
	struct cli_options *o;
	const char *base; /* relative paths are seen from here; NULL: "." */
	struct err *e;
};

/* ---- values
 * --------------------------------------------------------------------- */

static int
bad(struct ctx *x, const char *name, const char *value, const char *want)
{
	return err_set(x->e, ERR_CONFIG, "options", "--%s %s: %s", name, value,
		       want);
}

static int
nomem(struct ctx *x)
{
	return err_set(x->e, ERR_NOMEM, "options", "no memory");
}

static int
set_text(struct ctx *x, const char *value, const char **out)
{
	*out = arena_cstr(x->a, slice_c(value));
	return *out != NULL ? 0 : nomem(x);
}

static int
set_path(struct ctx *x, const char *value, const char **out)
{
	if (x->base == NULL || value[0] == '/')
		return set_text(x, value, out);
	struct slice s = arena_printf(x->a, "%s/%s", x->base, value);
	*out = s.p;
	return s.p != NULL ? 0 : nomem(x);
}

static int
set_number(struct ctx *x, const char *name, const char *value, int64_t min,
	   int64_t max, int64_t *out)
{
	char want[80];

	if (slice_i64(slice_c(value), out) && *out >= min && *out <= max)
		return 0;
	snprintf(want, sizeof(want), "a number from %lld to %lld is wanted",
		 (long long)min, (long long)max);
	return bad(x, name, value, want);
}

static int
read_small_file(struct ctx *x, const char *path, struct slice *out)
{
	bool from_stdin = strcmp(path, "-") == 0;
	int fd = from_stdin ? STDIN_FILENO
			    : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	char *p = arena_alloc(x->a, FILE_BYTES_MAX + 1);
	size_t n = 0;
	ssize_t r = 0;

	if (fd < 0 || p == NULL) {
		if (fd > STDIN_FILENO)
			close(fd);
		return err_errno(x->e, ERR_CONFIG, errno, "options",
				 "cannot read %s", path);
	}
	while (n < FILE_BYTES_MAX &&
	       (r = read(fd, p + n, FILE_BYTES_MAX - n)) > 0)
		n += (size_t)r;
	if (!from_stdin)
		close(fd);
	if (r < 0)
		return err_errno(x->e, ERR_CONFIG, errno, "options",
				 "cannot read %s", path);
	*out = (struct slice){ p, n };
	return 0;
}

/* The first line is the password. */
static int
set_password_file(struct ctx *x, const char *value)
{
	struct slice text, line;
	const char *path = value;

	if (strcmp(value, "-") != 0 && set_path(x, value, &path) != 0)
		return -1;
	if (read_small_file(x, path, &text) != 0)
		return -1;
	line = slice_sub(text, 0, slice_find(text, '\n'));
	if (line.n > 0 && line.p[line.n - 1] == '\r')
		line.n--;
	x->o->password = line;
	return 0;
}

/* DIR=NAME[:FORM[:MODE]] */
static int
set_db(struct ctx *x, const char *value)
{
	struct cli_options *o = x->o;
	struct cli_opt_db *db = &o->db[o->db_n];
	char *text = arena_cstr(x->a, slice_c(value));
	char *eq = text == NULL ? NULL : strchr(text, '=');
	char *colon;

	if (o->db_n == CLI_DBS_MAX)
		return bad(x, "db", value, "too many databases");
	if (eq == NULL || eq == text || eq[1] == '\0')
		return bad(x, "db", value, "DIR=NAME[:FORM[:MODE]] is wanted");
	*eq = '\0';
	*db = (struct cli_opt_db){ .remote = eq + 1 };
	colon = strrchr(eq + 1, ':');
	if (colon != NULL && cli_type_of(colon + 1) != 0) {
		db->type = cli_type_of(colon + 1);
		*colon = '\0';
		colon = strrchr(eq + 1, ':');
	}
	if (colon != NULL) {
		db->form = cli_form_of(colon + 1);
		if (db->form == PIM_FORM_NONE)
			return bad(x, "db", value,
				   "the form is one of vcard21, vcard30, "
				   "vcal10, ical20, text, maildir");
		*colon = '\0';
	}
	o->db_n++;
	return set_path(x, text, &db->dir);
}

static int
set_auth(struct ctx *x, const char *value)
{
	struct cli_options *o = x->o;

	o->auth_auto = strcmp(value, "auto") == 0;
	if (strcmp(value, "basic") == 0)
		o->auth = SML_AUTH_BASIC;
	else if (strcmp(value, "md5") == 0)
		o->auth = SML_AUTH_MD5;
	else if (strcmp(value, "mac") == 0)
		o->auth = SML_AUTH_MAC;
	else if (o->auth_auto)
		o->auth = SML_AUTH_NONE;
	else
		return bad(x, "auth", value,
			   "auto, basic, md5 or mac is wanted");
	return 0;
}

static int
set_enc(struct ctx *x, const char *value)
{
	if (strcmp(value, "xml") == 0)
		x->o->enc = SML_XML;
	else if (strcmp(value, "wbxml") == 0)
		x->o->enc = SML_WBXML;
	else
		return bad(x, "encoding", value, "xml or wbxml is wanted");
	return 0;
}

static int
set_version(struct ctx *x, const char *value)
{
	if (strlen(value) != 3 || strncmp(value, "1.", 2) != 0 ||
	    value[2] < '0' || value[2] > '2')
		return bad(x, "syncml", value, "1.0, 1.1 or 1.2 is wanted");
	x->o->version = 10 + (value[2] - '0');
	return 0;
}

static int
set_mode(struct ctx *x, const char *value)
{
	x->o->type = cli_type_of(value);
	if (x->o->type == 0)
		return bad(x, "mode", value,
			   "two-way, slow, one-way-from-client, "
			   "refresh-from-client, one-way-from-server or "
			   "refresh-from-server is wanted");
	return 0;
}

static int
set_phone(struct ctx *x, const char *value)
{
	x->o->phone = cli_phone_find(value);
	return x->o->phone != NULL
		   ? 0
		   : bad(x, "fake-phone", value, "no such profile");
}

/* ---- the table
 * --------------------------------------------------------------------- */

enum opt {
	O_DB = 1000,
	O_HOME,
	O_URL,
	O_USER,
	O_PASSWORD_FILE,
	O_AUTH,
	O_ENCODING,
	O_SYNCML,
	O_MODE,
	O_MAX_MSG,
	O_MAX_OBJ,
	O_SEND_SIZE,
	O_IGNORE_RESPURI,
	O_NO_GET,
	O_DEVICE_ID,
	O_RETRIES,
	O_TIMEOUT,
	O_CA,
	O_INSECURE,
	O_VERBOSE,
	O_QUIET,
	O_JSON,
	O_WIRE,
	O_DRY_RUN,
	O_ALLOW_EMPTY,
	O_FAKE_PHONE,
	O_HELP,
	O_VERSION,
};

static const struct option options[] = {
	{ "db", required_argument, NULL, O_DB },
	{ "home", required_argument, NULL, O_HOME },
	{ "url", required_argument, NULL, O_URL },
	{ "user", required_argument, NULL, O_USER },
	{ "password-file", required_argument, NULL, O_PASSWORD_FILE },
	{ "auth", required_argument, NULL, O_AUTH },
	{ "encoding", required_argument, NULL, O_ENCODING },
	{ "syncml", required_argument, NULL, O_SYNCML },
	{ "mode", required_argument, NULL, O_MODE },
	{ "max-msg-size", required_argument, NULL, O_MAX_MSG },
	{ "max-obj-size", required_argument, NULL, O_MAX_OBJ },
	{ "send-size", required_argument, NULL, O_SEND_SIZE },
	{ "ignore-respuri", no_argument, NULL, O_IGNORE_RESPURI },
	{ "no-get", no_argument, NULL, O_NO_GET },
	{ "device-id", required_argument, NULL, O_DEVICE_ID },
	{ "retries", required_argument, NULL, O_RETRIES },
	{ "timeout", required_argument, NULL, O_TIMEOUT },
	{ "ca", required_argument, NULL, O_CA },
	{ "insecure", no_argument, NULL, O_INSECURE },
	{ "verbose", no_argument, NULL, O_VERBOSE },
	{ "quiet", no_argument, NULL, O_QUIET },
	{ "json", no_argument, NULL, O_JSON },
	{ "wire", required_argument, NULL, O_WIRE },
	{ "dry-run", no_argument, NULL, O_DRY_RUN },
	{ "allow-empty", no_argument, NULL, O_ALLOW_EMPTY },
	{ "fake-phone", required_argument, NULL, O_FAKE_PHONE },
	{ "help", no_argument, NULL, O_HELP },
	{ "version", no_argument, NULL, O_VERSION },
	{ NULL, 0, NULL, 0 },
};

static bool *
flag_of(struct cli_options *o, int which)
{
	switch (which) {
	case O_IGNORE_RESPURI:
		return &o->ignore_respuri;
	case O_NO_GET:
		return &o->no_get;
	case O_INSECURE:
		return &o->insecure;
	case O_VERBOSE:
		return &o->verbose;
	case O_QUIET:
		return &o->quiet;
	case O_JSON:
		return &o->json;
	case O_DRY_RUN:
		return &o->dry_run;
	case O_ALLOW_EMPTY:
		return &o->allow_empty;
	default:
		return NULL;
	}
}

static int
set_sizes(struct ctx *x, int which, const char *name, const char *v)
{
	struct cli_options *o = x->o;

	switch (which) {
	case O_MAX_MSG:
		return set_number(x, name, v, 0, 100000000, &o->max_msg);
	case O_MAX_OBJ:
		return set_number(x, name, v, 0, 100000000, &o->max_obj);
	case O_SEND_SIZE:
		return set_number(x, name, v, 0, 100000000, &o->send_size);
	case O_RETRIES:
		return set_number(x, name, v, 0, 100, &o->retries);
	default:
		return set_number(x, name, v, 1, 86400, &o->timeout_s);
	}
}

/* One setting; v is NULL for flags. */
static int
set(struct ctx *x, int which, const char *name, const char *v)
{
	struct cli_options *o = x->o;

	switch (which) {
	case O_DB:
		return set_db(x, v);
	case O_HOME:
		return set_path(x, v, &o->home);
	case O_URL:
		return set_text(x, v, &o->url);
	case O_USER:
		return set_text(x, v, &o->user);
	case O_PASSWORD_FILE:
		return set_password_file(x, v);
	case O_AUTH:
		return set_auth(x, v);
	case O_ENCODING:
		return set_enc(x, v);
	case O_SYNCML:
		return set_version(x, v);
	case O_MODE:
		return set_mode(x, v);
	case O_DEVICE_ID:
		return set_text(x, v, &o->device_id);
	case O_CA:
		return set_path(x, v, &o->ca_file);
	case O_WIRE:
		return set_path(x, v, &o->wire_dir);
	case O_FAKE_PHONE:
		return set_phone(x, v);
	default:
		return set_sizes(x, which, name, v);
	}
}

/* ---- the profile
 * ---------------------------------------------------------------------- */

static int
profile_line(struct ctx *x, struct slice line, unsigned no)
{
	size_t eq = slice_find(line, '=');
	struct slice key = slice_trim(slice_sub(line, 0, eq));
	struct slice value = eq == SIZE_MAX
				 ? SLICE_LIT("yes")
				 : slice_trim(slice_from(line, eq + 1));
	char *v = arena_cstr(x->a, value);

	if (v == NULL)
		return nomem(x);
	for (const struct option *op = options; op->name != NULL; op++) {
		bool *flag = flag_of(x->o, op->val);

		if (!slice_is(key, op->name) || op->val >= O_HELP ||
		    op->val == O_HOME)
			continue;
		if (flag == NULL)
			return set(x, op->val, op->name, v);
		*flag = slice_is(value, "yes");
		if (!*flag && !slice_is(value, "no"))
			return bad(x, op->name, v, "yes or no is wanted");
		return 0;
	}
	return err_set(x->e, ERR_CONFIG, "options",
		       "profile, line %u: unknown setting %.*s", no,
		       SLICE_ARG(key));
}

/* home/.funicular/profile: "name = value", '#' begins a comment. */
static int
read_profile(struct ctx *x, const char *home)
{
	struct slice path = arena_printf(x->a, "%s/.funicular/profile", home);
	struct slice text, line;
	unsigned no = 0;

	if (path.p == NULL)
		return nomem(x);
	if (read_small_file(x, path.p, &text) != 0)
		return -1;
	x->base = home;
	while (slice_split(&text, '\n', &line)) {
		no++;
		line = slice_trim(line);
		if (line.n == 0 || line.p[0] == '#')
			continue;
		if (profile_line(x, line, no) != 0)
			return -1;
	}
	x->base = NULL;
	return 0;
}

/* ---- the command line
 * -------------------------------------------------------------------- */

static void
print_help(void)
{
	(void)fputs(
	    "usage: funicular-client [options] URL\n"
	    "       funicular-client [options] DIRECTORY\n"
	    "\n"
	    "Sync directories of .vcf, .ics and .txt files with a SyncML "
	    "server.\n"
	    "DIRECTORY holds a profile (.funicular/profile) with the same "
	    "settings.\n"
	    "\n"
	    "  --db DIR=NAME[:FORM[:MODE]]  a database; may be repeated\n"
	    "                      FORM: vcard21 vcard30 vcal10 ical20 text\n"
	    "                      maildir\n"
	    "  --mode MODE         two-way (default), slow,\n"
	    "                      one-way-from-client, refresh-from-client,\n"
	    "                      one-way-from-server, refresh-from-server\n"
	    "  --home DIR          where the state is kept (default: the "
	    "first DIR)\n"
	    "  --user NAME         who you are\n"
	    "  --password-file F   first line is the password; - is standard "
	    "input\n"
	    "                      (else $FUNICULAR_PASSWORD)\n"
	    "  --auth WAY          auto (default), basic, md5, mac\n"
	    "  --encoding E        wbxml (default), xml\n"
	    "  --syncml V          1.2 (default), 1.1, 1.0\n"
	    "  --max-msg-size N    largest message that we take, in bytes\n"
	    "  --max-obj-size N    largest item that we take, in bytes\n"
	    "  --send-size N       largest message that we send, in bytes\n"
	    "  --device-id ID      instead of the generated one\n"
	    "  --ignore-respuri    always send to URL\n"
	    "  --no-get            do not ask what the server can do\n"
	    "  --retries N         of a lost message (default 3)\n"
	    "  --timeout S         of one message, in seconds (default 120)\n"
	    "  --ca FILE           certificates to trust\n"
	    "  --insecure          do not check the server's certificate\n"
	    "  --dry-run           show what would be sent\n"
	    "  --allow-empty       let an empty directory delete everything\n"
	    "  --fake-phone NAME   keep only what such a phone keeps:\n",
	    stdout);
	for (size_t i = 0; cli_phone_at(i) != NULL; i++)
		printf("                      %-8s %s\n", cli_phone_at(i)->name,
		       cli_phone_at(i)->about);
	(void)fputs(
	    "  --verbose, -v       show the conversation\n"
	    "  --quiet, -q         print errors only\n"
	    "  --json              print the result as JSON\n"
	    "  --wire DIR          keep the raw messages\n"
	    "  --help, -h  --version\n"
	    "\n"
	    "exit: 0 done, 1 failed, 2 usage, 3 not let in, 4 server not "
	    "reachable or busy,\n"
	    "      5 done in part, 6 interrupted, 7 local directory or "
	    "state\n",
	    stdout);
}

static int
short_option(int c)
{
	switch (c) {
	case 'v':
		return O_VERBOSE;
	case 'q':
		return O_QUIET;
	case 'h':
		return O_HELP;
	default:
		return c;
	}
}

static enum cli_opt_result
read_args(struct ctx *x, int argc, char **argv)
{
	int c, at = 0;

	optind = 0; /* getopt_long starts anew */
	/* No other thread yet. NOLINTNEXTLINE(concurrency-mt-unsafe) */
	while ((c = getopt_long(argc, argv, "vqh", options, &at)) != -1) {
		bool *flag;

		c = short_option(c);
		if (c == O_HELP) {
			print_help();
			return CLI_OPT_DONE;
		}
		if (c == O_VERSION) {
			puts("funicular-client " FUNICULAR_VERSION);
			return CLI_OPT_DONE;
		}
		if (c == '?') {
			err_set(x->e, ERR_CONFIG, "options",
				"--help tells the options");
			return CLI_OPT_BAD;
		}
		flag = flag_of(x->o, c);
		if (flag != NULL)
			*flag = true;
		else if (set(x, c, options[at].name, optarg) != 0)
			return CLI_OPT_BAD;
	}
	return CLI_OPT_RUN;
}

/* The profile first, so that the command line wins: find DIRECTORY. */
static const char *
find_directory(int argc, char **argv)
{
	struct stat sb;

	optind = 0;
	opterr = 0;
	/* No other thread yet. NOLINTNEXTLINE(concurrency-mt-unsafe) */
	while (getopt_long(argc, argv, "vqh", options, NULL) != -1)
		continue;
	opterr = 1;
	if (optind < argc && strstr(argv[optind], "://") == NULL &&
	    stat(argv[optind], &sb) == 0 && S_ISDIR(sb.st_mode))
		return argv[optind];
	return NULL;
}

/* Phones of that kind speak the old forms. */
static enum pim_form
old_form(enum pim_form form)
{
	return form == PIM_VCARD30  ? PIM_VCARD21
	       : form == PIM_ICAL20 ? PIM_VCAL10
				    : form;
}

static int
check(struct ctx *x)
{
	struct cli_options *o = x->o;
	const char *env = getenv("FUNICULAR_PASSWORD");

	if (o->password.n == 0 && env != NULL) {
		o->password = arena_copy(x->a, slice_c(env));
		if (o->password.p == NULL)
			return nomem(x);
	}
	if (o->url == NULL || (strncmp(o->url, "http://", 7) != 0 &&
			       strncmp(o->url, "https://", 8) != 0))
		return err_set(x->e, ERR_CONFIG, "options",
			       "a URL (http:// or https://) is wanted");
	if (o->db_n == 0)
		return err_set(x->e, ERR_CONFIG, "options",
			       "no database: --db DIR=NAME");
	for (size_t i = 0; i < o->db_n; i++) {
		struct cli_opt_db *db = &o->db[i];

		if (db->type == 0)
			db->type = o->type;
		if (db->form == PIM_FORM_NONE) {
			db->form = cli_form_guess(db->remote, db->dir);
			if (o->phone != NULL)
				db->form = old_form(db->form);
		}
		if (db->form == PIM_FORM_NONE)
			return err_set(x->e, ERR_CONFIG, "options",
				       "%s: say what it holds, as in %s:ical20",
				       db->remote, db->remote);
	}
	if (o->home == NULL)
		o->home = o->db[0].dir;
	return 0;
}

enum cli_opt_result
cli_options_read(struct arena *a, int argc, char **argv, struct cli_options *o,
		 struct err *e)
{
	struct ctx x = { .a = a, .o = o, .e = e };
	const char *dir = find_directory(argc, argv);
	enum cli_opt_result r;

	*o = (struct cli_options){
		.auth_auto = true,
		.enc = SML_WBXML,
		.version = 12,
		.type = CLI_TWO_WAY,
		.max_msg = 150000,
		.max_obj = 10000000,
		.retries = 3,
		.timeout_s = 120,
	};
	if (dir != NULL) {
		o->home = dir;
		if (read_profile(&x, dir) != 0)
			return CLI_OPT_BAD;
	}
	r = read_args(&x, argc, argv);
	if (r != CLI_OPT_RUN)
		return r;
	if (optind < argc && dir == NULL)
		o->url = argv[optind];
	if (optind + 1 < argc) {
		err_set(e, ERR_CONFIG, "options", "what is %s?",
			argv[optind + 1]);
		return CLI_OPT_BAD;
	}
	return check(&x) == 0 ? CLI_OPT_RUN : CLI_OPT_BAD;
}
