/*
 * A mail as devices send it: the OMA Email and Folder objects, which are small
 * XML, and the message itself.
 */
#include "base/digest.h"
#include "pim/calendar_time.h"
#include "pim/mail_int.h"
#include "pim/mime_int.h"
#include "pim/xml.h"

/* ---- the Email object
 * ------------------------------------------------------------ */

static bool
take_flag(struct pim_mail *m, const struct pim_xml_el *el)
{
	for (size_t i = 0; i < PIM_MAIL_FLAG_N; i++) {
		unsigned bit = 1u << i;

		if (!slice_is_nocase(el->name, pim_mail_flag_names[i]))
			continue;
		/* The first one counts: in front of a message stand ours. */
		if ((m->said & bit) != 0)
			return true;
		m->said |= bit;
		if (slice_is_nocase(slice_trim(el->text), "true") ||
		    slice_is(slice_trim(el->text), "1"))
			m->flags |= bit;
		return true;
	}
	return false;
}

static int64_t
time_of(struct slice s)
{
	struct pim_time t;

	return pim_time_parse(slice_trim(s), &t) ? t.wall * 1000 : 0;
}

/* Line ends to CR LF, no line before the header. */
static struct slice
message(struct arena *a, struct slice s)
{
	struct buf b = BUF_IN(a);
	struct slice line;

	while (s.n > 0 && (*s.p == '\r' || *s.p == '\n'))
		s = slice_from(s, 1);
	while (s.n > 0 && slice_split(&s, '\n', &line)) {
		if (line.n > 0 && line.p[line.n - 1] == '\r')
			line.n--;
		buf_add(&b, line);
		if (s.p != NULL)
			buf_str(&b, "\r\n");
	}
	return buf_ok(&b) ? buf_slice(&b) : (struct slice){ NULL, 0 };
}

static struct slice
decoded(struct arena *a, const struct pim_xml_el *el)
{
	struct slice enc = pim_xml_attr(el, "enc");
	struct slice s = el->text;

	if (slice_is_nocase(enc, "quoted-printable"))
		return pim_mime_unqp(a, s);
	if (slice_is_nocase(enc, "base64") && !digest_unb64(a, s, &s))
		return SLICE_LIT("");
	return s;
}

/* With the bytes comes the rest of the head; flags and times stay. */
static int
with_bytes(struct arena *a, struct pim_item *it, struct slice bytes,
	   struct err *e)
{
	struct pim_mail was = *it->mail;
	struct pim_item *made;

	bytes = bytes.p == NULL ? bytes : message(a, bytes);
	if (bytes.p == NULL)
		return pim_nomem(e, "pim.read");
	if (bytes.n == 0)
		return 0;
	if (pim_mail_item(a, bytes, (int64_t)bytes.n, &made, e) < 0)
		return -1;
	it->mail = made->mail;
	it->mail->flags = was.flags;
	it->mail->said = was.said;
	it->mail->received_ms = was.received_ms;
	if (was.created_ms != 0)
		it->mail->created_ms = was.created_ms;
	it->mail->modified_ms = was.modified_ms;
	return 0;
}

static int
read_email(struct arena *a, struct slice body, struct pim_item *it,
	   struct err *e)
{
	struct pim_xml x = { .a = a, .rest = body };
	struct slice bytes = SLICE_LIT("");
	struct pim_xml_el el;

	if (!pim_xml_next(&x, &el) || !slice_is_nocase(el.name, "Email"))
		return err_set(e, ERR_PARSE, "pim.read", "no Email object");
	while (pim_xml_next(&x, &el)) {
		if (take_flag(it->mail, &el))
			continue;
		if (slice_is_nocase(el.name, "received"))
			it->mail->received_ms = time_of(el.text);
		else if (slice_is_nocase(el.name, "created"))
			it->mail->created_ms = time_of(el.text);
		else if (slice_is_nocase(el.name, "modified"))
			it->mail->modified_ms = time_of(el.text);
		else if (slice_is_nocase(el.name, "emailitem"))
			bytes = decoded(a, &el);
	}
	if (x.nomem || bytes.p == NULL)
		return pim_nomem(e, "pim.read");
	return with_bytes(a, it, bytes, e);
}

static int
read_folder(struct arena *a, struct slice body, struct pim_item *it,
	    struct err *e)
{
	struct pim_xml x = { .a = a, .rest = body };
	struct pim_xml_el el;

	if (!pim_xml_next(&x, &el) || !slice_is_nocase(el.name, "Folder"))
		return err_set(e, ERR_PARSE, "pim.read", "no Folder object");
	while (pim_xml_next(&x, &el)) {
		if (slice_is_nocase(el.name, "name"))
			it->folder->name = pim_mime_words(a, el.text);
		else if (slice_is_nocase(el.name, "role"))
			it->folder->role = pim_mime_words(a, el.text);
		else if (slice_is_nocase(el.name, "created"))
			it->folder->created_ms = time_of(el.text);
	}
	if (x.nomem || it->folder->name.p == NULL)
		return pim_nomem(e, "pim.read");
	return 0;
}

/* ---- the message itself
 * ------------------------------------------------------------ */

/* The fields that say how it stands are for us alone. */
static bool
own_field(struct pim_mail *m, struct slice name, struct slice value)
{
	/* A broken message may begin with a blank: no fold of ours. */
	struct pim_xml_el el = { .name = name,
				 .text = slice_sub(value, 0,
						   slice_find(value, '\r')) };

	if (slice_starts_nocase(name, "X-Sync-Message-")) {
		el.name = slice_from(name, strlen("X-Sync-Message-"));
		(void)take_flag(m, &el);
		return true;
	}
	if (slice_is_nocase(name, "Status")) {
		el.name = SLICE_LIT("read");
		el.text = slice_find(value, 'R') != SIZE_MAX
			      ? SLICE_LIT("true")
			      : SLICE_LIT("false");
		return take_flag(m, &el);
	}
	return slice_starts_nocase(name, "X-Sync-Parent-Folder");
}

static int
read_rfc822(struct arena *a, struct slice body, struct pim_item *it,
	    struct err *e)
{
	struct buf b = BUF_IN(a);
	struct slice rest;
	struct slice at;
	struct slice name;
	struct slice value;

	body = message(a, body);
	if (body.p == NULL)
		return pim_nomem(e, "pim.read");
	rest = slice_sub(body, 0, pim_mime_body(body));
	if (rest.n > PIM_MAIL_HEADER_MAX)
		return with_bytes(a, it, body, e);
	at = rest;
	while (pim_mime_field(&rest, &name, &value)) {
		if (!own_field(it->mail, name, value))
			buf_add(&b, slice_sub(at, 0, at.n - rest.n));
		at = rest;
	}
	buf_add(&b, slice_from(body, (size_t)(rest.p - body.p)));
	if (!buf_ok(&b))
		return pim_nomem(e, "pim.read");
	if (it->mail->said == 0 && slice_find(body, ':') == SIZE_MAX)
		return err_set(e, ERR_PARSE, "pim.read", "no message");
	return with_bytes(a, it, buf_slice(&b), e);
}

int
pim_mail_read(struct arena *a, enum pim_form form, struct slice body,
	      struct pim_item **out, struct err *e)
{
	struct pim_item *it =
	    pim_mail_new(a, form == PIM_OFOLDER ? PIM_FOLDER : PIM_MAIL);
	int rc;

	if (it == NULL)
		return pim_nomem(e, "pim.read");
	if (form == PIM_OFOLDER)
		rc = read_folder(a, body, it, e);
	else if (form == PIM_EMAIL)
		rc = read_email(a, body, it, e);
	else
		rc = read_rfc822(a, body, it, e);
	*out = rc == 0 ? it : NULL;
	return rc;
}
