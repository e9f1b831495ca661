/*
 * Any bytes as a message, in the encoding that they look like. One that reads
 * is written, and reads as the same number of commands and items.
 */
#include "syncml/limits.h"
#include "syncml/msg.h"
#include "tests/fuzz/fuzz.h"

static size_t
items_of(const struct sml_msg *m)
{
	size_t n = 0;

	for (size_t i = 0; i < m->cmd_n; i++)
		n += m->cmds[i].item_n;
	return n;
}

static void
write_again(struct arena *a, struct sml_msg *m, enum sml_enc enc)
{
	struct buf out = BUF_IN(a);
	struct sml_msg *again = NULL;
	struct err e = { .code = ERR_NONE };

	m->doc.enc = enc;
	FUZZ_CHECK(sml_msg_write(a, m, &out, &e) == 0);
	if (sml_msg_read(a, enc, buf_slice(&out), NULL, &again, &e) < 0) {
		/* What XML cannot say grows, U+FFFD for an octet. */
		FUZZ_CHECK(enc == SML_XML && e.code == ERR_PARSE &&
			   strstr(e.msg, "more than") != NULL);
		return;
	}
	FUZZ_CHECK(again->cmd_n == m->cmd_n);
	FUZZ_CHECK(again->cmd_total == m->cmd_total);
	FUZZ_CHECK(again->final == m->final);
	FUZZ_CHECK(items_of(again) == items_of(m));
}

/* XML as it comes from the net, with a charset or without. */
static int
read_any(struct arena *a, enum sml_enc enc, struct slice body,
	 struct sml_msg **m, struct err *e)
{
	struct slice type = body.n % 2 == 0
				? SLICE_LIT("text/xml; charset=windows-1251")
				: SLICE_LIT("text/xml");

	return enc == SML_XML ? sml_msg_read_mended(a, type, body, m, e)
			      : sml_msg_read(a, enc, body, NULL, m, e);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new(SML_ARENA_BYTES_MAX);
	struct slice body = fuzz_input(data, size);
	struct sml_msg *m;
	enum sml_enc enc;
	struct err e;

	if (a == NULL)
		return 0;
	if (sml_enc_detect(SLICE_LIT(""), body, &enc) &&
	    read_any(a, enc, body, &m, &e) >= 0) {
		write_again(a, m, SML_WBXML);
		write_again(a, m, SML_XML);
	}
	fuzz_arena_end(&a);
	return 0;
}
