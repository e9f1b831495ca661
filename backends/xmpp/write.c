#include "backends/xmpp/node.h"

/* ---- looking into a tree ------------------------------------------------- */

struct slice
im_attr(const struct im_node *n, const char *name)
{
	const struct im_attr *at = n == NULL ? NULL : n->attrs;

	for (; at != NULL; at = at->next) {
		if (slice_is(at->name, name))
			return at->value;
	}
	return SLICE_LIT("");
}

bool
im_is(const struct im_node *n, const char *name, const char *ns)
{
	return n != NULL && slice_is(n->name, name) &&
	       (ns == NULL || slice_is(n->ns, ns));
}

const struct im_node *
im_child(const struct im_node *n, const char *name, const char *ns)
{
	const struct im_node *c = n == NULL ? NULL : n->first;

	while (c != NULL && !im_is(c, name, ns))
		c = c->next;
	return c;
}

/* ---- text that stays text ------------------------------------------------ */

static const char *
escape_of(char c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '\'':
		return "&#39;";
	case '"':
		return "&#34;";
	default:
		return NULL;
	}
}

/* Control characters (C0, DEL, C1) and what XML has no place for: U+FFFE,
   U+FFFF. */
static bool
unwanted(const unsigned char *p, size_t n, bool lines)
{
	if (n == 1)
		return (p[0] < 0x20 && !(lines && p[0] == '\n') &&
			p[0] != '\t') ||
		       p[0] == 0x7f;
	if (n == 2)
		return p[0] == 0xc2 && p[1] < 0xa0;
	return n == 3 && p[0] == 0xef && p[1] == 0xbf && p[2] >= 0xbe;
}

static void
put(struct buf *b, struct slice s, size_t max, bool lines)
{
	bool broken = false; /* bytes that are no UTF-8, one mark for all */

	s = slice_utf8_cut(s, max);
	while (s.n > 0) {
		size_t n = slice_utf8_len(s);
		const char *escape = escape_of(s.p[0]);

		if (n == 0 && !broken)
			buf_str(b, "\xef\xbf\xbd");
		broken = n == 0;
		if (n > 0 && escape != NULL)
			buf_str(b, escape);
		else if (n > 0 && !lines && s.p[0] == '\n')
			buf_byte(b, ' ');
		else if (n > 0 &&
			 !unwanted((const unsigned char *)s.p, n, lines))
			buf_add(b, slice_sub(s, 0, n));
		s = slice_from(s, n > 0 ? n : 1);
	}
}

void
im_put(struct buf *b, struct slice s, size_t max)
{
	put(b, s, max, true);
}

void
im_put_attr(struct buf *b, const char *name, struct slice value, size_t max)
{
	if (value.n == 0)
		return;
	buf_printf(b, " %s='", name);
	put(b, value, max, false);
	buf_str(b, "'");
}

void
im_put_element(struct buf *b, const char *name, struct slice text, size_t max)
{
	if (text.n == 0)
		return;
	buf_printf(b, "<%s>", name);
	put(b, text, max, true);
	buf_printf(b, "</%s>", name);
}

/* ---- addresses ----------------------------------------------------------- */

struct slice
im_jid_bare(struct slice jid)
{
	size_t at = slice_find(jid, '/');

	return at == SIZE_MAX ? jid : slice_sub(jid, 0, at);
}

struct slice
im_jid_domain(struct slice jid)
{
	struct slice bare = im_jid_bare(jid);
	size_t at = slice_find(bare, '@');

	return at == SIZE_MAX ? bare : slice_from(bare, at + 1);
}

bool
im_jid_ok(struct slice jid)
{
	struct slice bare = im_jid_bare(jid);
	struct slice domain = im_jid_domain(jid);

	if (jid.n > IM_JID_MAX || domain.n == 0 || domain.n > 255 ||
	    bare.n == domain.n + 1 || !slice_utf8_ok(jid) ||
	    slice_find(domain, '@') != SIZE_MAX)
		return false;
	for (size_t i = 0; i < bare.n; i++) {
		if ((unsigned char)bare.p[i] <= ' ' || bare.p[i] == 0x7f ||
		    strchr("\"&'<>:", bare.p[i]) != NULL) {
			/* An IPv6 address in brackets may be a domain. */
			if (bare.p[i] != ':' || domain.p[0] != '[')
				return false;
		}
	}
	for (size_t i = bare.n; i < jid.n; i++) {
		if ((unsigned char)jid.p[i] < ' ' || jid.p[i] == 0x7f)
			return false;
	}
	return true;
}

struct slice
im_jid_normal(struct arena *a, struct slice jid)
{
	struct slice bare = im_jid_bare(jid);
	char *p = arena_alloc(a, bare.n + 1);

	if (p == NULL)
		return (struct slice){ NULL, 0 };
	for (size_t i = 0; i < bare.n; i++)
		p[i] = slice_lower(bare.p[i]);
	return (struct slice){ p, bare.n };
}
