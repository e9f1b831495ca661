/*
 * Devices in conversation with the engine over a real store. The input is a
 * list of choices: which device, which command, with which ids, codes, bodies
 * and order, what is lost, repeated or damaged. Whatever they were, the engine
 * answers each message, its answers read, a repeated message gets the answer
 * that it got before, the store stays sound, and a new device then gets all
 * that is stored.
 */
#include "tests/fuzz/world.h"

enum { STEPS_MAX = 120, MESSAGES_MAX = 30 };

struct play {
	struct world *w;
	struct world_dev *d;
	struct slice in;  /* the step */
	struct slice all; /* those behind it */
};

static const char *const dbs[] = { "contacts", "calendar", "tasks",
				   "notes",    "caltask",  "nowhere" };

/* Bytes that are longer than a step. */
static struct slice
pick_bytes(struct play *p)
{
	return fuzz_steps(&p->all, fuzz_byte(&p->in));
}

static const char *
pick_db(struct play *p)
{
	/* Most of what happens shall meet in one place. */
	unsigned n = fuzz_below(&p->in, 16);

	return dbs[n < sizeof(dbs) / sizeof(dbs[0]) ? n : 0];
}

static int
pick_code(struct play *p)
{
	static const int code[] = {
		200, 201, 207, 208, 209, 210, 211, 212, 213, 215, 305,
		400, 401, 404, 405, 407, 408, 409, 410, 412, 413, 415,
		416, 418, 420, 421, 424, 425, 500, 501, 503, 506, 508,
		510, 511, 514, 516, 101, 0,   999, -1,
	};

	return code[fuzz_below(&p->in, sizeof(code) / sizeof(code[0]))];
}

/* ---- bodies ---------------------------------------------------------------
 */

static struct slice
card_body(struct play *p)
{
	static const char *const name[] = { "Anna", "Berta", "Carla", "Dora" };
	unsigned who = fuzz_byte(&p->in);
	unsigned note = fuzz_byte(&p->in);
	struct buf b = BUF_IN(p->w->a);

	buf_printf(&b,
		   "BEGIN:VCARD\r\nVERSION:%s\r\nN:%s;Test;;;\r\nFN:%s\r\n"
		   "TEL;TYPE=CELL:+49%u\r\n",
		   (who & 0x80) != 0 ? "2.1" : "3.0", name[who % 4],
		   name[who % 4], who >> 2 & 7);
	if ((who & 0x20) != 0)
		buf_printf(&b, "UID:u%u\r\n", who % 4);
	if (note > 0) {
		buf_str(&b, "NOTE:");
		for (unsigned i = 0; i < note; i++)
			buf_str(&b, "0123456789abcdef0123456789abcdef");
		buf_str(&b, "\r\n");
	}
	buf_str(&b, "END:VCARD\r\n");
	return buf_slice(&b);
}

static struct slice
event_body(struct play *p, bool todo)
{
	static const char *const rule[] = {
		"", "RRULE:FREQ=DAILY;COUNT=3\r\n",
		"RRULE:FREQ=WEEKLY;BYDAY=MO,WE;UNTIL=20260401T000000Z\r\n",
		"RRULE:FREQ=MONTHLY;BYDAY=-1SU\r\n"
	};
	unsigned day = fuzz_byte(&p->in);
	unsigned more = fuzz_byte(&p->in);
	const char *what = todo ? "VTODO" : "VEVENT";
	struct buf b = BUF_IN(p->w->a);

	buf_printf(&b,
		   "BEGIN:VCALENDAR\r\nVERSION:%s\r\nBEGIN:%s\r\n"
		   "UID:e%u\r\nSUMMARY:S%u\r\nDTSTART:202603%02uT0900%s\r\n",
		   (more & 1) != 0 ? "1.0" : "2.0", what, day % 4, more >> 4,
		   1 + day % 28, (more & 2) != 0 ? "00Z" : "00");
	if ((more & 1) == 0)
		buf_str(&b, rule[(more >> 2) & 3]);
	if ((more & 0x40) != 0)
		buf_str(&b, "BEGIN:VALARM\r\nACTION:DISPLAY\r\n"
			    "TRIGGER:-PT15M\r\nEND:VALARM\r\n");
	buf_printf(&b, "END:%s\r\nEND:VCALENDAR\r\n", what);
	return buf_slice(&b);
}

static struct slice
pick_body(struct play *p, const char **type)
{
	switch (fuzz_below(&p->in, 8)) {
	case 0:
		*type = "text/calendar";
		return event_body(p, false);
	case 1:
		*type = "text/x-vcalendar";
		return event_body(p, true);
	case 2:
		*type = "text/plain";
		return pick_bytes(p);
	case 3:
		*type = "text/x-vcard";
		return pick_bytes(p);
	default:
		*type = "text/x-vcard";
		return card_body(p);
	}
}

static void
put_text(struct buf *b, struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c == '\n' || (c >= 0x20 && c != '<' && c != '&'))
			buf_byte(b, c);
		else
			buf_printf(b, "&#%u;", c);
	}
}

/* ---- commands --------------------------------------------------------------
 */

static void
do_change(struct play *p)
{
	static const char *const cmd[] = { "Add",     "Replace", "Delete",
					   "Replace", "Add",     "Copy",
					   "Move",    "Exec" };
	unsigned flags = fuzz_byte(&p->in);
	unsigned id = fuzz_byte(&p->in);
	const char *name = cmd[flags & 7];
	const char *type = "text/x-vcard";
	struct slice body = { "", 0 };
	struct buf *b = &p->d->body;

	if ((flags & 7) != 2)
		body = pick_body(p, &type);
	if (!p->d->in_sync && (flags & 0x80) == 0)
		world_sync_open(p->d, "contacts");
	buf_printf(b,
		   "<%s><CmdID>%d</CmdID><Meta><Type xmlns='syncml:metinf'>%s"
		   "</Type>",
		   name, ++p->d->cmdid, type);
	if ((flags & 8) != 0)
		buf_printf(b, "<Size xmlns='syncml:metinf'>%zu</Size>",
			   body.n + (flags & 0x10) * fuzz_byte(&p->in));
	buf_printf(b, "</Meta><Item><Source><LocURI>l%u</LocURI></Source>",
		   id % 8);
	if ((id & 0x40) != 0)
		buf_printf(b, "<Target><LocURI>%u</LocURI></Target>", id >> 4);
	if (body.n > 0) {
		/* A part of it: the rest may come later, or never. */
		if ((flags & 0x20) != 0)
			body = slice_sub(body, (id >> 3) * 16U,
					 1 + fuzz_byte(&p->in) * 16U);
		buf_str(b, "<Data>");
		put_text(b, body);
		buf_str(b, "</Data>");
	}
	buf_printf(b, "%s</Item></%s>",
		   (flags & 0x40) != 0 ? "<MoreData/>" : "", name);
}

static void
do_map(struct play *p)
{
	const struct sml_cmd *found[WORLD_FOUND];
	size_t n = world_found(p->d, found);
	unsigned which = fuzz_byte(&p->in);
	unsigned luid = fuzz_byte(&p->in);
	struct slice guid;

	if (!p->d->in_map)
		world_map_open(p->d, pick_db(p));
	guid = arena_printf(p->w->a, "%u", which);
	if (n > 0 && found[which % n]->item_n > 0)
		guid = found[which % n]->items[0].source;
	buf_printf(&p->d->body,
		   "<MapItem><Target><LocURI>%.*s</LocURI></Target><Source>"
		   "<LocURI>l%u</LocURI></Source></MapItem>",
		   SLICE_ARG(guid), luid % 12);
}

static void
do_status(struct play *p)
{
	const struct sml_cmd *found[WORLD_FOUND];
	size_t n = world_found(p->d, found);
	unsigned which = fuzz_byte(&p->in);
	int code = pick_code(p);

	if (n > 0 && which < 0xF0)
		world_status(p->d, p->d->reply->hdr.msgid,
			     found[which % n]->cmdid,
			     sml_tag_name(found[which % n]->tag), code);
	else
		world_status(p->d, SLICE_LIT("1"),
			     arena_printf(p->w->a, "%u", which % 6), "Add",
			     code);
}

static void
do_alert(struct play *p)
{
	static const int code[] = { 200, 201, 202, 203, 204, 205, 200, 201,
				    222, 223, 224, 225, 100, 206, 210, 221 };
	int n = code[fuzz_below(&p->in, 16)];
	unsigned last = fuzz_below(&p->in, 4);

	world_close(p->d);
	if (n == 222) {
		buf_printf(&p->d->body,
			   "<Alert><CmdID>%d</CmdID><Data>222</Data></Alert>",
			   ++p->d->cmdid);
		return;
	}
	world_alert(p->d, n, pick_db(p),
		    last == 0   ? NULL
		    : last == 1 ? "wrong"
				: p->d->last);
}

static void
do_devinf(struct play *p)
{
	static const char head[] =
	    "<Put><CmdID>%d</CmdID><Meta><Type xmlns='syncml:metinf'>"
	    "application/vnd.syncml-devinf+xml</Type></Meta><Item><Source>"
	    "<LocURI>./devinf12</LocURI></Source><Data><DevInf "
	    "xmlns='syncml:devinf'><VerDTD>1.2</VerDTD><Man>M</Man><DevID>%s"
	    "</DevID><DevTyp>phone</DevTyp>";
	static const char store[] =
	    "<DataStore><SourceRef>./Ccontacts</SourceRef><Rx-Pref><CTType>%s"
	    "</CTType><VerCT>%s</VerCT></Rx-Pref><Tx-Pref><CTType>%s</CTType>"
	    "<VerCT>%s</VerCT></Tx-Pref><CTCap><CTType>%s</CTType><VerCT>%s"
	    "</VerCT>";
	unsigned how = fuzz_byte(&p->in);
	bool old = (how & 1) != 0;
	const char *type = old ? "text/x-vcard" : "text/vcard";
	const char *ver = old ? "2.1" : "3.0";
	struct buf *b = &p->d->body;

	world_close(p->d);
	buf_printf(b, head, ++p->d->cmdid, p->d->id);
	if ((how & 2) != 0)
		buf_str(b, "<UTC/>");
	if ((how & 4) != 0)
		buf_str(b, "<SupportLargeObjs/>");
	buf_printf(b, store, type, ver, type, ver, type, ver);
	for (unsigned i = 3; i < 8; i++) {
		static const char *const prop[] = { "N", "TEL", "NOTE", "UID",
						    "FN" };

		if ((how >> i & 1) != 0)
			buf_printf(b,
				   "<Property><PropName>%s</PropName>"
				   "<MaxSize>%u</MaxSize></Property>",
				   prop[i - 3], fuzz_byte(&p->in));
	}
	buf_str(b, "</CTCap><SyncCap><SyncType>1</SyncType></SyncCap>"
		   "</DataStore></DevInf></Data></Item></Put>");
}

/* With %d for the CmdID. */
static const char *const odd[] = {
	("<Get><CmdID>%d</CmdID><Meta><Type xmlns='syncml:metinf'>application/"
	 "vnd.syncml-devinf+xml</Type></Meta><Item><Target><LocURI>./devinf12"
	 "</LocURI></Target></Item></Get>"),
	"<Exec><CmdID>%d</CmdID><Item/></Exec>",
	"<Search><CmdID>%d</CmdID><Meta/><Data>x</Data></Search>",
	("<Atomic><CmdID>%d</CmdID><Add><CmdID>77</CmdID><Item><Source><LocURI>"
	 "l1</LocURI></Source><Data>x</Data></Item></Add></Atomic>"),
	("<Sequence><CmdID>%d</CmdID><Delete><CmdID>78</CmdID><Item><Source>"
	 "<LocURI>l1</LocURI></Source></Item></Delete></Sequence>"),
	("<Results><CmdID>%d</CmdID><MsgRef>1</MsgRef><CmdRef>1</CmdRef><Item>"
	 "<Data>x</Data></Item></Results>"),
};

static void
do_odd(struct play *p)
{
	unsigned n = fuzz_below(&p->in, sizeof(odd) / sizeof(odd[0]) + 1);
	struct slice s;

	if (n == sizeof(odd) / sizeof(odd[0])) {
		buf_add(&p->d->body, pick_bytes(p));
		return;
	}
	/* In a Sync or outside of it. */
	if (p->d->in_map)
		world_close(p->d);
	s = slice_c(odd[n]);
	buf_add(&p->d->body, slice_sub(s, 0, slice_find_str(s, "%d")));
	buf_printf(&p->d->body, "%d", ++p->d->cmdid);
	buf_add(&p->d->body, slice_from(s, slice_find_str(s, "%d") + 2));
}

/* ---- steps ----------------------------------------------------------------
 */

/* MD5 is slow by design (every nonce of 15 minutes): not too often. */
static unsigned
pick_cred(unsigned n, bool md5, bool first)
{
	if (n == 3 && !md5)
		return 0;
	return n == 0 && first ? 1 : n;
}

static void
do_post(struct play *p)
{
	unsigned how = fuzz_byte(&p->in);
	unsigned more = fuzz_byte(&p->in);
	struct world_post post = {
		.final = (how & 1) == 0,
		.cred = pick_cred(how >> 1 & 3, (more & 0x80) != 0,
				  p->d->msgid == 1),
		.noresp = (how & 8) != 0 && (more & 1) != 0,
		.no_token = (how & 0x10) != 0,
		.lost = (how & 0x20) != 0,
		.twice = (how & 0x40) != 0,
	};

	if ((how & 0x80) != 0) {
		post.damage_at = fuzz_byte(&p->in) * 256U;
		post.damage_at += fuzz_byte(&p->in);
		post.damage = pick_bytes(p);
	}
	if ((more & 2) != 0)
		p->d->max_msg = 200 + 40 * (int)fuzz_byte(&p->in);
	if ((more & 4) != 0)
		p->d->msgid += (int)fuzz_below(&p->in, 5) - 2;
	p->d->wbxml = (more & 8) != 0;
	if ((more & 0x30) == 0x30)
		p->d->version = 10 + (int)fuzz_below(&p->in, 3);
	world_post(p->w, p->d, &post);
	/* It believes that the sync went well. */
	if ((more & 0x40) != 0)
		memcpy(p->d->last, p->d->next, sizeof(p->d->last));
}

static void
do_time(struct play *p)
{
	static const int64_t ms[] = {
		1000,     16 * 60000LL, 25 * 3600000LL,
		-3600000, 250,          400 * 86400000LL
	};
	struct err e;
	int64_t n;

	p->w->b->now += ms[fuzz_below(&p->in, 6)];
	if (fuzz_below(&p->in, 2) == 0)
		return;
	FUZZ_CHECK(p->w->b->store->v->prune(
		       p->w->b->store, p->w->b->now - 30 * 86400000LL,
		       p->w->b->now - SML_SESSION_LIFE_MS,
		       p->w->b->now - SML_SESSION_LIFE_MS, &n, &e) == 0);
}

static void
step(struct play *p)
{
	switch (fuzz_below(&p->in, 16)) {
	case 0:
	case 1:
		do_post(p);
		break;
	case 2:
		world_again(p->w, p->d);
		if (fuzz_below(&p->in, 4) == 0)
			p->d->sid = (int)fuzz_below(&p->in, 3);
		break;
	case 3:
		do_alert(p);
		break;
	case 4:
		world_sync_open(p->d, pick_db(p));
		break;
	case 5:
	case 6:
		do_change(p);
		break;
	case 7:
		do_map(p);
		break;
	case 8:
		do_status(p);
		break;
	case 9:
		world_answer(p->d, 200);
		break;
	case 10:
		world_answer(p->d, pick_code(p));
		break;
	case 11:
		do_devinf(p);
		break;
	case 12:
		do_odd(p);
		break;
	case 13:
		p->d = &p->w->dev[fuzz_below(&p->in, WORLD_DEVICES)];
		break;
	case 14:
		do_time(p);
		break;
	default:
		world_close(p->d);
		break;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world w;
	struct play p = { .w = &w, .all = fuzz_input(data, size) };
	unsigned end;

	/* What costs much at the end is not done for all. */
	p.in = fuzz_step(&p.all);
	end = fuzz_below(&p.in, 4);
	world_begin(&w);
	p.d = &w.dev[0];
	for (int i = 0; i < STEPS_MAX && p.all.n > 0; i++) {
		if (w.messages > MESSAGES_MAX)
			break;
		p.in = fuzz_step(&p.all);
		step(&p);
	}
	if (end == 0)
		world_settle(&w);
	world_end(&w, end < 2);
	return 0;
}
