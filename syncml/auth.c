#include "syncml/auth.h"

#include "base/digest.h"

static const char *const names[] = {
	[SML_AUTH_BASIC] = "syncml:auth-basic",
	[SML_AUTH_MD5] = "syncml:auth-md5",
	[SML_AUTH_MAC] = "syncml:auth-MAC",
};

enum sml_auth
sml_auth_named(struct slice type)
{
	type = slice_trim(type);
	if (type.n == 0)
		return SML_AUTH_BASIC;
	for (int i = SML_AUTH_BASIC; i <= SML_AUTH_MAC; i++) {
		if (slice_is_nocase(type, names[i]))
			return (enum sml_auth)i;
	}
	return SML_AUTH_OTHER;
}

struct slice
sml_auth_name(enum sml_auth scheme)
{
	return slice_c(names[scheme]);
}

enum sml_auth
sml_auth_type(const struct sml_cred *c)
{
	return c->present ? sml_auth_named(c->meta.type) : SML_AUTH_NONE;
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

bool
sml_auth_nonce(struct arena *a, const struct sml_chal *c, struct slice *out)
{
	struct slice text = slice_trim(c->next_nonce);
	struct slice format = slice_trim(c->format);

	if (!c->present || text.n == 0)
		return false;
	if ((format.n > 0 && !slice_is_nocase(format, "b64")) ||
	    !digest_unb64(a, text, out))
		*out = text;
	return true;
}

int
sml_auth_key(struct arena *a, struct slice user, struct slice password,
	     bool old_form, struct sml_auth_key *out, struct err *e)
{
	struct slice text[3] = { user, SLICE_LIT(":"), password };
	unsigned char md5[DIGEST_MD5_BYTES];

	*out = (struct sml_auth_key){ .part = { text[0], text[1], text[2] },
				      .n = 3 };
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
	struct slice part[7];
	size_t n = k->n;

	memcpy(part, k->part, n * sizeof(part[0]));
	part[n++] = SLICE_LIT(":");
	part[n++] = nonce;
	if (k->body.n > 0) {
		part[n++] = SLICE_LIT(":");
		part[n++] = k->body;
	}
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

/* ---- MAC ---- */

int
sml_auth_body(struct arena *a, struct slice body, struct slice *out,
	      struct err *e)
{
	unsigned char md5[DIGEST_MD5_BYTES];

	digest_md5(&body, 1, md5);
	*out = digest_b64(a, (struct slice){ (const char *)md5, sizeof(md5) });
	if (out->p == NULL)
		return err_set(e, ERR_NOMEM, "auth.body", "out of memory");
	return 0;
}

int
sml_auth_mac(struct arena *a, struct slice user, struct slice password,
	     struct slice nonce, struct slice body, struct sml_mac *out,
	     struct err *e)
{
	struct sml_auth_key k;

	if (sml_auth_key(a, user, password, false, &k, e) < 0 ||
	    sml_auth_body(a, body, &k.body, e) < 0)
		return -1;
	out->user = user;
	sml_auth_key_md5(&k, nonce, out->digest);
	return 0;
}

/* The value of one parameter, from after its "=" on; *s goes on behind it. */
static bool
mac_value(struct arena *a, struct slice *s, struct slice *out)
{
	struct buf b = BUF_IN(a);
	size_t i;

	if (s->n == 0 || s->p[0] != '"') {
		i = slice_find(*s, ',');
		i = i == SIZE_MAX ? s->n : i;
		*out = slice_trim(slice_sub(*s, 0, i));
		*s = slice_from(*s, i);
		return true;
	}
	for (i = 1; i < s->n && s->p[i] != '"'; i++) {
		if (s->p[i] == '\\' && ++i == s->n)
			return false;
		buf_byte(&b, (unsigned char)s->p[i]);
	}
	if (i == s->n || !buf_ok(&b))
		return false;
	*out = buf_slice(&b);
	*s = slice_trim(slice_from(*s, i + 1));
	return true;
}

enum { MAC_ALGORITHM, MAC_USER, MAC_DIGEST, MAC_PARAMS };

/* Parameters that we do not know are passed over; the last of two counts. */
static bool
mac_params(struct arena *a, struct slice s,
	   struct slice value[static MAC_PARAMS])
{
	static const char *const name[MAC_PARAMS] = { "algorithm", "username",
						      "mac" };

	for (s = slice_trim(s); s.n > 0; s = slice_trim(s)) {
		size_t eq = slice_find(s, '=');
		struct slice key, v;

		if (eq == SIZE_MAX)
			return false;
		key = slice_trim(slice_sub(s, 0, eq));
		s = slice_trim(slice_from(s, eq + 1));
		if (!mac_value(a, &s, &v))
			return false;
		for (size_t i = 0; i < MAC_PARAMS; i++) {
			if (slice_is_nocase(key, name[i]))
				value[i] = v;
		}
		if (s.n == 0)
			break;
		if (s.p[0] != ',')
			return false;
		s = slice_from(s, 1);
	}
	return true;
}

bool
sml_auth_mac_read(struct arena *a, struct slice header, struct sml_mac *out)
{
	struct slice v[MAC_PARAMS] = { SLICE_LIT("MD5") };
	struct slice raw;

	if (!mac_params(a, header, v) || v[MAC_USER].n == 0 ||
	    !slice_is_nocase(v[MAC_ALGORITHM], "MD5") ||
	    !digest_unb64(a, v[MAC_DIGEST], &raw) ||
	    raw.n != sizeof(out->digest))
		return false;
	out->user = v[MAC_USER];
	memcpy(out->digest, raw.p, sizeof(out->digest));
	return true;
}

struct slice
sml_auth_mac_write(struct arena *a, const struct sml_mac *mac)
{
	struct slice raw =
	    digest_b64(a, (struct slice){ (const char *)mac->digest, 16 });
	struct buf b = BUF_IN(a);

	buf_str(&b, "algorithm=MD5, username=\"");
	for (size_t i = 0; i < mac->user.n; i++) {
		unsigned char ch = (unsigned char)mac->user.p[i];

		/* It becomes a line of HTTP. */
		if (ch < 0x20 || ch == 0x7f)
			continue;
		if (ch == '"' || ch == '\\')
			buf_byte(&b, '\\');
		buf_byte(&b, ch);
	}
	buf_str(&b, "\", mac=");
	buf_add(&b, raw);
	return raw.p != NULL && buf_ok(&b) ? buf_slice(&b)
					   : (struct slice){ NULL, 0 };
}

/* ---- a client's Cred ---- */

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
	if (type == SML_AUTH_NONE || type == SML_AUTH_MAC)
		return 0;
	if (type == SML_AUTH_OTHER)
		return err_set(e, ERR_UNSUPPORTED, "auth.cred",
			       "no such authentication scheme");
	if (type == SML_AUTH_BASIC) {
		out->meta.type = sml_auth_name(type);
		if (basic_text(a, user, password, &text, e) < 0)
			return -1;
	} else {
		out->meta.type = sml_auth_name(type);
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
