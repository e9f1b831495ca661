/*
 * What a call costs in round trips, whatever it is asked for: that of one row
 * and that of hundreds are the same. The figures are those of
 * backends/postgres/README.md.
 */
#include "tests/store/t_store.h"

#include "backends/postgres/pg.h"

enum { MANY = 300 };

static uint64_t
trips(struct store_tx *tx)
{
	return ((struct pg_tx *)(void *)tx)->c->trips;
}

#define TRIPS(want, call)                                                      \
	do {                                                                   \
		uint64_t was = trips(tx);                                      \
		OK(env, call);                                                 \
		if (trips(tx) - was != (want))                                 \
			fail_msg("%s: %d round trips, not %d", #call,          \
				 (int)(trips(tx) - was), (int)(want));         \
	} while (0)

struct many {
	struct store_write w[MANY];
	struct store_map m[MANY];
	struct store_story line[MANY];
	struct store_rev_key key[MANY];
	struct slice luid[MANY];
	uint64_t hash[MANY];
	int64_t id[MANY];
	char name[MANY][16];
};

static struct many *
make(struct t_env *env, struct store_tx *tx)
{
	struct many *k = ARENA_NEW(env->a, struct many);

	assert_non_null(k);
	for (size_t i = 0; i < MANY; i++) {
		(void)snprintf(k->name[i], sizeof(k->name[i]), "L%zu", i);
		k->w[i] = t_new(tx, i, "body");
		k->id[i] = k->w[i].item;
		k->luid[i] = slice_c(k->name[i]);
		k->m[i] = t_map(21, 1, k->id[i], k->name[i], 1);
		k->key[i] = (struct store_rev_key){ k->id[i], 1 };
		k->hash[i] = 2000 + i;
		k->line[i] = (struct store_story){ 1, '>', SLICE_LIT("x") };
	}
	return k;
}

/* Read with n rows. */
static void
reads(struct t_env *env, struct store_tx *tx, struct many *k, size_t n)
{
	const struct store_cursor from = { 1, 0, 0 };
	const struct store_likeness like = {
		&from.collection, 1, k->hash, n, 8, 21, 7
	};
	const struct store_pending pending = { 21, 1, 0, 0, 9, n };
	const struct store_window window = { 21, 1, 1, STORE_EDGE_NONE, 0, 0,
					     0,  0, n };
	struct store_candidate *ca;
	struct store_collection *co;
	struct store_revision *re;
	struct store_change *ch;
	struct store_item *it;
	struct store_map *ma;
	struct arena *a = env->a;
	int64_t count;
	size_t got;

	TRIPS(1, tx->v->item_get(tx, a, k->id, n, true, &it, &got, &env->e));
	assert_int_equal(got, n);
	TRIPS(1,
	      tx->v->item_page(tx, a, 1, 0, n, true, true, &it, &got, &env->e));
	TRIPS(1, tx->v->item_match(tx, a, &like, &ca, &got, &env->e));
	TRIPS(1, tx->v->revision_get(tx, a, k->key, n, &re, &got, &env->e));
	TRIPS(1, tx->v->revision_match(tx, a, k->id, k->hash, n, &re, &got,
				       &env->e));
	TRIPS(1,
	      tx->v->revision_list(tx, a, k->id[0], true, &re, &got, &env->e));
	TRIPS(1, tx->v->map_by_luid(tx, a, 21, k->luid, n, &ma, &got, &env->e));
	assert_int_equal(got, n);
	TRIPS(1,
	      tx->v->map_by_item(tx, a, 21, 1, k->id, n, &ma, &got, &env->e));
	TRIPS(1, tx->v->map_pending(tx, a, &pending, &ma, &got, &env->e));
	TRIPS(1, tx->v->map_count(tx, 21, 1, &count, &env->e));
	TRIPS(1, tx->v->changes(tx, a, 21, 1, &from, INT64_MAX, n, &ch, &got,
				&env->e));
	TRIPS(1, tx->v->changes_count(tx, 21, 1, &from, INT64_MAX, &count,
				      &env->e));
	TRIPS(1, tx->v->unmapped(tx, a, 21, 7, 1, 0, n, &it, &got, &env->e));
	TRIPS(1, tx->v->window(tx, a, &window, &ch, &got, &env->e));
	TRIPS(1, tx->v->collection_list(tx, a, &co, &got, &env->e));
}

static void
items(void **state)
{
	struct t_env *env = *state;
	struct store_tx *tx = t_begin(env, env->anna, STORE_WRITE, 5);
	struct many *k = make(env, tx);

	t_device(env, tx, 20, "D");
	t_link(env, tx, 21, 20, "./C");
	TRIPS(1, tx->v->item_put(tx, k->w, 1, &env->e));
	TRIPS(1, tx->v->item_put(tx, k->w + 1, MANY - 1, &env->e));
	TRIPS(1, tx->v->map_put(tx, k->m, 1, &env->e));
	TRIPS(1, tx->v->map_put(tx, k->m + 1, MANY - 1, &env->e));
	reads(env, tx, k, 1);
	reads(env, tx, k, MANY);
	for (size_t i = 0; i < MANY; i++) {
		k->w[i].create = false;
		k->w[i].revision = 2;
		k->w[i].old_size = 4;
	}
	TRIPS(1, tx->v->item_put(tx, k->w, MANY, &env->e));
	TRIPS(1, tx->v->map_drop(tx, 21, 1, k->id, MANY, &env->e));
	TRIPS(1, tx->v->map_drop_others(tx, 21, 1, 2, &env->e));
	/* They travel with what comes next. */
	TRIPS(0, tx->v->save(tx, 1, &env->e));
	TRIPS(0, tx->v->save_keep(tx, 1, &env->e));
	TRIPS(0, tx->v->save(tx, 1, &env->e));
	TRIPS(1, tx->v->save_undo(tx, 1, &env->e));
	TRIPS(2, tx->v->item_purge(tx, k->id[0], &env->e));
	t_commit(env, &tx);
	t_sound(env);
}

static void
sessions(void **state)
{
	struct t_env *env = *state;
	struct store_tx *tx = t_begin(env, env->anna, STORE_WRITE, 5);
	struct many *k = make(env, tx);
	struct store_chunk_key key = { 21, 'i' };
	struct store_session ses = { .id = 40, .device = 20 };
	struct store_device d = { .id = 20, .dev_id = SLICE_LIT("D") };
	struct store_link l = { .id = 21, .device = 20, .collection = 1 };
	struct slice big = { ARENA_ARRAY(env->a, 900000, char), 900000 };
	struct store_account acc;
	struct store_session *se;
	struct store_device *de;
	struct store_story *st;
	struct store_link *li;
	struct store_cred *cr;
	struct slice *an;
	struct slice s;
	size_t n;

	TRIPS(1, tx->v->device_put(tx, &d, &env->e));
	TRIPS(1, tx->v->link_put(tx, &l, &env->e));
	TRIPS(1, tx->v->session_put(tx, &ses, &big, &env->e));
	TRIPS(1, tx->v->session_supersede(tx, 20, 40, big, &env->e));
	TRIPS(1, tx->v->story_add(tx, 40, k->line, MANY, &env->e));
	TRIPS(1, tx->v->chunk_add(tx, key, big, &env->e));
	TRIPS(1, tx->v->chunk_join(tx, env->a, key, &s, &env->e));
	assert_int_equal(s.n, big.n);
	TRIPS(1, tx->v->chunk_read(tx, env->a, key, 70000, 9, &s, &env->e));
	TRIPS(1, tx->v->chunk_drop(tx, key, &env->e));
	TRIPS(1, tx->v->account_get(tx, env->a, &acc, &env->e));
	TRIPS(2, tx->v->account_set(tx, &acc, &env->e));
	acc.user = SLICE_LIT("annabel");
	TRIPS(3, tx->v->account_set(tx, &acc, &env->e));
	TRIPS(1, tx->v->cred_list(tx, env->a, &cr, &n, &env->e));
	TRIPS(1, tx->v->cred_drop(tx, 9, &env->e));
	TRIPS(1, tx->v->device_get(tx, env->a, d.dev_id, &de, &env->e));
	TRIPS(1, tx->v->device_list(tx, env->a, &de, &n, &env->e));
	TRIPS(1, tx->v->link_list(tx, env->a, 20, &li, &n, &env->e));
	TRIPS(1, tx->v->session_find(tx, env->a, SLICE_LIT(""), 20,
				     SLICE_LIT(""), &se, &env->e));
	TRIPS(1, tx->v->session_list(tx, env->a, 0, 9, &se, &n, &env->e));
	TRIPS(1, tx->v->session_open(tx, env->a, 0, &se, &n, &env->e));
	TRIPS(1, tx->v->answer_get(tx, env->a, 40, &an, &env->e));
	TRIPS(1, tx->v->story_get(tx, env->a, 40, &st, &n, &env->e));
	assert_int_equal(n, MANY);
	TRIPS(1, tx->v->device_drop(tx, 20, &env->e));
	t_commit(env, &tx);
	tx = t_begin(env, env->bert, STORE_WRITE, 5);
	TRIPS(2, tx->v->collection_drop(tx, 1, &env->e));
	t_commit(env, &tx);
}

enum { FEW = 40 };

/* Reminders: with the items that they are of for nothing, else one each. */
static void
reminders(void **state)
{
	struct t_env *env = *state;
	const struct store_alarm_vtbl *av = env->s->v->alarm;
	struct store_tx *tx = t_begin(env, env->anna, STORE_WRITE, 5);
	struct store_delivery d[FEW] = { { .kind = STORE_DELIVERY_NOTE } };
	struct store_alarm_next next[FEW];
	struct many *k = make(env, tx);
	struct slice id[FEW];
	struct store_setting *se;
	struct store_delivery *got;
	struct store_alarm_next *row;
	bool fresh;
	size_t n;

	for (size_t i = 0; i < FEW; i++) {
		k->w[i].due = (struct store_due){ STORE_DUE_AT, 100 };
		next[i] =
		    (struct store_alarm_next){ 0, k->id[i],
					       i % 2 == 0 ? 200 : INT64_MAX };
		d[i] = (struct store_delivery){ .kind = STORE_DELIVERY_NOTE,
						.id = slice_c(k->name[i]),
						.next_ms = 1 };
		id[i] = d[i].id;
	}
	TRIPS(1, tx->v->item_put(tx, k->w, FEW, &env->e));
	TRIPS(1, av->next_put(tx, next, FEW, true, &env->e));
	TRIPS(1, av->next_list(tx, env->a, 999, 99, &row, &n, &env->e));
	assert_int_equal(n, FEW / 2);
	TRIPS(1, av->delivery_add(tx, d, FEW, &env->e));
	TRIPS(1, av->delivery_set(tx, d, FEW, &env->e));
	TRIPS(1, av->delivery_get(tx, env->a, id, FEW, &got, &n, &env->e));
	assert_int_equal(n, FEW);
	TRIPS(1, av->delivery_list(tx, env->a, 0, 9, &got, &n, &env->e));
	TRIPS(1, av->seen(tx, SLICE_LIT("x"), &fresh, &env->e));
	TRIPS(1, av->setting_put(tx, SLICE_LIT("x"), SLICE_LIT("y"), &env->e));
	TRIPS(1, av->setting_list(tx, env->a, &se, &n, &env->e));
	TRIPS(1, av->address_put(tx, SLICE_LIT("xmpp"), id, FEW, &env->e));
	TRIPS(1, av->next_clear(tx, &env->e));
	t_commit(env, &tx);
}

/* Mail: one each, whatever the number. */
static void
mail(void **state)
{
	struct t_env *env = *state;
	const struct store_mail_vtbl *mv = env->s->v->mail;
	struct store_tx *tx = t_begin(env, env->anna, STORE_WRITE, 5);
	struct store_mail_login login = { .port = 1 };
	struct store_mail_folder folder[FEW] = { 0 };
	struct store_mail_place place[FEW] = { 0 };
	struct store_mail_body body[FEW] = { 0 };
	struct store_mail_effect effect[FEW] = { 0 };
	struct many *k = make(env, tx);
	struct arena *a = env->a;
	struct slice id[FEW];
	struct store_mail_login *lo;
	struct store_mail_folder *fo;
	struct store_mail_place *pl;
	struct store_mail_body *bo;
	struct store_mail_effect *ef;
	int64_t since;
	size_t n;

	for (size_t i = 0; i < FEW; i++) {
		folder[i].collection = k->id[i];
		place[i].uid = place[i].item = k->id[i];
		body[i].item = k->id[i];
		effect[i].id = id[i] = slice_c(k->name[i]);
		effect[i].item = k->id[i];
	}
	TRIPS(1, mv->login_put(tx, &login, &env->e));
	TRIPS(1, mv->login_get(tx, a, &lo, &env->e));
	TRIPS(1, mv->login_drop(tx, &env->e));
	TRIPS(1, mv->folder_put(tx, folder, FEW, &env->e));
	TRIPS(1, mv->folder_list(tx, a, &fo, &n, &env->e));
	TRIPS(1, mv->folder_drop(tx, 1, &env->e));
	TRIPS(1, mv->place_put(tx, place, FEW, &env->e));
	TRIPS(1, mv->place_page(tx, a, 0, 0, FEW, &pl, &n, &env->e));
	TRIPS(1, mv->place_of(tx, a, k->id, FEW, &pl, &n, &env->e));
	assert_int_equal(n, FEW);
	TRIPS(1, mv->place_drop(tx, 0, k->id, FEW, &env->e));
	TRIPS(1, mv->body_put(tx, body, FEW, &env->e));
	TRIPS(1, mv->body_get(tx, a, k->id, FEW, 99, &bo, &n, &env->e));
	assert_int_equal(n, FEW);
	TRIPS(1, mv->body_drop(tx, k->id, FEW, &env->e));
	TRIPS(1, mv->effect_add(tx, effect, FEW, &env->e));
	TRIPS(1, mv->effect_set(tx, effect, FEW, &env->e));
	TRIPS(1, mv->effect_get(tx, a, id, FEW, &ef, &n, &env->e));
	TRIPS(1, mv->effect_of(tx, a, k->id, FEW, &ef, &n, &env->e));
	TRIPS(1, mv->effect_list(tx, a, 0, FEW, &ef, &n, &env->e));
	TRIPS(1, mv->newest(tx, k->id, FEW, 5, &since, &env->e));
	t_commit(env, &tx);
}

/* Notices: one each, and with the COMMIT for nothing. */
static void
notices(void **state)
{
	struct t_env *env = *state;
	const struct store_push_vtbl *pv = env->s->v->push;
	struct store_tx *tx = t_begin(env, env->anna, STORE_WRITE, 5);
	struct pg_conn *c = ((struct pg_tx *)(void *)tx)->c;
	const struct store_push p = { .device = 7,
				      .channel = SLICE_LIT("kannel") };
	struct store_notice v[FEW] = { 0 };
	struct store_notice *got;
	struct store_push *list;
	uint64_t begun;
	size_t n;

	for (size_t i = 0; i < FEW; i++)
		v[i] = (struct store_notice){ .device = 7,
					      .no = 1,
					      .collection = (int64_t)i };
	TRIPS(1, pv->push_put(tx, &p, &env->e));
	TRIPS(1, pv->push_list(tx, env->a, &list, &n, &env->e));
	TRIPS(1, pv->notice_add(tx, v, FEW, &env->e));
	TRIPS(1, pv->notice_set(tx, v, FEW, &env->e));
	TRIPS(1, pv->notice_list(tx, env->a, 7, FEW, &got, &n, &env->e));
	assert_int_equal(n, FEW);
	TRIPS(1, pv->push_due_put(tx, 50, &env->e));
	TRIPS(1, pv->push_due_by(tx, 40, &env->e));
	t_commit(env, &tx);
	tx = t_begin(env, env->anna, STORE_WRITE, 5);
	t_put(env, tx, t_new(tx, 1, "body"));
	begun = c->trips;
	t_commit(env, &tx);
	assert_int_equal(c->trips - begun, 1);
}

/* Beginning and ending, and what goes past a transaction: one each. */
static void
around(void **state)
{
	struct t_env *env = *state;
	struct store_tx *tx = t_begin(env, env->anna, STORE_WRITE, 5);
	struct pg_conn *c = ((struct pg_tx *)(void *)tx)->c;
	uint64_t was = c->trips;
	struct slice *v;
	const size_t limit[STORE_BUCKETS] = { 1 };
	bool mine[STORE_BUCKETS];
	struct store_alarm_next *row;
	struct store_delivery *d;
	struct store_mark mark[FEW];
	struct slice who[FEW];
	int64_t ids[FEW];
	size_t n;
	int64_t id;

	t_put(env, tx, t_new(tx, 1, "body"));
	t_commit(env, &tx); /* usage and next id travel with the COMMIT */
	assert_int_equal(c->trips - was, 2);
	for (int mode = STORE_READ; mode <= STORE_WRITE; mode++) {
		was = c->trips;
		tx = t_begin(env, env->anna, (enum store_mode)mode, 5);
		assert_ptr_equal(((struct pg_tx *)(void *)tx)->c, c);
		assert_int_equal(c->trips - was, 1);
		tx->v->rollback(&tx);
		assert_int_equal(c->trips - was, 2);
	}
	was = c->trips;
	OK(env, env->s->v->site_get(env->s, env->a, "x", &v, &env->e));
	OK(env, env->s->v->login_find(env->s, SLICE_LIT("anna"), &id, &env->e));
	assert_int_equal(c->trips - was, 2);
	was = c->trips;
	OK(env, env->s->v->alarm->buckets(env->s, SLICE_LIT("n"), 1000, mine,
					  &env->e));
	OK(env,
	   env->s->v->alarm->due(env->s, env->a, mine, 9, &row, &n, &env->e));
	OK(env, env->s->v->alarm->outbox(env->s, env->a, SLICE_LIT("xmpp"),
					 limit, &d, &n, &env->e));
	assert_int_equal(c->trips - was, 3);
	for (size_t i = 0; i < FEW; i++) {
		who[i] = SLICE_LIT("a");
		mark[i] = (struct store_mark){ .account = (int64_t)i,
					       .id = who[i],
					       .state = STORE_DELIVERY_SENT };
	}
	was = c->trips;
	OK(env, env->s->v->alarm->address_find(env->s, SLICE_LIT("xmpp"), who,
					       FEW, ids, &env->e));
	OK(env, env->s->v->alarm->delivery_mark(env->s, mark, FEW, &env->e));
	assert_int_equal(c->trips - was, 2);
}

static const struct CMUnitTest TESTS[] = {
	T(items), T(sessions), T(reminders), T(mail), T(notices), T(around),
};

int
main(int argc, char **argv)
{
	return cmocka_run_group_tests_name(place_name(t_choose_by(argc, argv)),
					   TESTS, NULL, NULL);
}
