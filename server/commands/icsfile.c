#include "server/commands/icsfile.h"

/* The next line with its end, and without it. */
static bool
next_line(struct slice *rest, struct slice *whole, struct slice *text)
{
	size_t n = slice_find(*rest, '\n');

	if (rest->n == 0)
		return false;
	*whole = n == SIZE_MAX ? *rest : slice_sub(*rest, 0, n + 1);
	*rest = slice_from(*rest, whole->n);
	*text = slice_trim(*whole);
	return true;
}

void
srv_icsfile_begin(struct srv_icsfile *x, FILE *f, struct arena *a)
{
	*x = (struct srv_icsfile){ .f = f, .a = a };
	(void)fputs("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n"
		    "PRODID:-//Funicular//Funicular//EN\r\n",
		    f);
}

void
srv_icsfile_end(struct srv_icsfile *x)
{
	(void)fputs("END:VCALENDAR\r\n", x->f);
}

static struct slice
tzid_of(struct slice component)
{
	struct slice whole, text;

	while (next_line(&component, &whole, &text))
		if (slice_starts_nocase(text, "TZID:"))
			return slice_from(text, 5);
	return SLICE_LIT("");
}

/* Is it a zone that stands in the file already? Else it does from now on. */
static bool
zone_again(struct srv_icsfile *x, struct slice component)
{
	struct slice id = tzid_of(component);

	for (size_t i = 0; i < x->zone_n; i++)
		if (slice_eq(x->zone[i], id))
			return true;
	if (x->zone_n < SRV_ICS_ZONES) {
		id = arena_copy(x->a, id);
		if (id.p != NULL)
			x->zone[x->zone_n++] = id;
	}
	return false;
}

bool
srv_icsfile_add(struct srv_icsfile *x, struct slice vcalendar)
{
	struct buf part = BUF_IN(x->a);
	struct slice whole, text;
	unsigned depth = 0;
	bool zone = false;

	while (next_line(&vcalendar, &whole, &text)) {
		bool begin = slice_starts_nocase(text, "BEGIN:");
		bool end = slice_starts_nocase(text, "END:");

		if (begin && depth++ == 1) {
			buf_cut(&part, 0);
			zone = slice_is_nocase(text, "BEGIN:VTIMEZONE");
		}
		/* Depth 1 is the wrapping, which is written once for all. */
		if (depth > 1)
			buf_add(&part, whole);
		if (!end || depth == 0 || --depth != 1)
			continue;
		if (!zone || !zone_again(x, buf_slice(&part)))
			(void)fwrite(part.p, 1, part.n, x->f);
	}
	return buf_ok(&part);
}
