/*
 * Passes over the accounts, and the seal.
 */
#include "backends/copy.h"

#include "backends/copy_marks.h"
#include "backends/copy_rows.h"
#include "base/clock.h"
#include "base/random.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	AHEAD_PASSES = 4,  /* while the source is in use */
	AHEAD_ENOUGH = 50, /* one in so many accounts changed: good enough */
	LAST_PASSES = 4,   /* under seal: the second one finds nothing to do */
	LIST_ARENA = 1 << 30,
};

static const char WHERE[] = "store.copy";

struct account { /* as a pass saw it */
	int64_t id;
	int64_t change_no;
	int64_t compared; /* change_no at which both sides were equal; -1 */
};

struct list {
	struct account *v;
	size_t n, cap;
};

struct run {
	struct store_copy *c;
	struct arena *a; /* the caller's */
	struct list from, to;
	char whose[120]; /* the account under way, for people */
	size_t pass_copied;
	int64_t sealed_at; /* clk_mono_ms() */
};

/* ---- sayings ------------------------------------------------------------ */

static int
say(struct run *r, struct store_copy_say *to, struct slice text, struct err *e)
{
	to->all++;
	if (to->n == STORE_COPY_SAYINGS_MAX)
		return 0;
	if (to->text == NULL)
		to->text =
		    ARENA_ARRAY(r->a, STORE_COPY_SAYINGS_MAX, struct slice);
	if (to->text == NULL || text.p == NULL)
		return err_set(e, ERR_NOMEM, WHERE, "out of memory");
	to->text[to->n++] = text;
	return 0;
}

static void
tell(struct run *r)
{
	if (r->c->tell != NULL)
		r->c->tell(r->c->ctx, &r->c->sum);
}

/* ---- lists of accounts --------------------------------------------------- */

static int
list_add(struct list *l, struct account one, struct err *e)
{
	if (l->n == l->cap) {
		size_t cap = l->cap == 0 ? 256 : l->cap * 2;
		struct account *v = realloc(l->v, cap * sizeof(*v));

		if (v == NULL)
			return err_set(e, ERR_NOMEM, WHERE, "out of memory");
		l->v = v;
		l->cap = cap;
	}
	l->v[l->n++] = one;
	return 0;
}

/* Both come by id: what was compared before stays so while the number does. */
static void
remember(const struct list *old, struct list *now)
{
	size_t k = 0;

	for (size_t i = 0; i < now->n; i++) {
		while (k < old->n && old->v[k].id < now->v[i].id)
			k++;
		if (k < old->n && old->v[k].id == now->v[i].id)
			now->v[i].compared = old->v[k].compared;
	}
}

static int
list_read(struct store *s, struct list *l, struct err *e)
{
	const struct rows_table *t = rows_find("account");
	const struct rows_cell *row;
	int change_no = rows_at(t, "change_no");
	struct list old = *l;
	struct rows *r = NULL;
	struct walk w;
	int rc;

	*l = (struct list){ .n = 0 };
	rc = s->v->rows->begin(s, STORE_READ, &r, e);
	if (rc == 0)
		rc = walk_open(&w, r, t, 0, e);
	if (rc == 0) {
		while ((rc = walk_row(&w, &row, e)) == 0 && row != NULL) {
			rc = list_add(
			    l,
			    (struct account){ row[0].i, row[change_no].i, -1 },
			    e);
			if (rc < 0)
				break;
		}
		walk_close(&w);
	}
	s->v->rows->rollback(&r);
	remember(&old, l);
	free(old.v);
	return rc;
}

/* ---- one account ----------------------------------------------------------
 */

static int
copy_table(struct run *r, struct rows *from, struct rows *to,
	   const struct rows_table *t, int64_t account, struct err *e)
{
	struct walk w;
	int rc;

	if (walk_open(&w, from, t, account, e) < 0)
		return -1;
	while ((rc = walk_batch(&w, e)) == 0 && w.b.n > 0) {
		rc = to->s->v->rows->write(to, &w.b, e);
		if (rc < 0)
			break;
		r->c->sum.rows += (int64_t)w.b.n;
		for (size_t i = 0; i < w.b.n * (size_t)t->col_n; i++)
			r->c->sum.bytes += (int64_t)w.b.cell[i].s.n;
		tell(r);
	}
	walk_close(&w);
	return rc;
}

/* All its rows in one transaction. */
static int
copy_account(struct run *r, struct rows *from, int64_t id, struct err *e)
{
	const struct store_rows_vtbl *v = r->c->to->v->rows;
	struct rows *to = NULL;
	int rc = v->begin(r->c->to, STORE_WRITE, &to, e);

	for (size_t i = 0; rc == 0 && i < rows_table_n; i++) {
		if (rows_tables[i].class == ROWS_ACCOUNT)
			rc = copy_table(r, from, to, &rows_tables[i], id, e);
	}
	if (rc == 0)
		rc = v->commit(&to, e);
	else
		v->rollback(&to);
	if (rc == 0)
		r->c->sum.copied++;
	return rc;
}

static struct slice
difference(struct run *r, const struct rows_table *t, const struct walk_diff *d)
{
	const unsigned char *x = d->hash[0];
	const unsigned char *y = d->hash[1];

	return arena_printf(
	    r->a,
	    "%s: table %s has %" PRId64 " rows (%02x%02x%02x%02x) in the "
	    "source and %" PRId64 " (%02x%02x%02x%02x) in the target; they "
	    "differ first at %s",
	    r->whose, t->name, d->rows[0], x[0], x[1], x[2], x[3], d->rows[1],
	    y[0], y[1], y[2], y[3], d->first);
}

/* Compare a table and say what differs. */
static int
compare_table(struct run *r, struct rows *from, struct rows *to,
	      const struct rows_table *t, int64_t account,
	      struct store_copy_say *where, bool *differs, struct err *e)
{
	struct walk_diff d = { .differs = false };
	struct walk x;
	struct walk y;
	int rc;

	if (walk_open(&x, from, t, account, e) < 0)
		return -1;
	rc = walk_open(&y, to, t, account, e);
	if (rc == 0) {
		rc = walk_compare(&x, &y, &d, e);
		walk_close(&y);
	}
	walk_close(&x);
	if (rc < 0 || !d.differs)
		return rc;
	*differs = true;
	return say(r, where, difference(r, t, &d), e);
}

static int
compare_account(struct run *r, struct rows *from, int64_t id,
		struct store_copy_say *where, bool *differs, struct err *e)
{
	const struct store_rows_vtbl *v = r->c->to->v->rows;
	struct rows *to = NULL;
	int rc;

	*differs = false;
	rc = v->begin(r->c->to, STORE_READ, &to, e);
	for (size_t i = 0; rc == 0 && i < rows_table_n; i++) {
		if (rows_tables[i].class == ROWS_ACCOUNT)
			rc = compare_table(r, from, to, &rows_tables[i], id,
					   where, differs, e);
	}
	v->rollback(&to);
	r->c->sum.compared++;
	return rc;
}

/* The account's number in this snapshot (-1: it is gone), and its name. */
static int
number_now(struct run *r, struct rows *from, struct account *a, struct err *e)
{
	const struct rows_table *t = rows_find("account");
	const struct rows_cell *row;
	struct slice user;
	struct walk w;
	int rc;

	a->change_no = -1;
	if (walk_open(&w, from, t, a->id, e) < 0)
		return -1;
	rc = walk_row(&w, &row, e);
	if (rc == 0 && row != NULL) {
		a->change_no = row[rows_at(t, "change_no")].i;
		user = slice_utf8_cut(row[rows_at(t, "user")].s, 80);
		(void)snprintf(r->whose, sizeof(r->whose), "account %.*s",
			       SLICE_ARG(user));
	}
	walk_close(&w);
	return rc;
}

/* Copy it out of this snapshot, and read both sides back. */
static int
fresh(struct run *r, struct rows *from, struct account *a, bool there,
      struct err *e)
{
	bool differs;

	if (there && r->c->to->v->account_erase(r->c->to, a->id, e) < 0)
		return -1;
	if (copy_account(r, from, a->id, e) < 0 ||
	    compare_account(r, from, a->id, &r->c->finding, &differs, e) < 0)
		return -1;
	r->pass_copied++;
	a->compared = differs ? -1 : a->change_no;
	return 0;
}

static int
check_account(struct run *r, struct rows *from, const struct account *a,
	      int64_t had, struct err *e)
{
	bool differs;

	if (had == a->change_no)
		return compare_account(r, from, a->id, &r->c->finding, &differs,
				       e);
	if (had < 0)
		return say(
		    r, &r->c->finding,
		    arena_printf(r->a, "%s is not in the target", r->whose), e);
	return say(r, &r->c->finding,
		   arena_printf(r->a,
				"%s has been changed since: change %" PRId64
				" in the source, %" PRId64 " in the target",
				r->whose, a->change_no, had),
		   e);
}

/* What the target has of it, if anything, has the number `had`. */
static int
settle(struct run *r, struct rows *from, struct account *a, int64_t had,
       struct err *e)
{
	bool differs;

	if (number_now(r, from, a, e) < 0)
		return -1;
	if (a->change_no >= 0 && r->c->what == STORE_COPY_CHECK)
		return check_account(r, from, a, had, e);
	if (a->change_no < 0) /* erased meanwhile: the next pass sees it */
		return 0;
	if (had != a->change_no)
		return fresh(r, from, a, had >= 0, e);
	if (compare_account(r, from, a->id, &r->c->note, &differs, e) < 0)
		return -1;
	if (differs)
		return fresh(r, from, a, true, e);
	a->compared = a->change_no;
	return 0;
}

static int
one_account(struct run *r, struct account *a, int64_t had, struct err *e)
{
	const struct store_rows_vtbl *v = r->c->from->v->rows;
	struct rows *from = NULL;
	int rc;

	if (had == a->change_no && a->compared == had)
		return 0;
	rc = v->begin(r->c->from, STORE_READ, &from, e);
	if (rc == 0)
		rc = settle(r, from, a, had, e);
	v->rollback(&from);
	return rc;
}

/* ---- passes ----------------------------------------------------------------
 */

static int
lists(struct run *r, struct err *e)
{
	if (list_read(r->c->from, &r->from, e) < 0 ||
	    list_read(r->c->to, &r->to, e) < 0)
		return -1;
	r->c->sum.accounts = r->from.n;
	r->c->sum.done = 0;
	r->c->sum.pass++;
	r->pass_copied = 0;
	return 0;
}

/* Its user was removed in the source. */
static int
too_much(struct run *r, int64_t id, struct err *e)
{
	if (r->c->what == STORE_COPY_CHECK)
		return say(r, &r->c->finding,
			   arena_printf(r->a,
					"account %" PRId64 " is only in the "
					"target",
					id),
			   e);
	r->pass_copied++;
	return r->c->to->v->account_erase(r->c->to, id, e);
}

static int
pass(struct run *r, struct err *e)
{
	size_t k = 0;

	if (lists(r, e) < 0)
		return -1;
	for (size_t i = 0; i <= r->from.n; i++) {
		struct account *a = i < r->from.n ? &r->from.v[i] : NULL;
		int64_t had = -1;

		for (; k < r->to.n && (a == NULL || r->to.v[k].id < a->id);
		     k++) {
			if (too_much(r, r->to.v[k].id, e) < 0)
				return -1;
		}
		if (a == NULL)
			break;
		if (k < r->to.n && r->to.v[k].id == a->id)
			had = r->to.v[k++].change_no;
		if (one_account(r, a, had, e) < 0)
			return -1;
		r->c->sum.done = i + 1;
		tell(r);
	}
	return 0;
}

/* ---- the site's own tables
 * ---------------------------------------------------
 */

static bool is_site(enum rows_class class)
{
	return class == ROWS_SITE || class == ROWS_LOOSE;
}

static int
site_rows(struct run *r, struct rows *from, struct rows *to, struct slice mark,
	  struct err *e)
{
	const struct store_rows_vtbl *v = to->s->v->rows;

	for (size_t i = 0; i < rows_table_n; i++) {
		const struct rows_table *t = &rows_tables[i];

		if (is_site(t->class) && (v->clear(to, t, e) < 0 ||
					  copy_table(r, from, to, t, 0, e) < 0))
			return -1;
	}
	return v->site_set(to, ROWS_COPY_OF, &mark, e);
}

static int
copy_site(struct run *r, struct slice mark, struct err *e)
{
	struct store_copy *c = r->c;
	struct rows *from = NULL;
	struct rows *to = NULL;
	int rc = c->from->v->rows->begin(c->from, STORE_READ, &from, e);

	if (rc == 0)
		rc = c->to->v->rows->begin(c->to, STORE_WRITE, &to, e);
	if (rc == 0)
		rc = site_rows(r, from, to, mark, e);
	if (rc == 0)
		rc = c->to->v->rows->commit(&to, e);
	else
		c->to->v->rows->rollback(&to);
	c->from->v->rows->rollback(&from);
	return rc;
}

static int
compare_site(struct run *r, struct err *e)
{
	struct store_copy *c = r->c;
	struct rows *from = NULL;
	struct rows *to = NULL;
	bool differs;
	int rc = c->from->v->rows->begin(c->from, STORE_READ, &from, e);

	(void)snprintf(r->whose, sizeof(r->whose), "the site");
	if (rc == 0)
		rc = c->to->v->rows->begin(c->to, STORE_READ, &to, e);
	for (size_t i = 0; rc == 0 && i < rows_table_n; i++) {
		if (rows_tables[i].class == ROWS_SITE)
			rc = compare_table(r, from, to, &rows_tables[i], 0,
					   &c->finding, &differs, e);
	}
	c->to->v->rows->rollback(&to);
	c->from->v->rows->rollback(&from);
	return rc;
}

/* ---- the seal ------------------------------------------------------------
 */

static int
seal(struct run *r, struct err *e)
{
	struct slice to = slice_c(r->c->to_name);
	bool yes = true;

	if (copy_mark(r->c->from, ROWS_MOVED, &to, &yes, e) < 0)
		return -1;
	r->c->sum.sealed = true;
	r->sealed_at = clk_mono_ms();
	return 0;
}

/* ---- the beginning
 * ------------------------------------------------------------
 */

static int
fit(struct run *r, struct slice id, const struct slice *of_to, struct err *e)
{
	struct slice *moved = NULL;

	if (of_to != NULL && slice_eq(*of_to, id))
		return 0;
	if (of_to != NULL)
		return err_set(e, ERR_CONFLICT, WHERE,
			       "the target is an unfinished copy of another "
			       "site: name an empty database");
	if (copy_word(r->c->from, r->a, ROWS_MOVED, &moved, e) < 0)
		return -1;
	if (moved != NULL)
		return err_set(e, ERR_CONFLICT, WHERE,
			       "the site has moved to %.*s already (--check "
			       "compares two stores, --reopen opens this one "
			       "again)",
			       SLICE_ARG(*moved));
	if (r->to.n > 0)
		return err_set(e, ERR_CONFLICT, WHERE,
			       "the target holds accounts and is no unfinished "
			       "copy: name an empty database");
	return copy_mark(r->c->to, ROWS_COPY_OF, &id, NULL, e);
}

/* Whose copy is the target to be? Gives the word that says so. */
static int
claim(struct run *r, struct slice *id, struct err *e)
{
	struct slice *of_from = NULL;
	struct slice *of_to = NULL;
	char draw[24];

	if (copy_word(r->c->from, r->a, ROWS_COPY_OF, &of_from, e) < 0 ||
	    copy_word(r->c->to, r->a, ROWS_COPY_OF, &of_to, e) < 0 ||
	    list_read(r->c->to, &r->to, e) < 0)
		return -1;
	if (of_from != NULL)
		return err_set(e, ERR_CONFLICT, WHERE,
			       "the source is an unfinished copy itself");
	rnd_text(&rnd_system, draw, sizeof(draw));
	if (r->c->from->v->site_init(r->c->from, r->a, ROWS_ID, slice_c(draw),
				     id, e) < 0)
		return -1;
	return fit(r, *id, of_to, e);
}

/* ---- the whole
 * ------------------------------------------------------------------
 */

static int
ahead(struct run *r, struct err *e)
{
	for (int i = 0; i < AHEAD_PASSES; i++) {
		if (pass(r, e) < 0)
			return -1;
		if (r->c->finding.all > 0 ||
		    r->pass_copied <= r->from.n / AHEAD_ENOUGH)
			break;
	}
	return 0;
}

/* Accounts made in the instant of the seal are sealed by the next one. */
static int
under_seal(struct run *r, struct slice id, struct err *e)
{
	for (int i = 0; i < LAST_PASSES; i++) {
		if (i > 0 && r->pass_copied == 0)
			break;
		if (seal(r, e) < 0 || pass(r, e) < 0)
			return -1;
		if (r->c->finding.all > 0)
			return 0;
	}
	if (r->pass_copied > 0)
		return err_set(e, ERR_UNAVAILABLE, WHERE,
			       "accounts in the source are still being made "
			       "or changed: stop what does it and try again");
	if (copy_site(r, id, e) < 0)
		return -1;
	return compare_site(r, e);
}

static int
finish(struct run *r, struct slice id, struct err *e)
{
	int64_t since = clk_mono_ms();
	bool good;
	int rc = under_seal(r, id, e);

	good = rc == 0 && r->c->finding.all == 0;
	/* From here on the target is the site. */
	if (good)
		rc = copy_mark(r->c->to, ROWS_COPY_OF, NULL, NULL, e);
	/* Where the answer to that was lost it may be: then the source stays
	   sealed, and the administrator looks. */
	if (!good || (rc == 0 && r->c->what == STORE_COPY_KEEP)) {
		int back = copy_reopen(r->c->from, rc == 0 ? e : NULL);

		if (rc == 0)
			rc = back;
		r->c->sum.sealed = false;
	}
	r->c->sum.sealed_ms = clk_mono_ms() - since;
	return rc;
}

static int
move_on(struct run *r, struct err *e)
{
	struct slice id;

	if (claim(r, &id, e) < 0 || ahead(r, e) < 0)
		return -1;
	if (r->c->finding.all > 0 || r->c->what == STORE_COPY_AHEAD)
		return 0;
	return finish(r, id, e);
}

/* Two copies at once would open each other's seals. */
static int
move(struct run *r, struct err *e)
{
	struct store *from = r->c->from;
	struct store *to = r->c->to;
	struct rows_hold *hf = NULL;
	struct rows_hold *ht = NULL;
	int rc = from->v->rows->hold(from, &hf, e);

	if (rc == 0)
		rc = to->v->rows->hold(to, &ht, e);
	if (rc == 0)
		rc = move_on(r, e);
	to->v->rows->let_go(&ht);
	from->v->rows->let_go(&hf);
	return rc;
}

int
store_copy_run(struct store_copy *c, struct arena *a, struct err *e)
{
	struct run r = { .c = c, .a = a };
	int rc;

	c->sum = (struct store_copy_sum){ .accounts = 0 };
	c->finding = (struct store_copy_say){ .n = 0 };
	c->note = (struct store_copy_say){ .n = 0 };
	if (c->what == STORE_COPY_CHECK) {
		rc = pass(&r, e);
		if (rc == 0)
			rc = compare_site(&r, e);
	} else {
		rc = move(&r, e);
	}
	free(r.from.v);
	free(r.to.v);
	return rc;
}
