/*
 * What reminders and answers say, in the languages that a user may choose: a
 * table of words, and the texts made of them.
 */
#ifndef SERVER_ALARMS_WORDS_H
#define SERVER_ALARMS_WORDS_H

#include "backends/outlet.h"
#include "base/buf.h"
#include "pim/alarm.h"

enum srv_lang {
	SRV_LANG_EN,
	SRV_LANG_DE,
	SRV_LANG_FR,
	SRV_LANG_ES,
	SRV_LANG_N,
};

enum srv_word {
	SRV_W_TODAY,
	SRV_W_TOMORROW,
	SRV_W_YESTERDAY,
	SRV_W_ALL_DAY,
	SRV_W_NOW,
	SRV_W_IN,      /* "in %s" */
	SRV_W_AGO,     /* "%s ago" */
	SRV_W_MINUTE,  /* "%lld minute" */
	SRV_W_MINUTES, /* "%lld minutes" */
	SRV_W_HOUR,
	SRV_W_HOURS,
	SRV_W_DAY,
	SRV_W_DAYS,
	SRV_W_DUE,     /* of a task */
	SRV_W_LATE,    /* "late: it was for %s" */
	SRV_W_PRIVATE, /* instead of a title */
	SRV_W_UNTITLED,
	SRV_W_HINT,     /* how to answer */
	SRV_W_HELP,     /* all that can be said */
	SRV_W_OK,       /* "done: %s" */
	SRV_W_AGAIN,    /* "again at %s: %s" */
	SRV_W_MUTED,    /* "nothing more until %s" */
	SRV_W_UNMUTED,  /* "reminders come again" */
	SRV_W_NOTHING,  /* nothing on that day */
	SRV_W_NO_ALARM, /* there is no reminder to answer */
	SRV_W_SETTLED,  /* it is settled already */
	SRV_W_WHAT,     /* not understood */
	SRV_W_MISSED,   /* subject of a digest */
	SRV_W_AND_MORE, /* "and %zu more" */
	SRV_W_TEST,     /* text of a test */
	SRV_W_UPCOMING, /* heading */
	SRV_W_FAILED,   /* not done, the server could not */
	SRV_W_TO_SYNC,  /* before names of collections */
	SRV_W_N,
};

bool srv_lang_of(struct slice code, enum srv_lang *out);
const char *srv_lang_code(enum srv_lang l);
const char *srv_word(enum srv_lang l, enum srv_word w);
/* 0 Monday; false: none. Any language, also the first three letters. */
bool srv_weekday_of(struct slice word, int *out);
/* Is it that word, in any language? */
bool srv_word_is(struct slice word, enum srv_word w);

/* How a reader sees instants. */
struct srv_eye {
	enum srv_lang lang;
	struct slice zone;
	int64_t now_ms;
};

/* "today", "Tue 3 March", with the year where it is another one. */
void srv_say_day(struct buf *b, const struct srv_eye *v, int64_t ms);
/* "09:00" */
void srv_say_clock(struct buf *b, const struct srv_eye *v, int64_t ms);
/* "in 1 hour 5 minutes", "5 minutes ago", "now" */
void srv_say_until(struct buf *b, const struct srv_eye *v, int64_t ms);

/* One line of a user's text: control characters dropped, white space is one
   blank, at most `max` bytes. .p NULL: memory is short. */
struct slice srv_say_line(struct arena *a, struct slice s, size_t max);

/*
 * What a reminder says and shows to programs. *out and its slices are the
 * arena's; out->alarm is set. item: the one whose alarm it is. hide: private
 * ones have no title. ERR_NOMEM only.
 */
struct srv_reminder {
	const struct pim_item *item;
	const struct pim_alarm *alarm;
	bool hide_private;
	bool late;
};
int srv_say_reminder(struct arena *a, const struct srv_eye *v,
		     const struct srv_reminder *r, struct outlet_msg *out,
		     struct err *e);
/* "09:00-10:00 Title (Place)": one line of a digest or an agenda. */
void srv_say_entry(struct arena *a, struct buf *b, const struct srv_eye *v,
		   const struct srv_reminder *r);

#endif
