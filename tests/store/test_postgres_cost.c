/*
 * What a call reads follows what it finds, not what is stored: rows that
 * PostgreSQL touches are counted, in an account of 20,000 items among a
 * thousand others, before and after the tables' statistics are made. Plans
 * that follow the statistics instead of the indexes are found here.
 */
#include "tests/store/t_store.h"

#include "backends/postgres/pg.h"

enum {
	ITEMS = 20000,
	AT_A_TIME = 1000,
	OTHERS = 1000, /* accounts */
	THEIRS = 50,   /* items of each */
	LINK = 21,
	FIRST = 100,     /* item id */
	SESSIONS = 5000, /* that the device had in its life */
	FEW = 60,        /* rows: what a call for a handful may touch */
};

/* Rows read by this transaction so far, by any way. */
static int64_t
touched(struct t_env *env, struct store_tx *tx)
{
	static const char sql[] =
	    "SELECT coalesce(sum(coalesce(seq_tup_read, 0) +"
	    " coalesce(idx_tup_fetch, 0)), 0)::bigint"
	    " FROM pg_stat_xact_user_tables";
	struct pg_tx *t = (struct pg_tx *)(void *)tx;
	struct pg_q q;
	int64_t n;

	pg_start(t->c, &q, sql, "test");
	OK(env, pg_run(&q, &env->e));
	assert_true(pg_next(&q));
	n = pg_col(&q, 0);
	OK(env, pg_end(&q, &env->e));
	return n;
}

/* The call succeeds and touches at most so many rows; it is made often, since
   a plan may change once a statement was used some times. */
#define COSTS(most, call)                                                      \
	do {                                                                   \
		for (int again = 0; again < 7; again++) {                      \
			int64_t was = touched(env, tx);                        \
			OK(env, call);                                         \
			cheap(#call, touched(env, tx) - was, most);            \
		}                                                              \
	} while (0)

/* The first time is for the plans only: all is nearly empty. */
static bool judging;

static void
cheap(const char *what, int64_t rows, int64_t most)
{
	if (!judging || rows <= most)
		return;
	print_error("%s: %lld rows, not %lld\n", what, (long long)rows,
		    (long long)most);
	fail();
}

#define FOUND(n, want) assert_true(!judging || (n) == (want))

/* ---- what is stored ------------------------------------------------------ */

static void
fill(struct t_env *env, int64_t from, int64_t upto)
{
	struct store_write *w = calloc(AT_A_TIME, sizeof(*w));
	struct store_map *m = calloc(AT_A_TIME, sizeof(*m));
	char luid[AT_A_TIME][16];

	assert_non_null(w);
	assert_non_null(m);
	for (int64_t at = from; at < upto; at += AT_A_TIME) {
		struct store_tx *tx;
		int64_t next_id;
		size_t n = upto - at < AT_A_TIME ? (size_t)(upto - at)
						 : (size_t)AT_A_TIME;

		tx = t_begin(env, env->anna, STORE_WRITE, 1000 + at);
		next_id = tx->next_id;
		tx->next_id = FIRST + at;
		for (int64_t i = 0; i < (int64_t)n; i++) {
			w[i] = t_new(tx, (uint64_t)(10 * (at + i)), "body");
			w[i].h_identity = 7; /* all look alike */
			w[i].span = (struct store_span){ true, at + i, at + i };
			(void)snprintf(luid[i], sizeof(luid[i]), "L%lld",
				       (long long)(at + i));
			m[i] = t_map(LINK, 1, w[i].item, luid[i], 1);
		}
		tx->next_id = next_id;
		OK(env, tx->v->item_put(tx, w, n, &env->e));
		OK(env, tx->v->map_put(tx, m, n, &env->e));
		t_commit(env, &tx);
	}
	free(w);
	free(m);
}

static void
say(struct t_env *env, const char *sql)
{
	struct pg_conn *c;
	int rc;

	OK(env, pg_site_begin(env->s, &c, &env->e));
	rc = pg_sync(c, &env->e);
	if (rc == 0)
		rc = pg_script(c, sql, "test", &env->e);
	pg_site_end(env->s, c);
	OK(env, rc);
}

/* Copies of anna's first items. */
static void
others(struct t_env *env)
{
	static const char *const table[][2] = {
		{ "item", "item_id, collection_id, kind, revision,"
			  " last_revision, change_no, deleted, uid, h_uid,"
			  " h_content, h_identity, size, created_ms,"
			  " modified_ms, span_from, span_to" },
		{ "item_hash", "collection_id, hash, item_id" },
		{ "revision", "item_id, revision, deleted, side, h_content,"
			      " origin, device_id, session_id, change_no,"
			      " at_ms, body" },
		{ "map", "link_id, gen, item_id, luid, state, held, held_form,"
			 " offers, reason, touched, pending" },
	};
	char sql[1000];

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		(void)snprintf(sql, sizeof(sql),
			       "INSERT INTO %s (account_id, %s)"
			       " SELECT g, %s FROM %s,"
			       " generate_series(1, %d) AS g"
			       " WHERE account_id = %lld AND item_id < %d",
			       table[i][0], table[i][1], table[i][1],
			       table[i][0], OTHERS, (long long)env->anna,
			       FIRST + THEIRS);
		say(env, sql);
	}
}

/* The last two are still kept: the open one, and the one before. */
static void
sessions(struct t_env *env)
{
	char sql[700];

	(void)snprintf(sql, sizeof(sql),
		       "INSERT INTO session (account_id, session_id,"
		       " device_id, sid, last_msgid, body_hash, peer, closed,"
		       " started_ms, last_ms, verdict, failed, kept)"
		       " SELECT %lld, 1000000 + g, 20,"
		       " convert_to('s' || g, 'UTF8'), 3, '', '', 1, g, g,"
		       " 'ok', 0, CASE WHEN g > %d - 2 THEN 1 ELSE 0 END"
		       " FROM generate_series(1, %d) AS g",
		       (long long)env->anna, SESSIONS, SESSIONS);
	say(env, sql);
}

/* One session for each of the others: so the statistics say that an account
   has few. */
static void
their_sessions(struct t_env *env)
{
	char sql[400];

	(void)snprintf(sql, sizeof(sql),
		       "INSERT INTO session (account_id, session_id,"
		       " device_id, sid, last_msgid, body_hash, peer, closed,"
		       " started_ms, last_ms, verdict, failed, kept)"
		       " SELECT g, 1, 20, 's', 3, '', '', 1, g, g, 'ok', 0, 0"
		       " FROM generate_series(1, %d) AS g",
		       20 * SESSIONS);
	say(env, sql);
}

/* ---- what calls touch -----------------------------------------------------
 */

static void
reads(struct t_env *env, struct store_tx *tx, int64_t change)
{
	const int64_t id[] = { FIRST + 5, FIRST + 9000 };
	const struct store_rev_key key[] = { { FIRST + 5, 1 },
					     { FIRST + 9000, 1 } };
	const uint64_t hash[] = { 2050, 5, 92000, 7 };
	const struct slice luid[] = { SLICE_LIT("L5"), SLICE_LIT("L9000"),
				      SLICE_LIT("none") };
	const int64_t coll = 1;
	const struct store_cursor from = { 1, change - 1, INT64_MAX };
	struct store_likeness ask = { &coll, 1, hash, 4, 8, 0, 0 };
	struct store_pending pending = { LINK, 1, 0, INT64_MAX, -1, 100 };
	struct store_window near = { LINK, 1,    1,         STORE_EDGE_FROM,
				     9000, 9005, INT64_MIN, 0,
				     100 };
	struct store_candidate *ca;
	struct store_revision *re;
	struct store_change *ch;
	struct store_item *it;
	struct store_session *se;
	struct store_map *ma;
	int64_t count;
	size_t n;

	COSTS(FEW, tx->v->item_get(tx, env->a, id, 2, true, &it, &n, &env->e));
	FOUND(n, 2);
	COSTS(FEW, tx->v->item_page(tx, env->a, 1, FIRST + 9000, 10, false,
				    true, &it, &n, &env->e));
	FOUND(n, 10);
	COSTS(FEW, tx->v->revision_get(tx, env->a, key, 2, &re, &n, &env->e));
	COSTS(FEW,
	      tx->v->revision_match(tx, env->a, id, hash, 2, &re, &n, &env->e));
	COSTS(FEW, tx->v->revision_list(tx, env->a, FIRST + 5, true, &re, &n,
					&env->e));
	/* Two hashes fit two items each, one fits all: 8 of them are
	   wanted, and one of the two is among them. */
	COSTS(FEW, tx->v->item_match(tx, env->a, &ask, &ca, &n, &env->e));
	FOUND(n, 11);
	COSTS(FEW,
	      tx->v->map_by_luid(tx, env->a, LINK, luid, 3, &ma, &n, &env->e));
	FOUND(n, 2);
	COSTS(FEW,
	      tx->v->map_by_item(tx, env->a, LINK, 1, id, 2, &ma, &n, &env->e));
	FOUND(n, 2);
	COSTS(FEW, tx->v->map_pending(tx, env->a, &pending, &ma, &n, &env->e));
	COSTS(FEW, tx->v->changes(tx, env->a, LINK, 1, &from, INT64_MAX, 100,
				  &ch, &n, &env->e));
	FOUND(n, 1);
	COSTS(FEW, tx->v->changes_count(tx, LINK, 1, &from, INT64_MAX, &count,
					&env->e));
	FOUND(count, 1);
	COSTS(FEW, tx->v->window(tx, env->a, &near, &ch, &n, &env->e));
	FOUND(n, 5);
	near.edge = STORE_EDGE_TO;
	COSTS(FEW, tx->v->window(tx, env->a, &near, &ch, &n, &env->e));
	FOUND(n, 5);
	near.edge = STORE_EDGE_NONE;
	near.after = FIRST + 9000;
	near.limit = 10;
	COSTS(FEW, tx->v->window(tx, env->a, &near, &ch, &n, &env->e));
	FOUND(n, 10);
	/* Nothing is in this generation. */
	COSTS(FEW, tx->v->unmapped(tx, env->a, LINK, 2, 1, FIRST + 9000, 10,
				   &it, &n, &env->e));
	FOUND(n, 10);
	COSTS(FEW, tx->v->session_find(tx, env->a, (struct slice){ NULL, 0 },
				       20, SLICE_LIT("new"), &se, &env->e));
	FOUND(se == NULL, true);
	COSTS(FEW, tx->v->session_find(tx, env->a, (struct slice){ NULL, 0 },
				       20, SLICE_LIT("s77"), &se, &env->e));
	FOUND(se != NULL, true);
	COSTS(FEW, tx->v->session_list(tx, env->a, 20, 5, &se, &n, &env->e));
	FOUND(n, 5);
	COSTS(FEW, tx->v->session_open(tx, env->a, 5, &se, &n, &env->e));
}

static void
writes(struct t_env *env, struct store_tx *tx)
{
	struct store_item i[2] = { t_head(env, tx, FIRST + 5),
				   t_head(env, tx, FIRST + 9000) };
	struct store_map m = t_map(LINK, 1, FIRST + 5, "moves", 1);
	const int64_t gone = FIRST + 17;

	for (int again = 0; again < 7; again++) {
		struct store_write w[3] = { t_next(&i[0], "next"),
					    t_next(&i[1], "next"),
					    t_new(tx, 900000, "new") };
		int64_t was = touched(env, tx);

		OK(env, tx->v->item_put(tx, w, 3, &env->e));
		cheap("item_put", touched(env, tx) - was, FEW);
		i[0] = t_head(env, tx, FIRST + 5);
		i[1] = t_head(env, tx, FIRST + 9000);
		m.touched++;
		m.luid = again % 2 == 0 ? SLICE_LIT("L9000") : SLICE_LIT("new");
		was = touched(env, tx);
		OK(env, tx->v->map_put(tx, &m, 1, &env->e));
		cheap("map_put", touched(env, tx) - was, FEW);
	}
	COSTS(FEW, tx->v->map_drop(tx, LINK, 1, &gone, 1, &env->e));
	COSTS(FEW, tx->v->map_drop_others(tx, LINK, 1, 2, &env->e));
	COSTS(FEW, tx->v->item_purge(tx, FIRST + 33, &env->e));
	COSTS(FEW, tx->v->session_supersede(tx, 20, 2000000, SLICE_LIT("gone"),
					    &env->e));
}

static void
both(struct t_env *env)
{
	int64_t id = t_item(env, env->anna, 700000, "changed", 5);
	struct store_tx *tx = t_begin(env, env->anna, STORE_READ, 6);
	int64_t change = t_head(env, tx, id).change_no;

	reads(env, tx, change);
	t_commit(env, &tx);
	tx = t_begin(env, env->anna, STORE_WRITE, 7);
	writes(env, tx);
	tx->v->rollback(&tx);
	tx = t_begin(env, env->anna, STORE_WRITE, 8);
	OK(env, tx->v->item_purge(tx, id, &env->e));
	t_commit(env, &tx);
}

static void
cost(void **state)
{
	struct t_env *env = *state;
	struct store_tx *tx;

	tx = t_begin(env, env->anna, STORE_WRITE, 1);
	t_device(env, tx, 20, "D");
	t_link(env, tx, LINK, 20, "./C");
	tx->next_id = FIRST + 10 * ITEMS;
	t_commit(env, &tx);
	fill(env, 0, AT_A_TIME / 10);
	fill(env, 9000, 9002);
	judging = false;
	both(env);
	fill(env, AT_A_TIME / 10, 9000);
	fill(env, 9002, ITEMS);
	sessions(env);
	judging = true;
	both(env);
	others(env);
	their_sessions(env);
	both(env);
	env->s->v->close(&env->s);
	OK(env, store_open(env->uri, false, &env->s, &env->e));
	both(env);
	say(env, "ANALYZE");
	both(env);
	env->s->v->close(&env->s);
	OK(env, store_open(env->uri, false, &env->s, &env->e));
	both(env);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = { T(cost) };

	return cmocka_run_group_tests_name(place_name(t_choose_by(argc, argv)),
					   tests, NULL, NULL);
}
