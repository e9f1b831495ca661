/*
 * The command line and the profile: the same settings, by the same names.
 */
#ifndef CLIENTS_OPTIONS_H
#define CLIENTS_OPTIONS_H

#include "clients/client.h"
#include "clients/phone.h"

enum { CLI_DBS_MAX = 16 };

struct cli_opt_db {
	const char *dir;    /* as given, relative to the home for a profile */
	const char *remote; /* "contacts" */
	enum pim_form form;
	int type; /* 0: as --mode says */
};

struct cli_options {
	const char *url;
	const char *home; /* NULL: the first database's directory */
	struct cli_opt_db db[CLI_DBS_MAX];
	size_t db_n;
	const char *user;
	struct slice password;
	enum sml_auth auth;
	bool auth_auto; /* as learned, else by the server's challenge */
	enum sml_enc enc;
	int version;
	int type; /* --mode */
	int64_t max_msg, max_obj, send_size;
	bool ignore_respuri, no_get;
	const char *device_id;
	int64_t retries, timeout_s;
	const char *ca_file;
	bool insecure;
	bool verbose, quiet, json, dry_run, allow_empty;
	const char *wire_dir;
	const struct cli_phone *phone;
};

enum cli_opt_result { CLI_OPT_RUN, CLI_OPT_DONE, CLI_OPT_BAD };

/*
 * Read the command line, and the profile of the directory that it may name.
 * Strings live in `a`. CLI_OPT_DONE: help or version was printed; CLI_OPT_BAD:
 * *e says what is wrong.
 */
enum cli_opt_result cli_options_read(struct arena *a, int argc, char **argv,
				     struct cli_options *o, struct err *e);

#endif
