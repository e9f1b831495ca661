/*
 * The SQLite schema: classes of tables, what `check` finds, and
 * that the cost of a call follows what it asks for.
 */
#include "tests/store/t_store.h"

#include "backends/sqlite/lite.h"

static struct lite_conn *
conn(struct t_env *env)
{
	assert_non_null(lite_of(env->s)->idle);
	return lite_of(env->s)->idle;
}

static void
run(struct t_env *env, const char *sql)
{
	OK(env, lite_script(conn(env), sql, "test", &env->e));
}

/* First column of the first row, as text; "" where there is none. */
static struct slice
ask(struct t_env *env, const char *sql)
{
	sqlite3_stmt *st = NULL;
	struct slice out = SLICE_LIT("");

	if (sqlite3_prepare_v2(conn(env)->db, sql, -1, &st, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(conn(env)->db));
	if (sqlite3_step(st) == SQLITE_ROW)
		out = arena_copy(
		    env->a, slice_c((const char *)sqlite3_column_text(st, 0)));
	(void)sqlite3_finalize(st);
	return out;
}

/* ---- classes ----------------------------------------------------------------
 */

/* Every table has a class, and no name is classified that is none. */
static void
every_table_has_a_class(void **state)
{
	struct t_env *env = *state;

	SLICE_IS(ask(env, "SELECT name FROM sqlite_schema WHERE type = 'table'"
			  " AND name NOT IN (SELECT name FROM table_class)"),
		 "");
	SLICE_IS(ask(env, "SELECT name FROM table_class WHERE name NOT IN"
			  " (SELECT name FROM sqlite_schema"
			  "  WHERE type = 'table')"),
		 "");
}

/* Fit to be sharded: keys start with the account, nothing points out of it. */
static void
keys_start_with_the_account(void **state)
{
	struct t_env *env = *state;

	SLICE_IS(ask(env, "SELECT c.name || '.' || i.name FROM table_class c,"
			  " pragma_index_list(c.name) i"
			  " WHERE c.class <> 'site' AND i.\"unique\" = 1"
			  " AND (SELECT x.name FROM pragma_index_info(i.name) x"
			  "  WHERE x.seqno = 0) <> 'account_id'"),
		 "");
	SLICE_IS(ask(env, "SELECT c.name FROM table_class c"
			  " WHERE c.class <> 'site' AND NOT EXISTS"
			  " (SELECT 1 FROM pragma_table_info(c.name) t"
			  "  WHERE t.name = 'account_id' AND t.pk = 1)"),
		 "");
	SLICE_IS(ask(env, "SELECT c.name FROM table_class c,"
			  " pragma_foreign_key_list(c.name)"),
		 "");
}

/* Erasing an account empties every account table there is. */
static void
erase_forgets_no_table(void **state)
{
	struct t_env *env = *state;
	struct store_account in = { .user = SLICE_LIT("carla") };
	sqlite3_stmt *st = NULL;
	int64_t id;
	int tables = 0;

	OK(env, env->s->v->account_create(env->s, &in, &id, &env->e));
	/* One row each, made from the columns alone, so that a new table
	   cannot be forgotten here either. */
	assert_int_equal(
	    sqlite3_prepare_v2(
		conn(env)->db,
		"SELECT c.name, 'INSERT OR IGNORE INTO ' || c.name || ' ('"
		" || group_concat(t.name) || ') VALUES ('"
		" || group_concat(CASE t.name WHEN 'account_id' THEN 424242"
		"  ELSE 1 END) || ')' FROM table_class c,"
		" pragma_table_info(c.name) t WHERE c.class <> 'site'"
		" GROUP BY c.name",
		-1, &st, NULL),
	    SQLITE_OK);
	while (sqlite3_step(st) == SQLITE_ROW) {
		run(env, (const char *)sqlite3_column_text(st, 1));
		tables++;
	}
	assert_true(tables > 10);
	OK(env, env->s->v->account_erase(env->s, 424242, &env->e));
	(void)sqlite3_reset(st);
	while (sqlite3_step(st) == SQLITE_ROW) {
		struct slice sql = arena_printf(
		    env->a, "SELECT count(*) FROM %s WHERE account_id = 424242",
		    (const char *)sqlite3_column_text(st, 0));

		SLICE_IS(ask(env, sql.p), "0");
	}
	(void)sqlite3_finalize(st);
	assert_int_equal(id == 424242, 0);
}

/* ---- check
 * ------------------------------------------------------------------- */

static const struct {
	const char *harm;
	const char *found;
} HARM[] = {
	{ "DELETE FROM revision WHERE revision = 2", "no current revision" },
	{ "UPDATE revision SET body = x'00' WHERE revision = 2", "differ" },
	{ "UPDATE item SET last_revision = 1", "above its last one" },
	{ "INSERT INTO revision VALUES ((SELECT account_id FROM item), 99, 1,"
	  " 0, 0, 0, 1, 0, 0, 1, 1, x'')",
	  "revisions of item 99" },
	{ "UPDATE item SET collection_id = 77", "is in collection 77" },
	{ "UPDATE account SET next_id = 1", "never given out" },
	{ "DELETE FROM item_hash WHERE hash = 1001",
	  "not found by one of its hashes" },
	{ "UPDATE item_hash SET hash = 5 WHERE hash = 1001",
	  "which has not got it" },
	{ "DELETE FROM history", "pruning would never see it" },
	{ "UPDATE account SET used_bytes = used_bytes + 1",
	  "bytes are recorded" },
	{ "UPDATE account SET used_items = 0", "items of" },
	{ "UPDATE map SET item_id = 99", "points at item 99" },
	{ "UPDATE map SET held = 99", "holds revision 99" },
	{ "UPDATE map SET link_id = 99", "map rows of link 99" },
	{ "UPDATE link SET device_id = 99", "belongs to device 99" },
	{ "UPDATE link SET collection_id = 99", "belongs to collection 99" },
	{ "UPDATE session SET device_id = 99", "belongs to device 99" },
	{ "UPDATE chunk SET start_byte = 7", "hole" },
	{ "INSERT INTO mail_body VALUES ((SELECT account_id FROM item), 99, 1,"
	  " x'')",
	  "bytes of mail 99" },
	{ "INSERT INTO mail_place VALUES ((SELECT account_id FROM item), 1, 1,"
	  " 99, 0, 0, 0)",
	  "1 places of a folder" },
	{ "DELETE FROM login WHERE user_key = x'616e6e61'", "cannot log in" },
	{ "INSERT INTO login VALUES ('ghost', 99)", "login name ghost" },
	{ "DELETE FROM device_directory", "not in the directory" },
	{ "INSERT INTO story VALUES (99, 1, 1, 1, '=', 'x')",
	  "table story: 1 rows" },
	{ "INSERT INTO session_event VALUES (99, 1, 1, 1, 1, 1, 1, 1)",
	  "table session_event: 1 rows" },
	{ "INSERT INTO item_hash VALUES (99, 1, 1, 1)",
	  "table item_hash: 1 rows" },
};

static void
scene(struct t_env *env)
{
	int64_t id = t_item(env, env->anna, 1, "body", 1577934245000);
	struct store_tx *tx =
	    t_begin(env, env->anna, STORE_WRITE, 1577934246000);
	struct store_item i = t_head(env, tx, id);
	struct store_map m = t_map(21, 1, id, "L", 1);
	struct store_session ses = { .id = 40,
				     .device = 20,
				     .started_ms = 1577934245000,
				     .last_ms = 1577934246999,
				     .last_msgid = 4,
				     .verdict = SLICE_LIT("fine") };
	const struct store_story line = { 1577934245000, '>',
					  SLICE_LIT("hello") };
	struct store_write w = t_next(&i, "newer");

	w.device = 20;
	w.session = 40;
	t_put(env, tx, w);
	t_device(env, tx, 20, "IMEI:1");
	t_link(env, tx, 21, 20, "./C");
	OK(env, tx->v->map_put(tx, &m, 1, &env->e));
	OK(env, tx->v->session_put(tx, &ses, NULL, &env->e));
	OK(env, tx->v->story_add(tx, 40, &line, 1, &env->e));
	OK(env, tx->v->chunk_add(tx, (struct store_chunk_key){ 21, 'i' },
				 SLICE_LIT("abc"), &env->e));
	t_commit(env, &tx);
}

static bool
finds(struct t_env *env, const char *text)
{
	struct slice *f;
	size_t n;
	bool yes = false;

	OK(env, env->s->v->check(env->s, env->a, &f, &n, &env->e));
	for (size_t i = 0; i < n; i++)
		yes = yes || slice_find_str(f[i], text) != SIZE_MAX;
	if (!yes && n > 0)
		print_error("found: %.*s\n", SLICE_ARG(f[0]));
	return yes;
}

static void
check_finds(void **state)
{
	struct t_env *env = *state;
	char keep[160];
	char put[200];

	scene(env);
	t_sound(env);
	(void)snprintf(keep, sizeof(keep), "%s/keep.db", env->dir);
	OK(env, env->s->v->backup(env->s, keep, &env->e));
	for (size_t i = 0; i < sizeof(HARM) / sizeof(HARM[0]); i++) {
		char uri[220];

		/* Each on a copy of its own. */
		struct store *whole = env->s;

		(void)snprintf(put, sizeof(put), "%s/harm%zu.db", env->dir, i);
		(void)snprintf(uri, sizeof(uri), "sqlite:%s", put);
		OK(env, whole->v->backup(whole, put, &env->e));
		OK(env, store_open(uri, false, &env->s, &env->e));
		run(env, HARM[i].harm);
		if (!finds(env, HARM[i].found))
			fail_msg("not found: %s", HARM[i].harm);
		env->s->v->close(&env->s);
		env->s = whole;
	}
	t_sound(env);
}

/* ---- the cost of a call
 * --------------------------------------------------------- */

enum { ITEMS = 2000, DEVICE = 9001, LINK = 9002, OTHER = 9003 };

/* Items 10.. are all in the map of LINK, whose device has 300 old sessions. */
static void
big_scene(struct t_env *env)
{
	struct store_tx *tx = t_begin(env, env->anna, STORE_WRITE, 1);
	struct store_session ses = { .device = DEVICE,
				     .sid = SLICE_LIT("1"),
				     .closed = true };
	struct store_map m;

	tx->next_id = 10;
	t_device(env, tx, DEVICE, "D");
	t_link(env, tx, LINK, DEVICE, "./C");
	t_link(env, tx, OTHER, DEVICE, "./D");
	for (uint64_t i = 0; i < ITEMS; i++) {
		struct store_write w = t_new(tx, i * 10000, "body");

		t_put(env, tx, w);
		m = t_map(LINK, 1, w.item, "", 1);
		m.luid = arena_printf(env->a, "%d", (int)i);
		m.touched = 1;
		OK(env, tx->v->map_put(tx, &m, 1, &env->e));
	}
	for (int64_t i = 0; i < 300; i++) {
		ses.id = 10000 + i;
		ses.sid = arena_printf(env->a, "%d", (int)i);
		OK(env, tx->v->session_put(tx, &ses, NULL, &env->e));
	}
	OK(env,
	   tx->v->session_supersede(tx, DEVICE, 0, SLICE_LIT("old"), &env->e));
	tx->next_id = 20000;
	t_commit(env, &tx);
}

/* Virtual machine steps of all statements since the last call. */
static int
steps(const struct store_tx *tx)
{
	const struct lite_tx *t = (const struct lite_tx *)(const void *)tx;
	sqlite3_stmt *st = NULL;
	int sum = 0;

	while ((st = sqlite3_next_stmt(t->c->db, st)) != NULL)
		sum += sqlite3_stmt_status(st, SQLITE_STMTSTATUS_VM_STEP, 1);
	return sum;
}

#define CHEAP(call)                                                            \
	do {                                                                   \
		(void)steps(tx);                                               \
		OK(env, call);                                                 \
		cost = steps(tx);                                              \
		if (cost == 0 || cost > 450)                                   \
			fail_msg("%d steps: %s", cost, #call);                 \
	} while (0)

static void
reads_are_seeks(void **state)
{
	struct t_env *env = *state;
	const struct store_cursor end = { 1, 99, 0 };
	const struct slice luid = SLICE_LIT("1500");
	const struct store_rev_key key = { 1500, 1 };
	const uint64_t hash = 2000 + 1500 * 10000;
	const int64_t coll = 1;
	const int64_t id = 1500;
	const struct store_pending pend = { .link = LINK,
					    .gen = 1,
					    .doubt_from = INT64_MAX,
					    .this_sync = 9,
					    .limit = 50 };
	struct store_likeness like = { &coll, 1, &hash, 1, 8, LINK, 1 };
	struct store_candidate *cand;
	struct store_revision *rev;
	struct store_session *ses;
	struct store_device *dev;
	struct store_change *chg;
	struct store_item *item;
	struct store_link *link;
	struct store_map *map;
	struct store_tx *tx;
	struct slice *answer;
	int64_t count;
	size_t n;
	int cost;

	big_scene(env);
	tx = t_begin(env, env->anna, STORE_READ, 1);
	CHEAP(tx->v->item_get(tx, env->a, &id, 1, true, &item, &n, &env->e));
	CHEAP(tx->v->item_page(tx, env->a, 1, id, 5, true, true, &item, &n,
			       &env->e));
	CHEAP(tx->v->revision_get(tx, env->a, &key, 1, &rev, &n, &env->e));
	CHEAP(tx->v->revision_list(tx, env->a, id, true, &rev, &n, &env->e));
	CHEAP(tx->v->revision_match(tx, env->a, &id, &hash, 1, &rev, &n,
				    &env->e));
	CHEAP(tx->v->item_match(tx, env->a, &like, &cand, &n, &env->e));
	assert_int_equal(n, 0); /* it has a LUID there: taken */
	like.link = OTHER;
	CHEAP(tx->v->item_match(tx, env->a, &like, &cand, &n, &env->e));
	assert_int_equal(n, 1);
	CHEAP(tx->v->device_get(tx, env->a, SLICE_LIT("D"), &dev, &env->e));
	CHEAP(tx->v->link_list(tx, env->a, DEVICE, &link, &n, &env->e));
	CHEAP(
	    tx->v->map_by_luid(tx, env->a, LINK, &luid, 1, &map, &n, &env->e));
	assert_int_equal(n, 1);
	CHEAP(
	    tx->v->map_by_item(tx, env->a, LINK, 1, &id, 1, &map, &n, &env->e));
	CHEAP(tx->v->map_pending(tx, env->a, &pend, &map, &n, &env->e));
	CHEAP(tx->v->changes(tx, env->a, LINK, 1, &end, INT64_MAX, 50, &chg, &n,
			     &env->e));
	CHEAP(tx->v->changes_count(tx, LINK, 1, &end, INT64_MAX, &count,
				   &env->e));
	CHEAP(tx->v->unmapped(tx, env->a, OTHER, 1, 1, id, 5, &item, &n,
			      &env->e));
	CHEAP(tx->v->session_find(tx, env->a, SLICE_LIT("none"), 0,
				  SLICE_LIT(""), &ses, &env->e));
	CHEAP(tx->v->session_find(tx, env->a, SLICE_LIT(""), DEVICE,
				  SLICE_LIT("298"), &ses, &env->e));
	CHEAP(tx->v->session_list(tx, env->a, DEVICE, 5, &ses, &n, &env->e));
	CHEAP(tx->v->session_list(tx, env->a, 0, 5, &ses, &n, &env->e));
	CHEAP(tx->v->answer_get(tx, env->a, 10000, &answer, &env->e));
	t_commit(env, &tx);
}

static void
writes_are_seeks(void **state)
{
	struct t_env *env = *state;
	const int64_t id = 1500;
	struct store_session ses = { .id = 20001, .device = DEVICE };
	const struct store_story line = { 1, '>', SLICE_LIT("x") };
	struct store_session_store ds = { .session = 20001, .link = LINK };
	struct store_event ev = { .session = 20001, .link = LINK };
	const struct store_report report = { &ds, 1, &ev, 1 };
	struct store_item i;
	struct store_write w;
	struct store_map m;
	struct store_tx *tx;
	int cost;

	big_scene(env);
	tx = t_begin(env, env->anna, STORE_WRITE, 2);
	i = t_head(env, tx, id);
	w = t_next(&i, "newer");
	CHEAP(tx->v->item_put(tx, &w, 1, &env->e));
	w = t_new(tx, 77, "new");
	CHEAP(tx->v->item_put(tx, &w, 1, &env->e));
	m = t_map(LINK, 1, w.item, "7", 1); /* the LUID moves */
	CHEAP(tx->v->map_put(tx, &m, 1, &env->e));
	CHEAP(tx->v->map_drop(tx, LINK, 1, &id, 1, &env->e));
	CHEAP(tx->v->map_drop_others(tx, LINK, 1, 0, &env->e));
	CHEAP(tx->v->item_purge(tx, 1600, &env->e));
	CHEAP(tx->v->session_put(tx, &ses, NULL, &env->e));
	CHEAP(tx->v->session_supersede(tx, DEVICE, 20001, SLICE_LIT("v"),
				       &env->e));
	CHEAP(tx->v->story_add(tx, 20001, &line, 1, &env->e));
	CHEAP(tx->v->report_put(tx, &report, &env->e));
	CHEAP(tx->v->save(tx, 1, &env->e));
	CHEAP(tx->v->save_keep(tx, 1, &env->e));
	(void)steps(tx);
	t_commit(env, &tx);
	t_sound(env);
}

/* What is all held costs an index and a map row each, nothing more. */
static void
changes_are_linear(void **state)
{
	struct t_env *env = *state;
	const struct store_cursor start = { 1, 0, 0 };
	struct store_change *chg;
	struct store_tx *tx;
	size_t n;
	int cost;

	big_scene(env);
	tx = t_begin(env, env->anna, STORE_READ, 1);
	(void)steps(tx);
	OK(env, tx->v->changes(tx, env->a, LINK, 1, &start, INT64_MAX, 50, &chg,
			       &n, &env->e));
	cost = steps(tx);
	assert_int_equal(n, 0);
	if (cost > ITEMS * 40)
		fail_msg("%d steps for %d items", cost, ITEMS);
	/* Of many, a page costs a page. */
	OK(env, tx->v->changes(tx, env->a, OTHER, 1, &start, INT64_MAX, 10,
			       &chg, &n, &env->e));
	assert_int_equal(n, 10);
	assert_true(steps(tx) < 1500);
	t_commit(env, &tx);
}

static int
one_more(void *n)
{
	++*(int64_t *)n;
	return 0;
}

static int64_t thousands; /* of steps, on connections opened meanwhile */

static int
count_steps(sqlite3 *db, char **why, const struct sqlite3_api_routines *api)
{
	(void)why;
	(void)api;
	sqlite3_progress_handler(db, 1000, one_more, &thousands);
	return SQLITE_OK;
}

/* `check` of a site costs what its rows cost, history too. */
static void
check_is_linear(void **state)
{
	struct t_env *env = *state;
	struct store_item *all;
	struct store_tx *tx;
	size_t n;

	big_scene(env);
	tx = t_begin(env, env->anna, STORE_WRITE, 2);
	OK(env, tx->v->item_page(tx, env->a, 1, 0, ITEMS, false, true, &all, &n,
				 &env->e));
	for (size_t i = 0; i < n; i++)
		t_put(env, tx, t_next(&all[i], "newer"));
	t_commit(env, &tx);
	thousands = 0;
	assert_int_equal(sqlite3_auto_extension((void (*)(void))count_steps),
			 SQLITE_OK);
	t_sound(env);
	sqlite3_reset_auto_extension();
	assert_true(thousands > 0);
	if (thousands > ITEMS)
		fail_msg("%lld thousand steps for %d items",
			 (long long)thousands, ITEMS);
}

/* No statement of a transaction goes without the account in its WHERE. */
static void
sql_names_the_account(void **state)
{
	struct t_env *env = *state;
	const struct lite_tx *t;
	struct store_tx *tx;
	sqlite3_stmt *st = NULL;
	size_t n = 0;

	scene(env);
	tx = t_begin(env, env->anna, STORE_WRITE, 2);
	t = (const struct lite_tx *)(const void *)tx;
	while ((st = sqlite3_next_stmt(t->c->db, st)) != NULL) {
		struct slice sql = slice_c(sqlite3_sql(st));

		if (slice_starts(sql, "BEGIN") || slice_starts(sql, "COMMIT") ||
		    slice_starts(sql, "PRAGMA") ||
		    slice_find_str(sql, "login") != SIZE_MAX ||
		    slice_find_str(sql, "migration") != SIZE_MAX ||
		    slice_find_str(sql, "sqlite_schema") != SIZE_MAX ||
		    slice_find_str(sql, "SAVEPOINT") != SIZE_MAX)
			continue;
		if (slice_find_str(sql, "account_id = ?1") == SIZE_MAX &&
		    slice_find_str(sql, "(account_id, ") == SIZE_MAX &&
		    slice_find_str(sql, "VALUES (?1") == SIZE_MAX)
			fail_msg("%s", sql.p);
		n++;
	}
	assert_true(n >= 10);
	tx->v->rollback(&tx);
}

static const struct CMUnitTest TESTS[] = {
	T(every_table_has_a_class), T(keys_start_with_the_account),
	T(erase_forgets_no_table),  T(check_finds),
	T(reads_are_seeks),         T(writes_are_seeks),
	T(changes_are_linear),      T(check_is_linear),
	T(sql_names_the_account),
};

int
main(void)
{
	t_choose(PLACE_SQLITE);
	return cmocka_run_group_tests_name("sqlite: schema", TESTS, NULL, NULL);
}
