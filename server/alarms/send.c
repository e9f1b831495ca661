/*
 * The outbox: what is to be sent is looked at once more and given to its
 * outlet.
 */
#include "server/alarms/inside.h"
#include "server/push/push.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- once more before it goes ----------------------------------------------
 */

struct moot {
	int64_t device;
	bool left; /* its message, once at least */
};

struct round { /* what is done with the rows of one account */
	struct alarms_view v;
	struct channel *ch;
	struct outlet_msg *msg;
	struct flight *flight; /* of each message */
	size_t msg_n;
	struct store_delivery *settle; /* not to be sent, or by mail */
	size_t settle_n;
	struct moot *moot; /* who need not come */
	size_t moot_n;
};

static void
drop(struct round *r, const struct store_delivery *d, const char *why)
{
	struct store_delivery *s = &r->settle[r->settle_n++];

	*s = *d;
	s->state = STORE_DELIVERY_DROPPED;
	s->reason = slice_c(why);
	s->next_ms = INT64_MAX;
}

static bool
is_copy(const struct alarms_view *v, const struct store_delivery *d)
{
	return slice_is(d->channel, "smtp") && d->address.n > 0 &&
	       slice_eq(d->address, alarms_archive(v));
}

static bool
is_mine(const struct alarms_view *v, const struct store_delivery *d)
{
	bool mail = slice_is(d->channel, "smtp");
	const struct slice *ad = mail ? v->ways.mail : v->ways.jid;
	size_t n = mail ? v->ways.mail_n : v->ways.jid_n;

	for (size_t i = 0; i < n; i++) {
		if (slice_eq(ad[i], d->address))
			return true;
	}
	return is_copy(v, d);
}

/* Who keeps copies of everybody's wants to know whose this is. */
static int
name_owner(struct round *r, const struct store_delivery *d,
	   struct outlet_msg *m, struct err *e)
{
	if (!is_copy(&r->v, d))
		return 0;
	m->text = arena_printf(r->v.a, "%.*s:\n\n%.*s",
			       SLICE_ARG(r->v.acc.user), SLICE_ARG(m->text));
	m->text = slice_utf8_cut(m->text, OUTLET_TEXT_MAX);
	return m->text.p == NULL
		   ? err_set(e, ERR_NOMEM, "alarms.send", "out of memory")
		   : 0;
}

/* What is to be known of a message when its outlet is done with it. */
static struct outlet_msg *
new_msg(struct round *r, const struct store_delivery *d)
{
	const struct srv_ways *w = &r->v.ways;
	bool push = d->kind == STORE_DELIVERY_PUSH;
	bool wait = d->kind == STORE_DELIVERY_ALARM && w->escalate_min > 0 &&
		    w->mail_n > 0 && slice_is(d->channel, "xmpp");
	struct flight *f = &r->flight[r->msg_n];
	struct outlet_msg *m = &r->msg[r->msg_n];

	*f = (struct flight){
		.account = r->v.acc.id,
		.attempts = d->attempts,
		.wait_ms = push   ? srv_push_wait(d, r->v.now_ms)
			   : wait ? (int64_t)w->escalate_min * 60000
				  : 0,
		.device = push ? d->item : 0,
		.again = push && d->state != STORE_DELIVERY_QUEUED,
	};
	(void)snprintf(f->id, sizeof(f->id), "%.*s", SLICE_ARG(d->id));
	*m = (struct outlet_msg){ .id = d->id,
				  .to = d->address,
				  .written_ms = d->due_ms };
	return m;
}

static int
note(struct round *r, const struct store_delivery *d, struct err *e)
{
	struct outlet_msg *m = new_msg(r, d);
	struct slice rest = d->text;

	(void)slice_split(&rest, '\n', &m->subject);
	m->lang = slice_c(srv_lang_code(r->v.ways.lang));
	m->text = slice_utf8_cut(rest, OUTLET_TEXT_MAX);
	r->msg_n++;
	return name_owner(r, d, m, e);
}

/* No client said that it has it: a mail instead, under an id of its own. */
static int
escalate(struct round *r, const struct store_delivery *d, struct err *e)
{
	struct alarms_view w;
	struct store_delivery mail[SRV_WAYS_ADDRESSES];
	struct store_delivery done = *d;
	char id[SRV_WAYS_ADDRESSES][SRV_ALARM_ID_BYTES];

	done.next_ms = INT64_MAX;
	if (alarms_view_open(&w, r->v.al, d->account, STORE_WRITE, r->v.a, e) <
	    0)
		return -1;
	for (size_t i = 0; i < w.ways.mail_n; i++) {
		mail[i] = *d;
		mail[i].channel = SLICE_LIT("smtp");
		mail[i].address = w.ways.mail[i];
		mail[i].late = true;
		mail[i].state = STORE_DELIVERY_QUEUED;
		mail[i].sent_ms = 0;
		mail[i].next_ms = w.now_ms;
		srv_alarm_id(&mail[i], d->account, id[i]);
		mail[i].id = slice_c(id[i]);
	}
	if (w.tx->v->alarm->delivery_add(w.tx, mail, w.ways.mail_n, e) == 0 &&
	    w.tx->v->alarm->delivery_set(w.tx, &done, 1, e) == 0)
		return w.tx->v->commit(&w.tx, e);
	w.tx->v->rollback(&w.tx);
	return -1;
}

static int
reminder(struct round *r, const struct store_delivery *d,
	 const struct pim_item *pim, const struct pim_alarm *al, struct err *e)
{
	const struct srv_reminder say = {
		.item = pim,
		.alarm = al,
		.hide_private = !r->v.ways.show_private,
		.late =
		    d->late || r->v.now_ms - d->due_ms >= SRV_ALARMS_LATE_MS,
	};
	struct srv_eye eye = alarms_view_eye(&r->v);
	struct outlet_msg *m = new_msg(r, d);

	if (srv_say_reminder(r->v.a, &eye, &say, m, e) < 0)
		return -1;
	r->msg_n++;
	return name_owner(r, d, m, e);
}

/* The item as it is now: does this alarm still go off? */
static int
look(struct round *r, const struct store_delivery *d, struct err *e)
{
	const struct store_item *it = alarms_view_item(&r->v, d->item);
	struct pim_alarm al[ALARMS_AT_ONCE];
	struct pim_item *pim;
	size_t n;

	if (it == NULL) {
		drop(r, d, "the item is gone");
		return 0;
	}
	if (alarms_view_muted(&r->v, it)) {
		drop(r, d, "its calendar is muted");
		return 0;
	}
	if (pim_parse(r->v.a, (enum pim_kind)it->kind, it->body, &pim, e) < 0 ||
	    alarms_at(&r->v, pim, d->due_ms, false, al, &n, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (slice_eq(al[i].occurrence, d->recurrence))
			return d->state == STORE_DELIVERY_SENT
				   ? escalate(r, d, e)
				   : reminder(r, d, pim, &al[i], e);
	}
	if (d->state == STORE_DELIVERY_SENT) { /* answered: no mail */
		r->settle[r->settle_n] = *d;
		r->settle[r->settle_n++].next_ms = INT64_MAX;
		return 0;
	}
	drop(r, d, "moved, done or answered meanwhile");
	return 0;
}

/* Later. */
static void
put_off(struct round *r, const struct store_delivery *d,
	const struct srv_push_not *no)
{
	struct store_delivery *s = &r->settle[r->settle_n++];

	*s = *d;
	s->reason = slice_c(no->why);
	s->next_ms = no->until_ms;
}

/* To the same device, in this round. */
static int64_t
beside(const struct round *r, const struct store_delivery *d)
{
	int64_t n = 0;

	for (size_t i = 0; i < r->msg_n; i++)
		n += r->flight[i].device == d->item;
	return n;
}

/* A notice is made of what holds now. */
static int
notice(struct round *r, const struct store_delivery *d, struct err *e)
{
	struct srv_push_not no = { .why = NULL };

	if (srv_push_say(&r->v, d, beside(r, d), new_msg(r, d), &no, e) < 0)
		return -1;
	if (no.moot)
		r->moot[r->moot_n++] =
		    (struct moot){ d->item, d->state != STORE_DELIVERY_QUEUED };
	if (no.why == NULL) {
		r->msg_n++;
	} else if (no.until_ms != 0) {
		put_off(r, d, &no);
	} else if (d->state == STORE_DELIVERY_QUEUED) {
		drop(r, d, no.why);
	} else { /* answered: not once more */
		r->settle[r->settle_n] = *d;
		r->settle[r->settle_n++].next_ms = INT64_MAX;
	}
	return 0;
}

static int
notices(struct round *r, const struct store_delivery *d, size_t n,
	struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		if (d[i].kind == STORE_DELIVERY_PUSH && notice(r, &d[i], e) < 0)
			return -1;
	}
	return 0;
}

static int
prepare(struct round *r, const struct store_delivery *d, size_t n,
	struct err *e)
{
	int64_t *id = ARENA_ARRAY(r->v.a, n, int64_t);

	r->msg = ARENA_ARRAY(r->v.a, n, struct outlet_msg);
	r->flight = ARENA_ARRAY(r->v.a, n, struct flight);
	r->settle = ARENA_ARRAY(r->v.a, n, struct store_delivery);
	r->moot = ARENA_ARRAY(r->v.a, n, struct moot);
	if (id == NULL || r->msg == NULL || r->flight == NULL ||
	    r->settle == NULL || r->moot == NULL)
		return err_set(e, ERR_NOMEM, "alarms.send", "out of memory");
	for (size_t i = 0; i < n; i++)
		id[i] = d[i].kind == STORE_DELIVERY_PUSH ? 0 : d[i].item;
	if (alarms_view_items(&r->v, id, n, e) < 0 || notices(r, d, n, e) < 0)
		return -1;
	/* The snapshot is all that is needed of it: no lock while an outlet
	   is talked to, and room for a transaction that writes. */
	r->v.tx->v->rollback(&r->v.tx);
	for (size_t i = 0; i < n; i++) {
		int rc = 0;

		if (d[i].kind == STORE_DELIVERY_PUSH)
			continue;
		if (r->v.acc.disabled)
			drop(r, &d[i], "the account is disabled");
		else if (!is_mine(&r->v, &d[i]))
			drop(r, &d[i], "not the user's address any more");
		else if (d[i].kind == STORE_DELIVERY_NOTE)
			rc = note(r, &d[i], e);
		else
			rc = look(r, &d[i], e);
		if (rc < 0)
			return -1;
	}
	return 0;
}

static int
settle(struct round *r, struct err *e)
{
	struct alarms_view w;
	int rc;

	if (r->settle_n == 0)
		return 0;
	if (alarms_view_open(&w, r->v.al, r->v.acc.id, STORE_WRITE, r->v.a, e) <
	    0)
		return -1;
	rc = w.tx->v->alarm->delivery_set(w.tx, r->settle, r->settle_n, e);
	for (size_t i = 0; rc == 0 && i < r->moot_n; i++)
		rc = srv_push_void(w.tx, r->v.a, r->moot[i].device,
				   !r->moot[i].left, e);
	if (rc == 0)
		return w.tx->v->commit(&w.tx, e);
	w.tx->v->rollback(&w.tx);
	return -1;
}

/* *full: the outlet takes no more. */
static int
send_account(struct srv_alarms *al, struct channel *ch,
	     const struct store_delivery *d, size_t n, bool *full,
	     struct err *e)
{
	struct err own = { .code = ERR_NONE };
	struct round r = { .ch = ch };
	size_t took;

	arena_reset(al->work);
	if (alarms_view_open(&r.v, al, d->account, STORE_READ, al->work, &own) <
	    0) {
		if (own.code == ERR_NOTFOUND)
			return 0;
		if (e != NULL)
			*e = own;
		return -1;
	}
	if (prepare(&r, d, n, e) < 0) {
		r.v.tx->v->rollback(&r.v.tx);
		return -1;
	}
	if (settle(&r, e) < 0)
		return -1;
	if (r.msg_n == 0)
		return 0;
	for (size_t i = 0; i < r.msg_n; i++)
		flights_add(ch->flights, &r.flight[i]);
	took = ch->o->v->send(ch->o, r.msg, r.msg_n);
	for (size_t i = took; i < r.msg_n; i++)
		flights_drop(ch->flights, r.msg[i].id);
	*full = took < r.msg_n;
	return 0;
}

/* All rows of one account; one by one where they are too large together. */
static int
send_all(struct srv_alarms *al, struct channel *ch,
	 const struct store_delivery *d, size_t n, bool *full, struct err *e)
{
	struct err own = { .code = ERR_NONE };
	int rc = send_account(al, ch, d, n, full, &own);

	if (rc < 0 && own.code == ERR_NOMEM) {
		rc = 0;
		for (size_t i = 0; rc == 0 && i < n && !*full; i++)
			rc = send_account(al, ch, &d[i], 1, full, &own);
	}
	if (rc < 0 && e != NULL)
		*e = own;
	return rc;
}

/* ---- a round
 * ----------------------------------------------------------------- */

static int
rows_by_account(const void *x, const void *y)
{
	const struct store_delivery *a = x;
	const struct store_delivery *b = y;

	if (a->account != b->account)
		return a->account < b->account ? -1 : 1;
	return (a->next_ms > b->next_ms) - (a->next_ms < b->next_ms);
}

/* Those to be looked at now, at the front; *next_ms: when there are more. */
static size_t
sift(struct channel *ch, struct store_delivery *d, size_t n, size_t max,
     int64_t *next_ms, bool *more)
{
	int64_t now = alarms_now(ch->al);
	size_t out = 0;

	for (size_t i = 0; i < n; i++) {
		if (d[i].next_ms > now) {
			if (d[i].next_ms < *next_ms)
				*next_ms = d[i].next_ms;
			continue;
		}
		if (flights_has(ch->flights, d[i].id))
			continue;
		if (out == max) {
			*more = true;
			break;
		}
		d[out++] = d[i];
	}
	return out;
}

/*
 * How many rows of each bucket to read: those under way stand in front of the
 * others, so it is done when there is room for many, and not for each that
 * was settled. Gives for how many; 0: later.
 */
static size_t
room(struct channel *ch, size_t limit[static STORE_BUCKETS])
{
	size_t n = flights_room(ch->flights, limit);

	for (size_t b = 0; b < STORE_BUCKETS; b++)
		limit[b] += ALARMS_SEND_PAGE;
	return n < FLIGHT_MAX / 2 ? 0 : n;
}

int
alarms_send(struct srv_alarms *al, struct channel *ch, int64_t *next_ms,
	    bool *more, struct err *e)
{
	struct store *s = al->in.store;
	size_t limit[STORE_BUCKETS];
	size_t max = room(ch, limit);
	int64_t until = clk_mono_ms() + ALARMS_STRETCH_MS;
	struct store_delivery *d;
	bool full = false;
	bool rest = false;
	size_t n;

	arena_reset(al->a);
	if (max == 0)
		return 0; /* what comes back wakes us */
	if (s->v->alarm->outbox(s, al->a, slice_c(ch->in->name), limit, &d, &n,
				e) < 0)
		return -1;
	n = sift(ch, d, n, max, next_ms, &rest);
	if (n > 0)
		qsort(d, n, sizeof(*d), rows_by_account);
	for (size_t i = 0, k; i < n && !full && clk_mono_ms() < until; i = k) {
		for (k = i; k < n && d[k].account == d[i].account; k++)
			;
		if (send_all(al, ch, &d[i], k - i, &full, e) < 0)
			return -1;
	}
	/* More where there was room for all that was seen. */
	if (n > 0 && !full && !rest)
		*more = true;
	return 0;
}
