/*
 * Mail folders towards devices that sync folders: their ids, and what a device
 * sends of them. Which folders there are is decided at the server; a device
 * that makes, renames or deletes one is refused, and told how it stands.
 */
#include "pim/mail.h"
#include "syncml/apply.h"
#include "syncml/outgoing.h"

enum { DIRS_MAX = 100 };

bool
sml_takes_folders(struct sml_ctx *c, const struct sml_ds *ds)
{
	const struct store_collection *col = sml_collection(c, ds->collection);
	const struct sml_devinf *di = sml_peer_devinf(c);
	const struct sml_datastore *st =
	    di == NULL ? NULL : sml_devinf_store(di, ds->client_uri);

	if (col == NULL || (col->kinds & PIM_FOLDER) == 0 || st == NULL ||
	    c->s.version < 12)
		return false;
	for (size_t i = 0; i < st->rx_n; i++) {
		if (pim_form_of(st->rx[i].type, SLICE_LIT("")) == PIM_OFOLDER)
			return true;
	}
	for (size_t i = 0; i < st->ctcap_n; i++) {
		if (pim_form_of(st->ctcap[i].type, SLICE_LIT("")) ==
		    PIM_OFOLDER)
			return true;
	}
	return false;
}

bool
sml_shows_member(struct sml_ctx *c, const struct sml_ds *ds, int64_t collection)
{
	const struct store_collection *col = sml_collection(c, collection);

	return col == NULL || col->kinds != PIM_FOLDER ||
	       sml_takes_folders(c, ds);
}

/* ---- what there is --------------------------------------------------------
 */

static int
one_dir(struct sml_ctx *c, const struct store_item *it, struct sml_dir *out)
{
	enum store_mail_role role;
	struct pim_item *pim;

	*out = (struct sml_dir){ .item = it->id, .revision = it->revision };
	if (!slice_i64(it->uid, &out->collection))
		return 0;
	if (pim_parse(c->a, PIM_FOLDER, it->body, &pim, &c->e) < 0 ||
	    sml_mail_role(c, out->collection, &role) < 0)
		return -1;
	out->name = pim->folder->name;
	out->role = pim->folder->role;
	out->guid = sml_mail_fixed(c->a, role);
	if (out->guid.n == 0)
		out->guid = sml_wire_id(c->a, it->id);
	return 0;
}

int
sml_dirs(struct sml_ctx *c, const struct sml_ds *ds)
{
	const struct store_collection *col = sml_collection(c, ds->collection);
	struct store_item *it;
	size_t n;

	if (c->dirs_read || col == NULL || (col->kinds & PIM_FOLDER) == 0)
		return 0;
	if (c->tx->v->item_page(c->tx, c->a, col->member[0], 0, DIRS_MAX, false,
				true, &it, &n, &c->e) < 0)
		return -1;
	c->dir = ARENA_ARRAY(c->a, n + 1, struct sml_dir);
	if (c->dir == NULL)
		return err_set(&c->e, ERR_NOMEM, "mail.folders",
			       "no memory for %zu folders", n);
	for (c->dir_n = 0; c->dir_n < n; c->dir_n++) {
		if (one_dir(c, &it[c->dir_n], &c->dir[c->dir_n]) < 0)
			return -1;
	}
	c->dirs_read = true;
	return 0;
}

int
sml_dir_guid(struct sml_ctx *c, const struct sml_ds *ds, int64_t item,
	     struct slice *guid)
{
	if (sml_dirs(c, ds) < 0)
		return -1;
	*guid = sml_wire_id(c->scratch, item);
	for (size_t i = 0; i < c->dir_n; i++) {
		if (c->dir[i].item == item)
			*guid = c->dir[i].guid;
	}
	return 0;
}

int
sml_dir_item(struct sml_ctx *c, const struct sml_ds *ds, struct slice guid,
	     int64_t *item)
{
	if (sml_dirs(c, ds) < 0)
		return -1;
	*item = 0;
	for (size_t i = 0; i < c->dir_n; i++) {
		if (slice_eq(c->dir[i].guid, guid))
			*item = c->dir[i].item;
	}
	return 0;
}

/* Its rows of the map, once for each database of a message. */
static int
luids(struct sml_ctx *c, const struct sml_ds *ds)
{
	int64_t *id;
	struct store_map *m;
	size_t n;

	if (sml_dirs(c, ds) < 0)
		return -1;
	if (c->dir_link == ds->link || c->dir_n == 0)
		return 0;
	id = ARENA_ARRAY(c->a, c->dir_n, int64_t);
	if (id == NULL)
		return err_set(&c->e, ERR_NOMEM, "mail.folders",
			       "no memory for %zu folders", c->dir_n);
	for (size_t i = 0; i < c->dir_n; i++) {
		id[i] = c->dir[i].item;
		c->dir[i].luid = SLICE_LIT("");
	}
	if (c->tx->v->map_by_item(c->tx, c->a, ds->link, ds->gen, id, c->dir_n,
				  &m, &n, &c->e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < c->dir_n; k++) {
			if (c->dir[k].item == m[i].item)
				c->dir[k].luid = m[i].luid;
		}
	}
	c->dir_link = ds->link;
	return 0;
}

int
sml_dir_named(struct sml_ctx *c, const struct sml_ds *ds, struct slice id,
	      int64_t *collection)
{
	*collection = 0;
	if (!sml_takes_folders(c, ds))
		return 0;
	if (luids(c, ds) < 0)
		return -1;
	for (size_t i = 0; i < c->dir_n; i++) {
		if (slice_eq(c->dir[i].luid, id) ||
		    slice_eq(c->dir[i].guid, id))
			*collection = c->dir[i].collection;
	}
	return 0;
}

/* ---- what a device sends --------------------------------------------------
 */

static const struct sml_dir *
alike(const struct sml_ctx *c, const struct pim_folder *f)
{
	for (size_t i = 0; f->role.n > 0 && i < c->dir_n; i++) {
		if (slice_eq_nocase(c->dir[i].role, f->role))
			return &c->dir[i];
	}
	for (size_t i = 0; i < c->dir_n; i++) {
		if (slice_eq_nocase(c->dir[i].name, f->name))
			return &c->dir[i];
	}
	return NULL;
}

static bool
is_taken(const struct sml_batch *b, int64_t item)
{
	for (size_t i = 0; i < b->taken_n; i++) {
		if (b->taken[i] == item)
			return true;
	}
	return false;
}

static int
refuse(struct sml_batch *b, struct sml_op *op, const char *what)
{
	op->code = 403;
	sml_tell(b->c, '=',
		 "folder %.*s: %s is refused; folders are made at the server",
		 SLICE_ARG(op->luid), what);
	return 0;
}

int
sml_dir_decide(struct sml_batch *b, struct sml_op *op)
{
	const struct sml_dir *d;
	struct store_map *m;

	if (luids(b->c, b->ds) < 0)
		return -1;
	b->c->dir_link = 0; /* the rows change */
	d = alike(b->c, op->pim->folder);
	op->code = op->tag == SML_ADD ? 201 : 200;
	m = &b->m[b->m_n++];
	if (op->row != NULL) {
		*m = *op->row;
		b->taken[b->taken_n++] = m->item;
		if (d != NULL && d->item == m->item) {
			sml_map_holds(m, d->revision, m->held_form,
				      b->ds->sync_no);
			return 0;
		}
		sml_map_owe(m, true, 0);
		return refuse(b, op, "another name");
	}
	*m = (struct store_map){ .link = b->ds->link,
				 .gen = b->ds->gen,
				 .luid = op->luid };
	if (d != NULL && !is_taken(b, d->item) && d->luid.n == 0) {
		m->item = d->item;
		b->taken[b->taken_n++] = d->item;
		b->ds->matched++;
		sml_map_holds(m, d->revision, 0, b->ds->sync_no);
		return 0;
	}
	/* Its row has no item: the device shall delete what it added. */
	m->item = b->c->tx->next_id++;
	m->state = STORE_MAP_DELETING;
	return refuse(b, op, "a new one");
}
