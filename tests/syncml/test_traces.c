/*
 * What other people's devices sent: every message decodes, in both encodings,
 * and what is written from it reads back as the same tree.
 *
 * The recordings are not part of this tree; FUNICULAR_TRACES names the folder.
 */
#include "tests/syncml/wire.h"

#include <ftw.h>

enum { SKIPPED = 77, FILE_MAX = 4000000, OPEN_MAX_DIRS = 16 };

/* nftw() has no argument for its callback. */
static struct {
	unsigned messages, devinfs, fragments, malformed, pairs, failed;
} seen;

static struct slice
load(struct arena *a, const char *path)
{
	struct buf b = BUF_IN(a);
	char part[4096];
	FILE *f = fopen(path, "rb");
	size_t n;

	if (f == NULL)
		return SLICE_LIT("");
	while ((n = fread(part, 1, sizeof(part), f)) > 0 && b.n < FILE_MAX)
		buf_add(&b, (struct slice){ part, n });
	(void)fclose(f);
	return buf_slice(&b);
}

static void
complain(const char *path, const char *what)
{
	seen.failed++;
	(void)fprintf(stderr, "%s: %s\n", path, what);
}

/* Some files hold a part of a message, for tests of their own. */
static bool
is_fragment(struct slice body)
{
	bool devinf = slice_find_str(body, "DevInf>") != SIZE_MAX;
	bool hdr = slice_find_str(body, "SyncHdr>") != SIZE_MAX;
	bool in = slice_find_str(body, "SyncBody>") != SIZE_MAX;
	bool root = slice_find_str(body, "</SyncML>") != SIZE_MAX;

	return !(hdr && in && root) && !devinf;
}

/* Can XML say all of it? Control characters and raw octets it cannot. */
static bool
fits_xml(struct slice dump)
{
	for (size_t i = 0; i < dump.n; i++) {
		unsigned char c = (unsigned char)dump.p[i];

		if (c < 0x20 && c != '\t' && c != '\n' && c != '\r')
			return false;
	}
	return slice_utf8_ok(dump);
}

static void
check_again(struct arena *a, const char *path, struct sml_node *root,
	    struct sml_doc doc)
{
	struct sml_node *again;
	struct sml_doc got;
	struct slice want;
	struct err e;

	t_expand(a, root);
	want = t_dump(a, root);
	for (int i = 0; i < 2; i++) {
		struct buf b = BUF_IN(a);

		doc.enc = i == 0 ? SML_WBXML : SML_XML;
		doc.cdata = true; /* in which line ends are not folded */
		sml_write_open(&b, &doc);
		for (const struct sml_node *k = root->kids; k != NULL;
		     k = k->next)
			sml_write(&b, &doc, k);
		sml_write_end(&b, &doc, SML_SYNCML);
		if (!buf_ok(&b) || sml_read(a, doc.enc, buf_slice(&b), NULL,
					    &got, &again, &e) < 0) {
			complain(path, "does not read after it was written");
			continue;
		}
		t_expand(a, again);
		if ((doc.enc == SML_WBXML || fits_xml(want)) &&
		    !slice_eq(want, t_dump(a, again)))
			complain(path, "is another after it was written");
	}
}

static void
check_devinf(struct arena *a, const char *path, const struct sml_node *root)
{
	struct sml_devinf *d;
	struct sml_devinf *again;
	struct slice text;
	struct err e;

	if (sml_devinf_read(a, root, &d, &e) < 0 ||
	    sml_devinf_text(a, root, &text, &e) < 0 ||
	    sml_devinf_parse(a, text, &again, &e) < 0) {
		complain(path, e.msg);
		return;
	}
	seen.devinfs++;
	if (d->store_n != again->store_n)
		complain(path, "its databases got lost");
}

static void
check_commands(struct arena *a, const char *path, const struct sml_msg *m)
{
	struct sml_node *root;
	struct err e;

	for (size_t i = 0; i < m->cmd_n; i++) {
		const struct sml_cmd *c = &m->cmds[i];

		if (c->tag != SML_PUT && c->tag != SML_RESULTS)
			continue;
		for (size_t j = 0; j < c->item_n; j++) {
			if (sml_read_devinf(a, c->items[j].data_node, &root,
					    &e) < 0)
				complain(path, e.msg);
			else if (root != NULL)
				check_devinf(a, path, root);
		}
	}
}

static void
check_file(struct arena *a, const char *path, struct slice body)
{
	bool malformed = strstr(path, "/malformed/") != NULL;
	struct sml_node *root;
	struct sml_doc doc;
	struct sml_msg *m;
	struct err e;
	enum sml_enc enc;

	if (!sml_enc_detect(SLICE_LIT(""), body, &enc)) {
		if (!malformed)
			complain(path, "neither XML nor WBXML");
		return;
	}
	if (sml_read(a, enc, body, NULL, &doc, &root, &e) < 0) {
		if (malformed)
			seen.malformed++;
		else if (enc == SML_XML && is_fragment(body))
			seen.fragments++;
		else
			complain(path, e.msg);
		return;
	}
	if (root->tag == SML_DI_DEVINF) {
		check_devinf(a, path, root);
		return;
	}
	if (sml_msg_read(a, enc, body, NULL, &m, &e) < 0) {
		if (enc == SML_XML && is_fragment(body))
			seen.fragments++;
		else if (!malformed)
			complain(path, e.msg);
		return;
	}
	seen.messages++;
	check_commands(a, path, m);
	check_again(a, path, root, doc);
}

/* The tree with the white space gone that XML files are laid out with. */
static struct slice
squeeze(struct arena *a, struct sml_node *root)
{
	struct buf b = BUF_IN(a);
	struct slice rest;

	t_expand(a, root);
	rest = t_dump(a, root);
	for (size_t i = 0; i < rest.n; i++) {
		if (slice_starts(slice_from(rest, i), "devinf+wbxml")) {
			buf_str(&b, "devinf+xml");
			i += strlen("devinf+wbxml") - 1;
		} else if (strchr(" \r\n\t", rest.p[i]) == NULL) {
			buf_byte(&b, (unsigned char)rest.p[i]);
		}
	}
	return buf_slice(&b);
}

/* A .wbxml and a .xml of the same message are the same tree. */
static void
check_pair(struct arena *a, const char *path)
{
	struct slice stem =
	    slice_sub(slice_c(path), 0, strlen(path) - strlen("wbxml"));
	struct slice other = arena_printf(a, "%.*sxml", SLICE_ARG(stem));
	struct sml_node *x;
	struct sml_node *w;
	struct sml_doc doc;
	struct err e;

	if (strstr(path, "/wbxml-pairs/") == NULL || other.p == NULL ||
	    sml_read(a, SML_WBXML, load(a, path), NULL, &doc, &w, &e) < 0 ||
	    sml_read(a, SML_XML, load(a, other.p), NULL, &doc, &x, &e) < 0)
		return;
	seen.pairs++;
	if (!slice_eq(squeeze(a, x), squeeze(a, w)))
		complain(path, "differs from its XML form");
}

static int
visit(const char *path, const struct stat *st, int type, struct FTW *at)
{
	struct slice name = slice_c(path);
	struct arena *a;

	(void)st;
	(void)at;
	if (type != FTW_F ||
	    (!slice_ends(name, ".xml") && !slice_ends(name, ".wbxml")))
		return 0;
	a = arena_new(SML_ARENA_BYTES_MAX);
	if (a == NULL)
		return -1;
	check_file(a, path, load(a, path));
	if (slice_ends(name, ".wbxml"))
		check_pair(a, path);
	arena_free(&a);
	return 0;
}

static void
test_all_decode(void **state)
{
	(void)state;
	assert_int_equal(
	    nftw(getenv("FUNICULAR_TRACES"), visit, OPEN_MAX_DIRS, FTW_PHYS),
	    0);
	print_message("%u messages, %u device informations, %u fragments, "
		      "%u malformed files refused, %u pairs\n",
		      seen.messages, seen.devinfs, seen.fragments,
		      seen.malformed, seen.pairs);
	assert_int_equal(seen.failed, 0);
	assert_true(seen.messages > 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_decode),
	};
	const char *dir = getenv("FUNICULAR_TRACES");
	struct stat st;

	if (dir == NULL || stat(dir, &st) != 0 || !S_ISDIR(st.st_mode)) {
		(void)puts("skipped: FUNICULAR_TRACES names no folder");
		return SKIPPED;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
