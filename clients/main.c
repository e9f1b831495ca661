/*
 * funicular-client: options, state, folders and the engine put together.
 */
#include "clients/folder.h"
#include "clients/options.h"
#include "clients/session.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum exit_code { /* documented in funicular-client(1) */
		 EXIT_DONE = 0,
		 EXIT_FAILED = 1,
		 EXIT_USAGE = 2,
		 EXIT_AUTH = 3,
		 EXIT_UNREACHABLE = 4,
		 EXIT_PART = 5,
		 EXIT_STOPPED = 6,
		 EXIT_LOCAL = 7,
};

struct program {
	struct cli_options o;
	struct arena *a;
	struct cli_state *state;
	struct cli_folder *folder[CLI_DBS_MAX];
	struct cli_db *db[CLI_DBS_MAX];
	size_t n;
	struct cli_conf conf;
	int64_t session_no;
	int64_t began_ms;
	unsigned messages;
	struct err e;
};

/* Signal handlers can reach nothing else. */
static volatile sig_atomic_t stop_wish;
static struct cli_http *stop_http;

static void
on_signal(int sig)
{
	(void)sig;
	stop_wish = stop_wish + 1;
	if (stop_wish > 1 && stop_http != NULL)
		cli_http_cancel(stop_http);
}

/* ---- talking
 * ------------------------------------------------------------------- */

static void
say(void *ctx, char who, const char *line)
{
	(void)ctx;
	fprintf(stderr, "%c %s\n", who, line);
}

static void
warn(void *ctx, const char *line)
{
	const struct program *p = ctx;

	if (!p->o.quiet)
		fprintf(stderr, "funicular-client: %s\n", line);
}

static enum exit_code
fail(const struct program *p)
{
	fprintf(stderr, "funicular-client: %s\n", p->e.msg);
	switch (p->e.code) {
	case ERR_AUTH:
		return EXIT_AUTH;
	case ERR_UNAVAILABLE:
	case ERR_BUSY:
		return EXIT_UNREACHABLE;
	case ERR_CONFIG:
	case ERR_CONFLICT:
	case ERR_IO:
	case ERR_NOTFOUND:
		return EXIT_LOCAL;
	case ERR_NONE:
	case ERR_PARSE:
	case ERR_LIMIT:
	case ERR_UNSUPPORTED:
	case ERR_NOMEM:
	case ERR_BUG:
		break;
	}
	return EXIT_FAILED;
}

/* ---- who we are
 * ------------------------------------------------------------------ */

static int
device_id(struct program *p, struct slice *out)
{
	char text[17];

	if (p->o.device_id != NULL) {
		*out = slice_c(p->o.device_id);
		return 0;
	}
	if (cli_state_get(p->state, p->a, "device", out, &p->e) != 0)
		return -1;
	if (out->n > 0)
		return 0;
	rnd_text(&rnd_system, text, sizeof(text));
	*out = arena_printf(p->a, "fc-%s", text);
	if (out->p == NULL)
		return err_set(&p->e, ERR_NOMEM, "main.device", "no memory");
	return cli_state_set(p->state, "device", *out, &p->e);
}

/* A key of what was learned about this server. */
static char *
server_key(struct program *p, const char *what)
{
	return arena_cstr(p->a,
			  arena_printf(p->a, "%s %s %s", what, p->o.url,
				       p->o.user == NULL ? "" : p->o.user));
}

static int
get_number(struct program *p, const char *key, int64_t *out)
{
	struct slice s;

	*out = 0;
	if (key == NULL)
		return err_set(&p->e, ERR_NOMEM, "main.state", "no memory");
	if (cli_state_get(p->state, p->a, key, &s, &p->e) != 0)
		return -1;
	slice_i64(s, out);
	return 0;
}

static int
set_number(struct program *p, const char *key, int64_t n)
{
	struct slice s = arena_printf(p->a, "%lld", (long long)n);

	if (s.p == NULL || key == NULL)
		return err_set(&p->e, ERR_NOMEM, "main.state", "no memory");
	return cli_state_set(p->state, key, s, &p->e);
}

/* SessionIDs of up to four digits: old servers keep four bytes. */
static int
next_session(struct program *p)
{
	if (get_number(p, "session", &p->session_no) != 0)
		return -1;
	p->session_no = p->session_no % 9999 + 1;
	return set_number(p, "session", p->session_no);
}

static int
recall(struct program *p)
{
	struct cli_conf *c = &p->conf;
	char *key = server_key(p, "nonce");
	int64_t known = 0, auth = 0, peer = 0;

	if (key == NULL)
		return err_set(&p->e, ERR_NOMEM, "main.state", "no memory");
	if (cli_state_get(p->state, p->a, key, &c->nonce, &p->e) != 0 ||
	    get_number(p, server_key(p, "devinf"), &known) != 0 ||
	    get_number(p, server_key(p, "auth"), &auth) != 0 ||
	    get_number(p, server_key(p, "peer"), &peer) != 0)
		return -1;
	c->peer = (struct cli_peer){ peer & 1, peer & 2, peer & 4 };
	c->devinf_known = (uint64_t)known;
	if (p->o.auth_auto && p->o.user != NULL && auth >= SML_AUTH_BASIC &&
	    auth <= SML_AUTH_MAC)
		c->auth = (enum sml_auth)auth;
	return 0;
}

static int
learn(struct program *p, const struct cli *c)
{
	struct cli_learned l;
	char *key = server_key(p, "nonce");

	cli_learned(c, &l);
	p->messages = l.messages;
	if (key == NULL)
		return err_set(&p->e, ERR_NOMEM, "main.state", "no memory");
	if (cli_state_set(p->state, key, l.nonce, &p->e) != 0 ||
	    set_number(p, server_key(p, "devinf"), (int64_t)l.devinf_known) !=
		0 ||
	    set_number(p, server_key(p, "auth"), l.auth) != 0 ||
	    set_number(p, server_key(p, "peer"),
		       l.peer.known + 2 * l.peer.large_objs +
			   4 * l.peer.number_of_changes) != 0)
		return -1;
	return 0;
}

/* ---- opening
 * ---------------------------------------------------------------------------
 */

/* A directory by what does not change when the home is moved. */
static int
folder_key(struct program *p, const char *dir, struct slice *out)
{
	char *home = realpath(p->o.home, NULL);
	char *path = realpath(dir, NULL);
	size_t n = home == NULL ? 0 : strlen(home);

	if (home == NULL || path == NULL) {
		err_sys(&p->e, ERR_NOTFOUND, errno, "main.open",
			"cannot find the directory %s", dir);
		free(home);
		free(path);
		return -1;
	}
	struct slice key = slice_c(path);
	if (strncmp(path, home, n) == 0 && (path[n] == '/' || path[n] == '\0'))
		key = path[n] == '\0' ? SLICE_LIT(".") : slice_from(key, n + 1);
	*out = arena_copy(p->a, key);
	free(home);
	free(path);
	return out->p != NULL
		   ? 0
		   : err_set(&p->e, ERR_NOMEM, "main.open", "no memory");
}

/* Two devices on one directory would make each other's changes their own. */
static int
check_owner(struct program *p, const char *dir, struct slice key)
{
	struct slice path = arena_printf(p->a, "%s/.funicular/state.db", dir);

	if (path.p == NULL)
		return err_set(&p->e, ERR_NOMEM, "main.open", "no memory");
	if (slice_is(key, ".") || access(path.p, F_OK) != 0)
		return 0;
	return err_set(&p->e, ERR_CONFIG, "main.open",
		       "%s belongs to another device (it has a state of its "
		       "own); --home %s would use that",
		       dir, dir);
}

static int
open_folder(struct program *p, size_t i)
{
	const struct cli_opt_db *d = &p->o.db[i];
	struct cli_folder_conf fc = {
		.path = d->dir,
		.url = slice_c(p->o.url),
		.remote = slice_c(d->remote),
		.form = d->form,
		.max_item_bytes = p->o.max_obj > 0 ? p->o.max_obj : 10000000,
		.phone = p->o.phone,
		.allow_empty = p->o.allow_empty || d->type == CLI_FROM_SERVER ||
			       d->type == CLI_REFRESH_FROM_SERVER ||
			       d->type == CLI_SLOW,
		.clk = &clk_system,
		.warn = warn,
		.warn_ctx = p,
	};

	if (folder_key(p, d->dir, &fc.key) != 0 ||
	    check_owner(p, d->dir, fc.key) != 0 ||
	    cli_folder_open(p->state, &fc, &p->folder[i], &p->e) != 0)
		return -1;
	struct cli_db *db = cli_folder_db(p->folder[i]);
	int redo = cli_folder_redo(p->folder[i]);

	p->db[i] = db;
	db->ask = d->type;
	/* Half a refresh is no base for anything else. */
	if (redo != 0 &&
	    (d->type == CLI_TWO_WAY || d->type == CLI_FROM_SERVER)) {
		db->ask = redo;
		warn(p, "the last refresh was not finished: once more");
	}
	db->local = arena_printf(p->a, "./%s", d->remote);
	p->n++;
	return db->local.p != NULL
		   ? 0
		   : err_set(&p->e, ERR_NOMEM, "main.open", "no memory");
}

static int
open_all(struct program *p)
{
	if (cli_state_open(p->o.home, NULL, NULL, &p->state, &p->e) != 0)
		return -1;
	for (size_t i = 0; i < p->o.db_n; i++)
		if (open_folder(p, i) != 0)
			return -1;
	return 0;
}

static void
close_all(struct program *p)
{
	for (size_t i = 0; i < CLI_DBS_MAX; i++)
		cli_folder_close(&p->folder[i]);
	cli_state_close(&p->state);
	arena_free(&p->a);
}

static int
configure(struct program *p)
{
	struct cli_conf *c = &p->conf;
	const struct cli_options *o = &p->o;
	const struct cli_phone *ph = o->phone;

	*c = (struct cli_conf){
		.url = slice_c(o->url),
		.user = slice_c(o->user == NULL ? "" : o->user),
		.password = o->password,
		.enc = o->enc,
		.version = o->version,
		.auth = o->user == NULL ? SML_AUTH_NONE : o->auth,
		.auth_fixed = !o->auth_auto,
		.nonce = SLICE_LIT(""),
		.max_msg_bytes = o->max_msg,
		.max_obj_bytes = o->max_obj,
		.send_bytes = o->send_size,
		.ignore_respuri = o->ignore_respuri,
		.never_get = o->no_get,
		.man = slice_c(ph == NULL ? "Funicular" : ph->man),
		.mod = slice_c(ph == NULL ? "funicular-client" : ph->mod),
		.swv = slice_c(ph == NULL ? FUNICULAR_VERSION : ph->swv),
		.devtyp = slice_c(ph == NULL ? "workstation" : "phone"),
		.clk = &clk_system,
		.say = o->verbose ? say : NULL,
	};
	if (device_id(p, &c->dev_id) != 0 || recall(p) != 0 ||
	    next_session(p) != 0)
		return -1;
	c->sid = arena_printf(p->a, "%lld", (long long)p->session_no);
	return c->sid.p != NULL
		   ? 0
		   : err_set(&p->e, ERR_NOMEM, "main.configure", "no memory");
}

/* ---- results
 * ------------------------------------------------------------------------------
 */

static void
print_counts(const char *word, const struct cli_counts *c)
{
	printf("%s +%u ~%u -%u", word, c->add, c->replace, c->del);
}

static void
print_summary(const struct program *p)
{
	double s = (double)(clk_mono_ms() - p->began_ms) / 1000.0;

	for (size_t i = 0; i < p->n; i++) {
		const struct cli_db *db = p->db[i];

		printf("%.*s: %s, ", SLICE_ARG(db->remote),
		       cli_type_name(db->type));
		print_counts("sent", &db->sent);
		print_counts(", received", &db->received);
		if (db->refused > 0)
			printf(", %u refused by the server", db->refused);
		if (db->failed > 0)
			printf(", %u not taken here", db->failed);
		if (!db->ok)
			printf(", NOT FINISHED%s%s",
			       db->why[0] != '\0' ? ": " : "", db->why);
		putchar('\n');
	}
	printf("%u messages in %.2f s\n", p->messages, s);
}

static struct json_object *
json_counts(const struct cli_counts *c)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "add", json_object_new_int64(c->add));
	json_object_object_add(o, "replace", json_object_new_int64(c->replace));
	json_object_object_add(o, "delete", json_object_new_int64(c->del));
	return o;
}

static struct json_object *
json_text(struct slice s)
{
	return json_object_new_string_len(s.p == NULL ? "" : s.p, (int)s.n);
}

static struct json_object *
json_db(const struct cli_db *db)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "name", json_text(db->remote));
	json_object_object_add(o, "type",
			       json_object_new_string(cli_type_name(db->type)));
	json_object_object_add(o, "ok", json_object_new_boolean(db->ok));
	json_object_object_add(o, "error", json_object_new_string(db->why));
	json_object_object_add(o, "sent", json_counts(&db->sent));
	json_object_object_add(o, "received", json_counts(&db->received));
	json_object_object_add(o, "refused",
			       json_object_new_int64(db->refused));
	json_object_object_add(o, "failed", json_object_new_int64(db->failed));
	return o;
}

static void
print_json(const struct program *p)
{
	struct json_object *o = json_object_new_object();
	struct json_object *dbs = json_object_new_array();

	for (size_t i = 0; i < p->n; i++)
		json_object_array_add(dbs, json_db(p->db[i]));
	json_object_object_add(o, "databases", dbs);
	json_object_object_add(o, "device", json_text(p->conf.dev_id));
	json_object_object_add(o, "messages",
			       json_object_new_int64(p->messages));
	json_object_object_add(
	    o, "milliseconds",
	    json_object_new_int64(clk_mono_ms() - p->began_ms));
	json_object_object_add(
	    o, "error",
	    json_object_new_string(p->e.code == ERR_NONE ? "" : p->e.msg));
	puts(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN));
	json_object_put(o);
}

static void
print_plan_line(void *ctx, enum cli_op op, struct slice file)
{
	(void)ctx;
	printf("%s %.*s\n",
	       op == CLI_ADD       ? "add    "
	       : op == CLI_REPLACE ? "replace"
				   : "delete ",
	       SLICE_ARG(file));
}

static void
dry_run(const struct program *p)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct cli_db *db = p->db[i];
		int type = db->ask;

		/* Without anchors the first sync is a slow one. */
		if (db->last_client.n == 0 && type == CLI_TWO_WAY)
			type = CLI_SLOW;
		printf("%.*s: %s\n", SLICE_ARG(db->remote),
		       cli_type_name(type));
		cli_folder_plan(p->folder[i], type, print_plan_line, NULL);
	}
}

/* ---- the session
 * -----------------------------------------------------------------------------
 */

static void
catch_signals(struct cli_http *h)
{
	struct sigaction sa = { .sa_handler = on_signal };

	stop_http = h;
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
}

static int
run(struct program *p, enum cli_verdict *verdict)
{
	struct cli_session_conf sc = {
		.retries = (unsigned)p->o.retries,
		.first_wait_ms = 500,
		.wire_dir = p->o.wire_dir,
		.stop = &stop_wish,
		.say = p->o.verbose ? say : NULL,
	};
	struct cli_http_conf hc = {
		.ca_file = p->o.ca_file,
		.insecure = p->o.insecure,
		.timeout_s = (long)p->o.timeout_s,
		.max_reply_bytes = (size_t)128 * 1024 * 1024,
	};
	struct cli_http *h = NULL;
	struct cli *c = NULL;
	int r = cli_http_new(&hc, &h, &p->e);

	if (r == 0)
		r = cli_new(&p->conf, p->db, p->n, &c, &p->e);
	if (r == 0) {
		struct err later = { 0 };

		catch_signals(h);
		r = cli_session_run(&sc, c, h, verdict, &p->e);
		/* A nonce counts also when the session broke. */
		if (r != 0)
			later = p->e;
		if (learn(p, c) != 0 && r == 0)
			r = -1;
		if (later.code != ERR_NONE)
			p->e = later;
	}
	stop_http = NULL;
	cli_free(&c);
	cli_http_free(&h);
	return r;
}

static enum exit_code
result(const struct program *p, enum cli_verdict verdict)
{
	bool all = true, none_refused = true;

	if (verdict == CLI_SUSPENDED)
		return EXIT_STOPPED;
	for (size_t i = 0; i < p->n; i++) {
		all = all && p->db[i]->ok;
		none_refused = none_refused && p->db[i]->refused == 0 &&
			       p->db[i]->failed == 0;
	}
	return all && none_refused ? EXIT_DONE : EXIT_PART;
}

static enum exit_code
sync_all(struct program *p)
{
	enum cli_verdict verdict = CLI_FAILED;
	enum exit_code code;

	if (open_all(p) != 0)
		return fail(p) == EXIT_FAILED ? EXIT_FAILED : EXIT_LOCAL;
	if (p->o.dry_run) {
		dry_run(p);
		return EXIT_DONE;
	}
	if (p->o.wire_dir != NULL && mkdir(p->o.wire_dir, 0700) != 0 &&
	    errno != EEXIST) {
		err_errno(&p->e, ERR_IO, errno, "main.wire", "cannot make %s",
			  p->o.wire_dir);
		return fail(p);
	}
	if (configure(p) != 0)
		return fail(p);
	code = run(p, &verdict) != 0 ? fail(p) : result(p, verdict);
	if (stop_wish > 0 && code != EXIT_DONE)
		code = EXIT_STOPPED;
	if (p->o.json)
		print_json(p);
	else if (!p->o.quiet)
		print_summary(p);
	return code;
}

int
main(int argc, char **argv)
{
	struct program p = { 0 };
	enum cli_opt_result r;
	enum exit_code code = EXIT_DONE;

	p.began_ms = clk_mono_ms();
	p.a = arena_new((size_t)64 * 1024 * 1024);
	if (p.a == NULL)
		return EXIT_FAILED;
	r = cli_options_read(p.a, argc, argv, &p.o, &p.e);
	if (r == CLI_OPT_BAD) {
		fprintf(stderr, "funicular-client: %s\n", p.e.msg);
		code = EXIT_USAGE;
	} else if (r == CLI_OPT_RUN) {
		code = sync_all(&p);
	}
	close_all(&p);
	return (int)code;
}
