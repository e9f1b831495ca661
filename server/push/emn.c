#include "server/push/emn.h"

#include "base/buf.h"

#include <stdlib.h>
#include <time.h>
#include <wbxml/wbxml.h>

static const char WHERE[] = "push.emn";

/* Into an attribute's value. */
static void
escape(struct buf *b, struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c == '&' || c == '<' || c == '>' || c == '"')
			buf_printf(b, "&#%u;", c);
		else
			buf_byte(b, c);
	}
}

static void
document(struct buf *b, struct slice mailbox, int64_t at_ms)
{
	time_t t = (time_t)(at_ms / 1000);
	struct tm tm;

	buf_str(b, "<?xml version=\"1.0\"?><!DOCTYPE emn PUBLIC "
		   "\"-//WAPFORUM//DTD EMN 1.0//EN\" "
		   "\"http://www.wapforum.org/DTD/emn.dtd\">"
		   "<emn mailbox=\"");
	escape(b, mailbox);
	buf_str(b, "\"");
	if (gmtime_r(&t, &tm) != NULL)
		buf_printf(b, " timestamp=\"%04d-%02d-%02dT%02d:%02d:%02dZ\"",
			   tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
			   tm.tm_hour, tm.tm_min, tm.tm_sec);
	buf_str(b, "/>");
}

/* Its string table is off: with it, the time a document takes explodes. */
static WBXMLError
convert(struct buf *xml, unsigned char **out, unsigned *n)
{
	WBXMLConvXML2WBXML *conv = NULL;
	WBXMLError rc = wbxml_conv_xml2wbxml_create(&conv);

	if (rc != WBXML_OK)
		return rc;
	wbxml_conv_xml2wbxml_set_version(conv, WBXML_VERSION_12);
	wbxml_conv_xml2wbxml_disable_string_table(conv);
	rc = wbxml_conv_xml2wbxml_run(conv, (unsigned char *)xml->p,
				      (unsigned)xml->n, out, n);
	wbxml_conv_xml2wbxml_destroy(conv);
	return rc;
}

int
srv_push_emn(struct arena *a, struct slice mailbox, int64_t at_ms,
	     struct slice *out, struct err *e)
{
	struct buf b = BUF_IN(a);
	unsigned char *p = NULL;
	unsigned n = 0;
	WBXMLError rc;

	document(&b, mailbox, at_ms);
	if (!buf_ok(&b))
		return err_set(e, ERR_NOMEM, WHERE, "out of memory");
	rc = convert(&b, &p, &n);
	if (rc != WBXML_OK)
		return err_sys(e, ERR_CONFIG, (int)rc, WHERE,
			       "\"%.*s\" does not become a notification",
			       SLICE_ARG(slice_utf8_cut(mailbox, 80)));
	*out = arena_copy(a, (struct slice){ (const char *)p, n });
	free(p);
	if (out->p == NULL)
		return err_set(e, ERR_NOMEM, WHERE, "out of memory");
	return 0;
}
