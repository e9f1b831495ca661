#include "backends/common.h"

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
