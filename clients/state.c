#include "clients/state.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static const char schema[] =
    "CREATE TABLE kv(k TEXT PRIMARY KEY, v BLOB NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE link(id INTEGER PRIMARY KEY, url BLOB NOT NULL,"
    " local BLOB NOT NULL, remote BLOB NOT NULL,"
    " next_luid INTEGER NOT NULL, client BLOB NOT NULL,"
    " server BLOB NOT NULL, redo INTEGER NOT NULL,"
    " last_ok_ms INTEGER NOT NULL, UNIQUE(url, local, remote));"
    "CREATE TABLE item(link INTEGER NOT NULL, luid INTEGER NOT NULL,"
    " file BLOB NOT NULL, base BLOB, guid BLOB NOT NULL,"
    " staged INTEGER NOT NULL, PRIMARY KEY(link, luid)) WITHOUT ROWID;"
    "CREATE TABLE intent(link INTEGER NOT NULL, luid INTEGER NOT NULL,"
    " op INTEGER NOT NULL, file BLOB NOT NULL, base BLOB,"
    " guid BLOB NOT NULL, staged INTEGER NOT NULL,"
    " fresh INTEGER NOT NULL, old BLOB,"
    " PRIMARY KEY(link, luid)) WITHOUT ROWID;"
    "PRAGMA user_version = 1;";

enum stmt {
	S_BEGIN,
	S_COMMIT,
	S_GET,
	S_SET,
	S_LINK,
	S_LINK_NEW,
	S_LINK_SAVE,
	S_ROWS,
	S_ROW_PUT,
	S_ROW_DEL,
	S_INTENT_PUT,
	S_INTENTS,
	S_INTENTS_CLEAR,
	S_N,
};

static const char *const sql[S_N] = {
	[S_BEGIN] = "BEGIN IMMEDIATE",
	[S_COMMIT] = "COMMIT",
	[S_GET] = "SELECT v FROM kv WHERE k = ?1",
	[S_SET] = "INSERT OR REPLACE INTO kv(k, v) VALUES(?1, ?2)",
	[S_LINK] = "SELECT id, next_luid, client, server, redo, last_ok_ms"
		   " FROM link WHERE url = ?1 AND local = ?2 AND remote = ?3",
	[S_LINK_NEW] = "INSERT INTO link(url, local, remote, next_luid, client,"
		       " server, redo, last_ok_ms)"
		       " VALUES(?1, ?2, ?3, 1, x'', x'', 0, 0)",
	[S_LINK_SAVE] = "UPDATE link SET next_luid = ?2, client = ?3,"
			" server = ?4, redo = ?5, last_ok_ms = ?6"
			" WHERE id = ?1",
	[S_ROWS] = "SELECT luid, file, base, guid, staged FROM item"
		   " WHERE link = ?1 ORDER BY luid",
	[S_ROW_PUT] = "INSERT OR REPLACE INTO item(link, luid, file, base,"
		      " guid, staged) VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
	[S_ROW_DEL] = "DELETE FROM item WHERE link = ?1 AND luid = ?2",
	[S_INTENT_PUT] = "INSERT OR REPLACE INTO intent(link, luid, file, base,"
			 " guid, staged, op, fresh, old)"
			 " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
	[S_INTENTS] = "SELECT luid, file, base, guid, staged, op, fresh, old"
		      " FROM intent WHERE link = ?1 ORDER BY luid",
	[S_INTENTS_CLEAR] = "DELETE FROM intent WHERE link = ?1",
};

struct cli_state {
	sqlite3 *db;
	int lock;
	sqlite3_stmt *st[S_N];
	void (*step)(void *ctx);
	void *step_ctx;
};

static int
fail(struct cli_state *s, struct err *e, const char *where)
{
	int rc = s->db == NULL ? SQLITE_NOMEM : sqlite3_extended_errcode(s->db);

	return err_sys(e, ERR_IO, rc, where, "%s",
		       s->db == NULL ? "no memory" : sqlite3_errmsg(s->db));
}

void
cli_state_step(struct cli_state *s)
{
	if (s->step != NULL)
		s->step(s->step_ctx);
}

/* ---- life -----------------------------------------------------------------
 */

static int
make_dir(const char *home, char *dir, size_t n, struct err *e)
{
	int w = snprintf(dir, n, "%s/.funicular", home);

	if (w < 0 || (size_t)w >= n)
		return err_set(e, ERR_LIMIT, "state.open", "path too long");
	if (mkdir(dir, 0700) != 0 && errno != EEXIST)
		return err_errno(e, ERR_IO, errno, "state.open",
				 "cannot make %s", dir);
	return 0;
}

static int
take_lock(struct cli_state *s, const char *dir, struct err *e)
{
	char path[4200];

	snprintf(path, sizeof(path), "%s/lock", dir);
	s->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (s->lock < 0)
		return err_errno(e, ERR_IO, errno, "state.lock",
				 "cannot open %s", path);
	if (flock(s->lock, LOCK_EX | LOCK_NB) != 0)
		return err_sys(e, ERR_CONFLICT, errno, "state.lock",
			       "another sync works in %s", dir);
	return 0;
}

static int
prepare_db(struct cli_state *s, struct err *e)
{
	sqlite3_stmt *v = NULL;
	int version = -1;

	sqlite3_busy_timeout(s->db, 5000);
	if (sqlite3_exec(s->db,
			 "PRAGMA journal_mode = WAL;"
			 "PRAGMA synchronous = FULL;",
			 NULL, NULL, NULL) != SQLITE_OK ||
	    sqlite3_prepare_v2(s->db, "PRAGMA user_version", -1, &v, NULL) !=
		SQLITE_OK)
		return fail(s, e, "state.open");
	if (sqlite3_step(v) == SQLITE_ROW)
		version = sqlite3_column_int(v, 0);
	sqlite3_finalize(v);
	if (version > 1)
		return err_set(e, ERR_CONFIG, "state.open",
			       "the state was written by a newer version of "
			       "funicular-client");
	if (version == 0) {
		char text[sizeof(schema) + 32];

		snprintf(text, sizeof(text), "BEGIN;%sCOMMIT;", schema);
		if (sqlite3_exec(s->db, text, NULL, NULL, NULL) != SQLITE_OK)
			return fail(s, e, "state.open");
	}
	for (int i = 0; i < S_N; i++)
		if (sqlite3_prepare_v3(s->db, sql[i], -1,
				       SQLITE_PREPARE_PERSISTENT, &s->st[i],
				       NULL) != SQLITE_OK)
			return fail(s, e, "state.open");
	return 0;
}

int
cli_state_open(const char *home, void (*step)(void *ctx), void *step_ctx,
	       struct cli_state **out, struct err *e)
{
	char dir[4096], path[4200];
	struct cli_state *s;

	*out = NULL;
	if (make_dir(home, dir, sizeof(dir), e) != 0)
		return -1;
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return err_set(e, ERR_NOMEM, "state.open", "no memory");
	s->lock = -1;
	s->step = step;
	s->step_ctx = step_ctx;
	snprintf(path, sizeof(path), "%s/state.db", dir);
	if (take_lock(s, dir, e) != 0) {
		cli_state_close(&s);
		return -1;
	}
	mode_t old = umask(077);
	int rc = sqlite3_open_v2(
	    path, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL);
	umask(old);
	if (rc != SQLITE_OK)
		rc = fail(s, e, "state.open");
	else
		rc = prepare_db(s, e);
	if (rc != 0)
		cli_state_close(&s);
	*out = s;
	return rc;
}

void
cli_state_close(struct cli_state **sp)
{
	struct cli_state *s = *sp;

	if (s == NULL)
		return;
	for (int i = 0; i < S_N; i++)
		sqlite3_finalize(s->st[i]);
	sqlite3_close(s->db);
	if (s->lock >= 0)
		close(s->lock);
	free(s);
	*sp = NULL;
}

/* ---- statements
 * -------------------------------------------------------------- */

static void
bind_bytes(sqlite3_stmt *st, int at, struct slice v)
{
	sqlite3_bind_blob64(st, at, v.n > 0 ? v.p : "", v.n, SQLITE_STATIC);
}

static void
bind_hash(sqlite3_stmt *st, int at, bool has, const unsigned char *hash)
{
	if (has)
		sqlite3_bind_blob(st, at, hash, CLI_HASH_BYTES, SQLITE_STATIC);
	else
		sqlite3_bind_null(st, at);
}

static int
run(struct cli_state *s, enum stmt which, struct err *e, const char *where)
{
	sqlite3_stmt *st = s->st[which];
	int rc = sqlite3_step(st);

	if (rc != SQLITE_DONE)
		fail(s, e, where);
	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
	return rc == SQLITE_DONE ? 0 : -1;
}

static struct slice
column(sqlite3_stmt *st, int at, struct arena *a)
{
	const void *p = sqlite3_column_blob(st, at);
	int n = sqlite3_column_bytes(st, at);

	return arena_copy(a, (struct slice){ p, n > 0 ? (size_t)n : 0 });
}

static bool
column_hash(sqlite3_stmt *st, int at, unsigned char out[CLI_HASH_BYTES])
{
	const void *p = sqlite3_column_blob(st, at);

	if (p == NULL || sqlite3_column_bytes(st, at) != CLI_HASH_BYTES)
		return false;
	memcpy(out, p, CLI_HASH_BYTES);
	return true;
}

int
cli_state_begin(struct cli_state *s, struct err *e)
{
	return run(s, S_BEGIN, e, "state.begin");
}

int
cli_state_commit(struct cli_state *s, struct err *e)
{
	cli_state_step(s);
	if (run(s, S_COMMIT, e, "state.commit") != 0) {
		cli_state_rollback(s);
		return -1;
	}
	cli_state_step(s);
	return 0;
}

void
cli_state_rollback(struct cli_state *s)
{
	sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
}

/* ---- values
 * --------------------------------------------------------------------- */

int
cli_state_get(struct cli_state *s, struct arena *a, const char *key,
	      struct slice *out, struct err *e)
{
	sqlite3_stmt *st = s->st[S_GET];
	int rc;

	*out = SLICE_LIT("");
	sqlite3_bind_text(st, 1, key, -1, SQLITE_STATIC);
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW)
		*out = column(st, 0, a);
	else if (rc != SQLITE_DONE)
		fail(s, e, "state.get");
	sqlite3_reset(st);
	if (out->p == NULL)
		return err_set(e, ERR_NOMEM, "state.get", "no memory");
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : -1;
}

int
cli_state_set(struct cli_state *s, const char *key, struct slice value,
	      struct err *e)
{
	cli_state_step(s);
	sqlite3_bind_text(s->st[S_SET], 1, key, -1, SQLITE_STATIC);
	bind_bytes(s->st[S_SET], 2, value);
	return run(s, S_SET, e, "state.set");
}

/* ---- links
 * ------------------------------------------------------------------------ */

static int
link_find(struct cli_state *s, struct arena *a, const struct slice key[3],
	  struct cli_link *out, struct err *e)
{
	sqlite3_stmt *st = s->st[S_LINK];
	int rc;

	*out = (struct cli_link){ 0 };
	for (int i = 0; i < 3; i++)
		bind_bytes(st, i + 1, key[i]);
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW) {
		out->id = sqlite3_column_int64(st, 0);
		out->next_luid = sqlite3_column_int64(st, 1);
		out->client = column(st, 2, a);
		out->server = column(st, 3, a);
		out->redo = sqlite3_column_int(st, 4);
		out->last_ok_ms = sqlite3_column_int64(st, 5);
	} else if (rc != SQLITE_DONE) {
		fail(s, e, "state.link");
	}
	sqlite3_reset(st);
	if (rc == SQLITE_ROW &&
	    (out->client.p == NULL || out->server.p == NULL))
		return err_set(e, ERR_NOMEM, "state.link", "no memory");
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : -1;
}

int
cli_state_link(struct cli_state *s, struct arena *a, struct slice url,
	       struct slice local, struct slice remote, struct cli_link *out,
	       struct err *e)
{
	const struct slice key[3] = { url, local, remote };

	if (link_find(s, a, key, out, e) != 0)
		return -1;
	if (out->id != 0)
		return 0;
	cli_state_step(s);
	for (int i = 0; i < 3; i++)
		bind_bytes(s->st[S_LINK_NEW], i + 1, key[i]);
	if (run(s, S_LINK_NEW, e, "state.link") != 0)
		return -1;
	return link_find(s, a, key, out, e);
}

int
cli_state_link_save(struct cli_state *s, const struct cli_link *l,
		    struct err *e)
{
	sqlite3_stmt *st = s->st[S_LINK_SAVE];

	sqlite3_bind_int64(st, 1, l->id);
	sqlite3_bind_int64(st, 2, l->next_luid);
	bind_bytes(st, 3, l->client);
	bind_bytes(st, 4, l->server);
	sqlite3_bind_int(st, 5, l->redo);
	sqlite3_bind_int64(st, 6, l->last_ok_ms);
	return run(s, S_LINK_SAVE, e, "state.link");
}

/* ---- rows and intents
 * ----------------------------------------------------------------- */

static bool
read_row(sqlite3_stmt *st, struct arena *a, struct cli_row *r)
{
	r->luid = sqlite3_column_int64(st, 0);
	r->file = column(st, 1, a);
	r->has_base = column_hash(st, 2, r->base);
	r->guid = column(st, 3, a);
	r->staged = sqlite3_column_int(st, 4) != 0;
	return r->file.p != NULL && r->guid.p != NULL;
}

static void
bind_row(sqlite3_stmt *st, int64_t link, const struct cli_row *r)
{
	sqlite3_bind_int64(st, 1, link);
	sqlite3_bind_int64(st, 2, r->luid);
	bind_bytes(st, 3, r->file);
	bind_hash(st, 4, r->has_base, r->base);
	bind_bytes(st, 5, r->guid);
	sqlite3_bind_int(st, 6, r->staged);
}

/* Room for one more element of `size` bytes in an arena array. */
static void *
more(struct arena *a, void *old, size_t n, size_t *cap, size_t size)
{
	if (n < *cap)
		return old;
	size_t want = *cap == 0 ? 64 : 2 * *cap;
	void *p = arena_array(a, want, size);

	if (p != NULL && n > 0)
		memcpy(p, old, n * size);
	*cap = want;
	return p;
}

int
cli_state_rows(struct cli_state *s, struct arena *a, int64_t link,
	       struct cli_row **out, size_t *n, struct err *e)
{
	sqlite3_stmt *st = s->st[S_ROWS];
	struct cli_row *rows = NULL;
	size_t cap = 0;
	bool ok = true;
	int rc = SQLITE_DONE;

	*n = 0;
	sqlite3_bind_int64(st, 1, link);
	while (ok && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		rows = more(a, rows, *n, &cap, sizeof(*rows));
		ok = rows != NULL && read_row(st, a, &rows[*n]);
		*n += ok;
	}
	if (ok && rc != SQLITE_DONE)
		fail(s, e, "state.rows");
	sqlite3_reset(st);
	*out = rows;
	if (!ok)
		return err_set(e, ERR_NOMEM, "state.rows", "no memory");
	return rc == SQLITE_DONE ? 0 : -1;
}

int
cli_state_row_put(struct cli_state *s, int64_t link, const struct cli_row *r,
		  struct err *e)
{
	bind_row(s->st[S_ROW_PUT], link, r);
	return run(s, S_ROW_PUT, e, "state.row");
}

int
cli_state_row_del(struct cli_state *s, int64_t link, int64_t luid,
		  struct err *e)
{
	sqlite3_bind_int64(s->st[S_ROW_DEL], 1, link);
	sqlite3_bind_int64(s->st[S_ROW_DEL], 2, luid);
	return run(s, S_ROW_DEL, e, "state.row");
}

int
cli_state_intent_put(struct cli_state *s, int64_t link,
		     const struct cli_intent *i, struct err *e)
{
	sqlite3_stmt *st = s->st[S_INTENT_PUT];

	bind_row(st, link, &i->row);
	sqlite3_bind_int(st, 7, (int)i->op);
	sqlite3_bind_int(st, 8, i->fresh);
	bind_hash(st, 9, i->had, i->old);
	return run(s, S_INTENT_PUT, e, "state.intent");
}

int
cli_state_intents(struct cli_state *s, struct arena *a, int64_t link,
		  struct cli_intent **out, size_t *n, struct err *e)
{
	sqlite3_stmt *st = s->st[S_INTENTS];
	struct cli_intent *list = NULL;
	size_t cap = 0;
	bool ok = true;
	int rc = SQLITE_DONE;

	*n = 0;
	sqlite3_bind_int64(st, 1, link);
	while (ok && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		list = more(a, list, *n, &cap, sizeof(*list));
		if (list == NULL || !read_row(st, a, &list[*n].row)) {
			ok = false;
			break;
		}
		struct cli_intent *i = &list[(*n)++];
		i->op = sqlite3_column_int(st, 5) == CLI_UNLINK ? CLI_UNLINK
								: CLI_WRITE;
		i->fresh = sqlite3_column_int(st, 6) != 0;
		i->had = column_hash(st, 7, i->old);
	}
	if (ok && rc != SQLITE_DONE)
		fail(s, e, "state.intents");
	sqlite3_reset(st);
	*out = list;
	if (!ok)
		return err_set(e, ERR_NOMEM, "state.intents", "no memory");
	return rc == SQLITE_DONE ? 0 : -1;
}

int
cli_state_intents_clear(struct cli_state *s, int64_t link, struct err *e)
{
	sqlite3_bind_int64(s->st[S_INTENTS_CLEAR], 1, link);
	return run(s, S_INTENTS_CLEAR, e, "state.intents");
}
