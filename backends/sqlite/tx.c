/*
 * Transactions and savepoints.
 *
 * A failure inside SQLite may have rolled the whole transaction back already
 * (disk full, I/O error); statements after it would then run and commit one by
 * one. So a transaction that saw a failure refuses everything but rollback.
 */
#include "backends/sqlite/lite.h"

#include <stdlib.h>

struct lite_tx *
lite_enter(struct store_tx *tx, enum store_mode mode, const char *where,
	   struct err *e)
{
	struct lite_tx *t = (struct lite_tx *)(void *)tx;

	return store_enter(tx, mode, &t->failed, where, e) < 0 ? NULL : t;
}

static int
simple(struct lite_conn *c, const char *sql, const char *where, struct err *e)
{
	struct lite_q q;

	if (lite_prepare(c, &q, sql, where, e) < 0)
		return -1;
	return lite_once(&q, e);
}

static const char SQL_BEGIN[] = "BEGIN";
static const char SQL_IMMEDIATE[] = "BEGIN IMMEDIATE";
static const char SQL_COMMIT[] = "COMMIT";
static const char SQL_ROLLBACK[] = "ROLLBACK";

/* The account's lock, its number and its next id; or, for reading, the
   statement that fixes the snapshot. */
static int
lock_account(struct lite_tx *t, struct err *e)
{
	static const char locked[] =
	    "UPDATE account SET change_no = change_no + 1"
	    " WHERE account_id = ?1 RETURNING change_no, next_id, moved,"
	    " push";
	static const char seen[] = "SELECT change_no, next_id, 0, 0 FROM "
				   "account WHERE account_id = ?1";
	bool writes = t->tx.mode == STORE_WRITE;
	bool moved = false;
	struct lite_q q;
	int rc;

	if (lite_query(t, &q, writes ? locked : seen, "store.begin", e) < 0)
		return -1;
	rc = lite_step(&q, e);
	if (rc == 1) {
		t->tx.change_no = lite_col(&q, 0);
		t->tx.next_id = lite_col(&q, 1);
		moved = lite_col_bool(&q, 2);
		t->push = lite_col_bool(&q, 3);
		t->first_id = t->tx.next_id;
	}
	/* Until it is stepped to its end the write is not made. */
	if (rc == 1)
		rc = lite_step(&q, e) < 0 ? -1 : 1;
	lite_end(&q);
	if (rc == 0)
		return err_set(e, ERR_NOTFOUND, "store.begin",
			       "no account has the number %lld",
			       (long long)t->tx.account);
	if (rc == 1 && moved)
		return store_moved("store.begin", e);
	return rc < 0 ? -1 : 0;
}

/* End what may still be open, give back connection, turn and memory. */
static void
finish(struct lite_tx *t)
{
	struct lite *s = lite_of(t->tx.s);
	bool sound = true;

	if (sqlite3_get_autocommit(t->c->db) == 0)
		sound = simple(t->c, SQL_ROLLBACK, "store.rollback", NULL) == 0;
	if (sound)
		lite_give(s, t->c);
	else
		lite_disconnect(&t->c);
	if (t->tx.mode == STORE_WRITE)
		lite_turn_give(s);
	free(t);
}

int
lite_begin(struct store *s, int64_t account, enum store_mode mode,
	   int64_t now_ms, struct store_tx **tx, struct err *e)
{
	bool writes = mode == STORE_WRITE;
	struct lite_tx *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return lite_nomem("store.begin", e);
	t->tx = (struct store_tx){
		.v = s->v,
		.s = s,
		.account = account,
		.mode = mode,
		.now_ms = now_ms,
	};
	if (writes && lite_turn_take(lite_of(s), e) < 0) {
		free(t);
		return -1;
	}
	if (lite_take(lite_of(s), &t->c, e) < 0) {
		if (writes)
			lite_turn_give(lite_of(s));
		free(t);
		return -1;
	}
	if (simple(t->c, writes ? SQL_IMMEDIATE : SQL_BEGIN, "store.begin", e) <
		0 ||
	    lock_account(t, e) < 0) {
		finish(t);
		return -1;
	}
	*tx = &t->tx;
	return 0;
}

static int
write_back(struct lite_tx *t, struct err *e)
{
	static const char sql[] =
	    "UPDATE account SET next_id = ?2, used_bytes = used_bytes + ?3,"
	    " used_items = used_items + ?4 WHERE account_id = ?1";
	struct lite_q q;

	if (t->tx.next_id == t->first_id && t->used.bytes == 0 &&
	    t->used.items == 0)
		return 0;
	if (t->tx.next_id < t->first_id)
		return err_set(e, ERR_BUG, "store.commit",
			       "next_id went backwards");
	if (lite_query(t, &q, sql, "store.commit", e) < 0)
		return -1;
	lite_int(&q, t->tx.next_id);
	lite_int(&q, t->used.bytes);
	lite_int(&q, t->used.items);
	return lite_once(&q, e);
}

int
lite_commit(struct store_tx **tx, struct err *e)
{
	struct lite_tx *t = (struct lite_tx *)(void *)*tx;
	struct store_tx said;
	int rc = store_enter(*tx, STORE_READ, &t->failed, "store.commit", e);

	if (rc == 0 && t->tx.mode == STORE_WRITE)
		rc = write_back(t, e);
	if (rc == 0 && t->push && t->wrote)
		rc = lite_push_changed(t, e);
	if (rc == 0)
		rc = simple(t->c, SQL_COMMIT, "store.commit", e);
	said = t->tx;
	finish(t);
	if (rc == 0)
		store_ears_tell(&lite_of(said.s)->ears, said.account,
				said.word);
	*tx = NULL;
	return rc;
}

void
lite_rollback(struct store_tx **tx)
{
	if (*tx == NULL)
		return;
	finish((struct lite_tx *)(void *)*tx);
	*tx = NULL;
}

/* ---- savepoints ------------------------------------------------------- */

int
lite_save(struct store_tx *tx, int level, struct err *e)
{
	struct lite_tx *t = lite_enter(tx, STORE_WRITE, "store.save", e);

	if (t == NULL)
		return -1;
	if (store_save_next(level, t->level, "store.save", e) < 0)
		return lite_leave(t, -1);
	if (simple(t->c, store_sql_save[level - 1], "store.save", e) < 0)
		return lite_leave(t, -1);
	t->saved[level - 1] = t->used;
	t->level = level;
	return 0;
}

int
lite_save_keep(struct store_tx *tx, int level, struct err *e)
{
	struct lite_tx *t = lite_enter(tx, STORE_WRITE, "store.save_keep", e);

	if (t == NULL)
		return -1;
	if (store_save_open(level, t->level, "store.save_keep", e) < 0)
		return lite_leave(t, -1);
	if (simple(t->c, store_sql_keep[level - 1], "store.save_keep", e) < 0)
		return lite_leave(t, -1);
	t->level = level - 1;
	return 0;
}

/* next_id stays where it is: an id that was given out may live on in what the
   caller told somebody. */
int
lite_save_undo(struct store_tx *tx, int level, struct err *e)
{
	struct lite_tx *t = (struct lite_tx *)(void *)tx;

	if (store_save_open(level, t->level, "store.save_undo", e) < 0)
		return lite_leave(t, -1);
	if (sqlite3_get_autocommit(t->c->db) != 0)
		return lite_leave(t,
				  err_set(e, ERR_UNAVAILABLE, "store.save_undo",
					  "the transaction is lost"));
	if (simple(t->c, store_sql_undo[level - 1], "store.save_undo", e) < 0 ||
	    simple(t->c, store_sql_keep[level - 1], "store.save_undo", e) < 0)
		return lite_leave(t, -1);
	t->used = t->saved[level - 1];
	t->level = level - 1;
	t->failed = false;
	return 0;
}

/* ---- site tables ------------------------------------------------------- */

int
lite_site_begin(struct lite *s, struct lite_conn **c, struct err *e)
{
	if (lite_turn_take(s, e) < 0)
		return -1;
	if (lite_take(s, c, e) < 0) {
		lite_turn_give(s);
		return -1;
	}
	if (simple(*c, SQL_IMMEDIATE, "store.begin", e) == 0)
		return 0;
	lite_give(s, *c);
	lite_turn_give(s);
	return -1;
}

int
lite_site_end(struct lite *s, struct lite_conn *c, int rc, struct err *e)
{
	bool sound = true;

	if (rc == 0)
		rc = simple(c, SQL_COMMIT, "store.commit", e);
	if (sqlite3_get_autocommit(c->db) == 0)
		sound = simple(c, SQL_ROLLBACK, "store.rollback", NULL) == 0;
	if (sound)
		lite_give(s, c);
	else
		lite_disconnect(&c);
	lite_turn_give(s);
	return rc;
}
