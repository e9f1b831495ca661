/*
 * What comes in: receipts, replies, commands. Only who is registered with the
 * address is listened to; what is said about an alarm becomes a revision of
 * its item, so that every device learns of it.
 */
#include "server/alarms/inside.h"

#include "base/digest.h"
#include "pim/calendar_time.h"
#include "pim/zone.h"
#include "server/alarms/reply.h"
#include "syncml/due.h"

#include <stdio.h>
#include <stdlib.h>

enum {
	RECENT = 50,                         /* messages looked through */
	RECENT_MS = 2 * 24 * 60 * 60 * 1000, /* that a bare reply is about */
	AGENDA_MAX = 40,
	UPCOMING_MAX = 10,
	IN_ARENA = 64 << 20,
};

struct talk {
	struct alarms_view v;
	const struct channel *ch;
	const struct outlet_in *in;
	struct slice from; /* as it is kept */
	struct buf say;    /* the answer */
};

static int
no_memory(struct err *e)
{
	return err_set(e, ERR_NOMEM, "alarms.in", "out of memory");
}

static struct slice
field(const struct outlet_in *in, const char *name)
{
	for (size_t i = 0; i < in->field_n; i++) {
		if (slice_is(in->field[i].name, name))
			return slice_trim(in->field[i].value);
	}
	return SLICE_LIT("");
}

static void
say(struct talk *t, enum srv_word w)
{
	buf_str(&t->say, srv_word(t->v.ways.lang, w));
}

/* Text with %s in it: once or twice. */
static void
say_with(struct talk *t, enum srv_word w, struct slice first,
	 struct slice second)
{
	struct slice f = slice_c(srv_word(t->v.ways.lang, w));
	const struct slice in[2] = { first, second };

	for (size_t i = 0; i < 2; i++) {
		size_t at = slice_find_str(f, "%s");

		if (at == SIZE_MAX)
			break;
		buf_add(&t->say, slice_sub(f, 0, at));
		buf_add(&t->say, in[i]);
		f = slice_from(f, at + 2);
	}
	buf_add(&t->say, f);
}

static struct slice
moment(struct talk *t, int64_t ms)
{
	struct srv_eye eye = alarms_view_eye(&t->v);
	struct buf b = BUF_IN(t->v.a);

	srv_say_day(&b, &eye, ms);
	buf_byte(&b, ' ');
	srv_say_clock(&b, &eye, ms);
	return buf_slice(&b);
}

/* ---- which alarm -----------------------------------------------------------
 */

static bool
may_be_about(const struct talk *t, const struct store_delivery *d)
{
	return d->kind == STORE_DELIVERY_ALARM &&
	       d->state != STORE_DELIVERY_DROPPED &&
	       slice_eq(d->address, t->from) &&
	       slice_is(d->channel, t->ch->in->name);
}

/* The message that is answered: the one named, else the last one. NULL: none.
 */
static int
about(struct talk *t, struct slice id, const struct store_delivery **out,
      struct err *e)
{
	const struct store_alarm_vtbl *av = t->v.tx->v->alarm;
	struct store_delivery *d;
	size_t n;

	*out = NULL;
	if (id.n > 0 && id.n <= STORE_DELIVERY_ID_MAX) {
		if (av->delivery_get(t->v.tx, t->v.a, &id, 1, &d, &n, e) < 0)
			return -1;
		if (n == 1 && may_be_about(t, d)) {
			*out = d;
			return 0;
		}
	}
	if (av->delivery_list(t->v.tx, t->v.a, t->v.now_ms - RECENT_MS, RECENT,
			      &d, &n, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (may_be_about(t, &d[i]) &&
		    d[i].state != STORE_DELIVERY_QUEUED) {
			*out = &d[i];
			return 0;
		}
	}
	return 0;
}

/* ---- snooze and dismiss
 * ------------------------------------------------------ */

static int
new_uid(struct talk *t, struct slice *out, struct err *e)
{
	unsigned char r[16];

	t->v.al->in.rnd->fill(t->v.al->in.rnd, r, sizeof(r));
	*out = digest_hex(t->v.a, (struct slice){ (const char *)r, sizeof(r) });
	return out->p == NULL ? no_memory(e) : 0;
}

static int
write_item(struct talk *t, const struct store_item *it, struct pim_item *pim,
	   struct err *e)
{
	struct store_write w = {
		.item = it->id,
		.collection = it->collection,
		.kind = it->kind,
		.revision = it->last_revision + 1,
		.origin = STORE_BY_ALARM,
		.old_size = it->size,
	};
	struct pim_ids ids;

	if (pim_canon(t->v.a, pim, &w.body, e) < 0 ||
	    slice_eq(w.body, it->body))
		return w.body.p == NULL ? -1 : 0;
	if (pim_identify(t->v.a, pim, &ids, e) < 0 ||
	    sml_due(t->v.a, &t->v.acc, pim, t->v.now_ms, &w.due, e) < 0)
		return -1;
	w.uid = ids.uid;
	w.h_uid = ids.h_uid;
	w.h_content = ids.h_content;
	w.h_identity = ids.h_identity;
	w.span = (struct store_span){ ids.span.set, ids.span.from_ms,
				      ids.span.to_ms };
	return t->v.tx->v->item_put(t->v.tx, &w, 1, e);
}

static int
answer_alarm(struct talk *t, const struct store_item *it, struct pim_item *pim,
	     const struct pim_alarm *al, int64_t until_ms, struct err *e)
{
	struct pim_alarm_answer an = {
		.alarm = *al,
		.lead_min = t->v.acc.alarm.lead_min,
		.now_ms = t->v.now_ms,
		.snooze_ms = until_ms,
	};
	const struct srv_reminder r = {
		.item = pim,
		.alarm = al,
		.hide_private = !t->v.ways.show_private,
	};
	struct srv_eye eye = alarms_view_eye(&t->v);
	struct outlet_msg m = { .alarm = NULL };

	/* The title before the item changes. */
	if (srv_say_reminder(t->v.a, &eye, &r, &m, e) < 0 ||
	    new_uid(t, &an.uid, e) < 0 || new_uid(t, &an.parent_uid, e) < 0 ||
	    pim_alarm_answer(t->v.a, pim, &an, e) < 0 ||
	    write_item(t, it, pim, e) < 0)
		return -1;
	if (until_ms == INT64_MIN)
		say_with(t, SRV_W_OK, m.subject, SLICE_LIT(""));
	else
		say_with(t, SRV_W_AGAIN, moment(t, until_ms), m.subject);
	return 0;
}

/* until_ms INT64_MIN: no more. */
static int
settle(struct talk *t, struct slice id, int64_t until_ms, struct err *e)
{
	struct pim_alarm al[ALARMS_AT_ONCE];
	const struct store_delivery *d;
	const struct store_item *it;
	struct pim_item *pim;
	size_t n;

	if (about(t, id, &d, e) < 0)
		return -1;
	if (d == NULL) {
		say(t, SRV_W_NO_ALARM);
		return 0;
	}
	if (alarms_view_items(&t->v, &d->item, 1, e) < 0)
		return -1;
	it = alarms_view_item(&t->v, d->item);
	if (it == NULL) {
		say(t, SRV_W_SETTLED);
		return 0;
	}
	if (pim_parse(t->v.a, (enum pim_kind)it->kind, it->body, &pim, e) < 0 ||
	    alarms_at(&t->v, pim, d->due_ms, true, al, &n, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (slice_eq(al[i].occurrence, d->recurrence))
			return answer_alarm(t, it, pim, &al[i], until_ms, e);
	}
	say(t, SRV_W_SETTLED);
	return 0;
}

/* ---- agenda, upcoming, mute
 * --------------------------------------------------- */

struct entry {
	const struct pim_item *pim;
	struct pim_alarm al; /* of the occurrence; comp: its texts */
};

static int
by_start(const void *x, const void *y)
{
	const struct entry *a = x;
	const struct entry *b = y;

	return (a->al.start_ms > b->al.start_ms) -
	       (a->al.start_ms < b->al.start_ms);
}

/* The component that an occurrence is written in. */
static const struct pim_comp *
comp_of(const struct pim_item *pim, struct slice id)
{
	const char *name = pim->kind == PIM_TODO ? "VTODO" : "VEVENT";
	const struct pim_comp *first = pim_comp_kid(pim->root, name);

	for (const struct pim_comp *k = first; k != NULL && id.n > 0;
	     k = pim_comp_more(k)) {
		if (slice_eq(pim_prop_value(k, "RECURRENCE-ID"), id))
			return k;
	}
	return first;
}

/* The occurrences of one item that start within the day, at most two. */
static int
occurrences(struct talk *t, const struct store_item *it, int64_t from,
	    int64_t to, struct entry *out, size_t *n, struct err *e)
{
	struct pim_item *pim;
	struct pim_occur o;
	bool found;

	if (pim_parse(t->v.a, (enum pim_kind)it->kind, it->body, &pim, e) < 0)
		return -1;
	for (int i = 0; i < 2 && *n < AGENDA_MAX; i++) {
		if (pim_occur_next(t->v.a, pim, t->v.acc.zone, from, &o, &found,
				   e) < 0)
			return -1;
		if (!found || o.start_ms >= to || pim->root == NULL)
			return 0;
		out[(*n)++] = (struct entry){
			pim,
			{ .start_ms = o.start_ms,
			  .end_ms = o.end_ms,
			  .all_day = o.all_day,
			  .occurrence = o.id,
			  .comp = comp_of(pim, o.id) },
		};
		from = o.start_ms + 1000;
	}
	return 0;
}

/* Items of the account whose span meets the day. */
static int
of_day(struct talk *t, int64_t from, int64_t to, int64_t **id, size_t *n,
       struct err *e)
{
	enum { PAGE = 500, MAX = 2000 };
	struct store_collection *col;
	struct store_item *it;
	size_t col_n;
	size_t got;

	*n = 0;
	*id = ARENA_ARRAY(t->v.a, MAX, int64_t);
	if (*id == NULL)
		return no_memory(e);
	if (t->v.tx->v->collection_list(t->v.tx, t->v.a, &col, &col_n, e) < 0)
		return -1;
	for (size_t c = 0; c < col_n; c++) {
		int64_t after = 0;

		if (col[c].member_n != 1 || (col[c].kinds & PIM_EVENT) == 0)
			continue;
		do {
			if (t->v.tx->v->item_page(t->v.tx, t->v.a, col[c].id,
						  after, PAGE, false, false,
						  &it, &got, e) < 0)
				return -1;
			for (size_t i = 0; i < got && *n < MAX; i++) {
				after = it[i].id;
				if (it[i].kind == PIM_EVENT && it[i].span.set &&
				    it[i].span.from_ms < to &&
				    it[i].span.to_ms >= from)
					(*id)[(*n)++] = it[i].id;
			}
		} while (got == PAGE && *n < MAX);
	}
	return 0;
}

static int
agenda(struct talk *t, int64_t at_ms, struct err *e)
{
	const struct pim_zone *z = pim_zone_find(t->v.acc.zone);
	struct srv_eye eye = alarms_view_eye(&t->v);
	struct entry *list = ARENA_ARRAY(t->v.a, AGENDA_MAX, struct entry);
	size_t list_n = 0;
	int64_t from;
	int64_t to;
	int64_t day;
	int64_t *id;
	size_t n;

	z = z == NULL ? pim_zone_utc() : z;
	day = pim_day_of(pim_zone_to_wall(z, at_ms / 1000));
	from = pim_zone_to_utc(z, day * PIM_DAY_S) * 1000;
	to = pim_zone_to_utc(z, (day + 1) * PIM_DAY_S) * 1000;
	if (list == NULL)
		return no_memory(e);
	if (of_day(t, from, to, &id, &n, e) < 0 ||
	    alarms_view_items(&t->v, id, n, e) < 0)
		return -1;
	for (size_t i = 0; i < t->v.item_n && list_n < AGENDA_MAX; i++) {
		if (occurrences(t, &t->v.item[i], from, to, list, &list_n, e) <
		    0)
			return -1;
	}
	if (list_n > 0)
		qsort(list, list_n, sizeof(*list), by_start);
	srv_say_day(&t->say, &eye, at_ms);
	buf_str(&t->say, ":");
	for (size_t i = 0; i < list_n; i++) {
		const struct srv_reminder r = {
			.item = list[i].pim,
			.alarm = &list[i].al,
			.hide_private = !t->v.ways.show_private,
		};

		buf_byte(&t->say, '\n');
		srv_say_entry(t->v.a, &t->say, &eye, &r);
	}
	if (list_n == 0) {
		buf_byte(&t->say, ' ');
		say(t, SRV_W_NOTHING);
	}
	return 0;
}

static int
upcoming(struct talk *t, struct err *e)
{
	struct srv_eye eye = alarms_view_eye(&t->v);
	struct store_alarm_next *row;
	int64_t id[UPCOMING_MAX];
	size_t n;

	if (t->v.tx->v->alarm->next_list(t->v.tx, t->v.a, INT64_MAX,
					 UPCOMING_MAX, &row, &n, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		id[i] = row[i].item;
	if (alarms_view_items(&t->v, id, n, e) < 0)
		return -1;
	say(t, SRV_W_UPCOMING);
	buf_byte(&t->say, ':');
	for (size_t i = 0; i < n; i++) {
		const struct store_item *it =
		    alarms_view_item(&t->v, row[i].item);
		struct pim_alarm al[ALARMS_AT_ONCE];
		struct srv_reminder r = { .alarm = al };
		struct pim_item *pim;
		size_t al_n;

		if (it == NULL)
			continue;
		if (pim_parse(t->v.a, (enum pim_kind)it->kind, it->body, &pim,
			      e) < 0 ||
		    alarms_at(&t->v, pim, row[i].due_ms, false, al, &al_n, e) <
			0)
			return -1;
		if (al_n == 0)
			continue;
		r.item = pim;
		r.hide_private = !t->v.ways.show_private;
		buf_byte(&t->say, '\n');
		buf_add(&t->say, moment(t, row[i].due_ms));
		buf_str(&t->say, ": ");
		srv_say_day(&t->say, &eye, al->start_ms);
		buf_byte(&t->say, ' ');
		srv_say_entry(t->v.a, &t->say, &eye, &r);
	}
	if (n == 0) {
		buf_byte(&t->say, ' ');
		say(t, SRV_W_NOTHING);
	}
	return 0;
}

/* until_ms 0: not any more. */
static int
mute(struct talk *t, int64_t until_ms, struct err *e)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%lld", (long long)until_ms);
	if (srv_ways_set(t->v.tx, t->v.a, SLICE_LIT("muted-until"),
			 slice_c(until_ms == 0 ? "" : text), e) < 0)
		return -1;
	if (until_ms == 0)
		say(t, SRV_W_UNMUTED);
	else
		say_with(t, SRV_W_MUTED, moment(t, until_ms), SLICE_LIT(""));
	return 0;
}

/* A calendar by its name, on or off. */
static int
mute_calendar(struct talk *t, struct slice name, bool on, struct err *e)
{
	struct buf b = BUF_IN(t->v.a);
	struct slice list = t->v.ways.mute;
	struct slice one;

	while (slice_split(&list, ',', &one)) {
		one = slice_trim(one);
		if (one.n == 0 || slice_eq_nocase(one, name))
			continue;
		buf_printf(&b, "%s%.*s", b.n > 0 ? "," : "", SLICE_ARG(one));
	}
	if (on)
		buf_printf(&b, "%s%.*s", b.n > 0 ? "," : "", SLICE_ARG(name));
	if (!buf_ok(&b))
		return no_memory(e);
	if (srv_ways_set(t->v.tx, t->v.a, SLICE_LIT("mute"), buf_slice(&b), e) <
	    0)
		return -1;
	say_with(t, SRV_W_OK, buf_slice(&b), SLICE_LIT(""));
	return 0;
}

/* ---- words and commands
 * ------------------------------------------------------- */

static int
on_text(struct talk *t, struct err *e)
{
	struct srv_reply r = srv_reply_read(t->in->text, t->v.acc.zone,
					    t->v.acc.alarm.hour, t->v.now_ms);

	switch (r.kind) {
	case SRV_REPLY_SNOOZE:
		return settle(t, t->in->about, r.at_ms, e);
	case SRV_REPLY_OK:
		return settle(t, t->in->about, INT64_MIN, e);
	case SRV_REPLY_AGENDA:
		return agenda(t, r.at_ms, e);
	case SRV_REPLY_UPCOMING:
		return upcoming(t, e);
	case SRV_REPLY_MUTE:
		return mute(t, r.at_ms, e);
	case SRV_REPLY_UNMUTE:
		return mute(t, 0, e);
	case SRV_REPLY_HELP:
		say(t, SRV_W_HELP);
		return 0;
	case SRV_REPLY_UNKNOWN:
		break;
	}
	say(t, SRV_W_WHAT);
	return 0;
}

static struct slice
about_of(const struct outlet_in *in)
{
	struct slice id = field(in, "alarm");

	return id.n > 0 ? id : in->about;
}

static int
on_command(struct talk *t, struct err *e)
{
	const struct outlet_in *in = t->in;
	struct slice when = field(in, "time");
	struct slice day = field(in, "day");
	struct slice calendar = field(in, "calendar");
	struct slice on = field(in, "mute");
	int64_t at = t->v.now_ms;

	if (slice_is(in->text, "dismiss"))
		return settle(t, about_of(in), INT64_MIN, e);
	if (slice_is(in->text, "upcoming"))
		return upcoming(t, e);
	if (slice_is(in->text, "snooze") &&
	    srv_reply_time(when.n > 0 ? when : SLICE_LIT("10"), t->v.acc.zone,
			   t->v.acc.alarm.hour, t->v.now_ms, &at))
		return settle(t, about_of(in), at, e);
	if (slice_is(in->text, "agenda") &&
	    (day.n == 0 || srv_reply_day(day, t->v.acc.zone, t->v.now_ms, &at)))
		return agenda(t, at, e);
	if (slice_is(in->text, "mute") && calendar.n > 0)
		return mute_calendar(
		    t, calendar, !slice_is(on, "false") && !slice_is(on, "0"),
		    e);
	say(t, SRV_W_WHAT);
	return 0;
}

/* Was it here before? What has no id is always new. */
static int
is_fresh(struct talk *t, bool *fresh, struct err *e)
{
	unsigned char h[DIGEST_HASH_BYTES];
	const struct slice nul = { "", 1 };
	struct slice key;

	*fresh = true;
	if (t->in->id.n == 0)
		return 0;
	digest_hash(SLICE_LIT(""),
		    (const struct slice[]){ slice_c(t->ch->in->name), nul,
					    t->from, nul, t->in->id },
		    5, h);
	key = digest_hex(t->v.a, (struct slice){ (const char *)h, 16 });
	if (key.p == NULL)
		return no_memory(e);
	return t->v.tx->v->alarm->seen(t->v.tx, key, fresh, e);
}

static int
listen(struct talk *t, struct err *e)
{
	bool fresh;

	if (is_fresh(t, &fresh, e) < 0)
		return -1;
	if (!fresh)
		return 0;
	if (t->in->kind == OUTLET_IN_TEXT)
		return on_text(t, e);
	if (t->in->kind == OUTLET_IN_COMMAND)
		return on_command(t, e);
	/* Of anything else it counts only that the sender is known. */
	return 0;
}

static int
talk(struct talk *t, int64_t account, struct arena *work, struct err *e)
{
	struct srv_alarms *al = t->ch->al;

	if (alarms_view_open(&t->v, al, account, STORE_WRITE, work, e) < 0)
		return -1;
	if (listen(t, e) == 0)
		return t->v.tx->v->commit(&t->v.tx, e);
	t->v.tx->v->rollback(&t->v.tx);
	return -1;
}

void
alarms_in(void *ctx, const struct outlet_in *in, struct arena *a,
	  struct outlet_answer *out)
{
	struct channel *ch = ctx;
	struct srv_alarms *al = ch->al;
	struct talk t = { .ch = ch, .in = in, .say = BUF_IN(a) };
	struct arena *work;
	struct err e = { .code = ERR_NONE };
	int64_t account = 0;

	*out = (struct outlet_answer){ .refused = true };
	t.from = srv_ways_address(a, in->from);
	if (in->kind == OUTLET_IN_RECEIPT) {
		/* Written down with all the others. */
		flights_receipt(ch->flights, in->id, t.from);
		alarms_wake(al);
		return;
	}
	work = arena_new(IN_ARENA);
	if (work == NULL || t.from.p == NULL ||
	    al->in.store->v->alarm->address_find(al->in.store,
						 slice_c(ch->in->name), &t.from,
						 1, &account, &e) < 0 ||
	    account == 0) {
		arena_free(&work);
		return;
	}
	out->refused = false;
	if (talk(&t, account, work, &e) < 0) {
		log_line(al->in.log, LOG_LVL_WARN,
			 "event=reply channel=%s where=%s: %s", ch->in->name,
			 e.where, e.msg);
		buf_cut(&t.say, 0);
		buf_str(&t.say, srv_word(t.v.ways.lang, SRV_W_FAILED));
	}
	if (buf_ok(&t.say))
		out->text = slice_utf8_cut(buf_slice(&t.say), OUTLET_TEXT_MAX);
	arena_free(&work);
	alarms_wake(al);
}
