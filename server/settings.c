#include "server/settings.h"

enum { SETTINGS_ARENA_BYTES = 8 << 20 };

static int
fill(struct srv_settings *s, const char *conf_path, struct err *e)
{
	if (srv_conf_load(s->a, conf_path, &s->conf, e) != 0 ||
	    srv_nets_parse(s->a, s->conf.trusted_proxies, &s->trusted, e) != 0)
		return -1;
	s->kind = strcmp(s->conf.proxy_header, "forwarded") == 0
		      ? SRV_FORWARD_RFC7239
		      : SRV_FORWARD_X;
	/* Devices count MaxMsgSize differently: be generous. */
	s->body_max = (size_t)s->conf.max_msg_bytes * 2;
	return 0;
}

int
srv_settings_load(const char *conf_path, struct srv_settings **out,
		  struct err *e)
{
	struct arena *a = arena_new(SETTINGS_ARENA_BYTES);
	struct srv_settings *s =
	    a == NULL ? NULL : ARENA_NEW(a, struct srv_settings);

	if (s == NULL) {
		arena_free(&a);
		return err_set(e, ERR_NOMEM, "settings", "out of memory");
	}
	s->a = a;
	atomic_init(&s->refs, 1);
	if (fill(s, conf_path, e) != 0) {
		arena_free(&a); /* s lives in it */
		return -1;
	}
	*out = s;
	return 0;
}

struct srv_settings *
srv_settings_ref(struct srv_settings *s)
{
	(void)atomic_fetch_add(&s->refs, 1);
	return s;
}

void
srv_settings_unref(struct srv_settings **sp)
{
	struct srv_settings *s = *sp;
	struct arena *a;

	*sp = NULL;
	if (s == NULL || atomic_fetch_sub(&s->refs, 1) != 1)
		return;
	a = s->a;
	arena_free(&a);
}

bool
srv_settings_path_ok(const struct srv_settings *s, struct slice path)
{
	struct slice rest = slice_c(s->conf.paths);
	struct slice word;

	if (path.n > 1 && path.p[path.n - 1] == '/')
		path.n--;
	while (slice_split(&rest, ' ', &word))
		if (word.n > 0 && slice_eq(word, path))
			return true;
	return false;
}
