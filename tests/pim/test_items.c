/*
 * Items of real devices, where a collection of recordings is given by
 * FUNICULAR_TRACES: what was read, stored, written in either form and read
 * again is the same.
 */
#include "tests/pim/core_help.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

enum { FILES_MAX = 4000, PATH_BYTES = 1024 };

struct walk {
	char path[FILES_MAX][PATH_BYTES];
	size_t n;
};

static bool
is_dir(const char *path)
{
	DIR *d = opendir(path);

	if (d == NULL)
		return false;
	(void)closedir(d);
	return true;
}

/* All files below a folder; the list itself is the queue of folders. */
static void
collect(struct walk *w, const char *top)
{
	(void)snprintf(w->path[w->n++], PATH_BYTES, "%s", top);
	for (size_t i = 0; i < w->n; i++) {
		DIR *d = opendir(w->path[i]);
		struct dirent *de;

		while (d != NULL && (de = readdir(d)) != NULL) {
			if (de->d_name[0] == '.' || w->n == FILES_MAX)
				continue;
			if ((size_t)snprintf(w->path[w->n], PATH_BYTES, "%s/%s",
					     w->path[i],
					     de->d_name) < PATH_BYTES)
				w->n++;
		}
		if (d != NULL)
			(void)closedir(d);
	}
}

/* A round trip through one form; the result must be what went in. */
static void
trip(struct arena *a, enum pim_form form, uint32_t rules,
     const struct pim_item *it, const char *path)
{
	struct pim_view v = { .form = form, .rules = rules };
	struct pim_item *back;
	struct err e = { .code = ERR_NONE };

	if (pim_seen(a, &v, it, &back, &e) != 0)
		fail_msg("%s: %s", path, e.msg);
	if (!pim_same(a, it, back))
		fail_msg("%s, form %d: %s\n%s", path, (int)form, t_canon(a, it),
			 t_canon(a, back));
}

static void
check_card(struct arena *a, const struct pim_item *it, const char *path)
{
	struct pim_item *stored;
	struct slice canon;
	struct slice again;

	assert_int_equal(pim_canon(a, it, &canon, NULL), 0);
	assert_int_equal(pim_parse(a, it->kind, canon, &stored, NULL), 0);
	assert_int_equal(pim_canon(a, stored, &again, NULL), 0);
	if (!slice_eq(canon, again))
		fail_msg("%s: the stored form does not settle", path);
	trip(a, PIM_VCARD21, 0, it, path);
	trip(a, PIM_VCARD21, PIM_RULE_LATIN1 | PIM_RULE_NO_FOLD, it, path);
	trip(a, PIM_VCARD21, PIM_RULE_QP_8BIT, it, path);
	trip(a, PIM_VCARD30, 0, it, path);
}

/* XML escapes of a message that carries cards in its Data. */
static struct slice
unxml(struct arena *a, struct slice s)
{
	static const struct {
		const char *name;
		char c;
	} ent[] = { { "&amp;", '&' },  { "&lt;", '<' },   { "&gt;", '>' },
		    { "&quot;", '"' }, { "&#13;", '\r' }, { "&#xD;", '\r' } };
	struct buf b = BUF_IN(a);

	for (size_t i = 0; i < s.n; i++) {
		size_t k = 0;

		while (k < 6 && !slice_starts(slice_from(s, i), ent[k].name))
			k++;
		buf_byte(&b, (unsigned char)(k < 6 ? ent[k].c : s.p[i]));
		if (k < 6)
			i += strlen(ent[k].name) - 1;
	}
	assert_true(buf_ok(&b));
	return buf_slice(&b);
}

/* Every card inside the bytes of a file, whatever is around it. */
static size_t
cards_of(const char *path)
{
	struct arena *a = arena_new(T_ARENA_BYTES);
	struct slice text = t_file(a, path);
	size_t n = 0;

	for (;;) {
		size_t at = slice_find_str(text, "BEGIN:VCARD");
		struct slice body;
		struct pim_item *it;
		size_t end;

		if (text.p == NULL || at == SIZE_MAX)
			break;
		text = slice_from(text, at);
		end = slice_find_str(text, "END:VCARD");
		if (end == SIZE_MAX)
			break;
		body = unxml(a, slice_sub(text, 0, end + 9));
		text = slice_from(text, end + 9);
		if (slice_find_str(slice_from(body, 1), "BEGIN:VCARD") !=
		    SIZE_MAX)
			continue;
		it = t_read(a, NULL, pim_detect(body, SLICE_LIT("")), body);
		check_card(a, it, path);
		n++;
	}
	arena_free(&a);
	return n;
}

static void
recorded_cards(void **state)
{
	const char *top = getenv("FUNICULAR_TRACES");
	struct walk *w;
	size_t n = 0;

	(void)state;
	if (top == NULL || !is_dir(top))
		skip();
	w = calloc(1, sizeof(*w));
	assert_non_null(w);
	collect(w, top);
	for (size_t i = 0; i < w->n; i++) {
		if (!is_dir(w->path[i]))
			n += cards_of(w->path[i]);
	}
	free(w);
	print_message("%zu cards\n", n);
	assert_true(n > 100);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(recorded_cards),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
