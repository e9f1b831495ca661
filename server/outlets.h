/*
 * The outlets that the configuration names: which there are, whether what it
 * says can work, and how they are opened.
 */
#ifndef SERVER_OUTLETS_H
#define SERVER_OUTLETS_H

#include "backends/outlet.h"
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

/* ERR_CONFIG: what the configuration says of them cannot work. Opens nothing
   but the files with the secrets. */
int srv_outlets_check(const struct srv_conf *conf, struct err *e);

#endif
