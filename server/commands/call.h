/*
 * One call of an administrator's command: its options and arguments, the open
 * site, and how it speaks. Each cmd_<name>.c is a table of what it can do
 * ("user add", "user list", ...) and a function for each.
 */
#ifndef SERVER_COMMANDS_CALL_H
#define SERVER_COMMANDS_CALL_H

#include "server/commands/command.h"
#include "server/commands/table.h"

enum { SRV_CALL_ARGS = 64, SRV_CALL_OPTS = 16 };

struct srv_call;

struct srv_verb {
	const char *name;  /* "add"; NULL: the command has no verbs */
	const char *usage; /* what follows it: "NAME [--md5]" */
	int min, max;      /* arguments that are no options */
	/* Options, NULL at the end; those with a value end in '='. */
	const char *opt[12];
	int (*run)(struct srv_call *c); /* returns an srv_exit */
};

struct srv_call {
	const struct srv_command *cmd;
	const struct srv_verb *verb;
	const char *conf_path;
	bool json;
	int arg_n;
	const char *arg[SRV_CALL_ARGS];
	size_t opt_n;
	struct {
		const char *name;
		const char *value;
	} opt[SRV_CALL_OPTS];
	struct srv_site site;
	struct arena *a;
};

/* Read the command line (main.c has taken --json, --config and --help off it),
   open the site, run the verb, close the site. */
int srv_call_run(const struct srv_command *cmd, const struct srv_verb *verb,
		 size_t verb_n, const struct srv_args *args);

/* "--md5": was it given? */
bool srv_call_flag(const struct srv_call *c, const char *name);
/* "--zone": its value, or NULL. */
const char *srv_call_text(const struct srv_call *c, const char *name);
/*
 * "--limit": a whole number of at least min; *out is left alone when it was
 * not given. Plain decimal, or with k, M, G (powers of 1000) behind it. On
 * failure an exit code has been spoken for; else SRV_EXIT_OK.
 */
int srv_call_number(const struct srv_call *c, const char *name, int64_t min,
		    int64_t *out);

/* "funicular: <sentence>" and how the verb is used; SRV_EXIT_USAGE. */
int srv_call_usage(const struct srv_call *c, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* "funicular: <sentence>" and the code. */
int srv_call_refuse(int code, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* A sentence on stdout; with --json nothing. */
void srv_call_say(const struct srv_call *c, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * What was found out: rows or a record, as a table or as JSON. Takes obj (it
 * is freed), NULL is out of memory. Returns an exit code, also when stdout
 * cannot be written.
 */
int srv_call_rows(const struct srv_call *c, const struct srv_field *f, size_t n,
		  struct json_object *rows);
int srv_call_record(const struct srv_call *c, const struct srv_field *f,
		    size_t n, struct json_object *obj);

/* ---- accounts, as nearly every verb begins with one ---- */

/* By login name; says so and gives SRV_EXIT_NOTFOUND when there is none. */
int srv_call_account(const struct srv_call *c, const char *user, int64_t *id);
/* The same, and a transaction on it. */
int srv_call_begin(struct srv_call *c, const char *user, enum store_mode mode,
		   struct store_tx **tx);
/* Commit when code is SRV_EXIT_OK, else roll back; gives the exit code. */
int srv_call_end(struct store_tx **tx, int code);

/* What people call a device: its label, else its own id; "" when unknown. */
struct slice srv_call_device_name(const struct store_device *dev, size_t n,
				  int64_t id);

/* Is this its name or one of its aliases, ASCII case aside? */
bool srv_call_goes_by(const struct store_collection *col, struct slice name);
/* A collection of the account by name or alias. */
int srv_call_collection(struct srv_call *c, struct store_tx *tx,
			const char *name, struct store_collection *out);

#endif
