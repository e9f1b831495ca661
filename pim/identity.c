/* What an item is, for finding its twin: hashes, score, title. */
#include "base/digest.h"
#include "pim/mail_int.h"
#include "pim/norm.h"

enum {
	TITLE_BYTES = 120,
	PHONE_DIGITS = 8,
	POINTS_MAX = 64,
	/* Of a title that identifies: less than any device is known to keep. */
	KEY_BYTES = 16,
	/* So much of a name is no chance. */
	CUT_MIN_BYTES = 12,
	DAY_TEXT = 8, /* 20260301 */
};

/* Order-free: a sum over the fields. Cleared ones count as absent. */
int
pim_content_hash(struct arena *a, const struct pim_item *it, uint64_t *out,
		 struct err *e)
{
	struct pim_fields f;
	uint64_t sum = (uint64_t)it->kind;

	if (pim_is_mail(it->kind)) {
		*out = pim_mail_hash(it);
		return 0;
	}
	if (pim_fields_of(a, it, &f, e) != 0)
		return -1;
	for (size_t i = 0; i < f.n; i++) {
		const struct pim_field *x = &f.v[i];
		uint64_t h;

		if (x->norm.n == 0)
			continue;
		h = pim_mix(digest_u64(x->name), x->h);
		if (x->types.n > 0)
			h = pim_mix(h, digest_u64(x->types));
		sum += pim_mix(h, x->params);
	}
	*out = sum == 0 ? 1 : sum;
	return 0;
}

bool
pim_same(struct arena *a, const struct pim_item *x, const struct pim_item *y)
{
	uint64_t hx;
	uint64_t hy;

	return x->kind == y->kind && pim_content_hash(a, x, &hx, NULL) == 0 &&
	       pim_content_hash(a, y, &hy, NULL) == 0 && hx == hy;
}

/* ---- contacts
 * ------------------------------------------------------------------ */

/* A card as the score sees it. */
struct person {
	struct slice uid;
	struct slice name; /* folded words of family and given */
	struct slice org;  /* folded company */
	struct slice bday;
	uint64_t point[POINTS_MAX]; /* phones and mails */
	size_t point_n;
};

/* A value of a property as one plain text, without the escapes. */
static struct slice
plain(struct arena *a, const struct pim_comp *c, const char *name)
{
	struct slice s = pim_unescape(a, pim_prop_value(c, name));

	return s.p == NULL ? s : slice_trim(s);
}

/* Family and given name, folded; FN where N is empty. */
static struct slice
name_line(struct arena *a, const struct pim_comp *c)
{
	struct slice rest = pim_prop_value(c, "N");
	struct slice family = { "", 0 };
	struct slice given = { "", 0 };
	struct slice both;

	(void)pim_split(&rest, ';', &family);
	(void)pim_split(&rest, ';', &given);
	both =
	    arena_printf(a, "%.*s %.*s", SLICE_ARG(family), SLICE_ARG(given));
	if (both.p != NULL)
		both = pim_unescape(a, both);
	if (both.p != NULL)
		both = pim_fold(a, both);
	if (both.p == NULL || both.n > 0)
		return both;
	both = plain(a, c, "FN");
	return both.p == NULL ? both : pim_fold(a, both);
}

/* The same as one bag of words, so that phones with a single name field agree
   with others. */
static struct slice
name_words(struct arena *a, const struct pim_comp *c)
{
	struct slice line = name_line(a, c);

	return line.p == NULL ? line : pim_fold_words(a, line);
}

static struct slice
company(struct arena *a, const struct pim_comp *c)
{
	struct slice rest = pim_prop_value(c, "ORG");
	struct slice first = { "", 0 };

	(void)pim_split(&rest, ';', &first);
	first = pim_unescape(a, first);
	return first.p == NULL ? first : pim_fold(a, first);
}

/* A phone number by its last digits (with or without +49 or 0), a mail address
   without case. */
static bool
add_point(struct arena *a, struct person *p, const struct pim_prop *q)
{
	bool tel = slice_is(q->name, "TEL");
	struct slice v = tel ? pim_digits(a, q->value) : pim_fold(a, q->value);

	if (v.p == NULL)
		return false;
	if (tel && v.n > PHONE_DIGITS)
		v = slice_from(v, v.n - PHONE_DIGITS);
	if (v.n > 0 && p->point_n < POINTS_MAX)
		p->point[p->point_n++] = digest_u64(v);
	return true;
}

static bool
person_of(struct arena *a, const struct pim_item *it, struct person *out)
{
	const struct pim_comp *c = it->root;

	memset(out, 0, sizeof(*out));
	out->uid = plain(a, c, "UID");
	out->name = name_words(a, c);
	out->org = company(a, c);
	out->bday = pim_prop_value(c, "BDAY");
	if (out->uid.p == NULL || out->name.p == NULL || out->org.p == NULL)
		return false;
	for (const struct pim_prop *q = c->props; q != NULL; q = q->next) {
		if (!slice_is(q->name, "TEL") && !slice_is(q->name, "EMAIL"))
			continue;
		if (!add_point(a, out, q))
			return false;
	}
	return true;
}

static bool
share_point(const struct person *x, const struct person *y)
{
	for (size_t i = 0; i < x->point_n; i++) {
		for (size_t k = 0; k < y->point_n; k++) {
			if (x->point[i] == y->point[k])
				return true;
		}
	}
	return false;
}

/* Are all words of the shorter name in the longer one? Both sorted. */
static bool
name_within(struct slice x, struct slice y)
{
	struct slice small = x.n <= y.n ? x : y;
	struct slice big = x.n <= y.n ? y : x;
	struct slice want;
	struct slice have;

	if (small.n == 0)
		return false;
	while (slice_split(&small, ' ', &want)) {
		do {
			if (!slice_split(&big, ' ', &have))
				return false;
		} while (!slice_eq(want, have));
	}
	return true;
}

static bool
both_differ(struct slice x, struct slice y)
{
	return x.n > 0 && y.n > 0 && !slice_eq(x, y);
}

static int
score_names_equal(const struct person *x, const struct person *y, bool common)
{
	if (common)
		return 95;
	if (both_differ(x->bday, y->bday))
		return 20;
	if (x->org.n > 0 && slice_eq(x->org, y->org))
		return 80;
	if (x->point_n > 0 && y->point_n > 0)
		return 45; /* two people of one name are possible */
	if (both_differ(x->org, y->org))
		return 45;
	return x->point_n == 0 && y->point_n == 0 ? 75 : 60;
}

static int
score_people(const struct person *x, const struct person *y)
{
	bool common = share_point(x, y);
	bool named = x->name.n > 0 && y->name.n > 0;
	bool within = named && name_within(x->name, y->name);

	if (x->uid.n > 0 && slice_eq(x->uid, y->uid) &&
	    (within || common || !named))
		return 100;
	if (named && slice_eq(x->name, y->name))
		return score_names_equal(x, y, common);
	if (within)
		return common ? 70 : 20;
	/* A family shares a phone; a nameless entry has nothing else. */
	if (named)
		return common ? 20 : 0;
	if (common)
		return 70;
	return x->name.n == 0 && y->name.n == 0 && x->org.n > 0 &&
		       slice_eq(x->org, y->org)
		   ? 60
		   : 0;
}

/* ---- events, tasks, notes
 * -------------------------------------------------------- */

static int
score_calendar(struct arena *a, const struct pim_item *x,
	       const struct pim_item *y)
{
	struct pim_cal_key kx;
	struct pim_cal_key ky;
	struct slice sx;
	struct slice sy;
	bool title;
	bool start;
	bool due;
	int score;

	if (pim_cal_identity(a, x, &kx, NULL) != 0 ||
	    pim_cal_identity(a, y, &ky, NULL) != 0)
		return 0;
	sx = pim_fold(a, kx.summary);
	sy = pim_fold(a, ky.summary);
	if (sx.p == NULL || sy.p == NULL)
		return 0;
	title = slice_eq(sx, sy);
	start = slice_eq(kx.start, ky.start);
	if (kx.uid.n > 0 && slice_eq(kx.uid, ky.uid))
		return title || start ? 100 : 40;
	/* Many phones keep one of a task's two dates. */
	due = x->kind == PIM_TODO && kx.end.n > 0 && slice_eq(kx.end, ky.end);
	if (!title || (!start && !due))
		return title ? 30 : 0;
	if (kx.start.n == 0 && both_differ(kx.end, ky.end))
		return 40; /* tasks of one name, due on different days */
	score = start && slice_eq(kx.end, ky.end) ? 95 : 75;
	return slice_eq(kx.rule, ky.rule) ? score : score - 20;
}

static struct slice
note_title(struct slice text)
{
	struct slice line = { NULL, 0 };

	while (slice_split(&text, '\n', &line)) {
		line = slice_trim(line);
		if (line.n > 0)
			return line;
	}
	return SLICE_LIT("");
}

static int
score_notes(struct arena *a, const struct pim_item *x, const struct pim_item *y)
{
	struct slice tx = slice_trim(x->text);
	struct slice ty = slice_trim(y->text);
	size_t n = tx.n < ty.n ? tx.n : ty.n;
	struct slice fx = pim_fold(a, note_title(tx));
	struct slice fy = pim_fold(a, note_title(ty));

	if (slice_eq(tx, ty))
		return 100;
	if (fx.p == NULL || fy.p == NULL || fx.n == 0 || !slice_eq(fx, fy))
		return 0;
	/* One is the start of the other: a shorter copy. */
	return memcmp(tx.p, ty.p, n) == 0 ? 80 : 40;
}

int
pim_score(struct arena *a, const struct pim_item *x, const struct pim_item *y)
{
	struct person px;
	struct person py;

	if (x->kind != y->kind)
		return 0;
	if (x->kind == PIM_NOTE)
		return score_notes(a, x, y);
	if (pim_is_mail(x->kind))
		return pim_mail_score(x, y);
	if (x->kind != PIM_CONTACT)
		return score_calendar(a, x, y);
	if (!person_of(a, x, &px) || !person_of(a, y, &py))
		return 0;
	return score_people(&px, &py);
}

bool
pim_one_series(struct arena *a, const struct pim_item *x,
	       const struct pim_item *y)
{
	struct pim_cal_key kx;
	struct pim_cal_key ky;

	if (x->kind != y->kind || (x->kind & (PIM_EVENT | PIM_TODO)) == 0 ||
	    pim_cal_identity(a, x, &kx, NULL) != 0 ||
	    pim_cal_identity(a, y, &ky, NULL) != 0)
		return true;
	return slice_eq(kx.start, ky.start) ||
	       (kx.rule.n > 0) == (ky.rule.n > 0);
}

/* ---- cut, by a device that did not tell where
 * ---------------------------------------------------------------------- */

static bool
starts(struct slice whole, struct slice cut)
{
	return cut.p != NULL && whole.p != NULL && cut.n >= CUT_MIN_BYTES &&
	       whole.n > cut.n && memcmp(whole.p, cut.p, cut.n) == 0;
}

static bool
is_cut_card(struct arena *a, const struct pim_item *cut,
	    const struct pim_item *whole)
{
	struct person x;
	struct person y;

	return starts(name_line(a, whole->root), name_line(a, cut->root)) &&
	       person_of(a, cut, &x) && person_of(a, whole, &y) &&
	       !both_differ(x.bday, y.bday) &&
	       (x.point_n == 0 || y.point_n == 0 || share_point(&x, &y));
}

bool
pim_is_cut(struct arena *a, const struct pim_item *cut,
	   const struct pim_item *whole)
{
	struct pim_cal_key kx;
	struct pim_cal_key ky;

	if (cut->kind != whole->kind || pim_is_mail(cut->kind))
		return false;
	if (cut->kind == PIM_CONTACT)
		return is_cut_card(a, cut, whole);
	if (cut->kind == PIM_NOTE)
		return starts(slice_trim(whole->text), slice_trim(cut->text));
	return pim_cal_identity(a, cut, &kx, NULL) == 0 &&
	       pim_cal_identity(a, whole, &ky, NULL) == 0 &&
	       starts(pim_fold(a, ky.summary), pim_fold(a, kx.summary)) &&
	       slice_eq(kx.start, ky.start) && !both_differ(kx.end, ky.end) &&
	       slice_eq(kx.rule, ky.rule);
}

/* ---- hashes
 * ------------------------------------------------------------------------ */

/*
 * For a look-up by equality, so made only of what devices neither drop nor
 * rewrite nor cut: the start of the name alone, not a phone; the score decides
 * then.
 */
static struct slice
key_of(struct slice folded)
{
	return slice_trim(slice_utf8_cut(folded, KEY_BYTES));
}

static uint64_t
hash_card(struct slice key)
{
	return pim_mix(PIM_CONTACT, digest_u64(key));
}

/*
 * Of a long name the order counts, since where it was cut is not known: phones
 * with one field for it have the words turned round.
 */
static bool
turn_name(struct arena *a, struct slice line, struct pim_ids *out)
{
	struct slice twice =
	    arena_printf(a, "%.*s %.*s", SLICE_ARG(line), SLICE_ARG(line));

	for (size_t i = 0; twice.p != NULL && i < line.n; i++) {
		if (line.p[i] == ' ' && out->alike_n < PIM_ALIKE_MAX)
			out->alike[out->alike_n++] =
			    hash_card(key_of(slice_sub(twice, i + 1, line.n)));
	}
	return twice.p != NULL;
}

static int
identify_card(struct arena *a, const struct pim_item *it, struct pim_ids *out,
	      struct err *e)
{
	const struct pim_comp *c = it->root;
	struct slice line = name_line(a, c);
	struct slice key = line;
	const struct pim_prop *p;

	if (line.n > KEY_BYTES) {
		key = key_of(line);
		if (!turn_name(a, line, out))
			return pim_nomem(e, "pim.identify");
	} else if (line.p != NULL) {
		key = pim_fold_words(a, line);
	}
	if (key.p != NULL && key.n == 0)
		key = company(a, c);
	p = pim_prop_find(c, "EMAIL");
	if (key.p != NULL && key.n == 0 && p != NULL)
		key = pim_fold(a, p->value);
	p = pim_prop_find(c, "TEL");
	if (key.p != NULL && key.n == 0 && p != NULL)
		key = pim_digits(a, p->value);
	out->uid = plain(a, c, "UID");
	if (key.p == NULL || out->uid.p == NULL)
		return pim_nomem(e, "pim.identify");
	out->h_identity = hash_card(key);
	return 0;
}

/* A year's day moves to a year that a phone can have, not to another month. */
static uint64_t
hash_yearly(uint64_t title, struct slice start)
{
	return pim_mix(pim_mix(title, digest_u64(SLICE_LIT("yearly"))),
		       digest_u64(slice_sub(start, 4, 2)));
}

/* The day alone: a time without a zone comes back as one with it. */
static uint64_t
hash_dated(uint64_t title, struct slice when)
{
	return pim_mix(title, digest_u64(slice_sub(when, 0, DAY_TEXT)));
}

static int
identify_calendar(struct arena *a, const struct pim_item *it,
		  struct pim_ids *out, struct err *e)
{
	struct pim_cal_key key;
	struct slice title;
	uint64_t h;

	if (pim_cal_identity(a, it, &key, e) != 0)
		return -1;
	title = pim_fold(a, key.summary);
	if (title.p == NULL)
		return pim_nomem(e, "pim.identify");
	out->uid = key.uid;
	h = pim_mix((uint64_t)it->kind, digest_u64(key_of(title)));
	if (slice_starts(key.rule, "FREQ=YEARLY") && key.start.n >= DAY_TEXT)
		out->h_identity = hash_yearly(h, key.start);
	else if (it->kind == PIM_TODO && key.end.n > 0)
		out->h_identity = hash_dated(h, key.end);
	else
		out->h_identity = hash_dated(h, key.start);
	/* A task of which its writer keeps one date; a birthday on a phone
	   without series. */
	if (it->kind == PIM_TODO && key.start.n > 0 && key.end.n > 0)
		out->alike[out->alike_n++] = hash_dated(h, key.start);
	if (key.rule.n == 0 && key.start.n == DAY_TEXT)
		out->alike[out->alike_n++] = hash_yearly(h, key.start);
	return 0;
}

static int
identify_note(struct arena *a, const struct pim_item *it, struct pim_ids *out,
	      struct err *e)
{
	struct slice title = pim_fold(a, note_title(it->text));

	if (title.p == NULL)
		return pim_nomem(e, "pim.identify");
	out->h_identity = pim_mix(PIM_NOTE, digest_u64(title));
	return 0;
}

int
pim_identify(struct arena *a, const struct pim_item *it, struct pim_ids *out,
	     struct err *e)
{
	int rc;

	memset(out, 0, sizeof(*out));
	if (pim_is_mail(it->kind))
		return pim_mail_identify(a, it, out, e);
	if (it->kind == PIM_CONTACT)
		rc = identify_card(a, it, out, e);
	else if (it->kind == PIM_NOTE)
		rc = identify_note(a, it, out, e);
	else
		rc = identify_calendar(a, it, out, e);
	if (rc != 0)
		return -1;
	if (out->uid.n > 0)
		out->h_uid = digest_u64(out->uid);
	if (out->h_identity == 0)
		out->h_identity = 1;
	if (pim_span(a, it, &out->span, e) < 0)
		return -1;
	return pim_content_hash(a, it, &out->h_content, e);
}

struct slice
pim_title(struct arena *a, const struct pim_item *it)
{
	struct slice t;

	if (it->kind == PIM_NOTE)
		return slice_utf8_cut(note_title(it->text), TITLE_BYTES);
	if (pim_is_mail(it->kind))
		return slice_utf8_cut(pim_mail_title(a, it), TITLE_BYTES);
	if (it->kind != PIM_CONTACT)
		return pim_cal_title(a, it);
	t = plain(a, it->root, "FN");
	return t.p == NULL ? t : slice_utf8_cut(t, TITLE_BYTES);
}

static void
drop_uid(struct pim_comp *c)
{
	struct pim_prop **at = &c->props;

	while (*at != NULL) {
		if (slice_is((*at)->name, "UID"))
			*at = (*at)->next;
		else
			at = &(*at)->next;
	}
}

void
pim_drop_uid(struct pim_item *it)
{
	if (it->root == NULL)
		return;
	drop_uid(it->root);
	for (struct pim_comp *c = it->root->kids; c != NULL; c = c->next)
		drop_uid(c);
}
