#include "server/commands/csv.h"

static bool
is_formula(struct slice s)
{
	return s.n > 0 && slice_find(SLICE_LIT("=+-@\t\r"), s.p[0]) != SIZE_MAX;
}

static bool
needs_quotes(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (slice_find(SLICE_LIT(",\"\r\n"), s.p[i]) != SIZE_MAX)
			return true;
	return s.n == 0 || s.p[0] == ' ' || s.p[s.n - 1] == ' ';
}

static void
put(FILE *f, struct slice s, bool number)
{
	bool quotes;

	if (s.p == NULL)
		return;
	if (number) {
		(void)fwrite(s.p, 1, s.n, f);
		return;
	}
	quotes = needs_quotes(s) || is_formula(s);
	if (quotes)
		(void)fputc('"', f);
	if (is_formula(s))
		(void)fputc('\'', f);
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"')
			(void)fputc('"', f);
		(void)fputc(s.p[i], f);
	}
	if (quotes)
		(void)fputc('"', f);
}

int
srv_csv_print(FILE *f, const struct store_table *t)
{
	for (size_t i = 0; i < t->col_n; i++) {
		(void)fputs(i == 0 ? "" : ",", f);
		put(f, t->name[i], false);
	}
	(void)fputs("\r\n", f);
	for (size_t i = 0; i < t->row_n * t->col_n; i++) {
		size_t col = i % t->col_n;

		(void)fputs(col == 0 ? "" : ",", f);
		put(f, t->cell[i], t->number[col]);
		if (col == t->col_n - 1)
			(void)fputs("\r\n", f);
	}
	return ferror(f) ? -1 : 0;
}
