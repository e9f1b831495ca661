/* TZif files (RFC 8536). */
#include "pim/zone_int.h"

#include "pim/calendar_time.h"

enum { HEADER = 44, TYPES_MAX = 256 };

struct head {
	int version;
	uint32_t isut_n;
	uint32_t isstd_n;
	uint32_t leap_n;
	uint32_t time_n;
	uint32_t type_n;
	uint32_t char_n;
};

static uint32_t
be32(const char *p)
{
	const unsigned char *u = (const unsigned char *)p;

	return (uint32_t)u[0] << 24 | (uint32_t)u[1] << 16 |
	       (uint32_t)u[2] << 8 | u[3];
}

static int64_t
be64(const char *p)
{
	return (int64_t)((uint64_t)be32(p) << 32 | be32(p + 4));
}

static bool
head_parse(struct slice f, struct head *h)
{
	if (f.n < HEADER || memcmp(f.p, "TZif", 4) != 0)
		return false;
	h->version = f.p[4] == 0 ? 1 : f.p[4] - '0';
	h->isut_n = be32(f.p + 20);
	h->isstd_n = be32(f.p + 24);
	h->leap_n = be32(f.p + 28);
	h->time_n = be32(f.p + 32);
	h->type_n = be32(f.p + 36);
	h->char_n = be32(f.p + 40);
	return h->type_n > 0 && h->type_n <= TYPES_MAX && h->time_n < 100000 &&
	       h->char_n < 100000 && h->leap_n < 100000 &&
	       h->isstd_n <= h->type_n && h->isut_n <= h->type_n;
}

static size_t
body_bytes(const struct head *h, size_t time_bytes)
{
	return h->time_n * (time_bytes + 1) + h->type_n * (size_t)6 +
	       h->char_n + h->leap_n * (time_bytes + 4) + h->isstd_n +
	       h->isut_n;
}

static bool
body_parse(struct slice b, const struct head *h, struct zone_step *steps,
	   size_t step_max, struct pim_zone *out)
{
	const char *idx = b.p + (size_t)h->time_n * 8;
	const char *types = idx + h->time_n;

	if (h->time_n > step_max)
		return false;
	out->first = (int32_t)be32(types);
	out->step_n = 0;
	for (uint32_t i = 0; i < h->time_n; i++) {
		unsigned t = (unsigned char)idx[i];
		struct zone_step s;
		int32_t was =
		    out->step_n == 0 ? out->first : steps[out->step_n - 1].off;

		if (t >= h->type_n)
			return false;
		s.at = be64(b.p + (size_t)i * 8);
		s.off = (int32_t)be32(types + (size_t)t * 6);
		/* names and flags change without the clock: no step */
		if (s.off != was)
			steps[out->step_n++] = s;
	}
	return true;
}

/*
 * Does the rule say what the table says from step i on? Then the table may end
 * with step i, where the rule takes over.
 */
static size_t
rule_from(const struct zone_rule *r, const struct zone_step *s, size_t n)
{
	size_t i = n;

	while (i > 0 && zone_rule_offset(r, s[i - 1].at) == s[i - 1].off &&
	       zone_rule_offset(r, s[i - 1].at - 1) != s[i - 1].off)
		i--;
	return i;
}

/* The old 32-bit data first, then (version 2) the same in 64 bits. */
bool
zone_tzif_parse(struct slice f, struct zone_step *steps, size_t step_max,
		struct pim_zone *out)
{
	struct head h;
	size_t n;
	size_t nl;

	if (!head_parse(f, &h) || h.version < 2)
		return false;
	f = slice_from(f, HEADER + body_bytes(&h, 4));
	if (!head_parse(f, &h))
		return false;
	n = body_bytes(&h, 8);
	f = slice_from(f, HEADER);
	if (f.n < n || !body_parse(f, &h, steps, step_max, out))
		return false;
	f = slice_from(f, n);
	out->steps = steps;
	nl = f.n > 1 ? slice_find(slice_from(f, 1), '\n') : SIZE_MAX;
	out->has_rule = nl != SIZE_MAX && f.p[0] == '\n' &&
			zone_rule_parse(slice_sub(f, 1, nl), &out->rule);
	if (out->has_rule) {
		n = rule_from(&out->rule, steps, out->step_n);
		if (n < out->step_n)
			out->step_n = n + 1;
	}
	return true;
}
