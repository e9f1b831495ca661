#include "server/alarms/words.h"

#include "pim/calendar_time.h"
#include "pim/lines.h"
#include "pim/zone.h"

enum {
	TITLE_MAX = 300,
	PLACE_MAX = 200,
	HOUR_MIN = 60,
	DAY_MIN = 1440,
};

static const char *const CODE[SRV_LANG_N] = { "en", "de", "fr", "es" };

static const char *const WORD[SRV_W_N][SRV_LANG_N] = {
	[SRV_W_TODAY] = { "today", "heute", "aujourd'hui", "hoy" },
	[SRV_W_TOMORROW] = { "tomorrow", "morgen", "demain", "mañana" },
	[SRV_W_YESTERDAY] = { "yesterday", "gestern", "hier", "ayer" },
	[SRV_W_ALL_DAY] = { "all day", "ganztägig", "toute la journée",
			    "todo el día" },
	[SRV_W_NOW] = { "now", "jetzt", "maintenant", "ahora" },
	[SRV_W_IN] = { "in %s", "in %s", "dans %s", "en %s" },
	[SRV_W_AGO] = { "%s ago", "vor %s", "il y a %s", "hace %s" },
	[SRV_W_MINUTE] = { "%lld minute", "%lld Minute", "%lld minute",
			   "%lld minuto" },
	[SRV_W_MINUTES] = { "%lld minutes", "%lld Minuten", "%lld minutes",
			    "%lld minutos" },
	[SRV_W_HOUR] = { "%lld hour", "%lld Stunde", "%lld heure",
			 "%lld hora" },
	[SRV_W_HOURS] = { "%lld hours", "%lld Stunden", "%lld heures",
			  "%lld horas" },
	[SRV_W_DAY] = { "%lld day", "%lld Tag", "%lld jour", "%lld día" },
	[SRV_W_DAYS] = { "%lld days", "%lld Tagen", "%lld jours", "%lld días" },
	[SRV_W_DUE] = { "due", "fällig", "échéance", "vence" },
	[SRV_W_LATE] = { "late: it was for %s", "verspätet: gedacht für %s",
			 "en retard : prévu pour %s",
			 "con retraso: era para %s" },
	[SRV_W_PRIVATE] = { "Private event", "Privater Termin",
			    "Événement privé", "Evento privado" },
	[SRV_W_UNTITLED] = { "Untitled", "Ohne Titel", "Sans titre",
			     "Sin título" },
	[SRV_W_HINT] = { "Answer 10 or 1h: again then; ok: done; help.",
			 "Antwort 10 oder 1h: dann wieder; ok: erledigt; "
			 "hilfe.",
			 "Répondre 10 ou 1h : rappeler ; ok : terminé ; aide.",
			 "Responder 10 o 1h: repetir; ok: listo; ayuda." },
	[SRV_W_HELP] = { "10, 30 min, 1h, 17:30, tomorrow 8:00: remind again\n"
			 "ok: done\n"
			 "today, tomorrow: what is on\n"
			 "next: the coming reminders\n"
			 "mute 2h, unmute: nothing for a while",
			 "10, 30 min, 1h, 17:30, morgen 8:00: wieder erinnern\n"
			 "ok: erledigt\n"
			 "heute, morgen: was ansteht\n"
			 "nächste: die kommenden Erinnerungen\n"
			 "stumm 2h, laut: eine Weile nichts",
			 "10, 30 min, 1h, 17:30, demain 8:00 : rappeler\n"
			 "ok : terminé\n"
			 "aujourd'hui, demain : le programme\n"
			 "suivants : les prochains rappels\n"
			 "muet 2h, parler : rien pendant un temps",
			 "10, 30 min, 1h, 17:30, mañana 8:00: repetir\n"
			 "ok: listo\n"
			 "hoy, mañana: la agenda\n"
			 "próximos: los avisos siguientes\n"
			 "silencio 2h, hablar: nada por un tiempo" },
	[SRV_W_OK] = { "Done: %s", "Erledigt: %s", "Terminé : %s",
		       "Listo: %s" },
	[SRV_W_AGAIN] = { "Again %s: %s", "Wieder %s: %s", "Rappel %s : %s",
			  "De nuevo %s: %s" },
	[SRV_W_MUTED] = { "No reminders until %s.",
			  "Keine Erinnerungen bis %s.",
			  "Pas de rappels jusqu'à %s.",
			  "Sin avisos hasta %s." },
	[SRV_W_UNMUTED] = { "Reminders come again.",
			    "Erinnerungen kommen wieder.",
			    "Les rappels reprennent.", "Los avisos vuelven." },
	[SRV_W_NOTHING] = { "Nothing.", "Nichts.", "Rien.", "Nada." },
	[SRV_W_NO_ALARM] = { "There is no reminder to answer.",
			     "Es gibt keine Erinnerung zu beantworten.",
			     "Aucun rappel auquel répondre.",
			     "No hay ningún aviso que responder." },
	[SRV_W_SETTLED] = { "It is settled already, or was changed.",
			    "Schon erledigt oder geändert.",
			    "Déjà réglé, ou modifié.",
			    "Ya está resuelto, o fue cambiado." },
	[SRV_W_WHAT] = { "Not understood; \"help\" tells what can be said.",
			 "Nicht verstanden; \"hilfe\" sagt, was geht.",
			 "Pas compris ; « aide » dit ce qui est possible.",
			 "No entendido; \"ayuda\" dice qué se puede." },
	[SRV_W_MISSED] = { "Missed reminders", "Verpasste Erinnerungen",
			   "Rappels manqués", "Avisos perdidos" },
	[SRV_W_AND_MORE] = { "and %zu more", "und %zu weitere",
			     "et %zu de plus", "y %zu más" },
	[SRV_W_TEST] = { "A test: reminders arrive here.",
			 "Ein Test: Erinnerungen kommen hier an.",
			 "Un essai : les rappels arrivent ici.",
			 "Una prueba: los avisos llegan aquí." },
	[SRV_W_UPCOMING] = { "Coming reminders", "Kommende Erinnerungen",
			     "Prochains rappels", "Próximos avisos" },
	[SRV_W_FAILED] = { "The server could not do it; please try again.",
			   "Der Server konnte es nicht; bitte noch einmal.",
			   "Le serveur n'a pas pu ; veuillez réessayer.",
			   "El servidor no pudo; inténtelo de nuevo." },
	[SRV_W_TO_SYNC] = { "New to sync", "Neu abzugleichen",
			    "Nouveau à synchroniser",
			    "Nuevo para sincronizar" },
};

static const char *const DAY[SRV_LANG_N][7] = {
	{ "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday",
	  "Sunday" },
	{ "Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag",
	  "Sonntag" },
	{ "lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi",
	  "dimanche" },
	{ "lunes", "martes", "miércoles", "jueves", "viernes", "sábado",
	  "domingo" },
};

static const char *const MONTH[SRV_LANG_N][12] = {
	{ "January", "February", "March", "April", "May", "June", "July",
	  "August", "September", "October", "November", "December" },
	{ "Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August",
	  "September", "Oktober", "November", "Dezember" },
	{ "janvier", "février", "mars", "avril", "mai", "juin", "juillet",
	  "août", "septembre", "octobre", "novembre", "décembre" },
	{ "enero", "febrero", "marzo", "abril", "mayo", "junio", "julio",
	  "agosto", "septiembre", "octubre", "noviembre", "diciembre" },
};

bool
srv_lang_of(struct slice code, enum srv_lang *out)
{
	for (int l = 0; l < SRV_LANG_N; l++) {
		if (!slice_is_nocase(code, CODE[l]))
			continue;
		*out = (enum srv_lang)l;
		return true;
	}
	return false;
}

const char *
srv_lang_code(enum srv_lang l)
{
	return CODE[l];
}

const char *
srv_word(enum srv_lang l, enum srv_word w)
{
	return WORD[w][l];
}

bool
srv_word_is(struct slice word, enum srv_word w)
{
	for (int l = 0; l < SRV_LANG_N; l++) {
		if (slice_is_nocase(word, WORD[w][l]))
			return true;
	}
	return false;
}

bool
srv_weekday_of(struct slice word, int *out)
{
	for (int l = 0; l < SRV_LANG_N; l++) {
		for (int d = 0; d < 7; d++) {
			struct slice name = slice_c(DAY[l][d]);

			if (!slice_eq_nocase(word, name) &&
			    !(word.n == 3 &&
			      slice_eq_nocase(word, slice_sub(name, 0, 3))))
				continue;
			*out = d;
			return true;
		}
	}
	return false;
}

/* ---- times --------------------------------------------------------------- */

static int64_t
wall_of(const struct srv_eye *v, int64_t ms)
{
	const struct pim_zone *z = pim_zone_find(v->zone);

	return pim_zone_to_wall(z == NULL ? pim_zone_utc() : z, ms / 1000);
}

void
srv_say_day(struct buf *b, const struct srv_eye *v, int64_t ms)
{
	int64_t day = pim_day_of(wall_of(v, ms));
	int64_t today = pim_day_of(wall_of(v, v->now_ms));
	int y, m, d, this_year, x;

	if (day - today >= -1 && day - today <= 1) {
		buf_str(b, srv_word(v->lang, day == today  ? SRV_W_TODAY
					     : day > today ? SRV_W_TOMORROW
							   : SRV_W_YESTERDAY));
		return;
	}
	pim_civil(today, &this_year, &x, &x);
	pim_civil(day, &y, &m, &d);
	buf_printf(b, "%s", DAY[v->lang][pim_weekday(day)]);
	buf_printf(b, v->lang == SRV_LANG_DE ? ", %d. %s" : " %d %s", d,
		   MONTH[v->lang][m - 1]);
	if (y != this_year)
		buf_printf(b, " %d", y);
}

void
srv_say_clock(struct buf *b, const struct srv_eye *v, int64_t ms)
{
	int64_t wall = wall_of(v, ms);
	int64_t s = wall - pim_day_of(wall) * PIM_DAY_S;

	buf_printf(b, "%02d:%02d", (int)(s / 3600), (int)(s / 60 % 60));
}

/* The table's formats, spelled out so that the compiler sees them. */
static void
say_count(struct buf *b, enum srv_lang l, enum srv_word one, int64_t n)
{
	const char *f = srv_word(l, n == 1 ? one : one + 1);

	buf_printf(b, "%lld", (long long)n);
	buf_str(b, f + strlen("%lld"));
}

static void
say_length(struct buf *b, enum srv_lang l, int64_t min)
{
	if (min / DAY_MIN >= 2) {
		say_count(b, l, SRV_W_DAY, min / DAY_MIN);
		return;
	}
	if (min >= HOUR_MIN) {
		say_count(b, l, SRV_W_HOUR, min / HOUR_MIN);
		if (min % HOUR_MIN == 0)
			return;
		buf_byte(b, ' ');
	}
	say_count(b, l, SRV_W_MINUTE, min % HOUR_MIN);
}

void
srv_say_until(struct buf *b, const struct srv_eye *v, int64_t ms)
{
	int64_t left = ms - v->now_ms;
	/* To the nearest minute: what is sent a second late has not lost one.
	 */
	int64_t min = ((left < 0 ? -left : left) + 30000) / 60000;
	struct slice f =
	    slice_c(srv_word(v->lang, left >= 0 ? SRV_W_IN : SRV_W_AGO));
	size_t at = slice_find_str(f, "%s");

	if (min == 0) {
		buf_str(b, srv_word(v->lang, SRV_W_NOW));
		return;
	}
	buf_add(b, slice_sub(f, 0, at));
	say_length(b, v->lang, min);
	buf_add(b, slice_from(f, at + 2));
}

/* ---- a user's text ---------------------------------------------------------
 */

struct slice
srv_say_line(struct arena *a, struct slice s, size_t max)
{
	struct buf b = BUF_IN(a);
	bool gap = false;

	s = slice_trim(slice_utf8_cut(s, 4 * max));
	while (s.n > 0) {
		size_t n = slice_utf8_len(s);
		unsigned char c = (unsigned char)s.p[0];
		/* U+0080 to U+009F are control characters too */
		bool c1 = n == 2 && c == 0xc2 && (unsigned char)s.p[1] < 0xa0;

		if (n == 1 && (c == ' ' || c == '\t' || c == '\n' || c == '\r'))
			gap = b.n > 0;
		if (n > 0 && c > ' ' && c != 0x7f && !c1) {
			if (gap)
				buf_byte(&b, ' ');
			gap = false;
			buf_add(&b, slice_sub(s, 0, n));
		}
		s = slice_from(s, n == 0 ? 1 : n);
	}
	if (!buf_ok(&b))
		return (struct slice){ NULL, 0 };
	return slice_utf8_cut(buf_slice(&b), max);
}

static struct slice
text_of(struct arena *a, const struct pim_comp *c, const char *name, size_t max)
{
	struct slice s = pim_unescape(a, pim_prop_value(c, name));

	return s.p == NULL ? SLICE_LIT("") : srv_say_line(a, s, max);
}

static bool
hidden(const struct srv_reminder *r)
{
	struct slice class = pim_prop_value(r->alarm->comp, "CLASS");

	return r->hide_private && (slice_is_nocase(class, "PRIVATE") ||
				   slice_is_nocase(class, "CONFIDENTIAL"));
}

static struct slice
title_of(struct arena *a, const struct srv_eye *v, const struct srv_reminder *r)
{
	struct slice t;

	if (hidden(r))
		return slice_c(srv_word(v->lang, SRV_W_PRIVATE));
	t = text_of(a, r->alarm->comp, "SUMMARY", TITLE_MAX);
	return t.n > 0 ? t : slice_c(srv_word(v->lang, SRV_W_UNTITLED));
}

/* "tomorrow 09:00-10:00", "today, all day" */
static void
say_when(struct buf *b, const struct srv_eye *v, const struct pim_alarm *al,
	 bool day)
{
	if (day)
		srv_say_day(b, v, al->start_ms);
	if (al->all_day) {
		buf_printf(b, "%s%s", day ? ", " : "",
			   srv_word(v->lang, SRV_W_ALL_DAY));
		return;
	}
	if (day)
		buf_byte(b, ' ');
	srv_say_clock(b, v, al->start_ms);
	if (al->end_ms <= al->start_ms)
		return;
	buf_byte(b, '-');
	if (pim_day_of(wall_of(v, al->end_ms)) !=
	    pim_day_of(wall_of(v, al->start_ms))) {
		srv_say_day(b, v, al->end_ms);
		buf_byte(b, ' ');
	}
	srv_say_clock(b, v, al->end_ms);
}

static void
say_late(struct buf *b, const struct srv_eye *v, int64_t due_ms)
{
	struct slice f = slice_c(srv_word(v->lang, SRV_W_LATE));
	size_t at = slice_find_str(f, "%s");

	buf_str(b, " (");
	buf_add(b, slice_sub(f, 0, at));
	srv_say_day(b, v, due_ms);
	buf_byte(b, ' ');
	srv_say_clock(b, v, due_ms);
	buf_add(b, slice_from(f, at + 2));
	buf_byte(b, ')');
}

static void
say_text(struct buf *b, const struct srv_eye *v, const struct srv_reminder *r,
	 const struct outlet_alarm *al)
{
	buf_add(b, al->summary);
	buf_byte(b, '\n');
	if (al->task)
		buf_printf(b, "%s ", srv_word(v->lang, SRV_W_DUE));
	say_when(b, v, r->alarm, true);
	if (!r->alarm->all_day) {
		buf_str(b, ", ");
		srv_say_until(b, v, r->alarm->start_ms);
	}
	if (r->late)
		say_late(b, v, r->alarm->due_ms);
	if (al->place.n > 0) {
		buf_byte(b, '\n');
		buf_add(b, al->place);
	}
	buf_byte(b, '\n');
	buf_str(b, srv_word(v->lang, SRV_W_HINT));
}

int
srv_say_reminder(struct arena *a, const struct srv_eye *v,
		 const struct srv_reminder *r, struct outlet_msg *out,
		 struct err *e)
{
	struct outlet_alarm *al = ARENA_NEW(a, struct outlet_alarm);
	struct slice uid = r->alarm->alarm == NULL
			       ? SLICE_LIT("")
			       : pim_prop_value(r->alarm->alarm, "UID");
	struct buf b = BUF_IN(a);

	if (al == NULL)
		return err_set(e, ERR_NOMEM, "alarm.text", "out of memory");
	*al = (struct outlet_alarm){
		.uid = text_of(a, r->alarm->comp, "UID", OUTLET_ADDRESS_MAX),
		.recurrence = r->alarm->occurrence,
		.alarm = uid.n > 0 ? srv_say_line(a, uid, PLACE_MAX)
				   : arena_printf(a, "%u", r->alarm->index),
		.summary = title_of(a, v, r),
		.place = hidden(r) ? SLICE_LIT("")
				   : text_of(a, r->alarm->comp, "LOCATION",
					     PLACE_MAX),
		.zone = v->zone,
		.due_ms = r->alarm->due_ms,
		.start_ms = r->alarm->start_ms,
		.end_ms = r->alarm->end_ms,
		.all_day = r->alarm->all_day,
		.late = r->late,
		.task = r->item->kind == PIM_TODO,
	};
	say_text(&b, v, r, al);
	if (!buf_ok(&b) || al->summary.p == NULL || al->place.p == NULL ||
	    al->uid.p == NULL || al->alarm.p == NULL)
		return err_set(e, ERR_NOMEM, "alarm.text", "out of memory");
	out->alarm = al;
	out->lang = slice_c(srv_lang_code(v->lang));
	out->subject = al->summary;
	out->text = slice_utf8_cut(buf_slice(&b), OUTLET_TEXT_MAX);
	return 0;
}

void
srv_say_entry(struct arena *a, struct buf *b, const struct srv_eye *v,
	      const struct srv_reminder *r)
{
	struct slice place =
	    hidden(r) ? SLICE_LIT("")
		      : text_of(a, r->alarm->comp, "LOCATION", PLACE_MAX);

	say_when(b, v, r->alarm, false);
	buf_byte(b, ' ');
	buf_add(b, title_of(a, v, r));
	if (place.n > 0)
		buf_printf(b, " (%.*s)", SLICE_ARG(place));
}
