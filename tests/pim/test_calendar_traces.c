/*
 * Items of real devices, read in place from the folder that FUNICULAR_TRACES
 * names (not part of this project); skipped without it. Each is read, written
 * in both dialects and read again, and nothing may move.
 */
#include "tests/pim/calendar_help.h"

#include <fts.h>
#include <stdio.h>
#include <stdlib.h>

static const char *folder;
static size_t item_n;

static struct slice
load(struct arena *a, const char *path)
{
	FILE *f = fopen(path, "rb");
	struct buf b = BUF_IN(a);
	char tmp[4096];
	size_t n;

	if (f == NULL)
		return SLICE_LIT("");
	while ((n = fread(tmp, 1, sizeof(tmp), f)) > 0)
		buf_add(&b, (struct slice){ tmp, n });
	(void)fclose(f);
	return buf_slice(&b);
}

static bool
is_day(const struct pim_item *it)
{
	return pim_prop_value(pim_cal_main(it), "DTSTART").n == 8;
}

static void
stable(struct arena *a, const struct pim_item *it, const struct pim_view *v,
       const char *path)
{
	struct pim_item *seen = t_seen(a, v, it);
	const char *one = t_write(a, v, it);
	const char *two = t_write(a, v, seen);
	const char *three = t_write(a, v, t_seen(a, v, seen));

	/* some settle one step later: series of UTC become the owner's, and
	   times from midnight to midnight become days */
	if (v->form == PIM_VCAL10 &&
	    (pim_prop_value(pim_cal_main(it), "RRULE").n > 0 ||
	     is_day(it) != is_day(seen)))
		one = two;
	if (strcmp(one, two) != 0 || strcmp(two, three) != 0)
		fail_msg("%s moves:\n%s\n%s", path, one, two);
}

static void
one_item(struct arena *a, const struct pim_item *it, const char *path)
{
	static const char *const zones[] = { "Europe/Berlin",
					     "America/New_York", "UTC" };

	for (size_t i = 0; i < 3; i++) {
		struct pim_view local = t_view(PIM_VCAL10, zones[i], 0, false);
		struct pim_view utc = t_view(PIM_VCAL10, zones[i], 0, true);
		struct pim_view new = t_view(PIM_ICAL20, zones[i], 0, true);

		stable(a, it, &local, path);
		stable(a, it, &utc, path);
		stable(a, it, &new, path);
	}
	item_n++;
}

/* All calendar texts inside a file, be it an item or a message. */
static void
one_file(const char *path)
{
	struct arena *a = arena_new(64 << 20);
	struct slice text = load(a, path);
	struct pim_view v = t_view(PIM_VCAL10, "Europe/Berlin", 0, true);

	for (;;) {
		size_t at = slice_find_str(text, "BEGIN:VCALENDAR");
		struct pim_lines_in in = { .form = PIM_VCAL10 };
		enum pim_form form = PIM_VCAL10;
		struct pim_comp *root = NULL;
		struct pim_item *it;

		if (at == SIZE_MAX)
			break;
		in.text = slice_from(text, at);
		if (pim_lines_parse(a, &in, &root, &form, &text, NULL) < 0 ||
		    root == NULL)
			fail_msg("%s: not parsed", path);
		if (pim_comp_kid(root, "VEVENT") == NULL &&
		    pim_comp_kid(root, "VTODO") == NULL)
			continue;
		assert_int_equal(pim_cal_read(a, &v, form, root, &it, NULL), 0);
		one_item(a, it, path);
	}
	arena_free(&a);
}

static void
all_items(void **state)
{
	char *paths[] = { NULL, NULL };
	FTS *fts;
	FTSENT *f;

	(void)state;
	paths[0] = strdup(folder);
	assert_non_null(paths[0]);
	fts = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	assert_non_null(fts);
	while ((f = fts_read(fts)) != NULL) {
		bool ours = slice_ends(slice_c(f->fts_name), ".vcs") ||
			    slice_ends(slice_c(f->fts_name), ".ics") ||
			    slice_ends(slice_c(f->fts_name), ".xml");

		if (f->fts_info == FTS_F && ours)
			one_file(f->fts_path);
	}
	(void)fts_close(fts);
	free(paths[0]);
	print_message("%zu items\n", item_n);
	assert_true(item_n > 50);
}

static const char *
canon_of(struct arena *a, const char *name, const char *zone)
{
	struct slice path = arena_printf(a, "%s/%s", folder, name);
	struct pim_lines_in in = { .form = PIM_VCAL10 };
	struct pim_view v = t_view(PIM_VCAL10, zone, 0, true);
	enum pim_form form = PIM_VCAL10;
	struct pim_comp *root = NULL;
	struct pim_item *it = NULL;

	in.text = load(a, path.p);
	if (in.text.n == 0)
		return NULL;
	assert_int_equal(pim_lines_parse(a, &in, &root, &form, NULL, NULL), 0);
	assert_int_equal(pim_cal_read(a, &v, form, root, &it, NULL), 0);
	return t_canon(a, it);
}

/* What these items mean, judged by a person. */
static void
known_items(void **state)
{
	static const char *const rows[][2] = {
		{ "items-device-forms/allday-by-category.vcs",
		  "DTSTART;VALUE=DATE:20060925" },
		{ "items-device-forms/allday-to-2359.vcs",
		  "DTSTART;VALUE=DATE:20060925|DTEND;VALUE=DATE:20060926" },
		{ "items-device-forms/sonyericsson-p900-todo.vcs",
		  "STATUS:NEEDS-ACTION|PRIORITY:1|CREATED:20050422T220000Z|"
		  "CATEGORIES:X-65536" },
		{ "items-vcal-funambol/vcal-015.vcs",
		  "DTSTART:20090324T100000Z|TRIGGER:-PT15M|!RRULE|!TZ" },
		{ "items-vcal-funambol/vcal-016.vcs",
		  "DTSTART;VALUE=DATE:20090324|DTEND;VALUE=DATE:20090325" },
		{ "items-vcal-funambol/vcal-017.vcs",
		  "DTSTART;VALUE=DATE:20090113|"
		  "RRULE:FREQ=MONTHLY;BYMONTHDAY=13;UNTIL=21001213" },
		{ "items-vcal-funambol/vcal-018.vcs",
		  "DTSTART;TZID=Europe/Berlin:20090113T140000|"
		  "RRULE:FREQ=MONTHLY;INTERVAL=2;BYMONTHDAY=13;"
		  "UNTIL=20100713T120000Z" },
		{ "items-vcal-funambol/vcal-028.vcs",
		  "DTSTART;VALUE=DATE:20090113|"
		  "RRULE:FREQ=YEARLY;BYMONTH=1;UNTIL=20150113" },
		{ "items-vcal-funambol/vcal-065.vcs",
		  "DTSTART;VALUE=DATE:20090321|RRULE:FREQ=YEARLY" },
		{ "items-vcal-funambol/vcal-079.vcs",
		  "DTSTART;VALUE=DATE:19810926|DTEND;VALUE=DATE:19810927" },
		{ "items-vcal-funambol/vcal-080.vcs",
		  "DTSTART:20070930T151500Z|!DTEND" },
		{ "items-vcal-funambol/vcal-089.vcs",
		  "DUE;VALUE=DATE:20080826|RRULE:FREQ=WEEKLY;BYDAY=TU" },
		{ "items-vcal-funambol/vcal-094.vcs",
		  "DUE;VALUE=DATE:20081120|STATUS:COMPLETED|"
		  "COMPLETED:20081121T000000Z" },
		{ "items-ical-funambol/bad-ical-017.ics",
		  "DTSTART;TZID=Asia/Kolkata:20080613T213000|!BEGIN:VTIMEZONE|"
		  "!X-LIC-ERROR" },
		{ "items-ical-funambol/ical-008.ics",
		  "DTSTART;TZID=Europe/Berlin:20070129T140000|!DTEND" },
	};
	struct arena *a = arena_new(64 << 20);
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *text = canon_of(a, rows[i][0], "Europe/Berlin");

		if (text == NULL)
			continue; /* another selection of recordings */
		t_has(text, rows[i][1]);
		n++;
	}
	print_message("%zu known items\n", n);
	arena_free(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_items),
		cmocka_unit_test(known_items),
	};

	folder = getenv("FUNICULAR_TRACES");
	if (folder == NULL || folder[0] == '\0')
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
