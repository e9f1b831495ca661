#include "tests/pim/core_help.h"

#include <stdio.h>

struct slice
t_card(struct arena *a, const char *version, const char *lines)
{
	struct buf b = BUF_IN(a);

	buf_printf(&b, "BEGIN:VCARD\r\nVERSION:%s\r\n", version);
	for (const char *p = lines; *p != 0; p++) {
		if (*p == '|')
			buf_str(&b, "\r\n");
		else
			buf_byte(&b, (unsigned char)*p);
	}
	buf_str(&b, "\r\nEND:VCARD\r\n");
	assert_true(buf_ok(&b));
	return buf_slice(&b);
}

struct pim_item *
t_read(struct arena *a, const struct pim_view *view, enum pim_form form,
       struct slice body)
{
	struct pim_item *it = NULL;
	struct err e = { .code = ERR_NONE };

	if (pim_read(a, view, form, body, &it, &e) != 0)
		fail_msg("%s: %s\n%.*s", e.where, e.msg, SLICE_ARG(body));
	assert_non_null(it);
	return it;
}

struct pim_item *
t_read_card(struct arena *a, const struct pim_view *view, const char *lines)
{
	bool old = view == NULL || view->form == PIM_VCARD21;

	return t_read(a, view, old ? PIM_VCARD21 : PIM_VCARD30,
		      t_card(a, old ? "2.1" : "3.0", lines));
}

const char *
t_canon(struct arena *a, const struct pim_item *it)
{
	struct slice s;
	char *c;

	assert_int_equal(pim_canon(a, it, &s, NULL), 0);
	c = arena_cstr(a, s);
	assert_non_null(c);
	return c;
}

const char *
t_write(struct arena *a, const struct pim_view *view, const struct pim_item *it)
{
	struct buf b = BUF_IN(a);
	struct err e = { .code = ERR_NONE };
	char *c;

	if (pim_write(a, view, it, &b, &e) != 0)
		fail_msg("%s: %s", e.where, e.msg);
	c = arena_cstr(a, buf_slice(&b));
	assert_non_null(c);
	return c;
}

static void
cap_values(struct arena *a, struct pim_cap *cap, struct slice list)
{
	struct slice one;

	cap->values = ARENA_ARRAY(a, list.n + 1, struct slice);
	assert_non_null(cap->values);
	while (slice_split(&list, ',', &one))
		cap->values[cap->value_n++] = one;
}

/* Kinds of numbers, as values of TYPE. */
static void
cap_kinds(struct arena *a, struct pim_cap *cap, struct slice list)
{
	struct pim_cap_param *p = ARENA_NEW(a, struct pim_cap_param);
	struct slice one;

	assert_non_null(p);
	p->name = SLICE_LIT("TYPE");
	p->values = ARENA_ARRAY(a, list.n + 1, struct slice);
	assert_non_null(p->values);
	while (slice_split(&list, ',', &one))
		p->values[p->value_n++] = one;
	cap->params = p;
	cap->param_n = 1;
}

static void
cap_word(struct arena *a, struct pim_cap *cap, struct slice w)
{
	size_t i = 0;

	while (i < w.n && strchr("/:!=+", w.p[i]) == NULL)
		i++;
	cap->name = slice_sub(w, 0, i);
	while (i < w.n) {
		char c = w.p[i++];
		size_t end = i;

		if (c == '=') {
			cap_values(a, cap, slice_from(w, i));
			return;
		}
		if (c == '+') {
			cap_kinds(a, cap, slice_from(w, i));
			return;
		}
		if (c == '!')
			cap->no_truncate = true;
		while (end < w.n && w.p[end] >= '0' && w.p[end] <= '9')
			end++;
		if (c == '/')
			assert_true(slice_u32(slice_sub(w, i, end - i),
					      &cap->max_occur));
		if (c == ':')
			assert_true(slice_u32(slice_sub(w, i, end - i),
					      &cap->max_bytes));
		i = end;
	}
}

struct pim_caps *
t_caps(struct arena *a, const char *words)
{
	struct pim_caps *caps;
	struct slice rest = slice_c(words);
	struct slice w;

	if (words == NULL)
		return NULL;
	caps = ARENA_NEW(a, struct pim_caps);
	assert_non_null(caps);
	caps->props = ARENA_ARRAY(a, rest.n + 1, struct pim_cap);
	assert_non_null(caps->props);
	while (slice_split(&rest, ' ', &w)) {
		if (w.n > 0)
			cap_word(a, &caps->props[caps->prop_n++], w);
	}
	return caps;
}

struct slice
t_file(struct arena *a, const char *path)
{
	struct buf b = BUF_IN(a);
	FILE *f = fopen(path, "rb");
	size_t n;
	char tmp[4096];

	if (f == NULL)
		return (struct slice){ NULL, 0 };
	while ((n = fread(tmp, 1, sizeof(tmp), f)) > 0)
		buf_add(&b, (struct slice){ tmp, n });
	(void)fclose(f);
	assert_true(buf_ok(&b));
	return buf_slice(&b);
}
