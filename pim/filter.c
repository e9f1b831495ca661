/* Filter expressions: reading, and the truth of one about an item. */
#include "pim/filter.h"
#include "pim/mail_int.h"

#include "pim/calendar_time.h"
#include "pim/lines.h"

/* ---- reading ------------------------------------------------------------ */

struct parse {
	struct arena *a;
	struct slice rest;
	struct pim_filter *f;
	size_t terms;
	char op[PIM_FILTER_TERMS_MAX + PIM_FILTER_DEPTH_MAX + 1]; /* ( & | */
	size_t op_n;
	size_t depth;
	bool any_or;
	struct err *e;
};

static int
bad(struct parse *p, const char *what)
{
	return err_set(p->e, ERR_PARSE, "filter.parse", "%s at \"%.*s\"", what,
		       SLICE_ARG(slice_sub(p->rest, 0, 20)));
}

static void
blanks(struct parse *p)
{
	while (p->rest.n > 0 && strchr(" \t\r\n", p->rest.p[0]) != NULL)
		p->rest = slice_from(p->rest, 1);
}

/* "&NAME;" at the front, in any case of letters. */
static bool
token(struct parse *p, const char *name)
{
	size_t n = strlen(name);

	if (p->rest.n < n + 2 || p->rest.p[0] != '&' ||
	    p->rest.p[n + 1] != ';' ||
	    !slice_eq_nocase(slice_sub(p->rest, 1, n), slice_c(name)))
		return false;
	p->rest = slice_from(p->rest, n + 2);
	return true;
}

static int
hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Text with its %HH resolved; .p NULL: no memory, or a bad escape (*ok). */
static struct slice
unpercent(struct arena *a, struct slice s, bool *ok)
{
	struct buf b = BUF_IN(a);

	*ok = true;
	if (slice_find(s, '%') == SIZE_MAX)
		return s;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] != '%') {
			buf_byte(&b, (unsigned char)s.p[i]);
			continue;
		}
		if (i + 2 >= s.n || hex(s.p[i + 1]) < 0 ||
		    hex(s.p[i + 2]) < 0) {
			*ok = false;
			return (struct slice){ NULL, 0 };
		}
		buf_byte(&b, (unsigned char)(hex(s.p[i + 1]) * 16 +
					     hex(s.p[i + 2])));
		i += 2;
	}
	return buf_ok(&b) ? buf_slice(&b) : (struct slice){ NULL, 0 };
}

/* Up to one of these, or the end. */
static struct slice
upto(struct parse *p, const char *stop)
{
	size_t n = 0;
	struct slice s;

	while (n < p->rest.n && strchr(stop, p->rest.p[n]) == NULL)
		n++;
	s = slice_sub(p->rest, 0, n);
	p->rest = slice_from(p->rest, n);
	return slice_trim(s);
}

static bool
read_op(struct parse *p, struct pim_filter_term *t)
{
	/* NCON before CON and the like is no matter: the ';' ends each. */
	static const struct {
		const char *name;
		enum pim_filter_op op;
		bool nocase;
	} ops[] = {
		{ "EQ", PIM_OP_EQ, false },     { "iEQ", PIM_OP_EQ, true },
		{ "NE", PIM_OP_NE, false },     { "iNE", PIM_OP_NE, true },
		{ "GT", PIM_OP_GT, false },     { "iGT", PIM_OP_GT, true },
		{ "GE", PIM_OP_GE, false },     { "iGE", PIM_OP_GE, true },
		{ "LT", PIM_OP_LT, false },     { "iLT", PIM_OP_LT, true },
		{ "LE", PIM_OP_LE, false },     { "iLE", PIM_OP_LE, true },
		{ "CON", PIM_OP_CON, false },   { "iCON", PIM_OP_CON, true },
		{ "NCON", PIM_OP_NCON, false }, { "iNCON", PIM_OP_NCON, true },
	};

	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		if (token(p, ops[i].name)) {
			t->op = ops[i].op;
			t->nocase = ops[i].nocase;
			return true;
		}
	}
	return false;
}

static bool
luid_name(struct parse *p)
{
	if (token(p, "LUID"))
		return true;
	/* Funambol's clients write it without the semicolon. */
	if (p->rest.n > 5 && p->rest.p[5] == '&' &&
	    slice_eq_nocase(slice_sub(p->rest, 0, 5), SLICE_LIT("&LUID"))) {
		p->rest = slice_from(p->rest, 5);
		return true;
	}
	return false;
}

static int
read_name(struct parse *p, struct pim_filter_term *t)
{
	struct slice name;
	char *up;

	t->on = PIM_ON_PROP;
	t->name = SLICE_LIT("LUID");
	if (luid_name(p)) {
		t->on = PIM_ON_LUID;
		return 0;
	}
	name = upto(p, "&()|");
	if (name.n == 0)
		return bad(p, "a name is missing");
	up = arena_alloc(p->a, name.n);
	if (up == NULL)
		return err_set(p->e, ERR_NOMEM, "filter.parse",
			       "no memory for a filter");
	for (size_t i = 0; i < name.n; i++)
		up[i] = (char)(name.p[i] >= 'a' && name.p[i] <= 'z'
				   ? name.p[i] - 'a' + 'A'
				   : name.p[i]);
	t->name = (struct slice){ up, name.n };
	if (slice_is(t->name, "SINCE"))
		t->on = PIM_ON_SINCE;
	else if (slice_is(t->name, "BEFORE"))
		t->on = PIM_ON_BEFORE;
	return 0;
}

/* What makes sense for the names that are no properties. */
static bool
fits(struct pim_filter_term *t)
{
	struct pim_time when;

	if (t->on == PIM_ON_PROP)
		return true;
	if (t->on == PIM_ON_LUID)
		return (t->op == PIM_OP_EQ || t->op == PIM_OP_NE) && !t->null;
	if (t->null || !pim_time_parse(t->value, &when))
		return false;
	t->ms = when.wall * 1000;
	if (t->on == PIM_ON_SINCE)
		return t->op == PIM_OP_EQ || t->op == PIM_OP_GE ||
		       t->op == PIM_OP_GT;
	return t->op == PIM_OP_EQ || t->op == PIM_OP_LE || t->op == PIM_OP_LT;
}

static int
read_term(struct parse *p)
{
	struct pim_filter_step *s;
	struct pim_filter_term t = { .on = PIM_ON_PROP };
	bool ok;

	if (++p->terms > PIM_FILTER_TERMS_MAX)
		return err_set(p->e, ERR_LIMIT, "filter.parse",
			       "more than %d terms", PIM_FILTER_TERMS_MAX);
	if (read_name(p, &t) < 0)
		return -1;
	if (!read_op(p, &t))
		return bad(p, "an operator is missing");
	blanks(p);
	t.null = token(p, "NULL");
	if (!t.null) {
		t.value = unpercent(p->a, upto(p, "&|)"), &ok);
		if (!ok)
			return bad(p, "a broken % escape");
		if (t.value.p == NULL)
			return err_set(p->e, ERR_NOMEM, "filter.parse",
				       "no memory for a filter");
	}
	if (!fits(&t))
		return bad(p, "an operator or value that this name has not");
	s = &p->f->step[p->f->step_n++];
	s->what = PIM_STEP_TERM;
	s->term = t;
	return 0;
}

/* Operators wait on a stack until both sides are there. */
static void
pop_ops(struct parse *p)
{
	while (p->op_n > 0 && p->op[p->op_n - 1] != '(') {
		p->f->step[p->f->step_n++].what =
		    p->op[--p->op_n] == '|' ? PIM_STEP_OR : PIM_STEP_AND;
	}
}

static bool
read_sep(struct parse *p, char *sep)
{
	*sep = '&';
	if (token(p, "AND") || token(p, "amp"))
		return true;
	*sep = '|';
	if (token(p, "OR"))
		return true;
	if (p->rest.p[0] != '&' && p->rest.p[0] != '|')
		return false;
	*sep = p->rest.p[0];
	p->rest = slice_from(p->rest, 1);
	return true;
}

static int
open_brackets(struct parse *p)
{
	for (blanks(p); p->rest.n > 0 && p->rest.p[0] == '('; blanks(p)) {
		if (++p->depth > PIM_FILTER_DEPTH_MAX)
			return err_set(p->e, ERR_LIMIT, "filter.parse",
				       "brackets deeper than %d",
				       PIM_FILTER_DEPTH_MAX);
		p->op[p->op_n++] = '(';
		p->rest = slice_from(p->rest, 1);
	}
	return 0;
}

static int
close_brackets(struct parse *p)
{
	for (blanks(p); p->rest.n > 0 && p->rest.p[0] == ')'; blanks(p)) {
		pop_ops(p);
		if (p->depth == 0)
			return bad(p, "a bracket too many");
		p->depth--;
		p->op_n--;
		p->rest = slice_from(p->rest, 1);
	}
	return 0;
}

static int
read_all(struct parse *p)
{
	char sep;

	for (;;) {
		if (open_brackets(p) < 0 || read_term(p) < 0 ||
		    close_brackets(p) < 0)
			return -1;
		if (p->rest.n == 0)
			break;
		if (!read_sep(p, &sep))
			return bad(p, "AND or OR is missing");
		pop_ops(p);
		p->op[p->op_n++] = sep;
		p->any_or = p->any_or || sep == '|';
	}
	pop_ops(p);
	return p->depth > 0 ? bad(p, "a bracket is open") : 0;
}

/* Where all must hold, dates are the window and the rest is the steps: so a
   window that moves is told from a filter that changed. */
static void
take_dates(struct pim_filter *f)
{
	size_t n = 0;
	size_t terms = 0;

	for (size_t i = 0; i < f->step_n; i++) {
		const struct pim_filter_term *t = &f->step[i].term;

		if (f->step[i].what != PIM_STEP_TERM)
			continue;
		if (t->on == PIM_ON_SINCE && t->ms > f->since_ms)
			f->since_ms = t->ms;
		if (t->on == PIM_ON_BEFORE && t->ms < f->before_ms)
			f->before_ms = t->ms;
		if (t->on == PIM_ON_SINCE || t->on == PIM_ON_BEFORE)
			continue;
		f->step[n++] = f->step[i];
		terms++;
	}
	for (size_t i = 1; i < terms; i++)
		f->step[n++].what = PIM_STEP_AND;
	f->step_n = n;
}

/* All that means something in an expression, as %HH. */
static void
put_escaped(struct buf *b, struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		if ((unsigned char)s.p[i] <= ' ' ||
		    strchr("%&;|()", s.p[i]) != NULL)
			buf_printf(b, "%%%02X",
				   (unsigned)(unsigned char)s.p[i]);
		else
			buf_byte(b, (unsigned char)s.p[i]);
	}
}

/* Terms that all must hold, as text; .p NULL: memory is short. */
static struct slice
rest_text(struct arena *a, const struct pim_filter *f)
{
	static const char *const ops[] = { "EQ", "NE", "GT",  "GE",
					   "LT", "LE", "CON", "NCON" };
	struct buf b = BUF_IN(a);

	if (f->step_n == 0)
		return SLICE_LIT("");
	for (size_t i = 0; i < f->step_n; i++) {
		const struct pim_filter_term *t = &f->step[i].term;

		if (f->step[i].what != PIM_STEP_TERM)
			continue;
		if (i > 0)
			buf_add(&b, SLICE_LIT("&AND;"));
		if (t->on == PIM_ON_LUID)
			buf_add(&b, SLICE_LIT("&LUID;"));
		else
			buf_add(&b, t->name);
		buf_printf(&b, "&%s%s;", t->nocase ? "i" : "", ops[t->op]);
		if (t->null)
			buf_add(&b, SLICE_LIT("&NULL;"));
		else
			put_escaped(&b, t->value);
	}
	return buf_ok(&b) ? buf_slice(&b) : (struct slice){ NULL, 0 };
}

int
pim_filter_parse(struct arena *a, struct slice text, struct pim_filter **out,
		 struct err *e)
{
	struct parse p = { .a = a, .rest = slice_trim(text), .e = e };

	*out = NULL;
	if (text.n > PIM_FILTER_BYTES_MAX)
		return err_set(e, ERR_LIMIT, "filter.parse",
			       "a filter of more than %d bytes",
			       PIM_FILTER_BYTES_MAX);
	p.f = ARENA_NEW(a, struct pim_filter);
	if (p.f == NULL)
		return err_set(e, ERR_NOMEM, "filter.parse",
			       "no memory for a filter");
	p.f->since_ms = INT64_MIN;
	p.f->before_ms = INT64_MAX;
	if (p.rest.n > 0 && read_all(&p) < 0)
		return -1;
	p.f->rest = slice_trim(text);
	if (!p.any_or) {
		take_dates(p.f);
		p.f->rest = rest_text(a, p.f);
	}
	if (p.f->rest.p == NULL)
		return err_set(e, ERR_NOMEM, "filter.parse",
			       "no memory for a filter");
	*out = p.f;
	return 0;
}

/* ---- truth -------------------------------------------------------------- */

bool
pim_span_in(const struct pim_span *s, int64_t since_ms, int64_t before_ms)
{
	return !s->set || (s->to_ms >= since_ms && s->from_ms < before_ms);
}

static bool
contains(struct slice text, struct slice part, bool nocase)
{
	if (part.n > text.n)
		return false;
	for (size_t i = 0; i + part.n <= text.n; i++) {
		struct slice at = slice_sub(text, i, part.n);

		if (nocase ? slice_eq_nocase(at, part) : slice_eq(at, part))
			return true;
	}
	return false;
}

/* Times as times, numbers as numbers, all else as text. */
static int
compare(struct slice x, struct slice y, bool nocase)
{
	struct pim_time tx;
	struct pim_time ty;
	int64_t nx;
	int64_t ny;

	if (pim_time_parse(x, &tx) && pim_time_parse(y, &ty))
		return tx.wall < ty.wall ? -1 : tx.wall > ty.wall;
	if (slice_i64(x, &nx) && slice_i64(y, &ny))
		return nx < ny ? -1 : nx > ny;
	for (size_t i = 0; i < x.n && i < y.n; i++) {
		unsigned char cx = (unsigned char)x.p[i];
		unsigned char cy = (unsigned char)y.p[i];

		if (nocase) {
			cx = (unsigned char)slice_lower(x.p[i]);
			cy = (unsigned char)slice_lower(y.p[i]);
		}
		if (cx != cy)
			return cx < cy ? -1 : 1;
	}
	return x.n < y.n ? -1 : x.n > y.n;
}

/* One value against the term; NE and NCON are asked as EQ and CON here. */
static bool
value_fits(const struct pim_filter_term *t, struct slice v)
{
	int c;

	if (t->op == PIM_OP_CON || t->op == PIM_OP_NCON)
		return contains(v, t->value, t->nocase);
	c = compare(v, t->value, t->nocase);
	switch (t->op) {
	case PIM_OP_GT:
		return c > 0;
	case PIM_OP_GE:
		return c >= 0;
	case PIM_OP_LT:
		return c < 0;
	case PIM_OP_LE:
		return c <= 0;
	default:
		return c == 0;
	}
}

struct look {
	struct arena *a;
	const struct pim_filter_term *t;
	bool set; /* the property is there, and not empty */
	bool hit; /* a value of it fits */
	bool nomem;
};

static void
look_value(struct look *l, struct slice v)
{
	v = pim_unescape(l->a, v);
	if (v.p == NULL)
		l->nomem = true;
	else if (v.n > 0)
		l->hit = l->hit || value_fits(l->t, slice_trim(v));
}

/* The whole value, and each part of a list or of a structured one. */
static void
look_prop(struct look *l, const struct pim_prop *p)
{
	struct slice rest = p->value;
	struct slice part;
	char sep = p->def->vtype == PIM_V_LIST ? ',' : ';';

	if (p->value.n == 0)
		return;
	l->set = true;
	look_value(l, p->value);
	if (p->def->vtype != PIM_V_LIST && p->def->vtype != PIM_V_STRUCT)
		return;
	while (!l->hit && pim_split(&rest, sep, &part))
		look_value(l, part);
}

static void
look_comp(struct look *l, const struct pim_comp *c)
{
	for (const struct pim_prop *p = c->props; p != NULL && !l->hit;
	     p = p->next) {
		if (slice_eq(p->name, l->t->name))
			look_prop(l, p);
	}
}

/* A note is one text; its first line is what devices call its subject. */
static void
look_note(struct look *l, struct slice text)
{
	struct slice name = l->t->name;
	size_t end = slice_find(text, '\n');

	if (slice_is(name, "SUBJECT") || slice_is(name, "SUMMARY"))
		text = end == SIZE_MAX ? text : slice_sub(text, 0, end);
	else if (!slice_is(name, "BODY") && !slice_is(name, "TEXT") &&
		 !slice_is(name, "NOTE") && !slice_is(name, "DESCRIPTION"))
		return;
	l->set = text.n > 0;
	l->hit = l->set && value_fits(l->t, text);
}

/* What a term's name means of a mail; flags are "true" and "false". */
static void
look_mail(struct look *l, const struct pim_mail *m)
{
	const struct {
		const char *name;
		struct slice value;
	} words[] = {
		{ "FROM", m->from },
		{ "TO", m->to },
		{ "SUBJECT", m->subject },
		{ "MESSAGE-ID", m->message_id },
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (slice_is(l->t->name, words[i].name)) {
			l->set = words[i].value.n > 0;
			l->hit = l->set && value_fits(l->t, words[i].value);
		}
	}
	for (size_t i = 0; i < PIM_MAIL_FLAG_N; i++) {
		bool on = (m->flags & (1u << i)) != 0;

		if (slice_is_nocase(l->t->name, pim_mail_flag_names[i])) {
			l->set = true;
			l->hit = value_fits(l->t, on ? SLICE_LIT("true")
						     : SLICE_LIT("false"));
		}
	}
}

static bool
prop_term(struct arena *a, const struct pim_filter_term *t,
	  const struct pim_item *it, struct err *e)
{
	struct look l = { .a = a, .t = t };

	if (it->mail != NULL)
		look_mail(&l, it->mail);
	else if (it->root == NULL)
		look_note(&l, it->text);
	else
		look_comp(&l, it->root);
	if (it->root != NULL && it->kind != PIM_CONTACT) {
		for (const struct pim_comp *k = it->root->kids;
		     k != NULL && !l.hit; k = k->next) {
			if (!slice_is(k->name, "VTIMEZONE"))
				look_comp(&l, k);
		}
	}
	if (l.nomem)
		(void)err_set(e, ERR_NOMEM, "filter.match",
			      "no memory for a filter");
	if (t->null)
		return l.set == (t->op == PIM_OP_NE || t->op == PIM_OP_NCON);
	return l.hit != (t->op == PIM_OP_NE || t->op == PIM_OP_NCON);
}

static bool
term_true(struct arena *a, const struct pim_filter_term *t,
	  const struct pim_item *it, const struct pim_span *span,
	  struct slice luid, struct err *e)
{
	switch (t->on) {
	case PIM_ON_SINCE:
		return pim_span_in(span, t->ms, INT64_MAX);
	case PIM_ON_BEFORE:
		return pim_span_in(span, INT64_MIN, t->ms);
	case PIM_ON_LUID:
		return slice_eq(luid, t->value) == (t->op == PIM_OP_EQ);
	case PIM_ON_PROP:
		break;
	}
	return prop_term(a, t, it, e);
}

bool
pim_filter_match(struct arena *a, const struct pim_filter *f,
		 const struct pim_item *it, const struct pim_span *span,
		 struct slice luid, struct err *e)
{
	bool stack[2 * PIM_FILTER_TERMS_MAX] = { false };
	size_t n = 0;

	for (size_t i = 0; i < f->step_n; i++) {
		const struct pim_filter_step *s = &f->step[i];

		if (s->what == PIM_STEP_TERM) {
			stack[n++] = term_true(a, &s->term, it, span, luid, e);
			continue;
		}
		n--;
		if (s->what == PIM_STEP_AND)
			stack[n - 1] = stack[n - 1] && stack[n];
		else
			stack[n - 1] = stack[n - 1] || stack[n];
	}
	return n == 0 || stack[0];
}
