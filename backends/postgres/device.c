/*
 * Devices.
 */
#include "backends/postgres/pg.h"

#define COLS                                                                   \
	"device_id, dev_id, label, disabled, man, mod, swv, rules, nonce,"     \
	" nonce_floor_ms, every_message_auth, first_ms, last_ms, last_addr,"   \
	" devinf, own_nonce, no_pieces"

static void
device_read(struct pg_q *q, struct arena *a, struct store_device *d)
{
	*d = (struct store_device){
		.id = pg_col(q, 0),
		.dev_id = pg_col_bytes(q, a, 1),
		.label = pg_col_bytes(q, a, 2),
		.disabled = pg_col_bool(q, 3),
		.man = pg_col_bytes(q, a, 4),
		.mod = pg_col_bytes(q, a, 5),
		.swv = pg_col_bytes(q, a, 6),
		.rules = pg_col_bytes(q, a, 7),
		.nonce = pg_col_bytes(q, a, 8),
		.nonce_floor_ms = pg_col(q, 9),
		.every_message_auth = pg_col_bool(q, 10),
		.first_ms = pg_col(q, 11),
		.last_ms = pg_col(q, 12),
		.last_addr = pg_col_bytes(q, a, 13),
		.devinf = pg_col_bytes(q, a, 14),
		.own_nonce = pg_col_bytes(q, a, 15),
		.no_pieces = pg_col_bool(q, 16),
	};
}

static int
read_all(struct pg_q *q, struct arena *a, struct store_device **out, size_t *n,
	 struct err *e)
{
	struct store_device *d;

	if (pg_run(q, e) < 0)
		return -1;
	*n = pg_rows(q);
	*out = d = pg_room(q, a, sizeof(*d));
	while (pg_next(q))
		device_read(q, a, d++);
	return pg_end(q, e);
}

int
pg_device_get(struct store_tx *tx, struct arena *a, struct slice dev_id,
	      struct store_device **out, struct err *e)
{
	static const char sql[] = "SELECT " COLS " FROM device"
				  " WHERE account_id = $1 AND dev_id = $2";
	struct pg_tx *t = pg_enter(tx, STORE_READ, "store.device_get", e);
	struct pg_q q;
	size_t n;

	if (t == NULL)
		return -1;
	pg_query(t, &q, sql, "store.device_get");
	pg_bytes(&q, dev_id);
	return pg_leave(t, read_all(&q, a, out, &n, e));
}

int
pg_device_list(struct store_tx *tx, struct arena *a, struct store_device **out,
	       size_t *n, struct err *e)
{
	static const char sql[] = "SELECT " COLS " FROM device"
				  " WHERE account_id = $1 ORDER BY device_id";
	struct pg_tx *t = pg_enter(tx, STORE_READ, "store.device_list", e);
	struct pg_q q;

	if (t == NULL)
		return -1;
	pg_query(t, &q, sql, "store.device_list");
	return pg_leave(t, read_all(&q, a, out, n, e));
}

/* The site's directory hears of a device only when it is new, or has a new
   name: goes out before the row that it looks for. */
static void
enter_directory(struct pg_tx *t, struct pg_q *q, const struct store_device *in)
{
	static const char sql[] =
	    "INSERT INTO device_directory (account_id, dev_id)"
	    " SELECT $1, $3 WHERE NOT EXISTS (SELECT 1 FROM device"
	    "  WHERE account_id = $1 AND device_id = $2 AND dev_id = $3)"
	    " ON CONFLICT (dev_id, account_id) DO NOTHING";

	pg_query(t, q, sql, "store.device_put");
	pg_int(q, in->id);
	pg_bytes(q, in->dev_id);
	pg_send(q);
}

static int
device_put(struct pg_tx *t, const struct store_device *in, struct err *e)
{
	static const char sql[] =
	    "INSERT INTO device (account_id, " COLS ")"
	    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13,"
	    " $14, $15, $16, $17, $18)"
	    " ON CONFLICT (account_id, device_id) DO UPDATE SET"
	    " dev_id = excluded.dev_id, label = excluded.label,"
	    " disabled = excluded.disabled, man = excluded.man,"
	    " mod = excluded.mod, swv = excluded.swv, rules = excluded.rules,"
	    " nonce = excluded.nonce, nonce_floor_ms = excluded.nonce_floor_ms,"
	    " every_message_auth = excluded.every_message_auth,"
	    " first_ms = excluded.first_ms, last_ms = excluded.last_ms,"
	    " last_addr = excluded.last_addr, devinf = excluded.devinf,"
	    " own_nonce = excluded.own_nonce,"
	    " no_pieces = excluded.no_pieces";
	struct pg_q dir;
	struct pg_q q;

	enter_directory(t, &dir, in);
	pg_query(t, &q, sql, "store.device_put");
	pg_int(&q, in->id);
	pg_bytes(&q, in->dev_id);
	pg_text(&q, in->label);
	pg_int(&q, in->disabled);
	pg_bytes(&q, in->man);
	pg_bytes(&q, in->mod);
	pg_bytes(&q, in->swv);
	pg_text(&q, in->rules);
	pg_bytes(&q, in->nonce);
	pg_int(&q, in->nonce_floor_ms);
	pg_int(&q, in->every_message_auth);
	pg_int(&q, in->first_ms);
	pg_int(&q, in->last_ms);
	pg_text(&q, in->last_addr);
	pg_bytes(&q, in->devinf);
	pg_bytes(&q, in->own_nonce);
	pg_int(&q, in->no_pieces);
	if (pg_run(&q, e) < 0 || pg_end(&dir, e) < 0)
		return -1;
	return pg_end(&q, e);
}

int
pg_device_put(struct store_tx *tx, const struct store_device *in, struct err *e)
{
	struct pg_tx *t = pg_enter(tx, STORE_WRITE, "store.device_put", e);

	return t == NULL ? -1 : pg_leave(t, device_put(t, in, e));
}

#define OF_LINKS                                                               \
	" WHERE account_id = $1 AND link_id IN (SELECT link_id FROM link"      \
	" WHERE account_id = $1 AND device_id = $2)"
#define OF_SESSIONS                                                            \
	" WHERE account_id = $1 AND session_id IN (SELECT session_id"          \
	" FROM session WHERE account_id = $1 AND device_id = $2)"

int
pg_device_drop(struct store_tx *tx, int64_t device, struct err *e)
{
	static const char *const sql[] = {
		"DELETE FROM map" OF_LINKS,
		"DELETE FROM chunk" OF_LINKS,
		"DELETE FROM session_state" OF_SESSIONS,
		"DELETE FROM answer" OF_SESSIONS,
		"DELETE FROM story" OF_SESSIONS,
		"DELETE FROM session_store" OF_SESSIONS,
		"DELETE FROM session_event" OF_SESSIONS,
		"DELETE FROM session"
		" WHERE account_id = $1 AND device_id = $2",
		"DELETE FROM push_device"
		" WHERE account_id = $1 AND device_id = $2",
		"DELETE FROM notice WHERE account_id = $1 AND device_id = $2",
		"DELETE FROM link WHERE account_id = $1 AND device_id = $2",
		"DELETE FROM device_directory WHERE account_id = $1"
		" AND dev_id IN (SELECT dev_id FROM device"
		" WHERE account_id = $1 AND device_id = $2)",
		"DELETE FROM device WHERE account_id = $1 AND device_id = $2",
		"UPDATE account SET push = 0 WHERE account_id = $1 AND push = 1"
		" AND NOT EXISTS (SELECT 1 FROM push_device"
		" WHERE account_id = $1 AND device_id <> $2)",
	};
	struct pg_tx *t = pg_enter(tx, STORE_WRITE, "store.device_drop", e);

	if (t == NULL)
		return -1;
	return pg_leave(t, pg_each(t, sql, sizeof(sql) / sizeof(sql[0]), device,
				   "store.device_drop", e));
}
