/*
 * The commands of the funicular program: "serve", "user", "device", ... Each is
 * one file cmd_<name>.c that ends in one struct srv_command; main.c holds the
 * list.
 */
#ifndef SERVER_COMMANDS_COMMAND_H
#define SERVER_COMMANDS_COMMAND_H

#include "server/site.h"

#include <stdbool.h>

/* Exit codes, the same for every command (documented in funicular(1)). */
enum srv_exit {
	SRV_EXIT_OK = 0,
	SRV_EXIT_FAILED = 1,      /* it could not be done; stderr says why */
	SRV_EXIT_USAGE = 2,       /* the command line is wrong */
	SRV_EXIT_NOTFOUND = 3,    /* what was named does not exist */
	SRV_EXIT_FINDINGS = 4,    /* `check` or `copy` found something */
	SRV_EXIT_CONFIG = 5,      /* the configuration cannot work */
	SRV_EXIT_UNAVAILABLE = 6, /* store busy or away: try again */
};

struct srv_args {              /* what main.c has taken off the command line */
	const char *conf_path; /* --config */
	bool json;             /* --json */
	int argc;              /* the rest: argv[0] is the command's name */
	char **argv;
};

struct srv_command {
	const char *name;
	const char *summary; /* one line for --help */
	const char *help;    /* the whole text of `funicular NAME --help` */
	int (*run)(const struct srv_args *args); /* returns an srv_exit */
	bool no_site; /* it opens no site, but what it is told */
};

extern const struct srv_command srv_cmd_serve, srv_cmd_user, srv_cmd_device,
    srv_cmd_collection, srv_cmd_item, srv_cmd_session, srv_cmd_import,
    srv_cmd_export, srv_cmd_backup, srv_cmd_check, srv_cmd_migrate,
    srv_cmd_report, srv_cmd_copy, srv_cmd_alarm, srv_cmd_hold, srv_cmd_push,
    srv_cmd_mail;

/* Print "funicular: <sentence>" for an error and give the exit code for it. */
int srv_fail(const struct err *e);

#endif
