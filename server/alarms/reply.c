#include "server/alarms/reply.h"

#include "pim/calendar_time.h"
#include "pim/zone.h"
#include "server/alarms/words.h"

enum { YEAR_MIN = 366 * 1440, HOUR_MIN = 60, DAY_MIN = 1440 };

static const char gaps[] = " \t\r\n";

static const struct {
	const char *word;
	enum srv_reply_kind kind;
} verbs[] = {
	{ "ok", SRV_REPLY_OK },
	{ "done", SRV_REPLY_OK },
	{ "dismiss", SRV_REPLY_OK },
	{ "erledigt", SRV_REPLY_OK },
	{ "fertig", SRV_REPLY_OK },
	{ "fait", SRV_REPLY_OK },
	{ "terminé", SRV_REPLY_OK },
	{ "listo", SRV_REPLY_OK },
	{ "hecho", SRV_REPLY_OK },
	{ "help", SRV_REPLY_HELP },
	{ "hilfe", SRV_REPLY_HELP },
	{ "aide", SRV_REPLY_HELP },
	{ "ayuda", SRV_REPLY_HELP },
	{ "?", SRV_REPLY_HELP },
	{ "agenda", SRV_REPLY_AGENDA },
	{ "next", SRV_REPLY_UPCOMING },
	{ "upcoming", SRV_REPLY_UPCOMING },
	{ "nächste", SRV_REPLY_UPCOMING },
	{ "suivants", SRV_REPLY_UPCOMING },
	{ "próximos", SRV_REPLY_UPCOMING },
	{ "mute", SRV_REPLY_MUTE },
	{ "stumm", SRV_REPLY_MUTE },
	{ "muet", SRV_REPLY_MUTE },
	{ "silencio", SRV_REPLY_MUTE },
	{ "unmute", SRV_REPLY_UNMUTE },
	{ "laut", SRV_REPLY_UNMUTE },
	{ "parler", SRV_REPLY_UNMUTE },
	{ "hablar", SRV_REPLY_UNMUTE },
	{ "snooze", SRV_REPLY_SNOOZE },
	{ "später", SRV_REPLY_SNOOZE },
};

static const struct {
	const char *word;
	int minutes;
} units[] = {
	{ "m", 1 },
	{ "min", 1 },
	{ "mins", 1 },
	{ "minute", 1 },
	{ "minutes", 1 },
	{ "minuten", 1 },
	{ "minuto", 1 },
	{ "minutos", 1 },
	{ "h", HOUR_MIN },
	{ "std", HOUR_MIN },
	{ "hour", HOUR_MIN },
	{ "hours", HOUR_MIN },
	{ "stunde", HOUR_MIN },
	{ "stunden", HOUR_MIN },
	{ "heure", HOUR_MIN },
	{ "heures", HOUR_MIN },
	{ "hora", HOUR_MIN },
	{ "horas", HOUR_MIN },
	{ "d", DAY_MIN },
	{ "day", DAY_MIN },
	{ "days", DAY_MIN },
	{ "tag", DAY_MIN },
	{ "tage", DAY_MIN },
	{ "jour", DAY_MIN },
	{ "jours", DAY_MIN },
	{ "j", DAY_MIN },
	{ "día", DAY_MIN },
	{ "días", DAY_MIN },
};

static const struct pim_zone *
zone_of(struct slice name)
{
	const struct pim_zone *z = pim_zone_find(name);

	return z == NULL ? pim_zone_utc() : z;
}

/* The digits at the front; false: none, or too many. */
static bool
digits(struct slice *s, int64_t *out)
{
	size_t n = 0;

	while (n < s->n && s->p[n] >= '0' && s->p[n] <= '9')
		n++;
	if (n == 0 || n > 6 || !slice_i64(slice_sub(*s, 0, n), out))
		return false;
	*s = slice_from(*s, n);
	return true;
}

static bool
unit_of(struct slice s, int *minutes)
{
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (!slice_is_nocase(s, units[i].word))
			continue;
		*minutes = units[i].minutes;
		return true;
	}
	return false;
}

/* One number with its unit; minutes where it has none. */
static bool
part_of(struct slice *s, int64_t *min, int *unit)
{
	struct slice word;
	int64_t v;
	size_t n = 0;

	*s = slice_trim(*s);
	if (!digits(s, &v))
		return false;
	*s = slice_trim(*s);
	while (n < s->n && (s->p[n] < '0' || s->p[n] > '9') && s->p[n] != ' ')
		n++;
	word = slice_sub(*s, 0, n);
	*s = slice_from(*s, n);
	*unit = 1;
	*min = v;
	if (word.n > 0 && !unit_of(word, unit))
		return false;
	*min *= *unit;
	/* "10 30" is no time. */
	return word.n > 0 || s->n == 0;
}

/* "10", "10m", "1 h", "1h30" */
static bool
length_of(struct slice s, int64_t *min)
{
	int64_t rest;
	int unit;

	if (!part_of(&s, min, &unit))
		return false;
	if (slice_trim(s).n == 0)
		return true;
	if (unit != HOUR_MIN || !part_of(&s, &rest, &unit) || unit != 1 ||
	    rest >= HOUR_MIN || slice_trim(s).n > 0)
		return false;
	*min += rest;
	return true;
}

/* "8:00", "17.30", "8h00" are taken from 0:00 to 23:59. */
static bool
clock_of(struct slice s, int *minute)
{
	int64_t h;
	int64_t m;

	if (!digits(&s, &h) || s.n == 0 || (s.p[0] != ':' && s.p[0] != '.'))
		return false;
	s = slice_from(s, 1);
	if (!digits(&s, &m) || s.n > 0 || h > 23 || m > 59)
		return false;
	*minute = (int)(h * HOUR_MIN + m);
	return true;
}

/* Days since 1970 that a word means; today counts as the weekday only if it is
   said by its own name. */
static bool
day_of(struct slice word, int64_t today, int64_t *out)
{
	struct pim_time t;
	int wd;

	if (srv_word_is(word, SRV_W_TODAY))
		*out = today;
	else if (srv_word_is(word, SRV_W_TOMORROW))
		*out = today + 1;
	else if (srv_word_is(word, SRV_W_YESTERDAY))
		*out = today - 1;
	else if (srv_weekday_of(word, &wd))
		*out = today + 1 + (wd - pim_weekday(today + 1) + 7) % 7;
	else if (pim_time_parse(word, &t) && t.date)
		*out = pim_day_of(t.wall);
	else
		return false;
	return true;
}

bool
srv_reply_day(struct slice text, struct slice zone, int64_t now_ms,
	      int64_t *out_ms)
{
	const struct pim_zone *z = zone_of(zone);
	int64_t day;

	if (!day_of(slice_trim(text),
		    pim_day_of(pim_zone_to_wall(z, now_ms / 1000)), &day))
		return false;
	*out_ms = pim_zone_to_utc(z, day * PIM_DAY_S + PIM_DAY_S / 2) * 1000;
	return true;
}

bool
srv_reply_time(struct slice text, struct slice zone, int morning,
	       int64_t now_ms, int64_t *out_ms)
{
	const struct pim_zone *z = zone_of(zone);
	int64_t today = pim_day_of(pim_zone_to_wall(z, now_ms / 1000));
	struct slice rest = slice_trim(text);
	int64_t day = today;
	struct slice word;
	int64_t min;
	int minute = morning * HOUR_MIN;
	bool said = false;

	if (length_of(rest, &min)) {
		*out_ms = now_ms + min * 60000;
		return min > 0 && min <= YEAR_MIN;
	}
	while (slice_word(&rest, gaps, &word)) {
		if (slice_is_nocase(word, "at") ||
		    slice_is_nocase(word, "um") || slice_is_nocase(word, "à") ||
		    slice_is_nocase(word, "a"))
			continue;
		if (!clock_of(word, &minute) && !day_of(word, today, &day))
			return false;
		said = true;
	}
	*out_ms =
	    pim_zone_to_utc(z, day * PIM_DAY_S + (int64_t)minute * 60) * 1000;
	if (*out_ms <= now_ms && day == today)
		*out_ms = pim_zone_to_utc(z, (day + 1) * PIM_DAY_S +
						 (int64_t)minute * 60) *
			  1000;
	return said && *out_ms > now_ms &&
	       *out_ms - now_ms <= (int64_t)YEAR_MIN * 60000;
}

static enum srv_reply_kind
verb_of(struct slice word)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (slice_is_nocase(word, verbs[i].word))
			return verbs[i].kind;
	}
	return SRV_REPLY_UNKNOWN;
}

struct srv_reply
srv_reply_read(struct slice text, struct slice zone, int morning,
	       int64_t now_ms)
{
	struct srv_reply r = { .at_ms = now_ms };
	struct slice all = slice_trim(text);
	struct slice rest = all;
	struct slice word;

	if (!slice_word(&rest, gaps, &word))
		return r;
	rest = slice_trim(rest);
	r.kind = verb_of(word);
	if (r.kind == SRV_REPLY_UNKNOWN) {
		/* A day alone asks what is on; with a time it is a moment. */
		if (srv_reply_day(all, zone, now_ms, &r.at_ms))
			r.kind = SRV_REPLY_AGENDA;
		else if (srv_reply_time(all, zone, morning, now_ms, &r.at_ms))
			r.kind = SRV_REPLY_SNOOZE;
		return r;
	}
	if (r.kind == SRV_REPLY_AGENDA) {
		if (rest.n > 0 && !srv_reply_day(rest, zone, now_ms, &r.at_ms))
			r.kind = SRV_REPLY_UNKNOWN;
		return r;
	}
	if (r.kind == SRV_REPLY_SNOOZE || r.kind == SRV_REPLY_MUTE) {
		int64_t dflt = r.kind == SRV_REPLY_SNOOZE ? 10 : HOUR_MIN;

		if (rest.n == 0)
			r.at_ms = now_ms + dflt * 60000;
		else if (!srv_reply_time(rest, zone, morning, now_ms, &r.at_ms))
			r.kind = SRV_REPLY_UNKNOWN;
		return r;
	}
	if (rest.n > 0)
		r.kind = SRV_REPLY_UNKNOWN;
	return r;
}
