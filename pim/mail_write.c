/*
 * A mail as devices get it: cut to what they want of it, as the OMA Email
 * object or as the message itself. Cutting takes whole parts out of the bytes,
 * so that what is left is MIME still.
 */
#include "base/clock.h"
#include "base/digest.h"
#include "pim/mail_int.h"
#include "pim/mime_int.h"
#include "pim/xml.h"

/* ---- cutting ----------------------------------------------------------------
 */

struct cut {
	struct slice bytes; /* what goes out */
	int64_t left;       /* octets of the message that do not */
	struct pim_attach gone[PIM_MAIL_ATTACH_MAX];
	size_t gone_n;
};

static void
left_out(struct cut *c, struct slice name, struct slice type, int64_t size)
{
	if (c->gone_n < PIM_MAIL_ATTACH_MAX)
		c->gone[c->gone_n++] = (struct pim_attach){ name, type, size };
}

static bool
drops(const struct pim_mail_cut *how, const struct pim_part *p)
{
	return p->attached && (how->parts == PIM_MAIL_TEXT ||
			       (how->attach > 0 && p->size > how->attach));
}

/* All but the parts that are not wanted; of a message that is one such part,
   the header. */
static int
drop_parts(struct arena *a, const struct pim_mail *m,
	   const struct pim_mail_cut *how, struct cut *c)
{
	struct buf b = BUF_IN(a);
	struct pim_part *part;
	size_t at = 0;
	size_t n;

	if (pim_mime_parts(a, m->bytes, &part, &n) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (!drops(how, &part[i]))
			continue;
		left_out(c, part[i].name, part[i].type, part[i].size);
		buf_add(&b, slice_sub(m->bytes, at,
				      (part[i].depth == 0 ? part[i].body
							  : part[i].start) -
					  at));
		at = part[i].end;
	}
	if (at == 0)
		return 0;
	buf_add(&b, slice_from(m->bytes, at));
	c->bytes = buf_slice(&b);
	return buf_ok(&b) ? 0 : -1;
}

/* An edge of 0 is none. */
static bool
further(int64_t was, int64_t now)
{
	return was > 0 && (now == 0 || now > was);
}

static bool
more_parts(enum pim_mail_parts was, enum pim_mail_parts now)
{
	return was != now && (was == PIM_MAIL_HEADERS || now == PIM_MAIL_ALL);
}

bool
pim_mail_wider(const struct pim_mail_cut *was, const struct pim_mail_cut *now)
{
	return more_parts(was->parts, now->parts) ||
	       further(was->bytes, now->bytes) ||
	       further(was->attach, now->attach);
}

bool
pim_mail_gains(const struct pim_mail *m, const struct pim_mail_cut *was,
	       const struct pim_mail_cut *now)
{
	if (more_parts(was->parts, now->parts) &&
	    (was->parts == PIM_MAIL_HEADERS || m->attach_n > 0))
		return true;
	if (further(was->bytes, now->bytes) && m->held > was->bytes)
		return true;
	for (size_t i = 0; further(was->attach, now->attach) && i < m->attach_n;
	     i++) {
		if (m->attach[i].size > was->attach)
			return true;
	}
	return false;
}

static int
cut_mail(struct arena *a, const struct pim_mail *m,
	 const struct pim_mail_cut *how, struct cut *c)
{
	*c = (struct cut){ .bytes = m->bytes };
	if (how->parts == PIM_MAIL_HEADERS) {
		c->bytes = slice_sub(m->bytes, 0, pim_mime_body(m->bytes));
		for (size_t i = 0; i < m->attach_n; i++)
			left_out(c, m->attach[i].name, m->attach[i].type,
				 m->attach[i].size);
	} else if ((how->parts == PIM_MAIL_TEXT || how->attach > 0) &&
		   drop_parts(a, m, how, c) < 0) {
		return -1;
	}
	if (how->bytes > 0 && (int64_t)c->bytes.n > how->bytes)
		c->bytes = slice_utf8_cut(c->bytes, (size_t)how->bytes);
	c->left = m->size - (int64_t)c->bytes.n;
	if (c->left < 0)
		c->left = 0;
	return 0;
}

/* ---- the OMA Email object
 * ------------------------------------------------------ */

/* Text that XML can hold: UTF-8 without control characters. */
static bool
xml_text(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c < ' ' && c != '\t' && c != '\n' && c != '\r')
			return false;
		/* U+FFFE and U+FFFF are no characters there. */
		if (c == 0xEF && i + 2 < s.n &&
		    (unsigned char)s.p[i + 1] == 0xBF &&
		    (unsigned char)s.p[i + 2] >= 0xBE)
			return false;
	}
	return slice_utf8_ok(s);
}

/* "]]>" would end the section: it is cut between two of them. */
static void
put_cdata(struct buf *b, struct slice s)
{
	buf_str(b, "<![CDATA[");
	for (;;) {
		size_t at = slice_find_str(s, "]]>");

		if (at == SIZE_MAX)
			break;
		buf_add(b, slice_sub(s, 0, at + 2));
		buf_str(b, "]]><![CDATA[");
		s = slice_from(s, at + 2);
	}
	buf_add(b, s);
	buf_str(b, "]]>");
}

static void
put_element(struct buf *b, const char *name, struct slice value)
{
	if (value.n == 0)
		return;
	buf_printf(b, "<%s>", name);
	pim_xml_put(b, value);
	buf_printf(b, "</%s>", name);
}

static void
put_time(struct buf *b, const char *name, int64_t ms)
{
	char iso[17];

	if (ms == 0)
		return;
	clk_iso_basic(ms, iso);
	buf_printf(b, "<%s>%s</%s>", name, iso, name);
}

static void
put_flag(struct buf *b, const struct pim_mail *m, const char *name,
	 unsigned flag)
{
	buf_printf(b, "<%s>%s</%s>", name,
		   (m->flags & flag) != 0 ? "true" : "false", name);
}

static void
put_ext(struct buf *b, const char *name, int64_t value)
{
	buf_printf(b, "<Ext><XNam>%s</XNam><XVal>%lld</XVal></Ext>", name,
		   (long long)value);
}

/* What is not in it, as Funambol's clients understand it. */
static void
put_cut(struct buf *b, const struct pim_mail *m, const struct cut *c)
{
	put_ext(b, "x-funambol-size", m->size);
	if (c->left > 0)
		put_ext(b, "x-funambol-body", c->left);
	if (c->gone_n == 0)
		return;
	put_ext(b, "x-funambol-attach-n", (int64_t)c->gone_n);
	for (size_t i = 0; i < c->gone_n; i++) {
		buf_str(b, "<Ext><XNam>x-funambol-attach</XNam><XVal>");
		pim_xml_put(b, c->gone[i].name.n > 0 ? c->gone[i].name
						     : SLICE_LIT("?"));
		buf_printf(b, "</XVal><XVal>%lld</XVal><XVal>",
			   (long long)c->gone[i].size);
		pim_xml_put(b, c->gone[i].type);
		buf_str(b, "</XVal></Ext>");
	}
}

static int
put_message(struct arena *a, const struct pim_mail *m, const struct cut *c,
	    struct buf *b)
{
	if (xml_text(c->bytes)) {
		buf_str(b, "<emailitem>");
		put_cdata(b, c->bytes);
	} else {
		struct slice b64 = digest_b64(a, c->bytes);

		if (b64.p == NULL)
			return -1;
		buf_str(b, "<emailitem enc=\"base64\">");
		buf_add(b, b64);
	}
	buf_str(b, "</emailitem>");
	put_cut(b, m, c);
	return 0;
}

static int
write_email(struct arena *a, const struct pim_view *view,
	    const struct pim_mail *m, struct buf *b)
{
	struct cut c;

	buf_str(b, "<Email>");
	put_flag(b, m, "read", PIM_MAIL_READ);
	put_flag(b, m, "forwarded", PIM_MAIL_FORWARDED);
	put_flag(b, m, "replied", PIM_MAIL_REPLIED);
	put_time(b, "received", m->received_ms);
	put_time(b, "created", m->created_ms);
	put_time(b, "modified", m->modified_ms);
	put_flag(b, m, "flagged", PIM_MAIL_FLAGGED);
	if (m->bytes.p != NULL && (cut_mail(a, m, &view->mail, &c) < 0 ||
				   put_message(a, m, &c, b) < 0))
		return -1;
	buf_str(b, "</Email>");
	return 0;
}

/* ---- the message itself
 * ---------------------------------------------------------- */

/* What the object has elements for stands in fields at its front. */
static int
write_rfc822(struct arena *a, const struct pim_view *view,
	     const struct pim_mail *m, struct buf *b)
{
	static const char *const names[PIM_MAIL_FLAG_N] = {
		"Read", "Replied", "Forwarded", "Flagged", "Draft"
	};
	struct cut c;

	if (cut_mail(a, m, &view->mail, &c) < 0)
		return -1;
	for (size_t i = 0; i < PIM_MAIL_FLAG_N; i++)
		buf_printf(b, "X-Sync-Message-%s: %s\r\n", names[i],
			   (m->flags & (1u << i)) != 0 ? "true" : "false");
	if (c.left > 0)
		buf_printf(b, "X-Sync-Message-Size: %lld\r\n",
			   (long long)m->size);
	buf_add(b, c.bytes);
	return 0;
}

/* ---- the OMA Folder object
 * --------------------------------------------------------- */

static void
write_folder(const struct pim_folder *f, struct buf *b)
{
	buf_str(b, "<Folder>");
	put_element(b, "name", f->name);
	put_time(b, "created", f->created_ms);
	put_element(b, "role", f->role);
	buf_str(b, "</Folder>");
}

int
pim_mail_write(struct arena *a, const struct pim_view *view,
	       const struct pim_item *it, struct buf *out, struct err *e)
{
	int rc = 0;

	if (it->kind == PIM_FOLDER &&
	    (view->form == PIM_EMAIL || view->form == PIM_OFOLDER))
		write_folder(it->folder, out);
	else if (it->kind == PIM_MAIL && view->form == PIM_EMAIL)
		rc = write_email(a, view, it->mail, out);
	else if (it->kind == PIM_MAIL && view->form == PIM_RFC822)
		rc = write_rfc822(a, view, it->mail, out);
	else
		return err_set(e, ERR_UNSUPPORTED, "pim.write", "a %s as %.*s",
			       pim_kind_name(it->kind),
			       SLICE_ARG(pim_form_mime(view->form)));
	return rc == 0 && buf_ok(out) ? 0 : pim_nomem(e, "pim.write");
}
