/*
 * Notices as phones get them by SMS: a WSP push unit (WAP-230), the user data
 * header with WAP's port (3GPP TS 23.040), and its parts.
 */
#include "backends/push/int.h"

enum {
	WSP_TRANSACTION = 1,
	WSP_PUSH = 6,
	WSP_APPLICATION_ID = 0x2f,
	WSP_SHORT = 0x80, /* a number below 128 in one octet */
	UDH_PORTS = 7,    /* octets, the one that counts them too */
	UDH_BOTH = 12,
};

/* 2948 is WAP's push port; the phone does not look at the other one. */
#define PORTS "\x05\x04\x0b\x84\xc0\x02"

static const struct {
	const char *name;
	const char *code;
	size_t n;
} TYPES[] = {
	{ "application/vnd.syncml.ds.notification", "\xce", 1 },
	{ "application/vnd.syncml.notification", "\xc4", 1 },
	{ "application/vnd.syncml+wbxml", "\x03\x02\x03\x03", 4 },
	{ "application/vnd.syncml+xml", "\x03\x02\x03\x02", 4 },
	{ "application/vnd.wap.emn+wbxml", "\x03\x02\x03\x0a", 4 },
};

static const struct {
	const char *name;
	unsigned char number;
} APPS[] = {
	{ "x-wap-application:push.syncml", 0x05 },
	{ "x-wap-application:syncml.dm", 0x07 },
	{ "x-wap-application:emn.ua", 0x09 },
};

static void
add_text(struct buf *b, struct slice s)
{
	buf_add(b, s);
	buf_byte(b, 0);
}

static void
add_type(struct buf *b, struct slice type)
{
	for (size_t i = 0; i < sizeof(TYPES) / sizeof(TYPES[0]); i++) {
		if (slice_is(type, TYPES[i].name)) {
			buf_add(b, (struct slice){ TYPES[i].code, TYPES[i].n });
			return;
		}
	}
	add_text(b, type);
}

static void
add_app(struct buf *b, struct slice app)
{
	if (app.n == 0)
		return;
	buf_byte(b, WSP_SHORT | WSP_APPLICATION_ID);
	for (size_t i = 0; i < sizeof(APPS) / sizeof(APPS[0]); i++) {
		if (slice_is(app, APPS[i].name)) {
			buf_byte(b, WSP_SHORT | APPS[i].number);
			return;
		}
	}
	add_text(b, app);
}

void
push_wsp(struct buf *b, const struct outlet_notice *n)
{
	struct buf head = BUF_IN(b->a);

	add_type(&head, n->type);
	add_app(&head, n->app);
	/* Its length is a number of 7 bits; ours are far below. */
	if (!buf_ok(&head) || head.n >= WSP_SHORT) {
		b->bad = true;
		return;
	}
	buf_byte(b, WSP_TRANSACTION);
	buf_byte(b, WSP_PUSH);
	buf_byte(b, (unsigned char)head.n);
	buf_add(b, buf_slice(&head));
	buf_add(b, n->body);
}

size_t
push_parts(struct arena *a, struct slice unit, unsigned char ref,
	   struct push_part out[static PUSH_PARTS_MAX])
{
	size_t room = PUSH_SMS_BYTES - UDH_BOTH;
	size_t n = (unit.n + room - 1) / room;

	if (unit.n <= PUSH_SMS_BYTES - UDH_PORTS) {
		out[0] = (struct push_part){ SLICE_LIT("\x06" PORTS), unit };
		return unit.n > 0;
	}
	if (n > PUSH_PARTS_MAX)
		return 0;
	for (size_t i = 0; i < n; i++) {
		struct buf udh = BUF_IN(a);

		buf_add(&udh, SLICE_LIT("\x0b" PORTS "\0\x03"));
		buf_byte(&udh, ref);
		buf_byte(&udh, (unsigned char)n);
		buf_byte(&udh, (unsigned char)(i + 1));
		if (!buf_ok(&udh))
			return 0;
		out[i] = (struct push_part){ buf_slice(&udh),
					     slice_sub(unit, i * room, room) };
	}
	return n;
}
