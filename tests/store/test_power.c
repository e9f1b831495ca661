/*
 * Power loss at random moments: a message whose commit was reported is there,
 * the one under way is there whole or not at all, the database is sound, and
 * goes on. POWER_SEED gives other moments, POWER_POINTS their number.
 */
#include "tests/store/power.h"
#include "tests/store/t_message.h"

#include <string.h>
#include <unistd.h>

/* One moment in so many; more of the rare ones. */
enum { ROUNDS = 200, POINTS = 500, ONE_IN = 12, ONE_IN_RARE = 2, IMAGES = 64 };

struct loss {
	struct power_image image;
	int64_t told; /* messages whose commit was reported by then */
};

struct run {
	struct t_env *env;
	int64_t told;
	struct loss loss[IMAGES]; /* of the message under way */
	size_t n;
	unsigned points, lost, ahead, checkpoints;
	bool judging;
};

static void
on_change(void *ctx)
{
	struct run *r = ctx;

	bool rare = power_writes_back();

	if (r->judging || r->n == IMAGES ||
	    power_random(rare ? ONE_IN_RARE : ONE_IN) != 0)
		return;
	r->checkpoints += rare;
	power_loss(&r->loss[r->n].image);
	r->loss[r->n++].told = r->told;
}

static void
write_file(const char *path, const unsigned char *p, size_t n)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	assert_int_equal(fwrite(p, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
}

/* Messages that a database holds; -1: it cannot be used. */
static int64_t
count(struct t_env *env)
{
	struct store_account acc = { 0 };
	struct store_tx *tx = NULL;
	int rc;

	if (env->s->v->begin(env->s, env->anna, STORE_READ, 0, &tx, &env->e) <
	    0)
		return -1;
	rc = tx->v->account_get(tx, env->a, &acc, &env->e);
	tx->v->rollback(&tx);
	return rc < 0 ? -1 : acc.used_items / 2;
}

/* Start on what the loss left. */
static void
judge(struct run *r, const struct loss *l, bool must)
{
	struct t_env env = *r->env;
	char db[128], wal[128], uri[160];
	int64_t held = -1;

	(void)snprintf(db, sizeof(db), "%s/lost.db", env.dir);
	(void)snprintf(wal, sizeof(wal), "%s/lost.db-wal", env.dir);
	(void)snprintf(uri, sizeof(uri), "sqlite:%s/lost.db", env.dir);
	env.uri = uri;
	write_file(db, l->image.db, l->image.db_n);
	if (l->image.wal_n > 0)
		write_file(wal, l->image.wal, l->image.wal_n);
	r->points++;
	env.s = NULL;
	if (store_open(env.uri, false, &env.s, &env.e) == 0)
		held = count(&env);
	if (held < l->told) {
		if (must)
			fail_msg("%lld messages were reported, %lld are there: "
				 "%s",
				 (long long)l->told, (long long)held,
				 env.e.msg);
		r->lost++;
	} else if (must) {
		assert_true(held <= l->told + 1);
		r->ahead += held > l->told;
		t_message_holds(&env, held);
		OK(&env, t_message(env.s, env.anna, held + 1, &env.e));
		assert_int_equal(count(&env), held + 1);
	}
	if (env.s != NULL)
		env.s->v->close(&env.s);
	arena_reset(env.a);
	(void)unlink(db);
	(void)unlink(wal);
}

static void
judge_all(struct run *r, bool must)
{
	r->judging = true;
	power_pass(true);
	for (size_t i = 0; i < r->n; i++) {
		judge(r, &r->loss[i], must);
		free(r->loss[i].image.db);
		free(r->loss[i].image.wal);
	}
	power_pass(false);
	r->n = 0;
	r->judging = false;
}

static uint32_t
asked(const char *name, uint32_t otherwise)
{
	const char *v = getenv(name);
	uint32_t n = otherwise;

	if (v != NULL)
		assert_true(slice_u32(slice_c(v), &n));
	return n;
}

static void
run(struct run *r, unsigned points, bool sync_lies)
{
	uint64_t seed = asked("POWER_SEED", 1);
	void *state = NULL;

	/* Long enough that the log is written back into the database. */
	for (; r->points < points && r->lost == 0; seed += ROUNDS) {
		r->judging = true;
		power_on(seed, sync_lies, on_change, r);
		assert_int_equal(t_setup(&state), 0);
		r->env = state;
		t_message_prepare(r->env);
		r->judging = false;
		/* A disk that lies is convicted by the first loss. */
		for (r->told = 0; r->told < ROUNDS && r->lost == 0;) {
			OK(r->env, t_message(r->env->s, r->env->anna,
					     r->told + 1, &r->env->e));
			r->told++;
			judge_all(r, !sync_lies);
		}
		r->judging = true;
		assert_int_equal(t_teardown(&state), 0);
		power_off();
	}
}

static void
loses_nothing(void **state)
{
	struct run r = { 0 };

	(void)state;
	run(&r, asked("POWER_POINTS", POINTS), false);
	print_message("%u power losses, %u of them while the log was written "
		      "back: 0 reported messages lost, in %u the one under way "
		      "was there\n",
		      r.points, r.checkpoints, r.ahead);
	/* Both ends of a message were met. */
	assert_true(r.ahead > 0 && r.ahead < r.points && r.checkpoints > 0);
}

/* The test is able to fail: on a disk that lies about syncs it would. */
static void
notices_a_lying_disk(void **state)
{
	struct run r = { 0 };

	(void)state;
	run(&r, 40, true);
	assert_true(r.lost > 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(loses_nothing),
		cmocka_unit_test(notices_a_lying_disk),
	};

	t_choose(PLACE_SQLITE);
	/* The disk under ours is not asked: let its syncs be quick. */
	if (access("/dev/shm", W_OK) == 0)
		(void)setenv("TMPDIR", "/dev/shm", 0);
	return cmocka_run_group_tests_name("power", tests, NULL, NULL);
}
