#include "syncml/session.h"

struct slice
sml_uri_name(struct slice uri)
{
	size_t at;

	uri = slice_trim(uri);
	at = slice_find(uri, '?');
	if (at != SIZE_MAX)
		uri = slice_sub(uri, 0, at);
	at = slice_find_str(uri, "://");
	if (at != SIZE_MAX) {
		/* Absolute: the last segment of the path names it. */
		uri = slice_from(uri, at + 3);
		while ((at = slice_find(uri, '/')) != SIZE_MAX &&
		       at + 1 < uri.n)
			uri = slice_from(uri, at + 1);
	}
	while (slice_starts(uri, "./") || slice_starts(uri, "/"))
		uri = slice_from(uri, uri.p[0] == '.' ? 2 : 1);
	while (uri.n > 0 && uri.p[uri.n - 1] == '/')
		uri.n--;
	return uri;
}

struct store_link *
sml_link(struct sml_ctx *c, int64_t id)
{
	for (size_t i = 0; i < c->link_n; i++) {
		if (c->link[i].id == id)
			return &c->link[i];
	}
	return NULL;
}

void
sml_link_touch(struct sml_ctx *c, const struct store_link *l)
{
	c->link_dirty[l - c->link] = true;
}

static bool
has_name(const struct store_collection *col, struct slice name, bool exact)
{
	struct slice rest = col->aliases;
	struct slice alias;

	if (exact ? slice_eq(col->name, name)
		  : slice_eq_nocase(col->name, name))
		return true;
	while (slice_split(&rest, ' ', &alias)) {
		if (alias.n == 0)
			continue;
		if (exact ? slice_eq(alias, name)
			  : slice_eq_nocase(alias, name))
			return true;
	}
	return false;
}

const struct store_collection *
sml_collection(const struct sml_ctx *c, int64_t id)
{
	for (size_t i = 0; i < c->col_n; i++) {
		if (c->col[i].id == id)
			return &c->col[i];
	}
	return NULL;
}

const struct store_collection *
sml_collection_uri(const struct sml_ctx *c, struct slice uri)
{
	struct slice name = sml_uri_name(uri);

	/* Twice: as written, then without case; and a path's last part, as
	   clients write "./Calendar/events". */
	for (int round = 0; round < 4; round++) {
		for (size_t i = 0; i < c->col_n && name.n > 0; i++) {
			/* The list of mail folders is a part of others. */
			if (c->col[i].kinds == PIM_FOLDER)
				continue;
			if (has_name(&c->col[i], name, round % 2 == 0))
				return &c->col[i];
		}
		if (round == 1) {
			size_t at;

			while ((at = slice_find(name, '/')) != SIZE_MAX)
				name = slice_from(name, at + 1);
		}
	}
	return NULL;
}

struct sml_ds *
sml_ds_uri(struct sml_ctx *c, struct slice target, struct slice source)
{
	struct slice t = sml_uri_name(target.n > 0 ? target : source);
	struct slice s = slice_trim(source);

	for (size_t i = 0; i < c->s.ds_n; i++) {
		struct sml_ds *d = &c->s.ds[i];

		if (slice_eq_nocase(sml_uri_name(d->server_uri), t) &&
		    (s.n == 0 || slice_eq(slice_trim(d->client_uri), s)))
			return d;
	}
	/* Clients spell their own side differently in Sync and in Alert. */
	for (size_t i = 0; i < c->s.ds_n; i++) {
		if (slice_eq_nocase(sml_uri_name(c->s.ds[i].server_uri), t))
			return &c->s.ds[i];
	}
	/* Some put them the wrong way round. */
	for (size_t i = 0; i < c->s.ds_n; i++) {
		struct sml_ds *d = &c->s.ds[i];

		if (slice_eq(slice_trim(d->client_uri), slice_trim(target)) &&
		    slice_eq_nocase(sml_uri_name(d->server_uri),
				    sml_uri_name(source)))
			return d;
	}
	/* Both may be left out: there is only one that it can be. */
	return target.n == 0 && source.n == 0 && c->s.ds_n == 1 ? &c->s.ds[0]
								: NULL;
}

static bool
shows(const struct store_collection *col, int64_t member)
{
	for (size_t i = 0; i < col->member_n; i++) {
		if (col->member[i] == member)
			return true;
	}
	return false;
}

/* Does this link serve the database? Directly, or since it was widened to a
   combined one that shows it. */
static bool
serves(const struct sml_ctx *c, const struct store_link *l, int64_t collection)
{
	const struct store_collection *own = sml_collection(c, l->collection);

	return l->collection == collection ||
	       (own != NULL && own->member_n > 1 && shows(own, collection));
}

/* Another database of the device takes these kinds already. */
static bool
elsewhere(struct sml_ctx *c, const struct store_link *l, unsigned kind)
{
	for (size_t i = 0; i < c->link_n; i++) {
		const struct store_link *o = &c->link[i];
		const struct store_collection *col =
		    sml_collection(c, o->collection);

		if (o != l && col != NULL && (col->kinds & kind) != 0 &&
		    !slice_eq(o->client_db, l->client_db))
			return true;
	}
	return false;
}

static void
widen(struct sml_ctx *c, struct sml_ds *ds, struct store_link *l,
      const struct store_collection *col)
{
	for (size_t i = 0; i < col->member_n; i++) {
		bool there = false;

		for (size_t k = 0; k < l->cursor_n; k++)
			there =
			    there || l->cursor[k].collection == col->member[i];
		if (!there && l->cursor_n < STORE_MEMBERS_MAX)
			l->cursor[l->cursor_n++] =
			    (struct store_cursor){ .collection =
						       col->member[i] };
	}
	l->collection = col->id;
	ds->collection = col->id;
	sml_link_touch(c, l);
	sml_tell(c, '=',
		 "the device keeps other kinds here too: its database "
		 "is now %.*s",
		 SLICE_ARG(col->name));
}

bool
sml_link_widen(struct sml_ctx *c, struct sml_ds *ds, unsigned kind)
{
	struct store_link *l = sml_link(c, ds->link);

	if (l == NULL || elsewhere(c, l, kind))
		return false;
	for (size_t i = 0; i < c->col_n; i++) {
		const struct store_collection *col = &c->col[i];

		if (col->member_n > 1 && (col->kinds & kind) != 0 &&
		    shows(col, l->collection)) {
			widen(c, ds, l, col);
			return true;
		}
	}
	return false;
}

/* What its database shows since it was made. */
static void
new_members(struct sml_ctx *c, struct store_link *l)
{
	const struct store_collection *col = sml_collection(c, l->collection);

	for (size_t i = 0; col != NULL && i < col->member_n; i++) {
		size_t k = 0;

		while (k < l->cursor_n &&
		       l->cursor[k].collection != col->member[i])
			k++;
		if (k < l->cursor_n || l->cursor_n == STORE_MEMBERS_MAX)
			continue;
		/* Folders come before what lies in them. */
		k = i < l->cursor_n ? i : l->cursor_n;
		memmove(l->cursor + k + 1, l->cursor + k,
			(l->cursor_n - k) * sizeof(l->cursor[0]));
		l->cursor[k] =
		    (struct store_cursor){ .collection = col->member[i] };
		l->cursor_n++;
		sml_link_touch(c, l);
	}
}

struct store_link *
sml_link_new(struct sml_ctx *c, int64_t collection, struct slice client_db)
{
	const struct store_collection *col = sml_collection(c, collection);
	struct store_link *l;

	for (size_t i = 0; i < c->link_n; i++) {
		l = &c->link[i];
		if (slice_eq(l->client_db, client_db) &&
		    serves(c, l, collection)) {
			new_members(c, l);
			return l;
		}
	}
	if (c->link_n == c->link_cap || col == NULL)
		return NULL;
	l = &c->link[c->link_n++];
	*l = (struct store_link){
		.id = c->tx->next_id++,
		.device = c->dev.id,
		.collection = collection,
		.client_db = client_db,
		.cursor_n = col->member_n,
	};
	for (size_t i = 0; i < col->member_n; i++)
		l->cursor[i].collection = col->member[i];
	sml_link_touch(c, l);
	return l;
}
