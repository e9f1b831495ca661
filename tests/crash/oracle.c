#include "tests/crash/oracle.h"

#include "backends/store.h"
#include "tests/crash/base.h"

#include <stdio.h>
#include <stdlib.h>

enum { ORACLE_ARENA = 256 << 20 };

struct look {
	const struct model *m;
	const struct device *d;
	struct arena *a;
	struct store_tx *tx;
	struct verdict *v;
	struct store_device *dev;
	struct store_collection *col;
	struct store_link *link;
	size_t col_n, link_n;
	struct err e;
};

static void
must(int rc, struct look *l)
{
	if (rc < 0)
		site_die("oracle: %s", l->e.msg);
}

static void
note(struct verdict *v, const char *text, const char *more)
{
	if (v->what[0] == '\0')
		(void)snprintf(v->what, sizeof(v->what), "%s%.150s", text,
			       more);
}

static unsigned char *
counters(const struct model *m)
{
	unsigned char *seen = calloc(m->n + 1, 1);

	if (seen == NULL)
		site_die("no memory");
	return seen;
}

void
oracle_device(const struct model *m, const struct device *d, struct verdict *v)
{
	unsigned char *seen = counters(m);

	for (int k = 0; k < MODEL_KINDS; k++)
		for (size_t i = 0; i < d->db[k].n; i++) {
			const struct mem_item *it = &d->db[k].items[i];

			if (it->live)
				model_look(m, (enum model_kind)k,
					   (struct slice){ it->body, it->n },
					   seen, &v->found, v->what);
		}
	model_sum(m, seen, &v->found, v->what);
	free(seen);
}

/* ---- the database ---------------------------------------------------------
 */

static const struct store_collection *
collection(struct look *l, enum model_kind kind)
{
	for (size_t i = 0; i < l->col_n; i++)
		if (slice_is(l->col[i].name, model_db(kind)))
			return &l->col[i];
	site_die("no collection %s", model_db(kind));
}

static void
look_anchors(struct look *l, const struct store_link *link,
	     const struct memdb *m)
{
	if (link->n_valid && slice_is(link->n_client, m->client) &&
	    slice_is(link->n_server, m->server))
		return;
	l->v->anchors++;
	note(l->v, "anchors differ: the device has ", m->client);
}

/* Each item has one row, each row a LUID of the same item on the device. */
static void
look_map(struct look *l, const struct store_link *link, enum model_kind kind,
	 const struct store_item *item, size_t n)
{
	const struct memdb *m = &l->d->db[kind];
	unsigned char *taken = calloc(m->n + 1, 1);
	int64_t *id = ARENA_ARRAY(l->a, n + 1, int64_t);
	struct store_map *map;
	size_t map_n;
	int64_t live;

	if (taken == NULL || id == NULL)
		site_die("no memory");
	for (size_t i = 0; i < n; i++)
		id[i] = item[i].id;
	must(l->tx->v->map_by_item(l->tx, l->a, link->id, link->gen, id, n,
				   &map, &map_n, &l->e),
	     l);
	must(l->tx->v->map_count(l->tx, link->id, link->gen, &live, &l->e), l);
	if (map_n != n || (size_t)live != n || memdb_live(m) != n) {
		l->v->map++;
		note(l->v, "the map and the items are not as many in ",
		     model_db(kind));
	}
	for (size_t i = 0; i < map_n; i++) {
		int64_t luid = 0;
		unsigned here = 0, there = 1;

		if (map[i].state == STORE_MAP_LIVE &&
		    slice_i64(map[i].luid, &luid) && luid >= 1 &&
		    (size_t)luid <= m->n && m->items[luid - 1].live &&
		    !taken[luid]) {
			const struct mem_item *it = &m->items[luid - 1];

			taken[luid] = 1;
			(void)model_key((struct slice){ it->body, it->n },
					&here);
			for (size_t k = 0; k < n; k++)
				if (item[k].id == map[i].item)
					(void)model_key(item[k].body, &there);
		}
		if (here == there)
			continue;
		l->v->map++;
		note(l->v, "a row of the map leads astray in ", model_db(kind));
	}
	free(taken);
}

static void
look_kind(struct look *l, enum model_kind kind, unsigned char *seen)
{
	const struct store_collection *c = collection(l, kind);
	struct store_item *item;
	size_t n;

	must(l->tx->v->item_page(l->tx, l->a, c->id, 0, MODEL_ITEMS_MAX, false,
				 true, &item, &n, &l->e),
	     l);
	for (size_t i = 0; i < n; i++)
		model_look(l->m, kind, item[i].body, seen, &l->v->found,
			   l->v->what);
	for (size_t i = 0; i < l->link_n; i++) {
		if (l->link[i].collection != c->id)
			continue;
		look_anchors(l, &l->link[i], &l->d->db[kind]);
		look_map(l, &l->link[i], kind, item, n);
		return;
	}
	l->v->map++;
	note(l->v, "no link for ", model_db(kind));
}

static void
look_sound(struct store *s, struct look *l)
{
	struct slice *finding;
	size_t n;

	must(s->v->check(s, l->a, &finding, &n, &l->e), l);
	l->v->findings += (unsigned)n;
	if (n > 0)
		note(l->v, "check: ", arena_cstr(l->a, finding[0]));
}

void
oracle_store(const struct model *m, const struct site *s,
	     const struct device *d, struct verdict *v)
{
	struct look l = { .m = m, .d = d, .v = v };
	unsigned char *seen = counters(m);
	struct store *store = NULL;
	int64_t account = 0;
	char uri[400];

	l.a = arena_new(ORACLE_ARENA);
	base_uri(s->dir, uri, sizeof(uri));
	must(store_open(uri, false, &store, &l.e), &l);
	must(store->v->login_find(store, d->conf.user, &account, &l.e), &l);
	must(store->v->begin(store, account, STORE_READ, 0, &l.tx, &l.e), &l);
	must(l.tx->v->collection_list(l.tx, l.a, &l.col, &l.col_n, &l.e), &l);
	must(l.tx->v->device_get(l.tx, l.a, d->conf.dev_id, &l.dev, &l.e), &l);
	if (l.dev == NULL)
		site_die("oracle: the device is unknown");
	must(l.tx->v->link_list(l.tx, l.a, l.dev->id, &l.link, &l.link_n, &l.e),
	     &l);
	for (int k = 0; k < MODEL_KINDS; k++)
		look_kind(&l, (enum model_kind)k, seen);
	model_sum(m, seen, &v->found, v->what);
	must(l.tx->v->commit(&l.tx, &l.e), &l);
	look_sound(store, &l);
	store->v->close(&store);
	arena_free(&l.a);
	free(seen);
}
