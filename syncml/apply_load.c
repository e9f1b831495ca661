/*
 * Everything that a batch is decided with, read in a handful of store calls:
 * map rows by LUID, candidates by hash, items with bodies, revisions that the
 * device holds or was offered, older revisions that an item equals.
 */
#include "syncml/apply.h"

#include <stdlib.h>

static int
no_memory(struct sml_batch *b)
{
	return err_set(&b->c->e, ERR_NOMEM, "sync.load",
		       "no memory to read what %zu operations need", b->n);
}

/* ---- rows by LUID ------------------------------------------------------- */

static int
cmp_luid(const void *x, const void *y)
{
	const struct store_map *a = x;
	const struct store_map *b = y;
	int r = slice_cmp(a->luid, b->luid);

	if (r != 0)
		return r;
	return a->gen > b->gen ? -1 : a->gen < b->gen;
}

static void
attach(struct sml_batch *b, struct sml_op *op)
{
	size_t lo = 0;
	size_t hi = b->rows_n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (slice_cmp(b->rows[mid].luid, op->luid) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (; lo < b->rows_n && slice_eq(b->rows[lo].luid, op->luid); lo++) {
		struct store_map *m = &b->rows[lo];

		if (m->gen == b->ds->gen && m->state == STORE_MAP_DELETING &&
		    m->reason == SML_WHY_GONE)
			op->gone = m;
		else if (m->gen == b->ds->gen)
			op->row = m;
		else if (op->hint == NULL)
			op->hint = m;
	}
}

static int
load_rows(struct sml_batch *b)
{
	struct slice *luid = ARENA_ARRAY(b->a, b->n, struct slice);
	size_t n = 0;

	if (luid == NULL)
		return no_memory(b);
	for (size_t i = 0; i < b->n; i++) {
		if (b->op[i].code == 0)
			luid[n++] = b->op[i].luid;
	}
	if (n == 0)
		return 0;
	if (b->c->tx->v->map_by_luid(b->c->tx, b->a, b->ds->link, luid, n,
				     &b->rows, &b->rows_n, &b->c->e) < 0)
		return -1;
	if (b->rows_n > 1)
		qsort(b->rows, b->rows_n, sizeof(*b->rows), cmp_luid);
	for (size_t i = 0; i < b->n; i++) {
		if (b->op[i].code == 0)
			attach(b, &b->op[i]);
	}
	return 0;
}

/* ---- candidates by hash ------------------------------------------------- */

static bool
wants_match(const struct sml_op *op)
{
	return op->code == 0 && sml_op_brings(op) && op->row == NULL;
}

static int
cmp_key(const void *x, const void *y)
{
	const struct sml_cand_key *a = x;
	const struct sml_cand_key *b = y;

	if (a->hash != b->hash)
		return a->hash < b->hash ? -1 : 1;
	if (a->cand->item != b->cand->item)
		return a->cand->item < b->cand->item ? -1 : 1;
	return 0;
}

/* A candidate stands under each of its hashes, once. */
static int
index_candidates(struct sml_batch *b)
{
	struct sml_cand_key *k =
	    ARENA_ARRAY(b->a, 3 * b->cand_n + 1, struct sml_cand_key);
	size_t n = 0;

	if (k == NULL)
		return no_memory(b);
	for (size_t i = 0; i < b->cand_n; i++) {
		const struct store_candidate *c = &b->cand[i];

		k[n++] = (struct sml_cand_key){ c->h_content, c };
		if (c->h_uid != 0 && c->h_uid != c->h_content)
			k[n++] = (struct sml_cand_key){ c->h_uid, c };
		if (c->h_identity != 0 && c->h_identity != c->h_content &&
		    c->h_identity != c->h_uid)
			k[n++] = (struct sml_cand_key){ c->h_identity, c };
	}
	if (n > 1)
		qsort(k, n, sizeof(*k), cmp_key);
	b->key = k;
	b->key_n = n;
	return 0;
}

const struct sml_cand_key *
sml_batch_with_hash(const struct sml_batch *b, uint64_t hash, size_t *n)
{
	size_t lo = 0;
	size_t hi = b->key_n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (b->key[mid].hash < hash)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (hi = lo; hi < b->key_n && b->key[hi].hash == hash;)
		hi++;
	*n = hi - lo;
	return *n == 0 ? NULL : b->key + lo;
}

static int
cmp_hash(const void *x, const void *y)
{
	uint64_t a = *(const uint64_t *)x;
	uint64_t b = *(const uint64_t *)y;

	return a < b ? -1 : a > b;
}

/* Each hash once; *most: how many operations share one. Equal items made on
   purpose need as many candidates as there are of them. */
static size_t
unique_hashes(uint64_t *h, size_t n, size_t *most)
{
	size_t run = 0;
	size_t k = 0;

	*most = 0;
	if (n > 1)
		qsort(h, n, sizeof(*h), cmp_hash);
	for (size_t i = 0; i < n; i++) {
		run = k > 0 && h[k - 1] == h[i] ? run + 1 : 1;
		if (run == 1)
			h[k++] = h[i];
		*most = run > *most ? run : *most;
	}
	return k;
}

static int
find_candidates(struct sml_batch *b, uint64_t *h, size_t n)
{
	struct store_likeness ask = { .collection = b->col->member,
				      .collection_n = b->col->member_n,
				      .hash = h,
				      .link = b->ds->link,
				      .gen = b->ds->gen };
	struct store_candidate *more;
	struct store_candidate *all;
	size_t more_n;
	size_t most;

	n = unique_hashes(h, n, &most);
	if (n == 0)
		return 0;
	ask.hash_n = n;
	ask.per_hash = SML_CANDIDATES_MAX + most;
	if (b->c->tx->v->item_match(b->c->tx, b->a, &ask, &more, &more_n,
				    &b->c->e) < 0)
		return -1;
	if (more_n == 0)
		return 0;
	all = ARENA_ARRAY(b->a, b->cand_n + more_n, struct store_candidate);
	if (all == NULL)
		return no_memory(b);
	if (b->cand_n > 0)
		memcpy(all, b->cand, b->cand_n * sizeof(*all));
	memcpy(all + b->cand_n, more, more_n * sizeof(*all));
	b->cand = all;
	b->cand_n += more_n;
	return index_candidates(b);
}

/* Of this hash in the sorted list. */
static size_t
count_hash(const uint64_t *h, size_t n, uint64_t hash)
{
	const uint64_t *at =
	    n == 0 ? NULL : bsearch(&hash, h, n, sizeof(*h), cmp_hash);
	size_t k = 0;

	if (at == NULL)
		return 0;
	while (at > h && at[-1] == hash)
		at--;
	while (at + k < h + n && at[k] == hash)
		k++;
	return k;
}

/* A series and its changed instance may come under one UID: what has another
   identity is not found yet. */
static bool
found_uid(const struct sml_batch *b, const struct pim_ids *ids)
{
	size_t n;
	const struct sml_cand_key *k = sml_batch_with_hash(b, ids->h_uid, &n);

	for (size_t i = 0; ids->h_uid != 0 && i < n; i++) {
		if (k[i].cand->h_uid == ids->h_uid &&
		    k[i].cand->h_identity == ids->h_identity)
			return true;
	}
	return false;
}

/* Of equal ones there must be as many here: one may be the twin of what was
   edited since. */
static bool
found_exact(const struct sml_batch *b, const struct pim_ids *ids,
	    const uint64_t *content, size_t n)
{
	size_t by_content;

	(void)sml_batch_with_hash(b, ids->h_content, &by_content);
	return by_content >= count_hash(content, n, ids->h_content) ||
	       found_uid(b, ids);
}

/* Content hashes of the operations that want a match, sorted. */
static size_t
contents(const struct sml_batch *b, uint64_t *h)
{
	size_t n = 0;

	for (size_t i = 0; i < b->n; i++) {
		if (wants_match(&b->op[i]))
			h[n++] = b->op[i].ids.h_content;
	}
	if (n > 1)
		qsort(h, n, sizeof(*h), cmp_hash);
	return n;
}

size_t
sml_op_identities(const struct sml_op *op, uint64_t *h)
{
	const struct pim_ids *ids = &op->ids;
	size_t n = 0;

	if (ids->h_identity == 0)
		return 0;
	h[n++] = ids->h_identity;
	for (size_t i = 0; i < ids->alike_n; i++) {
		size_t k = 0;

		/* Words that repeat: each is one hash. */
		while (k < n && h[k] != ids->alike[i])
			k++;
		if (k == n)
			h[n++] = ids->alike[i];
	}
	return n;
}

/* By content and UID first; those that resemble are looked for only where
   that found too few, since many may share a name. */
static int
load_candidates(struct sml_batch *b)
{
	uint64_t *h = ARENA_ARRAY(b->a, SML_IDENTITIES_MAX * b->n, uint64_t);
	uint64_t *content = ARENA_ARRAY(b->a, b->n, uint64_t);
	size_t content_n;
	size_t n = 0;

	if (h == NULL || content == NULL)
		return no_memory(b);
	content_n = contents(b, content);
	for (size_t i = 0; i < b->n; i++) {
		const struct pim_ids *ids = &b->op[i].ids;

		if (!wants_match(&b->op[i]))
			continue;
		if (ids->h_uid != 0)
			h[n++] = ids->h_uid;
		if (ids->h_content != 0)
			h[n++] = ids->h_content;
	}
	if (find_candidates(b, h, n) < 0)
		return -1;
	n = 0;
	for (size_t i = 0; i < b->n; i++) {
		const struct pim_ids *ids = &b->op[i].ids;

		if (wants_match(&b->op[i]) &&
		    !found_exact(b, ids, content, content_n))
			n += sml_op_identities(&b->op[i], h + n);
	}
	return find_candidates(b, h, n);
}

static int
cmp_id(const void *x, const void *y)
{
	const int64_t *a = x;
	const int64_t *b = y;

	return *a < *b ? -1 : *a > *b;
}

static size_t
unique(int64_t *id, size_t n)
{
	size_t k = 0;

	if (n > 1)
		qsort(id, n, sizeof(*id), cmp_id);
	for (size_t i = 0; i < n; i++) {
		if (k == 0 || id[k - 1] != id[i])
			id[k++] = id[i];
	}
	return k;
}

/* Rows of what may be matched: of mapped candidates, since one that never got
   its LUID may be the one, and of hints, whose item another LUID may have. */
static int
load_candidate_rows(struct sml_batch *b)
{
	int64_t *id = ARENA_ARRAY(b->a, b->cand_n + b->n + 1, int64_t);
	size_t n = 0;

	if (id == NULL)
		return no_memory(b);
	for (size_t i = 0; i < b->cand_n; i++) {
		if (b->cand[i].mapped)
			id[n++] = b->cand[i].item;
	}
	for (size_t i = 0; i < b->n; i++) {
		if (b->op[i].hint != NULL && wants_match(&b->op[i]))
			id[n++] = b->op[i].hint->item;
	}
	n = unique(id, n);
	if (n == 0)
		return 0;
	if (b->c->tx->v->map_by_item(b->c->tx, b->a, b->ds->link, b->ds->gen,
				     id, n, &b->cand_rows, &b->cand_rows_n,
				     &b->c->e) < 0)
		return -1;
	sml_maps_sort(b->cand_rows, b->cand_rows_n);
	return 0;
}

/* ---- items and revisions ------------------------------------------------ */

/*
 * Candidates whose content an operation has exactly need no body, unless there
 * are more of them than such operations: one may be the twin that was edited.
 */
static bool
needs_body(const struct sml_batch *b, const uint64_t *content, size_t n,
	   const struct store_candidate *cand)
{
	size_t equal = count_hash(content, n, cand->h_content);
	size_t twins;

	if (equal == 0)
		return true;
	(void)sml_batch_with_hash(b, cand->h_content, &twins);
	return twins > equal;
}

static int
load_items(struct sml_batch *b)
{
	int64_t *id = ARENA_ARRAY(b->a, 2 * b->n + b->cand_n + 1, int64_t);
	uint64_t *h = ARENA_ARRAY(b->a, b->n, uint64_t);
	int64_t bytes = 0;
	size_t h_n;
	size_t n = 0;

	if (id == NULL || h == NULL)
		return no_memory(b);
	h_n = contents(b, h);
	for (size_t i = 0; i < b->n; i++) {
		if (b->op[i].row != NULL)
			id[n++] = b->op[i].row->item;
		else if (b->op[i].hint != NULL && wants_match(&b->op[i]))
			id[n++] = b->op[i].hint->item;
	}
	for (size_t i = 0; i < b->cand_n; i++) {
		if (!needs_body(b, h, h_n, &b->cand[i]))
			continue;
		bytes += b->cand[i].size;
		if (bytes > SML_CANDIDATE_BYTES_MAX)
			break;
		id[n++] = b->cand[i].item;
	}
	n = unique(id, n);
	if (n == 0)
		return 0;
	if (b->c->tx->v->item_get(b->c->tx, b->a, id, n, true, &b->items,
				  &b->items_n, &b->c->e) < 0)
		return -1;
	sml_items_sort(b->items, b->items_n);
	return 0;
}

static size_t
rev_keys(const struct store_map *m, struct store_rev_key *k)
{
	size_t n = 0;

	if (m->held != 0)
		k[n++] = (struct store_rev_key){ m->item, m->held };
	for (size_t i = 0; i < m->offer_n; i++)
		k[n++] =
		    (struct store_rev_key){ m->item, m->offer[i].revision };
	return n;
}

/* Was its hint's item edited since the device had it? */
static bool
is_outdated(const struct sml_batch *b, const struct sml_op *op)
{
	const struct store_item *head;

	if (op->hint == NULL || op->hint->held == 0 || !wants_match(op))
		return false;
	head = sml_item_find(b->items, b->items_n, op->hint->item);
	return head != NULL && !head->deleted &&
	       head->revision != op->hint->held &&
	       head->h_content != op->ids.h_content;
}

static int
load_revisions(struct sml_batch *b)
{
	size_t cap = (b->n + b->cand_rows_n) * (STORE_OFFERS_MAX + 1) + 1;
	struct store_rev_key *k = ARENA_ARRAY(b->a, cap, struct store_rev_key);
	size_t n = 0;

	if (k == NULL)
		return no_memory(b);
	for (size_t i = 0; i < b->n; i++) {
		const struct sml_op *op = &b->op[i];

		if (op->row != NULL && op->code == 0)
			n += rev_keys(op->row, k + n);
		else if (is_outdated(b, op))
			k[n++] = (struct store_rev_key){ op->hint->item,
							 op->hint->held };
	}
	for (size_t i = 0; i < b->cand_rows_n; i++) {
		if (b->cand_rows[i].state == STORE_MAP_SENT)
			n += rev_keys(&b->cand_rows[i], k + n);
	}
	if (n == 0)
		return 0;
	return b->c->tx->v->revision_get(b->c->tx, b->a, k, n, &b->revs,
					 &b->revs_n, &b->c->e);
}

/* Pairs of items and contents to be looked for in the items' history. */
struct echoes {
	int64_t *id;
	uint64_t *h;
	size_t n, cap;
};

static void
add_echo(struct echoes *e, int64_t item, uint64_t h)
{
	if (e->n == e->cap)
		return;
	e->id[e->n] = item;
	e->h[e->n++] = h;
}

static void
add_candidate_echoes(const struct sml_batch *b, const struct sml_op *op,
		     uint64_t hash, struct echoes *e)
{
	size_t n;
	const struct sml_cand_key *k = sml_batch_with_hash(b, hash, &n);

	for (size_t i = 0; hash != 0 && i < n; i++) {
		if (k[i].cand->h_content != op->ids.h_content)
			add_echo(e, k[i].cand->item, op->ids.h_content);
	}
}

/* Which older revision does an item equal? Then it is an echo, no edit. */
static int
load_echoes(struct sml_batch *b)
{
	struct echoes e = { .cap = b->n + 2 * b->key_n };
	uint64_t h[SML_IDENTITIES_MAX];
	size_t k;

	e.id = ARENA_ARRAY(b->a, e.cap, int64_t);
	e.h = ARENA_ARRAY(b->a, e.cap, uint64_t);
	if (e.id == NULL || e.h == NULL)
		return no_memory(b);
	for (size_t i = 0; i < b->n; i++) {
		const struct sml_op *op = &b->op[i];

		if (op->code != 0 || !sml_op_brings(op))
			continue;
		if (op->row != NULL) {
			add_echo(&e, op->row->item, op->ids.h_content);
			continue;
		}
		if (op->hint != NULL)
			add_echo(&e, op->hint->item, op->ids.h_content);
		add_candidate_echoes(b, op, op->ids.h_uid, &e);
		k = sml_op_identities(op, h);
		for (size_t j = 0; j < k; j++)
			add_candidate_echoes(b, op, h[j], &e);
	}
	if (e.n == 0)
		return 0;
	return b->c->tx->v->revision_match(b->c->tx, b->a, e.id, e.h, e.n,
					   &b->echoes, &b->echoes_n, &b->c->e);
}

int
sml_batch_load(struct sml_batch *b)
{
	if (load_rows(b) < 0 || load_candidates(b) < 0 ||
	    load_candidate_rows(b) < 0 || load_items(b) < 0 ||
	    load_revisions(b) < 0)
		return -1;
	return load_echoes(b);
}

const struct store_revision *
sml_batch_rev(const struct sml_batch *b, int64_t item, int64_t revision)
{
	for (size_t i = 0; i < b->revs_n; i++) {
		if (b->revs[i].item == item && b->revs[i].revision == revision)
			return &b->revs[i];
	}
	return NULL;
}
