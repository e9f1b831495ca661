#include "backends/common.h"

#include "base/buf.h"

int
store_user_key(struct slice user, char *buf, struct slice *out, struct err *e)
{
	if (user.n == 0 || user.n > STORE_USER_MAX)
		return err_set(e, ERR_LIMIT, "store.user",
			       "a login name has 1 to %d bytes",
			       STORE_USER_MAX);
	for (size_t i = 0; i < user.n; i++)
		buf[i] = slice_lower(user.p[i]);
	*out = (struct slice){ buf, user.n };
	return 0;
}

int
store_moved(const char *where, struct err *e)
{
	return err_set(e, ERR_UNAVAILABLE, where,
		       "the site has moved to another database: set `store` "
		       "in the configuration to it and restart");
}

int
store_held(const char *where, struct err *e)
{
	return err_set(e, ERR_CONFLICT, where,
		       "another `funicular copy` from or into this database is "
		       "running: wait for its end, or stop it");
}

struct slice
store_text(struct arena *a, struct slice s)
{
	struct buf b = BUF_IN(a);

	if (s.n == 0)
		return SLICE_LIT("");
	if (slice_find(s, 0) == SIZE_MAX && slice_utf8_ok(s))
		return s;
	while (s.n > 0) {
		size_t n = s.p[0] == 0 ? 0 : slice_utf8_len(s);

		if (n == 0)
			buf_str(&b, "\xEF\xBF\xBD");
		else
			buf_add(&b, slice_sub(s, 0, n));
		s = slice_from(s, n == 0 ? 1 : n);
	}
	if (!buf_ok(&b))
		return (struct slice){ NULL, 0 };
	return buf_slice(&b);
}
