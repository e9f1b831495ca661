/*
 * Any bytes as the stored state of a session: refused, or loaded into a
 * session that is stored and loaded again as the same.
 */
#include "syncml/session.h"
#include "tests/fuzz/fuzz.h"

static void
store_again(struct arena *a, const struct sml_session *s)
{
	struct sml_session *again = ARENA_NEW(a, struct sml_session);
	struct slice first;
	struct slice second;

	FUZZ_CHECK(again != NULL);
	FUZZ_CHECK(sml_state_save(a, s, &first, NULL) == 0);
	FUZZ_CHECK(sml_state_load(a, first, again, NULL) == 0);
	FUZZ_CHECK(again->ds_n == s->ds_n && again->sent_n == s->sent_n &&
		   again->status_n == s->status_n);
	FUZZ_CHECK(sml_state_save(a, again, &second, NULL) == 0);
	FUZZ_CHECK(slice_eq(first, second));
}

/* What the engine takes for granted. */
static void
look(const struct sml_session *s)
{
	FUZZ_CHECK(s->ds_n <= SML_LINKS_MAX);
	FUZZ_CHECK(s->in >= SML_IN_INIT && s->in <= SML_IN_END);
	for (size_t i = 0; i < s->ds_n; i++) {
		FUZZ_CHECK(s->ds[i].cursor_n <= STORE_MEMBERS_MAX);
		FUZZ_CHECK(s->ds[i].stage >= SML_OUT_WAIT &&
			   s->ds[i].stage <= SML_OUT_DONE);
	}
	for (size_t i = 0; i < s->sent_n; i++)
		FUZZ_CHECK(s->sent[i].ds >= 0 &&
			   (size_t)s->sent[i].ds < s->ds_n);
	FUZZ_CHECK(s->sent_n <= s->sent_cap);
	FUZZ_CHECK(s->status_n <= s->status_cap);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new(SML_ARENA_BYTES_MAX);
	struct err e = { .code = ERR_NONE };
	struct sml_session *s;

	if (a == NULL)
		return 0;
	s = ARENA_NEW(a, struct sml_session);
	FUZZ_CHECK(s != NULL);
	if (sml_state_load(a, fuzz_input(data, size), s, &e) == 0) {
		look(s);
		store_again(a, s);
	} else {
		FUZZ_CHECK(e.code == ERR_NOTFOUND || e.code == ERR_BUG ||
			   e.code == ERR_NOMEM);
	}
	fuzz_arena_end(&a);
	return 0;
}
