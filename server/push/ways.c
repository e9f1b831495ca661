#include "server/push/ways.h"

#include "base/buf.h"
#include "server/alarms/ways.h"

enum { GAP_MAX_S = 7 * 86400, DAY_MAX = 10000, PHONE_DIGITS_MAX = 20 };

static const char WHERE[] = "push.set";

const struct srv_push_key srv_push_keys[] = {
	{ "form", "san, notification, 1.1, 1.1-xml, 1.0, 1.0-xml, emn or text",
	  "what is sent (san)" },
	{ "server", "a name", "by which the device knows this server" },
	{ "collections", "names with commas between",
	  "what it is woken for (all that it syncs)" },
	{ "mail", "new or all",
	  "what of mail wakes it: what is new, or all that happens (new)" },
	{ "gap", "seconds", "at least between two notices (60)" },
	{ "day", "a number",
	  "of messages in 24 hours; 0: any (as the site says)" },
	{ "quiet", "22:00-07:00", "hours without notices" },
	{ "sync", "206 to 210", "kind of sync that is asked for (206)" },
	{ "ui", "none, background, inform or ask",
	  "what the device may show (background)" },
	{ "mailbox", "mailat:, imap://, pop:// or https:// and an address",
	  "that a notice of the form emn names" },
	{ NULL, NULL, NULL },
};

static const char *const FORMS[SRV_PUSH_FORM_N] = {
	[SRV_PUSH_SAN] = "san",     [SRV_PUSH_SAN_G] = "notification",
	[SRV_PUSH_WBXML11] = "1.1", [SRV_PUSH_XML11] = "1.1-xml",
	[SRV_PUSH_WBXML10] = "1.0", [SRV_PUSH_XML10] = "1.0-xml",
	[SRV_PUSH_EMN] = "emn",     [SRV_PUSH_TEXT] = "text",
};

static const char *const UIS[] = {
	[SML_UI_UNSAID] = "none",
	[SML_UI_BACKGROUND] = "background",
	[SML_UI_INFORM] = "inform",
	[SML_UI_ASK] = "ask",
};

static const char *const MAILS[] = { "new", "all" };

/* ---- values -------------------------------------------------------------- */

static bool
word_of(struct slice v, const char *const *list, size_t n, size_t *out)
{
	for (size_t i = 0; i < n; i++) {
		if (slice_is_nocase(v, list[i])) {
			*out = i;
			return true;
		}
	}
	return false;
}

static bool
number_of(struct slice v, int64_t low, int64_t high, int64_t *out)
{
	int64_t n;

	if (!slice_i64(v, &n) || n < low || n > high)
		return false;
	*out = n;
	return true;
}

/* Octets that are one line, and no more than fits into one. */
static bool
line_ok(struct slice v)
{
	for (size_t i = 0; i < v.n; i++) {
		if ((unsigned char)v.p[i] < ' ' || v.p[i] == 0x7f)
			return false;
	}
	return v.n <= SRV_PUSH_VALUE_MAX && slice_utf8_ok(v);
}

static bool
mailbox_ok(struct slice v)
{
	static const char *const start[] = { "mailat:", "imap://", "pop://",
					     "http://", "https://" };

	for (size_t i = 0; i < sizeof(start) / sizeof(start[0]); i++) {
		if (slice_starts(v, start[i]) && v.n > strlen(start[i]))
			return slice_find(v, ' ') == SIZE_MAX;
	}
	return false;
}

/* One of the keys that take a word; *ok: it is one of theirs. */
static bool
take_word(struct srv_push_ways *w, struct slice key, struct slice v, bool *ok)
{
	size_t i = 0;

	if (slice_is(key, "form")) {
		*ok = word_of(v, FORMS, SRV_PUSH_FORM_N, &i);
		w->form = *ok ? (enum srv_push_form)i : w->form;
	} else if (slice_is(key, "ui")) {
		*ok = word_of(v, UIS, sizeof(UIS) / sizeof(UIS[0]), &i);
		w->ui = *ok ? (enum sml_notify_ui)i : w->ui;
	} else if (slice_is(key, "mail")) {
		*ok = word_of(v, MAILS, sizeof(MAILS) / sizeof(MAILS[0]), &i);
		w->all_mail = *ok ? i == 1 : w->all_mail;
	} else {
		return false;
	}
	return true;
}

/* ... that take a number. */
static bool
take_number(struct srv_push_ways *w, struct slice key, struct slice v, bool *ok)
{
	int64_t n = 0;

	if (slice_is(key, "gap")) {
		*ok = number_of(v, 0, GAP_MAX_S, &w->gap_s);
	} else if (slice_is(key, "day")) {
		*ok = number_of(v, 0, DAY_MAX, &w->day_max);
	} else if (slice_is(key, "sync")) {
		*ok = number_of(v, 206, 210, &n);
		w->code = *ok ? (int)n : w->code;
	} else {
		return false;
	}
	return true;
}

/* false: no value for this key, or no such key. */
static bool
take(struct srv_push_ways *w, struct slice key, struct slice v)
{
	bool ok = line_ok(v);

	if (take_word(w, key, v, &ok) || take_number(w, key, v, &ok))
		return ok;
	if (slice_is(key, "quiet")) {
		ok = srv_ways_quiet_of(v, &w->quiet_from, &w->quiet_to);
	} else if (slice_is(key, "mailbox")) {
		ok = ok && mailbox_ok(v);
		w->mailbox = ok ? v : w->mailbox;
	} else if (slice_is(key, "server")) {
		/* One octet counts it in a notification. */
		ok = ok && v.n <= 255;
		w->server = ok ? v : w->server;
	} else if (slice_is(key, "collections")) {
		w->collections = ok ? v : w->collections;
	} else {
		return false;
	}
	return ok;
}

static bool
line(struct slice *rest, struct slice *key, struct slice *value)
{
	struct slice one;
	size_t gap;

	while (slice_split(rest, '\n', &one)) {
		gap = slice_find(one, ' ');
		if (gap == SIZE_MAX)
			continue;
		*key = slice_sub(one, 0, gap);
		*value = slice_from(one, gap + 1);
		return true;
	}
	return false;
}

void
srv_push_ways_read(struct slice text, struct srv_push_ways *out)
{
	struct slice key, value;

	*out = (struct srv_push_ways){ .gap_s = SRV_PUSH_GAP_S,
				       .day_max = -1,
				       .code = 206,
				       .ui = SML_UI_BACKGROUND };
	while (line(&text, &key, &value))
		(void)take(out, key, value);
}

static const struct srv_push_key *
find_key(struct slice key)
{
	for (const struct srv_push_key *k = srv_push_keys; k->key != NULL;
	     k++) {
		if (slice_is(key, k->key))
			return k;
	}
	return NULL;
}

int
srv_push_ways_set(struct arena *a, struct slice *text, struct slice key,
		  struct slice value, struct err *e)
{
	const struct srv_push_key *k = find_key(key);
	struct srv_push_ways w = { .code = 206 };
	struct buf b = BUF_IN(a);
	struct slice rest = *text;
	struct slice was, what;

	value = slice_trim(value);
	if (k == NULL)
		return err_set(e, ERR_NOTFOUND, WHERE,
			       "there is no setting \"%.*s\"",
			       SLICE_ARG(slice_utf8_cut(key, 40)));
	if (value.n > 0 && !take(&w, key, value))
		return err_set(e, ERR_PARSE, WHERE, "%s takes %s, not \"%.*s\"",
			       k->key, k->takes,
			       SLICE_ARG(slice_utf8_cut(value, 80)));
	while (line(&rest, &was, &what)) {
		if (!slice_eq(was, key))
			buf_printf(&b, "%.*s %.*s\n", SLICE_ARG(was),
				   SLICE_ARG(what));
	}
	if (value.n > 0)
		buf_printf(&b, "%s %.*s\n", k->key, SLICE_ARG(value));
	if (!buf_ok(&b))
		return err_set(e, ERR_NOMEM, WHERE, "out of memory");
	*text = buf_slice(&b);
	return 0;
}

/* ---- where to ------------------------------------------------------------ */

static bool
phone_ok(struct slice s)
{
	size_t plus = s.n > 0 && s.p[0] == '+' ? 1 : 0;

	for (size_t i = plus; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	}
	return s.n > plus + 2 && s.n - plus <= PHONE_DIGITS_MAX;
}

/* What a collector makes of it is its own affair. */
static bool
name_ok(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		if ((unsigned char)s.p[i] <= ' ' || s.p[i] == 0x7f ||
		    strchr("<>\"\\", s.p[i]) != NULL)
			return false;
	}
	return s.n > 0 && s.n <= SRV_PUSH_VALUE_MAX && slice_utf8_ok(s);
}

int
srv_push_check(struct slice channel, struct slice address, struct err *e)
{
	bool phone = slice_is(channel, "kannel") || slice_is(channel, "ppg");
	size_t at = slice_find(address, '@');

	if (!phone && !slice_is(channel, "post") &&
	    !slice_is(channel, "xmpp") && !slice_is(channel, "smtp"))
		return err_set(e, ERR_PARSE, WHERE,
			       "\"%.*s\" is no way out: kannel, ppg, post, "
			       "xmpp or smtp",
			       SLICE_ARG(slice_utf8_cut(channel, 40)));
	if (phone && !phone_ok(address))
		return err_set(e, ERR_PARSE, WHERE,
			       "\"%.*s\" is no phone number: digits, with + in "
			       "front",
			       SLICE_ARG(slice_utf8_cut(address, 40)));
	if (!phone && (!name_ok(address) ||
		       (!slice_is(channel, "post") &&
			(at == SIZE_MAX || at == 0 || at + 1 == address.n))))
		return err_set(e, ERR_PARSE, WHERE, "\"%.*s\" is no address",
			       SLICE_ARG(slice_utf8_cut(address, 40)));
	return 0;
}

bool
srv_push_wants(const struct srv_push_ways *w, struct slice collection)
{
	struct slice list = w->collections;
	struct slice one;

	if (list.n == 0)
		return true;
	while (slice_split(&list, ',', &one)) {
		if (slice_eq_nocase(slice_trim(one), collection))
			return true;
	}
	return false;
}
