/*
 * funicular report: ready questions about the whole site.
 */
#include "base/clock.h"
#include "server/commands/call.h"
#include "server/commands/csv.h"
#include "server/commands/question.h"

#include <json-c/json.h>
#include <stdio.h>

enum {
	LIMIT = 50,
	LIMIT_MAX = 10000000,
	DAY_MS = 24 * 60 * 60 * 1000,
	HOUR_MS = 60 * 60 * 1000,
};

/* ---- since when ---- */

/* "2026-01-31" or "2026-01-31T12:00:00Z". */
static bool
is_time(struct slice s)
{
	static const char form[] = "dddd-dd-ddTdd:dd:ddZ";

	if (s.n != 10 && s.n != 20)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		bool digit = s.p[i] >= '0' && s.p[i] <= '9';

		if (form[i] == 'd' ? !digit : s.p[i] != form[i])
			return false;
	}
	return true;
}

/* "7d", "12h", "2w": so long ago. */
static bool
ago(struct slice s, int64_t *ms)
{
	int64_t n, unit;

	if (s.n < 2)
		return false;
	switch (s.p[s.n - 1]) {
	case 'h':
		unit = HOUR_MS;
		break;
	case 'd':
		unit = DAY_MS;
		break;
	case 'w':
		unit = 7 * (int64_t)DAY_MS;
		break;
	default:
		return false;
	}
	s.n--;
	if (!slice_i64(s, &n) || n < 0 || n > 36500)
		return false;
	*ms = n * unit;
	return true;
}

static int
since(struct srv_call *c, const struct srv_question *q, struct slice *out)
{
	const char *text = srv_call_text(c, "--since");
	int64_t back = q->days * (int64_t)DAY_MS;
	int64_t now = c->site.clk->now_ms(c->site.clk);
	char iso[21];

	if (text != NULL && is_time(slice_c(text))) {
		*out = strlen(text) == 20
			   ? slice_c(text)
			   : arena_printf(c->a, "%sT00:00:00Z", text);
		return SRV_EXIT_OK;
	}
	if (text != NULL && !ago(slice_c(text), &back))
		return srv_call_usage(c,
				      "--since wants 12h, 7d, 2w or a date "
				      "like 2026-01-31, not \"%s\"",
				      text);
	clk_iso(back > now ? 0 : now - back, iso);
	*out = arena_copy(c->a, slice_c(iso));
	return SRV_EXIT_OK;
}

/* ---- what is printed ---- */

static struct json_object *
value(const struct store_table *t, size_t at)
{
	struct slice s = t->cell[at];
	int64_t n;

	if (s.p == NULL)
		return NULL;
	if (t->number[at % t->col_n] && slice_i64(s, &n))
		return json_object_new_int64(n);
	return srv_json_text(s);
}

static struct json_object *
rows_json(struct srv_call *c, const struct store_table *t)
{
	struct json_object *rows = json_object_new_array();

	for (size_t r = 0; r < t->row_n && rows != NULL; r++) {
		struct json_object *o = json_object_new_object();

		for (size_t i = 0; i < t->col_n; i++) {
			char *key = arena_cstr(c->a, t->name[i]);

			if (key != NULL)
				srv_json_set(o, key,
					     value(t, r * t->col_n + i));
		}
		(void)json_object_array_add(rows, o);
	}
	return rows;
}

/* Column names as titles: "last_seen" is LAST SEEN. */
static struct srv_field *
fields(struct srv_call *c, const struct store_table *t)
{
	struct srv_field *f = ARENA_ARRAY(c->a, t->col_n, struct srv_field);

	for (size_t i = 0; f != NULL && i < t->col_n; i++) {
		char *title = arena_cstr(c->a, t->name[i]);

		f[i].key = arena_cstr(c->a, t->name[i]);
		f[i].title = title;
		if (title == NULL || f[i].key == NULL)
			return NULL;
		for (; *title != '\0'; title++) {
			if (*title == '_')
				*title = ' ';
			else if (*title >= 'a' && *title <= 'z')
				*title = (char)(*title - 'a' + 'A');
		}
	}
	return f;
}

static int
show(struct srv_call *c, const struct store_table *t, int64_t limit)
{
	struct srv_field *f;
	int code;

	if (srv_call_flag(c, "--csv")) {
		if (srv_csv_print(stdout, t) != 0)
			return srv_call_refuse(
			    SRV_EXIT_FAILED, "cannot write to standard output");
	} else {
		f = fields(c, t);
		if (f == NULL)
			return srv_call_refuse(SRV_EXIT_FAILED,
					       "out of memory");
		code = srv_call_rows(c, f, t->col_n, rows_json(c, t));
		if (code != SRV_EXIT_OK)
			return code;
	}
	if (t->more)
		(void)fprintf(stderr,
			      "funicular: there are more than %lld rows; "
			      "--limit shows more\n",
			      (long long)limit);
	return SRV_EXIT_OK;
}

/* ---- asking ---- */

static int
list(struct srv_call *c)
{
	static const struct srv_field f[] = {
		{ "name", "NAME" },
		{ "days", "DAYS" },
		{ "question", "QUESTION" },
	};
	struct json_object *rows = json_object_new_array();

	for (size_t i = 0; i < srv_questions_n && rows != NULL; i++) {
		const struct srv_question *q = &srv_questions[i];
		struct json_object *o = json_object_new_object();

		srv_json_set_text(o, "name", slice_c(q->name));
		srv_json_set_int(o, "days", q->days);
		srv_json_set_text(o, "question", slice_c(q->title));
		(void)json_object_array_add(rows, o);
	}
	return srv_call_rows(c, f, 3, rows);
}

const struct srv_question *
srv_question_find(const char *name)
{
	for (size_t i = 0; i < srv_questions_n; i++)
		if (strcmp(srv_questions[i].name, name) == 0)
			return &srv_questions[i];
	return NULL;
}

static int
answer(struct srv_call *c, const struct srv_question *q)
{
	struct store *s = c->site.store;
	int64_t limit =
	    c->json || srv_call_flag(c, "--csv") ? LIMIT_MAX : LIMIT;
	struct store_table t;
	struct slice from;
	struct err e = { 0 };
	int code = since(c, q, &from);

	if (code == SRV_EXIT_OK)
		code = srv_call_number(c, "--limit", 1, &limit);
	if (code != SRV_EXIT_OK)
		return code;
	if (limit > LIMIT_MAX)
		limit = LIMIT_MAX;
	if (s->v->query(s, c->a, q->sql, &from, 1, (size_t)limit, &t, &e) < 0)
		return srv_fail(&e);
	return show(c, &t, limit);
}

static int
report(struct srv_call *c)
{
	const struct srv_question *q;

	if (srv_call_flag(c, "--csv") && c->json)
		return srv_call_usage(c, "--csv or --json, not both");
	if (c->arg_n == 0)
		return list(c);
	q = srv_question_find(c->arg[0]);
	if (q == NULL)
		return srv_call_refuse(SRV_EXIT_NOTFOUND,
				       "there is no report \"%s\" (`funicular "
				       "report` lists them)",
				       c->arg[0]);
	if (!srv_call_flag(c, "--sql"))
		return answer(c, q);
	(void)fputs(q->sql, stdout);
	return SRV_EXIT_OK;
}

static const struct srv_verb verbs[] = {
	{ NULL,
	  "[NAME [--since WHEN] [--limit N] [--csv] [--sql]]",
	  0,
	  1,
	  { "--since=", "--limit=", "--csv", "--sql" },
	  report },
};

static int
run(const struct srv_args *args)
{
	return srv_call_run(&srv_cmd_report, verbs, 1, args);
}

const struct srv_command srv_cmd_report = {
	.name = "report",
	.summary = "answers about the whole site",
	.help =
	    "usage: funicular report\n"
	    "       funicular report NAME [--since WHEN] [--limit N] [--csv]\n"
	    "                             [--sql]\n"
	    "\n"
	    "Without a name it lists the questions that it can answer, and "
	    "how\n"
	    "many days each looks back by default. They are SQL over the "
	    "views\n"
	    "report_*, which docs/reporting.md describes; --sql prints it, to\n"
	    "begin a question of your own with.\n"
	    "\n"
	    "  --since WHEN  12h, 7d, 2w or a day (2026-01-31), UTC\n"
	    "  --limit N     at most N rows (50; with --csv and --json all)\n"
	    "  --csv         comma-separated values, for a spreadsheet\n"
	    "  --sql         the question itself, instead of an answer\n"
	    "  --json        print data as JSON\n"
	    "\n"
	    "examples:\n"
	    "  funicular report silent --since 14d\n"
	    "  funicular report failures\n"
	    "  funicular report attackers --csv > attackers.csv\n",
	.run = run,
};
