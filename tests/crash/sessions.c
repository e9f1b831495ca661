/*
 * A thousand sessions are open when the daemon is killed. It is ready again
 * within two seconds, and each session goes on where it was.
 */
#include "tests/crash/work.h"

#include "server/site.h"

#include <stdio.h>
#include <stdlib.h>

enum {
	ACCOUNTS = 100,
	DEVICES = 10, /* of each account */
	SESSIONS = ACCOUNTS * DEVICES,
	READY_MS = 2000,
	LIST_MAX = 100,
	LOOK_ARENA = 16 << 20,
};

/* One contact for each device, with a number of its own. */
static unsigned
key_of(size_t i)
{
	return (unsigned)i * 10;
}

static void
open_one(struct device *d, struct site *s)
{
	struct slice body, url;
	struct site_reply r;

	device_begin(d);
	if (!device_post(d, s, CUT_NEVER, &r) ||
	    device_take(d, &r) != STEP_MORE ||
	    device_next(d, &body, &url) != STEP_MORE)
		site_die("%s does not begin: %s", d->id, d->why);
}

/* Everything that a session left: its item once, and its end. */
static void
look(struct store *st, size_t account, const struct device *dev)
{
	struct arena *a = arena_new(LOOK_ARENA);
	struct store_session *ses;
	struct store_item *item;
	struct store_device *known;
	struct store_tx *tx = NULL;
	struct err e = { 0 };
	bool seen[DEVICES] = { false };
	int64_t id = 0;
	size_t n = 0;

	if (st->v->login_find(st, slice_c(dev->user), &id, &e) < 0 ||
	    st->v->begin(st, id, STORE_READ, 0, &tx, &e) < 0 ||
	    tx->v->item_page(tx, a, 1, 0, LIST_MAX, false, true, &item, &n,
			     &e) < 0)
		site_die("look: %s", e.msg);
	if (n != DEVICES)
		site_die("%s has %zu items", dev->user, n);
	for (size_t i = 0; i < n; i++) {
		unsigned key = 0;

		(void)model_key(item[i].body, &key);
		for (size_t k = 0; k < DEVICES; k++)
			if (key == key_of(account * DEVICES + k) && !seen[k])
				seen[k] = true;
	}
	for (size_t k = 0; k < DEVICES; k++) {
		if (!seen[k])
			site_die("the item of %s is not there", dev[k].id);
		if (tx->v->device_get(tx, a, dev[k].conf.dev_id, &known, &e) <
			0 ||
		    tx->v->session_list(tx, a, known->id, LIST_MAX, &ses, &n,
					&e) < 0)
			site_die("look: %s", e.msg);
		if (n != 1 || !ses[0].closed || ses[0].failed != 0)
			site_die("%s: %zu sessions, the last one is %s",
				 dev[k].id, n,
				 n > 0 && ses[0].closed ? "broken" : "open");
	}
	tx->v->rollback(&tx);
	arena_free(&a);
}

static void
run(struct site *s, struct device *dev)
{
	const char *trouble;
	struct srv_site site;
	int64_t from, ready, answered;

	work_open(s, &site);
	for (size_t i = 0; i < ACCOUNTS; i++) {
		char user[32];

		(void)snprintf(user, sizeof(user), "user%zu", i);
		work_account(&site, user, &dev[i * DEVICES], DEVICES);
	}
	srv_site_close(&site);
	site_start(s);
	for (size_t i = 0; i < SESSIONS; i++) {
		device_add(&dev[i], key_of(i), 0, 0);
		open_one(&dev[i], s);
	}
	site_kill(s);
	from = clk_mono_ms();
	site_start(s);
	ready = clk_mono_ms() - from;
	for (size_t i = 0; i < SESSIONS; i++) {
		if (device_run(&dev[i], s) != STEP_DONE)
			site_die("%s does not go on: %s", dev[i].id,
				 dev[i].why);
		if (i == 0)
			answered = clk_mono_ms() - from;
	}
	(void)printf("%d sessions open at the kill: ready after %lld ms, the "
		     "first one through after %lld ms, all after %lld ms\n",
		     SESSIONS, (long long)ready, (long long)answered,
		     (long long)(clk_mono_ms() - from));
	if (ready > READY_MS)
		site_die("not ready within %d ms", READY_MS);
	if (!site_stop(s))
		site_die("the daemon did not end well");
	trouble = site_trouble(s);
	if (trouble != NULL)
		site_die("its log: %s", trouble);
	work_open(s, &site);
	for (size_t i = 0; i < ACCOUNTS; i++)
		look(site.store, i, &dev[i * DEVICES]);
	srv_site_close(&site);
}

int
main(int argc, char **argv)
{
	struct device *dev = calloc(SESSIONS, sizeof(*dev));
	char dir[200];
	struct site s;

	if (argc != 3 || dev == NULL)
		site_die("usage: crash_sessions FUNICULAR-CRASHY ROOM");
	(void)snprintf(dir, sizeof(dir), "%s/sessions", argv[2]);
	site_new(&s, argv[1], dir);
	run(&s, dev);
	for (size_t i = 0; i < SESSIONS; i++)
		device_free(&dev[i]);
	free(dev);
	site_remove(&s);
	return 0;
}
