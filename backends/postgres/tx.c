/*
 * Transactions and savepoints.
 *
 * A writer's BEGIN and the statement that locks its account travel together,
 * as do what it leaves to write and its COMMIT. READ COMMITTED is enough: who
 * writes an account has its lock. A reader sees one snapshot.
 */
#include "backends/postgres/pg.h"

#include <stdlib.h>

struct pg_tx *
pg_enter(struct store_tx *tx, enum store_mode mode, const char *where,
	 struct err *e)
{
	struct pg_tx *t = (struct pg_tx *)(void *)tx;

	return store_enter(tx, mode, &t->failed, where, e) < 0 ? NULL : t;
}

/* Give back connection and memory; what may still be open is undone. */
static void
finish(struct pg_tx *t)
{
	struct pg_conn *c = t->c;

	if (!c->broken &&
	    (PQtransactionStatus(c->pg) != PQTRANS_IDLE || c->sent_n > 0)) {
		pg_say(c, "ROLLBACK", "store.rollback");
		if (pg_sync(c, NULL) < 0)
			c->broken = true;
	}
	pg_give(pg_of(t->tx.s), c);
	free(t);
}

/* The account's lock, its number and its next id; or, for reading, the
   statement that fixes the snapshot. */
static int
lock_account(struct pg_tx *t, struct err *e)
{
	static const char locked[] =
	    "UPDATE account SET change_no = change_no + 1"
	    " WHERE account_id = $1 RETURNING change_no, next_id, moved,"
	    " push";
	static const char seen[] = "SELECT change_no, next_id, 0, 0 FROM "
				   "account WHERE account_id = $1";
	bool writes = t->tx.mode == STORE_WRITE;
	struct pg_q q;
	bool moved = false;
	bool there;

	pg_say(t->c,
	       writes ? "BEGIN ISOLATION LEVEL READ COMMITTED"
		      : "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
	       "store.begin");
	if (!t->c->prepare)
		pg_settings(t->c, true);
	pg_query(t, &q, writes ? locked : seen, "store.begin");
	if (pg_run(&q, e) < 0)
		return -1;
	there = pg_next(&q);
	if (there) {
		t->tx.change_no = pg_col(&q, 0);
		t->tx.next_id = pg_col(&q, 1);
		moved = pg_col_bool(&q, 2);
		t->push = pg_col_bool(&q, 3);
		t->first_id = t->tx.next_id;
	}
	if (pg_end(&q, e) < 0)
		return -1;
	if (moved)
		return store_moved("store.begin", e);
	if (there)
		return 0;
	return err_set(e, ERR_NOTFOUND, "store.begin",
		       "no account has the number %lld",
		       (long long)t->tx.account);
}

/* A connection that was idle may have died unnoticed: nothing has been done
   in it yet, so once more with another. */
static int
start(struct pg_tx *t, struct err *e)
{
	struct pg *s = pg_of(t->tx.s);
	bool old;

	do {
		if (pg_take(s, &t->c, e) < 0)
			return -1;
		old = t->c->used;
		if (lock_account(t, e) == 0)
			return 0;
		old =
		    old && t->c->broken && PQstatus(t->c->pg) == CONNECTION_BAD;
		if (old)
			pg_give(s, t->c);
	} while (old);
	return -1;
}

int
pg_begin(struct store *s, int64_t account, enum store_mode mode, int64_t now_ms,
	 struct store_tx **tx, struct err *e)
{
	struct pg_tx *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return pg_nomem("store.begin", e);
	t->tx = (struct store_tx){
		.v = s->v,
		.s = s,
		.account = account,
		.mode = mode,
		.now_ms = now_ms,
	};
	if (start(t, e) < 0) {
		if (t->c != NULL)
			finish(t);
		else
			free(t);
		return -1;
	}
	*tx = &t->tx;
	return 0;
}

static int
write_back(struct pg_tx *t, struct pg_q *q, struct err *e)
{
	static const char sql[] =
	    "UPDATE account SET next_id = $2, used_bytes = used_bytes + $3,"
	    " used_items = used_items + $4 WHERE account_id = $1";

	if (t->tx.next_id == t->first_id && t->used.bytes == 0 &&
	    t->used.items == 0)
		return 0;
	if (t->tx.next_id < t->first_id)
		return err_set(e, ERR_BUG, "store.commit",
			       "next_id went backwards");
	pg_query(t, q, sql, "store.commit");
	pg_int(q, t->tx.next_id);
	pg_int(q, t->used.bytes);
	pg_int(q, t->used.items);
	pg_send(q);
	return 0;
}

/* COMMIT of a transaction that failed on the server rolls back, and calls
   that a success. */
static int
committed(struct pg_q *q, struct err *e)
{
	bool done = strcmp(PQcmdStatus(q->res), "COMMIT") == 0;

	if (pg_end(q, e) < 0)
		return -1;
	if (done)
		return 0;
	return err_set(e, ERR_UNAVAILABLE, "store.commit",
		       "the database rolled the transaction back");
}

static int
commit(struct pg_tx *t, struct err *e)
{
	struct pg_q back = { .res = NULL };
	struct pg_q push = { .res = NULL };
	struct pg_q end;

	if (t->tx.mode == STORE_WRITE && write_back(t, &back, e) < 0)
		return -1;
	if (t->push && t->wrote)
		pg_push_changed(t, &push);
	pg_start(t->c, &end, "COMMIT", "store.commit");
	if (pg_run(&end, e) < 0)
		return -1;
	PQclear(back.res);
	PQclear(push.res);
	return committed(&end, e);
}

int
pg_commit(struct store_tx **tx, struct err *e)
{
	struct pg_tx *t = (struct pg_tx *)(void *)*tx;
	int rc = store_enter(*tx, STORE_READ, &t->failed, "store.commit", e);
	struct store_tx said;

	if (rc == 0)
		rc = commit(t, e);
	said = t->tx;
	finish(t);
	if (rc == 0)
		pg_tell(pg_of(said.s), &said);
	*tx = NULL;
	return rc;
}

void
pg_rollback(struct store_tx **tx)
{
	if (*tx == NULL)
		return;
	finish((struct pg_tx *)(void *)*tx);
	*tx = NULL;
}

/* ---- savepoints ------------------------------------------------------------
 */

/* Setting one and letting it go cannot fail but with the connection: they
   wait for the next statement and travel with it. */
int
pg_save(struct store_tx *tx, int level, struct err *e)
{
	struct pg_tx *t = pg_enter(tx, STORE_WRITE, "store.save", e);

	if (t == NULL)
		return -1;
	if (store_save_next(level, t->level, "store.save", e) < 0)
		return pg_leave(t, -1);
	if (t->c->sent_n >= PG_SENT_MAX / 2 && pg_sync(t->c, e) < 0)
		return pg_leave(t, -1);
	pg_say(t->c, store_sql_save[level - 1], "store.save");
	t->saved[level - 1] = t->used;
	t->level = level;
	return 0;
}

int
pg_save_keep(struct store_tx *tx, int level, struct err *e)
{
	struct pg_tx *t = pg_enter(tx, STORE_WRITE, "store.save_keep", e);

	if (t == NULL)
		return -1;
	if (store_save_open(level, t->level, "store.save_keep", e) < 0)
		return pg_leave(t, -1);
	if (t->c->sent_n >= PG_SENT_MAX / 2 && pg_sync(t->c, e) < 0)
		return pg_leave(t, -1);
	pg_say(t->c, store_sql_keep[level - 1], "store.save_keep");
	t->level = level - 1;
	return 0;
}

/* next_id stays where it is: an id that was given out may live on in what the
   caller told somebody. */
int
pg_save_undo(struct store_tx *tx, int level, struct err *e)
{
	struct pg_tx *t = (struct pg_tx *)(void *)tx;

	if (store_save_open(level, t->level, "store.save_undo", e) < 0)
		return pg_leave(t, -1);
	if (t->c->broken)
		return pg_leave(t,
				err_set(e, ERR_UNAVAILABLE, "store.save_undo",
					"the transaction is lost"));
	pg_say(t->c, store_sql_undo[level - 1], "store.save_undo");
	pg_say(t->c, store_sql_keep[level - 1], "store.save_undo");
	if (pg_sync(t->c, e) < 0)
		return pg_leave(t, -1);
	t->used = t->saved[level - 1];
	t->level = level - 1;
	t->failed = false;
	return 0;
}

/* ---- site tables -----------------------------------------------------------
 */

int
pg_site_begin(struct store *s, struct pg_conn **c, struct err *e)
{
	if (pg_take(pg_of(s), c, e) < 0)
		return -1;
	if (!(*c)->prepare)
		pg_settings(*c, true);
	return 0;
}

void
pg_site_end(struct store *s, struct pg_conn *c)
{
	pg_give(pg_of(s), c);
}
