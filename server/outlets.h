/*
 * The outlets that the configuration names: which there are, whether what it
 * says can work, and how they are opened.
 */
#ifndef SERVER_OUTLETS_H
#define SERVER_OUTLETS_H

#include "backends/outlet.h"
#include "backends/submission.h"
#include "base/clock.h"
#include "base/random.h"
#include "server/conf.h"

struct srv_outlets {
	const struct srv_conf *conf;
	const struct clk *clk;
	struct rnd *rnd;
};

struct srv_outlet_kind {
	const char *name; /* "xmpp", "smtp": the channel */
	bool (*wanted)(const struct srv_conf *conf);
	/* ctx is a struct srv_outlets, which outlives the outlet. */
	int (*open)(void *ctx, const struct outlet_calls *calls,
		    struct outlet **out, struct err *e);
};

extern const struct srv_outlet_kind srv_outlet_kinds[];
extern const size_t srv_outlet_kind_n;

enum { SRV_OUTLETS_SECRET = 1024 };

/* The first line of a file that nobody else may read, which the configuration
   names under this key. "" where path is "". */
int srv_outlets_secret(const char *key, const char *path,
		       char out[static SRV_OUTLETS_SECRET], struct err *e);

/* The way out for people's messages: the server that reminders use. give_up is
   asked now and then while something is sent. */
int srv_outlets_submitter(const struct srv_conf *conf,
			  bool (*give_up)(void *ctx), void *ctx,
			  struct submitter **out, struct err *e);

/* ERR_CONFIG: what the configuration says of them cannot work. Opens nothing
   but the files with the secrets. */
int srv_outlets_check(const struct srv_conf *conf, struct err *e);

#endif
