#include "server/alarms/ways.h"

#include "pim/calendar_time.h"
#include "pim/zone.h"
#include "syncml/due.h"

enum {
	DAY_MIN = 1440,
	LEAD_MAX = 4 * 7 * DAY_MIN,
};

static const char WHERE[] = "user.set";

const struct srv_ways_key srv_ways_keys[] = {
	{ "reminders", "on, off", "whether reminders are sent (on)" },
	{ "jid", "ADDRESS,...", "XMPP addresses; they may answer, too" },
	{ "mail", "ADDRESS,...", "mail addresses, for EMAIL alarms" },
	{ "quiet", "HH:MM-HH:MM", "what comes then is sent afterwards" },
	{ "mute", "COLLECTION,...", "no reminders of these" },
	{ "lead", "MINUTES", "before events that have no alarm" },
	{ "morning", "0..23", "the hour for all-day events (8)" },
	{ "private", "hide, show", "titles of private events (hide)" },
	{ "language", "en, de, fr, es", "of reminders (en)" },
	{ "escalate", "MINUTES", "by mail when no client got it by then" },
	{ "muted-until", "UTC time", "nothing is sent before; by `mute`" },
	{ NULL, NULL, NULL },
};

/* ---- values -------------------------------------------------------------- */

static bool
is_off(struct slice s)
{
	return s.n == 0 || slice_is_nocase(s, "off") ||
	       slice_is_nocase(s, "no");
}

static bool
minutes(struct slice s, int max, int *out)
{
	int64_t v;

	if (!slice_i64(s, &v) || v < 0 || v > max)
		return false;
	*out = (int)v;
	return true;
}

static bool
clock_of(struct slice s, int *out)
{
	size_t colon = slice_find(s, ':');
	int h;
	int m = 0;

	if (colon == SIZE_MAX || !minutes(slice_sub(s, 0, colon), 24, &h) ||
	    !minutes(slice_from(s, colon + 1), 59, &m) || h * 60 + m > DAY_MIN)
		return false;
	*out = (h * 60 + m) % DAY_MIN;
	return true;
}

bool
srv_ways_quiet_of(struct slice s, int *from, int *to)
{
	size_t dash = slice_find(s, '-');

	return dash != SIZE_MAX &&
	       clock_of(slice_trim(slice_sub(s, 0, dash)), from) &&
	       clock_of(slice_trim(slice_from(s, dash + 1)), to);
}

struct slice
srv_ways_address(struct arena *a, struct slice s)
{
	char *p;

	s = slice_trim(s);
	if (slice_find(s, '/') != SIZE_MAX)
		s = slice_sub(s, 0, slice_find(s, '/'));
	p = arena_alloc(a, s.n + 1);
	for (size_t i = 0; p != NULL && i < s.n; i++)
		p[i] = slice_lower(s.p[i]);
	return (struct slice){ p, p == NULL ? 0 : s.n };
}

/* "x@y", no blanks and no control characters; enough to keep it in its place,
   the channel knows more. */
static bool
address_ok(struct slice s)
{
	size_t at = slice_find(s, '@');

	for (size_t i = 0; i < s.n; i++) {
		if ((unsigned char)s.p[i] <= ' ' || s.p[i] == 0x7f ||
		    s.p[i] == '<' || s.p[i] == '>' || s.p[i] == '"')
			return false;
	}
	return slice_utf8_ok(s) && s.n <= 512 && at != SIZE_MAX && at > 0 &&
	       at + 1 < s.n &&
	       slice_find(slice_from(s, at + 1), '@') == SIZE_MAX;
}

static int
addresses(struct arena *a, struct slice list,
	  struct slice out[static SRV_WAYS_ADDRESSES], size_t *n, struct err *e)
{
	struct slice one;

	*n = 0;
	while (slice_split(&list, ',', &one)) {
		struct slice ad = srv_ways_address(a, one);

		if (ad.p == NULL)
			return err_set(e, ERR_NOMEM, WHERE, "out of memory");
		if (ad.n == 0)
			continue;
		if (!address_ok(ad))
			return err_set(e, ERR_PARSE, WHERE,
				       "\"%.*s\" is no address",
				       SLICE_ARG(slice_utf8_cut(ad, 80)));
		if (*n == SRV_WAYS_ADDRESSES)
			return err_set(e, ERR_PARSE, WHERE,
				       "%d addresses at most",
				       SRV_WAYS_ADDRESSES);
		out[(*n)++] = ad;
	}
	return 0;
}

/* ---- reading ------------------------------------------------------------- */

static struct slice
value_of(const struct store_setting *s, size_t n, const char *key)
{
	for (size_t i = 0; i < n; i++) {
		if (slice_is(s[i].key, key))
			return s[i].value;
	}
	return SLICE_LIT("");
}

int
srv_ways_read(struct store_tx *tx, struct arena *a, struct srv_ways *out,
	      struct err *e)
{
	struct store_setting *s;
	struct slice v;
	size_t n;

	*out = (struct srv_ways){ .on = true };
	if (tx->v->alarm->setting_list(tx, a, &s, &n, e) < 0)
		return -1;
	v = value_of(s, n, "reminders");
	out->on = v.n == 0 || !is_off(v);
	if (addresses(a, value_of(s, n, "jid"), out->jid, &out->jid_n, e) < 0 ||
	    addresses(a, value_of(s, n, "mail"), out->mail, &out->mail_n, e) <
		0)
		return -1;
	if (!srv_ways_quiet_of(value_of(s, n, "quiet"), &out->quiet_from,
			       &out->quiet_to))
		out->quiet_from = out->quiet_to = 0;
	out->mute = value_of(s, n, "mute");
	out->show_private = slice_is(value_of(s, n, "private"), "show");
	if (!srv_lang_of(value_of(s, n, "language"), &out->lang))
		out->lang = SRV_LANG_EN;
	if (!minutes(value_of(s, n, "escalate"), LEAD_MAX, &out->escalate_min))
		out->escalate_min = 0;
	if (!slice_i64(value_of(s, n, "muted-until"), &out->muted_until_ms))
		out->muted_until_ms = 0;
	return 0;
}

bool
srv_ways_muted(const struct srv_ways *w, struct slice collection)
{
	struct slice list = w->mute;
	struct slice one;

	while (slice_split(&list, ',', &one)) {
		if (slice_eq_nocase(slice_trim(one), collection))
			return true;
	}
	return false;
}

int64_t
srv_ways_quiet_until(const struct srv_ways *w, struct slice zone,
		     int64_t now_ms)
{
	const struct pim_zone *z = pim_zone_find(zone);
	int64_t wall;
	int64_t day;
	int minute;

	if (w->quiet_from == w->quiet_to)
		return now_ms;
	if (z == NULL)
		z = pim_zone_utc();
	wall = pim_zone_to_wall(z, now_ms / 1000);
	day = pim_day_of(wall);
	minute = (int)((wall - day * PIM_DAY_S) / 60);
	if (w->quiet_from < w->quiet_to) {
		if (minute < w->quiet_from || minute >= w->quiet_to)
			return now_ms;
	} else if (minute >= w->quiet_from) {
		day++;
	} else if (minute >= w->quiet_to) {
		return now_ms;
	}
	return pim_zone_to_utc(z, day * PIM_DAY_S + (int64_t)w->quiet_to * 60) *
	       1000;
}

/* ---- setting ------------------------------------------------------------- */

static int
bad(struct slice key, struct slice value, struct err *e)
{
	const struct srv_ways_key *k = srv_ways_keys;

	while (k->key != NULL && !slice_is(key, k->key))
		k++;
	return err_set(e, ERR_PARSE, WHERE, "%.*s takes %s, not \"%.*s\"",
		       SLICE_ARG(key), k->takes == NULL ? "?" : k->takes,
		       SLICE_ARG(slice_utf8_cut(value, 80)));
}

static bool
one_of(struct slice v, const char *const *word)
{
	for (; *word != NULL; word++) {
		if (slice_is(v, *word))
			return true;
	}
	return false;
}

/* Is the value good for the key, and what does it change in the account's row?
 */
static bool
check(struct slice key, struct slice v, struct store_account *acc)
{
	static const char *const on_off[] = { "", "on", "off", NULL };
	static const char *const privacy[] = { "", "hide", "show", NULL };
	enum srv_lang lang;
	int64_t ms;
	int x;
	int y;

	if (slice_is(key, "reminders"))
		return one_of(v, on_off);
	if (slice_is(key, "private"))
		return one_of(v, privacy);
	if (slice_is(key, "quiet"))
		return is_off(v) || srv_ways_quiet_of(v, &x, &y);
	if (slice_is(key, "language"))
		return v.n == 0 || srv_lang_of(v, &lang);
	if (slice_is(key, "escalate"))
		return is_off(v) || (minutes(v, LEAD_MAX, &x) && x > 0);
	if (slice_is(key, "muted-until"))
		return v.n == 0 || slice_i64(v, &ms);
	if (slice_is(key, "lead")) {
		acc->alarm.lead = !is_off(v);
		acc->alarm.lead_min = 0;
		return !acc->alarm.lead ||
		       minutes(v, LEAD_MAX, &acc->alarm.lead_min);
	}
	if (slice_is(key, "morning")) {
		acc->alarm.hour = 8;
		return v.n == 0 || minutes(v, 23, &acc->alarm.hour);
	}
	return true; /* addresses and names are looked at elsewhere */
}

static int
put_addresses(struct store_tx *tx, struct arena *a, struct slice channel,
	      struct slice list, struct err *e)
{
	struct slice ad[SRV_WAYS_ADDRESSES];
	size_t n;

	if (addresses(a, list, ad, &n, e) < 0)
		return -1;
	return tx->v->alarm->address_put(tx, channel, ad, n, e);
}

static bool
is_key(struct slice key)
{
	for (const struct srv_ways_key *k = srv_ways_keys; k->key != NULL; k++)
		if (slice_is(key, k->key))
			return true;
	return false;
}

static bool
same_ways(const struct store_alarm_ways *x, const struct store_alarm_ways *y)
{
	return x->on == y->on && x->hour == y->hour && x->lead == y->lead &&
	       x->lead_min == y->lead_min;
}

int
srv_ways_set(struct store_tx *tx, struct arena *a, struct slice key,
	     struct slice value, struct err *e)
{
	struct store_alarm_ways before;
	struct store_account acc;
	struct srv_ways w;

	if (!is_key(key))
		return err_set(e, ERR_NOTFOUND, WHERE,
			       "there is no setting \"%.*s\"",
			       SLICE_ARG(slice_utf8_cut(key, 40)));
	value = slice_trim(value);
	if (tx->v->account_get(tx, a, &acc, e) < 0)
		return -1;
	before = acc.alarm;
	if (value.n > SRV_WAYS_VALUE_MAX || !check(key, value, &acc))
		return bad(key, value, e);
	if ((slice_is(key, "jid") &&
	     put_addresses(tx, a, SLICE_LIT("xmpp"), value, e) < 0) ||
	    (slice_is(key, "mail") &&
	     put_addresses(tx, a, SLICE_LIT("smtp"), value, e) < 0))
		return -1;
	if (tx->v->alarm->setting_put(tx, key, value, e) < 0 ||
	    srv_ways_read(tx, a, &w, e) < 0)
		return -1;
	acc.alarm.on = w.on && w.jid_n + w.mail_n > 0;
	if (same_ways(&before, &acc.alarm))
		return 0;
	if (tx->v->account_set(tx, &acc, e) < 0)
		return -1;
	return srv_ways_again(tx, e);
}
