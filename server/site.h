/*
 * An open site: configuration, store, keys and rules, as `serve` and the
 * administrator's commands both need them.
 */
#ifndef SERVER_SITE_H
#define SERVER_SITE_H

#include "backends/store.h"
#include "base/clock.h"
#include "pim/pim.h"
#include "server/conf.h"

struct srv_secrets;

struct srv_site {
	struct arena *a; /* lives as long as the site */
	struct srv_conf conf;
	struct store *store;
	struct srv_secrets *secrets; /* server/secrets.h */
	struct pim_rules *rules;
	const struct clk *clk;
};

/*
 * Open all of it; creates the state directory, key file and an empty database
 * where they are missing, and applies migrations. ERR_CONFIG where the key
 * file is another one than the site was made with.
 */
int srv_site_open(struct srv_site *site, const char *conf_path, struct err *e);
/* new_key: the key file that there is becomes the site's. */
int srv_site_open_as(struct srv_site *site, const char *conf_path, bool new_key,
		     struct err *e);
void srv_site_close(struct srv_site *site);

#endif
