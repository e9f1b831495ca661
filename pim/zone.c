#include "pim/zone_int.h"

#include "pim/calendar_time.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const char zone_dir[] = "/usr/share/zoneinfo";

enum { FILE_MAX = 65536, STEP_MAX = 4096, ZONES_MAX = 2000 };

/* Written once below pthread_once, read only from then on. */
static struct {
	pthread_once_t once;
	struct pim_zone *zones; /* sorted by name */
	size_t n;
	int sys; /* why there are none */
} table = { .once = PTHREAD_ONCE_INIT };

static const struct pim_zone zone_utc = {
	.name = SLICE_INIT("UTC"),
	.builtin = true,
	.utc = true,
};

static bool
file_read(const char *path, char *buf, size_t *n)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got;

	if (fd < 0)
		return false;
	*n = 0;
	do {
		got = read(fd, buf + *n, FILE_MAX - *n);
		if (got > 0)
			*n += (size_t)got;
	} while (got > 0 || (got < 0 && errno == EINTR));
	(void)close(fd);
	return got == 0;
}

/* What outlives the loading: name and steps, on the heap, never freed. */
static bool
zone_keep(const char *name, const struct pim_zone *z)
{
	struct pim_zone *to = &table.zones[table.n];
	size_t bytes = z->step_n * sizeof(*z->steps);

	*to = *z;
	to->name = slice_c(strdup(name));
	to->steps = malloc(bytes == 0 ? 1 : bytes);
	if (to->name.p == NULL || to->steps == NULL)
		return false;
	if (bytes > 0)
		memcpy(to->steps, z->steps, bytes);
	to->builtin = true;
	to->utc = z->step_n == 0 && z->first == 0 &&
		  (strstr(name, "UTC") != NULL || strstr(name, "UCT") != NULL ||
		   strcmp(name, "Etc/GMT") == 0 || strcmp(name, "GMT") == 0 ||
		   strcmp(name, "Zulu") == 0);
	table.n++;
	return true;
}

static bool
skip_entry(const FTSENT *f)
{
	if (f->fts_level == 0)
		return false;
	return f->fts_info == FTS_D && f->fts_level == 1 &&
	       (strcmp(f->fts_name, "posix") == 0 ||
		strcmp(f->fts_name, "right") == 0);
}

static bool
is_zone_file(const FTSENT *f)
{
	char c = f->fts_name[0];

	return (f->fts_info == FTS_F || f->fts_info == FTS_SL) && c >= 'A' &&
	       c <= 'Z' && strchr(f->fts_name, '.') == NULL;
}

static int
by_name(const void *x, const void *y)
{
	const struct pim_zone *p = x;
	const struct pim_zone *q = y;

	return slice_cmp(p->name, q->name);
}

static bool
load_tree(FTS *fts, char *buf, struct zone_step *steps)
{
	size_t cut = sizeof(zone_dir); /* the name follows the slash */
	FTSENT *f;

	while ((f = fts_read(fts)) != NULL) {
		struct pim_zone z = { .first = 0 };
		size_t n;

		if (skip_entry(f)) {
			(void)fts_set(fts, f, FTS_SKIP);
			continue;
		}
		if (!is_zone_file(f) || table.n >= ZONES_MAX)
			continue;
		if (!file_read(f->fts_accpath, buf, &n) ||
		    !zone_tzif_parse((struct slice){ buf, n }, steps, STEP_MAX,
				     &z))
			continue;
		if (!zone_keep(f->fts_path + cut, &z))
			return false;
	}
	return true;
}

static void
load(void)
{
	char root[sizeof(zone_dir)];
	char *paths[] = { root, NULL };
	char *buf = malloc(FILE_MAX);
	struct zone_step *steps = malloc(STEP_MAX * sizeof(*steps));
	FTS *fts = NULL;

	memcpy(root, zone_dir, sizeof(root));
	table.zones = calloc(ZONES_MAX, sizeof(*table.zones));
	if (buf != NULL && steps != NULL && table.zones != NULL)
		fts = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	if (fts == NULL || !load_tree(fts, buf, steps) || table.n == 0)
		table.sys = errno == 0 ? ENOENT : errno;
	else
		qsort(table.zones, table.n, sizeof(*table.zones), by_name);
	if (table.sys != 0)
		table.n = 0;
	if (fts != NULL)
		(void)fts_close(fts);
	free(buf);
	free(steps);
}

int
pim_zone_init(struct err *e)
{
	(void)pthread_once(&table.once, load);
	if (table.n == 0)
		return err_sys(e, ERR_CONFIG, table.sys, "pim.zones",
			       "no time zone data in %s", zone_dir);
	return 0;
}

const struct pim_zone *
pim_zone_utc(void)
{
	return &zone_utc;
}

bool
pim_zone_is_utc(const struct pim_zone *z)
{
	return z->utc;
}

struct slice
pim_zone_name(const struct pim_zone *z)
{
	return z->name;
}

const struct pim_zone *
pim_zone_named(struct arena *a, struct slice name)
{
	struct pim_zone *z = ARENA_NEW(a, struct pim_zone);

	if (z != NULL)
		z->name = name;
	return z;
}

bool
pim_zone_builtin(const struct pim_zone *z)
{
	return z->builtin;
}

const struct pim_zone *
pim_zone_find(struct slice name)
{
	struct pim_zone key = { .name = name };

	if (slice_is(name, "UTC"))
		return &zone_utc;
	(void)pthread_once(&table.once, load);
	if (table.n == 0 || name.n == 0)
		return NULL;
	return bsearch(&key, table.zones, table.n, sizeof(key), by_name);
}

/* Prefixes hold one to three parts before the Olson name. */
const struct pim_zone *
pim_zone_known(struct slice tzid)
{
	const struct pim_zone *z;
	struct slice s = slice_trim(tzid);

	if (s.n >= 2 && s.p[0] == '"' && s.p[s.n - 1] == '"')
		s = slice_sub(s, 1, s.n - 2);
	z = pim_zone_find(s);
	if (z == NULL)
		z = pim_zone_find(zone_ms_name(s));
	for (int i = 0; z == NULL && i < 5; i++) {
		size_t at = slice_find(s, '/');

		if (at == SIZE_MAX)
			break;
		s = slice_from(s, at + 1);
		if (slice_find(s, '/') != SIZE_MAX)
			z = pim_zone_find(s);
	}
	return z;
}

int32_t
pim_zone_offset(const struct pim_zone *z, int64_t utc)
{
	size_t lo = 0;
	size_t hi = z->step_n;

	if (z->has_rule && (hi == 0 || utc >= z->steps[hi - 1].at))
		return zone_rule_offset(&z->rule, utc);
	while (lo < hi) { /* steps before lo are at or before utc */
		size_t mid = lo + (hi - lo) / 2;

		if (z->steps[mid].at <= utc)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo == 0 ? z->first : z->steps[lo - 1].off;
}

int64_t
pim_zone_to_utc(const struct pim_zone *z, int64_t wall)
{
	int32_t before;
	int32_t after;

	if (z->utc)
		return wall;
	before = pim_zone_offset(z, wall - PIM_DAY_S);
	if (pim_zone_offset(z, wall - before) == before)
		return wall - before;
	after = pim_zone_offset(z, wall + PIM_DAY_S);
	if (pim_zone_offset(z, wall - after) == after)
		return wall - after;
	return wall - before;
}

int64_t
pim_zone_to_wall(const struct pim_zone *z, int64_t utc)
{
	return utc + (z->utc ? 0 : pim_zone_offset(z, utc));
}

static bool
rule_next(const struct zone_rule *r, int64_t after, struct pim_zone_step *out)
{
	int year = zone_year(after);
	int64_t best = INT64_MAX;

	if (!r->has_dst || r->std == r->dst)
		return false;
	for (int y = year - 1; y <= year + 1; y++) {
		int64_t s = zone_rule_start(r, y);
		int64_t n = zone_rule_end(r, y);

		if (s > after && s < best)
			best = s;
		if (n > after && n < best)
			best = n;
	}
	out->at = best;
	out->before = zone_rule_offset(r, best - 1);
	out->after = zone_rule_offset(r, best);
	return out->before != out->after;
}

bool
pim_zone_next(const struct pim_zone *z, int64_t after,
	      struct pim_zone_step *out)
{
	size_t lo = 0;
	size_t hi = z->step_n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (z->steps[mid].at <= after)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == z->step_n)
		return z->has_rule && rule_next(&z->rule, after, out);
	out->at = z->steps[lo].at;
	out->before = lo == 0 ? z->first : z->steps[lo - 1].off;
	out->after = z->steps[lo].off;
	return true;
}

bool
pim_zone_same(const struct pim_zone *x, const struct pim_zone *y, int64_t from,
	      int64_t to)
{
	int64_t at = from;

	if (x == y)
		return true;
	/* both change at the same instants, or never in between */
	for (int i = 0; i < 1000; i++) {
		struct pim_zone_step p = { .at = INT64_MAX };
		struct pim_zone_step q = { .at = INT64_MAX };

		if (pim_zone_offset(x, at) != pim_zone_offset(y, at))
			return false;
		if (!pim_zone_next(x, at, &p))
			p.at = INT64_MAX;
		if (!pim_zone_next(y, at, &q))
			q.at = INT64_MAX;
		if (p.at > to && q.at > to)
			return true;
		if (p.at != q.at)
			return false;
		at = p.at;
	}
	return true;
}

const struct pim_zone *
pim_zone_like(const struct pim_zone *z, const struct pim_zone *prefer,
	      int64_t from, int64_t to)
{
	struct slice name;

	if (prefer != NULL && pim_zone_same(z, prefer, from, to))
		return prefer;
	for (size_t i = 0; (name = zone_favourite(i)).p != NULL; i++) {
		const struct pim_zone *c = pim_zone_find(name);

		if (c != NULL && pim_zone_same(z, c, from, to))
			return c;
	}
	for (size_t i = 0; i < table.n; i++) {
		if (pim_zone_same(z, &table.zones[i], from, to))
			return &table.zones[i];
	}
	return NULL;
}
