/*
 * Items: text in, text out. One canonical form inside (vCard 3.0, iCalendar
 * 2.0, plain text, all UTF-8 with CR LF line ends and without folding), every
 * device's own form at the edge. No protocol and no store in here.
 *
 * The idea: an item is a tree of components with properties whose values stay
 * canonical text, unknown ones included; conversion, comparison and merging
 * all work property by property on that tree.
 *
 * Everything lives in the arena that the call was given; slices in results may
 * point into the input text, which therefore must live as long.
 */
#ifndef PIM_PIM_H
#define PIM_PIM_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"

enum pim_kind { /* bits: a database takes a set of them */
		PIM_CONTACT = 1,
		PIM_EVENT = 2,
		PIM_TODO = 4,
		PIM_NOTE = 8,
		PIM_MAIL = 16,   /* pim/mail.h */
		PIM_FOLDER = 32, /* of mail */
};

enum pim_form {
	PIM_FORM_NONE = 0,
	PIM_VCARD21,
	PIM_VCARD30,
	PIM_VCARD40, /* read only */
	PIM_VCAL10,
	PIM_ICAL20,
	PIM_TEXT,
	PIM_VNOTE,   /* VNOTE 1.1 */
	PIM_EMAIL,   /* OMA DS Email object */
	PIM_RFC822,  /* the message as it is */
	PIM_OFOLDER, /* OMA DS Folder object */
	PIM_SIFC,    /* Funambol's contact, and the three below */
	PIM_SIFE,    /* event */
	PIM_SIFT,    /* task */
	PIM_SIFN,    /* note */
};

static inline bool
pim_is_sif(enum pim_form form)
{
	return form >= PIM_SIFC && form <= PIM_SIFN;
}

struct pim_param {
	struct slice name;  /* upper case: "TYPE" */
	struct slice value; /* one value; a list is several params in order */
	struct pim_param *next;
};

struct pim_pdef; /* what is known of a property by name: pim/lines.h */

struct pim_prop {
	struct slice group; /* "item1" of item1.TEL, or empty */
	struct slice name;  /* upper case */
	struct pim_param *params;
	struct slice value; /* canonical, still escaped (RFC 2426, 5545) */
	const struct pim_pdef *def; /* of its name; never NULL */
	/* As read from a sender that writes all that it knows (SIF): bits of
	   the parts that it spoke of (N, ORG, ADR; others have one). What is
	   empty among them was cleared. 0: not known. */
	uint32_t told;
	struct pim_prop *next;
};

struct pim_comp {
	struct slice name; /* "VCARD", "VCALENDAR", "VEVENT", "VALARM", ... */
	struct pim_prop *props;
	struct pim_comp *kids;
	struct pim_comp *next;
};

struct pim_mail;
struct pim_folder;

enum pim_told { /* what an item may speak of by leaving it out */
		PIM_TOLD_RULE = 1 << 0,  /* RRULE */
		PIM_TOLD_DATES = 1 << 1, /* EXDATE, RDATE */
		PIM_TOLD_ALARM = 1 << 2,
		PIM_TOLD_START = 1 << 3, /* DTSTART */
		PIM_TOLD_DUE = 1 << 4,
		PIM_TOLD_DONE = 1 << 5, /* COMPLETED */
};

struct pim_item {
	enum pim_kind kind;
	struct pim_comp *root; /* of a contact, an event, a task */
	struct slice text;     /* a note: UTF-8, LF line ends */
	struct pim_prop *more; /* a note: what it has beside its text */
	/* As read from a device: PIM_TOLD_*, of what it has none of and would
	   have said if it had, so that it was taken away there. */
	unsigned told;
	struct pim_mail *mail;
	struct pim_folder *folder;
};

/* ---- how one device sees the items of one database ------------------- */

struct pim_cap_param { /* a parameter that the device listed */
	struct slice name;
	struct slice *values; /* empty: any */
	size_t value_n;
};

struct pim_cap { /* a property that the device listed in CTCap */
	struct slice name;
	uint32_t max_occur; /* 0: not said */
	uint32_t max_bytes; /* MaxSize or Size; 0: not said */
	bool no_truncate;
	struct slice *values; /* ValEnum */
	size_t value_n;
	struct pim_cap_param *params;
	size_t param_n;
};

struct pim_caps { /* the CTCap of one content type */
	struct pim_cap *props;
	size_t prop_n;
};

enum pim_rule {
	/* Quirk rules, from data files (pim/rules.ini). */
	PIM_RULE_UTC = 1 << 0,         /* sends and wants UTC times */
	PIM_RULE_LOCAL = 1 << 1,       /* wants local times without Z */
	PIM_RULE_Z_IS_LOCAL = 1 << 2,  /* its Z is wrong: times are local */
	PIM_RULE_NO_Z_IS_UTC = 1 << 3, /* times without Z are UTC */
	PIM_RULE_LATIN1 = 1 << 4,      /* content in ISO-8859-1, both ways */
	PIM_RULE_QP_8BIT = 1 << 5,     /* 8-bit text: quoted-printable */
	PIM_RULE_NO_FOLD = 1 << 6,     /* cannot read folded lines */
	PIM_RULE_NO_EMPTY = 1 << 7,    /* crashes on empty properties */
	PIM_RULE_ALARM_UTC = 1 << 8,   /* alarms only as absolute UTC */
	PIM_RULE_NO_1980 = 1 << 9,     /* no dates before 1980 */
	PIM_RULE_EMAIL_INTERNET = 1 << 10,
	PIM_RULE_IGNORE_SIZE = 1 << 11,     /* its MaxSize is wrong */
	PIM_RULE_ALLDAY_SAME_DAY = 1 << 12, /* all-day ends 23:59:59 */
	PIM_RULE_ALLDAY_2400 = 1 << 13,     /* all-day ends T240000 */
	PIM_RULE_EPOC = 1 << 14,            /* X-EPOCAGENDAENTRYTYPE */
	PIM_RULE_RRULE_UNTIL = 1 << 15,     /* end dates, not counts */
	/* Keeps every property it is sent: absence is its user's deletion. */
	PIM_RULE_KEEPS_ALL = 1 << 16,
	PIM_RULE_PHOTO_NO_TYPE = 1 << 17,
	PIM_RULE_ORG_ONE = 1 << 18, /* ORG without department */
	/* Who resumes leaves out deletions that had not gone out before. */
	PIM_RULE_RESUME_NO = 1 << 19,
	PIM_RULE_RESPURI_NO = 1 << 20, /* breaks on RespURI */
	PIM_RULE_SIF = 1 << 21, /* SIF where it told no form and sent none */
	/* One number at home and one at work, no pager, car, or fax that is
	   neither's. */
	PIM_RULE_TEL_ONE = 1 << 22,
	PIM_RULE_MSG_5000 = 1 << 23, /* messages of 5000 bytes at most */
};

enum pim_mail_parts {
	PIM_MAIL_ALL = 0,
	PIM_MAIL_HEADERS, /* nothing else */
	PIM_MAIL_TEXT,    /* and the text; attachments are listed */
};

/* How much of a mail a device gets; what was cut is told. */
struct pim_mail_cut {
	enum pim_mail_parts parts;
	int64_t bytes;  /* of a message; 0: no edge */
	int64_t attach; /* of one attachment; 0: no edge */
};

struct pim_view {
	enum pim_form form;          /* what we send it */
	const struct pim_caps *caps; /* NULL: it told nothing */
	uint32_t rules;              /* PIM_RULE_* */
	bool utc;          /* its DevInf says UTC, or it is a 1.0 client */
	struct slice zone; /* Olson name of the account's time zone */
	struct pim_mail_cut mail;
	bool lean;   /* it has no room for pictures and sounds: pim_lean() */
	uint64_t id; /* hash of all of the above; pim_view_seal() */
};

/* Fill view->id; call once all other members are set. Never 0. */
void pim_view_seal(struct pim_view *view);

/*
 * Add what a property that the device itself sent proves beyond caps: kinds of
 * numbers that it does not list. caps->props must be the caller's own copy.
 * true: something was added.
 */
bool pim_caps_add_kinds(struct arena *a, struct pim_caps *caps,
			const struct pim_prop *p);

/* ---- forms ------------------------------------------------------------ */

/*
 * What the bytes are: the body decides (BEGIN, VERSION, component), the
 * declared type breaks ties. PIM_FORM_NONE when it is none of ours.
 */
enum pim_form pim_detect(struct slice body, struct slice meta_type);

/* MIME type and version as DevInf and Meta/Type write them. */
struct slice pim_form_mime(enum pim_form form);
struct slice pim_form_version(enum pim_form form);
/* From CTType and VerCT; VerCT may be empty. */
enum pim_form pim_form_of(struct slice mime, struct slice version);
/* The form in which an item of that kind goes to a device that gets `form`:
   SIF has one form per kind. */
enum pim_form pim_form_for(enum pim_form form, enum pim_kind kind);
/* The form that items of these kinds have by default, if the device told
   nothing: the old one (vCard 2.1, vCalendar 1.0, text). */
enum pim_form pim_form_default(unsigned kinds);

/* "contact", "event", "todo", "note", "mail", "folder". */
const char *pim_kind_name(enum pim_kind kind);

/* ---- reading and writing ---------------------------------------------- */

/*
 * Read what a device sent into canonical form: line ends, folding, charsets,
 * encodings, times by view's zone and rules, old grammars (RRULE, alarms,
 * TZ/DAYLIGHT) into new ones. Lenient where the meaning is plain: bytes before
 * BEGIN and a missing END are forgiven, of several cards the first is taken.
 *
 * ERR_PARSE: not an item (the peer gets 415 or 400); ERR_LIMIT; ERR_NOMEM.
 */
int pim_read(struct arena *a, const struct pim_view *view, enum pim_form form,
	     struct slice body, struct pim_item **out, struct err *e);

/*
 * Write an item in the form that view asks for, restricted to what the device
 * can hold (view->caps: properties, lengths, counts).
 */
int pim_write(struct arena *a, const struct pim_view *view,
	      const struct pim_item *it, struct buf *out, struct err *e);

/*
 * The item without its large PHOTO, LOGO, SOUND, KEY and ATTACH, as a view that
 * is lean has it; *out == it: there are none.
 */
int pim_lean(struct arena *a, const struct pim_item *it,
	     const struct pim_item **out, struct err *e);

/* The stored text, both ways. Reading accepts only what pim_canon wrote. */
int pim_canon(struct arena *a, const struct pim_item *it, struct slice *out,
	      struct err *e);
int pim_parse(struct arena *a, enum pim_kind kind, struct slice canon,
	      struct pim_item **out, struct err *e);

/*
 * What the device has after it was sent `it`: write in its form, read back.
 * Two items with the same seen form are the same to this device.
 */
int pim_seen(struct arena *a, const struct pim_view *view,
	     const struct pim_item *it, struct pim_item **out, struct err *e);

/* ---- time -----------------------------------------------------------------
 */

/* From when to when an item matters, ms since 1970. */
struct pim_span {
	bool set; /* false: it has no dates, it always does */
	int64_t from_ms;
	int64_t to_ms; /* INT64_MAX: endless, or a task that is not done */
};

/* Of an event or a task; a series from its first occurrence to the end of its
   last. Dates and floating times reach as far as zones do. ERR_NOMEM only. */
int pim_span(struct arena *a, const struct pim_item *it, struct pim_span *out,
	     struct err *e);

/* ---- identity ---------------------------------------------------------- */

enum { PIM_ALIKE_MAX = 4 };

struct pim_ids {
	struct slice uid;    /* UID (with RECURRENCE-ID appended), or empty */
	uint64_t h_uid;      /* 0: none */
	uint64_t h_content;  /* of all content, order and volatile properties
				(PRODID, REV, DTSTAMP, LAST-MODIFIED) aside */
	uint64_t h_identity; /* of what makes it this one: the start of its
				name or title, and its date */
	/* Other identities under which its twin may be stored: devices have
	   one field for a name, and keep one date of two. */
	uint64_t alike[PIM_ALIKE_MAX];
	size_t alike_n;
	struct pim_span span;
};

int pim_identify(struct arena *a, const struct pim_item *it,
		 struct pim_ids *out, struct err *e);

/* Take the UIDs out of an item that was parsed: it becomes another one. */
void pim_drop_uid(struct pim_item *it);

/* Same content, as h_content means it. */
bool pim_same(struct arena *a, const struct pim_item *x,
	      const struct pim_item *y);

/*
 * How surely the two are the same thing: 0 (no) to 100. 50 and more is a
 * match for slow sync; UID equal and not contradicted is 100.
 */
int pim_score(struct arena *a, const struct pim_item *x,
	      const struct pim_item *y);

/*
 * Of two with one UID: may they be the same event or task? A series and a
 * single event that starts elsewhere are not: devices that know no
 * RECURRENCE-ID send a changed instance under its series' UID.
 */
bool pim_one_series(struct arena *a, const struct pim_item *x,
		    const struct pim_item *y);

/*
 * Is `cut` what a device made of `whole` that keeps less of a title or name
 * than it told? A weak sign: only for items that something else (the LUID)
 * already says to be one.
 */
bool pim_is_cut(struct arena *a, const struct pim_item *cut,
		const struct pim_item *whole);

/* A short name for logs and lists ("Anna Smith", "Team, 2026-03-01 09:00"). */
struct slice pim_title(struct arena *a, const struct pim_item *it);

/* ---- merging ----------------------------------------------------------- */

enum pim_wins { PIM_WINS_NEWEST, PIM_WINS_SERVER, PIM_WINS_CLIENT };

struct pim_merge {
	const struct pim_view *view;
	const struct pim_item *current;  /* the server's */
	const struct pim_item *incoming; /* what the device sent */
	/* What the device may have held: the revision it holds first, then
	   those it was offered (16 in all are looked at). As pim_seen() where
	   we sent them. n = 0: not known (slow sync, doubt): a two-way union,
	   the server wins clashes, nothing is deleted by absence. */
	const struct pim_item *const *base;
	size_t base_n;
	/* Absence may mean deletion (the base's form is today's form). */
	bool absence_counts;
	/* base[0] is what the device itself sent: it can hold all of it. */
	bool base_own;
	enum pim_wins wins;
	/* When the two sides edited (pim_edited_ms()); 0: not known. For
	   NEWEST, which without both is the client's. */
	int64_t current_ms, incoming_ms;
	/* The device's content wins outright (refresh from client), but what
	   it cannot hold is kept. */
	bool replace;
};

struct pim_merged {
	struct pim_item *item;
	bool differs_current;  /* a new revision is due */
	bool differs_incoming; /* the device lacks something it could hold:
				  it must be sent the result */
	unsigned clashes;      /* properties edited on both sides, unlike */
	bool client_won;       /* of the clashes, all went to the client */
	bool server_won;       /* ... to the server */
};

/*
 * When its writer says that it was edited last (REV, LAST-MODIFIED), ms; 0: it
 * does not say so, only repeats what `base` (may be NULL) says, or speaks of a
 * time after `now_ms`.
 */
int64_t pim_edited_ms(const struct pim_item *it, const struct pim_item *base,
		      int64_t now_ms);

int pim_merge(struct arena *a, const struct pim_merge *in,
	      struct pim_merged *out, struct err *e);

/* ---- quirk rules ------------------------------------------------------- */

struct pim_rules; /* a loaded rule file */

/*
 * Rules are an INI file: [name] sections with man=, mod=, swv=, dev= patterns
 * (globs of * and ?, case aside, alternatives divided by |; all given ones must
 * match) and rules= names (as PIM_RULE_x
 * without the prefix, lower case, '-' for '_'). Later sections add.
 * text  NULL: the built-in file (pim/rules.ini, embedded).
 */
int pim_rules_load(struct arena *a, const char *text, struct pim_rules **out,
		   struct err *e);
uint32_t pim_rules_match(const struct pim_rules *r, struct slice man,
			 struct slice mod, struct slice swv,
			 struct slice dev_id);
/* "alarm-utc no-empty ..." to bits, for device rules set by hand;
   unknown words: ERR_CONFIG naming them. */
int pim_rules_words(struct slice words, uint32_t *out, struct err *e);

/* ---- files (import, export, the client) -------------------------------- */

/*
 * Cut a file that may hold many items (a .vcf with several cards, a .ics with
 * many events) into canonical items, one at a time: start with *rest = the
 * file, call until it gives *out == NULL. VTIMEZONEs go with the events that
 * use them; events with one UID stay together with their changed instances
 * apart (an item each).
 */
int pim_next(struct arena *a, const struct pim_view *view, struct slice *rest,
	     struct pim_item **out, struct err *e);

#endif
