/*
 * A client killed at every single step that lasts (a commit, a rename, a
 * removal) must, at its next sync, lose nothing, double nothing, and have no
 * more to say at the one after.
 */
#include "tests/client/local.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void
server_add(struct local *l, const char *name)
{
	char text[128];
	int n = snprintf(text, sizeof(text), "FN:%s\r\n", name);

	fake_add(&l->f, text, (size_t)n);
}

static void
server_change(struct local *l, const char *from, const char *to)
{
	for (size_t i = 0; i < l->f.n; i++) {
		struct fake_item *it = &l->f.items[i];

		if (strstr(it->body, from) == NULL)
			continue;
		free(it->body);
		it->body = strdup(to);
		it->n = strlen(to);
		it->changed = true;
		return;
	}
	fail_msg("no %s on the server", from);
}

static void
server_delete(struct local *l, const char *what)
{
	for (size_t i = 0; i < l->f.n; i++)
		if (l->f.items[i].live &&
		    strstr(l->f.items[i].body, what) != NULL) {
			l->f.items[i].live = false;
			l->f.items[i].gone = true;
			return;
		}
	fail_msg("no %s on the server", what);
}

/* Both sides in step, with ten items. */
static void
in_step(struct local *l)
{
	local_begin(l);
	local_write(l, "a1.vcf", "FN:a1\r\n");
	local_write(l, "a2.vcf", "FN:a2\r\n");
	local_write(l, "a3.vcf", "FN:a3\r\n");
	local_write(l, "a4.vcf", "FN:a4\r\n");
	for (int i = 1; i <= 6; i++) {
		char name[8];

		snprintf(name, sizeof(name), "b%d", i);
		server_add(l, name);
	}
	assert_int_equal(local_sync(l), 0);
	assert_true(local_same(l));
}

/* One of each on both sides. */
static void
edit_both(struct local *l)
{
	local_write(l, "new one.vcf", "FN:c1\r\n");
	local_write(l, "a1.vcf", "FN:a1 edited\r\n");
	local_remove(l, "a2.vcf");
	server_add(l, "d1");
	server_add(l, "d2");
	server_change(l, "FN:b1", "FN:b1 edited\r\n");
	server_change(l, "FN:a3", "FN:a3 edited there\r\n");
	server_delete(l, "FN:b2");
	server_delete(l, "FN:a4");
}

static void
check_edits(struct local *l)
{
	static const char *const here[] = {
		"c1\r",        "a1 edited\r", "a3 edited there\r",
		"b1 edited\r", "d1\r",        "d2\r",
		"b3\r",        "b4\r",        "b5\r",
		"b6\r"
	};
	size_t n = sizeof(here) / sizeof(here[0]);

	assert_true(local_same(l));
	assert_int_equal(fake_live(&l->f), n);
	for (size_t k = 0; k < n; k++) {
		size_t found = 0;

		for (size_t i = 0; i < l->f.n; i++)
			found += l->f.items[i].live &&
				 strstr(l->f.items[i].body, here[k]) != NULL;
		if (found != 1)
			fail_msg("%s is there %zu times", here[k], found);
	}
}

/* Until it goes through; one more sync moves nothing. */
static void
recover(struct local *l)
{
	l->kill_at = 0;
	assert_int_equal(local_sync(l), 0);
	assert_int_equal(local_sync(l), 0);
	assert_int_equal(l->did, CLI_TWO_WAY);
	assert_int_equal(l->sent.add + l->sent.replace + l->sent.del, 0);
	assert_int_equal(
	    l->received.add + l->received.replace + l->received.del, 0);
}

static void
test_two_way(void **state)
{
	unsigned steps = 0;

	(void)state;
	for (unsigned k = 0; k == 0 || k <= steps; k++) {
		struct local l;

		in_step(&l);
		edit_both(&l);
		l.kill_at = k;
		assert_int_equal(local_sync(&l), k == 0 ? 0 : 9);
		if (k == 0)
			steps = l.steps;
		recover(&l);
		check_edits(&l);
		local_end(&l);
	}
	assert_true(steps > 20);
}

/* Killed twice: the second time while it puts right what the first left. */
static void
test_twice(void **state)
{
	(void)state;
	for (unsigned k = 1; k <= 22; k += 3)
		for (unsigned again = 1; again <= 9; again += 2) {
			struct local l;
			int r;

			in_step(&l);
			edit_both(&l);
			l.kill_at = k;
			assert_int_equal(local_sync(&l), 9);
			l.kill_at = again;
			r = local_sync(&l);
			assert_true(r == 9 || r == 0);
			recover(&l);
			check_edits(&l);
			local_end(&l);
		}
}

static void
test_first_sync(void **state)
{
	unsigned steps = 0;

	(void)state;
	for (unsigned k = 0; k == 0 || k <= steps; k++) {
		struct local l;

		local_begin(&l);
		local_write(&l, "a1.vcf", "FN:a1\r\n");
		local_write(&l, "a2.vcf", "FN:a2\r\n");
		for (int i = 0; i < 12; i++) {
			char name[8];

			snprintf(name, sizeof(name), "b%d", i);
			server_add(&l, name);
		}
		l.kill_at = k;
		assert_int_equal(local_sync(&l), k == 0 ? 0 : 9);
		if (k == 0)
			steps = l.steps;
		recover(&l);
		assert_true(local_same(&l));
		assert_int_equal(fake_live(&l.f), 14);
		local_end(&l);
	}
}

static void
test_refresh(void **state)
{
	unsigned steps = 0;

	(void)state;
	for (unsigned k = 0; k == 0 || k <= steps; k++) {
		struct local l;

		in_step(&l);
		server_add(&l, "d1");
		server_delete(&l, "FN:b2");
		local_write(&l, "mine.vcf", "FN:only here\r\n");
		l.type = CLI_REFRESH_FROM_SERVER;
		l.kill_at = k;
		assert_int_equal(local_sync(&l), k == 0 ? 0 : 9);
		if (k == 0)
			steps = l.steps;
		/* Killed before it began, it has not happened. */
		l.kill_at = 0;
		assert_int_equal(local_sync(&l), 0);
		l.type = CLI_TWO_WAY;
		recover(&l);
		assert_true(local_same(&l));
		assert_int_equal(fake_live(&l.f), 10);
		assert_false(local_has(&l, "mine.vcf"));
		local_end(&l);
	}
}

/* The user goes on editing while the client is dead. */
static void
test_edit_after_kill(void **state)
{
	(void)state;
	for (unsigned k = 1; k <= 25; k++) {
		struct local l;
		char **names;
		size_t n;

		in_step(&l);
		edit_both(&l);
		l.kill_at = k;
		if (local_sync(&l) == 0) {
			local_end(&l);
			break;
		}
		/* Every file gets a line of the user's. */
		names = local_names(&l, &n);
		for (size_t i = 0; i < n; i++) {
			char *text = local_read(&l, names[i]);
			char more[256];

			snprintf(more, sizeof(more), "%sNOTE:mine %zu\r\n",
				 text, i);
			local_write(&l, names[i], more);
			free(text);
			free(names[i]);
		}
		free(names);
		l.kill_at = 0;
		local_sync(&l);
		local_sync(&l);
		assert_int_equal(local_sync(&l), 0);
		assert_true(local_same(&l));
		/* None of the user's lines is lost. */
		size_t notes = 0;
		for (size_t i = 0; i < l.f.n; i++)
			notes += l.f.items[i].live &&
				 strstr(l.f.items[i].body, "NOTE:mine") != NULL;
		if (notes != n)
			fail_msg("step %u: %zu of %zu edits left", k, notes, n);
		local_end(&l);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_two_way),
		cmocka_unit_test(test_twice),
		cmocka_unit_test(test_first_sync),
		cmocka_unit_test(test_refresh),
		cmocka_unit_test(test_edit_after_kill),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
