/* The messages that we begin: reminders and notices. */
#include "backends/xmpp/talk.h"

enum {
	/* Later than that, and it is marked as late (XEP-0203). */
	DELAY_MS = 10000,
	UID_MAX = 512,
	SHORT_MAX = 128, /* ids of recurrences, alarms, zones, languages */
	LINE_MAX = 1024, /* summary, place */
};

static const char *const types[] = {
	[IM_CHAT] = "chat",
	[IM_HEADLINE] = "headline",
	[IM_NORMAL] = "normal",
};

bool
im_type_of(struct slice word, enum im_type *out)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (slice_is_nocase(word, types[i])) {
			*out = (enum im_type)i;
			return true;
		}
	}
	return false;
}

static void
put_time(struct buf *b, const char *name, int64_t ms)
{
	char text[21];

	if (ms == INT64_MIN)
		return;
	clk_iso(ms, text);
	im_put_attr(b, name, slice_c(text), sizeof(text));
}

static void
put_alarm(struct buf *b, const struct outlet_alarm *al)
{
	buf_str(b, "<alarm xmlns='" IM_NS_ALARM "'");
	im_put_attr(b, "kind", slice_c(al->task ? "task" : "event"), SHORT_MAX);
	im_put_attr(b, "uid", al->uid, UID_MAX);
	im_put_attr(b, "recurrence", al->recurrence, SHORT_MAX);
	im_put_attr(b, "alarm", al->alarm, SHORT_MAX);
	put_time(b, "due", al->due_ms);
	put_time(b, "start", al->start_ms);
	put_time(b, "end", al->end_ms);
	im_put_attr(b, "zone", al->zone, SHORT_MAX);
	im_put_attr(b, "all-day", slice_c(al->all_day ? "true" : ""),
		    SHORT_MAX);
	im_put_attr(b, "late", slice_c(al->late ? "true" : ""), SHORT_MAX);
	buf_str(b, ">");
	im_put_element(b, "summary", al->summary, LINE_MAX);
	im_put_element(b, "place", al->place, LINE_MAX);
	buf_str(b, "</alarm>");
}

/* Servers refuse a message whose language is none. */
static bool
is_language(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = slice_lower(s.p[i]);

		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') &&
		    c != '-')
			return false;
	}
	return s.n <= 35;
}

/* Ids go into rows, headers and attributes as they are. */
static bool
id_ok(struct slice id)
{
	for (size_t i = 0; i < id.n; i++) {
		char c = id.p[i];

		if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'z') &&
		    c != '-')
			return false;
	}
	return id.n > 0 && id.n <= OUTLET_ID_MAX;
}

struct slice
im_compose(const struct im_conf *conf, struct arena *a,
	   const struct outlet_msg *msg)
{
	struct buf b = BUF_IN(a);
	int64_t now = conf->clk->now_ms(conf->clk);

	if (!id_ok(msg->id) || !im_jid_ok(msg->to))
		return (struct slice){ NULL, 0 };
	buf_printf(&b, "<message type='%s'", types[conf->type]);
	im_put_attr(&b, "id", msg->id, OUTLET_ID_MAX);
	if (conf->component)
		im_put_attr(&b, "from", slice_c(conf->jid), IM_JID_MAX);
	im_put_attr(&b, "to", msg->to, IM_JID_MAX);
	if (is_language(msg->lang))
		im_put_attr(&b, "xml:lang", msg->lang, SHORT_MAX);
	buf_str(&b, ">");
	im_put_element(&b, "body", msg->text, OUTLET_TEXT_MAX);
	im_put_element(&b, "thread", msg->id, OUTLET_ID_MAX);
	buf_str(&b, "<request xmlns='" IM_NS_RECEIPTS "'/>");
	if (msg->written_ms != INT64_MIN && now - msg->written_ms > DELAY_MS) {
		buf_str(&b, "<delay xmlns='urn:xmpp:delay'");
		im_put_attr(&b, "from", slice_c(conf->jid), IM_JID_MAX);
		put_time(&b, "stamp", msg->written_ms);
		buf_str(&b, "/>");
	}
	if (msg->alarm != NULL)
		put_alarm(&b, msg->alarm);
	buf_str(&b, "</message>");
	return buf_ok(&b) ? buf_slice(&b) : (struct slice){ NULL, 0 };
}
