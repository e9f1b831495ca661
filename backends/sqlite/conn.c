/*
 * Connections: opened with the settings that everything rests on, kept in a
 * small pool, and the turn to write, which the threads of one process take in
 * order of arrival (SQLite's own busy handler polls and is not fair).
 */
#include "backends/sqlite/lite.h"

#include "base/clock.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

/* synchronous FULL: an answer leaves only after its commit is on disk. */
static const char SETTINGS[] = "PRAGMA synchronous = FULL;"
			       "PRAGMA temp_store = MEMORY;"
			       "PRAGMA trusted_schema = OFF;"
			       "PRAGMA cell_size_check = ON;"
			       "PRAGMA cache_size = -4096;"
			       "PRAGMA journal_size_limit = 67108864;";

/*
 * SQLite would make the file with the umask's mode; it holds people's
 * addresses, so it is made here first. WAL and index files take its mode.
 */
static int
make_file(const char *path, struct err *e)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0 && errno == EEXIST)
		return 0;
	if (fd < 0)
		return err_errno(e, ERR_CONFIG, errno, "store.open",
				 "cannot create the database %s", path);
	if (close(fd) < 0)
		return err_errno(e, ERR_IO, errno, "store.open",
				 "cannot create the database %s", path);
	return 0;
}

static int
set_up(struct lite_conn *c, struct err *e)
{
	int rc = sqlite3_extended_result_codes(c->db, 1);

	if (rc == SQLITE_OK)
		rc = sqlite3_busy_timeout(c->db, LITE_BUSY_MS);
	if (rc == SQLITE_OK)
		rc = sqlite3_db_config(c->db, SQLITE_DBCONFIG_DEFENSIVE, 1,
				       NULL);
	if (rc != SQLITE_OK)
		return lite_fail(c, rc, "store.open", e);
	return lite_script(c, SETTINGS, "store.open", e);
}

int
lite_connect(const char *path, bool create, struct lite_conn **out,
	     struct err *e)
{
	struct lite_conn *c;
	int rc;

	if (create && make_file(path, e) < 0)
		return -1;
	c = calloc(1, sizeof(*c));
	if (c == NULL)
		return lite_nomem("store.open", e);
	/* NOMUTEX: the pool gives a connection to one thread at a time. */
	rc = sqlite3_open_v2(path, &c->db,
			     SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX |
				 SQLITE_OPEN_EXRESCODE,
			     NULL);
	if (rc != SQLITE_OK) {
		(void)lite_fail(c, rc, "store.open", e);
		lite_disconnect(&c);
		return -1;
	}
	if (set_up(c, e) < 0) {
		lite_disconnect(&c);
		return -1;
	}
	*out = c;
	return 0;
}

void
lite_disconnect(struct lite_conn **cp)
{
	struct lite_conn *c = *cp;
	int rc;

	if (c == NULL)
		return;
	for (size_t i = 0; i < LITE_CACHE; i++)
		(void)sqlite3_finalize(c->cache[i].st);
	rc = sqlite3_close(c->db);
	assert(rc == SQLITE_OK); /* else a statement was left open */
	free(c);
	*cp = NULL;
}

int
lite_take(struct lite *s, struct lite_conn **out, struct err *e)
{
	struct lite_conn *c;

	(void)pthread_mutex_lock(&s->lock);
	c = s->idle;
	if (c != NULL) {
		s->idle = c->next;
		s->idle_n--;
	}
	(void)pthread_mutex_unlock(&s->lock);
	if (c == NULL)
		return lite_connect(s->path, false, out, e);
	c->next = NULL;
	*out = c;
	return 0;
}

void
lite_give(struct lite *s, struct lite_conn *c)
{
	(void)pthread_mutex_lock(&s->lock);
	if (s->idle_n < LITE_IDLE_MAX) {
		c->next = s->idle;
		s->idle = c;
		s->idle_n++;
		c = NULL;
	}
	(void)pthread_mutex_unlock(&s->lock);
	lite_disconnect(&c);
}

/* Wait until the one in front hands the turn over. Called with s->lock. */
static bool
wait_turn(struct lite *s, struct lite_waiter *w)
{
	struct lite_waiter **at = &s->first;
	int64_t until = clk_mono_ms() + s->busy_ms;
	int rc = 0;

	*s->last = w;
	s->last = &w->next;
	while (!w->granted && rc != ETIMEDOUT)
		rc = clk_wait_until(&w->turn, &s->lock, until);
	if (w->granted)
		return true;
	while (*at != w)
		at = &(*at)->next;
	*at = w->next;
	if (s->last == &w->next)
		s->last = at;
	return false;
}

int
lite_turn_take(struct lite *s, struct err *e)
{
	struct lite_waiter w = { .next = NULL };
	bool granted = true;

	(void)pthread_mutex_lock(&s->lock);
	if (!s->writing) {
		s->writing = true;
	} else {
		clk_cond_init(&w.turn);
		granted = wait_turn(s, &w);
		(void)pthread_cond_destroy(&w.turn);
	}
	(void)pthread_mutex_unlock(&s->lock);
	if (granted)
		return 0;
	return err_set(e, ERR_UNAVAILABLE, "store.begin",
		       "the store is busy: no turn to write within %d ms",
		       s->busy_ms);
}

void
lite_turn_give(struct lite *s)
{
	struct lite_waiter *w;

	(void)pthread_mutex_lock(&s->lock);
	w = s->first;
	if (w == NULL) {
		s->writing = false;
	} else {
		s->first = w->next;
		if (s->first == NULL)
			s->last = &s->first;
		w->granted = true;
		(void)pthread_cond_signal(&w->turn);
	}
	(void)pthread_mutex_unlock(&s->lock);
}
