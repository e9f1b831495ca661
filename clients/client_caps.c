#include "clients/client_caps.h"

static int
parse_values(struct arena *a, struct slice list, struct pim_cap *cap)
{
	struct slice rest = list, v;
	size_t n = 1;

	for (size_t i = 0; i < list.n; i++)
		n += list.p[i] == ',';
	cap->values = ARENA_ARRAY(a, n, struct slice);
	if (cap->values == NULL)
		return -1;
	while (slice_split(&rest, ',', &v))
		cap->values[cap->value_n++] = v;
	return 0;
}

static int
parse_word(struct arena *a, struct slice word, struct pim_cap *cap,
	   struct err *e)
{
	size_t n = 0;

	while (n < word.n && strchr("=*<", word.p[n]) == NULL)
		n++;
	cap->name = slice_sub(word, 0, n);
	word = slice_from(word, n);
	while (word.n > 0) {
		char mark = word.p[0];
		bool ok;

		word = slice_from(word, 1);
		for (n = 0; n < word.n && strchr("*<", word.p[n]) == NULL;)
			n++;
		struct slice arg = slice_sub(word, 0, n);
		word = slice_from(word, n);
		if (mark == '=' && parse_values(a, arg, cap) != 0)
			return err_set(e, ERR_NOMEM, "caps", "no memory");
		ok = mark == '=' ||
		     slice_u32(arg,
			       mark == '*' ? &cap->max_occur : &cap->max_bytes);
		if (!ok)
			return err_set(e, ERR_BUG, "caps", "bad number");
	}
	return 0;
}

int
cli_caps_parse(struct arena *a, const char *spec, struct pim_caps *out,
	       struct err *e)
{
	struct slice rest = slice_c(spec), word;
	size_t n = 1;

	for (size_t i = 0; i < rest.n; i++)
		n += rest.p[i] == ' ';
	out->prop_n = 0;
	out->props = ARENA_ARRAY(a, n, struct pim_cap);
	if (out->props == NULL)
		return err_set(e, ERR_NOMEM, "caps", "no memory");
	while (slice_split(&rest, ' ', &word)) {
		if (word.n == 0)
			continue;
		if (parse_word(a, word, &out->props[out->prop_n++], e) != 0)
			return -1;
	}
	return 0;
}

const struct pim_cap *
cli_caps_find(const struct pim_caps *caps, struct slice name)
{
	for (size_t i = 0; i < caps->prop_n; i++)
		if (slice_eq_nocase(caps->props[i].name, name))
			return &caps->props[i];
	return NULL;
}

const char *
cli_caps_usual(enum pim_form form)
{
	static const char card21[] =
	    "BEGIN=VCARD END=VCARD VERSION=2.1 "
	    "N FN X-NICKNAME TEL EMAIL ADR LABEL ORG TITLE ROLE URL BDAY NOTE "
	    "PHOTO LOGO SOUND KEY GEO TZ MAILER CATEGORIES CLASS REV UID "
	    "X-ANNIVERSARY X-SPOUSE X-MANAGER X-ASSISTANT X-AIM X-ICQ X-MSN "
	    "X-YAHOO X-JABBER X-SKYPE X-GADUGADU X-GROUPWISE X-SIP";

	switch (form) {
	case PIM_VCARD21:
		return card21;
	case PIM_VCARD30:
		return "BEGIN=VCARD END=VCARD VERSION=3.0 "
		       "N FN NICKNAME TEL EMAIL ADR LABEL ORG TITLE ROLE URL "
		       "BDAY NOTE PHOTO LOGO SOUND KEY GEO TZ MAILER "
		       "CATEGORIES CLASS REV UID X-ANNIVERSARY X-SPOUSE "
		       "X-MANAGER X-ASSISTANT X-CHILDREN X-AIM X-ICQ X-MSN "
		       "X-YAHOO X-JABBER X-SKYPE X-GADUGADU X-GROUPWISE X-SIP "
		       "IMPP SORT-STRING PRODID";
	case PIM_VCAL10:
		return "BEGIN=VCALENDAR,VEVENT,VTODO END=VCALENDAR,VEVENT,"
		       "VTODO VERSION=1.0 PRODID TZ DAYLIGHT SUMMARY "
		       "DESCRIPTION LOCATION DTSTART DTEND DUE COMPLETED "
		       "RRULE EXDATE RDATE AALARM DALARM MALARM CATEGORIES "
		       "CLASS PRIORITY STATUS TRANSP ATTENDEE ATTACH URL "
		       "DCREATED LAST-MODIFIED SEQUENCE RELATED-TO RESOURCES "
		       "GEO UID";
	case PIM_ICAL20:
		return "BEGIN=VCALENDAR,VEVENT,VTODO,VALARM,VTIMEZONE "
		       "END=VCALENDAR,VEVENT,VTODO,VALARM,VTIMEZONE "
		       "VERSION=2.0 PRODID CALSCALE SUMMARY DESCRIPTION "
		       "LOCATION DTSTART DTEND DURATION DUE COMPLETED "
		       "PERCENT-COMPLETE RRULE EXDATE RDATE RECURRENCE-ID "
		       "CATEGORIES CLASS PRIORITY STATUS TRANSP ATTENDEE "
		       "ORGANIZER ATTACH URL CREATED LAST-MODIFIED DTSTAMP "
		       "SEQUENCE RELATED-TO RESOURCES CONTACT COMMENT GEO UID "
		       "ACTION TRIGGER REPEAT TZID TZNAME TZOFFSETFROM "
		       "TZOFFSETTO";
	case PIM_FORM_NONE:
	case PIM_VCARD40:
	case PIM_TEXT:
	case PIM_VNOTE:
	case PIM_EMAIL:
	case PIM_RFC822:
	case PIM_OFOLDER:
	case PIM_SIFC:
	case PIM_SIFE:
	case PIM_SIFT:
	case PIM_SIFN:
		break;
	}
	return "";
}
