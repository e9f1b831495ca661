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

/* ---- transactions ------------------------------------------------------ */

int
store_enter(const struct store_tx *tx, enum store_mode mode, bool *failed,
	    const char *where, struct err *e)
{
	if (*failed)
		return err_set(e, ERR_BUG, where,
			       "used after a failure without a rollback");
	if (mode != STORE_WRITE || tx->mode == STORE_WRITE)
		return 0;
	*failed = true;
	return err_set(e, ERR_BUG, where, "a write in a reading transaction");
}

#define LEVELS(verb)                                                           \
	{                                                                      \
		verb " s1", verb " s2", verb " s3", verb " s4", verb " s5",    \
		    verb " s6", verb " s7", verb " s8"                         \
	}
const char *const store_sql_save[STORE_SAVE_MAX] = LEVELS("SAVEPOINT");
const char *const store_sql_keep[STORE_SAVE_MAX] = LEVELS("RELEASE");
const char *const store_sql_undo[STORE_SAVE_MAX] = LEVELS("ROLLBACK TO");

int
store_save_next(int level, int open, const char *where, struct err *e)
{
	if (level == open + 1 && level <= STORE_SAVE_MAX)
		return 0;
	return err_set(e, ERR_BUG, where, "savepoint %d inside %d", level,
		       open);
}

int
store_save_open(int level, int open, const char *where, struct err *e)
{
	if (level >= 1 && level <= open)
		return 0;
	return err_set(e, ERR_BUG, where, "no savepoint %d", level);
}

/* ---- values ------------------------------------------------------------ */

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

/* ---- words to who sleeps ------------------------------------------------ */

static const struct store_ear deaf;

void
store_ears_init(struct store_ears *s)
{
	s->ear = deaf;
	(void)pthread_mutex_init(&s->lock, NULL);
}

void
store_ears_destroy(struct store_ears *s)
{
	(void)pthread_mutex_destroy(&s->lock);
}

void
store_ears_set(struct store_ears *s, const struct store_ear *ear)
{
	(void)pthread_mutex_lock(&s->lock);
	s->ear = ear == NULL ? deaf : *ear;
	(void)pthread_mutex_unlock(&s->lock);
}

/* The lock is held over the call: who takes its ear away knows that it has
   ended. */
void
store_ears_tell(struct store_ears *s, int64_t account,
		const struct store_word word[static STORE_WAKES])
{
	(void)pthread_mutex_lock(&s->lock);
	for (int i = 0; i < STORE_WAKES; i++) {
		if (word[i].set && s->ear.wake != NULL)
			s->ear.wake(s->ear.ctx, (enum store_wake)i, account,
				    word[i].due_ms);
	}
	(void)pthread_mutex_unlock(&s->lock);
}

void
store_ears_all(struct store_ears *s)
{
	struct store_word word[STORE_WAKES];

	for (int i = 0; i < STORE_WAKES; i++)
		word[i] = (struct store_word){ true, 0 };
	store_ears_tell(s, 0, word);
}
