#include "tests/store/t_store.h"

static struct store_session
session(int64_t id, int64_t device, const char *sid, const char *token)
{
	return (struct store_session){ .id = id,
				       .device = device,
				       .sid = slice_c(sid),
				       .token_hash = slice_c(token),
				       .last_msgid = 1,
				       .body_hash = SLICE_LIT("\0hash"),
				       .peer = SLICE_LIT("192.0.2.7"),
				       .started_ms = 100,
				       .last_ms = 200,
				       .state = SLICE_LIT("st\0ate") };
}

static struct store_session *
find(struct t_env *env, struct store_tx *tx, const char *token, int64_t device,
     const char *sid)
{
	struct store_session *out = NULL;

	OK(env, tx->v->session_find(tx, env->a, slice_c(token), device,
				    slice_c(sid), &out, &env->e));
	return out;
}

static void
round_trip(void **state)
{
	struct t_env *env = *state;
	struct store_tx *tx = t_begin(env, env->anna, STORE_WRITE, 5);
	struct store_session in = session(30, 20, "1", "token");
	struct slice reply = SLICE_LIT("re\0ply");
	struct store_session *s;
	struct slice *answer;

	t_device(env, tx, 20, "D");
	assert_null(find(env, tx, "token", 0, ""));
	OK(env, tx->v->session_put(tx, &in, NULL, &env->e));
	OK(env, tx->v->answer_get(tx, env->a, 30, &answer, &env->e));
	assert_null(answer);
	OK(env, tx->v->session_put(tx, &in, &reply, &env->e));
	s = find(env, tx, "token", 0, "");
	assert_non_null(s);
	assert_int_equal(s->id, 30);
	assert_int_equal(s->device, 20);
	SLICE_IS(s->sid, "1");
	SLICE_IS(s->token_hash, "token");
	assert_int_equal(s->last_msgid, 1);
	assert_true(slice_eq(s->body_hash, in.body_hash));
	SLICE_IS(s->peer, "192.0.2.7");
	assert_false(s->closed);
	assert_int_equal(s->started_ms, 100);
	assert_int_equal(s->last_ms, 200);
	assert_true(slice_eq(s->state, in.state));
	assert_int_equal(s->verdict.n, 0);
	assert_int_equal(s->failed, 0);
	/* The next message; the answer is kept where none is given. */
	in.last_msgid = 2;
	in.state = SLICE_LIT("");
	in.closed = true;
	in.failed = 3;
	in.verdict = SLICE_LIT("done");
	OK(env, tx->v->session_put(tx, &in, NULL, &env->e));
	s = find(env, tx, "token", 0, "");
	assert_int_equal(s->last_msgid, 2);
	assert_int_equal(s->state.n, 0);
	assert_true(s->closed);
	assert_int_equal(s->failed, 3);
	SLICE_IS(s->verdict, "done");
	OK(env, tx->v->answer_get(tx, env->a, 30, &answer, &env->e));
	assert_non_null(answer);
	assert_true(slice_eq(*answer, reply));
	reply = SLICE_LIT("");
	OK(env, tx->v->session_put(tx, &in, &reply, &env->e));
	OK(env, tx->v->answer_get(tx, env->a, 30, &answer, &env->e));
	assert_non_null(answer);
	assert_int_equal(answer->n, 0);
	t_commit(env, &tx);
	t_sound(env);
}

static void
by_sid(void **state)
{
	struct t_env *env = *state;
	struct store_tx *tx = t_begin(env, env->anna, STORE_WRITE, 5);
	struct store_session in;

	t_device(env, tx, 20, "D");
	t_device(env, tx, 21, "E");
	in = session(30, 20, "1", "a");
	OK(env, tx->v->session_put(tx, &in, NULL, &env->e));
	in = session(31, 20, "1", "b"); /* phones use 1 again and again */
	OK(env, tx->v->session_put(tx, &in, NULL, &env->e));
	in = session(32, 20, "2", "c");
	OK(env, tx->v->session_put(tx, &in, NULL, &env->e));
	in = session(33, 21, "1", "");
	OK(env, tx->v->session_put(tx, &in, NULL, &env->e));
	in = session(34, 21, "1", ""); /* two without a token */
	OK(env, tx->v->session_put(tx, &in, NULL, &env->e));
	assert_int_equal(find(env, tx, "", 20, "1")->id, 31);
	assert_true(find(env, tx, "", 20, "1")->state.n > 0);
	assert_int_equal(find(env, tx, "", 20, "2")->id, 32);
	assert_int_equal(find(env, tx, "", 21, "1")->id, 34);
	assert_null(find(env, tx, "", 20, "3"));
	assert_null(find(env, tx, "", 22, "1"));
	assert_int_equal(find(env, tx, "a", 0, "")->id, 30);
	assert_null(find(env, tx, "A", 0, ""));
	in = session(35, 21, "1", "a");
	FAILS(env, ERR_CONFLICT, tx->v->session_put(tx, &in, NULL, &env->e));
	tx->v->rollback(&tx);
}

static void
supersede(void **state)
{
	struct t_env *env = *state;
	struct store_tx *tx = t_begin(env, env->anna, STORE_WRITE, 5);
	struct slice reply = SLICE_LIT("reply");
	struct store_session in;
	struct store_session *s;
	struct slice *answer;

	t_device(env, tx, 20, "D");
	t_device(env, tx, 21, "E");
	for (int64_t id = 30; id <= 33; id++) {
		in = session(id, id == 33 ? 21 : 20, "1",
			     id == 30   ? "t30"
			     : id == 31 ? "t31"
					: "");
		if (id == 30) {
			in.closed = true;
			in.verdict = SLICE_LIT("went well");
		}
		OK(env, tx->v->session_put(tx, &in, &reply, &env->e));
	}
	OK(env, tx->v->session_supersede(tx, 20, 32, SLICE_LIT("a new one"),
					 &env->e));
	OK(env, tx->v->answer_get(tx, env->a, 30, &answer, &env->e));
	assert_null(answer);
	OK(env, tx->v->answer_get(tx, env->a, 31, &answer, &env->e));
	assert_null(answer);
	OK(env, tx->v->answer_get(tx, env->a, 32, &answer, &env->e));
	assert_non_null(answer);
	OK(env, tx->v->answer_get(tx, env->a, 33, &answer, &env->e));
	assert_non_null(answer);
	s = find(env, tx, "", 20, "1");
	assert_int_equal(s->id, 32);
	assert_false(s->closed);
	assert_true(s->state.n > 0);
	/* Of the others the newest one keeps its state, however often. */
	for (int i = 0; i < 2; i++) {
		s = find(env, tx, "t31", 0, "");
		assert_true(s->closed);
		assert_true(s->state.n > 0);
		s = find(env, tx, "t30", 0, "");
		assert_int_equal(s->state.n, 0);
		OK(env, tx->v->session_supersede(tx, 20, 32, SLICE_LIT("again"),
						 &env->e));
	}
	OK(env,
	   tx->v->session_supersede(tx, 20, 0, SLICE_LIT("later"), &env->e));
	s = find(env, tx, "", 20, "1");
	assert_true(s->closed);
	SLICE_IS(s->verdict, "later");
	assert_int_equal(s->state.n, 0);
	t_commit(env, &tx);
	t_sound(env);
}

static void
supersede_verdicts(void **state)
{
	struct t_env *env = *state;
	struct store_tx *tx = t_begin(env, env->anna, STORE_WRITE, 5);
	struct store_session in;
	struct store_session *s;
	size_t n;

	t_device(env, tx, 20, "D");
	in = session(30, 20, "1", "");
	in.closed = true;
	in.verdict = SLICE_LIT("went well");
	OK(env, tx->v->session_put(tx, &in, NULL, &env->e));
	in = session(31, 20, "2", "");
	OK(env, tx->v->session_put(tx, &in, NULL, &env->e));
	OK(env, tx->v->session_supersede(tx, 20, 32, SLICE_LIT("a new one"),
					 &env->e));
	OK(env, tx->v->session_list(tx, env->a, 20, 10, &s, &n, &env->e));
	assert_int_equal(n, 2);
	assert_int_equal(s[0].id, 31); /* newest first */
	assert_true(s[0].closed);
	SLICE_IS(s[0].verdict, "a new one");
	SLICE_IS(s[1].verdict, "went well"); /* was closed before */
	OK(env, tx->v->session_list(tx, env->a, 20, 1, &s, &n, &env->e));
	assert_int_equal(n, 1);
	assert_int_equal(s[0].id, 31);
	assert_int_equal(s[0].state.n, 0);
	t_commit(env, &tx);
}

static void
list_all(void **state)
{
	struct t_env *env = *state;
	struct store_tx *tx = t_begin(env, env->anna, STORE_WRITE, 5);
	struct store_session in;
	struct store_session *s;
	size_t n;

	t_device(env, tx, 20, "D");
	t_device(env, tx, 21, "E");
	for (int64_t id = 30; id < 40; id++) {
		in = session(id, 20 + id % 2, "1", "");
		OK(env, tx->v->session_put(tx, &in, NULL, &env->e));
	}
	OK(env, tx->v->session_list(tx, env->a, 0, 100, &s, &n, &env->e));
	assert_int_equal(n, 10);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(s[i].id, 39 - i);
		assert_int_equal(s[i].state.n, 0); /* left out */
	}
	OK(env, tx->v->session_list(tx, env->a, 21, 100, &s, &n, &env->e));
	assert_int_equal(n, 5);
	t_commit(env, &tx);
}

/* Open ones, the longest silent first; not those of others, nor old ones. */
static void
list_open(void **state)
{
	static const int64_t last[] = { 500, 300, 400, 100, 200 };
	struct t_env *env = *state;
	struct store_tx *tx = t_begin(env, env->anna, STORE_WRITE, 5);
	struct store_session *s;
	size_t n;

	for (int64_t i = 0; i < 5; i++) {
		char name[2] = { (char)('A' + i), '\0' };
		struct store_session in = session(30 + i, 20 + i, "1", "");

		t_device(env, tx, 20 + i, name);
		in.last_ms = last[i];
		in.closed = i == 1;
		OK(env, tx->v->session_put(tx, &in, NULL, &env->e));
	}
	OK(env, tx->v->session_open(tx, env->a, 200, &s, &n, &env->e));
	assert_int_equal(n, 3);
	assert_int_equal(s[0].id, 34);
	assert_int_equal(s[1].id, 32);
	assert_int_equal(s[2].id, 30);
	assert_int_equal(s[2].state.n, 0); /* left out */
	OK(env, tx->v->session_supersede(tx, 22, 0, SLICE_LIT("x"), &env->e));
	OK(env, tx->v->session_open(tx, env->a, 0, &s, &n, &env->e));
	assert_int_equal(n, 3);
	assert_int_equal(s[0].id, 33);
	t_commit(env, &tx);
	tx = t_begin(env, env->bert, STORE_READ, 5);
	OK(env, tx->v->session_open(tx, env->a, 0, &s, &n, &env->e));
	assert_int_equal(n, 0);
	t_commit(env, &tx);
}

static void
stories(void **state)
{
	struct t_env *env = *state;
	struct store_tx *tx = t_begin(env, env->anna, STORE_WRITE, 5);
	const struct store_story a[] = {
		{ 10, '>', SLICE_LIT("device spoke") },
		{ 20, '<', SLICE_LIT("server spoke") },
	};
	const struct store_story b = { 5, '=', SLICE_LIT("decided") };
	struct store_story *s;
	size_t n;

	OK(env, tx->v->story_add(tx, 30, a, 2, &env->e));
	OK(env, tx->v->story_add(tx, 31, a, 1, &env->e));
	OK(env, tx->v->story_add(tx, 30, &b, 1, &env->e));
	OK(env, tx->v->story_add(tx, 30, NULL, 0, &env->e));
	OK(env, tx->v->story_get(tx, env->a, 30, &s, &n, &env->e));
	assert_int_equal(n, 3);
	SLICE_IS(s[0].text, "device spoke");
	assert_int_equal(s[0].who, '>');
	assert_int_equal(s[0].at_ms, 10);
	SLICE_IS(s[2].text, "decided"); /* in the order told */
	assert_int_equal(s[2].who, '=');
	OK(env, tx->v->story_get(tx, env->a, 32, &s, &n, &env->e));
	assert_int_equal(n, 0);
	tx->v->rollback(&tx);
}

/* An answer of the largest size comes back byte for byte. */
static void
large_answer(void **state)
{
	struct t_env *env = *state;
	enum { BIG = 900000 };
	char *big = malloc(BIG);
	struct store_tx *tx = t_begin(env, env->anna, STORE_WRITE, 5);
	struct store_session in = session(30, 20, "1", "");
	struct slice reply = { big, BIG };
	struct slice *answer;

	assert_non_null(big);
	for (size_t k = 0; k < BIG; k++)
		big[k] = (char)(k * 13 + k / 250);
	in.state = reply;
	t_device(env, tx, 20, "D");
	OK(env, tx->v->session_put(tx, &in, &reply, &env->e));
	t_commit(env, &tx);
	tx = t_begin(env, env->anna, STORE_READ, 5);
	OK(env, tx->v->answer_get(tx, env->a, 30, &answer, &env->e));
	assert_non_null(answer);
	assert_true(slice_eq(*answer, reply));
	assert_true(slice_eq(find(env, tx, "", 20, "1")->state, reply));
	t_commit(env, &tx);
	free(big);
}

static const struct CMUnitTest TESTS[] = {
	T(round_trip), T(by_sid),    T(supersede), T(supersede_verdicts),
	T(list_all),   T(list_open), T(stories),   T(large_answer),
};
T_GROUP(session, "sessions", TESTS);
