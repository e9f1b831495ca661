#include "tests/client/memdb.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

static char *
dup_bytes(const char *p, size_t n)
{
	char *q = malloc(n + 1);

	assert(q != NULL);
	memcpy(q, p, n);
	q[n] = '\0';
	return q;
}

size_t
memdb_add(struct memdb *m, const char *body, size_t n)
{
	if (m->n == m->cap) {
		m->cap = m->cap == 0 ? 64 : 2 * m->cap;
		m->items = realloc(m->items, m->cap * sizeof(*m->items));
		assert(m->items != NULL);
	}
	m->items[m->n] = (struct mem_item){ .live = true };
	m->items[m->n].body = dup_bytes(body, n);
	m->items[m->n].n = n;
	return ++m->n;
}

void
memdb_change(struct memdb *m, size_t luid, const char *body, size_t n)
{
	struct mem_item *it = &m->items[luid - 1];

	free(it->body);
	it->body = dup_bytes(body, n);
	it->n = n;
	it->changed = true;
}

void
memdb_delete(struct memdb *m, size_t luid)
{
	m->items[luid - 1].live = false;
	m->items[luid - 1].deleted = m->items[luid - 1].known;
}

size_t
memdb_live(const struct memdb *m)
{
	size_t n = 0;

	for (size_t i = 0; i < m->n; i++)
		n += m->items[i].live;
	return n;
}

static enum cli_op
op_of(const struct mem_item *it, int type)
{
	if (type == CLI_SLOW || type == CLI_REFRESH_FROM_CLIENT)
		return it->live ? CLI_ADD : CLI_NONE;
	if (type != CLI_TWO_WAY && type != CLI_FROM_CLIENT)
		return CLI_NONE;
	if (!it->live)
		return it->deleted ? CLI_DELETE : CLI_NONE;
	if (!it->known)
		return CLI_ADD;
	return it->changed ? CLI_REPLACE : CLI_NONE;
}

static int
start(struct cli_db *db, int type, size_t *n, struct err *e)
{
	struct memdb *m = (struct memdb *)db;

	(void)e;
	m->next = 0;
	*n = 0;
	for (size_t i = 0; i < m->n; i++) {
		m->items[i].status = 0;
		*n += op_of(&m->items[i], type) != CLI_NONE;
		if (type == CLI_REFRESH_FROM_SERVER)
			m->items[i].live = false;
	}
	return 0;
}

static int
pending(struct cli_db *db, struct arena *a, struct cli_map **maps, size_t *n,
	struct err *e)
{
	struct memdb *m = (struct memdb *)db;

	(void)e;
	*n = 0;
	*maps = ARENA_ARRAY(a, m->n + 1, struct cli_map);
	for (size_t i = 0; i < m->n; i++)
		if (m->items[i].guid[0] != '\0')
			(*maps)[(*n)++] = (struct cli_map){
				slice_c(m->items[i].guid),
				arena_printf(a, "%zu", i + 1),
			};
	return 0;
}

static int
next(struct cli_db *db, struct arena *a, struct cli_change *out, struct err *e)
{
	struct memdb *m = (struct memdb *)db;

	(void)e;
	for (; m->next < m->n; m->next++) {
		struct mem_item *it = &m->items[m->next];
		enum cli_op op = op_of(it, db->type);

		if (op == CLI_NONE)
			continue;
		out->op = op;
		out->luid = arena_printf(a, "%zu", ++m->next);
		out->body = (struct slice){ it->body, it->n };
		out->mime = pim_form_mime(db->form);
		return 0;
	}
	return 0;
}

static void
sent(struct cli_db *db, struct slice luid, int status)
{
	struct memdb *m = (struct memdb *)db;
	int64_t n = 0;

	assert(slice_i64(luid, &n) && n >= 1 && (size_t)n <= m->n);
	assert(m->items[n - 1].status == 0);
	m->items[n - 1].status = status;
}

static int
apply_one(struct memdb *m, struct arena *a, struct cli_incoming *in)
{
	int64_t n = 0;

	if (in->op == CLI_ADD) {
		size_t luid =
		    memdb_add(m, in->body.p, m->keep_bodies ? in->body.n : 0);
		struct mem_item *it = &m->items[luid - 1];

		it->known = true;
		snprintf(it->guid, sizeof(it->guid), "%.*s",
			 SLICE_ARG(in->guid));
		in->new_luid = arena_printf(a, "%zu", luid);
		return 201;
	}
	if (!slice_i64(in->luid, &n) || n < 1 || (size_t)n > m->n ||
	    !m->items[n - 1].live)
		return in->op == CLI_DELETE ? 211 : 404;
	if (in->op == CLI_DELETE) {
		m->items[n - 1].live = false;
		return 200;
	}
	memdb_change(m, (size_t)n, in->body.p, m->keep_bodies ? in->body.n : 0);
	m->items[n - 1].changed = false;
	return 200;
}

static int
apply(struct cli_db *db, struct arena *a, struct cli_incoming *in, size_t n,
      struct err *e)
{
	struct memdb *m = (struct memdb *)db;

	(void)e;
	for (size_t i = 0; i < n; i++)
		in[i].status =
		    m->refuse != 0 ? m->refuse : apply_one(m, a, &in[i]);
	m->applied += (unsigned)n;
	return 0;
}

static int
mapped(struct cli_db *db, const struct cli_map *maps, size_t n, struct err *e)
{
	struct memdb *m = (struct memdb *)db;

	(void)e;
	for (size_t i = 0; i < n; i++) {
		int64_t luid = 0;

		assert(slice_i64(maps[i].luid, &luid));
		m->items[luid - 1].guid[0] = '\0';
		m->confirmed++;
	}
	return 0;
}

static int
finish(struct cli_db *db, struct slice client, struct slice server,
       struct err *e)
{
	struct memdb *m = (struct memdb *)db;

	(void)e;
	m->finished++;
	snprintf(m->client, sizeof(m->client), "%.*s", SLICE_ARG(client));
	snprintf(m->server, sizeof(m->server), "%.*s", SLICE_ARG(server));
	db->last_client = slice_c(m->client);
	db->last_server = slice_c(m->server);
	for (size_t i = 0; i < m->n; i++) {
		struct mem_item *it = &m->items[i];

		if (it->status < 200 || it->status >= 300)
			continue;
		it->known = it->live;
		it->changed = it->deleted = false;
	}
	return 0;
}

static const struct cli_db_ops ops = {
	.start = start,
	.pending = pending,
	.next = next,
	.sent = sent,
	.apply = apply,
	.mapped = mapped,
	.finish = finish,
};

void
memdb_init(struct memdb *m, const char *remote)
{
	*m = (struct memdb){ .keep_bodies = true };
	m->db.ops = &ops;
	m->db.remote = slice_c(remote);
	m->db.local = slice_c(remote);
	m->db.form = PIM_VCARD30;
	m->db.ask = CLI_TWO_WAY;
	m->db.last_client = m->db.last_server = SLICE_LIT("");
}

void
memdb_free(struct memdb *m)
{
	for (size_t i = 0; i < m->n; i++)
		free(m->items[i].body);
	free(m->items);
	*m = (struct memdb){ 0 };
}
