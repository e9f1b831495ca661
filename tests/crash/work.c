#include "tests/crash/work.h"

#include "server/commands/account.h"

#include <stdio.h>

enum { SMALL_MESSAGE = 10000, LARGE_MESSAGE = 150000, SECRET_ARENA = 1 << 20 };

/* ---- account and devices --------------------------------------------------
 */

void
work_open(struct site *s, struct srv_site *site)
{
	struct err e = { 0 };
	char conf[300];

	(void)snprintf(conf, sizeof(conf), "%s/conf", s->dir);
	if (srv_site_open(site, conf, &e) != 0)
		site_die("site: %s", e.msg);
}

void
work_account(struct srv_site *site, const char *user, struct device *dev,
	     size_t n)
{
	struct srv_account_new in = {
		.user = slice_c(user),
		.quota_bytes = -1,
		.quota_items = -1,
	};
	struct arena *a = arena_new(SECRET_ARENA);
	struct store_tx *tx = NULL;
	struct err e = { 0 };
	int64_t id;

	if (srv_account_create(site, a, &in, &id, &e) != 0 ||
	    site->store->v->begin(site->store, id, STORE_WRITE, 0, &tx, &e) !=
		0)
		site_die("account: %s", e.msg);
	for (size_t i = 0; i < n; i++) {
		char name[48];
		struct srv_account_device d = { 0 };
		struct slice secret;

		(void)snprintf(name, sizeof(name), "%.20s-%zu", user, i);
		d.label = d.dev_id = slice_c(name);
		if (srv_account_secret(site, tx, a, &d, &secret, &e) != 0)
			site_die("device: %s", e.msg);
		device_init(&dev[i], user, name, arena_cstr(a, secret),
			    LARGE_MESSAGE);
	}
	if (srv_account_touch(tx, a, &e) != 0 || tx->v->commit(&tx, &e) != 0)
		site_die("account: %s", e.msg);
	arena_free(&a);
}

static void
sync_once(struct device *d, struct site *s)
{
	device_begin(d);
	if (device_run(d, s) != STEP_DONE)
		site_die("%s: %s", d->id, d->why);
	device_drop(d);
}

/* ---- what the users do ----------------------------------------------------
 */

enum role {
	KEPT,
	A_EDITS,
	A_DELETES,
	B_EDITS,
	B_DELETES,
	BOTH_EDIT,
	A_DELETES_B_EDITS,
	B_DELETES_A_EDITS,
};

/* Of each hundred, spread over all kinds alike. */
static enum role
role_of(unsigned key)
{
	unsigned n = (key / 10 * 37 + 11) % 100;

	return n < 25   ? A_EDITS
	       : n < 33 ? A_DELETES
	       : n < 58 ? B_EDITS
	       : n < 66 ? B_DELETES
	       : n < 70 ? BOTH_EDIT
	       : n < 71 ? A_DELETES_B_EDITS
	       : n < 72 ? B_DELETES_A_EDITS
			: KEPT;
}

static void
a_does(struct work *w, unsigned key, enum role r)
{
	struct device *d = &w->dev[WORK_A];

	if (r == A_EDITS || r == BOTH_EDIT || r == B_DELETES_A_EDITS)
		device_edit(d, key, 1, 0);
	if (r == A_DELETES || r == A_DELETES_B_EDITS)
		device_delete(d, key);
}

static void
b_does(struct work *w, unsigned key, enum role r)
{
	struct device *d = &w->dev[WORK_B];

	if (r == B_EDITS || r == BOTH_EDIT || r == A_DELETES_B_EDITS)
		device_edit(d, key, 0, 1);
	if (r == B_DELETES || r == B_DELETES_A_EDITS)
		device_delete(d, key);
}

/* An edit wins over a deletion; edits of two properties both count. */
static void
becomes(struct model_item *it, enum role r)
{
	it->a = r == A_EDITS || r == BOTH_EDIT || r == B_DELETES_A_EDITS;
	it->b = r == B_EDITS || r == BOTH_EDIT || r == A_DELETES_B_EDITS;
	it->there = r != A_DELETES && r != B_DELETES;
}

static void
change(struct work *w, unsigned base)
{
	for (unsigned k = 0; k < base; k++) {
		enum role r = role_of(k);

		/* Two edits of one text are one property's: a conflict. */
		if (r == BOTH_EDIT && model_kind_of(k) == MODEL_NOTE)
			r = A_EDITS;
		a_does(w, k, r);
		b_does(w, k, r);
		becomes(&w->model.item[k], r);
	}
	for (unsigned i = 0; i < base * 17 / 100 * 2; i++) {
		device_add(&w->dev[i % 2 == 0 ? WORK_A : WORK_B], w->model.n, 0,
			   0);
		w->model.item[w->model.n++].there = true;
	}
}

void
work_prepare(struct work *w, struct site *s, unsigned items)
{
	struct srv_site site;

	work_open(s, &site);
	work_account(&site, "anna", w->dev, WORK_DEVICES);
	srv_site_close(&site);
	w->dev[WORK_A].conf.max_msg_bytes = SMALL_MESSAGE;
	w->dev[WORK_A].conf.send_bytes = SMALL_MESSAGE;
	w->model.n = w->base = items;
	for (unsigned k = 0; k < items; k++) {
		w->model.item[k].there = true;
		device_add(&w->dev[WORK_A], k, 0, 0);
	}
	site_start(s);
	sync_once(&w->dev[WORK_A], s);
	sync_once(&w->dev[WORK_B], s);
	change(w, items);
	sync_once(&w->dev[WORK_B], s);
	for (int i = 0; i < WORK_DEVICES; i++)
		w->dev[i].slow = 0;
}

/* May A's user touch it once more, and B's edit still count? */
static bool
is_free(unsigned key, enum role r)
{
	if (r == KEPT || r == A_EDITS)
		return true;
	return model_kind_of(key) != MODEL_NOTE &&
	       (r == B_EDITS || r == BOTH_EDIT);
}

void
work_edit_more(struct work *w)
{
	struct device *d = &w->dev[WORK_A];

	for (unsigned k = 0; k < w->base; k++) {
		struct model_item *it = &w->model.item[k];
		enum role r = role_of(k);

		if (!is_free(k, r))
			continue;
		if (k % 7 == 1 && r == KEPT) {
			device_delete(d, k);
			it->there = false;
		} else if (k % 3 == 0) {
			it->a = 2;
			/* B's edit is on the device or is not yet. */
			device_edit(d, k, 2, device_has_b(d, k));
		}
	}
}

void
work_free(struct work *w)
{
	for (int i = 0; i < WORK_DEVICES; i++)
		device_free(&w->dev[i]);
}
