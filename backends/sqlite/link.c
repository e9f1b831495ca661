/*
 * Links: one database of one device with one of ours.
 */
#include "backends/pack.h"
#include "backends/sqlite/lite.h"

#define COLS                                                                   \
	"link_id, device_id, collection_id, client_db, cursors, a_client,"     \
	" a_server, n_client, n_server, n_valid, n_sync_no, sync_no,"          \
	" confirmed_no, gen, stage, gen_last, last_ok_ms, last_type, open,"    \
	" past_days, future_days, filter, filter_asked, mail_count,"           \
	" mail_parts, mail_bytes, mail_attach, server_uri"

static int
link_read(struct lite_q *q, struct arena *a, struct store_link *l,
	  struct err *e)
{
	*l = (struct store_link){
		.id = lite_col(q, 0),
		.device = lite_col(q, 1),
		.collection = lite_col(q, 2),
		.client_db = lite_col_bytes(q, a, 3),
		.a_client = lite_col_bytes(q, a, 5),
		.a_server = lite_col_bytes(q, a, 6),
		.n_client = lite_col_bytes(q, a, 7),
		.n_server = lite_col_bytes(q, a, 8),
		.n_valid = lite_col_bool(q, 9),
		.n_sync_no = lite_col(q, 10),
		.sync_no = lite_col(q, 11),
		.confirmed_no = lite_col(q, 12),
		.gen = lite_col(q, 13),
		.stage = lite_col(q, 14),
		.gen_last = lite_col(q, 15),
		.last_ok_ms = lite_col(q, 16),
		.last_type = lite_col(q, 17),
		.open = lite_col_bytes(q, a, 18),
		.past_days = lite_col(q, 19),
		.future_days = lite_col(q, 20),
		.filter = lite_col_bytes(q, a, 21),
		.filter_asked = lite_col_bytes(q, a, 22),
		.mail_count = lite_col(q, 23),
		.mail_parts = lite_col(q, 24),
		.mail_bytes = lite_col(q, 25),
		.mail_attach = lite_col(q, 26),
		.server_uri = lite_col_bytes(q, a, 27),
	};
	return store_cursors_get(lite_col_view(q, 4), l, q->where, e);
}

static int
link_list(struct lite_tx *t, struct arena *a, int64_t device,
	  struct lite_list *l, struct err *e)
{
	static const char sql[] =
	    "SELECT " COLS " FROM link WHERE account_id = ?1"
	    " AND device_id = ?2 ORDER BY collection_id, client_db";
	struct store_link *one;
	struct lite_q q;
	int rc;

	if (lite_query(t, &q, sql, "store.link_list", e) < 0)
		return -1;
	lite_int(&q, device);
	while ((one = lite_row(&q, l, &rc, e)) != NULL) {
		if (link_read(&q, a, one, e) < 0)
			break;
	}
	lite_end(&q);
	return rc == 0 ? 0 : -1;
}

int
lite_link_list(struct store_tx *tx, struct arena *a, int64_t device,
	       struct store_link **out, size_t *n, struct err *e)
{
	struct lite_tx *t = lite_enter(tx, STORE_READ, "store.link_list", e);
	struct lite_list l = { .a = a, .size = sizeof(**out) };

	if (t == NULL || lite_leave(t, link_list(t, a, device, &l, e)) < 0)
		return -1;
	*out = (struct store_link *)(void *)l.p;
	*n = l.n;
	return 0;
}

static int
link_put(struct lite_tx *t, const struct store_link *in, struct err *e)
{
	static const char sql[] =
	    "INSERT INTO link (account_id, " COLS ")"
	    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13,"
	    " ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24,"
	    " ?25, ?26, ?27, ?28, ?29)"
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
	struct lite_q q;

	if (store_cursors_put(in, room, &cursors, "store.link_put", e) < 0)
		return -1;
	if (lite_query(t, &q, sql, "store.link_put", e) < 0)
		return -1;
	lite_int(&q, in->id);
	lite_int(&q, in->device);
	lite_int(&q, in->collection);
	lite_blob(&q, in->client_db);
	lite_blob(&q, cursors);
	lite_blob(&q, in->a_client);
	lite_blob(&q, in->a_server);
	lite_blob(&q, in->n_client);
	lite_blob(&q, in->n_server);
	lite_int(&q, in->n_valid);
	lite_int(&q, in->n_sync_no);
	lite_int(&q, in->sync_no);
	lite_int(&q, in->confirmed_no);
	lite_int(&q, in->gen);
	lite_int(&q, in->stage);
	lite_int(&q, in->gen_last);
	lite_int(&q, in->last_ok_ms);
	lite_int(&q, in->last_type);
	lite_blob(&q, in->open);
	lite_int(&q, in->past_days);
	lite_int(&q, in->future_days);
	lite_blob(&q, in->filter);
	lite_blob(&q, in->filter_asked);
	lite_int(&q, in->mail_count);
	lite_int(&q, in->mail_parts);
	lite_int(&q, in->mail_bytes);
	lite_int(&q, in->mail_attach);
	lite_blob(&q, in->server_uri);
	return lite_once(&q, e);
}

int
lite_link_put(struct store_tx *tx, const struct store_link *in, struct err *e)
{
	struct lite_tx *t = lite_enter(tx, STORE_WRITE, "store.link_put", e);

	return t == NULL ? -1 : lite_leave(t, link_put(t, in, e));
}
