/*
 * Links: one database of one device with one of ours.
 */
#include "backends/pack.h"
#include "backends/postgres/pg.h"

#define COLS                                                                   \
	"link_id, device_id, collection_id, client_db, cursors, a_client,"     \
	" a_server, n_client, n_server, n_valid, n_sync_no, sync_no,"          \
	" confirmed_no, gen, stage, gen_last, last_ok_ms, last_type, open,"    \
	" past_days, future_days, filter, filter_asked, mail_count,"           \
	" mail_parts, mail_bytes, mail_attach, server_uri"

static int
link_read(struct pg_q *q, struct arena *a, struct store_link *l, struct err *e)
{
	*l = (struct store_link){
		.id = pg_col(q, 0),
		.device = pg_col(q, 1),
		.collection = pg_col(q, 2),
		.client_db = pg_col_bytes(q, a, 3),
		.a_client = pg_col_bytes(q, a, 5),
		.a_server = pg_col_bytes(q, a, 6),
		.n_client = pg_col_bytes(q, a, 7),
		.n_server = pg_col_bytes(q, a, 8),
		.n_valid = pg_col_bool(q, 9),
		.n_sync_no = pg_col(q, 10),
		.sync_no = pg_col(q, 11),
		.confirmed_no = pg_col(q, 12),
		.gen = pg_col(q, 13),
		.stage = pg_col(q, 14),
		.gen_last = pg_col(q, 15),
		.last_ok_ms = pg_col(q, 16),
		.last_type = pg_col(q, 17),
		.open = pg_col_bytes(q, a, 18),
		.past_days = pg_col(q, 19),
		.future_days = pg_col(q, 20),
		.filter = pg_col_bytes(q, a, 21),
		.filter_asked = pg_col_bytes(q, a, 22),
		.mail_count = pg_col(q, 23),
		.mail_parts = pg_col(q, 24),
		.mail_bytes = pg_col(q, 25),
		.mail_attach = pg_col(q, 26),
		.server_uri = pg_col_bytes(q, a, 27),
	};
	return store_cursors_get(pg_col_view(q, 4), l, q->where, e);
}

static int
link_list(struct pg_tx *t, struct arena *a, int64_t device,
	  struct store_link **out, size_t *n, struct err *e)
{
	static const char sql[] =
	    "SELECT " COLS " FROM link WHERE account_id = $1"
	    " AND device_id = $2 ORDER BY collection_id, client_db";
	struct store_link *one;
	struct pg_q q;
	int rc = 0;

	pg_query(t, &q, sql, "store.link_list");
	pg_int(&q, device);
	if (pg_run(&q, e) < 0)
		return -1;
	*n = pg_rows(&q);
	*out = one = pg_room(&q, a, sizeof(*one));
	while (rc == 0 && pg_next(&q))
		rc = link_read(&q, a, one++, e);
	return pg_end(&q, rc == 0 ? e : NULL) < 0 ? -1 : rc;
}

int
pg_link_list(struct store_tx *tx, struct arena *a, int64_t device,
	     struct store_link **out, size_t *n, struct err *e)
{
	struct pg_tx *t = pg_enter(tx, STORE_READ, "store.link_list", e);

	return t == NULL ? -1 : pg_leave(t, link_list(t, a, device, out, n, e));
}

static int
link_put(struct pg_tx *t, const struct store_link *in, struct err *e)
{
	static const char sql[] =
	    "INSERT INTO link (account_id, " COLS ")"
	    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13,"
	    " $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24,"
	    " $25, $26, $27, $28, $29)"
	    " ON CONFLICT (account_id, link_id) DO UPDATE SET"
	    " device_id = excluded.device_id,"
	    " collection_id = excluded.collection_id,"
	    " client_db = excluded.client_db, cursors = excluded.cursors,"
	    " a_client = excluded.a_client, a_server = excluded.a_server,"
	    " n_client = excluded.n_client, n_server = excluded.n_server,"
	    " n_valid = excluded.n_valid, n_sync_no = excluded.n_sync_no,"
	    " sync_no = excluded.sync_no,"
	    " confirmed_no = excluded.confirmed_no, gen = excluded.gen,"
	    " stage = excluded.stage, gen_last = excluded.gen_last,"
	    " last_ok_ms = excluded.last_ok_ms,"
	    " last_type = excluded.last_type, open = excluded.open,"
	    " past_days = excluded.past_days,"
	    " future_days = excluded.future_days,"
	    " filter = excluded.filter,"
	    " filter_asked = excluded.filter_asked,"
	    " mail_count = excluded.mail_count,"
	    " mail_parts = excluded.mail_parts,"
	    " mail_bytes = excluded.mail_bytes,"
	    " mail_attach = excluded.mail_attach,"
	    " server_uri = excluded.server_uri";
	char room[STORE_CURSORS_MAX];
	struct slice cursors;
	struct pg_q q;

	if (store_cursors_put(in, room, &cursors, "store.link_put", e) < 0)
		return -1;
	pg_query(t, &q, sql, "store.link_put");
	pg_int(&q, in->id);
	pg_int(&q, in->device);
	pg_int(&q, in->collection);
	pg_bytes(&q, in->client_db);
	pg_bytes(&q, cursors);
	pg_bytes(&q, in->a_client);
	pg_bytes(&q, in->a_server);
	pg_bytes(&q, in->n_client);
	pg_bytes(&q, in->n_server);
	pg_int(&q, in->n_valid);
	pg_int(&q, in->n_sync_no);
	pg_int(&q, in->sync_no);
	pg_int(&q, in->confirmed_no);
	pg_int(&q, in->gen);
	pg_int(&q, in->stage);
	pg_int(&q, in->gen_last);
	pg_int(&q, in->last_ok_ms);
	pg_int(&q, in->last_type);
	pg_bytes(&q, in->open);
	pg_int(&q, in->past_days);
	pg_int(&q, in->future_days);
	pg_bytes(&q, in->filter);
	pg_bytes(&q, in->filter_asked);
	pg_int(&q, in->mail_count);
	pg_int(&q, in->mail_parts);
	pg_int(&q, in->mail_bytes);
	pg_int(&q, in->mail_attach);
	pg_bytes(&q, in->server_uri);
	return pg_once(&q, e);
}

int
pg_link_put(struct store_tx *tx, const struct store_link *in, struct err *e)
{
	struct pg_tx *t = pg_enter(tx, STORE_WRITE, "store.link_put", e);

	return t == NULL ? -1 : pg_leave(t, link_put(t, in, e));
}
