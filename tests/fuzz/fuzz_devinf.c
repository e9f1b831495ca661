/* Any bytes as the Data of a Put: read, kept as text, read from there. */
#include "syncml/devinf.h"
#include "syncml/limits.h"
#include "tests/fuzz/fuzz.h"

static void
write_again(struct arena *a, const struct sml_devinf *d)
{
	struct sml_devinf *again;
	struct sml_node *n = sml_devinf_node(a, d, false);
	struct slice text;

	FUZZ_CHECK(n != NULL);
	FUZZ_CHECK(sml_devinf_text(a, n, &text, NULL) == 0);
	FUZZ_CHECK(sml_devinf_parse(a, text, &again, NULL) == 0);
	FUZZ_CHECK(again->store_n == d->store_n);
	FUZZ_CHECK(again->version == d->version);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new(SML_ARENA_BYTES_MAX);
	struct sml_node node = { .tag = SML_DATA,
				 .text = fuzz_input(data, size) };
	struct sml_node *root;
	struct sml_devinf *d;
	struct sml_devinf *kept;
	struct slice text;

	if (a == NULL)
		return 0;
	if (sml_read_devinf(a, &node, &root, NULL) == 0 && root != NULL) {
		FUZZ_CHECK(sml_devinf_read(a, root, &d, NULL) == 0);
		FUZZ_CHECK(sml_devinf_text(a, root, &text, NULL) == 0);
		FUZZ_CHECK(sml_devinf_parse(a, text, &kept, NULL) == 0);
		FUZZ_CHECK(kept->store_n == d->store_n);
		(void)sml_devinf_store(d, node.text);
		write_again(a, d);
	}
	fuzz_arena_end(&a);
	return 0;
}
