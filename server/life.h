/*
 * The life of the daemon: start, reload, housekeeping, graceful stop.
 */
#ifndef SERVER_LIFE_H
#define SERVER_LIFE_H

#include "server/metrics.h"
#include "server/service.h"

struct srv_life_in {
	const char *conf_path; /* --config, or NULL */
	bool allow_root;       /* --allow-root */
	const struct srv_service *service;
	struct srv_metrics *metrics;
	struct log *log;
};

/*
 * Runs until SIGTERM or SIGINT. The caller has started no thread yet.
 * Returns 0 after a graceful stop, -1 when it could not start.
 */
int srv_life_run(const struct srv_life_in *in, struct err *e);

/*
 * Read and judge the configuration with its TLS files and addresses, and open
 * nothing. -1: *e says what is wrong.
 */
int srv_life_check(const struct srv_life_in *in, struct err *e);

/*
 * Block the daemon's signals and ignore SIGPIPE: before any thread starts, so
 * that every thread inherits it.
 */
void srv_life_signals(void);

#endif
