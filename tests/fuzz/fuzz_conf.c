/*
 * Any text as the configuration file, as a list of networks, of addresses to
 * listen on, or as the file of quirk rules. What is refused is refused with a
 * sentence.
 */
#include "pim/pim.h"
#include "server/http/listen.h"
#include "tests/fuzz/fuzz.h"

static void
check_refusal(const struct err *e)
{
	FUZZ_CHECK(e->code == ERR_CONFIG || e->code == ERR_NOMEM);
	FUZZ_CHECK(e->msg[0] != '\0');
}

/* Values are what their keys allow. */
static void
check_conf(const struct srv_conf *conf)
{
	for (size_t i = 0; i < srv_conf_key_n; i++) {
		const struct srv_conf_key *k = &srv_conf_keys[i];
		const void *at = (const char *)conf + k->at;

		if (k->type == SRV_CONF_INT || k->type == SRV_CONF_BYTES ||
		    k->type == SRV_CONF_SECONDS)
			FUZZ_CHECK(*(const int64_t *)at >= k->min &&
				   *(const int64_t *)at <= k->max);
		if (k->type == SRV_CONF_TEXT || k->type == SRV_CONF_LIST)
			FUZZ_CHECK(*(const char *const *)at != NULL);
		FUZZ_CHECK(srv_conf_same(k, conf, conf));
	}
}

static void
use_words(struct arena *a, struct slice in)
{
	const char *text = arena_cstr(a, in);
	struct err e = { .code = ERR_NONE };
	struct srv_listens ls;
	struct srv_nets nets;
	struct pim_rules *rules;
	uint32_t bits;

	if (text == NULL)
		return;
	if (srv_nets_parse(a, text, &nets, &e) < 0)
		check_refusal(&e);
	if (srv_listen_parse(a, text, SRV_HTTP, &ls, &e) < 0)
		check_refusal(&e);
	if (pim_rules_words(in, &bits, &e) < 0)
		check_refusal(&e);
	if (pim_rules_load(a, text, &rules, &e) < 0)
		check_refusal(&e);
	else
		(void)pim_rules_match(rules, SLICE_LIT("NOKIA"),
				      SLICE_LIT("6230i"), SLICE_LIT("03.88"),
				      in);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new(FUZZ_MEMORY_MAX);
	struct slice in = fuzz_input(data, size);
	struct err e = { .code = ERR_NONE };
	struct srv_conf conf;

	if (a == NULL)
		return 0;
	if (srv_conf_parse(a, "fuzz", in, &conf, &e) == 0)
		check_conf(&conf);
	else
		check_refusal(&e);
	use_words(a, in);
	fuzz_arena_end(&a);
	return 0;
}
