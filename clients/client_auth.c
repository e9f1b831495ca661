/*
 * auth-MAC, on both sides: our messages carry one over their bytes, and the
 * server's are looked at. Each of ours brings a fresh challenge for the answer
 * (in the Status of the server's header; before the first there is none).
 */
#include "clients/client_int.h"

#include "base/digest.h"

struct slice
cli_mac(const struct cli *c)
{
	return c->mac;
}

int
cli_sign(struct cli *c, struct err *e)
{
	struct sml_mac m;

	c->mac = SLICE_LIT("");
	if (c->auth != SML_AUTH_MAC)
		return 0;
	if (sml_auth_mac(c->out->a, c->conf->user, c->conf->password, c->nonce,
			 c->out->bytes, &m, e) < 0)
		return -1;
	c->mac = sml_auth_mac_write(c->out->a, &m);
	if (c->mac.p == NULL)
		return err_set(e, ERR_NOMEM, "client.mac", "no memory");
	return 0;
}

void
cli_ask(struct cli *c, struct arena *a, struct sml_cmd *status)
{
	if (c->auth != SML_AUTH_MAC)
		return;
	if (c->ask[0] == '\0')
		rnd_text(&rnd_system, c->ask, sizeof(c->ask));
	status->chal = (struct sml_chal){
		.present = true,
		.type = sml_auth_name(SML_AUTH_MAC),
		.format = SLICE_LIT("b64"),
		.next_nonce = digest_b64(a, slice_c(c->ask)),
	};
}

int
cli_check_mac(struct cli *c, struct slice header, struct slice body,
	      struct err *e)
{
	struct sml_mac got, want;
	bool ok;

	memcpy(c->asked, c->ask, sizeof(c->asked));
	c->ask[0] = '\0';
	if (c->auth != SML_AUTH_MAC || slice_trim(header).n == 0)
		return 0;
	ok = sml_auth_mac_read(c->in, header, &got);
	if (ok && sml_auth_mac(c->in, got.user, c->conf->password,
			       slice_c(c->asked), body, &want, e) < 0)
		return -1;
	ok = ok && digest_same((struct slice){ (const char *)got.digest, 16 },
			       (struct slice){ (const char *)want.digest, 16 });
	if (ok)
		return 0;
	return err_set(e, ERR_AUTH, "client.mac",
		       "the answer is not from who knows the password: its "
		       "MAC is wrong");
}
