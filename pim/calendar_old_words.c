/* Words of vCalendar 1.0 and their iCalendar counterparts. */
#include "pim/calendar_int.h"

struct word {
	const char *old;
	const char *new; /* NULL: nothing in iCalendar says so */
};

/* The first pair of a word is the one that is written. */
static const struct word todo_status[] = {
	{ "NEEDS ACTION", "NEEDS-ACTION" }, { "COMPLETED", "COMPLETED" },
	{ "IN PROCESS", "IN-PROCESS" },     { "CANCELLED", "CANCELLED" },
	{ "NEEDS-ACTION", "NEEDS-ACTION" }, { "NEEDS_ACTION", "NEEDS-ACTION" },
	{ "IN-PROCESS", "IN-PROCESS" },     { "IN_PROCESS", "IN-PROCESS" },
	{ "CONFIRMED", "IN-PROCESS" },      { "CANCELED", "CANCELLED" },
	{ "DECLINED", "CANCELLED" },        { "ACCEPTED", "NEEDS-ACTION" },
	{ "DELEGATED", "NEEDS-ACTION" },    { "SENT", "NEEDS-ACTION" },
	{ "TENTATIVE", "NEEDS-ACTION" },    { NULL, NULL },
};

static const struct word event_status[] = {
	{ "CONFIRMED", "CONFIRMED" },
	{ "TENTATIVE", "TENTATIVE" },
	{ "DECLINED", "CANCELLED" },
	{ "ACCEPTED", "CONFIRMED" },
	{ "CANCELLED", "CANCELLED" },
	{ "CANCELED", "CANCELLED" },
	{ "NEEDS ACTION", NULL },
	{ "NEEDS-ACTION", NULL },
	{ "NEEDS_ACTION", NULL },
	{ "SENT", NULL },
	{ "COMPLETED", NULL },
	{ "DELEGATED", NULL },
	{ NULL, NULL },
};

static const struct word partstat[] = {
	{ "NEEDS ACTION", "NEEDS-ACTION" }, { "ACCEPTED", "ACCEPTED" },
	{ "DECLINED", "DECLINED" },         { "TENTATIVE", "TENTATIVE" },
	{ "DELEGATED", "DELEGATED" },       { "COMPLETED", "COMPLETED" },
	{ "IN PROCESS", "IN-PROCESS" },     { "NEEDS-ACTION", "NEEDS-ACTION" },
	{ "NEEDS_ACTION", "NEEDS-ACTION" }, { "SENT", "NEEDS-ACTION" },
	{ "CONFIRMED", "ACCEPTED" },        { NULL, NULL },
};

static const struct word priority[] = {
	{ "0", "0" }, { "1", "1" }, { "2", "5" }, { "3", "7" }, { NULL, NULL },
};

static const struct word transp[] = {
	{ "0", "OPAQUE" },      { "1", "TRANSPARENT" },
	{ "2", "OPAQUE" }, /* tentative, vendors' */
	{ "3", "OPAQUE" }, /* out of office */
	{ "OPAQUE", "OPAQUE" }, { "TRANSPARENT", "TRANSPARENT" },
	{ NULL, NULL },
};

static const struct word *
find_old(const struct word *w, struct slice s)
{
	for (; w->old != NULL; w++) {
		if (slice_is_nocase(s, w->old))
			return w;
	}
	return NULL;
}

static const struct word *
find_new(const struct word *w, struct slice s)
{
	for (; w->old != NULL; w++) {
		if (w->new != NULL && slice_is_nocase(s, w->new))
			return w;
	}
	return NULL;
}

static const struct word *
table_of(struct slice name, bool todo)
{
	if (slice_is(name, "STATUS"))
		return todo ? todo_status : event_status;
	if (slice_is(name, "TRANSP"))
		return transp;
	return slice_is(name, "PRIORITY") ? priority : NULL;
}

/* ---- ATTENDEE
 * ------------------------------------------------------------------ */

static void
rename_to(struct pim_prop *p, const char *name)
{
	p->name = slice_c(name);
	p->def = pim_pdef_find(p->name);
}

static bool
is_mailto(struct slice s)
{
	return slice_starts_nocase(s, "mailto:");
}

/* "Name <a@b>" into CN and address. */
static bool
old_address(struct arena *a, struct pim_prop *p)
{
	struct slice v = slice_trim(p->value);
	size_t lt = slice_find(v, '<');
	struct slice name = { NULL, 0 };
	struct slice mail = v;

	if (is_mailto(v))
		return true;
	if (lt != SIZE_MAX) {
		name = slice_trim(slice_sub(v, 0, lt));
		mail = slice_from(v, lt + 1);
		mail = slice_trim(slice_sub(mail, 0, slice_find(mail, '>')));
	}
	if (slice_find(mail, '@') == SIZE_MAX) {
		name = name.n > 0 ? name : v;
		mail = (struct slice){ NULL, 0 };
	}
	if (name.n > 0 && pim_param_get(p, "CN").p == NULL &&
	    !pim_param_set(a, p, "CN", name))
		return false;
	if (mail.n == 0)
		return true; /* no address: the value stays */
	p->value = arena_printf(a, "mailto:%.*s", SLICE_ARG(mail));
	return p->value.p != NULL;
}

static bool
old_attendee(struct arena *a, struct pim_prop *p)
{
	struct slice role = pim_param_get(p, "ROLE");
	struct slice expect = pim_param_get(p, "EXPECT");
	const struct word *st = find_old(partstat, pim_param_get(p, "STATUS"));
	bool owner = slice_is_nocase(role, "ORGANIZER") ||
		     slice_is_nocase(role, "OWNER");
	bool rsvp = pim_param_has(p, "RSVP", "YES");
	bool fyi = slice_is_nocase(expect, "FYI");
	bool was_new =
	    slice_ends(role, "PARTICIPANT") || slice_is_nocase(role, "CHAIR");

	pim_param_remove(p, "STATUS");
	pim_param_remove(p, "EXPECT");
	if (pim_param_get(p, "RSVP").p != NULL && !is_mailto(p->value))
		pim_param_remove(p, "RSVP");
	if (owner)
		rename_to(p, "ORGANIZER");
	if (!was_new)
		pim_param_remove(p, "ROLE");
	if (!old_address(a, p))
		return false;
	if (st != NULL && !owner &&
	    !pim_param_set(a, p, "PARTSTAT", slice_c(st->new)))
		return false;
	if (!was_new) {
		if (!owner && fyi &&
		    !pim_param_set(a, p, "ROLE", SLICE_LIT("NON-PARTICIPANT")))
			return false;
		if (!owner && !fyi && expect.n > 0 &&
		    !pim_param_set(a, p, "ROLE", SLICE_LIT("REQ-PARTICIPANT")))
			return false;
	}
	return !rsvp || owner || pim_param_set(a, p, "RSVP", SLICE_LIT("TRUE"));
}

static bool
new_attendee(struct arena *a, struct pim_prop *p)
{
	bool owner = slice_is(p->name, "ORGANIZER");
	struct slice role = pim_param_get(p, "ROLE");
	struct slice cn = pim_param_get(p, "CN");
	const struct word *st =
	    find_new(partstat, pim_param_get(p, "PARTSTAT"));
	bool rsvp = pim_param_has(p, "RSVP", "TRUE");
	const char *expect = NULL;

	if (slice_is_nocase(role, "REQ-PARTICIPANT"))
		expect = "REQUEST";
	else if (slice_is_nocase(role, "NON-PARTICIPANT") ||
		 slice_is_nocase(role, "OPT-PARTICIPANT"))
		expect = "FYI";
	rename_to(p, "ATTENDEE");
	p->params = NULL; /* the old dialect knows none of the others */
	if (!pim_param_set(a, p, "ROLE",
			   owner ? SLICE_LIT("ORGANIZER")
				 : SLICE_LIT("ATTENDEE")))
		return false;
	if (st != NULL && !pim_param_set(a, p, "STATUS", slice_c(st->old)))
		return false;
	if (rsvp && !pim_param_set(a, p, "RSVP", SLICE_LIT("YES")))
		return false;
	if (expect != NULL && !pim_param_set(a, p, "EXPECT", slice_c(expect)))
		return false;
	if (!is_mailto(p->value))
		return true;
	p->value = slice_from(p->value, 7);
	if (cn.n > 0)
		p->value = arena_printf(a, "%.*s <%.*s>", SLICE_ARG(cn),
					SLICE_ARG(p->value));
	return p->value.p != NULL;
}

/* ---- both ways
 * ------------------------------------------------------------------ */

struct pim_prop *
cal_old_word_read(struct arena *a, bool todo, struct pim_prop *p, bool *nomem)
{
	const struct word *table = table_of(p->name, todo);
	const struct word *w;

	if (slice_is(p->name, "ATTENDEE") || slice_is(p->name, "ORGANIZER")) {
		if (slice_is(p->name, "ATTENDEE") && !old_attendee(a, p))
			*nomem = true;
		return p;
	}
	if (slice_is(p->name, "CLASS"))
		p->value = slice_trim(p->value);
	if (table == NULL)
		return p;
	p->value = slice_trim(p->value);
	w = find_old(table, p->value);
	if (w == NULL) /* beyond the table: a TRANSP above 3 is busy */
		return slice_is(p->name, "TRANSP") || p->value.n == 0 ? NULL
								      : p;
	if (w->new == NULL)
		return NULL;
	p->value = slice_c(w->new);
	return p;
}

static const char *
old_priority(struct slice v)
{
	uint32_t n;

	if (!slice_u32(v, &n) || n > 9)
		return NULL;
	if (n == 0)
		return "0";
	if (n <= 4)
		return "1";
	return n == 5 ? "2" : "3";
}

struct pim_prop *
cal_old_word_write(struct arena *a, bool todo, struct pim_prop *p, bool *nomem)
{
	const struct word *table = table_of(p->name, todo);
	const struct word *w;
	const char *text;

	if (slice_is(p->name, "ATTENDEE") || slice_is(p->name, "ORGANIZER")) {
		if (!new_attendee(a, p))
			*nomem = true;
		return p;
	}
	if (table == NULL)
		return p;
	if (table == priority) {
		text = old_priority(p->value);
		if (text != NULL)
			p->value = slice_c(text);
		return p;
	}
	w = find_new(table, p->value);
	if (w == NULL)
		return NULL;
	p->value = slice_c(w->old);
	return p;
}

/* ---- changed instances
 * ------------------------------------------------------------------ */

/* Between the UID of the series and the time of the instance. */
static const char instance_mark[] = "/RECURRENCE-ID-";

bool
cal_old_uid_write(struct cal *c, const struct pim_comp *from,
		  struct pim_prop *p)
{
	char text[PIM_TIME_TEXT];
	struct cal_when w;

	if (p->value.n == 0 || !cal_when_get(c, from, "RECURRENCE-ID", &w))
		return true;
	if (w.zone != NULL) {
		w.t.wall = pim_zone_to_utc(w.zone, w.t.wall);
		w.t.utc = true;
	}
	(void)pim_time_put(w.t, text);
	p->value = arena_printf(c->a, "%.*s%s%s", SLICE_ARG(p->value),
				instance_mark, text);
	return p->value.p != NULL;
}

bool
cal_old_uid_read(struct cal *c, struct pim_comp *comp)
{
	struct slice uid = slice_trim(pim_prop_value(comp, "UID"));
	size_t at = slice_find_str(uid, instance_mark);
	struct cal_when w = { .zone = NULL };

	if (at == SIZE_MAX || at == 0 || cal_is_instance(comp) ||
	    !pim_time_parse(slice_from(uid, at + strlen(instance_mark)), &w.t))
		return true;
	return pim_comp_set(c->a, comp, "UID", slice_sub(uid, 0, at)) &&
	       cal_when_set(c, comp, "RECURRENCE-ID", &w);
}
