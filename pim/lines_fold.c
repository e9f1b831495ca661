/*
 * Physical lines, and the three ways in which a value goes on over several:
 * folding, quoted-printable soft breaks, blocks of base64.
 */
#include "pim/lines_read.h"

enum { FOLD_LOOK_BYTES = 65536 };

bool
pim_phys_peek(const struct pim_reader *r, struct slice *line)
{
	size_t left = (size_t)(r->end - r->p);
	const char *nl;

	if (left == 0)
		return false;
	nl = memchr(r->p, r->cr_only ? '\r' : '\n', left);
	line->p = r->p;
	line->n = nl == NULL ? left : (size_t)(nl - r->p);
	while (line->n > 0 && line->p[line->n - 1] == '\r')
		line->n--;
	return true;
}

bool
pim_phys(struct pim_reader *r, struct slice *line)
{
	size_t left = (size_t)(r->end - r->p);
	const char *nl;

	if (!pim_phys_peek(r, line))
		return false;
	nl =
	    memchr(line->p + line->n, r->cr_only ? '\r' : '\n', left - line->n);
	r->p = nl == NULL ? r->end : nl + 1;
	return true;
}

bool
pim_is_blank_led(struct slice line)
{
	return line.n > 0 && (line.p[0] == ' ' || line.p[0] == '\t');
}

static bool
is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.' ||
	       c == '/';
}

/* "http://..." on a line of its own is text that lost its way; "NOTE://..." is
   a note that begins so. */
static bool
is_address(struct slice line, size_t name_n)
{
	if (!slice_starts(slice_from(line, name_n), "://"))
		return false;
	for (size_t i = 0; i < name_n; i++) {
		if (line.p[i] < 'a' || line.p[i] > 'z')
			return false;
	}
	return true;
}

bool
pim_is_header(struct slice line)
{
	size_t i = 0;

	while (i < line.n && is_name_char(line.p[i]))
		i++;
	if (i == 0 || i == line.n)
		return false;
	if (line.p[i] == ';')
		return true;
	return line.p[i] == ':' && !is_address(line, i);
}

static bool
is_blank(struct slice line)
{
	return slice_trim(line).n == 0;
}

static bool
has_encoding(struct slice line)
{
	struct slice head = slice_sub(line, 0, 120);
	size_t colon = slice_find(head, ':');

	head = slice_sub(head, 0, colon);
	for (size_t i = 0; i < head.n; i++) {
		struct slice at = slice_from(head, i);

		if (slice_starts_nocase(at, "BASE64") ||
		    slice_starts_nocase(at, "ENCODING=B") ||
		    slice_starts_nocase(at, "QUOTED-PRINTABLE"))
			return true;
	}
	return false;
}

/*
 * The old standard folds in front of a blank that belongs to the text; many
 * senders fold as the new one does, anywhere, and insert a blank. The bytes do
 * not tell which, but the widths do: inserted folds come at one fixed width,
 * folds at blanks come where words end. One fold alone counts as inserted only
 * at the two usual widths.
 */
static enum pim_fold
fold_style(const struct pim_reader *r)
{
	struct pim_reader look = *r;
	struct slice line = { NULL, 0 };
	struct slice next;
	size_t folds = 0;
	size_t min = SIZE_MAX;
	size_t max = 0;
	bool encoded = false;

	look.p = r->line;
	if (look.end - look.p > FOLD_LOOK_BYTES)
		look.end = look.p + FOLD_LOOK_BYTES;
	while (pim_phys(&look, &line) && !slice_starts_nocase(line, "END:V")) {
		if (!pim_is_blank_led(line))
			encoded = has_encoding(line);
		if (encoded || !pim_phys_peek(&look, &next) ||
		    !pim_is_blank_led(next))
			continue;
		folds++;
		if (line.n < min)
			min = line.n;
		if (line.n > max)
			max = line.n;
	}
	if (folds == 0 || max - min > 3 || max < 40)
		return PIM_FOLD_AT_BLANK;
	if (folds == 1 && max != 75 && max != 76)
		return PIM_FOLD_AT_BLANK;
	return PIM_FOLD_INSERTED;
}

/* What of a continuation line belongs to the value. */
static struct slice
continuation(struct pim_reader *r, const struct pim_line *line,
	     struct slice before, struct slice next)
{
	enum pim_vtype t = line->def->vtype;

	if (!r->old || next.p[0] == '\t' ||
	    (t != PIM_V_TEXT && t != PIM_V_STRUCT && t != PIM_V_LIST) ||
	    slice_ends(before, " "))
		return slice_from(next, 1);
	if (r->fold == PIM_FOLD_UNKNOWN)
		r->fold = fold_style(r);
	return r->fold == PIM_FOLD_INSERTED ? slice_from(next, 1) : next;
}

/*
 * A line inside a component that is no property, right after a text: its
 * sender wrote a line break as it is. Moves behind the empty lines before it
 * and counts them.
 */
static bool
stray_text(struct pim_reader *r, struct slice *line, size_t *breaks)
{
	const char *back = r->p;
	struct slice s;

	*breaks = 1;
	while (pim_phys(r, &s)) {
		if (is_blank(s)) {
			++*breaks;
			continue;
		}
		if (pim_is_blank_led(s) || pim_is_header(s))
			break;
		*line = s;
		return true;
	}
	r->p = back;
	return false;
}

static struct slice
unfold_plain(struct pim_reader *r, const struct pim_line *line,
	     struct slice first)
{
	bool text = line->def->flags & PIM_P_LONG;
	struct buf b = BUF_IN(r->a);
	struct slice before = first;
	struct slice next;
	size_t breaks;
	bool more = false;

	for (;;) {
		if (!pim_phys_peek(r, &next))
			break;
		if (pim_is_blank_led(next) && !(r->old && is_blank(next))) {
			(void)pim_phys(r, &next);
			breaks = 0;
		} else if (!text || pim_is_header(next) ||
			   !stray_text(r, &next, &breaks)) {
			break;
		}
		if (!more)
			buf_add(&b, first);
		more = true;
		for (size_t i = 0; i < breaks; i++)
			buf_byte(&b, '\n');
		buf_add(&b, breaks > 0 ? next
				       : continuation(r, line, before, next));
		before = next;
	}
	if (!more)
		return first;
	return buf_ok(&b) ? buf_slice(&b) : (struct slice){ NULL, 0 };
}

/* ---- quoted-printable --------------------------------------------------- */

static struct slice
rtrim(struct slice s)
{
	while (s.n > 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

/* Take the soft break off the end of a line, if there is one. */
static bool
soft_break(struct slice *line)
{
	struct slice s = rtrim(*line);

	if (s.n == 0 || s.p[s.n - 1] != '=')
		return false;
	/* A Nokia writes its soft break with an encoded LF CR in it. */
	s.n -= slice_ends(s, "==0A=0D=") ? 8 : 1;
	*line = s;
	return true;
}

static bool
ends_item(struct slice line)
{
	return slice_starts_nocase(line, "END:V");
}

/*
 * Some senders fold on top of soft breaks, so that each continuation begins
 * with a blank that is not the text's. Taken for that only if two or more
 * lines all begin so and the lines are of one width.
 */
static bool
qp_indented(const struct pim_reader *r, struct slice first)
{
	struct pim_reader look = *r;
	size_t min = SIZE_MAX;
	size_t max = 0;
	size_t lines = 0;
	struct slice line = first;

	while (soft_break(&line)) {
		if (lines > 0) {
			min = line.n < min ? line.n : min;
			max = line.n > max ? line.n : max;
		}
		if (!pim_phys(&look, &line) || ends_item(line))
			break;
		if (!pim_is_blank_led(line))
			return false;
		lines++;
	}
	return lines >= 2 && max >= min && max - min <= 3;
}

static int
hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

/* Decoded bytes of one piece; an '=' that encodes nothing is itself. */
static void
qp_decode(struct buf *b, struct slice s)
{
	char *p = s.n == 0 ? NULL : buf_room(b, s.n);
	size_t n = 0;

	if (p == NULL)
		return;
	for (size_t i = 0; i < s.n; i++) {
		int hi = -1;
		int lo = -1;

		if (s.p[i] == '=' && s.n - i > 2) {
			hi = hex(s.p[i + 1]);
			lo = hex(s.p[i + 2]);
		}
		if (hi < 0 || lo < 0) {
			p[n++] = s.p[i];
			continue;
		}
		p[n++] = (char)((hi << 4) | lo);
		i += 2;
	}
	buf_cut(b, b->n - (s.n - n));
}

static struct slice
unfold_qp(struct pim_reader *r, struct slice first)
{
	struct buf b = BUF_IN(r->a);
	bool indented = qp_indented(r, first);
	struct slice line = first;

	for (;;) {
		bool soft = soft_break(&line);

		qp_decode(&b, line);
		if (!pim_phys_peek(r, &line) || ends_item(line))
			break;
		if (!soft && (!pim_is_blank_led(line) || is_blank(line)))
			break;
		(void)pim_phys(r, &line);
		if ((indented || !soft) && pim_is_blank_led(line))
			line = slice_from(line, 1);
	}
	return buf_ok(&b) ? buf_slice(&b) : (struct slice){ NULL, 0 };
}

/* ---- base64 -------------------------------------------------------------- */

static bool
is_b64(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') &&
		    !(c >= '0' && c <= '9') && c != '+' && c != '/' && c != '=')
			return false;
	}
	return s.n > 0;
}

/* Without blanks, and without bytes that no base64 has. */
static void
add_dense(struct buf *b, struct slice s)
{
	char *p = s.n == 0 ? NULL : buf_room(b, s.n);
	size_t n = 0;

	if (p == NULL)
		return;
	for (size_t i = 0; i < s.n; i++) {
		if ((unsigned char)s.p[i] > ' ' && (unsigned char)s.p[i] < 0x7F)
			p[n++] = s.p[i];
	}
	buf_cut(b, b->n - (s.n - n));
}

struct slice
pim_dense(struct arena *a, struct slice s)
{
	struct buf b = BUF_IN(a);

	if (is_b64(s))
		return s;
	add_dense(&b, s);
	return buf_ok(&b) ? buf_slice(&b) : (struct slice){ NULL, 0 };
}

/*
 * The block goes on over lines that begin with a blank, or, from phones that
 * omit the blank, hold nothing but base64; an empty line ends it.
 */
static struct slice
unfold_b64(struct pim_reader *r, struct slice first)
{
	struct buf b = BUF_IN(r->a);
	struct slice line;
	bool joined = false;

	if (!is_b64(first))
		first = slice_trim(first);
	while (pim_phys_peek(r, &line)) {
		if (is_blank(line)) {
			(void)pim_phys(r, &line);
			break;
		}
		if (!pim_is_blank_led(line) && !is_b64(rtrim(line)))
			break;
		(void)pim_phys(r, &line);
		if (!joined)
			add_dense(&b, first);
		joined = true;
		add_dense(&b, line);
	}
	if (!joined && is_b64(first))
		return first;
	if (!joined)
		add_dense(&b, first);
	return buf_ok(&b) ? buf_slice(&b) : (struct slice){ NULL, 0 };
}

struct slice
pim_unfold(struct pim_reader *r, const struct pim_line *line,
	   struct slice first)
{
	if (line->enc == PIM_ENC_QP)
		return unfold_qp(r, first);
	if (line->enc == PIM_ENC_B64)
		return unfold_b64(r, first);
	return unfold_plain(r, line, first);
}
