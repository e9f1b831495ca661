/*
 * Commands with forms (XEP-0050, XEP-0004) and how clients find them
 * (XEP-0030). No state is kept between the form and its coming back: all that
 * is needed is in it.
 */
#include "backends/xmpp/talk.h"

enum {
	FIELDS_MAX = 8,
	SESSION_MAX = 128,
	NODE_MAX = 64,
};

static const struct im_field_def snooze_fields[] = {
	{ "time", "text-single", "For how long, or until when", "10" },
	{ "alarm", "text-single", "Which reminder (empty: the last one)", "" },
};
static const struct im_field_def agenda_fields[] = {
	{ "day", "text-single", "Which day", "today" },
};
static const struct im_field_def mute_fields[] = {
	{ "calendar", "text-single", "Which calendar", "" },
	{ "mute", "boolean", "No reminders from it", "true" },
};

const struct im_command_def im_commands[] = {
	{ "snooze", "Remind me later", "Remind me later", snooze_fields, 2 },
	{ "dismiss", "Dismiss the last reminder", NULL, NULL, 0 },
	{ "agenda", "What is on a day", "Agenda", agenda_fields, 1 },
	{ "upcoming", "The next reminders", NULL, NULL, 0 },
	{ "mute", "Mute a calendar", "Mute a calendar", mute_fields, 2 },
};
const size_t im_command_n = sizeof(im_commands) / sizeof(im_commands[0]);

static const struct im_command_def *
find(struct slice node)
{
	for (size_t i = 0; i < im_command_n; i++) {
		if (slice_is(node, im_commands[i].node))
			return &im_commands[i];
	}
	return NULL;
}

/* ---- running one --------------------------------------------------------- */

/* "<iq><command>", open. The session is the client's word, or one of ours that
   says nothing. */
static struct buf
begin(struct im_talk *t, const struct im_node *iq, const struct im_node *c,
      const char *status)
{
	struct slice session =
	    slice_utf8_cut(im_attr(c, "sessionid"), SESSION_MAX);
	char fresh[17];
	struct buf b = im_answer(t, iq, "result");

	if (session.n == 0) {
		rnd_text(t->conf->rnd, fresh, sizeof(fresh));
		session = slice_c(fresh);
	}
	buf_str(&b, "<command xmlns='" IM_NS_COMMANDS "'");
	im_put_attr(&b, "node", im_attr(c, "node"), NODE_MAX);
	im_put_attr(&b, "sessionid", session, SESSION_MAX);
	im_put_attr(&b, "status", slice_c(status), NODE_MAX);
	buf_str(&b, ">");
	return b;
}

static void
finish(struct im_talk *t, struct buf *b)
{
	buf_str(b, "</command></iq>");
	im_say(t, b);
}

static void
show_form(struct im_talk *t, const struct im_node *iq, const struct im_node *c,
	  const struct im_command_def *def)
{
	struct buf b = begin(t, iq, c, "executing");

	buf_str(&b, "<actions execute='complete'><complete/></actions>"
		    "<x xmlns='" IM_NS_FORM "' type='form'>");
	im_put_element(&b, "title", slice_c(def->title), NODE_MAX);
	for (size_t i = 0; i < def->field_n; i++) {
		const struct im_field_def *f = &def->fields[i];

		buf_str(&b, "<field");
		im_put_attr(&b, "var", slice_c(f->name), NODE_MAX);
		im_put_attr(&b, "type", slice_c(f->type), NODE_MAX);
		im_put_attr(&b, "label", slice_c(f->label), SESSION_MAX);
		buf_str(&b, ">");
		im_put_element(&b, "value", slice_c(f->value), NODE_MAX);
		buf_str(&b, "</field>");
	}
	buf_str(&b, "</x>");
	finish(t, &b);
}

static size_t
read_fields(const struct im_node *x, struct outlet_field *f)
{
	size_t n = 0;

	for (x = x == NULL ? NULL : x->first; x != NULL && n < FIELDS_MAX;
	     x = x->next) {
		const struct im_node *v = im_child(x, "value", NULL);

		if (!im_is(x, "field", NULL) || im_attr(x, "var").n == 0 ||
		    slice_is(im_attr(x, "var"), "FORM_TYPE"))
			continue;
		f[n].name = slice_sub(im_attr(x, "var"), 0, NODE_MAX);
		f[n].value = v == NULL ? SLICE_LIT("")
				       : slice_utf8_cut(slice_trim(v->text),
							OUTLET_IN_TEXT_MAX);
		n++;
	}
	return n;
}

static void
run(struct im_talk *t, const struct im_node *iq, const struct im_node *c,
    const struct im_node *form)
{
	struct outlet_field fields[FIELDS_MAX];
	/* Without an id: no server keeps an iq and delivers it twice, and
	   clients begin to count anew with each login. */
	struct outlet_in in = { .kind = OUTLET_IN_COMMAND,
				.text = im_attr(c, "node"),
				.field = fields };
	struct outlet_answer answer;
	struct buf b;

	in.field_n = read_fields(form, fields);
	for (size_t i = 0; i < in.field_n; i++) {
		if (slice_is(fields[i].name, "alarm") &&
		    fields[i].value.n <= OUTLET_ID_MAX)
			in.about = fields[i].value;
	}
	if (!im_ask(t, im_attr(iq, "from"), &in, &answer)) {
		im_refuse(t, iq, "wait", "resource-constraint");
		return;
	}
	if (answer.refused) {
		im_refuse(t, iq, "auth", "forbidden");
		return;
	}
	b = begin(t, iq, c, "completed");
	if (answer.text.n > 0) {
		buf_str(&b, "<note type='info'>");
		im_put(&b, answer.text, OUTLET_TEXT_MAX);
		buf_str(&b, "</note>");
	}
	finish(t, &b);
}

void
im_command(struct im_talk *t, const struct im_node *iq, const struct im_node *c)
{
	const struct im_command_def *def = find(im_attr(c, "node"));
	const struct im_node *form = im_child(c, "x", IM_NS_FORM);
	struct slice action = im_attr(c, "action");

	if (!slice_is(im_attr(iq, "type"), "set") || slice_is(action, "prev")) {
		im_refuse(t, iq, "modify", "bad-request");
	} else if (def == NULL) {
		im_refuse(t, iq, "cancel", "item-not-found");
	} else if (slice_is(action, "cancel") ||
		   slice_is(im_attr(form, "type"), "cancel")) {
		struct buf b = begin(t, iq, c, "canceled");

		finish(t, &b);
	} else if (form == NULL && def->field_n > 0) {
		show_form(t, iq, c, def);
	} else {
		run(t, iq, c, form);
	}
}

/* ---- what there is ------------------------------------------------------- */

static void
items(struct im_talk *t, const struct im_node *iq, struct slice node)
{
	struct slice to = t->conf->component ? im_attr(iq, "to") : t->bare;
	struct buf b = im_answer(t, iq, "result");

	buf_str(&b, "<query xmlns='" IM_NS_ITEMS "'");
	im_put_attr(&b, "node", node, NODE_MAX);
	buf_str(&b, ">");
	if (slice_is(node, IM_NS_COMMANDS)) {
		for (size_t i = 0; i < im_command_n; i++) {
			buf_str(&b, "<item");
			im_put_attr(&b, "jid", to, IM_JID_MAX);
			im_put_attr(&b, "node", slice_c(im_commands[i].node),
				    NODE_MAX);
			im_put_attr(&b, "name", slice_c(im_commands[i].name),
				    NODE_MAX);
			buf_str(&b, "/>");
		}
	} else if (t->conf->component && slice_eq_nocase(to, t->domain) &&
		   !slice_eq(t->bare, t->domain)) {
		buf_str(&b, "<item");
		im_put_attr(&b, "jid", t->bare, IM_JID_MAX);
		buf_str(&b, " name='Reminders'/>");
	}
	buf_str(&b, "</query></iq>");
	im_say(t, &b);
}

static void
info(struct im_talk *t, const struct im_node *iq, struct slice node)
{
	static const char *const features[] = {
		IM_NS_INFO, IM_NS_ITEMS,     IM_NS_COMMANDS,
		IM_NS_FORM, "urn:xmpp:ping", IM_NS_RECEIPTS,
	};
	const struct im_command_def *def = find(node);
	struct buf b;

	if (node.n > 0 && def == NULL && !slice_is(node, IM_NS_COMMANDS)) {
		im_refuse(t, iq, "cancel", "item-not-found");
		return;
	}
	b = im_answer(t, iq, "result");
	buf_str(&b, "<query xmlns='" IM_NS_INFO "'");
	im_put_attr(&b, "node", node, NODE_MAX);
	buf_str(&b, "><identity");
	if (def != NULL)
		buf_printf(&b,
			   " category='automation' type='command-node' "
			   "name='%s'",
			   def->name);
	else if (node.n > 0)
		buf_str(&b, " category='automation' type='command-list' "
			    "name='Commands'");
	else
		buf_str(&b, " category='client' type='bot' name='Funicular'");
	buf_str(&b, "/>");
	for (size_t i = 0; i < sizeof(features) / sizeof(features[0]); i++)
		buf_printf(&b, "<feature var='%s'/>", features[i]);
	buf_str(&b, "</query></iq>");
	im_say(t, &b);
}

void
im_disco(struct im_talk *t, const struct im_node *iq,
	 const struct im_node *query)
{
	struct slice node = im_attr(query, "node");

	if (!slice_is(im_attr(iq, "type"), "get"))
		im_refuse(t, iq, "modify", "bad-request");
	else if (slice_is(query->ns, IM_NS_INFO))
		info(t, iq, node);
	else if (node.n == 0 || slice_is(node, IM_NS_COMMANDS))
		items(t, iq, node);
	else
		im_refuse(t, iq, "cancel", "item-not-found");
}
