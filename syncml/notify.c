#include "syncml/notify.h"

#include "syncml/auth.h"
#include "syncml/limits.h"
#include "syncml/msg.h"

#include <stdio.h>

enum {
	INITIATOR_SERVER = 1 << 3, /* in the octet behind version and ui-mode */
	NAME_BYTES_MAX = 255,      /* that one octet can count */
	CODE_FIRST = 206,
	CODE_LAST = 210,
	CODE_BASE = 200,
};

static const char WHERE[] = "notify";

static const struct {
	const char *type;
	uint32_t number;
} TYPES[] = {
	{ "text/plain", 0x03 },
	{ "text/x-vcalendar", 0x06 },
	{ "text/x-vcard", 0x07 },
	{ "text/x-vmessage", 0x55 },
	{ "application/vnd.omads-email+wbxml", 0x56 },
	{ "text/x-vbookmark", 0x57 },
	{ "text/calendar", 0x0305 },
	{ "application/vnd.omads-email+xml", 0x0306 },
	{ "application/vnd.omads-file+xml", 0x0307 },
	{ "application/vnd.omads-folder+xml", 0x0308 },
	{ "text/directory;profile=vcard", 0x0309 },
	/* Its own name is younger than the table. */
	{ "text/vcard", 0x0309 },
};

uint32_t
sml_notify_type(struct slice type)
{
	for (size_t i = 0; i < sizeof(TYPES) / sizeof(TYPES[0]); i++) {
		if (slice_is_nocase(type, TYPES[i].type))
			return TYPES[i].number;
	}
	return 0;
}

uint16_t
sml_notify_session(int64_t no)
{
	return (uint16_t)((no - 1) % UINT16_MAX + 1);
}

bool
sml_notify_answers(uint16_t session, struct slice sid)
{
	char hex[8];
	uint32_t number;

	(void)snprintf(hex, sizeof(hex), "%X", (unsigned)session);
	return slice_is_nocase(sid, hex) ||
	       (slice_u32(sid, &number) && number == session);
}

static int
no_memory(struct err *e)
{
	return err_set(e, ERR_NOMEM, WHERE, "out of memory");
}

static int
check(const struct sml_notify *in, struct err *e)
{
	if (in->session == 0)
		return err_set(e, ERR_LIMIT, WHERE, "no session has number 0");
	for (size_t i = 0; i < in->n; i++) {
		if (in->sync[i].code < CODE_FIRST ||
		    in->sync[i].code > CODE_LAST)
			return err_set(e, ERR_LIMIT, WHERE,
				       "%d is no sync that a server asks for",
				       in->sync[i].code);
	}
	return 0;
}

/* ---- binary -------------------------------------------------------------- */

static void
add_number(struct buf *b, uint32_t v, int octets)
{
	while (octets-- > 0)
		buf_byte(b, (unsigned char)(v >> (8 * octets)));
}

static int
add_name(struct buf *b, struct slice name, struct err *e)
{
	if (name.n > NAME_BYTES_MAX)
		return err_set(e, ERR_LIMIT, WHERE,
			       "a name of %zu bytes is too long", name.n);
	buf_byte(b, (unsigned char)name.n);
	buf_add(b, name);
	return 0;
}

/* All that stands behind the digest. */
static int
add_trigger(struct buf *b, const struct sml_notify *in, struct err *e)
{
	/* 10 bits of version, 2 of ui-mode, 1 of initiator, 27 of nothing. */
	uint32_t head = ((uint32_t)in->version << 6) | ((uint32_t)in->ui << 4) |
			INITIATOR_SERVER;
	size_t n = in->n > SML_NOTIFY_SYNCS_MAX ? 0 : in->n;

	add_number(b, head, 2);
	add_number(b, 0, 3);
	add_number(b, in->session, 2);
	if (add_name(b, in->server, e) < 0)
		return -1;
	buf_byte(b, (unsigned char)(n << 4));
	for (size_t i = 0; i < n; i++) {
		const struct sml_notify_sync *s = &in->sync[i];

		buf_byte(b, (unsigned char)((s->code - CODE_BASE) << 4));
		add_number(b, sml_notify_type(s->type), 3);
		if (add_name(b, s->uri, e) < 0)
			return -1;
	}
	return buf_ok(b) ? 0 : no_memory(e);
}

int
sml_notify_san(struct arena *a, const struct sml_notify *in,
	       const struct sml_notify_proof *proof, struct slice *out,
	       struct err *e)
{
	struct sml_mac mac = { .digest = { 0 } };
	struct buf b = BUF_IN(a);

	if (check(in, e) < 0)
		return -1;
	buf_add(&b,
		(struct slice){ (const char *)mac.digest, sizeof(mac.digest) });
	if (add_trigger(&b, in, e) < 0)
		return -1;
	if (proof->there) {
		/* The formula is that of x-syncml-hmac, over the trigger. */
		if (sml_auth_mac(a, in->server, proof->secret, proof->nonce,
				 slice_from(buf_slice(&b), sizeof(mac.digest)),
				 &mac, e) < 0)
			return -1;
		memcpy(b.p, mac.digest, sizeof(mac.digest));
	}
	*out = buf_slice(&b);
	return 0;
}

/* ---- a message ----------------------------------------------------------- */

static void
alert(const struct sml_notify_sync *s, struct slice cmdid, struct slice code,
      struct sml_item *it, struct sml_cmd *out)
{
	*it = sml_item_none();
	it->source = s->uri;
	it->meta.type = s->type;
	*out = sml_cmd_none(SML_ALERT);
	out->cmdid = cmdid;
	out->data = code;
	out->items = it;
	out->item_n = 1;
}

int
sml_notify_message(struct arena *a, const struct sml_notify *in,
		   enum sml_enc enc, struct slice *out, struct err *e)
{
	bool v10 = in->version == 10;
	struct sml_cmd *cmd = ARENA_ARRAY(a, in->n, struct sml_cmd);
	struct sml_item *it = ARENA_ARRAY(a, in->n, struct sml_item);
	struct sml_msg m = {
		.doc = { .enc = enc, .version = in->version },
		.hdr = {
			.verdtd = v10 ? SLICE_LIT("1.0") : SLICE_LIT("1.1"),
			.verproto = v10 ? SLICE_LIT("SyncML/1.0")
					: SLICE_LIT("SyncML/1.1"),
			.sid = arena_printf(a, "%X", (unsigned)in->session),
			.msgid = SLICE_LIT("1"),
			.target = in->device,
			.source = in->server,
			.cred = { .meta = sml_meta_none() },
			.meta = sml_meta_none(),
		},
		.cmds = cmd,
		.cmd_n = in->n,
		.final = true,
	};
	struct buf b = BUF_IN(a);

	if (check(in, e) < 0)
		return -1;
	if (m.hdr.sid.p == NULL || cmd == NULL || it == NULL)
		return no_memory(e);
	for (size_t i = 0; i < in->n; i++)
		alert(&in->sync[i], arena_printf(a, "%zu", i + 1),
		      arena_printf(a, "%d", in->sync[i].code), &it[i], &cmd[i]);
	if (sml_msg_write(a, &m, &b, e) < 0)
		return -1;
	*out = buf_slice(&b);
	return 0;
}
