/*
 * Changes documents as documents: elements are doubled, moved, dropped and
 * renamed, texts changed and swapped, and the whole is written again, in the
 * other encoding now and then. What does not read is left to libFuzzer.
 */
#include "syncml/limits.h"
#include "tests/fuzz/mutate.h"
#include "tests/fuzz/tree.h"

enum { NODES_MAX = 2048, ARENA_BYTES = 8 << 20 };

struct place {
	struct sml_node *n, *up;
	unsigned depth;
};

struct map {
	struct arena *a;
	struct place at[NODES_MAX];
	size_t n;
	unsigned seed;
};

static void
list(struct map *m, struct sml_node *root)
{
	struct sml_node *up[SML_DEPTH_MAX + 1];
	struct sml_node *n = root;
	unsigned depth = 0;

	m->n = 0;
	while (n != NULL && m->n < NODES_MAX) {
		m->at[m->n++] =
		    (struct place){ n, depth == 0 ? NULL : up[depth - 1],
				    depth };
		if (n->kids != NULL) {
			up[depth++] = n;
			n = n->kids;
			continue;
		}
		while (depth > 0 && n->next == NULL)
			n = up[--depth];
		n = depth == 0 ? NULL : n->next;
	}
}

/* A whole copy, as deep as fits; NULL: too deep, or no memory. */
static struct sml_node *
copy(struct map *m, const struct sml_node *from, unsigned depth)
{
	struct sml_node *n = ARENA_NEW(m->a, struct sml_node);
	struct sml_node **at;

	if (n == NULL || depth > SML_DEPTH_MAX - 2)
		return NULL;
	*n = *from;
	n->kids = n->last = n->next = NULL;
	at = &n->kids;
	for (const struct sml_node *k = from->kids; k != NULL; k = k->next) {
		*at = copy(m, k, depth + 1);
		if (*at == NULL)
			return NULL;
		n->last = *at;
		at = &(*at)->next;
	}
	return n;
}

static void
take_out(struct place p)
{
	struct sml_node **at = &p.up->kids;

	while (*at != p.n)
		at = &(*at)->next;
	*at = p.n->next;
	p.up->last = p.up->kids;
	while (p.up->last != NULL && p.up->last->next != NULL)
		p.up->last = p.up->last->next;
}

static void
put_in(struct map *m, struct place box, const struct sml_node *what)
{
	struct sml_node *n = copy(m, what, box.depth + 1);

	if (n == NULL || (box.n->text.n > 0 && box.n->kids == NULL))
		return;
	if (box.n->last != NULL)
		box.n->last->next = n;
	else
		box.n->kids = n;
	box.n->last = n;
}

static void
change_text(struct map *m, struct sml_node *n)
{
	enum { MORE = 32 };
	size_t room = n->text.n + MORE;
	uint8_t *p = arena_alloc(m->a, room);

	if (p == NULL || n->kids != NULL)
		return;
	if (n->text.n > 0)
		memcpy(p, n->text.p, n->text.n);
	n->text.n = LLVMFuzzerMutate(p, n->text.n, room);
	n->text.p = (const char *)p;
}

static void
change_one(struct map *m)
{
	struct place x = m->at[fuzz_draw(&m->seed, m->n)];
	struct place y = m->at[fuzz_draw(&m->seed, m->n)];

	switch (fuzz_draw(&m->seed, 7)) {
	case 0: /* double it */
		if (x.up != NULL)
			put_in(m, (struct place){ x.up, NULL, x.depth - 1 },
			       x.n);
		break;
	case 1:
		if (x.up != NULL)
			take_out(x);
		break;
	case 2: /* one into another */
		if (x.up != NULL)
			put_in(m, y, x.n);
		break;
	case 3: /* rename */
		if (x.up != NULL && y.up != NULL)
			x.n->tag = y.n->tag;
		break;
	case 4:
		if (x.n->kids == NULL && y.n->kids == NULL)
			x.n->text = y.n->text;
		break;
	default:
		change_text(m, x.n);
		break;
	}
}

static struct slice
rewritten(struct map *m, struct slice in)
{
	struct buf out = BUF_IN(m->a);
	struct sml_node *root;
	struct sml_doc doc;
	enum sml_enc enc;

	if (!sml_enc_detect(SLICE_LIT(""), in, &enc) ||
	    sml_read(m->a, enc, in, NULL, &doc, &root, NULL) < 0)
		return (struct slice){ NULL, 0 };
	/* A change may take out what others hang on: list anew for each. */
	for (size_t i = 1 + fuzz_draw(&m->seed, 3); i > 0; i--) {
		list(m, root);
		change_one(m);
	}
	if (fuzz_draw(&m->seed, 8) == 0)
		doc.enc = doc.enc == SML_XML ? SML_WBXML : SML_XML;
	fuzz_tree_write(&out, &doc, root);
	return buf_ok(&out) ? buf_slice(&out) : (struct slice){ NULL, 0 };
}

size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
	struct map *m;
	struct slice s = { NULL, 0 };
	size_t n = 0;

	if (fuzz_draw(&seed, 2) == 0)
		return LLVMFuzzerMutate(data, size, max);
	m = malloc(sizeof(*m));
	if (m == NULL)
		return LLVMFuzzerMutate(data, size, max);
	m->seed = seed;
	m->a = arena_new(ARENA_BYTES);
	if (m->a != NULL)
		s = rewritten(m, fuzz_input(data, size));
	if (s.p != NULL && s.n > 0 && s.n <= max) {
		memcpy(data, s.p, s.n);
		n = s.n;
	}
	arena_free(&m->a);
	free(m);
	return n > 0 ? n : LLVMFuzzerMutate(data, size, max);
}
