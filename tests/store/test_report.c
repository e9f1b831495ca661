#include "tests/store/t_store.h"

/* ---- what the engine says of a session ----------------------------------- */

static struct store_session_store
first_sync(int64_t session, int64_t link)
{
	return (struct store_session_store){
		.session = session,
		.link = link,
		.collection = 1,
		.asked = 200,
		.done = 201,
		.first = true,
		.forced = true,
		.why = SLICE_LIT("first sync"),
		.in = { 1, 2, 3, 4 },
		.out = { 5, 6, 7, 8 },
		.matched = 9,
		.conflicts = 10,
		.held_back = 11,
	};
}

static struct store_event
event(int64_t session, enum store_event_kind kind, int64_t item,
      enum store_event_how how)
{
	return (struct store_event){ .session = session,
				     .link = 21,
				     .kind = kind,
				     .item = item,
				     .revision = 1,
				     .how = how };
}

static void
put(struct t_env *env, struct store_tx *tx, struct store_session_store *s,
    size_t s_n, struct store_event *v, size_t v_n)
{
	const struct store_report r = { s, s_n, v, v_n };

	OK(env, tx->v->report_put(tx, &r, &env->e));
}

static struct store_report
get(struct t_env *env, struct store_tx *tx, int64_t session)
{
	struct store_report r = { .store_n = 77 };

	OK(env, tx->v->report_get(tx, env->a, session, &r, &env->e));
	return r;
}

static void
session(struct t_env *env, struct store_tx *tx, int64_t id, int64_t last_ms)
{
	const struct store_session s = { .id = id,
					 .device = 20,
					 .sid = SLICE_LIT("1"),
					 .closed = true,
					 .started_ms = last_ms,
					 .last_ms = last_ms };

	OK(env, tx->v->session_put(tx, &s, NULL, &env->e));
}

static void
assert_tally(struct store_tally t, int64_t first)
{
	assert_int_equal(t.added, first);
	assert_int_equal(t.replaced, first + 1);
	assert_int_equal(t.deleted, first + 2);
	assert_int_equal(t.failed, first + 3);
}

static void
stores(void **state)
{
	struct t_env *env = *state;
	struct store_tx *tx = t_begin(env, env->anna, STORE_WRITE, 1000);
	struct store_session_store s[] = { first_sync(30, 22),
					   first_sync(30, 21) };
	struct store_report r;

	put(env, tx, NULL, 0, NULL, 0);
	put(env, tx, s, 2, NULL, 0);
	r = get(env, tx, 31);
	assert_int_equal(r.store_n, 0);
	r = get(env, tx, 30);
	assert_int_equal(r.store_n, 2);
	assert_int_equal(r.event_n, 0);
	assert_int_equal(r.store[0].link, 21); /* by link */
	assert_int_equal(r.store[1].link, 22);
	t_commit(env, &tx);
	/* A later message: the time when it came first stays. */
	tx = t_begin(env, env->anna, STORE_WRITE, 2000);
	s[0].complete = s[0].resumed = s[0].refused = true;
	s[0].first = s[0].forced = false;
	s[0].asked = 206;
	s[0].done = 200;
	s[0].collection = 2;
	s[0].why = SLICE_LIT("");
	s[0].in = (struct store_tally){ 21, 22, 23, 24 };
	s[0].out = (struct store_tally){ 31, 32, 33, 34 };
	s[0].matched = s[0].conflicts = s[0].held_back = 99;
	put(env, tx, s, 1, NULL, 0);
	r = get(env, tx, 30);
	assert_int_equal(r.store_n, 2);
	assert_int_equal(r.store[0].started_ms, 1000);
	assert_int_equal(r.store[0].last_ms, 1000);
	assert_true(r.store[0].first && r.store[0].forced);
	assert_false(r.store[0].complete || r.store[0].resumed ||
		     r.store[0].refused);
	assert_int_equal(r.store[0].session, 30);
	assert_int_equal(r.store[0].collection, 1);
	assert_int_equal(r.store[0].asked, 200);
	assert_int_equal(r.store[0].done, 201);
	SLICE_IS(r.store[0].why, "first sync");
	assert_tally(r.store[0].in, 1);
	assert_tally(r.store[0].out, 5);
	assert_int_equal(r.store[0].matched, 9);
	assert_int_equal(r.store[0].conflicts, 10);
	assert_int_equal(r.store[0].held_back, 11);
	assert_int_equal(r.store[1].started_ms, 1000);
	assert_int_equal(r.store[1].last_ms, 2000);
	assert_true(r.store[1].complete && r.store[1].resumed &&
		    r.store[1].refused);
	assert_false(r.store[1].first || r.store[1].forced);
	assert_int_equal(r.store[1].asked, 206);
	assert_int_equal(r.store[1].done, 200);
	assert_int_equal(r.store[1].collection, 2);
	SLICE_IS(r.store[1].why, "");
	assert_tally(r.store[1].in, 21);
	assert_tally(r.store[1].out, 31);
	assert_int_equal(r.store[1].matched, 99);
	assert_int_equal(r.store[1].conflicts, 99);
	assert_int_equal(r.store[1].held_back, 99);
	t_commit(env, &tx);
	/* Nobody else's. */
	tx = t_begin(env, env->bert, STORE_READ, 0);
	assert_int_equal(get(env, tx, 30).store_n, 0);
	t_commit(env, &tx);
}

static void
events(void **state)
{
	struct t_env *env = *state;
	struct store_tx *tx = t_begin(env, env->anna, STORE_WRITE, 1000);
	struct store_event v[] = {
		event(30, STORE_EVENT_MATCH, 100, STORE_HOW_UID),
		event(30, STORE_EVENT_CONFLICT, 100, STORE_HOW_DEVICE),
		event(31, STORE_EVENT_MATCH, 100, STORE_HOW_LUID),
	};
	struct store_report r;

	put(env, tx, NULL, 0, v, 3);
	t_commit(env, &tx);
	/* Said twice counts once; of another revision is another one. */
	tx = t_begin(env, env->anna, STORE_WRITE, 2000);
	v[0].how = STORE_HOW_CONTENT;
	v[1].revision = 2;
	put(env, tx, NULL, 0, v, 2);
	r = get(env, tx, 30);
	assert_int_equal(r.event_n, 3);
	assert_int_equal(r.event[0].kind, STORE_EVENT_MATCH);
	assert_int_equal(r.event[0].how, STORE_HOW_UID);
	assert_int_equal(r.event[0].at_ms, 1000);
	assert_int_equal(r.event[0].session, 30);
	assert_int_equal(r.event[0].link, 21);
	assert_int_equal(r.event[0].item, 100);
	assert_int_equal(r.event[0].revision, 1);
	assert_int_equal(r.event[1].kind, STORE_EVENT_CONFLICT);
	assert_int_equal(r.event[1].how, STORE_HOW_DEVICE);
	assert_int_equal(r.event[2].revision, 2);
	assert_int_equal(r.event[2].at_ms, 2000);
	assert_int_equal(get(env, tx, 31).event_n, 1);
	t_commit(env, &tx);
}

/* All holds of one session, and nothing else. */
static void
holds_are_decided(void **state)
{
	struct t_env *env = *state;
	struct store_tx *tx = t_begin(env, env->anna, STORE_WRITE, 1000);
	struct store_event v[] = {
		event(30, STORE_EVENT_CONFLICT, 100, STORE_HOW_EDIT),
		event(30, STORE_EVENT_HOLD, 100, STORE_HOW_NONE),
		event(30, STORE_EVENT_HOLD, 101, STORE_HOW_NONE),
		event(31, STORE_EVENT_HOLD, 100, STORE_HOW_NONE),
	};
	struct store_report r;

	put(env, tx, NULL, 0, v, 4);
	OK(env, tx->v->holds_decided(tx, 30, STORE_HOW_REFUSED, &env->e));
	r = get(env, tx, 30);
	assert_int_equal(r.event_n, 3);
	assert_int_equal(r.event[0].how, STORE_HOW_EDIT);
	assert_int_equal(r.event[1].how, STORE_HOW_REFUSED);
	assert_int_equal(r.event[2].how, STORE_HOW_REFUSED);
	assert_int_equal(get(env, tx, 31).event[0].how, STORE_HOW_NONE);
	t_commit(env, &tx);
	tx = t_begin(env, env->anna, STORE_READ, 1000);
	FAILS(env, ERR_BUG,
	      tx->v->holds_decided(tx, 30, STORE_HOW_ALLOWED, &env->e));
	tx->v->rollback(&tx);
}

/* A rollback takes it back, and a reader cannot say anything. */
static void
belongs_to_the_message(void **state)
{
	struct t_env *env = *state;
	struct store_session_store s = first_sync(30, 21);
	struct store_event v = event(30, STORE_EVENT_HOLD, 1, STORE_HOW_NONE);
	const struct store_report r = { &s, 1, &v, 1 };
	struct store_tx *tx = t_begin(env, env->anna, STORE_WRITE, 1000);

	put(env, tx, &s, 1, &v, 1);
	tx->v->rollback(&tx);
	tx = t_begin(env, env->anna, STORE_READ, 1000);
	assert_int_equal(get(env, tx, 30).store_n, 0);
	assert_int_equal(get(env, tx, 30).event_n, 0);
	FAILS(env, ERR_BUG, tx->v->report_put(tx, &r, &env->e));
	tx->v->rollback(&tx);
}

/* With the session's device, by age with the session, with the account. */
static void
goes_with_the_session(void **state)
{
	struct t_env *env = *state;
	struct store_tx *tx = t_begin(env, env->anna, STORE_WRITE, 1000);
	struct store_session_store s[] = { first_sync(30, 21),
					   first_sync(31, 21) };
	struct store_event v[] = {
		event(30, STORE_EVENT_MATCH, 100, STORE_HOW_UID),
		event(31, STORE_EVENT_MATCH, 100, STORE_HOW_UID),
	};
	struct store_report r;
	int64_t n;

	t_device(env, tx, 20, "D");
	session(env, tx, 30, 5000);
	session(env, tx, 31, 9000);
	put(env, tx, s, 2, v, 2);
	t_commit(env, &tx);
	/* Twice: first they end, then they go. */
	for (int i = 0; i < 2; i++)
		OK(env, env->s->v->prune(env->s, 8000, 8000, 0, &n, &env->e));
	tx = t_begin(env, env->anna, STORE_WRITE, 1000);
	r = get(env, tx, 30);
	assert_int_equal(r.store_n, 0);
	assert_int_equal(r.event_n, 0);
	r = get(env, tx, 31);
	assert_int_equal(r.store_n, 1);
	assert_int_equal(r.event_n, 1);
	OK(env, tx->v->device_drop(tx, 20, &env->e));
	r = get(env, tx, 31);
	assert_int_equal(r.store_n, 0);
	assert_int_equal(r.event_n, 0);
	t_commit(env, &tx);
	t_sound(env);
}

/* ---- questions ------------------------------------------------------------
 */

static struct store_table
ask(struct t_env *env, const char *sql, const struct slice *param, size_t n,
    size_t limit)
{
	struct store_table t = { .row_n = 77 };

	OK(env,
	   env->s->v->query(env->s, env->a, sql, param, n, limit, &t, &env->e));
	return t;
}

/* The only value that it brings. */
static struct slice
one(struct t_env *env, const char *sql)
{
	struct store_table t = ask(env, sql, NULL, 0, 10);

	assert_int_equal(t.col_n, 1);
	assert_int_equal(t.row_n, 1);
	return t.cell[0];
}

static void
questions(void **state)
{
	struct t_env *env = *state;
	const struct slice p[] = { SLICE_LIT("Anna"), SLICE_LIT("3") };
	struct store_table t;

	t = ask(env,
		"SELECT 'x' AS a, 7 AS b, CAST(NULL AS INTEGER) AS c,"
		" '' AS d",
		NULL, 0, 5);
	assert_int_equal(t.col_n, 4);
	assert_int_equal(t.row_n, 1);
	assert_false(t.more);
	SLICE_IS(t.name[0], "a");
	SLICE_IS(t.name[3], "d");
	SLICE_IS(t.cell[0], "x");
	SLICE_IS(t.cell[1], "7");
	assert_null(t.cell[2].p);
	assert_non_null(t.cell[3].p);
	SLICE_IS(t.cell[3], "");
	assert_false(t.number[0]);
	assert_true(t.number[1]);
	/* Parameters, in any order, more than once, or not at all. */
	t = ask(env, "SELECT $2 || $1 || $2 AS x", p, 2, 5);
	SLICE_IS(t.cell[0], "3Anna3");
	t = ask(env, "SELECT 1 AS x WHERE 'a' = $2", p, 2, 5);
	assert_int_equal(t.row_n, 0);
	assert_int_equal(t.col_n, 1);
	/* No more than asked for, and that there is more. */
	t = ask(env, "SELECT 1 AS x UNION ALL SELECT 2 UNION ALL SELECT 3",
		NULL, 0, 2);
	assert_int_equal(t.row_n, 2);
	assert_true(t.more);
	t = ask(env, "SELECT 1 AS x UNION ALL SELECT 2 UNION ALL SELECT 3",
		NULL, 0, 3);
	assert_int_equal(t.row_n, 3);
	assert_false(t.more);
}

static void
questions_only_read(void **state)
{
	static const char *const bad[] = {
		"DELETE FROM lease",
		"SELECT 1 AS x; SELECT 2 AS y",
		"SELECT no_such_column FROM lease",
		"SELECT",
		"",
	};
	struct t_env *env = *state;
	struct store_table t;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		FAILS(env, ERR_CONFIG,
		      env->s->v->query(env->s, env->a, bad[i], NULL, 0, 5, &t,
				       &env->e));
	SLICE_IS(one(env, "SELECT 1 AS x"), "1"); /* it works on */
}

/* ---- logins ---------------------------------------------------------------
 */

static struct store_auth_day
logins(int64_t day, const char *user, const char *net, enum store_auth what,
       int64_t n)
{
	return (struct store_auth_day){ .day = day,
					.user = slice_c(user),
					.net = slice_c(net),
					.what = what,
					.n = n,
					.last_ms = day * 86400000 + n };
}

#define DAY "SELECT CAST(coalesce(sum(n), 0) AS INTEGER) AS x FROM auth_day"

static void
logins_add_up(void **state)
{
	struct t_env *env = *state;
	struct store_auth_day in[] = {
		logins(3, "anna", "192.0.2.0/24", STORE_AUTH_WRONG, 4),
		logins(3, "ANNA", "192.0.2.0/24", STORE_AUTH_WRONG, 3),
		logins(3, "anna", "192.0.2.0/24", STORE_AUTH_RIGHT, 1),
		logins(3, "nobody", "192.0.2.0/24", STORE_AUTH_WRONG, 10),
		logins(3, "no one", "192.0.2.0/24", STORE_AUTH_WRONG, 20),
		logins(3, "", "192.0.2.0/24", STORE_AUTH_HELD, 5),
		logins(4, "bert", "local", STORE_AUTH_RIGHT, 1),
	};

	OK(env, env->s->v->auth_count(env->s, in, 7, 100, &env->e));
	OK(env, env->s->v->auth_count(env->s, NULL, 0, 100, &env->e));
	SLICE_IS(one(env, "SELECT CAST(count(*) AS INTEGER) AS x"
			  " FROM auth_day"),
		 "5");
	SLICE_IS(one(env, DAY " WHERE what = 2 AND account_id <> 0"), "7");
	SLICE_IS(one(env, DAY " WHERE what = 2 AND account_id = 0"), "30");
	SLICE_IS(one(env, DAY " WHERE what = 3"), "5");
	SLICE_IS(one(env, "SELECT last_ms AS x FROM auth_day"
			  " WHERE what = 2 AND account_id <> 0"),
		 "259200004");
	SLICE_IS(one(env, DAY " WHERE day = 4 AND net = 'local'"), "1");
	t_sound(env);
}

/* A thousand addresses a second must not fill the table. */
static void
logins_are_bounded(void **state)
{
	enum { MAX = 20 };
	struct t_env *env = *state;
	struct store_auth_day in[3 * MAX];

	for (int i = 0; i < 3 * MAX; i++)
		in[i] = logins(5, i % 2 == 0 ? "anna" : "x",
			       arena_printf(env->a, "10.0.%d.0/24", i).p,
			       STORE_AUTH_WRONG, 1);
	OK(env, env->s->v->auth_count(env->s, in, 3 * MAX, MAX, &env->e));
	OK(env, env->s->v->auth_count(env->s, in, 3 * MAX, MAX, &env->e));
	SLICE_IS(one(env, DAY), "120"); /* none is lost */
	SLICE_IS(one(env, DAY " WHERE net = 'other' AND account_id = 0"), "80");
	SLICE_IS(one(env, "SELECT CAST(count(*) AS INTEGER) AS x"
			  " FROM auth_day"),
		 "21");
	/* Right ones are not crowded out by it, and another day has room. */
	in[1].what = STORE_AUTH_RIGHT;
	OK(env, env->s->v->auth_count(env->s, &in[1], 1, MAX, &env->e));
	SLICE_IS(one(env, DAY " WHERE net <> 'other' AND what = 1"), "1");
	in[0].day = 6;
	OK(env, env->s->v->auth_count(env->s, in, 1, MAX, &env->e));
	SLICE_IS(one(env, DAY " WHERE net <> 'other' AND day = 6"), "1");
}

/* ---- nodes and leases -----------------------------------------------------
 */

static void
nodes(void **state)
{
	struct t_env *env = *state;
	struct store_node in = { SLICE_LIT("id1"), SLICE_LIT("north"),
				 SLICE_LIT("1.0"), 1000, false };
	struct store_table t;

	OK(env, env->s->v->node_beat(env->s, &in, &env->e));
	in.version = SLICE_LIT("1.1");
	in.stopped = true;
	OK(env, env->s->v->node_beat(env->s, &in, &env->e));
	in.id = SLICE_LIT("id2");
	in.stopped = false;
	OK(env, env->s->v->node_beat(env->s, &in, &env->e));
	t = ask(env,
		"SELECT node_id, name, version, schema_no, started_ms,"
		" stopped, last_ms FROM node ORDER BY node_id",
		NULL, 0, 5);
	assert_int_equal(t.row_n, 2);
	SLICE_IS(t.cell[0], "id1");
	SLICE_IS(t.cell[1], "north");
	SLICE_IS(t.cell[2], "1.1");
	SLICE_IS(t.cell[3], "2");
	SLICE_IS(t.cell[4], "1000");
	SLICE_IS(t.cell[5], "1");
	/* Its clock says that it is past 2020. */
	assert_int_equal(t.cell[6].n, 13);
	assert_true(t.cell[6].p[1] >= '5');
	SLICE_IS(t.cell[12], "0");
}

static bool
lease(struct t_env *env, const char *name, const char *owner, int64_t ms)
{
	bool got = ms > 0;

	OK(env, env->s->v->lease_take(env->s, name, slice_c(owner), ms, &got,
				      &env->e));
	return got;
}

static void
leases(void **state)
{
	struct t_env *env = *state;

	assert_true(lease(env, "prune", "a", 600000));
	assert_false(lease(env, "prune", "b", 600000));
	assert_true(lease(env, "push", "b", 600000));  /* another one */
	assert_true(lease(env, "prune", "a", 600000)); /* renewed */
	/* Who does not have it cannot give it back. */
	assert_false(lease(env, "prune", "b", 0));
	assert_false(lease(env, "prune", "b", 600000));
	assert_false(lease(env, "prune", "a", 0));
	assert_true(lease(env, "prune", "b", 600000));
	assert_false(lease(env, "prune", "a", 600000));
	/* One that ran out. */
	assert_true(lease(env, "push", "b", 1));
	while (!lease(env, "push", "a", 600000))
		;
	assert_false(lease(env, "push", "b", 600000));
}

static void
site_rows_age(void **state)
{
	struct t_env *env = *state;
	struct store_node in = { SLICE_LIT("id1"), SLICE_LIT("north"),
				 SLICE_LIT("1.0"), 1000, false };
	struct store_auth_day day[] = {
		logins(3, "anna", "local", STORE_AUTH_WRONG, 4),
		logins(4, "anna", "local", STORE_AUTH_WRONG, 3),
	};
	int64_t n;

	OK(env, env->s->v->node_beat(env->s, &in, &env->e));
	OK(env, env->s->v->auth_count(env->s, day, 2, 100, &env->e));
	OK(env,
	   env->s->v->prune(env->s, 4 * 86400000LL + 5, 0, 0, &n, &env->e));
	assert_int_equal(n, 1);
	SLICE_IS(one(env, DAY), "3");
	SLICE_IS(one(env, "SELECT node_id AS x FROM node"), "id1");
	OK(env, env->s->v->prune(env->s, INT64_MAX, 0, 0, &n, &env->e));
	assert_int_equal(n, 2);
	SLICE_IS(one(env, "SELECT CAST(count(*) AS INTEGER) AS x FROM node"),
		 "0");
}

static const struct CMUnitTest TESTS[] = {
	T(stores),
	T(events),
	T(holds_are_decided),
	T(belongs_to_the_message),
	T(goes_with_the_session),
	T(questions),
	T(questions_only_read),
	T(logins_add_up),
	T(logins_are_bounded),
	T(nodes),
	T(leases),
	T(site_rows_age),
};
T_GROUP(report, "reports and nodes", TESTS);
