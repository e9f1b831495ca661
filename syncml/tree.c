/*
 * The tree builder behind both readers: one place that counts depth, elements
 * and text, drops what is unknown, and joins the pieces of a text.
 */
#include "syncml/codec.h"
#include "syncml/limits.h"

enum { POOL_BYTES = 16384 };

int
sml_tree_init(struct sml_tree *t, struct arena *a, const struct sml_limits *lim,
	      struct err *e)
{
	*t = (struct sml_tree){
		.a = a,
		.e = e,
		.depth_max = SML_DEPTH_MAX,
		.nodes_left = SML_NODES_MAX,
		.bytes_left = SML_EXPANDED_BYTES_MAX,
	};
	if (lim != NULL && lim->depth != 0)
		t->depth_max = lim->depth;
	if (lim != NULL && lim->nodes != 0)
		t->nodes_left = lim->nodes;
	if (lim != NULL && lim->expanded_bytes != 0)
		t->bytes_left = lim->expanded_bytes;
	t->stack = ARENA_ARRAY(a, (size_t)t->depth_max + 1, struct sml_frame);
	if (t->stack == NULL)
		return err_set(e, ERR_NOMEM, "sml.read", "memory is short");
	return 0;
}

void
sml_tree_expands(struct sml_tree *t, size_t wire_bytes)
{
	size_t most = SIZE_MAX;

	if (wire_bytes < SML_EXPANDED_BYTES_MAX)
		most = wire_bytes * SML_EXPANSION_RATIO_MAX;
	if (most < SML_EXPANSION_FREE_BYTES)
		most = SML_EXPANSION_FREE_BYTES;
	if (t->bytes_left > most)
		t->bytes_left = most;
}

static void
link_node(struct sml_tree *t, struct sml_node *n)
{
	struct sml_node *up;

	if (t->depth == 0) {
		t->root = n;
		return;
	}
	up = t->stack[t->depth - 1].node;
	if (up->last == NULL)
		up->kids = n;
	else
		up->last->next = n;
	up->last = n;
}

int
sml_tree_open(struct sml_tree *t, enum sml_tag tag)
{
	struct sml_node *n;

	if (t->depth + t->skip >= t->depth_max)
		return err_set(t->e, ERR_LIMIT, "sml.read",
			       "more than %u elements inside each other",
			       t->depth_max);
	if (t->nodes_left == 0)
		return err_set(t->e, ERR_LIMIT, "sml.read",
			       "too many elements");
	t->nodes_left--;
	if (t->depth == 0 && tag != SML_SYNCML && tag != SML_DI_DEVINF)
		return err_set(t->e, ERR_PARSE, "sml.read",
			       "neither SyncML nor DevInf is the root element");
	if (t->skip > 0 || tag == SML_UNKNOWN) {
		t->skip++;
		return 0;
	}
	n = ARENA_NEW(t->a, struct sml_node);
	if (n == NULL)
		return err_set(t->e, ERR_NOMEM, "sml.read", "memory is short");
	n->tag = tag;
	n->text = SLICE_LIT("");
	link_node(t, n);
	t->stack[t->depth++] = (struct sml_frame){ .node = n };
	return 0;
}

void
sml_tree_close(struct sml_tree *t)
{
	if (t->skip > 0)
		t->skip--;
	else if (t->depth > 0)
		t->depth--;
}

bool
sml_tree_in_item_data(const struct sml_tree *t)
{
	return t->skip == 0 && t->depth >= 2 &&
	       t->stack[t->depth - 1].node->tag == SML_DATA &&
	       t->stack[t->depth - 2].node->tag == SML_ITEM;
}

int
sml_tree_count(struct sml_tree *t, size_t n)
{
	if (n > t->bytes_left)
		return err_set(t->e, ERR_LIMIT, "sml.read",
			       "the document's text is too long");
	t->bytes_left -= n;
	return 0;
}

/*
 * Room for `more` bytes behind the text of this frame. Text grows in place as
 * long as it is the last in the pool; one that has to move gets twice its
 * length, so that pieces between other elements' texts stay linear.
 */
static bool
text_room(struct sml_tree *t, struct sml_frame *f, size_t more)
{
	struct slice *s = &f->node->text;
	size_t need;
	size_t want;
	char *p;

	if (s->n + more <= f->cap)
		return true;
	need = s->n + more - f->cap;
	if (f->cap > 0 && f->p + f->cap == t->pool + t->pool_n &&
	    need <= t->pool_cap - t->pool_n) {
		t->pool_n += need;
		f->cap += need;
		return true;
	}
	want = s->n == 0 ? more : 2 * (s->n + more);
	if (want > t->pool_cap - t->pool_n) {
		size_t cap = want > POOL_BYTES ? want : (size_t)POOL_BYTES;

		p = arena_alloc(t->a, cap);
		if (p == NULL)
			return false;
		t->pool = p;
		t->pool_n = 0;
		t->pool_cap = cap;
	}
	p = t->pool + t->pool_n;
	t->pool_n += want;
	if (s->n > 0)
		memcpy(p, s->p, s->n);
	s->p = p;
	f->p = p;
	f->cap = want;
	return true;
}

int
sml_tree_text(struct sml_tree *t, struct slice piece, bool stable)
{
	struct sml_frame *f;
	struct slice *s;

	if (sml_tree_count(t, piece.n) < 0)
		return -1;
	if (piece.n == 0 || sml_tree_top(t) == NULL)
		return 0;
	f = &t->stack[t->depth - 1];
	/* White space between elements; nothing else belongs there. */
	if (sml_tag_kind(f->node->tag) != SML_KIND_TEXT)
		return 0;
	s = &f->node->text;
	if (stable && s->n == 0) {
		*s = piece;
		return 0;
	}
	if (!text_room(t, f, piece.n))
		return err_set(t->e, ERR_NOMEM, "sml.read", "memory is short");
	memcpy(f->p + s->n, piece.p, piece.n);
	s->n += piece.n;
	return 0;
}

void *
sml_push(struct arena *a, void *array, size_t n, size_t size_bytes)
{
	enum { FIRST = 4 };
	void *p;

	/* Its room is a power of two: full when n is one. */
	if (n != 0 && (n < FIRST || (n & (n - 1)) != 0))
		return array;
	p = arena_array(a, n == 0 ? (size_t)FIRST : n * 2, size_bytes);
	if (p != NULL && n > 0)
		memcpy(p, array, n * size_bytes);
	return p;
}
