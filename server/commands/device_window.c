/*
 * The window of a device's database: which days of it, and of mail how many and
 * how much of each.
 */
#include "server/commands/device.h"

#include "pim/pim.h"

enum { DAYS_MAX = 36500, COUNT_MAX = 1000000 };

struct slice
srv_collection_name(const struct store_collection *col, size_t n, int64_t id)
{
	for (size_t i = 0; i < n; i++)
		if (col[i].id == id)
			return col[i].name;
	return SLICE_LIT("");
}

static const struct {
	struct slice word;
	enum pim_mail_parts parts;
} parts_words[] = {
	{ SLICE_INIT("all"), PIM_MAIL_ALL },
	{ SLICE_INIT("headers"), PIM_MAIL_HEADERS },
	{ SLICE_INIT("text"), PIM_MAIL_TEXT },
};
enum { PARTS_N = sizeof(parts_words) / sizeof(parts_words[0]) };

struct slice
srv_mail_parts(int64_t parts)
{
	for (size_t i = 0; i < PARTS_N; i++) {
		if (parts_words[i].parts == (enum pim_mail_parts)parts)
			return parts_words[i].word;
	}
	return SLICE_LIT("");
}

/* One option: what it may be, and where it goes in a link. */
struct edge {
	const char *option, *text;
	bool words; /* PARTS instead of a number */
	char unit;  /* "90d", "64k"; 0: none */
	int64_t max, value;
};

enum { PAST, FUTURE, NEWEST, PARTS, BYTES, ATTACH, EDGES };

/* "90d", "90", "64k", or "none" (0: no edge). */
static bool
read_edge(struct edge *g)
{
	struct slice s = slice_c(g->text);
	int64_t times = 1;

	g->value = 0;
	if (g->words) {
		for (size_t i = 0; i < PARTS_N; i++) {
			if (!slice_eq_nocase(s, parts_words[i].word))
				continue;
			g->value = (int64_t)parts_words[i].parts;
			return true;
		}
		return false;
	}
	if (slice_is(s, "none"))
		return true;
	if (g->unit != 0 && s.n > 1 && s.p[s.n - 1] == g->unit) {
		times = g->unit == 'k' ? 1024 : 1;
		s.n--;
	}
	if (!slice_i64(s, &g->value) || g->value < 1 || g->value > g->max)
		return false;
	g->value *= times;
	return true;
}

static void
apply(struct store_link *l, const struct edge g[static EDGES])
{
	int64_t *to[EDGES] = {
		[PAST] = &l->past_days,    [FUTURE] = &l->future_days,
		[NEWEST] = &l->mail_count, [PARTS] = &l->mail_parts,
		[BYTES] = &l->mail_bytes,  [ATTACH] = &l->mail_attach,
	};

	for (int i = 0; i < EDGES; i++) {
		if (g[i].text != NULL)
			*to[i] = g[i].value;
	}
}

static int
set_links(struct srv_call *c, struct store_tx *tx, int64_t device,
	  const char *db, const struct edge g[static EDGES])
{
	struct store_collection *col;
	struct store_link *link;
	struct err e = { 0 };
	bool found = false;
	size_t n, col_n;

	if (tx->v->link_list(tx, c->a, device, &link, &n, &e) < 0 ||
	    tx->v->collection_list(tx, c->a, &col, &col_n, &e) < 0)
		return srv_fail(&e);
	for (size_t i = 0; i < n; i++) {
		struct slice name =
		    srv_collection_name(col, col_n, link[i].collection);

		if (!slice_eq_nocase(name, slice_c(db)))
			continue;
		found = true;
		apply(&link[i], g);
		if (tx->v->link_put(tx, &link[i], &e) < 0)
			return srv_fail(&e);
	}
	return found ? SRV_EXIT_OK
		     : srv_call_refuse(SRV_EXIT_NOTFOUND,
				       "%s has not synced a database %s yet",
				       c->arg[1], db);
}

int
srv_device_window(struct srv_call *c, struct store_tx *tx, int64_t device)
{
	struct edge g[EDGES] = {
		[PAST] = { "--past", NULL, false, 'd', DAYS_MAX, 0 },
		[FUTURE] = { "--future", NULL, false, 'd', DAYS_MAX, 0 },
		[NEWEST] = { "--newest", NULL, false, 0, COUNT_MAX, 0 },
		[PARTS] = { "--parts", NULL, true, 0, 0, 0 },
		[BYTES] = { "--bytes", NULL, false, 'k', INT32_MAX, 0 },
		[ATTACH] = { "--attachments", NULL, false, 'k', INT32_MAX, 0 },
	};
	const char *db = srv_call_text(c, "--db");
	bool any = false;

	for (int i = 0; i < EDGES; i++) {
		g[i].text = srv_call_text(c, g[i].option);
		any = any || g[i].text != NULL;
	}
	if (db == NULL)
		return any ? srv_call_usage(c, "a window needs --db")
			   : SRV_EXIT_OK;
	for (int i = 0; i < EDGES; i++) {
		if (g[i].text == NULL || read_edge(&g[i]))
			continue;
		return srv_call_usage(
		    c,
		    i <= FUTURE ? "--past and --future take days (\"90d\", 1 "
				  "to 36500) or \"none\""
		    : i == PARTS
			? "--parts takes \"all\", \"text\" or \"headers\""
			: "--newest, --bytes and --attachments take a number "
			  "(\"64k\") or \"none\"");
	}
	return any ? set_links(c, tx, device, db, g)
		   : srv_call_usage(c, "--db needs a window: --past, --future, "
				       "--newest, --parts, --bytes or "
				       "--attachments");
}
