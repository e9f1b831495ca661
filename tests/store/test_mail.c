/*
 * The mirror of a mailbox: logins, folders, places, bytes, effects.
 */
#include "pim/mail.h"
#include "tests/store/t_store.h"

static const struct store_mail_vtbl *
mv(const struct t_env *env)
{
	return env->s->v->mail;
}

static struct store_mail_login
login(int64_t next_ms)
{
	return (struct store_mail_login){
		.on = true,
		.host = SLICE_LIT("imap.example.com"),
		.port = 993,
		.security = STORE_MAIL_TLS,
		.user = SLICE_LIT("an\0na"),
		.sealed = SLICE_LIT("\1\2\0\3"),
		.addresses = SLICE_LIT("anna@example.com a@example.com"),
		.days = 30,
		.count = 500,
		.cap = 65536,
		.health = STORE_MAIL_AWAY,
		.why = SLICE_LIT("no answer"),
		.last_ms = 7,
		.next_ms = next_ms,
		.fails = 3,
	};
}

static void
logins(void **state)
{
	struct t_env *env = *state;
	struct store_tx *tx = t_begin(env, env->anna, STORE_WRITE, 5);
	struct store_mail_login in = login(900);
	struct store_mail_login *out;
	bool mine[STORE_BUCKETS];
	size_t n;

	OK(env, mv(env)->login_get(tx, env->a, &out, &env->e));
	assert_null(out);
	in.user = (struct slice){ "an\0na", 5 };
	in.sealed = (struct slice){ "\1\2\0\3", 4 };
	OK(env, mv(env)->login_put(tx, &in, &env->e));
	OK(env, mv(env)->login_get(tx, env->a, &out, &env->e));
	assert_non_null(out);
	assert_true(out->on && !out->master && out->account == env->anna);
	SLICE_IS(out->host, "imap.example.com");
	assert_int_equal(out->port, 993);
	assert_int_equal(out->security, STORE_MAIL_TLS);
	assert_true(slice_eq(out->user, in.user));
	assert_true(slice_eq(out->sealed, in.sealed));
	SLICE_IS(out->addresses, "anna@example.com a@example.com");
	assert_true(out->days == 30 && out->count == 500 && out->cap == 65536);
	assert_int_equal(out->health, STORE_MAIL_AWAY);
	SLICE_IS(out->why, "no answer");
	assert_true(out->last_ms == 7 && out->next_ms == 900 &&
		    out->fails == 3);
	t_commit(env, &tx);
	/* watched, in its bucket */
	memset(mine, 1, sizeof(mine));
	OK(env,
	   mv(env)->logins_due(env->s, env->a, mine, 9, &out, &n, &env->e));
	assert_int_equal(n, 1);
	assert_true(out->account == env->anna && out->next_ms == 900);
	mine[store_bucket(env->anna)] = false;
	OK(env,
	   mv(env)->logins_due(env->s, env->a, mine, 9, &out, &n, &env->e));
	assert_int_equal(n, 0);
	/* not watched any more; gone */
	memset(mine, 1, sizeof(mine));
	in = login(INT64_MAX);
	tx = t_begin(env, env->anna, STORE_WRITE, 6);
	OK(env, mv(env)->login_put(tx, &in, &env->e));
	OK(env, mv(env)->login_get(tx, env->a, &out, &env->e));
	assert_true(out->next_ms == INT64_MAX);
	t_commit(env, &tx);
	OK(env,
	   mv(env)->logins_due(env->s, env->a, mine, 9, &out, &n, &env->e));
	assert_int_equal(n, 0);
	tx = t_begin(env, env->anna, STORE_WRITE, 7);
	OK(env, mv(env)->login_drop(tx, &env->e));
	OK(env, mv(env)->login_get(tx, env->a, &out, &env->e));
	assert_null(out);
	t_commit(env, &tx);
}

static void
folders(void **state)
{
	struct t_env *env = *state;
	struct store_tx *tx = t_begin(env, env->anna, STORE_WRITE, 5);
	struct store_mail_folder f[2] = {
		{ 1, SLICE_LIT("INBOX"), STORE_MAIL_INBOX, 4000000000, 17,
		  INT64_C(1) << 62, 55 },
		{ 2, SLICE_LIT("Gesendet \xC3\xBC"), STORE_MAIL_SENT, 1, 2, 0,
		  0 },
	};
	const struct store_mail_place p = { .collection = 1, .uid = 3 };
	struct store_mail_folder *out;
	struct store_mail_place *place;
	size_t n;

	OK(env, mv(env)->folder_put(tx, f, 2, &env->e));
	f[0].uidnext = 18;
	OK(env, mv(env)->folder_put(tx, f, 1, &env->e));
	OK(env, mv(env)->folder_list(tx, env->a, &out, &n, &env->e));
	assert_int_equal(n, 2);
	assert_true(out[0].collection == 1 && out[0].uidnext == 18 &&
		    out[0].uidvalidity == 4000000000 &&
		    out[0].highestmodseq == INT64_C(1) << 62 &&
		    out[0].seen_ms == 55 && out[0].role == STORE_MAIL_INBOX);
	SLICE_IS(out[1].name, "Gesendet \xC3\xBC");
	OK(env, mv(env)->place_put(tx, &p, 1, &env->e));
	OK(env, mv(env)->folder_drop(tx, 1, &env->e));
	OK(env, mv(env)->folder_list(tx, env->a, &out, &n, &env->e));
	assert_int_equal(n, 1);
	OK(env, mv(env)->place_page(tx, env->a, 1, 0, 9, &place, &n, &env->e));
	assert_int_equal(n, 0);
	t_commit(env, &tx);
}

static void
places(void **state)
{
	struct t_env *env = *state;
	struct store_tx *tx = t_begin(env, env->anna, STORE_WRITE, 5);
	struct store_mail_place p[4] = {
		{ 1, 10, 100, PIM_MAIL_READ, 7, 1234 },
		{ 1, 4294967295, 101, 0, 0, 5 },
		{ 1, 12, 0, PIM_MAIL_FLAGGED, 8, 6 },
		{ 2, 10, 102, 0, 0, 7 },
	};
	const int64_t item[3] = { 102, 0, 100 };
	const int64_t uid[2] = { 10, 99 };
	struct store_mail_place *out;
	size_t n;

	OK(env, mv(env)->place_put(tx, p, 4, &env->e));
	OK(env, mv(env)->place_page(tx, env->a, 1, 0, 2, &out, &n, &env->e));
	assert_int_equal(n, 2);
	assert_true(out[0].uid == 10 && out[0].item == 100 &&
		    out[0].flags == PIM_MAIL_READ && out[0].modseq == 7 &&
		    out[0].size == 1234);
	assert_true(out[1].uid == 12 && out[1].item == 0);
	OK(env, mv(env)->place_page(tx, env->a, 1, 12, 2, &out, &n, &env->e));
	assert_int_equal(n, 1);
	assert_true(out[0].uid == 4294967295);
	OK(env, mv(env)->place_of(tx, env->a, item, 3, &out, &n, &env->e));
	assert_int_equal(n, 2);
	assert_true(out[0].item == 102 && out[0].collection == 2);
	assert_true(out[1].item == 100 && out[1].uid == 10);
	p[0].flags = PIM_MAIL_REPLIED;
	OK(env, mv(env)->place_put(tx, p, 1, &env->e));
	OK(env, mv(env)->place_of(tx, env->a, item + 2, 1, &out, &n, &env->e));
	assert_true(n == 1 && out[0].flags == PIM_MAIL_REPLIED);
	OK(env, mv(env)->place_drop(tx, 1, uid, 2, &env->e));
	OK(env, mv(env)->place_page(tx, env->a, 1, 0, 9, &out, &n, &env->e));
	assert_true(n == 2 && out[0].uid == 12);
	t_commit(env, &tx);
}

static struct store_mail_body
body(int64_t item, const char *text)
{
	return (struct store_mail_body){ item, true, slice_c(text) };
}

static void
bodies(void **state)
{
	struct t_env *env = *state;
	struct store_tx *tx = t_begin(env, env->anna, STORE_WRITE, 5);
	struct store_write w[3] = { t_new(tx, 1, "a"), t_new(tx, 2, "b"),
				    t_new(tx, 3, "c") };
	struct store_mail_body b[3] = { body(w[0].item, "12345"),
					body(w[1].item, "1234567"),
					body(w[2].item, "123") };
	const int64_t id[4] = { w[2].item, 999, w[1].item, w[0].item };
	struct store_mail_body *out;
	size_t n;

	OK(env, tx->v->item_put(tx, w, 3, &env->e));
	b[1].bytes = (struct slice){ "\0\xFF\r\n..\n", 7 };
	b[1].whole = false;
	OK(env, mv(env)->body_put(tx, b, 3, &env->e));
	OK(env, mv(env)->body_get(tx, env->a, id, 4, 1000, &out, &n, &env->e));
	assert_int_equal(n, 3);
	assert_true(out[0].item == w[2].item && out[0].whole);
	assert_true(out[1].item == w[1].item && !out[1].whole &&
		    slice_eq(out[1].bytes, b[1].bytes));
	/* what does not fit is left out, but the first */
	OK(env, mv(env)->body_get(tx, env->a, id, 4, 10, &out, &n, &env->e));
	assert_int_equal(n, 2);
	OK(env, mv(env)->body_get(tx, env->a, id, 4, 9, &out, &n, &env->e));
	assert_int_equal(n, 1);
	OK(env, mv(env)->body_get(tx, env->a, id + 2, 2, 0, &out, &n, &env->e));
	assert_true(n == 1 && out[0].item == w[1].item);
	/* replaced, dropped, purged with the item */
	b[0].bytes = SLICE_LIT("new");
	OK(env, mv(env)->body_put(tx, b, 1, &env->e));
	OK(env, mv(env)->body_get(tx, env->a, id + 3, 1, 9, &out, &n, &env->e));
	SLICE_IS(out[0].bytes, "new");
	OK(env, mv(env)->body_drop(tx, id + 3, 1, &env->e));
	OK(env, tx->v->item_purge(tx, w[1].item, &env->e));
	OK(env, mv(env)->body_get(tx, env->a, id, 4, 99, &out, &n, &env->e));
	assert_true(n == 1 && out[0].item == w[2].item);
	t_commit(env, &tx);
	t_sound(env);
}

/* A tombstone's end takes the bytes along. */
static void
pruned(void **state)
{
	struct t_env *env = *state;
	struct store_tx *tx = t_begin(env, env->anna, STORE_WRITE, 5);
	struct store_write w = t_new(tx, 1, "a");
	struct store_mail_body b = body(w.item, "12345");
	struct store_mail_effect f[2] = {
		{ .id = SLICE_LIT("done"),
		  .what = STORE_EFFECT_DELETE,
		  .state = STORE_EFFECT_DONE,
		  .next_ms = INT64_MAX },
		{ .id = SLICE_LIT("open"),
		  .what = STORE_EFFECT_DELETE,
		  .state = STORE_EFFECT_QUEUED,
		  .next_ms = 1 },
	};
	struct store_mail_effect *left;
	struct store_mail_body *out;
	struct store_item head;
	int64_t rows;
	size_t n;

	t_put(env, tx, w);
	OK(env, mv(env)->body_put(tx, &b, 1, &env->e));
	OK(env, mv(env)->effect_add(tx, f, 2, &env->e));
	t_commit(env, &tx);
	tx = t_begin(env, env->anna, STORE_WRITE, 6);
	head = t_head(env, tx, w.item);
	t_put(env, tx, t_delete(&head));
	t_commit(env, &tx);
	OK(env, env->s->v->prune(env->s, 1000, 1000, 1000, &rows, &env->e));
	tx = t_begin(env, env->anna, STORE_READ, 7);
	OK(env,
	   mv(env)->body_get(tx, env->a, &w.item, 1, 99, &out, &n, &env->e));
	assert_int_equal(n, 0);
	OK(env, mv(env)->effect_list(tx, env->a, 0, 9, &left, &n, &env->e));
	assert_int_equal(n, 1);
	SLICE_IS(left[0].id, "open");
	t_commit(env, &tx);
	t_sound(env);
}

static struct store_mail_effect
effect(const char *id, int64_t item, int64_t next_ms)
{
	return (struct store_mail_effect){
		.id = slice_c(id),
		.what = STORE_EFFECT_MOVE,
		.item = item,
		.collection = 1,
		.to = 2,
		.flags_on = PIM_MAIL_READ,
		.flags_off = PIM_MAIL_DRAFT,
		.bytes = INT64_C(1) << 33,
		.message_id = { "m\xFF@x", 4 },
		.device = 20,
		.state = STORE_EFFECT_QUEUED,
		.reason = SLICE_LIT(""),
		.next_ms = next_ms,
	};
}

static void
effects(void **state)
{
	struct t_env *env = *state;
	struct store_tx *tx = t_begin(env, env->anna, STORE_WRITE, 5);
	struct store_mail_effect f[3] = { effect("b", 100, 30),
					  effect("a", 100, 20),
					  effect("c", 101, INT64_MAX) };
	const struct slice id[2] = { SLICE_LIT("c"), SLICE_LIT("none") };
	const int64_t item[2] = { 101, 100 };
	struct store_mail_effect *out;
	bool mine[STORE_BUCKETS];
	size_t n;

	OK(env, mv(env)->effect_add(tx, f, 3, &env->e));
	/* once more is no news */
	f[0].to = 9;
	OK(env, mv(env)->effect_add(tx, f, 1, &env->e));
	OK(env, mv(env)->effect_of(tx, env->a, item, 2, &out, &n, &env->e));
	assert_int_equal(n, 2);
	SLICE_IS(out[0].id, "a");
	SLICE_IS(out[1].id, "b");
	assert_true(out[1].to == 2 && out[1].what == STORE_EFFECT_MOVE &&
		    out[1].item == 100 && out[1].collection == 1 &&
		    out[1].flags_on == PIM_MAIL_READ &&
		    out[1].flags_off == PIM_MAIL_DRAFT &&
		    out[1].bytes == INT64_C(1) << 33 && out[1].device == 20 &&
		    out[1].state == STORE_EFFECT_QUEUED &&
		    out[1].written_ms == 5 && out[1].next_ms == 30 &&
		    out[1].attempts == 0 && out[1].account == env->anna);
	assert_true(slice_eq(out[1].message_id, f[0].message_id));
	OK(env, mv(env)->effect_get(tx, env->a, id, 2, &out, &n, &env->e));
	assert_true(n == 1 && out[0].next_ms == INT64_MAX);
	t_commit(env, &tx);
	memset(mine, 1, sizeof(mine));
	OK(env,
	   mv(env)->effects_due(env->s, env->a, mine, 1, &out, &n, &env->e));
	assert_int_equal(n, 1);
	SLICE_IS(out[0].id, "a");
	assert_true(out[0].account == env->anna);
	/* settled */
	tx = t_begin(env, env->anna, STORE_WRITE, 6);
	f[1].state = STORE_EFFECT_FAILED;
	f[1].reason = SLICE_LIT("it is gone");
	f[1].next_ms = INT64_MAX;
	f[1].attempts = 4;
	f[1].item = 7;
	OK(env, mv(env)->effect_set(tx, f + 1, 1, &env->e));
	OK(env, mv(env)->effect_list(tx, env->a, 5, 9, &out, &n, &env->e));
	assert_int_equal(n, 3);
	assert_true(out[0].state == STORE_EFFECT_FAILED &&
		    out[0].attempts == 4 && out[0].item == 7);
	SLICE_IS(out[0].reason, "it is gone");
	OK(env, mv(env)->effect_list(tx, env->a, 6, 9, &out, &n, &env->e));
	assert_int_equal(n, 0);
	t_commit(env, &tx);
	OK(env,
	   mv(env)->effects_due(env->s, env->a, mine, 9, &out, &n, &env->e));
	assert_int_equal(n, 1);
	SLICE_IS(out[0].id, "b");
}

/* The work of a server that is away hides nobody else's. */
static void
effects_of_those_away(void **state)
{
	enum { MANY = 40 };
	struct t_env *env = *state;
	struct store_tx *tx = t_begin(env, env->anna, STORE_WRITE, 5);
	struct store_mail_login l = login(900);
	struct store_mail_effect f;
	struct store_mail_effect *out;
	bool mine[STORE_BUCKETS];
	size_t n;

	memset(mine, 1, sizeof(mine));
	l.health = STORE_MAIL_OK;
	OK(env, mv(env)->login_put(tx, &l, &env->e));
	for (int i = 0; i < MANY; i++) {
		f = effect(arena_printf(env->a, "e%02d", i).p, 100, 20 + i);
		OK(env, mv(env)->effect_add(tx, &f, 1, &env->e));
	}
	OK(env, mv(env)->effect_due(tx, env->a, 25, 9, &out, &n, &env->e));
	assert_int_equal(n, 6);
	SLICE_IS(out[0].id, "e00");
	SLICE_IS(out[5].id, "e05");
	OK(env, mv(env)->effect_due(tx, env->a, 99, 9, &out, &n, &env->e));
	assert_int_equal(n, 9);
	t_commit(env, &tx);
	tx = t_begin(env, env->bert, STORE_WRITE, 5);
	f = effect("later", 100, 500);
	OK(env, mv(env)->effect_add(tx, &f, 1, &env->e));
	OK(env, mv(env)->effect_due(tx, env->a, 499, 9, &out, &n, &env->e));
	assert_int_equal(n, 0);
	t_commit(env, &tx);
	/* One of each account. */
	OK(env,
	   mv(env)->effects_due(env->s, env->a, mine, 9, &out, &n, &env->e));
	assert_int_equal(n, 2);
	tx = t_begin(env, env->anna, STORE_WRITE, 6);
	l.health = STORE_MAIL_AWAY;
	OK(env, mv(env)->login_put(tx, &l, &env->e));
	t_commit(env, &tx);
	OK(env,
	   mv(env)->effects_due(env->s, env->a, mine, 9, &out, &n, &env->e));
	assert_int_equal(n, 1);
	assert_true(out[0].account == env->bert);
	SLICE_IS(out[0].id, "later");
}

static void
newest(void **state)
{
	struct t_env *env = *state;
	struct store_tx *tx = t_begin(env, env->anna, STORE_WRITE, 5);
	const int64_t col[2] = { 1, 2 };
	struct store_write w[6];
	int64_t since;

	t_collection(env, tx, 2, "two");
	for (int i = 0; i < 6; i++) {
		w[i] = t_new(tx, (uint64_t)i, "x");
		w[i].span =
		    (struct store_span){ true, 100 * (i + 1), 100 * (i + 1) };
		w[i].collection = i % 2 == 0 ? 1 : 2;
	}
	OK(env, tx->v->item_put(tx, w, 6, &env->e));
	OK(env, mv(env)->newest(tx, col, 2, 2, &since, &env->e));
	assert_int_equal(since, 500);
	OK(env, mv(env)->newest(tx, col, 1, 2, &since, &env->e));
	assert_int_equal(since, 300);
	OK(env, mv(env)->newest(tx, col, 1, 3, &since, &env->e));
	assert_true(since == INT64_MIN);
	OK(env, mv(env)->newest(tx, col, 2, 6, &since, &env->e));
	assert_true(since == INT64_MIN);
	t_commit(env, &tx);
}

/* Leases for mail and for alarms are not each other's. */
static void
leases(void **state)
{
	struct t_env *env = *state;
	bool mine[STORE_BUCKETS];

	OK(env, env->s->v->alarm->buckets(env->s, SLICE_LIT("n1"), 60000, mine,
					  &env->e));
	OK(env,
	   mv(env)->buckets(env->s, SLICE_LIT("n2"), 60000, mine, &env->e));
	for (int b = 0; b < STORE_BUCKETS; b++)
		assert_true(mine[b]);
	OK(env,
	   mv(env)->buckets(env->s, SLICE_LIT("n1"), 60000, mine, &env->e));
	for (int b = 0; b < STORE_BUCKETS; b++)
		assert_false(mine[b]);
	OK(env,
	   mv(env)->buckets(env->s, SLICE_LIT("n2"), 60000, mine, &env->e));
	OK(env,
	   mv(env)->buckets(env->s, SLICE_LIT("n1"), 60000, mine, &env->e));
	for (int b = 0; b < STORE_BUCKETS; b++)
		assert_int_equal(mine[b], b >= STORE_BUCKETS / 2);
}

static const struct CMUnitTest TESTS[] = {
	T(logins),
	T(folders),
	T(places),
	T(bodies),
	T(pruned),
	T(effects),
	T(effects_of_those_away),
	T(newest),
	T(leases),
};
T_GROUP(mail, "mail", TESTS);
