/*
 * A Maildir as the client's side of a mail database: flags in names, new and
 * cur, what a mail program threw away, and a client killed at every step.
 */
#include "tests/client/local.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define HEAD(read, flagged)                                                    \
	"X-Sync-Message-Read: " read "\r\nX-Sync-Message-Replied: false\r\n"   \
	"X-Sync-Message-Forwarded: false\r\n"                                  \
	"X-Sync-Message-Flagged: " flagged                                     \
	"\r\nX-Sync-Message-Draft: false\r\n"
#define MAIL "From: a@example.com\r\nSubject: x\r\n\r\nText\r\n"

static void
begin(struct local *l)
{
	static const char *const parts[] = { "tmp", "new", "cur" };
	char path[512];

	local_begin(l);
	l->form = PIM_RFC822;
	for (size_t i = 0; i < 3; i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", l->dir, parts[i]);
		assert_int_equal(mkdir(path, 0700), 0);
	}
}

static void
move(struct local *l, const char *from, const char *to)
{
	char x[512];
	char y[512];

	(void)snprintf(x, sizeof(x), "%s/%s", l->dir, from);
	(void)snprintf(y, sizeof(y), "%s/%s", l->dir, to);
	assert_int_equal(rename(x, y), 0);
}

/* Files in new/ and cur/; the path of the last one. */
static int
files(struct local *l, char last[512])
{
	static const char *const parts[] = { "new", "cur" };
	char path[512];
	int n = 0;

	for (size_t i = 0; i < 2; i++) {
		struct dirent *de;
		DIR *d;

		(void)snprintf(path, sizeof(path), "%s/%s", l->dir, parts[i]);
		d = opendir(path);
		assert_non_null(d);
		while ((de = readdir(d)) != NULL) {
			if (de->d_name[0] == '.')
				continue;
			(void)snprintf(last, 512, "%s/%s", parts[i],
				       de->d_name);
			n++;
		}
		(void)closedir(d);
	}
	return n;
}

static void
to_server(struct local *l, const char *text)
{
	(void)fake_add(&l->f, text, strlen(text));
}

static void
quiet(struct local *l)
{
	assert_int_equal(local_sync(l), 0);
	assert_int_equal(l->sent.add + l->sent.replace + l->sent.del +
			     l->received.add + l->received.replace +
			     l->received.del,
			 0);
}

static void
what_is_sent(void **state)
{
	struct local l;

	(void)state;
	begin(&l);
	local_write(&l, "new/1.host", MAIL);
	local_write(&l, "cur/2.host:2,FS", MAIL);
	local_write(&l, "cur/3.host:2,ST", MAIL); /* thrown away */
	local_write(&l, "tmp/4.host", MAIL);      /* half written */
	local_write(&l, "new/.5", MAIL);
	assert_int_equal(local_sync(&l), 0);
	assert_int_equal(l.sent.add, 2);
	assert_int_equal(fake_live(&l.f), 2);
	for (size_t i = 0; i < 2; i++) {
		const char *body = l.f.items[i].body;

		assert_true(strcmp(body, HEAD("false", "false") MAIL) == 0 ||
			    strcmp(body, HEAD("true", "true") MAIL) == 0);
	}
	quiet(&l);
	/* a mail program moves it to cur/: no news */
	move(&l, "new/1.host", "cur/1.host:2,");
	quiet(&l);
	/* read: the fields alone go out */
	move(&l, "cur/1.host:2,", "cur/1.host:2,S");
	assert_int_equal(local_sync(&l), 0);
	assert_int_equal(l.sent.replace, 1);
	assert_true(strcmp(l.f.items[0].body, HEAD("true", "false")) == 0 ||
		    strcmp(l.f.items[1].body, HEAD("true", "false")) == 0);
	quiet(&l);
	/* thrown away: deleted */
	move(&l, "cur/2.host:2,FS", "cur/2.host:2,FST");
	assert_int_equal(local_sync(&l), 0);
	assert_int_equal(l.sent.del, 1);
	quiet(&l);
	local_end(&l);
}

static void
what_comes(void **state)
{
	struct local l;
	char path[512];
	char *text;

	(void)state;
	begin(&l);
	to_server(&l, HEAD("false", "false") MAIL);
	assert_int_equal(local_sync(&l), 0);
	assert_int_equal(files(&l, path), 1);
	assert_int_equal(strncmp(path, "new/", 4), 0);
	assert_null(strchr(path, ':'));
	text = local_read(&l, path);
	assert_string_equal(text, MAIL);
	free(text);
	quiet(&l);
	/* its flags change: the same file, elsewhere */
	free(l.f.items[0].body);
	l.f.items[0].body = strdup(HEAD("true", "true") MAIL);
	l.f.items[0].n = strlen(l.f.items[0].body);
	l.f.items[0].changed = true;
	assert_int_equal(local_sync(&l), 0);
	assert_int_equal(l.received.replace, 1);
	assert_int_equal(files(&l, path), 1);
	assert_int_equal(strncmp(path, "cur/", 4), 0);
	assert_non_null(strstr(path, ":2,FS"));
	text = local_read(&l, path);
	assert_string_equal(text, MAIL);
	free(text);
	quiet(&l);
	/* gone there */
	l.f.items[0].live = false;
	l.f.items[0].gone = true;
	assert_int_equal(local_sync(&l), 0);
	assert_int_equal(files(&l, path), 0);
	quiet(&l);
	local_end(&l);
}

/* What the server says cannot leave the directory, nor be a flag that is none.
 */
static void
hostile(void **state)
{
	struct local l;
	char path[512];

	(void)state;
	begin(&l);
	to_server(&l, "X-Sync-Message-Read: ../../x\r\nSubject: ../x\r\n\r\n");
	to_server(&l, "");
	to_server(&l, HEAD("true", "true") HEAD("true", "true"));
	assert_int_equal(local_sync(&l), 0);
	assert_int_equal(l.received.add, 3);
	assert_int_equal(files(&l, path), 3);
	local_end(&l);
}

/* XML folds CR LF into LF on the way, in our own fields too: no edit. */
static void
folded(void **state)
{
	struct local l;
	char path[512];

	(void)state;
	begin(&l);
	to_server(&l, "X-Sync-Message-Read: true\nX-Sync-Message-Draft: false\n"
		      "Subject: x\n\nText\n");
	assert_int_equal(local_sync(&l), 0);
	assert_int_equal(files(&l, path), 1);
	assert_non_null(strstr(path, ":2,S"));
	quiet(&l);
	local_end(&l);
}

/* Two files, one read here, one changed there, one each way. */
static void
scene(struct local *l)
{
	begin(l);
	local_write(l, "cur/1.host:2,", "Subject: one\r\n\r\n");
	local_write(l, "cur/2.host:2,", "Subject: two\r\n\r\n");
	assert_int_equal(local_sync(l), 0);
	move(l, "cur/1.host:2,", "cur/1.host:2,S");
	local_write(l, "new/3.host", "Subject: three\r\n\r\n");
	to_server(l, HEAD("false", "true") "Subject: four\r\n\r\n");
	for (size_t i = 0; i < l->f.n; i++) {
		if (strstr(l->f.items[i].body, "two") == NULL)
			continue;
		free(l->f.items[i].body);
		l->f.items[i].body =
		    strdup(HEAD("true", "true") "Subject: two\r\n\r\n");
		l->f.items[i].n = strlen(l->f.items[i].body);
		l->f.items[i].changed = true;
	}
}

static void
killed_at_every_step(void **state)
{
	struct local l;
	char path[512];
	unsigned steps;

	(void)state;
	scene(&l);
	assert_int_equal(local_sync(&l), 0);
	steps = l.steps;
	assert_int_equal(files(&l, path), 4);
	local_end(&l);
	assert_true(steps > 5);
	for (unsigned at = 1; at <= steps; at++) {
		scene(&l);
		l.kill_at = at;
		assert_int_equal(local_sync(&l), 9);
		l.kill_at = 0;
		for (int i = 0; i < 2; i++)
			assert_int_equal(local_sync(&l), 0);
		if (files(&l, path) != 4 || fake_live(&l.f) != 4)
			fail_msg("step %u: %d files, %zu on the server", at,
				 files(&l, path), fake_live(&l.f));
		assert_true(local_has(&l, "cur/2.host:2,FS"));
		quiet(&l);
		local_end(&l);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_sent),
		cmocka_unit_test(what_comes),
		cmocka_unit_test(hostile),
		cmocka_unit_test(folded),
		cmocka_unit_test(killed_at_every_step),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
