/*
 * Merging what a device sent into what the server has, by what its user did:
 * compared with what the device held before (the base), changed properties are
 * edits and go into the current item; what a device merely cannot hold stays.
 *
 * Each property name is merged on its own; which way depends on its kind:
 * lists entry by entry, structures part by part, all others as a whole.
 */
#include "pim/mail_int.h"
#include "pim/merge_int.h"

bool
pim_merge_clash(struct merge *m)
{
	if (m->client_wins)
		m->clash_client++;
	else
		m->clash_server++;
	return m->client_wins;
}

bool
pim_merge_cut(const struct merge *m, struct slice name, struct slice shorter,
	      struct slice full)
{
	if (shorter.n < CUT_MIN_BYTES || shorter.n >= full.n ||
	    memcmp(shorter.p, full.p, shorter.n) != 0)
		return false;
	/* A memo cut at the end of a line was cut by its reader: limits of
	   devices do not end where lines do. */
	if (slice_is(name, "BODY") && full.p[shorter.n] == '\n')
		return false;
	return !pim_caps_keep(m->in->view, name, full.n);
}

bool
pim_merge_told(const struct merge *m, struct slice name)
{
	static const struct {
		const char *name;
		unsigned bit;
	} names[] = {
		{ "RRULE", PIM_TOLD_RULE },    { "EXDATE", PIM_TOLD_DATES },
		{ "RDATE", PIM_TOLD_DATES },   { "VALARM", PIM_TOLD_ALARM },
		{ "DTSTART", PIM_TOLD_START }, { "DUE", PIM_TOLD_DUE },
		{ "COMPLETED", PIM_TOLD_DONE }
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (slice_is(name, names[i].name))
			return (m->incoming->told & names[i].bit) != 0;
	}
	return false;
}

/* ---- editing the result
 * ---------------------------------------------------------- */

/* Has the property the parameter of q, with any value? */
static bool
has_param(const struct pim_prop *p, const struct pim_param *q)
{
	for (const struct pim_param *x = p->params; x != NULL; x = x->next) {
		if (slice_eq(x->name, q->name))
			return true;
	}
	return false;
}

/* inc's parameters, and those vendor's ones of cur that inc does not have. */
static bool
take_params(struct arena *a, struct pim_prop *cur, const struct pim_prop *inc)
{
	struct pim_prop *copy = pim_prop_copy(a, inc);
	struct pim_param **tail;

	if (copy == NULL)
		return false;
	tail = &copy->params;
	while (*tail != NULL)
		tail = &(*tail)->next;
	for (const struct pim_param *q = cur->params; q != NULL; q = q->next) {
		if (!slice_starts(q->name, "X-") || has_param(inc, q))
			continue;
		*tail = ARENA_NEW(a, struct pim_param);
		if (*tail == NULL)
			return false;
		(*tail)->name = q->name;
		(*tail)->value = q->value;
		tail = &(*tail)->next;
	}
	cur->params = copy->params;
	return true;
}

/* The alarms are no property but components: the whole set changes hands. */
static void
set_alarms(struct merge *m, const struct pim_comp *from)
{
	struct pim_comp **at = &m->comp->kids;

	while (*at != NULL) {
		if (slice_is((*at)->name, "VALARM"))
			*at = (*at)->next;
		else
			at = &(*at)->next;
	}
	if (from == NULL)
		return;
	for (const struct pim_comp *k = from->kids; k != NULL; k = k->next) {
		if (!slice_is(k->name, "VALARM"))
			continue;
		*at = pim_comp_copy(m->a, k);
		if (*at == NULL) {
			m->nomem = true;
			return;
		}
		at = &(*at)->next;
	}
}

void
pim_merge_set(struct merge *m, struct pim_field *cur,
	      const struct pim_field *inc)
{
	if (cur->prop == NULL || inc->prop == NULL) {
		set_alarms(m, pim_main(m->incoming));
		return;
	}
	/* Types that only lost what the device does not know stay. */
	if (inc->types.n > 0 || cur->types.n == 0 ||
	    cur->prop->def->vtype == PIM_V_BINARY) {
		if (!take_params(m->a, cur->prop, inc->prop))
			m->nomem = true;
	}
	cur->prop->value = inc->prop->value;
}

void
pim_merge_types(struct merge *m, struct pim_field *cur,
		const struct pim_field *inc)
{
	if (cur->prop != NULL && inc->prop != NULL &&
	    !take_params(m->a, cur->prop, inc->prop))
		m->nomem = true;
}

void
pim_merge_add(struct merge *m, const struct pim_field *inc)
{
	struct pim_prop *after = NULL;
	struct pim_prop *p;

	if (inc->prop == NULL) {
		set_alarms(m, pim_main(m->incoming));
		return;
	}
	p = pim_prop_copy(m->a, inc->prop);
	if (p == NULL) {
		m->nomem = true;
		return;
	}
	for (struct pim_prop *q = m->comp->props; q != NULL; q = q->next)
		after = q;
	if (after == NULL)
		m->comp->props = p;
	else
		after->next = p;
}

void
pim_merge_drop(struct merge *m, struct pim_field *cur)
{
	if (cur->prop == NULL)
		set_alarms(m, NULL);
	else
		cur->prop->name = SLICE_LIT(""); /* swept at the end */
}

static void
sweep(struct pim_comp *c)
{
	struct pim_prop **at = &c->props;

	while (*at != NULL) {
		if ((*at)->name.n == 0)
			*at = (*at)->next;
		else
			at = &(*at)->next;
	}
}

/*
 * The result's EXDATE and RDATE lines, one property per date while merging, so
 * that a date that goes takes no other with it.
 */
static bool
explode_dates(struct arena *a, struct pim_comp *c)
{
	for (struct pim_prop *p = c->props; p != NULL; p = p->next) {
		struct slice rest = p->value;
		struct slice one;
		size_t n = 0;

		if (!slice_is(p->name, "EXDATE") && !slice_is(p->name, "RDATE"))
			continue;
		while (n++ < PIM_PROPS_MAX && slice_split(&rest, ',', &one)) {
			struct pim_prop *q;

			if (n == 1) {
				p->value = one;
				continue;
			}
			q = pim_prop_copy(a, p);
			if (q == NULL)
				return false;
			q->value = one;
			q->next = p->next;
			p->next = q;
			p = q;
		}
	}
	return true;
}

/* Neighbours of one name with the same parameters become one line again. */
static bool
same_params(const struct pim_prop *x, const struct pim_prop *y)
{
	const struct pim_param *p = x->params;
	const struct pim_param *q = y->params;

	while (p != NULL && q != NULL && slice_eq(p->name, q->name) &&
	       slice_eq(p->value, q->value)) {
		p = p->next;
		q = q->next;
	}
	return p == NULL && q == NULL;
}

static bool
join_dates(struct arena *a, struct pim_comp *c)
{
	for (struct pim_prop *p = c->props; p != NULL; p = p->next) {
		struct buf b = BUF_IN(a);
		struct pim_prop **at = &p->next;

		if (!slice_is(p->name, "EXDATE") && !slice_is(p->name, "RDATE"))
			continue;
		buf_add(&b, p->value);
		while (*at != NULL) {
			struct pim_prop *q = *at;

			if (!slice_eq(q->name, p->name) || !same_params(p, q)) {
				at = &q->next;
				continue;
			}
			buf_byte(&b, ',');
			buf_add(&b, q->value);
			*at = q->next;
		}
		if (!buf_ok(&b))
			return false;
		p->value = buf_slice(&b);
	}
	return true;
}

/* ---- going through the names
 * ------------------------------------------------------- */

static bool
is_multi(const struct group *g, size_t base_n)
{
	const struct pim_field *f =
	    g->cur.n > 0 ? &g->cur.v[0] : (g->inc.n > 0 ? &g->inc.v[0] : NULL);

	if (f == NULL || f->prop == NULL)
		return false;
	if (g->cur.n > 1 || g->inc.n > 1)
		return true;
	for (size_t i = 0; i < base_n; i++) {
		if (g->base[i].n > 1)
			return true;
	}
	/* Unknown names are lists only where they occur more than once. */
	return (f->prop->def->flags & PIM_P_MULTI) && f->prop->def->name.n > 0;
}

static void
merge_name(struct merge *m, struct slice name)
{
	struct group g = { .name = name };
	const struct pim_field *f;
	bool multi;

	g.cur = pim_fields_named(&m->cur, name);
	g.inc = pim_fields_named(&m->inc, name);
	g.seen = pim_fields_named(&m->seen, name);
	for (size_t i = 0; i < m->base_n; i++)
		g.base[i] = pim_fields_named(&m->base[i], name);
	multi = is_multi(&g, m->base_n);
	f = g.cur.n > 0 ? &g.cur.v[0] : &g.inc.v[0];
	if (m->base_n == 0) {
		if (multi)
			pim_union_list(m, &g);
		else if (f->prop != NULL && f->prop->def->vtype == PIM_V_STRUCT)
			pim_union_struct(m, &g);
		else if (f->prop != NULL && f->prop->def->vtype == PIM_V_LIST)
			pim_merge_elements(m, &g);
		else
			pim_union_single(m, &g);
		return;
	}
	if (multi)
		pim_merge_list(m, &g);
	else if (f->prop != NULL && f->prop->def->vtype == PIM_V_STRUCT)
		pim_merge_struct(m, &g);
	else if (f->prop != NULL && f->prop->def->vtype == PIM_V_LIST)
		pim_merge_elements(m, &g);
	else
		pim_merge_single(m, &g);
}

static void
merge_names(struct merge *m)
{
	for (size_t i = 0; i < m->cur.n; i++) {
		if (i == 0 || !slice_eq(m->cur.v[i].name, m->cur.v[i - 1].name))
			merge_name(m, m->cur.v[i].name);
	}
	for (size_t i = 0; i < m->inc.n; i++) {
		struct slice name = m->inc.v[i].name;

		if (i > 0 && slice_eq(name, m->inc.v[i - 1].name))
			continue;
		if (pim_fields_named(&m->cur, name).n == 0)
			merge_name(m, name);
	}
}

/* ---- setting up
 * ----------------------------------------------------------------------- */

static int
fields(struct merge *m, const struct pim_item *it, struct pim_fields *out)
{
	if (pim_fields_of(m->a, it, out, m->e) != 0)
		return -1;
	pim_fields_sort(out);
	return 0;
}

/* A note becomes a card with one property; others stay as they are. */
static int
as_tree(struct merge *m, const struct pim_item *it, const struct pim_item **out)
{
	struct pim_item *card;

	*out = it;
	if (it->kind != PIM_NOTE || it->root != NULL)
		return 0;
	if (pim_note_card(m->a, it, &card, m->e) != 0)
		return -1;
	*out = card;
	return 0;
}

static int
start_result(struct merge *m)
{
	m->result = ARENA_NEW(m->a, struct pim_item);
	if (m->result == NULL)
		return pim_nomem(m->e, "pim.merge");
	m->result->kind = m->current->kind;
	m->result->root = pim_comp_copy(m->a, m->current->root);
	if (m->result->root == NULL)
		return pim_nomem(m->e, "pim.merge");
	m->comp = pim_main(m->result);
	if (m->comp == NULL)
		return err_set(m->e, ERR_BUG, "pim.merge", "empty item");
	if (!explode_dates(m->a, m->comp))
		return pim_nomem(m->e, "pim.merge");
	return fields(m, m->result, &m->cur);
}

static int
start_bases(struct merge *m)
{
	const struct pim_merge *in = m->in;
	struct pim_item *seen;

	m->seen = m->cur;
	if (in->view != NULL) {
		if (pim_seen(m->a, in->view, in->current, &seen, m->e) != 0 ||
		    fields(m, seen, &m->seen) != 0)
			return -1;
	}
	m->absence_counts = in->absence_counts;
	m->client_wins = in->wins == PIM_WINS_CLIENT ||
			 (in->wins == PIM_WINS_NEWEST &&
			  (in->current_ms <= 0 || in->incoming_ms <= 0 ||
			   in->current_ms <= in->incoming_ms));
	if (in->replace) {
		/* Whatever differs from what it would have is its will. */
		m->base[0] = m->seen;
		m->base_n = 1;
		m->absence_counts = true;
		m->client_wins = true;
		return 0;
	}
	for (size_t i = 0; i < in->base_n && i < MERGE_BASES_MAX; i++) {
		if (in->base[i]->kind != m->current->kind)
			continue;
		if (fields(m, in->base[i], &m->base[m->base_n]) != 0)
			return -1;
		m->base_n++;
	}
	return 0;
}

/* ---- FN, which is often nobody's edit but made from N
 * --------------------------------- */

/* FN holds the words of N, or of its family and given part, in any order. */
static bool
fn_is_made(struct merge *m, const struct pim_comp *card)
{
	struct slice n = pim_prop_value(card, "N");
	struct slice fn = pim_prop_value(card, "FN");
	struct slice rest = n;
	struct slice part;
	size_t two = 0;

	for (int i = 0; i < 2 && pim_split(&rest, ';', &part); i++)
		two = (size_t)(part.p + part.n - n.p);
	fn = pim_unescape(m->a, fn);
	n = pim_unescape(m->a, n);
	if (fn.p != NULL)
		fn = pim_fold_words(m->a, fn);
	part = n.p == NULL ? n : pim_fold_words(m->a, slice_sub(n, 0, two));
	if (n.p != NULL)
		n = pim_fold_words(m->a, n);
	if (fn.p == NULL || n.p == NULL || part.p == NULL) {
		m->nomem = true;
		return false;
	}
	return slice_eq(fn, n) || slice_eq(fn, part);
}

/* Where FN was made from N, it follows N. */
static void
follow_name(struct merge *m)
{
	struct pim_prop *fn;
	struct slice made;

	if (m->current->kind != PIM_CONTACT || m->fn_edited)
		return;
	fn = pim_prop_find(m->comp, "FN");
	if (fn == NULL || !fn_is_made(m, m->current->root) ||
	    fn_is_made(m, m->comp))
		return;
	made = pim_card_fn(m->a, m->comp);
	if (made.p == NULL)
		m->nomem = true;
	else if (made.n > 0)
		fn->value = made;
}

/*
 * An FN from the device that only repeats N is taken out before comparing:
 * devices that know no FN, or compose it in their own order, must not
 * overwrite one that was chosen. Where the server's was made too, it follows N.
 */
static int
drop_made_fn(struct merge *m)
{
	struct pim_fields fn;

	if (m->current->kind != PIM_CONTACT ||
	    pim_prop_find(m->comp, "FN") == NULL)
		return 0;
	m->fn_made = fn_is_made(m, m->incoming->root);
	fn = pim_fields_named(&m->inc, SLICE_LIT("FN"));
	if (m->nomem)
		return pim_nomem(m->e, "pim.merge");
	if (!m->fn_made || fn.n != 1)
		return 0;
	/* Out of the sorted list, the others move up. */
	memmove(fn.v, fn.v + 1,
		(size_t)(m->inc.v + m->inc.n - fn.v - 1) * sizeof(*fn.v));
	m->inc.n--;
	return 0;
}

/* ---- what came of it
 * ----------------------------------------------------------------------- */

/* Is there a field of that name, types and value? */
static bool
holds(const struct pim_fields *f, const struct pim_field *x)
{
	struct pim_fields g = pim_fields_named(f, x->name);

	for (size_t i = 0; i < g.n; i++) {
		if (g.v[i].h == x->h && slice_eq(g.v[i].norm, x->norm) &&
		    slice_eq(g.v[i].types, x->types))
			return true;
	}
	return false;
}

static bool
held_before(const struct merge *m, const struct pim_field *x)
{
	for (size_t i = 0; i < m->base_n; i++) {
		if (holds(&m->base[i], x))
			return true;
	}
	return false;
}

/* Had it this before, so that it dropped it by itself? Where it is known to
   keep the like, its user took it away, and that did not count (the base is
   in doubt): then it gets it back. */
static bool
dropped(const struct merge *m, const struct pim_field *x)
{
	return held_before(m, x) && !pim_merge_kept(m, x);
}

/* The parts that differ are such as it had before and dropped. */
static bool
holds_parts(struct merge *m, const struct pim_fields *inc,
	    const struct pim_field *x)
{
	struct pim_fields g = pim_fields_named(inc, x->name);

	if (x->prop == NULL || x->prop->def->vtype != PIM_V_STRUCT)
		return false;
	for (size_t i = 0; i < g.n; i++) {
		if (slice_eq(g.v[i].types, x->types) &&
		    pim_parts_dropped(m, x, &g.v[i]))
			return true;
	}
	return false;
}

/*
 * Does the device lack something that it could hold? Not what it was sent
 * before and dropped: sending that again would go on for ever.
 */
static int
differs_incoming(struct merge *m, bool *out)
{
	struct pim_fields seen;
	struct pim_fields result;
	struct pim_fields inc;
	struct pim_item *it = m->result;
	/* Not held by the device: what it sent was made by us. */
	bool no_fn = m->fn_made && m->in->view != NULL &&
		     m->in->view->caps != NULL &&
		     pim_cap_find(m->in->view->caps, SLICE_LIT("FN")) == NULL;

	*out = false;
	if (fields(m, m->result, &result) != 0 ||
	    fields(m, m->incoming, &inc) != 0)
		return -1;
	seen = result;
	if (m->in->view != NULL) {
		if (pim_seen(m->a, m->in->view, m->result, &it, m->e) != 0 ||
		    fields(m, it, &seen) != 0)
			return -1;
	}
	for (size_t i = 0; i < seen.n && !*out; i++) {
		const struct pim_field *x = &seen.v[i];

		*out = x->norm.n > 0 && !(no_fn && slice_is(x->name, "FN")) &&
		       !holds(&inc, x) && !dropped(m, x) &&
		       !holds_parts(m, &inc, x);
	}
	/* What was deleted here, and is there as it was. */
	for (size_t i = 0; i < inc.n && !*out; i++) {
		const struct pim_field *x = &inc.v[i];

		*out = x->norm.n > 0 && held_before(m, x) &&
		       !holds(&result, x) && !holds(&seen, x);
	}
	return 0;
}

static bool
is_calendar(const struct pim_item *it)
{
	return it->kind == PIM_EVENT || it->kind == PIM_TODO;
}

static struct pim_item *
copy_of(struct merge *m, const struct pim_item *it)
{
	struct pim_item *copy = ARENA_NEW(m->a, struct pim_item);

	if (copy == NULL)
		return NULL;
	*copy = *it;
	copy->root = pim_comp_copy(m->a, it->root);
	return copy->root == NULL ? NULL : copy;
}

/*
 * What came in odd (both DTEND and DURATION, a task due before it starts) is
 * repaired after a merge. Where that is all that would change, nobody edited
 * anything: the item stays as it is.
 */
static int
undo_repair(struct merge *m, uint64_t *h_result, uint64_t h_current)
{
	const struct pim_item *from = m->current;
	struct pim_item *repaired = copy_of(m, m->current);
	uint64_t h;

	if (repaired == NULL)
		return pim_nomem(m->e, "pim.merge");
	if (pim_cal_repair(m->a, repaired, &from, 1, m->e) != 0 ||
	    pim_content_hash(m->a, repaired, &h, m->e) != 0)
		return -1;
	if (h != *h_result)
		return 0;
	m->result = copy_of(m, m->current);
	if (m->result == NULL)
		return pim_nomem(m->e, "pim.merge");
	*h_result = h_current;
	return 0;
}

static int
finish(struct merge *m, struct pim_merged *out)
{
	const struct pim_item *from[2] = { m->current, m->incoming };
	uint64_t h_result;
	uint64_t h_current;

	sweep(m->comp);
	follow_name(m);
	if (m->nomem || !join_dates(m->a, m->comp))
		return pim_nomem(m->e, "pim.merge");
	if (is_calendar(m->result) &&
	    pim_cal_repair(m->a, m->result, from, 2, m->e) != 0)
		return -1;
	if (m->result->kind == PIM_NOTE) {
		m->result->text =
		    pim_unescape(m->a, pim_prop_value(m->comp, "BODY"));
		pim_comp_remove_all(m->comp, "BODY");
		m->result->more = m->comp->props;
		m->result->root = NULL;
		if (m->result->text.p == NULL)
			return pim_nomem(m->e, "pim.merge");
	}
	if (pim_content_hash(m->a, m->result, &h_result, m->e) != 0 ||
	    pim_content_hash(m->a, m->current, &h_current, m->e) != 0)
		return -1;
	if (is_calendar(m->result) && h_result != h_current &&
	    undo_repair(m, &h_result, h_current) != 0)
		return -1;
	out->item = m->result;
	out->differs_current = h_result != h_current;
	/* The revision time of a card that is no more. */
	if (out->differs_current && m->result->kind == PIM_CONTACT)
		pim_comp_remove_all(m->comp, "REV");
	out->clashes = m->clash_client + m->clash_server;
	out->client_won = out->clashes > 0 && m->clash_server == 0;
	out->server_won = out->clashes > 0 && m->clash_client == 0;
	return differs_incoming(m, &out->differs_incoming);
}

int
pim_merge(struct arena *a, const struct pim_merge *in, struct pim_merged *out,
	  struct err *e)
{
	struct merge m = { .a = a, .in = in, .e = e };

	memset(out, 0, sizeof(*out));
	if (in->current->kind != in->incoming->kind)
		return err_set(e, ERR_UNSUPPORTED, "pim.merge",
			       "a %s cannot become a %s",
			       pim_kind_name(in->current->kind),
			       pim_kind_name(in->incoming->kind));
	if (pim_is_mail(in->current->kind))
		return pim_mail_merge(a, in, out, e);
	if (as_tree(&m, in->current, &m.current) != 0 ||
	    as_tree(&m, in->incoming, &m.incoming) != 0 ||
	    start_result(&m) != 0 || start_bases(&m) != 0 ||
	    fields(&m, m.incoming, &m.inc) != 0 || drop_made_fn(&m) != 0)
		return -1;
	merge_names(&m);
	return finish(&m, out);
}
