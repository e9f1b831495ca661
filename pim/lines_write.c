/* Tree to text. */
#include "base/digest.h"
#include "pim/lines_int.h"

enum { LINE_MAX_BYTES = 75, QP_MAX_BYTES = 74, B64_LINE_BYTES = 72 };

struct writer {
	const struct pim_lines_out *how;
	struct buf *b;
	bool old;
	bool fold; /* 3.0 and 2.0: at 75 octets */
};

static struct slice
eol(void)
{
	return SLICE_LIT("\r\n");
}

/* ---- parameters -----------------------------------------------------------
 */

static bool
is_token(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c <= ' ' || c == '=' || c == ';' || c == ':' || c == ',' ||
		    c == '"' || c >= 0x7F)
			return false;
	}
	return s.n > 0;
}

static void
put_upper(struct buf *b, struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		buf_byte(b, c >= 'a' && c <= 'z' ? (unsigned char)(c - 32) : c);
	}
}

/* A value in quotes where it needs them; quotes inside cannot be written. */
static void
put_param_value(struct buf *b, struct slice v)
{
	bool quote = false;

	for (size_t i = 0; i < v.n && !quote; i++)
		quote = v.p[i] == ',' || v.p[i] == ';' || v.p[i] == ':';
	if (quote)
		buf_byte(b, '"');
	for (size_t i = 0; i < v.n; i++) {
		unsigned char c = (unsigned char)v.p[i];

		if (c == '"')
			buf_byte(b, '\'');
		else if (c >= ' ' || c == '\t')
			buf_byte(b, c);
	}
	if (quote)
		buf_byte(b, '"');
}

static void
params_old(struct writer *w, const struct pim_prop *p)
{
	for (const struct pim_param *q = p->params; q != NULL; q = q->next) {
		bool type = slice_is(q->name, "TYPE");

		if (slice_is(q->name, "ENCODING"))
			continue;
		buf_byte(w->b, ';');
		if (type && is_token(q->value)) {
			put_upper(w->b, q->value);
			continue;
		}
		buf_add(w->b, q->name);
		buf_byte(w->b, '=');
		put_param_value(w->b, q->value);
	}
}

static bool
seen_before(const struct pim_param *from, const struct pim_param *q)
{
	for (; from != q; from = from->next) {
		if (slice_eq(from->name, q->name))
			return true;
	}
	return false;
}

static void
params_new(struct writer *w, const struct pim_prop *p)
{
	for (const struct pim_param *q = p->params; q != NULL; q = q->next) {
		if (seen_before(p->params, q))
			continue;
		buf_byte(w->b, ';');
		buf_add(w->b, q->name);
		buf_byte(w->b, '=');
		put_param_value(w->b, q->value);
		for (const struct pim_param *m = q->next; m != NULL;
		     m = m->next) {
			if (!slice_eq(m->name, q->name))
				continue;
			buf_byte(w->b, ',');
			put_param_value(w->b, m->value);
		}
	}
}

/* ---- values of the old dialect ---------------------------------------------
 */

/*
 * Quoted-printable, with soft breaks before column 76 unless the reader cannot
 * join lines. col: bytes of the line so far.
 */
static void
put_qp(struct writer *w, struct slice s, size_t col)
{
	static const char digits[] = "0123456789ABCDEF";
	bool fold = (w->how->rules & PIM_RULE_NO_FOLD) == 0;

	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		bool plain = c >= ' ' && c < 0x7F && c != '=';
		size_t need = plain ? 1 : c == '\n' ? 6 : 3;

		/* A blank at the end of a line does not survive, nor one behind
		   a soft break where the reader unfolds first. */
		if (c == ' ' && i + 1 == s.n) {
			plain = false;
			need = 3;
		}
		if (fold && col + need > QP_MAX_BYTES) {
			buf_add(w->b, SLICE_LIT("=\r\n"));
			col = 0;
			plain = plain && c != ' ';
			need = c == ' ' ? 3 : need;
		}
		col += need;
		if (c == '\n') {
			buf_add(w->b, SLICE_LIT("=0D=0A"));
		} else if (plain) {
			buf_byte(w->b, c);
		} else {
			buf_byte(w->b, '=');
			buf_byte(w->b, (unsigned char)digits[c >> 4]);
			buf_byte(w->b, (unsigned char)digits[c & 15]);
		}
	}
}

static void
put_b64(struct writer *w, struct slice s)
{
	bool fold = (w->how->rules & PIM_RULE_NO_FOLD) == 0;

	if (!fold) {
		buf_add(w->b, s);
	} else {
		for (size_t i = 0; i < s.n; i += B64_LINE_BYTES) {
			buf_add(w->b, SLICE_LIT("\r\n "));
			buf_add(w->b, slice_sub(s, i, B64_LINE_BYTES));
		}
	}
	/* The empty line ends the block. */
	buf_add(w->b, SLICE_LIT("\r\n\r\n"));
}

static bool
is_b64(const struct pim_prop *p)
{
	return pim_param_has(p, "ENCODING", "b") ||
	       pim_param_has(p, "ENCODING", "BASE64");
}

static bool
write_old(struct writer *w, const struct pim_prop *p, size_t start)
{
	unsigned found = pim_scan(p->value);
	struct slice v = p->value;
	struct slice latin;
	bool eight = found & PIM_SCAN_8BIT;
	bool qp;

	if (found & (PIM_SCAN_BACKSLASH | PIM_SCAN_COMMA)) {
		v = pim_plain_old(w->b->a, v, p->def->vtype,
				  w->how->form == PIM_VCAL10);
		if (v.p == NULL)
			return false;
		found |= pim_scan(v);
	}
	/* '=' too, so that no reader takes the end of a line for a soft
	   break. */
	qp = found & (PIM_SCAN_CTRL | PIM_SCAN_EQUAL);
	if (eight && (w->how->rules & PIM_RULE_LATIN1)) {
		if (!pim_to_latin1(w->b->a, v, &latin))
			return false;
		/* Quoted, because bytes of ISO-8859-1 do not pass through
		   XML. Where it does not reach, UTF-8 is said. */
		if (latin.p != NULL) {
			v = latin;
			qp = true;
		}
		buf_str(w->b, latin.p != NULL ? ";CHARSET=ISO-8859-1"
					      : ";CHARSET=UTF-8");
	} else if (eight) {
		buf_str(w->b, ";CHARSET=UTF-8");
	}
	if (eight && (w->how->rules & PIM_RULE_QP_8BIT))
		qp = true;
	if (qp)
		buf_str(w->b, ";ENCODING=QUOTED-PRINTABLE");
	buf_byte(w->b, ':');
	if (qp)
		put_qp(w, v, w->b->n - start);
	else
		buf_add(w->b, v);
	buf_add(w->b, eol());
	return true;
}

/* ---- values of the new dialect ----------------------------------------------
 */

/* Fold what was written since `start`: 75 octets, never inside a character. */
static void
fold_line(struct writer *w, size_t start)
{
	struct slice line = { NULL, w->b->n - start };
	size_t max = LINE_MAX_BYTES;

	if (!buf_ok(w->b) || line.n <= max)
		return;
	line.p = w->b->p + start;
	line = arena_copy(w->b->a, line);
	if (line.p == NULL) {
		w->b->bad = true;
		return;
	}
	buf_cut(w->b, start);
	while (line.n > max) {
		size_t n = max;

		while (n > max - 4 && ((unsigned char)line.p[n] & 0xC0) == 0x80)
			n--;
		buf_add(w->b, slice_sub(line, 0, n));
		buf_add(w->b, SLICE_LIT("\r\n "));
		line = slice_from(line, n);
		max = LINE_MAX_BYTES - 1;
	}
	buf_add(w->b, line);
}

static bool
all_empty(struct slice v)
{
	for (size_t i = 0; i < v.n; i++) {
		if (v.p[i] != ';')
			return false;
	}
	return true;
}

static bool
write_prop(struct writer *w, const struct pim_prop *p)
{
	size_t start = w->b->n;

	/* Some devices do not survive an empty one; stored it says nothing,
	   where its sender writes all that it knows. */
	if (((w->how->rules & PIM_RULE_NO_EMPTY) ||
	     (w->how->canonical && p->told != 0)) &&
	    !slice_is(p->name, "N") && all_empty(p->value))
		return true;
	if (p->group.n > 0) {
		buf_add(w->b, p->group);
		buf_byte(w->b, '.');
	}
	buf_add(w->b, p->name);
	if (w->old) {
		params_old(w, p);
		if (!is_b64(p))
			return write_old(w, p, start);
		buf_str(w->b, ";ENCODING=BASE64:");
		put_b64(w, p->value);
		return true;
	}
	params_new(w, p);
	buf_byte(w->b, ':');
	buf_add(w->b, p->value);
	if (w->fold)
		fold_line(w, start);
	buf_add(w->b, eol());
	return true;
}

static bool
write_props(struct writer *w, const struct pim_comp *c)
{
	buf_str(w->b, "BEGIN:");
	buf_add(w->b, c->name);
	buf_add(w->b, eol());
	for (const struct pim_prop *p = c->props; p != NULL; p = p->next) {
		if (!write_prop(w, p))
			return false;
	}
	return true;
}

static void
write_end(struct writer *w, const struct pim_comp *c)
{
	buf_str(w->b, "END:");
	buf_add(w->b, c->name);
	buf_add(w->b, eol());
}

int
pim_lines_write(const struct pim_lines_out *how, const struct pim_comp *root,
		struct buf *out, struct err *e)
{
	const struct pim_comp *open[PIM_DEPTH_MAX + 1];
	struct writer w = { .how = how, .b = out };
	const struct pim_comp *c = root;
	size_t depth = 0;

	w.old = pim_form_old(how->form);
	w.fold = !how->canonical && (how->rules & PIM_RULE_NO_FOLD) == 0;
	while (c != NULL) {
		if (!write_props(&w, c))
			out->bad = true;
		if (c->kids != NULL && depth < PIM_DEPTH_MAX) {
			open[depth++] = c;
			c = c->kids;
			continue;
		}
		write_end(&w, c);
		while (c->next == NULL && depth > 0) {
			c = open[--depth];
			write_end(&w, c);
			if (depth == 0)
				break;
		}
		c = depth == 0 ? NULL : c->next;
	}
	if (!buf_ok(out))
		return err_set(e, ERR_NOMEM, "pim.lines", "memory is short");
	return 0;
}
