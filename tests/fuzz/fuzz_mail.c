/*
 * Mail: whatever the bytes are, a head comes of them that reads back, every cut
 * of it is written and read again, and what a device sends as an Email object
 * is refused or understood. The first byte chooses.
 */
#include "pim/mail.h"
#include "tests/fuzz/fuzz.h"

/* The head as stored is the same item. */
static struct pim_item *
stored(struct arena *a, const struct pim_item *it)
{
	struct pim_item *back = NULL;
	struct slice canon;
	struct err e;

	FUZZ_CHECK(pim_canon(a, it, &canon, &e) == 0);
	FUZZ_CHECK(pim_parse(a, it->kind, canon, &back, &e) == 0);
	FUZZ_CHECK(pim_same(a, it, back));
	return back;
}

static void
written(struct arena *a, const struct pim_view *view, struct pim_item *it)
{
	struct buf b = BUF_IN(a);
	struct pim_item *again;
	struct err e;

	FUZZ_CHECK(pim_write(a, view, it, &b, &e) == 0);
	if (pim_read(a, view, view->form, buf_slice(&b), &again, &e) == 0)
		FUZZ_CHECK(((again->mail->flags ^ it->mail->flags) &
			    ~(unsigned)(view->form == PIM_EMAIL ? PIM_MAIL_DRAFT
								: 0)) == 0);
	else
		FUZZ_CHECK(e.code == ERR_PARSE || e.code == ERR_NOMEM);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum pim_form forms[] = { PIM_EMAIL, PIM_RFC822,
					       PIM_OFOLDER };
	struct arena *a = arena_new(64u << 20);
	struct slice in = fuzz_input(data, size);
	struct pim_view view = { .form = PIM_EMAIL };
	struct pim_item *it;
	struct err e;
	unsigned how = in.n > 0 ? (unsigned char)in.p[0] : 0;

	if (a == NULL)
		return 0;
	in = slice_from(in, in.n > 0 ? 1 : 0);
	view.form = forms[how % 3];
	if ((how & 0x80) != 0) {
		if (pim_read(a, &view, view.form, in, &it, &e) == 0)
			(void)stored(a, it);
		arena_free(&a);
		return 0;
	}
	if (view.form == PIM_OFOLDER)
		view.form = PIM_EMAIL;
	FUZZ_CHECK(pim_mail_item(a, in, (int64_t)in.n + (how & 1), &it, &e) ==
		   0);
	it->mail->flags = how & PIM_MAIL_FLAGS;
	view.mail.parts = (enum pim_mail_parts)((how >> 5) % 3);
	view.mail.bytes = (how & 4) != 0 ? 20 : 0;
	view.mail.attach = (how & 8) != 0 ? 5 : 0;
	written(a, &view, it);
	it = stored(a, it);
	it->mail->bytes = in;
	written(a, &view, it);
	arena_free(&a);
	return 0;
}
