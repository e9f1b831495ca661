#include "syncml/auth.h"

#include "base/digest.h"

static const char type_basic[] = "syncml:auth-basic";
static const char type_md5[] = "syncml:auth-md5";

enum sml_auth
sml_auth_type(const struct sml_cred *c)
{
	struct slice type;

	if (!c->present)
		return SML_AUTH_NONE;
	type = slice_trim(c->meta.type);
	if (type.n == 0 || slice_is_nocase(type, type_basic))
		return SML_AUTH_BASIC;
	if (slice_is_nocase(type, type_md5))
		return SML_AUTH_MD5;
	return SML_AUTH_OTHER;
}

bool
sml_auth_format_ok(const struct sml_cred *c)
{
	struct slice format = slice_trim(c->meta.format);

	return format.n == 0 || slice_is_nocase(format, "b64");
}

bool
sml_auth_basic(struct arena *a, const struct sml_cred *c, struct slice *user,
	       struct slice *password)
{
	struct slice text = c->data;
	size_t colon;

	/* A colon is no base64: the BBDB client sends the text as it is,
	   without Format. Once decoded it is never decoded again. */
	if (slice_trim(c->meta.format).n > 0 ||
	    slice_find(text, ':') == SIZE_MAX) {
		if (!digest_unb64(a, c->data, &text))
			return false;
	}
	while (text.n > 0 && text.p[text.n - 1] == '\0')
		text.n--;
	colon = slice_find(text, ':');
	if (colon == SIZE_MAX || slice_find(text, '\0') != SIZE_MAX)
		return false;
	*user = slice_sub(text, 0, colon);
	*password = slice_from(text, colon + 1);
	return true;
}

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static bool
unhex(struct slice s, unsigned char out[static 16])
{
	if (s.n != 32)
		return false;
	for (size_t i = 0; i < 16; i++) {
		int hi = hex_value(s.p[2 * i]);
		int lo = hex_value(s.p[2 * i + 1]);

		if (hi < 0 || lo < 0)
			return false;
		out[i] = (unsigned char)(hi * 16 + lo);
	}
	return true;
}

bool
sml_auth_digest(struct arena *a, const struct sml_cred *c, bool *hex,
		unsigned char out[static 16])
{
	struct slice raw;

	*hex = false;
	/* 16 characters of base64 are 12 octets: this can only be raw. */
	if (c->data.n == 16) {
		memcpy(out, c->data.p, 16);
		return true;
	}
	*hex = unhex(slice_trim(c->data), out);
	if (*hex)
		return true;
	if (!digest_unb64(a, c->data, &raw))
		return false;
	*hex = unhex(raw, out);
	if (*hex)
		return true;
	if (raw.n != 16)
		return false;
	memcpy(out, raw.p, 16);
	return true;
}

int
sml_auth_key(struct arena *a, struct slice user, struct slice password,
	     bool old_form, struct sml_auth_key *out, struct err *e)
{
	struct slice text[3] = { user, SLICE_LIT(":"), password };
	unsigned char md5[DIGEST_MD5_BYTES];

	*out = (struct sml_auth_key){ { text[0], text[1], text[2] }, 3 };
	if (old_form)
		return 0;
	digest_md5(text, 3, md5);
	out->part[0] =
	    digest_b64(a, (struct slice){ (const char *)md5, sizeof(md5) });
	out->n = 1;
	explicit_bzero(md5, sizeof(md5));
	if (out->part[0].p == NULL)
		return err_set(e, ERR_NOMEM, "auth.key", "out of memory");
	return 0;
}

void
sml_auth_key_md5(const struct sml_auth_key *k, struct slice nonce,
		 unsigned char out[static 16])
{
	struct slice part[5];
	size_t n = k->n;

	memcpy(part, k->part, n * sizeof(part[0]));
	part[n++] = SLICE_LIT(":");
	part[n++] = nonce;
	digest_md5(part, n, out);
}

int
sml_auth_md5(struct arena *a, struct slice user, struct slice password,
	     struct slice nonce, bool old_form, unsigned char out[static 16],
	     struct err *e)
{
	struct sml_auth_key k;

	if (sml_auth_key(a, user, password, old_form, &k, e) < 0)
		return -1;
	sml_auth_key_md5(&k, nonce, out);
	return 0;
}

static int
basic_text(struct arena *a, struct slice user, struct slice password,
	   struct slice *out, struct err *e)
{
	struct buf b = BUF_IN(a);

	if (slice_find(user, ':') != SIZE_MAX)
		return err_set(e, ERR_UNSUPPORTED, "auth.cred",
			       "a user name cannot hold a colon");
	buf_add(&b, user);
	buf_byte(&b, ':');
	buf_add(&b, password);
	if (!buf_ok(&b))
		return err_set(e, ERR_NOMEM, "auth.cred", "out of memory");
	*out = buf_slice(&b);
	return 0;
}

int
sml_auth_cred(struct arena *a, enum sml_auth type, struct slice user,
	      struct slice password, struct slice nonce, bool old_form,
	      struct sml_cred *out, struct err *e)
{
	unsigned char md5[DIGEST_MD5_BYTES];
	struct slice text = { (const char *)md5, sizeof(md5) };

	*out = (struct sml_cred){ .meta = sml_meta_none() };
	if (type == SML_AUTH_NONE)
		return 0;
	if (type == SML_AUTH_OTHER)
		return err_set(e, ERR_UNSUPPORTED, "auth.cred",
			       "no such authentication scheme");
	if (type == SML_AUTH_BASIC) {
		out->meta.type = slice_c(type_basic);
		if (basic_text(a, user, password, &text, e) < 0)
			return -1;
	} else {
		out->meta.type = slice_c(type_md5);
		if (sml_auth_md5(a, user, password, nonce, old_form, md5, e) <
		    0)
			return -1;
	}
	out->present = true;
	out->meta.format = SLICE_LIT("b64");
	out->data = digest_b64(a, text);
	if (out->data.p == NULL)
		return err_set(e, ERR_NOMEM, "auth.cred", "out of memory");
	return 0;
}
