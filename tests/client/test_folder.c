/*
 * The directory as a database: what counts as an item, what a server's data may
 * do to the file system (nothing), and what a phone with few fields keeps.
 */
#include "clients/client_caps.h"
#include "tests/client/local.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void
server_text(struct local *l, const char *text)
{
	fake_add(&l->f, text, strlen(text));
}

static unsigned
moved(const struct local *l)
{
	return l->sent.add + l->sent.replace + l->sent.del + l->received.add +
	       l->received.replace + l->received.del;
}

/* ---- what counts
 * ------------------------------------------------------------------- */

static void
test_what_counts(void **state)
{
	struct local l;
	char path[512];

	(void)state;
	local_begin(&l);
	local_write(&l, "a.vcf", "FN:a\r\n");
	local_write(&l, "With blanks, \xC3\xBC and 'quotes'.VCF", "FN:b\r\n");
	local_write(&l, "notes.txt", "no card");
	local_write(&l, ".hidden.vcf", "FN:hidden\r\n");
	local_write(&l, "backup.vcf~", "FN:old\r\n");
	snprintf(path, sizeof(path), "%s/dir.vcf", l.dir);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/pipe.vcf", l.dir);
	assert_int_equal(mkfifo(path, 0600), 0);
	snprintf(path, sizeof(path), "%s/link.vcf", l.dir);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	char *big = malloc(200001);
	assert_non_null(big);
	memset(big, 'x', 200000);
	big[200000] = '\0';
	local_write(&l, "too-large.vcf", big);
	free(big);
	assert_int_equal(local_sync(&l), 0);
	assert_int_equal(l.sent.add, 2);
	assert_int_equal(fake_live(&l.f), 2);
	/* Touched, not changed. */
	local_write(&l, "a.vcf", "FN:a\r\n");
	assert_int_equal(local_sync(&l), 0);
	assert_int_equal(moved(&l), 0);
	/* A known item that became unreadable is not a deleted one. */
	local_remove(&l, "a.vcf");
	snprintf(path, sizeof(path), "%s/a.vcf", l.dir);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	assert_int_equal(local_sync(&l), 0);
	assert_int_equal(moved(&l), 0);
	assert_int_equal(fake_live(&l.f), 2);
	local_end(&l);
}

/* A renamed file is another item; its content goes with it. */
static void
test_rename(void **state)
{
	struct local l;
	char from[512], to[512];

	(void)state;
	local_begin(&l);
	local_write(&l, "a.vcf", "FN:a\r\n");
	assert_int_equal(local_sync(&l), 0);
	snprintf(from, sizeof(from), "%s/a.vcf", l.dir);
	snprintf(to, sizeof(to), "%s/b.vcf", l.dir);
	assert_int_equal(rename(from, to), 0);
	assert_int_equal(local_sync(&l), 0);
	assert_int_equal(l.sent.add, 1);
	assert_int_equal(l.sent.del, 1);
	assert_true(local_same(&l));
	local_end(&l);
}

/* ---- hostile data
 * -------------------------------------------------------------------- */

static void
test_hostile_names(void **state)
{
	static const char *const bad[] = {
		"FN:../../../../tmp/evil\r\n",
		"FN:/etc/passwd\r\n",
		"FN:.funicular\r\n",
		"FN:..\r\n",
		"FN:\r\n",
		"FN:a\001b\x7F\xFF\xFE;rm -rf ~\r\n",
		"FN:-rf\r\n",
		"FN:.funicular-tmp-0\r\n",
		"",
		"FN:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		"\r\n",
		"FN:same\r\n",
		"FN:same\r\n",
		"FN;CHARSET=UTF-8:\xD0\x90\xD0\xBD\xD0\xBD\xD0\xB0\r\n",
	};
	size_t n = sizeof(bad) / sizeof(bad[0]), found;
	struct local l;
	char **names;

	(void)state;
	local_begin(&l);
	for (size_t i = 0; i < n; i++) {
		char text[600];

		/* Twice: as a card, and as bare text. */
		snprintf(text, sizeof(text), "BEGIN:VCARD\r\n%sEND:VCARD\r\n",
			 bad[i]);
		server_text(&l, text);
		server_text(&l, bad[i]);
	}
	assert_int_equal(local_sync(&l), 0);
	assert_int_equal(l.received.add, 2 * n);
	names = local_names(&l, &found);
	assert_int_equal(found, 2 * n);
	for (size_t i = 0; i < found; i++) {
		for (const char *p = names[i]; *p != '\0'; p++)
			assert_true((*p >= 'a' && *p <= 'z') ||
				    (*p >= '0' && *p <= '9') || *p == '-' ||
				    *p == '.');
		assert_true(names[i][0] != '.' && names[i][0] != '-');
		assert_true(strlen(names[i]) < 80);
		free(names[i]);
	}
	free(names);
	assert_true(local_same(&l));
	assert_int_equal(local_sync(&l), 0);
	assert_int_equal(moved(&l), 0);
	local_end(&l);
}

/* A file with the name that a new item would get is not overwritten. */
static void
test_name_is_taken(void **state)
{
	struct local l;
	char path[512];

	(void)state;
	local_begin(&l);
	snprintf(path, sizeof(path), "%s/anna-1.vcf", l.dir);
	/* A link at that: nothing may be written through it. */
	assert_int_equal(symlink("/nonexistent/target", path), 0);
	server_text(&l, "BEGIN:VCARD\r\nFN:Anna\r\nEND:VCARD\r\n");
	assert_int_equal(local_sync(&l), 0);
	assert_true(local_has(&l, "anna-1-1.vcf"));
	local_end(&l);
}

/* ---- edits against the server's
 * ---------------------------------------------------------- */

static void
edit_now(struct local *l)
{
	char **names;
	size_t n;

	l->meddle = NULL;
	names = local_names(l, &n);
	for (size_t i = 0; i < n; i++) {
		if (strstr(names[i], "b1") != NULL)
			local_write(l, names[i], "FN:b1 by the user\r\n");
		free(names[i]);
	}
	free(names);
}

/* Edited while the sync runs: the server's Replace must not destroy it. */
static void
test_edit_during_sync(void **state)
{
	struct local l;
	struct fake_item *it;

	(void)state;
	local_begin(&l);
	server_text(&l, "FN:b1\r\n");
	assert_int_equal(local_sync(&l), 0);
	assert_true(local_has(&l, "fn-b1-1.vcf"));
	it = &l.f.items[0];
	free(it->body);
	it->body = strdup("FN:b1 by the server\r\n");
	it->n = strlen(it->body);
	it->changed = true;
	l.meddle = edit_now;
	l.meddle_at = 1; /* the first commit, after the directory was read */
	assert_int_equal(local_sync(&l), 0);
	assert_int_equal(l.failed, 1);
	assert_int_equal(it->status, 409);
	l.meddle = NULL;
	assert_int_equal(local_sync(&l), 0);
	assert_int_equal(l.sent.replace, 1);
	assert_int_equal(local_sync(&l), 0);
	assert_true(local_same(&l));
	assert_string_equal(it->body, "FN:b1 by the user\r\n");
	local_end(&l);
}

/* One-way from the server overwrites local edits, but keeps a copy. */
static void
test_trash(void **state)
{
	struct local l;
	struct fake_item *it;
	char trash[300], name[300] = "";

	(void)state;
	local_begin(&l);
	server_text(&l, "FN:b1\r\n");
	assert_int_equal(local_sync(&l), 0);
	local_write(&l, "fn-b1-1.vcf", "FN:precious\r\n");
	it = &l.f.items[0];
	free(it->body);
	it->body = strdup("FN:b1 new\r\n");
	it->n = strlen(it->body);
	it->changed = true;
	l.type = CLI_FROM_SERVER;
	assert_int_equal(local_sync(&l), 0);
	assert_true(local_same(&l));
	/* The copy's name has a time in front. */
	snprintf(trash, sizeof(trash), "%s/.funicular/trash", l.dir);
	DIR *d = opendir(trash);
	assert_non_null(d);
	struct dirent *de;
	while ((de = readdir(d)) != NULL)
		if (strstr(de->d_name, "fn-b1-1.vcf") != NULL)
			snprintf(name, sizeof(name), ".funicular/trash/%s",
				 de->d_name);
	closedir(d);
	char *text = local_read(&l, name);
	assert_non_null(text);
	assert_string_equal(text, "FN:precious\r\n");
	free(text);
	local_end(&l);
}

/* ---- the state
 * -------------------------------------------------------------------------- */

static void
test_one_at_a_time(void **state)
{
	struct cli_state *a, *b;
	struct local l;
	struct err e;

	(void)state;
	local_begin(&l);
	assert_int_equal(cli_state_open(l.dir, NULL, NULL, &a, &e), 0);
	assert_int_equal(cli_state_open(l.dir, NULL, NULL, &b, &e), -1);
	assert_int_equal(e.code, ERR_CONFLICT);
	cli_state_close(&a);
	assert_int_equal(cli_state_open(l.dir, NULL, NULL, &b, &e), 0);
	cli_state_close(&b);
	local_end(&l);
}

static void
test_state_is_private(void **state)
{
	struct local l;
	struct stat sb;
	char path[512];

	(void)state;
	local_begin(&l);
	server_text(&l, "FN:b1\r\n");
	assert_int_equal(local_sync(&l), 0);
	snprintf(path, sizeof(path), "%s/.funicular", l.dir);
	assert_int_equal(stat(path, &sb), 0);
	assert_int_equal(sb.st_mode & 077, 0);
	snprintf(path, sizeof(path), "%s/.funicular/state.db", l.dir);
	assert_int_equal(stat(path, &sb), 0);
	assert_int_equal(sb.st_mode & 077, 0);
	snprintf(path, sizeof(path), "%s/fn-b1-1.vcf", l.dir);
	assert_int_equal(stat(path, &sb), 0);
	assert_int_equal(sb.st_mode & 077, 0);
	local_end(&l);
}

/* Names in a state that others have written to reach no other directory. */
static void
test_poisoned_state(void **state)
{
	struct cli_folder_conf fc = {
		.url = SLICE_LIT("http://h/sync"),
		.key = SLICE_LIT("."),
		.remote = SLICE_LIT("contacts"),
		.form = PIM_VCARD30,
		.max_item_bytes = 100000,
		.allow_empty = true,
		.clk = &clk_system,
	};
	struct cli_intent i = { .op = CLI_UNLINK, .had = true };
	struct cli_state *s;
	struct cli_folder *f;
	struct cli_link link;
	struct arena *a = arena_new(1 << 20);
	struct local l;
	struct err e;
	char victim[512];

	(void)state;
	local_begin(&l);
	snprintf(victim, sizeof(victim), "%s-victim", l.dir);
	FILE *v = fopen(victim, "w");
	assert_non_null(v);
	fclose(v);
	fc.path = l.dir;
	assert_int_equal(cli_state_open(l.dir, NULL, NULL, &s, &e), 0);
	assert_int_equal(
	    cli_state_link(s, a, fc.url, fc.key, fc.remote, &link, &e), 0);
	i.row.luid = 1;
	i.row.file = arena_printf(a, "..%s", strrchr(victim, '/'));
	i.row.guid = SLICE_LIT("");
	assert_int_equal(cli_state_intent_put(s, link.id, &i, &e), 0);
	assert_int_equal(cli_folder_open(s, &fc, &f, &e), 0);
	cli_folder_close(&f);
	cli_state_close(&s);
	assert_int_equal(access(victim, F_OK), 0);
	unlink(victim);
	arena_free(&a);
	local_end(&l);
}

static void
test_empty_directory(void **state)
{
	struct cli_folder_conf fc = {
		.url = SLICE_LIT("http://h/sync"),
		.key = SLICE_LIT("."),
		.remote = SLICE_LIT("contacts"),
		.form = PIM_VCARD30,
		.max_item_bytes = 100000,
		.clk = &clk_system,
	};
	struct cli_state *s;
	struct cli_folder *f = NULL;
	struct local l;
	struct err e;
	char name[16];

	(void)state;
	local_begin(&l);
	fc.path = l.dir;
	for (int i = 0; i < 12; i++) {
		snprintf(name, sizeof(name), "c%d.vcf", i);
		local_write(&l, name, name);
	}
	assert_int_equal(local_sync(&l), 0);
	for (int i = 0; i < 12; i++) {
		snprintf(name, sizeof(name), "c%d.vcf", i);
		local_remove(&l, name);
	}
	assert_int_equal(cli_state_open(l.dir, NULL, NULL, &s, &e), 0);
	assert_int_equal(cli_folder_open(s, &fc, &f, &e), -1);
	assert_int_equal(e.code, ERR_CONFIG);
	fc.allow_empty = true;
	assert_int_equal(cli_folder_open(s, &fc, &f, &e), 0);
	cli_folder_close(&f);
	fc.path = "/nonexistent/dir";
	assert_int_equal(cli_folder_open(s, &fc, &f, &e), -1);
	assert_int_equal(e.code, ERR_NOTFOUND);
	cli_state_close(&s);
	assert_int_equal(local_sync(&l), 0);
	assert_int_equal(l.sent.del, 12);
	assert_int_equal(fake_live(&l.f), 0);
	local_end(&l);
}

/* ---- phones
 * -----------------------------------------------------------------------------
 */

static void
keeps(const char *phone, enum pim_form form, const char *in, const char *want)
{
	const struct cli_phone *p = cli_phone_find(phone);
	struct arena *a = arena_new(1 << 20);
	struct pim_caps caps;
	struct slice out;
	struct err e;

	assert_non_null(p);
	assert_int_equal(cli_caps_parse(a, cli_phone_list(p, form), &caps, &e),
			 0);
	out = cli_phone_keep(a, p, &caps, slice_c(in));
	assert_non_null(out.p);
	if (!slice_is(out, want))
		fail_msg("got\n%.*s\nwanted\n%s", SLICE_ARG(out), want);
	arena_free(&a);
}

static void
test_phone_keeps(void **state)
{
	(void)state;
	keeps("nokia", PIM_VCARD21,
	      "BEGIN:VCARD\r\nVERSION:2.1\r\nN:Smith;Anna\r\n"
	      "X-JABBER:a@b\r\nitem1.TEL;CELL:1\r\nTEL:2\r\nTEL:3\r\nTEL:4\r\n"
	      "TEL:5\r\nTEL:6\r\nORG:Firm;Dept\r\nROLE:Chief\r\n"
	      "KEY;ENCODING=BASE64:\r\n AAAA\r\n BBBB\r\n\r\nEND:VCARD\r\n",
	      "BEGIN:VCARD\r\nVERSION:2.1\r\nN:Smith;Anna\r\n"
	      "item1.TEL;CELL:1\r\nTEL:2\r\nTEL:3\r\nTEL:4\r\nTEL:5\r\n"
	      "ORG:Firm\r\nEND:VCARD\r\n");
	/* The note is cut between characters, whatever its encoding. */
	keeps(
	    "nokia", PIM_VCARD21,
	    "BEGIN:VCARD\r\nNOTE;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:"
	    "=C3=BC=C3=BC=C3=BC=C3=BC=C3=BC=C3=BC=C3=BC=C3=BC=C3=BC=C3=BC=\r\n"
	    "0123456789012345678901234567890123456789X=0D=0Amore\r\n"
	    "END:VCARD\r\n",
	    "BEGIN:VCARD\r\nNOTE;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:"
	    "=C3=BC=C3=BC=C3=BC=C3=BC=C3=BC=C3=BC=C3=BC=C3=BC=C3=BC=C3=BC"
	    "0123456789012345678901234567890123456789\r\nEND:VCARD\r\n");
	/* Components that it does not know go with all inside. */
	keeps("simple", PIM_VCAL10,
	      "BEGIN:VCALENDAR\r\nVERSION:1.0\r\nBEGIN:VTODO\r\nSUMMARY:x\r\n"
	      "BEGIN:Y\r\nEND:Y\r\nEND:VTODO\r\nBEGIN:VEVENT\r\nSUMMARY:y\r\n"
	      "END:VEVENT\r\nEND:VCALENDAR\r\n",
	      "BEGIN:VCALENDAR\r\nVERSION:1.0\r\nBEGIN:VEVENT\r\nSUMMARY:y\r\n"
	      "END:VEVENT\r\nEND:VCALENDAR\r\n");
	/* A note is a note. */
	keeps("nokia", PIM_VCARD21, "just text", "just text");
	keeps("nokia", PIM_VCARD21, "", "");
	keeps("nokia", PIM_VCARD21, "BEGIN:VCARD", "BEGIN:VCARD");
	keeps("nokia", PIM_VCARD21, "BEGIN:OTHER\r\nEND:X", "");
}

static void
test_phone_in_a_sync(void **state)
{
	struct local l;
	char *text;

	(void)state;
	local_begin(&l);
	l.phone = cli_phone_find("nokia");
	l.form = PIM_VCARD21;
	server_text(&l, "BEGIN:VCARD\r\nVERSION:2.1\r\nN:Smith;Anna\r\n"
			"ROLE:Chief\r\nEND:VCARD\r\n");
	assert_int_equal(local_sync(&l), 0);
	text = local_read(&l, "smith-anna-1.vcf");
	assert_non_null(text);
	assert_null(strstr(text, "ROLE"));
	free(text);
	/* What it dropped is no edit of its user. */
	assert_int_equal(local_sync(&l), 0);
	assert_int_equal(moved(&l), 0);
	local_end(&l);
}

static void
test_caps(void **state)
{
	struct arena *a = arena_new(1 << 20);
	struct pim_caps caps;
	struct err e;

	(void)state;
	assert_int_equal(cli_caps_parse(a,
					"BEGIN=VEVENT,VTODO TEL*5 NOTE*1<60 X",
					&caps, &e),
			 0);
	assert_int_equal(caps.prop_n, 4);
	assert_int_equal(caps.props[0].value_n, 2);
	assert_true(slice_is(caps.props[0].values[1], "VTODO"));
	assert_int_equal(caps.props[1].max_occur, 5);
	assert_int_equal(caps.props[2].max_bytes, 60);
	assert_non_null(cli_caps_find(&caps, SLICE_LIT("note")));
	assert_null(cli_caps_find(&caps, SLICE_LIT("NOT")));
	assert_int_equal(cli_caps_parse(a, "TEL*many", &caps, &e), -1);
	for (size_t i = 0; cli_phone_at(i) != NULL; i++) {
		const struct cli_phone *p = cli_phone_at(i);

		assert_int_equal(cli_caps_parse(a, p->card, &caps, &e), 0);
		assert_int_equal(cli_caps_parse(a, p->cal, &caps, &e), 0);
	}
	arena_free(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_counts),
		cmocka_unit_test(test_rename),
		cmocka_unit_test(test_hostile_names),
		cmocka_unit_test(test_name_is_taken),
		cmocka_unit_test(test_edit_during_sync),
		cmocka_unit_test(test_trash),
		cmocka_unit_test(test_one_at_a_time),
		cmocka_unit_test(test_state_is_private),
		cmocka_unit_test(test_poisoned_state),
		cmocka_unit_test(test_empty_directory),
		cmocka_unit_test(test_phone_keeps),
		cmocka_unit_test(test_phone_in_a_sync),
		cmocka_unit_test(test_caps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
