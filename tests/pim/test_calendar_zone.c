/* Zones: offsets against the C library, VTIMEZONE and TZ/DAYLIGHT both ways. */
#include "tests/pim/calendar_help.h"

#include "pim/calendar_time.h"
#include "pim/zone.h"

#include <libical/ical.h>

#include <pthread.h>
#include <stdlib.h>

static struct arena *a;

static int
setup(void **state)
{
	(void)state;
	a = arena_new(512 << 20);
	return a == NULL ? -1 : 0;
}

static int
teardown(void **state)
{
	(void)state;
	arena_free(&a);
	return 0;
}

static int64_t
at(const char *s)
{
	struct pim_time t;

	if (!pim_time_parse(slice_c(s), &t))
		fail_msg("bad time %s", s);
	return t.wall;
}

static const struct pim_zone *
zone(const char *name)
{
	const struct pim_zone *z = pim_zone_find(slice_c(name));

	if (z == NULL)
		fail_msg("no zone %s", name);
	return z;
}

/* ---- the table -------------------------------------------------------------
 */

static void *
use_zones(void *arg)
{
	const char *const names[] = { "Europe/Berlin", "America/New_York",
				      "Asia/Kolkata", "Australia/Sydney" };
	int64_t sum = 0;

	for (int i = 0; i < 2000; i++) {
		const struct pim_zone *z = pim_zone_find(slice_c(names[i % 4]));

		if (z == NULL)
			return NULL;
		sum += pim_zone_offset(z, 1234567890 + i * 86400);
	}
	*(int64_t *)arg = sum;
	return arg;
}

/* First in main(): the table is loaded by whichever thread comes first. */
static void
first_use_by_many(void **state)
{
	pthread_t t[8];
	int64_t sum[8];

	(void)state;
	for (int i = 0; i < 8; i++)
		assert_int_equal(
		    pthread_create(&t[i], NULL, use_zones, &sum[i]), 0);
	for (int i = 0; i < 8; i++) {
		void *done;

		assert_int_equal(pthread_join(t[i], &done), 0);
		assert_non_null(done);
		assert_int_equal(sum[i], sum[0]);
	}
	assert_int_equal(pim_zone_init(NULL), 0);
}

static void
names(void **state)
{
	static const char *const rows[][2] = {
		{ "Europe/Berlin", "Europe/Berlin" },
		{ "/freeassociation.sourceforge.net/Europe/Berlin",
		  "Europe/Berlin" },
		{ "/freeassociation.sourceforge.net/Tzfile/Europe/Berlin",
		  "Europe/Berlin" },
		{ "/softwarestudio.org/Olson_20011030_5/Europe/Berlin",
		  "Europe/Berlin" },
		{ "/mozilla.org/20050126_1/America/New_York",
		  "America/New_York" },
		{ "/citadel.org/20210210_1/America/Argentina/Buenos_Aires",
		  "America/Argentina/Buenos_Aires" },
		{ "W. Europe Standard Time", "Europe/Berlin" },
		{ "eastern standard time", "America/New_York" },
		{ "\"Europe/Berlin\"", "Europe/Berlin" },
		{ "UTC", "UTC" },
		{ "Etc/UTC", "Etc/UTC" },
		{ "Nowhere/City", NULL },
		{ "/a/b/c/d/e/f/g/h/Europe/Berlin", NULL },
		{ "", NULL },
		{ "../../../../etc/passwd", NULL },
		{ "posix/Europe/Berlin", "Europe/Berlin" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct pim_zone *z = pim_zone_known(slice_c(rows[i][0]));

		if (z == NULL && rows[i][1] == NULL)
			continue;
		if (z == NULL || rows[i][1] == NULL ||
		    !slice_is(pim_zone_name(z), rows[i][1]))
			fail_msg("%s", rows[i][0]);
	}
	assert_true(pim_zone_is_utc(zone("Etc/UTC")));
	assert_true(pim_zone_is_utc(zone("UTC")));
	assert_false(pim_zone_is_utc(zone("Europe/London")));
}

static const char *const cities[] = {
	"Europe/Berlin",    "Europe/London",       "Europe/Dublin",
	"America/New_York", "America/St_Johns",    "America/Sao_Paulo",
	"Asia/Kolkata",     "Asia/Tehran",         "Asia/Jerusalem",
	"Australia/Sydney", "Australia/Lord_Howe", "Pacific/Auckland",
	"Pacific/Apia",     "Africa/Casablanca",   "Europe/Moscow",
	"America/Nuuk",     "Asia/Kathmandu",      "America/Santiago",
};

enum { CITY_N = sizeof(cities) / sizeof(cities[0]) };

/* The C library reads the same files by another road. */
static void
offsets_like_libc(void **state)
{
	(void)state;
	for (size_t c = 0; c < CITY_N; c++) {
		const struct pim_zone *z = zone(cities[c]);

		assert_int_equal(setenv("TZ", cities[c], 1), 0);
		tzset();
		for (int64_t t = at("19010101"); t < at("22001231");
		     t += 86400 * 11 + 12345) {
			time_t tt = (time_t)t;
			struct tm tm;

			assert_non_null(localtime_r(&tt, &tm));
			if (pim_zone_offset(z, t) != tm.tm_gmtoff)
				fail_msg("%s at %lld: %d, libc %ld", cities[c],
					 (long long)t, pim_zone_offset(z, t),
					 tm.tm_gmtoff);
		}
	}
	(void)unsetenv("TZ");
	tzset();
}

static void
edges(void **state)
{
	static const struct {
		const char *zone;
		const char *wall;
		const char *utc;
		const char *back;
	} rows[] = {
		{ "Europe/Berlin", "20090329T015959", "20090329T005959",
		  "20090329T015959" },
		/* skipped: counts with the offset before */
		{ "Europe/Berlin", "20090329T023000", "20090329T013000",
		  "20090329T033000" },
		{ "Europe/Berlin", "20090329T030000", "20090329T010000",
		  "20090329T030000" },
		/* twice: the first of both */
		{ "Europe/Berlin", "20091025T023000", "20091025T003000",
		  "20091025T023000" },
		{ "Europe/Berlin", "20091025T030000", "20091025T020000",
		  "20091025T030000" },
		{ "America/New_York", "20090308T023000", "20090308T073000",
		  "20090308T033000" },
		{ "America/New_York", "20091101T013000", "20091101T053000",
		  "20091101T013000" },
		/* before 2007 summer began in April */
		{ "America/New_York", "20060320T120000", "20060320T170000",
		  "20060320T120000" },
		{ "Australia/Sydney", "20090115T120000", "20090115T010000",
		  "20090115T120000" },
		{ "Asia/Kolkata", "20090115T120000", "20090115T063000",
		  "20090115T120000" },
		/* a whole day was left out */
		{ "Pacific/Apia", "20111230T120000", "20111230T220000",
		  "20111231T120000" },
		{ "UTC", "20090115T120000", "20090115T120000",
		  "20090115T120000" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct pim_zone *z = zone(rows[i].zone);
		int64_t utc = pim_zone_to_utc(z, at(rows[i].wall));

		if (utc != at(rows[i].utc) ||
		    pim_zone_to_wall(z, utc) != at(rows[i].back))
			fail_msg("%s %s: %lld", rows[i].zone, rows[i].wall,
				 (long long)(utc - at(rows[i].utc)));
	}
}

/* ---- VTIMEZONE
 * --------------------------------------------------------------- */

static struct pim_comp *
parse(const char *text)
{
	struct pim_lines_in in = { .text = slice_c(text), .form = PIM_ICAL20 };
	struct pim_comp *root = NULL;

	assert_int_equal(pim_lines_parse(a, &in, &root, NULL, NULL, NULL), 0);
	assert_non_null(root);
	return root;
}

/* Written for any start year, read again, it is the same zone from then on;
   libical agrees about what was written. */
static void
vtimezone_round(void **state)
{
	static const int years[] = { 1975, 1990, 2005, 2009, 2024, 2030 };

	(void)state;
	for (size_t i = 0; i < CITY_N * 6; i++) {
		const struct pim_zone *z = zone(cities[i / 6]);
		int64_t from = pim_days(years[i % 6], 5, 12) * PIM_DAY_S;
		int64_t to = from + 3 * 366 * PIM_DAY_S;
		const struct pim_zone *back;
		struct pim_comp *c =
		    pim_zone_vtimezone(a, z, from, i % 2 == 0 ? INT64_MAX : to);

		assert_non_null(c);
		assert_int_equal(pim_zone_from_vtimezone(a, c, &back, NULL), 0);
		assert_non_null(back);
		if (!pim_zone_same(z, back, from, to))
			fail_msg("%s from %d", cities[i / 6], years[i % 6]);
	}
}

static void
vtimezone_read_by_libical(void **state)
{
	(void)state;
	for (size_t i = 0; i < CITY_N; i++) {
		const struct pim_zone *z = zone(cities[i]);
		int64_t from = at("20090512");
		struct pim_lines_out how = { .form = PIM_ICAL20 };
		struct buf b = BUF_IN(a);
		icaltimezone *iz = icaltimezone_new();

		assert_int_equal(
		    pim_lines_write(&how,
				    pim_zone_vtimezone(a, z, from, INT64_MAX),
				    &b, NULL),
		    0);
		buf_byte(&b, 0);
		assert_int_equal(icaltimezone_set_component(
				     iz, icalparser_parse_string(b.p)),
				 1);
		for (int64_t t = from; t < at("20210101");
		     t += 86400 * 5 + 17) {
			struct icaltimetype it = icaltime_from_timet_with_zone(
			    (time_t)t, 0, icaltimezone_get_utc_timezone());
			int dst;

			if (icaltimezone_get_utc_offset_of_utc_time(
				iz, &it, &dst) != pim_zone_offset(z, t))
				fail_msg("%s at %lld:\n%s", cities[i],
					 (long long)t, b.p);
		}
		icaltimezone_free(iz, 1);
	}
	icalmemory_free_ring();
}

#define BERLIN_RULES(start1, rule1, start2, rule2)                             \
	"BEGIN:VTIMEZONE\nTZID:x\nBEGIN:DAYLIGHT\nTZOFFSETFROM:+0100\n"        \
	"TZOFFSETTO:+0200\nDTSTART:" start1 "\nRRULE:" rule1                   \
	"\nEND:DAYLIGHT\nBEGIN:STANDARD\nTZOFFSETFROM:+0200\n"                 \
	"TZOFFSETTO:+0100\nDTSTART:" start2 "\nRRULE:" rule2                   \
	"\nEND:STANDARD\nEND:VTIMEZONE\n"

static void
vtimezone_match(void **state)
{
	static const struct {
		const char *text;
		const char *name; /* NULL: none like it */
	} rows[] = {
		{ BERLIN_RULES("19700329T020000",
			       "FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH=3",
			       "19701025T030000",
			       "FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH=10"),
		  "Europe/Berlin" },
		/* SyncEvolution's way of writing it */
		{ BERLIN_RULES(
		      "19700329T020000", "FREQ=MONTHLY;INTERVAL=12;BYDAY=-1SU",
		      "19701025T030000", "FREQ=MONTHLY;INTERVAL=12;BYDAY=-1SU"),
		  "Europe/Berlin" },
		/* Outlook: the rules of today since 1601 */
		{ BERLIN_RULES(
		      "16010325T020000", "FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3",
		      "16011028T030000", "FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10"),
		  "Europe/Berlin" },
		{ "BEGIN:VTIMEZONE\nTZID:x\nBEGIN:STANDARD\n"
		  "DTSTART:16010101T000000\nTZOFFSETFROM:+0530\n"
		  "TZOFFSETTO:+0530\nEND:STANDARD\nEND:VTIMEZONE\n",
		  "Asia/Kolkata" },
		{ BERLIN_RULES(
		      "19700329T020000", "FREQ=YEARLY;BYDAY=2WE;BYMONTH=3",
		      "19701025T030000", "FREQ=YEARLY;BYDAY=2TH;BYMONTH=10"),
		  NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct pim_zone *z;
		const struct pim_zone *like;

		assert_int_equal(
		    pim_zone_from_vtimezone(a, parse(rows[i].text), &z, NULL),
		    0);
		assert_non_null(z);
		like = pim_zone_like(z, NULL, at("20090512"), at("20110512"));
		if (like == NULL && rows[i].name == NULL)
			continue;
		if (like == NULL || rows[i].name == NULL ||
		    !slice_is(pim_zone_name(like), rows[i].name))
			fail_msg("row %zu is %.*s", i,
				 like == NULL ? 4 : (int)pim_zone_name(like).n,
				 like == NULL ? "none" : pim_zone_name(like).p);
	}
}

static void
vtimezone_garbage(void **state)
{
	static const char *const rows[] = {
		"BEGIN:VTIMEZONE\nTZID:x\nEND:VTIMEZONE\n",
		"BEGIN:VTIMEZONE\nTZID:x\nBEGIN:STANDARD\nEND:STANDARD\n"
		"END:VTIMEZONE\n",
		"BEGIN:VTIMEZONE\nTZID:x\nBEGIN:STANDARD\nDTSTART:garbage\n"
		"TZOFFSETTO:+9999\nEND:STANDARD\nEND:VTIMEZONE\n",
	};
	static const char *const odd[] = {
		BERLIN_RULES("00010101T000000", "FREQ=SECONDLY",
			     "99991231T000000", "FREQ=DAILY"),
		BERLIN_RULES("19700101T000000", "FREQ=DAILY", "19700101T000000",
			     "FREQ=DAILY;COUNT=99999999"),
	};
	const struct pim_zone *z;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(
		    pim_zone_from_vtimezone(a, parse(rows[i]), &z, NULL), 0);
		assert_null(z);
	}
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		assert_int_equal(
		    pim_zone_from_vtimezone(a, parse(odd[i]), &z, NULL), 0);
		assert_non_null(z);
		(void)pim_zone_offset(z, at("20090512"));
		(void)pim_zone_to_utc(z, at("00010101"));
		(void)pim_zone_to_utc(z, at("99991231"));
	}
}

/* ---- TZ and DAYLIGHT
 * ------------------------------------------------------------ */

struct daylight {
	const char *lines;
	const char *at;
	const char *prefer;
	const char *name; /* NULL: no zone told; "*": none of the table */
};

static const struct daylight daylights[] = {
	{ "TZ:+01\nDAYLIGHT:TRUE;+02;20090329T020000;20091025T030000;;\n",
	  "20090512T090000", "", "Europe/Berlin" },
	{ "TZ:+01\nDAYLIGHT:TRUE;+02;20090329T020000;20091025T030000;;\n",
	  "20090512T090000", "Europe/Paris", "Europe/Paris" },
	{ "TZ:+01\nDAYLIGHT:TRUE;+02;20090329T020000;20091025T030000;;\n",
	  "20090512T090000", "America/New_York", "Europe/Berlin" },
	{ "TZ:+01:00\n"
	  "DAYLIGHT:TRUE;+02:00;20090329T010000Z;20091025T010000Z;CET;CEST\n",
	  "20090512T090000", "", "Europe/Berlin" },
	{ "TZ:+00\nDAYLIGHT:TRUE;+01;20080330T010000;20081026T020000;;\n"
	  "DAYLIGHT:TRUE;+01;20090329T010000;20091025T020000;;\n",
	  "20080512T090000", "", "Europe/London" },
	{ "TZ:-05\nDAYLIGHT:TRUE;-04;20090308T020000;20091101T020000;;\n",
	  "20090512T090000", "", "America/New_York" },
	{ "TZ:-0330\nDAYLIGHT:TRUE;-0230;20090308T020000;20091101T020000;;\n",
	  "20090512T090000", "", "America/St_Johns" },
	{ "TZ:+10\nDAYLIGHT:TRUE;+11;20091004T020000;20100404T030000;;\n",
	  "20091112T090000", "", "Australia/Sydney" },
	{ "TZ:+05:30\n", "20090512T090000", "", "Asia/Kolkata" },
	{ "TZ:+01\n", "20090112T090000", "Europe/Berlin", "Europe/Berlin" },
	{ "TZ:+02\n", "20090712T090000", "Europe/Berlin", "Europe/Berlin" },
	{ "TZ:+01\n", "20090712T090000", "Europe/Berlin", "Europe/Berlin" },
	{ "TZ:+01\nDAYLIGHT:FALSE\n", "20090712T090000", "Europe/Berlin",
	  "Etc/GMT-1" },
	{ "TZ:+0100\nDAYLIGHT:FALSE\n", "20090112T090000", "Europe/Berlin",
	  "Europe/Berlin" },
	{ "TZ:+00\nDAYLIGHT:FALSE\n", "20090712T090000", "Europe/Berlin",
	  "UTC" },
	{ "TZ:-05\n", "20090712T090000", "Europe/Berlin", "Etc/GMT+5" },
	{ "TZ:+03:17\n", "20090712T090000", "", "*" },
	{ "TZ:+01\nDAYLIGHT:TRUE;+02;20090401T020000;20091101T030000;;\n",
	  "20090512T090000", "Europe/Berlin", "*" },
	{ "", "20090712T090000", "Europe/Berlin", NULL },
	{ "TZ:\n", "20090712T090000", "Europe/Berlin", NULL },
	{ "TZ:+99\n", "20090712T090000", "Europe/Berlin", NULL },
	{ "TZ:x\nDAYLIGHT:TRUE;;;;;\n", "20090712T090000", "", NULL },
	{ "DAYLIGHT:TRUE;+02;20090329T020000;20091025T030000;;\n",
	  "20090712T090000", "", NULL },
};

static void
daylight_to_zone(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(daylights) / sizeof(daylights[0]); i++) {
		const struct daylight *d = &daylights[i];
		struct slice text = arena_printf(
		    a, "BEGIN:VCALENDAR\nVERSION:1.0\n%sEND:VCALENDAR\n",
		    d->lines);
		struct pim_lines_in in = { .text = text, .form = PIM_VCAL10 };
		struct pim_comp *c = NULL;
		const struct pim_zone *z;

		assert_int_equal(pim_lines_parse(a, &in, &c, NULL, NULL, NULL),
				 0);
		assert_int_equal(
		    pim_zone_from_daylight(a, c, at(d->at),
					   pim_zone_find(slice_c(d->prefer)),
					   &z, NULL),
		    0);
		if (z == NULL && d->name == NULL)
			continue;
		if (z == NULL || d->name == NULL)
			fail_msg("row %zu: %s", i, d->lines);
		if (strcmp(d->name, "*") == 0
			? pim_zone_builtin(z)
			: !slice_is(pim_zone_name(z), d->name))
			fail_msg("row %zu: %.*s", i,
				 SLICE_ARG(pim_zone_name(z)));
	}
}

static void
zone_to_daylight(void **state)
{
	static const char *const rows[][2] = {
		{ "Europe/Berlin",
		  "TZ:+01|DAYLIGHT:TRUE;+02;20090329T020000;20091025T030000;;|"
		  "DAYLIGHT:TRUE;+02;20100328T020000;20101031T030000;;" },
		{ "Australia/Sydney", "TZ:+10|DAYLIGHT:TRUE;+11;"
				      "20091004T020000;20100404T030000;;" },
		{ "Asia/Kolkata", "TZ:+05:30|DAYLIGHT:FALSE" },
		{ "UTC", "TZ:+00|DAYLIGHT:FALSE" },
		{ "America/St_Johns", "TZ:-03:30|DAYLIGHT:TRUE;-02:30;"
				      "20090308T000100;20091101T000100;;" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct pim_comp *c = pim_comp_new(a, SLICE_LIT("VCALENDAR"));
		struct pim_lines_out how = { .form = PIM_VCAL10 };
		struct buf b = BUF_IN(a);
		struct buf t = BUF_IN(a);
		const struct pim_zone *z;

		assert_true(pim_zone_put_daylight(
		    a, c, zone(rows[i][0]), at("20090512"), at("20100601")));
		assert_int_equal(pim_lines_write(&how, c, &b, NULL), 0);
		for (size_t k = 0; k < b.n; k++) {
			if (b.p[k] != '\r')
				buf_byte(&t, (unsigned char)b.p[k]);
		}
		buf_byte(&t, 0);
		t_has(t.p, rows[i][1]);
		assert_int_equal(pim_zone_from_daylight(a, c, at("20090512"),
							zone(rows[i][0]), &z,
							NULL),
				 0);
		assert_ptr_equal(z, zone(rows[i][0]));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_use_by_many),
		cmocka_unit_test(names),
		cmocka_unit_test(edges),
		cmocka_unit_test(offsets_like_libc),
		cmocka_unit_test(vtimezone_round),
		cmocka_unit_test(vtimezone_read_by_libical),
		cmocka_unit_test(vtimezone_match),
		cmocka_unit_test(vtimezone_garbage),
		cmocka_unit_test(daylight_to_zone),
		cmocka_unit_test(zone_to_daylight),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
