/*
 * Devices.
 */
#include "backends/sqlite/lite.h"

#define COLS                                                                   \
	"device_id, dev_id, label, disabled, man, mod, swv, rules, nonce,"     \
	" nonce_floor_ms, every_message_auth, first_ms, last_ms, last_addr,"   \
	" devinf, own_nonce, no_pieces"

static void
device_read(struct lite_q *q, struct arena *a, struct lite_list *l)
{
	struct store_device *d = lite_list_add(l);

	if (d == NULL) {
		q->nomem = true;
		return;
	}
	*d = (struct store_device){
		.id = lite_col(q, 0),
		.dev_id = lite_col_bytes(q, a, 1),
		.label = lite_col_bytes(q, a, 2),
		.disabled = lite_col_bool(q, 3),
		.man = lite_col_bytes(q, a, 4),
		.mod = lite_col_bytes(q, a, 5),
		.swv = lite_col_bytes(q, a, 6),
		.rules = lite_col_bytes(q, a, 7),
		.nonce = lite_col_bytes(q, a, 8),
		.nonce_floor_ms = lite_col(q, 9),
		.every_message_auth = lite_col_bool(q, 10),
		.first_ms = lite_col(q, 11),
		.last_ms = lite_col(q, 12),
		.last_addr = lite_col_bytes(q, a, 13),
		.devinf = lite_col_bytes(q, a, 14),
		.own_nonce = lite_col_bytes(q, a, 15),
		.no_pieces = lite_col_bool(q, 16),
	};
}

static int
read_all(struct lite_q *q, struct arena *a, struct lite_list *l, struct err *e)
{
	int rc;

	while ((rc = lite_step(q, e)) == 1)
		device_read(q, a, l);
	lite_end(q);
	return rc;
}

int
lite_device_get(struct store_tx *tx, struct arena *a, struct slice dev_id,
		struct store_device **out, struct err *e)
{
	static const char sql[] = "SELECT " COLS " FROM device"
				  " WHERE account_id = ?1 AND dev_id = ?2";
	struct lite_tx *t = lite_enter(tx, STORE_READ, "store.device_get", e);
	struct lite_list l = { .a = a, .size = sizeof(**out) };
	struct lite_q q;

	if (t == NULL)
		return -1;
	*out = NULL;
	if (lite_query(t, &q, sql, "store.device_get", e) < 0)
		return lite_leave(t, -1);
	lite_blob(&q, dev_id);
	if (lite_leave(t, read_all(&q, a, &l, e)) < 0)
		return -1;
	*out = (struct store_device *)(void *)l.p;
	return 0;
}

int
lite_device_list(struct store_tx *tx, struct arena *a,
		 struct store_device **out, size_t *n, struct err *e)
{
	static const char sql[] = "SELECT " COLS " FROM device"
				  " WHERE account_id = ?1 ORDER BY device_id";
	struct lite_tx *t = lite_enter(tx, STORE_READ, "store.device_list", e);
	struct lite_list l = { .a = a, .size = sizeof(**out) };
	struct lite_q q;

	if (t == NULL)
		return -1;
	if (lite_query(t, &q, sql, "store.device_list", e) < 0 ||
	    read_all(&q, a, &l, e) < 0)
		return lite_leave(t, -1);
	*out = (struct store_device *)(void *)l.p;
	*n = l.n;
	return 0;
}

static int
enter_directory(struct lite_tx *t, struct slice dev_id, struct err *e)
{
	static const char sql[] =
	    "INSERT OR IGNORE INTO device_directory (account_id, dev_id)"
	    " VALUES (?1, ?2)";
	struct lite_q q;

	if (lite_query(t, &q, sql, "store.device_put", e) < 0)
		return -1;
	lite_blob(&q, dev_id);
	return lite_once(&q, e);
}

static int
device_put(struct lite_tx *t, const struct store_device *in, struct err *e)
{
	static const char sql[] =
	    "INSERT INTO device (account_id, " COLS ")"
	    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13,"
	    " ?14, ?15, ?16, ?17, ?18)"
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
	struct lite_q q;

	if (lite_query(t, &q, sql, "store.device_put", e) < 0)
		return -1;
	lite_int(&q, in->id);
	lite_blob(&q, in->dev_id);
	lite_text(&q, in->label);
	lite_int(&q, in->disabled);
	lite_blob(&q, in->man);
	lite_blob(&q, in->mod);
	lite_blob(&q, in->swv);
	lite_text(&q, in->rules);
	lite_blob(&q, in->nonce);
	lite_int(&q, in->nonce_floor_ms);
	lite_int(&q, in->every_message_auth);
	lite_int(&q, in->first_ms);
	lite_int(&q, in->last_ms);
	lite_text(&q, in->last_addr);
	lite_blob(&q, in->devinf);
	lite_blob(&q, in->own_nonce);
	lite_int(&q, in->no_pieces);
	if (lite_once(&q, e) < 0)
		return -1;
	return enter_directory(t, in->dev_id, e);
}

int
lite_device_put(struct store_tx *tx, const struct store_device *in,
		struct err *e)
{
	struct lite_tx *t = lite_enter(tx, STORE_WRITE, "store.device_put", e);

	return t == NULL ? -1 : lite_leave(t, device_put(t, in, e));
}

#define OF_LINKS                                                               \
	" WHERE account_id = ?1 AND link_id IN (SELECT link_id FROM link"      \
	" WHERE account_id = ?1 AND device_id = ?2)"
#define OF_SESSIONS                                                            \
	" WHERE account_id = ?1 AND session_id IN (SELECT session_id"          \
	" FROM session WHERE account_id = ?1 AND device_id = ?2)"

int
lite_device_drop(struct store_tx *tx, int64_t device, struct err *e)
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
		" WHERE account_id = ?1 AND device_id = ?2",
		"DELETE FROM push_device"
		" WHERE account_id = ?1 AND device_id = ?2",
		"DELETE FROM notice WHERE account_id = ?1 AND device_id = ?2",
		"DELETE FROM link WHERE account_id = ?1 AND device_id = ?2",
		"DELETE FROM device_directory WHERE account_id = ?1"
		" AND dev_id IN (SELECT dev_id FROM device"
		" WHERE account_id = ?1 AND device_id = ?2)",
		"DELETE FROM device WHERE account_id = ?1 AND device_id = ?2",
		"UPDATE account SET push = 0 WHERE account_id = ?1 AND push = 1"
		" AND NOT EXISTS (SELECT 1 FROM push_device"
		" WHERE account_id = ?1 AND device_id <> ?2)",
	};
	struct lite_tx *t = lite_enter(tx, STORE_WRITE, "store.device_drop", e);
	struct lite_q q;

	if (t == NULL)
		return -1;
	for (size_t i = 0; i < sizeof(sql) / sizeof(sql[0]); i++) {
		if (lite_query(t, &q, sql[i], "store.device_drop", e) < 0)
			return lite_leave(t, -1);
		lite_int(&q, device);
		if (lite_once(&q, e) < 0)
			return lite_leave(t, -1);
	}
	return 0;
}
