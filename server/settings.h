/*
 * The configuration as requests see it: a snapshot that a reload replaces and
 * that lives until the last request that began with it is answered.
 */
#ifndef SERVER_SETTINGS_H
#define SERVER_SETTINGS_H

#include "server/conf.h"
#include "server/http/forward.h"

#include <stdatomic.h>

struct srv_settings {
	atomic_size_t refs;
	struct arena *a;
	struct srv_conf conf;
	struct srv_nets trusted;
	enum srv_forward_kind kind;
	size_t body_max; /* bytes of one request */
};

/* Reads the file (see srv_conf_load); the caller holds one reference. */
int srv_settings_load(const char *conf_path, struct srv_settings **out,
		      struct err *e);
struct srv_settings *srv_settings_ref(struct srv_settings *s);
/* Sets *s to NULL; accepts NULL. */
void srv_settings_unref(struct srv_settings **s);

/* Is it one of the paths that answer SyncML? */
bool srv_settings_path_ok(const struct srv_settings *s, struct slice path);

#endif
