#include "server/commands/table.h"

#include "base/clock.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- values ---- */

/* Bytes of the well-formed character that s begins with; 0: none. */
static size_t
utf8_len(struct slice s)
{
	for (size_t n = 1; n <= 4 && n <= s.n; n++)
		if (slice_utf8_ok(slice_sub(s, 0, n)))
			return n;
	return 0;
}

static struct json_object *
repaired_text(struct slice s)
{
	char *p = malloc(s.n * 3 + 1);
	struct json_object *o;
	size_t n = 0;

	if (p == NULL)
		return NULL;
	while (s.n > 0) {
		size_t len = utf8_len(s);

		if (len == 0) { /* U+FFFD */
			p[n++] = '\xef';
			p[n++] = '\xbf';
			p[n++] = '\xbd';
			len = 1;
		} else {
			memcpy(p + n, s.p, len);
			n += len;
		}
		s = slice_from(s, len);
	}
	o = json_object_new_string_len(p, (int)n);
	free(p);
	return o;
}

struct json_object *
srv_json_text(struct slice s)
{
	if (s.n > INT32_MAX / 3)
		s.n = INT32_MAX / 3;
	if (slice_utf8_ok(s))
		return json_object_new_string_len(s.p == NULL ? "" : s.p,
						  (int)s.n);
	return repaired_text(s);
}

struct json_object *
srv_json_time(int64_t ms)
{
	char text[21];

	if (ms == 0)
		return NULL;
	clk_iso(ms, text);
	return json_object_new_string(text);
}

struct json_object *
srv_json_words(struct slice s)
{
	struct json_object *o = json_object_new_array();
	struct slice word;

	while (o != NULL && slice_split(&s, ' ', &word))
		if (word.n > 0)
			(void)json_object_array_add(o, srv_json_text(word));
	return o;
}

void
srv_json_set(struct json_object *o, const char *key, struct json_object *value)
{
	if (o == NULL) {
		(void)json_object_put(value);
		return;
	}
	(void)json_object_object_add(o, key, value);
}

void
srv_json_set_text(struct json_object *o, const char *key, struct slice s)
{
	srv_json_set(o, key, srv_json_text(s));
}

void
srv_json_set_int(struct json_object *o, const char *key, int64_t v)
{
	srv_json_set(o, key, json_object_new_int64(v));
}

void
srv_json_set_bool(struct json_object *o, const char *key, bool v)
{
	srv_json_set(o, key, json_object_new_boolean(v));
}

void
srv_json_set_time(struct json_object *o, const char *key, int64_t ms)
{
	srv_json_set(o, key, srv_json_time(ms));
}

/* ---- text ---- */

struct cell {
	char *text; /* heap */
	size_t width;
	bool right;
};

/* Peers name their devices and items: nothing of that may steer a terminal. */
static char *
printable(struct slice s)
{
	char *p = malloc(s.n * 4 + 1);
	size_t n = 0;

	if (p == NULL)
		return NULL;
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		/* C1 controls are two bytes in UTF-8: C2 80 to C2 9F. */
		bool c1 = c == 0xc2 && i + 1 < s.n &&
			  (unsigned char)s.p[i + 1] < 0xa0;

		if (c >= 0x20 && c != 0x7f && !c1) {
			p[n++] = (char)c;
			continue;
		}
		if (c1)
			c = (unsigned char)s.p[++i];
		n += (size_t)snprintf(p + n, 5, "\\x%02x", c);
	}
	p[n] = '\0';
	return p;
}

static char *
joined(struct json_object *list)
{
	size_t n = json_object_array_length(list), bytes = 1, at = 0;
	char *all, *safe;

	for (size_t i = 0; i < n; i++)
		bytes += 1 + (size_t)json_object_get_string_len(
				 json_object_array_get_idx(list, i));
	all = malloc(bytes);
	if (all == NULL)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		struct json_object *o = json_object_array_get_idx(list, i);
		size_t len = (size_t)json_object_get_string_len(o);

		if (i > 0)
			all[at++] = ' ';
		if (len > 0)
			memcpy(all + at, json_object_get_string(o), len);
		at += len;
	}
	safe = printable((struct slice){ n == 0 ? "-" : all, n == 0 ? 1 : at });
	free(all);
	return safe;
}

static char *
text_of(struct json_object *v)
{
	struct slice s = SLICE_LIT("-");

	if (json_object_is_type(v, json_type_array))
		return joined(v);
	if (json_object_is_type(v, json_type_boolean))
		s = json_object_get_boolean(v) ? SLICE_LIT("yes")
					       : SLICE_LIT("no");
	else if (json_object_is_type(v, json_type_string))
		s = (struct slice){ json_object_get_string(v),
				    (size_t)json_object_get_string_len(v) };
	else if (v != NULL)
		s = slice_c(json_object_get_string(v));
	return printable(s.n == 0 ? SLICE_LIT("-") : s);
}

static struct cell
cell_of(struct json_object *v)
{
	struct cell c = { .text = text_of(v) };

	c.width = slice_utf8_count(slice_c(c.text));
	c.right = json_object_is_type(v, json_type_int);
	return c;
}

static void
put_cell(FILE *f, const struct cell *c, size_t width, bool last)
{
	size_t pad = width > c->width ? width - c->width : 0;
	const char *text = c->text == NULL ? "?" : c->text;

	if (c->right)
		(void)fprintf(f, "%*s%s", (int)pad, "", text);
	else if (last)
		(void)fprintf(f, "%s", text);
	else
		(void)fprintf(f, "%s%*s", text, (int)pad, "");
	(void)fputs(last ? "\n" : "  ", f);
}

enum { COLUMNS_MAX = 16 };

struct grid {
	FILE *f;
	const struct srv_field *field[COLUMNS_MAX];
	size_t width[COLUMNS_MAX];
	size_t n;
};

static void
measure(struct grid *g, struct json_object *row)
{
	for (size_t i = 0; i < g->n; i++) {
		struct cell c =
		    cell_of(json_object_object_get(row, g->field[i]->key));

		if (c.width > g->width[i])
			g->width[i] = c.width;
		free(c.text);
	}
}

static void
put_row(const struct grid *g, struct json_object *row)
{
	for (size_t i = 0; i < g->n; i++) {
		struct cell c =
		    cell_of(json_object_object_get(row, g->field[i]->key));

		put_cell(g->f, &c, g->width[i], i + 1 == g->n);
		free(c.text);
	}
}

/* A title stands over its numbers as they do. */
static void
put_head(const struct grid *g, struct json_object *first)
{
	for (size_t i = 0; i < g->n; i++) {
		const char *title = g->field[i]->title;
		char *copy = strdup(title);
		struct cell c = { copy, strlen(title),
				  json_object_is_type(
				      json_object_object_get(first,
							     g->field[i]->key),
				      json_type_int) };

		put_cell(g->f, &c, g->width[i], i + 1 == g->n);
		free(copy);
	}
}

int
srv_table_print(FILE *f, const struct srv_field *field, size_t n,
		struct json_object *rows)
{
	size_t row_n = json_object_array_length(rows);
	struct grid g = { .f = f };

	for (size_t i = 0; i < n && g.n < COLUMNS_MAX; i++) {
		if (field[i].title == NULL)
			continue;
		g.field[g.n] = &field[i];
		g.width[g.n++] = strlen(field[i].title);
	}
	if (row_n == 0)
		return 0;
	for (size_t i = 0; i < row_n; i++)
		measure(&g, json_object_array_get_idx(rows, i));
	put_head(&g, json_object_array_get_idx(rows, 0));
	for (size_t i = 0; i < row_n; i++)
		put_row(&g, json_object_array_get_idx(rows, i));
	return fflush(f) == 0 && !ferror(f) ? 0 : -1;
}

int
srv_record_print(FILE *f, const struct srv_field *field, size_t n,
		 struct json_object *obj)
{
	size_t width = 0;

	for (size_t i = 0; i < n; i++)
		if (field[i].title != NULL && strlen(field[i].title) > width)
			width = strlen(field[i].title);
	for (size_t i = 0; i < n; i++) {
		struct json_object *v;
		char *text;

		if (field[i].title == NULL ||
		    !json_object_object_get_ex(obj, field[i].key, &v))
			continue;
		text = text_of(v);
		(void)fprintf(f, "%-*s  %s\n", (int)width, field[i].title,
			      text == NULL ? "?" : text);
		free(text);
	}
	return fflush(f) == 0 && !ferror(f) ? 0 : -1;
}

void
srv_body_print(FILE *f, struct slice body)
{
	bool terminal = isatty(fileno(f)) == 1;

	if (!terminal) {
		(void)fwrite(body.p == NULL ? "" : body.p, 1, body.n, f);
		(void)fputc('\n', f);
		return;
	}
	for (size_t i = 0; i < body.n; i++) {
		unsigned char ch = (unsigned char)body.p[i];

		if (ch == '\n' || ch == '\t' || (ch >= 0x20 && ch != 0x7f))
			(void)fputc(ch, f);
		else if (ch != '\r')
			(void)fprintf(f, "\\x%02x", ch);
	}
	(void)fputc('\n', f);
}

int
srv_json_print(FILE *f, struct json_object *obj)
{
	const char *text = json_object_to_json_string_ext(
	    obj, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
		     JSON_C_TO_STRING_NOSLASHESCAPE);

	if (text == NULL)
		return -1;
	(void)fprintf(f, "%s\n", text);
	return fflush(f) == 0 && !ferror(f) ? 0 : -1;
}
