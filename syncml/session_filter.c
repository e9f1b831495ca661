/*
 * Which items of a database a device has: its own filter (OMA DS 1.2, or
 * behind the '?' of the Alert's target) and the administrator's window of
 * dates.
 *
 * What is in force is kept as words:
 * "E 1700000000000 1800000000000 0 0 0\nterms" (E: exclusive, I: inclusive, N:
 * no filter; both edges; how much of a mail; the terms that are no dates). The
 * link remembers those that its device was filled by. If only the edges moved
 * since, what enters or leaves is two ranges of an index; if the terms
 * changed, or more of each mail is shown, all items are looked at once.
 */
#include "pim/mail.h"
#include "syncml/outgoing.h"

#include <inttypes.h>
#include <stdio.h>

#define DAY_MS INT64_C(86400000)

enum { WORDS_N = 5 }; /* numbers in a filter's words */

static const struct sml_filter_use no_filter = { .since_ms = -INT64_MAX,
						 .before_ms = INT64_MAX };

/* ---- words -------------------------------------------------------------- */

static bool
is_cut(const struct pim_mail_cut *cut)
{
	return cut->parts != PIM_MAIL_ALL || cut->bytes > 0 || cut->attach > 0;
}

static struct slice
write_words(struct arena *a, const struct sml_filter_use *u, struct slice terms)
{
	if (!u->on && !is_cut(&u->cut))
		return SLICE_LIT("");
	return arena_printf(
	    a, "%c %" PRId64 " %" PRId64 " %d %" PRId64 " %" PRId64 "\n%.*s",
	    !u->on         ? 'N'
	    : u->inclusive ? 'I'
			   : 'E',
	    u->since_ms, u->before_ms, (int)u->cut.parts, u->cut.bytes,
	    u->cut.attach, SLICE_ARG(terms));
}

int
sml_filter_read(struct arena *a, struct slice words, struct sml_filter_use *out,
		struct err *e)
{
	size_t at = slice_find(words, '\n');
	int64_t v[WORDS_N] = { 0 };
	struct slice head;
	struct slice one;
	bool good = true;

	*out = no_filter;
	if (words.n < 2 || at == SIZE_MAX)
		return 0;
	head = slice_sub(words, 2, at - 2);
	out->terms = slice_from(words, at + 1);
	for (size_t i = 0; i < WORDS_N && good; i++)
		good = slice_split(&head, ' ', &one) && slice_i64(one, &v[i]);
	if (!good || pim_filter_parse(a, out->terms, &out->filter, e) < 0) {
		if (e->code == ERR_NOMEM)
			return -1;
		return err_set(e, ERR_BUG, "filter.load",
			       "a stored filter does not read back");
	}
	out->since_ms = v[0];
	out->before_ms = v[1];
	out->cut =
	    (struct pim_mail_cut){ (enum pim_mail_parts)v[2], v[3], v[4] };
	out->on = words.p[0] != 'N';
	out->inclusive = words.p[0] == 'I';
	return 0;
}

bool
sml_filter_has_terms(const struct sml_filter_use *u)
{
	return u->on && u->filter->step_n > 0;
}

/* ---- what the Alert asks for -------------------------------------------- */

static void
narrow(struct sml_filter_use *u, int64_t since_ms, int64_t before_ms)
{
	if (since_ms > u->since_ms)
		u->since_ms = since_ms;
	if (before_ms < u->before_ms)
		u->before_ms = before_ms;
	u->on = true;
}

/* Whole days around today, so that a window stands still for a day. */
static void
narrow_days(struct sml_filter_use *u, int64_t now, int64_t past, int64_t future)
{
	int64_t today = now - now % DAY_MS;

	narrow(u, today - past * DAY_MS, today + (future + 1) * DAY_MS);
}

/* "(-90,90)" of "/dr(-90,90)": days from today. */
static bool
date_range(struct slice s, int64_t *from, int64_t *to)
{
	enum { FAR = 36500 };
	size_t end = slice_find(s, ')');
	struct slice part;

	if (s.n == 0 || s.p[0] != '(' || end == SIZE_MAX)
		return false;
	s = slice_sub(s, 1, end - 1);
	return slice_split(&s, ',', &part) &&
	       slice_i64(slice_trim(part), from) &&
	       slice_i64(slice_trim(s), to) && *from >= -FAR && *to <= FAR &&
	       *from <= *to;
}

/* libsynthesis' options: "/dr(-7,30)/na"; the ones that are no filter, and
   unknown ones, are passed over as they always were. */
static int
take_options(struct sml_ctx *c, struct slice s, struct sml_filter_use *u)
{
	struct slice one;
	int64_t from;
	int64_t to;

	while (slice_split(&s, '/', &one)) {
		if (one.n == 0)
			continue;
		if (!slice_starts_nocase(one, "dr(")) {
			sml_tell(c, '=', "option %.*s is not known here",
				 SLICE_ARG(one));
			continue;
		}
		if (!date_range(slice_from(one, 2), &from, &to))
			return 422;
		narrow_days(u, c->now, -from, to);
	}
	return 200;
}

static int
take_terms(struct sml_ctx *c, struct slice text, struct sml_filter_use *u)
{
	struct err e = { .code = ERR_NONE };

	if (pim_filter_parse(c->a, text, &u->filter, &e) < 0) {
		sml_tell(c, '=', "filter %.*s refused: %s", SLICE_ARG(text),
			 e.msg);
		return e.code == ERR_NOMEM ? 500 : 422;
	}
	u->terms = u->filter->rest;
	narrow(u, u->filter->since_ms, u->filter->before_ms);
	return 200;
}

/* Behind the '?': options, terms, or something that only the client knows. */
static int
take_query(struct sml_ctx *c, struct slice uri, struct sml_filter_use *u)
{
	size_t at = slice_find(uri, '?');
	struct slice query;

	if (at == SIZE_MAX)
		return 200;
	query = slice_trim(slice_from(uri, at + 1));
	if (slice_starts(query, "/"))
		return take_options(c, query, u);
	if (slice_find(query, '&') == SIZE_MAX ||
	    slice_find(query, ';') == SIZE_MAX)
		return 200;
	return take_terms(c, query, u);
}

static bool
known_type(struct slice type, unsigned kinds)
{
	enum pim_form f = pim_form_of(type, SLICE_LIT(""));

	return type.n == 0 || (f != PIM_FORM_NONE && sml_form_fits(f, kinds));
}

static int
take_element(struct sml_ctx *c, const struct sml_filter *in, unsigned kinds,
	     struct sml_filter_use *u)
{
	struct slice how = slice_trim(in->filter_type);
	struct pim_mail_cut cut;
	bool said;

	if (!in->present)
		return 200;
	if (!known_type(slice_trim(in->type), kinds))
		return 415;
	if (how.n > 0 && !slice_eq_nocase(how, SLICE_LIT("INCLUSIVE")) &&
	    !slice_eq_nocase(how, SLICE_LIT("EXCLUSIVE")))
		return 422;
	if (in->field != NULL &&
	    ((kinds & PIM_MAIL) == 0 || !sml_mail_fields(c, in, &cut, &said))) {
		sml_tell(c, '=', "a filter of fields is not done here");
		return 406;
	}
	if (in->record_type.n > 0 &&
	    !slice_eq_nocase(slice_trim(in->record_type),
			     SLICE_LIT("syncml:filtertype-cgi")))
		return 422;
	u->inclusive = slice_eq_nocase(how, SLICE_LIT("INCLUSIVE"));
	if (slice_trim(in->record).n == 0)
		return 200;
	if (u->filter != NULL)
		return 422; /* one behind the '?', and another one */
	return take_terms(c, in->record, u);
}

/* A day as a date; and nothing for an edge that nobody asked for. */
static struct slice
edge(struct sml_ctx *c, const char *word, int64_t ms)
{
	enum { SEEN = 36000 };
	char iso[21];

	if (ms < c->now - SEEN * DAY_MS || ms > c->now + SEEN * DAY_MS)
		return SLICE_LIT("");
	clk_iso(ms, iso);
	return arena_printf(c->a, " %s %.*s", word, ms % DAY_MS == 0 ? 10 : 20,
			    iso);
}

static void
tell_filter(struct sml_ctx *c, const struct sml_filter_use *u)
{
	sml_tell(c, '>', "only items%.*s%.*s%s%.*s; the others %s the device",
		 SLICE_ARG(edge(c, "from", u->since_ms)),
		 SLICE_ARG(edge(c, "before", u->before_ms)),
		 u->terms.n > 0 ? " with " : "", SLICE_ARG(u->terms),
		 u->inclusive ? "stay on" : "leave");
}

/* Only so many of the newest mails: the instant from which on they are. */
static int
count_window(struct sml_ctx *c, const struct store_collection *col,
	     const struct store_link *l, struct sml_filter_use *u)
{
	int64_t since;

	if (l->mail_count <= 0)
		return 0;
	if (c->tx->v->mail->newest(c->tx, col->member, col->member_n,
				   l->mail_count, &since, &c->e) < 0)
		return -1;
	if (since != INT64_MIN) {
		narrow(u, since, INT64_MAX);
		u->inclusive = false;
	}
	return 0;
}

int
sml_filter_ask(struct sml_ctx *c, const struct store_link *l,
	       const struct sml_item *it, int code, struct slice *words)
{
	const struct store_collection *col = sml_collection(c, l->collection);
	struct sml_filter_use u = no_filter;
	unsigned kinds = col == NULL ? 0 : col->kinds;
	int status = take_query(c, it->target, &u);

	*words = SLICE_LIT("");
	if (status == 200)
		status = take_element(c, &it->filter, kinds, &u);
	if (status != 200) {
		sml_tell(c, '=', "its filter is refused (%d)", status);
		return status;
	}
	/* Resumed without saying it again: the filter of what broke. */
	if (code == 225 && !u.on && !it->filter.present) {
		*words = l->filter_asked;
		return 200;
	}
	if ((kinds & PIM_MAIL) != 0 && count_window(c, col, l, &u) < 0)
		return 500;
	if ((kinds & (PIM_EVENT | PIM_TODO | PIM_MAIL)) != 0) {
		enum { FAR = 36500 };
		int64_t past = l->past_days > 0 ? l->past_days : FAR;
		int64_t future = l->future_days > 0 ? l->future_days : FAR;

		if (past != FAR || future != FAR) {
			narrow_days(&u, c->now, past, future);
			/* The administrator's word: what leaves it goes. */
			u.inclusive = false;
		}
	}
	if ((kinds & PIM_MAIL) != 0)
		u.cut = sml_mail_cut(c, l, it);
	*words = write_words(c->a, &u, u.terms);
	if (words->p == NULL)
		return 500;
	if (u.on)
		tell_filter(c, &u);
	return 200;
}

/* ---- what is in force --------------------------------------------------- */

/* The device's items are not known to obey any filter. */
#define UNKNOWN "?"

static const struct sml_filter_uses *
uses(struct sml_ctx *c, const struct sml_ds *ds)
{
	struct sml_filter_uses *u = &c->filter[ds - c->s.ds];
	const struct store_link *l = sml_link(c, ds->link);
	struct slice was = l == NULL ? SLICE_LIT("") : l->filter;

	if (u->ready)
		return u;
	if (sml_filter_read(c->a, ds->filter, &u->now, &c->e) < 0 ||
	    sml_filter_read(c->a, was, &u->was, &c->e) < 0)
		return NULL;
	/* Not known: what enters is found by the cursor, which starts anew. */
	if (slice_is(was, UNKNOWN))
		u->was = u->now;
	u->ready = true;
	return u;
}

bool
sml_filter_on(const struct sml_ds *ds)
{
	return ds->filter.n > 0 && ds->filter.p[0] != 'N';
}

void
sml_filter_same(struct sml_ctx *c, struct sml_ds *ds)
{
	const struct store_link *l = sml_link(c, ds->link);

	ds->filter = l == NULL || slice_is(l->filter, UNKNOWN) ? SLICE_LIT("")
							       : l->filter;
	c->filter[ds - c->s.ds].ready = false;
	c->view_ready[ds - c->s.ds] = false;
}

int
sml_filter_cut(struct sml_ctx *c, const struct sml_ds *ds,
	       struct pim_mail_cut *cut)
{
	const struct sml_filter_uses *u = uses(c, ds);

	if (u == NULL)
		return -1;
	*cut = u->now.cut;
	return 0;
}

bool
sml_filter_was_cut(struct sml_ctx *c, const struct sml_ds *ds,
		   struct pim_mail_cut *cut)
{
	const struct sml_filter_uses *u = uses(c, ds);

	if (u == NULL || pim_mail_wider(&u->was.cut, &u->now.cut))
		return false;
	*cut = u->was.cut;
	return true;
}

void
sml_filter_unknown(struct store_link *l)
{
	l->filter = SLICE_LIT(UNKNOWN);
}

int
sml_filter_start(struct sml_ctx *c, struct sml_ds *ds)
{
	const struct store_link *l = sml_link(c, ds->link);
	const struct sml_filter_uses *u = uses(c, ds);

	ds->walk = 0;
	ds->walk_to = 0;
	if (u == NULL || l == NULL)
		return -1;
	ds->walk_col = 0;
	ds->walk_ms = INT64_MIN;
	ds->walk_after = 0;
	if (ds->type == 205 || (!u->now.on && !u->was.on &&
				!pim_mail_wider(&u->was.cut, &u->now.cut)))
		return 0;
	if (slice_is(l->filter, UNKNOWN) ||
	    pim_mail_wider(&u->was.cut, &u->now.cut) ||
	    u->now.inclusive != u->was.inclusive ||
	    !slice_eq(u->now.terms, u->was.terms)) {
		ds->walk = SML_WALK_ALL;
		ds->walk_to = SML_WALK_ALL;
		return 0;
	}
	if (u->now.since_ms != u->was.since_ms)
		ds->walk = ds->walk_to = SML_WALK_ENDS;
	if (u->now.before_ms != u->was.before_ms) {
		ds->walk = ds->walk == 0 ? SML_WALK_STARTS : ds->walk;
		ds->walk_to = SML_WALK_STARTS;
	}
	return 0;
}

int
sml_filter_page(struct sml_ctx *c, struct sml_ds *ds, size_t limit,
		struct store_change **ch, size_t *n)
{
	const struct sml_filter_uses *u = uses(c, ds);
	struct store_window ask = {
		.link = ds->link,
		.gen = ds->gen,
		.collection = ds->cursor[ds->walk_col].collection,
		.after_ms = ds->walk_ms,
		.after = ds->walk_after,
		.limit = limit,
	};

	if (u == NULL)
		return -1;
	if (ds->walk == SML_WALK_ENDS) {
		ask.edge = STORE_EDGE_TO;
		ask.low = u->now.since_ms;
		ask.high = u->was.since_ms;
	} else if (ds->walk == SML_WALK_STARTS) {
		ask.edge = STORE_EDGE_FROM;
		ask.low = u->now.before_ms;
		ask.high = u->was.before_ms;
	}
	if (ask.low > ask.high) {
		int64_t low = ask.low;

		ask.low = ask.high;
		ask.high = low;
	}
	return c->tx->v->window(c->tx, c->scratch, &ask, ch, n, &c->e);
}

/* Behind this item, or on to the next edge or database. */
void
sml_filter_moved(struct sml_ds *ds, const struct store_item *last, bool end)
{
	if (last != NULL) {
		ds->walk_ms = ds->walk == SML_WALK_ENDS ? last->span.to_ms
							: last->span.from_ms;
		ds->walk_after = last->id;
	}
	if (!end)
		return;
	ds->walk_ms = INT64_MIN;
	ds->walk_after = 0;
	if (++ds->walk_col < ds->cursor_n)
		return;
	ds->walk_col = 0;
	ds->walk = ds->walk == ds->walk_to ? 0 : SML_WALK_STARTS;
}

/* ---- one item ----------------------------------------------------------- */

bool
sml_filter_dates_may(const struct sml_filter_use *u,
		     const struct store_item *it, int64_t moved_ms)
{
	const struct pim_span s = { it->span.set, it->span.from_ms,
				    it->span.to_ms };
	int64_t before = u->before_ms < INT64_MAX - moved_ms
			     ? u->before_ms + moved_ms
			     : INT64_MAX;

	return !u->on || pim_span_in(&s, u->since_ms, before);
}

static bool
in_dates(const struct sml_filter_use *u, const struct store_item *it)
{
	return sml_filter_dates_may(u, it, 0);
}

/* Of a mail that a device asked for by its own id nobody knows what else it
   wants. */
int
sml_filter_terms_match(struct arena *a, const struct sml_filter_use *u,
		       const struct store_item *it, const struct pim_item *pim,
		       bool *in, struct err *e)
{
	const struct pim_span s = { it->span.set, it->span.from_ms,
				    it->span.to_ms };

	*in = true;
	for (size_t i = 0; u->on && i < u->filter->step_n; i++) {
		const struct pim_filter_step *f = &u->filter->step[i];

		if (f->what == PIM_STEP_TERM && f->term.on == PIM_ON_LUID)
			return 0;
	}
	if (sml_filter_has_terms(u))
		*in = pim_filter_match(a, u->filter, pim, &s, SLICE_LIT(""), e);
	return !*in && e->code == ERR_NOMEM ? -1 : 0;
}

static int
in_steps(struct sml_ctx *c, const struct sml_filter_use *u,
	 const struct store_item *it, struct slice luid, bool *in)
{
	const struct pim_span s = { it->span.set, it->span.from_ms,
				    it->span.to_ms };
	struct pim_item *pim;

	*in = true;
	if (!sml_filter_has_terms(u))
		return 0;
	if (pim_parse(c->scratch, (enum pim_kind)it->kind, it->body, &pim,
		      &c->e) < 0)
		return c->e.code == ERR_NOMEM ? -1 : 0;
	*in = pim_filter_match(c->scratch, u->filter, pim, &s, luid, &c->e);
	return c->e.code == ERR_NOMEM ? -1 : 0;
}

/* What is outside: not sent as new; taken back if the filter is exclusive. */
static void
outside(const struct sml_filter_use *u, struct sml_unit *unit)
{
	if (unit->what == 'A') {
		unit->what =
		    unit->mapped && unit->map.state == STORE_MAP_DEBT ? 'X' : 0;
		return;
	}
	if (u->inclusive) /* what the device has stays, and stays true */
		return;
	unit->what = 'D';
	unit->soft = true;
}

/* More of each mail is shown than the device was sent: of this one, too? */
static int
gains(struct sml_ctx *c, const struct sml_filter_uses *u,
      const struct store_item *it, bool *yes)
{
	struct pim_item *pim;

	*yes = false;
	if (pim_parse(c->scratch, PIM_MAIL, it->body, &pim, &c->e) < 0)
		return c->e.code == ERR_NOMEM ? -1 : 0;
	*yes = pim_mail_gains(pim->mail, &u->was.cut, &u->now.cut);
	return 0;
}

int
sml_filter_more(struct sml_ctx *c, struct sml_ds *ds, struct sml_unit *unit)
{
	const struct sml_filter_uses *u = uses(c, ds);
	bool yes;

	if (u == NULL)
		return -1;
	if (!unit->more || unit->what != 'R')
		return 0;
	if (gains(c, u, &unit->item, &yes) < 0)
		return -1;
	/* It may have asked for it; what it sent itself may be cut. */
	if (unit->map.held_form != 0 &&
	    sml_mail_enough(c, ds, unit->map.held_form))
		yes = false;
	unit->more = yes;
	if (!yes && !sml_filter_has_terms(&u->now))
		unit->what = 0;
	return 0;
}

int
sml_filter_dates(struct sml_ctx *c, const struct sml_ds *ds,
		 struct sml_unit *unit)
{
	const struct sml_filter_uses *u = uses(c, ds);
	bool r = unit->what == 'R';

	if (u == NULL)
		return -1;
	if (unit->what != 'A' && !r)
		return 0;
	/* No filter is of folders. */
	if (unit->item.kind == PIM_FOLDER) {
		if (unit->walk)
			unit->what = 0;
		return 0;
	}
	if (!in_dates(&u->now, &unit->item))
		outside(&u->now, unit);
	else if (unit->walk && r && unit->item.kind == PIM_MAIL)
		unit->more = pim_mail_wider(&u->was.cut, &u->now.cut);
	if (unit->more)
		return 0;
	if (unit->walk && in_dates(&u->now, &unit->item) &&
	    (r ? !sml_filter_has_terms(&u->now)
	       : !sml_filter_has_terms(&u->was) &&
		     in_dates(&u->was, &unit->item)))
		unit->what = 0;
	/* Kept by an inclusive filter: the walk has no news of it. */
	if (unit->walk && r && unit->what == 'R' && u->now.inclusive)
		unit->what = 0;
	return 0;
}

int
sml_filter_steps(struct sml_ctx *c, const struct sml_ds *ds,
		 struct sml_unit *unit)
{
	const struct sml_filter_uses *u = uses(c, ds);
	struct slice luid = unit->mapped ? unit->map.luid : SLICE_LIT("");
	bool in;

	if (u == NULL)
		return -1;
	if ((unit->what != 'A' && unit->what != 'R') || unit->wanted ||
	    unit->item.kind == PIM_FOLDER)
		return 0;
	if (in_steps(c, &u->now, &unit->item, luid, &in) < 0)
		return -1;
	if (!in)
		outside(&u->now, unit);
	if (!unit->walk)
		return 0;
	if (unit->what == 'R' && !unit->more)
		unit->what = 0;
	if (unit->what != 'A' || !sml_filter_has_terms(&u->was) ||
	    !in_dates(&u->was, &unit->item))
		return 0;
	if (in_steps(c, &u->was, &unit->item, luid, &in) < 0)
		return -1;
	if (in)
		unit->what = 0;
	return 0;
}

int
sml_filter_shows(struct sml_ctx *c, const struct sml_ds *ds,
		 const struct store_item *it, struct slice luid, bool *shows)
{
	const struct sml_filter_uses *u = uses(c, ds);

	*shows = true;
	if (u == NULL)
		return -1;
	if (!u->now.on)
		return 0;
	*shows = in_dates(&u->now, it);
	return *shows && it->body.n > 0 ? in_steps(c, &u->now, it, luid, shows)
					: 0;
}

int
sml_filter_unsent(struct sml_ctx *c, const struct sml_ds *ds,
		  struct store_item **it, size_t *n)
{
	int64_t *id;
	size_t k = 0;
	bool in;

	if (!sml_filter_on(ds) || *n == 0)
		return 0;
	id = ARENA_ARRAY(c->a, *n, int64_t);
	if (id == NULL)
		return err_set(&c->e, ERR_NOMEM, "filter.unsent",
			       "no memory for %zu items", *n);
	for (size_t i = 0; i < *n; i++)
		id[i] = (*it)[i].id;
	if (c->tx->v->item_get(c->tx, c->a, id, *n, true, it, n, &c->e) < 0)
		return -1;
	for (size_t i = 0; i < *n; i++) {
		if (sml_filter_shows(c, ds, &(*it)[i], SLICE_LIT(""), &in) < 0)
			return -1;
		if (in)
			(*it)[k++] = (*it)[i];
	}
	*n = k;
	return 0;
}
