/* TZ and DAYLIGHT of vCalendar 1.0. */
#include "pim/zone_int.h"

#include "pim/calendar_time.h"

enum { LINES_MAX = 8 };

struct line { /* DAYLIGHT:TRUE;+02;20090329T020000;20091025T030000;;  */
	int32_t dst;
	int64_t begin;
	int64_t end;
};

struct told { /* what a component tells about its zone */
	bool has_tz;
	bool denied; /* DAYLIGHT:FALSE */
	int32_t std;
	struct line line[LINES_MAX];
	size_t line_n;
};

/* "+01", "-0500", "+05:30", "1" */
static bool
old_offset(struct slice s, int32_t *out)
{
	int sign = 1;
	uint32_t h;
	uint32_t m = 0;
	size_t colon;

	s = slice_trim(s);
	if (s.n > 0 && (s.p[0] == '-' || s.p[0] == '+')) {
		sign = s.p[0] == '-' ? -1 : 1;
		s = slice_from(s, 1);
	}
	colon = slice_find(s, ':');
	if (colon != SIZE_MAX) {
		if (!slice_u32(slice_sub(s, colon + 1, 2), &m))
			return false;
		s = slice_sub(s, 0, colon);
	}
	if (!slice_u32(s, &h))
		return false;
	if (s.n >= 3) {
		m = h % 100;
		h /= 100;
	}
	if (h > 14 || m > 59)
		return false;
	*out = sign * (int32_t)(h * 3600 + m * 60);
	return true;
}

static void
read_line(struct slice v, struct told *t)
{
	struct slice part[4] = { { NULL, 0 } };
	struct pim_time b;
	struct pim_time n;

	for (int i = 0; i < 4; i++) {
		if (!slice_split(&v, ';', &part[i]))
			break;
		part[i] = slice_trim(part[i]);
	}
	if (slice_is_nocase(part[0], "FALSE")) {
		t->denied = true;
		return;
	}
	if (!slice_is_nocase(part[0], "TRUE") || t->line_n >= LINES_MAX ||
	    !old_offset(part[1], &t->line[t->line_n].dst) ||
	    !pim_time_parse(part[2], &b) || !pim_time_parse(part[3], &n))
		return;
	t->line[t->line_n].begin = b.wall;
	t->line[t->line_n++].end = n.wall;
}

static void
read_lines(const struct pim_comp *c, struct told *t)
{
	for (const struct pim_prop *p = c->props; p != NULL; p = p->next) {
		if (slice_is(p->name, "TZ"))
			t->has_tz = old_offset(p->value, &t->std) || t->has_tz;
		else if (slice_is(p->name, "DAYLIGHT"))
			read_line(p->value, t);
	}
}

/*
 * Does the zone change as the lines say? Looked at a day before and after each
 * change: senders disagree about the hour and about whose clock it is on.
 */
static bool
fits(const struct pim_zone *z, const struct told *t)
{
	for (size_t i = 0; i < t->line_n; i++) {
		const struct line *l = &t->line[i];
		int64_t b = l->begin - t->std;
		int64_t n = l->end - l->dst;

		if (pim_zone_offset(z, b - PIM_DAY_S) != t->std ||
		    pim_zone_offset(z, b + PIM_DAY_S) != l->dst ||
		    pim_zone_offset(z, n - PIM_DAY_S) != l->dst ||
		    pim_zone_offset(z, n + PIM_DAY_S) != t->std)
			return false;
	}
	return true;
}

static struct pim_zone *
synthetic(struct arena *a, const struct told *t)
{
	struct pim_zone *z = ARENA_NEW(a, struct pim_zone);
	int32_t v = t->std < 0 ? -t->std : t->std;

	if (z == NULL)
		return NULL;
	z->first = t->std;
	z->name =
	    arena_printf(a, "UTC%c%02d%02d%s", t->std < 0 ? '-' : '+', v / 3600,
			 v / 60 % 60, t->line_n > 0 ? "-DST" : "");
	z->steps = ARENA_ARRAY(a, t->line_n * 2, struct zone_step);
	if (z->name.p == NULL || z->steps == NULL)
		return NULL;
	for (size_t i = 0; i < t->line_n; i++) {
		const struct line *l = &t->line[i];
		int64_t b = l->begin - t->std;
		int64_t n = l->end - l->dst;

		if (b >= n || l->dst == t->std ||
		    (z->step_n > 0 && b <= z->steps[z->step_n - 1].at))
			continue;
		z->steps[z->step_n].at = b;
		z->steps[z->step_n++].off = l->dst;
		z->steps[z->step_n].at = n;
		z->steps[z->step_n++].off = t->std;
	}
	return z;
}

static const struct pim_zone *
search(const struct told *t)
{
	struct slice name;

	for (size_t i = 0; (name = zone_favourite(i)).p != NULL; i++) {
		const struct pim_zone *z = pim_zone_find(name);

		if (z != NULL && fits(z, t))
			return z;
	}
	return NULL;
}

/* No summer time told: a fixed offset, or a phone that knows only today's. */
static const struct pim_zone *
fixed_zone(struct arena *a, const struct told *t, int64_t at,
	   const struct pim_zone *prefer)
{
	struct slice name;
	const struct pim_zone *z;
	struct pim_zone *made;

	if (prefer != NULL) {
		int64_t utc = pim_zone_to_utc(prefer, at);
		int32_t now = pim_zone_offset(prefer, utc);
		int32_t other = pim_zone_offset(prefer, utc + 182 * PIM_DAY_S);

		if (now == t->std || (!t->denied && other == t->std))
			return prefer;
	}
	if (t->std == 0)
		return pim_zone_utc();
	if (t->std % 3600 == 0) {
		name = arena_printf(a, "Etc/GMT%+d", -t->std / 3600);
		z = name.p == NULL ? NULL : pim_zone_find(name);
		if (z != NULL || name.p == NULL)
			return z;
	}
	made = synthetic(a, t);
	if (made == NULL)
		return NULL;
	z = pim_zone_like(made, NULL, at - 366 * PIM_DAY_S,
			  at + 366 * PIM_DAY_S);
	return z != NULL ? z : made;
}

int
pim_zone_from_daylight(struct arena *a, const struct pim_comp *c, int64_t at,
		       const struct pim_zone *prefer,
		       const struct pim_zone **out, struct err *e)
{
	struct told t = { .has_tz = false };

	*out = NULL;
	read_lines(c, &t);
	if (!t.has_tz)
		return 0;
	if (t.line_n == 0) {
		*out = fixed_zone(a, &t, at, prefer);
	} else {
		*out = prefer != NULL && fits(prefer, &t) ? prefer : search(&t);
		if (*out == NULL)
			*out = synthetic(a, &t);
	}
	if (*out == NULL)
		return err_set(e, ERR_NOMEM, "pim.zone", "no memory");
	return 0;
}

/* ---- writing ---------------------------------------------------------------
 */

static struct slice
old_offset_text(struct arena *a, int32_t off)
{
	int32_t v = off < 0 ? -off : off;
	char sign = off < 0 ? '-' : '+';

	if (v % 3600 != 0)
		return arena_printf(a, "%c%02d:%02d", sign, v / 3600,
				    v / 60 % 60);
	return arena_printf(a, "%c%02d", sign, v / 3600);
}

static bool
put_line(struct arena *a, struct pim_comp *c, const struct pim_zone_step *on,
	 const struct pim_zone_step *off)
{
	struct pim_time b = { .wall = on->at + on->before };
	struct pim_time n = { .wall = off->at + off->before };
	struct slice dst = old_offset_text(a, on->after);
	char bt[PIM_TIME_TEXT];
	char nt[PIM_TIME_TEXT];
	struct slice v;

	if (dst.p == NULL)
		return false;
	(void)pim_time_put(b, bt);
	(void)pim_time_put(n, nt);
	v = arena_printf(a, "TRUE;%.*s;%s;%s;;", SLICE_ARG(dst), bt, nt);
	return v.p != NULL && pim_comp_put(a, c, "DAYLIGHT", v);
}

/* The summer times that begin in the years of the range. */
static size_t
summers(const struct pim_zone *z, int64_t from, int64_t to,
	struct pim_zone_step on[static ZONE_LINE_YEARS],
	struct pim_zone_step off[static ZONE_LINE_YEARS])
{
	int64_t at = pim_days(zone_year(from), 1, 1) * PIM_DAY_S - PIM_DAY_S;
	int64_t last = pim_days(zone_year(to) + 1, 1, 1) * PIM_DAY_S;
	struct pim_zone_step s;
	size_t n = 0;
	bool open = false;

	for (int i = 0; i < 4 * ZONE_LINE_YEARS; i++) {
		if (!pim_zone_next(z, at, &s) || (!open && s.at > last))
			break;
		at = s.at;
		if (s.after > s.before && n < ZONE_LINE_YEARS) {
			on[n] = s;
			open = true;
		} else if (s.after < s.before && open) {
			off[n++] = s;
			open = false;
		}
		if (n == ZONE_LINE_YEARS)
			break;
	}
	return n;
}

bool
pim_zone_put_daylight(struct arena *a, struct pim_comp *c,
		      const struct pim_zone *z, int64_t from, int64_t to)
{
	struct pim_zone_step on[ZONE_LINE_YEARS];
	struct pim_zone_step off[ZONE_LINE_YEARS];
	size_t n = summers(z, from, to, on, off);
	int32_t std = n > 0 ? on[0].before : pim_zone_offset(z, from);
	struct slice tz = old_offset_text(a, std);

	if (tz.p == NULL || !pim_comp_put(a, c, "TZ", tz))
		return false;
	if (n == 0)
		return pim_comp_put(a, c, "DAYLIGHT", SLICE_LIT("FALSE"));
	for (size_t i = 0; i < n; i++) {
		if (!put_line(a, c, &on[i], &off[i]))
			return false;
	}
	return true;
}
