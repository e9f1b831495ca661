/*
 * The parts of a message: a walk over its lines with a stack of boundaries, as
 * deep and as long as the limits let it be.
 */
#include "pim/mime_int.h"

struct walk {
	struct arena *a;
	struct slice s;
	struct slice boundary[PIM_MAIL_DEPTH_MAX];
	size_t depth;
	struct pim_part *part;
	size_t n;
	bool open; /* the last one has no end yet */
	bool nomem;
};

static struct slice
lower(struct arena *a, struct slice s)
{
	char *p = arena_alloc(a, s.n + 1);

	for (size_t i = 0; p != NULL && i < s.n; i++)
		p[i] = slice_lower(s.p[i]);
	return (struct slice){ p, p == NULL ? 0 : s.n };
}

/* "Text/Plain; ..." to "text/plain", also where there is none that makes sense
   (RFC 2045, 5.2). */
static struct slice
type_of(struct arena *a, struct slice field)
{
	struct slice s =
	    slice_trim(slice_sub(field, 0, slice_find(field, ';')));
	size_t slashes = 0;
	bool text = true;

	for (size_t i = 0; i < s.n; i++) {
		slashes += s.p[i] == '/';
		text &= s.p[i] > ' ' && s.p[i] < 0x7f;
	}
	return slashes == 1 && text ? lower(a, s) : SLICE_LIT("text/plain");
}

/* Octets of base64 text, decoded. */
static int64_t
b64_size(struct slice s)
{
	int64_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += s.p[i] > ' ' && s.p[i] != '=';
	return n * 3 / 4;
}

/* The line end in front of a dividing line belongs to that. */
static struct slice
without_end(struct slice s)
{
	if (slice_ends(s, "\n"))
		s.n--;
	if (slice_ends(s, "\r"))
		s.n--;
	return s;
}

static void
close_part(struct walk *w, size_t end)
{
	struct pim_part *p;
	struct slice body;
	struct slice how;

	if (!w->open)
		return;
	w->open = false;
	p = &w->part[w->n - 1];
	p->end = end < p->body ? p->body : end;
	body = slice_sub(w->s, p->body, p->end - p->body);
	how = pim_mime_get(w->a, slice_sub(w->s, p->start, p->body - p->start),
			   "Content-Transfer-Encoding");
	if (end < w->s.n)
		body = without_end(body);
	p->size = slice_is_nocase(how, "base64") ? b64_size(body)
		  : slice_is_nocase(how, "quoted-printable")
		      ? pim_mime_qp_size(body)
		      : (int64_t)body.n;
}

/* The file's name, by either of the two fields that may tell it. */
static struct slice
name_of(struct walk *w, struct slice disposition, struct slice type)
{
	struct slice name = pim_mime_param(w->a, disposition, "filename");

	if (name.p != NULL && name.n == 0)
		name = pim_mime_param(w->a, type, "name");
	return name.p == NULL ? name : pim_mime_words(w->a, name);
}

/* A part whose header begins at `head`; returns where its body does. */
static size_t
enter(struct walk *w, size_t start, size_t head)
{
	struct slice rest = slice_from(w->s, head);
	struct slice type = pim_mime_get(w->a, rest, "Content-Type");
	struct slice place = pim_mime_get(w->a, rest, "Content-Disposition");
	struct slice boundary = pim_mime_param(w->a, type, "boundary");
	size_t body = head + pim_mime_body(rest);
	struct pim_part *p;

	if (type.p == NULL || place.p == NULL || boundary.p == NULL) {
		w->nomem = true;
		return w->s.n;
	}
	if (slice_starts_nocase(type, "multipart/") && boundary.n > 0 &&
	    w->depth < PIM_MAIL_DEPTH_MAX) {
		w->boundary[w->depth++] = boundary;
		return body;
	}
	if (w->n == PIM_MAIL_PARTS_MAX)
		return body;
	p = &w->part[w->n++];
	*p = (struct pim_part){ .start = start,
				.body = body,
				.depth = w->depth };
	p->type = type_of(w->a, type);
	p->name = name_of(w, place, type);
	p->attached = slice_starts_nocase(place, "attachment") ||
		      p->name.n > 0 || !slice_starts(p->type, "text/");
	w->nomem = p->type.p == NULL || p->name.p == NULL;
	w->open = true;
	return body;
}

/* Which boundary a line is; its level, or SIZE_MAX. */
static size_t
level_of(const struct walk *w, struct slice line, bool *ends)
{
	line = slice_from(line, 2);
	for (size_t i = w->depth; i-- > 0;) {
		struct slice b = w->boundary[i];
		struct slice rest = slice_from(line, b.n);

		if (line.n < b.n || memcmp(line.p, b.p, b.n) != 0)
			continue;
		*ends = slice_starts(rest, "--");
		if (*ends || slice_trim(rest).n == 0)
			return i;
	}
	return SIZE_MAX;
}

static void
walk(struct walk *w)
{
	size_t at = enter(w, 0, 0);

	while (at < w->s.n && w->depth > 0 && !w->nomem) {
		size_t next = pim_mime_line(w->s, at);
		struct slice line = slice_sub(w->s, at, next - at);
		size_t level = SIZE_MAX;
		bool ends = false;

		if (line.n > 2 && line.p[0] == '-' && line.p[1] == '-')
			level = level_of(w, line, &ends);
		if (level != SIZE_MAX) {
			close_part(w, at);
			w->depth = ends ? level : level + 1;
			if (!ends)
				next = enter(w, at, next);
		}
		at = next;
	}
	close_part(w, w->s.n);
}

int
pim_mime_parts(struct arena *a, struct slice bytes, struct pim_part **out,
	       size_t *n)
{
	struct walk w = { .a = a, .s = bytes };

	w.part = ARENA_ARRAY(a, PIM_MAIL_PARTS_MAX, struct pim_part);
	if (w.part == NULL)
		return -1;
	walk(&w);
	*out = w.part;
	*n = w.n;
	return w.nomem ? -1 : 0;
}
