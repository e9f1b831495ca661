/*
 * What is due becomes messages: one transaction for each account writes them
 * and moves its rows of alarm_next on.
 */
#include "server/alarms/inside.h"

#include "pim/calendar_time.h"
#include "pim/lines.h"
#include "syncml/due.h"

#include <stdlib.h>

enum {
	WALK_MAX = 2000, /* instants of one item looked at together */
	DAY_MS = 24 * 60 * 60 * 1000,
	DIGEST_MAX = 3000, /* bytes */
	WRITES_MAX = 1024, /* messages of one transaction */
};

struct claim {
	struct alarms_view v;
	struct store_delivery *d;
	size_t d_n;
	int64_t alarms; /* that people see within this minute */
	struct buf missed;
	size_t missed_n, more_n;
};

static int
no_memory(struct err *e)
{
	return err_set(e, ERR_NOMEM, "alarms.claim", "out of memory");
}

static struct slice
name_of(struct arena *a, const struct pim_alarm *al)
{
	struct slice uid = al->alarm == NULL ? SLICE_LIT("")
					     : pim_prop_value(al->alarm, "UID");

	return uid.n > 0 && uid.n <= 200 ? uid
					 : arena_printf(a, "%u", al->index);
}

/* A line of the digest. */
static int
list(struct claim *c, const struct pim_item *pim, const struct pim_alarm *al,
     struct err *e)
{
	const struct srv_reminder r = {
		.item = pim,
		.alarm = al,
		.hide_private = !c->v.ways.show_private,
	};
	struct srv_eye eye = alarms_view_eye(&c->v);

	if (c->missed.n > DIGEST_MAX) {
		c->more_n++;
		return 0;
	}
	srv_say_day(&c->missed, &eye, al->start_ms);
	buf_byte(&c->missed, ' ');
	srv_say_entry(c->v.a, &c->missed, &eye, &r);
	buf_byte(&c->missed, '\n');
	c->missed_n++;
	return buf_ok(&c->missed) ? 0 : no_memory(e);
}

static const char *
why_not(const struct claim *c, const struct store_item *it)
{
	if (c->v.acc.disabled)
		return "the account is disabled";
	if (c->v.ways.muted_until_ms > c->v.now_ms)
		return "muted";
	return alarms_view_muted(&c->v, it) ? "its calendar is muted" : NULL;
}

static int
add(struct claim *c, const struct store_item *it, const struct pim_alarm *al,
    bool late, struct slice to, const char *channel, struct err *e)
{
	const char *why = why_not(c, it);
	struct store_delivery *d = &c->d[c->d_n];
	char id[SRV_ALARM_ID_BYTES];

	*d = (struct store_delivery){
		.kind = STORE_DELIVERY_ALARM,
		.item = it->id,
		.recurrence = arena_copy(c->v.a, al->occurrence),
		.alarm = name_of(c->v.a, al),
		.due_ms = al->due_ms,
		.start_ms = al->start_ms,
		.channel = slice_c(channel),
		.address = to,
		.late = late,
		.state = why == NULL ? STORE_DELIVERY_QUEUED
				     : STORE_DELIVERY_DROPPED,
		.reason = slice_c(why == NULL ? "" : why),
		.next_ms = why == NULL
			       ? srv_ways_quiet_until(&c->v.ways, c->v.acc.zone,
						      c->v.now_ms)
			       : INT64_MAX,
	};
	srv_alarm_id(d, c->v.acc.id, id);
	d->id = arena_copy(c->v.a, slice_c(id));
	if (d->id.p == NULL || d->alarm.p == NULL || d->recurrence.p == NULL)
		return no_memory(e);
	c->d_n++;
	return 0;
}

static int
queue(struct claim *c, const struct store_item *it, const struct pim_item *pim,
      const struct pim_alarm *al, bool late, struct err *e)
{
	struct slice archive = alarms_archive(&c->v);
	const char *channel;
	size_t n;
	const struct slice *to =
	    alarms_addresses(&c->v, al->how == PIM_ALARM_MAIL, &channel, &n);

	if (++c->alarms > c->v.al->in.minute_max || c->d_n + n + 1 > WRITES_MAX)
		return list(c, pim, al, e);
	for (size_t i = 0; i < n; i++) {
		if (add(c, it, al, late, to[i], channel, e) < 0)
			return -1;
	}
	/* Of what does not leave there is no copy. */
	return n == 0 || archive.n == 0 || why_not(c, it) != NULL
		   ? 0
		   : add(c, it, al, late, archive, "smtp", e);
}

/* An event is over when it has ended; a task, when it is done, and then it has
   no alarm. */
static bool
is_over(const struct claim *c, const struct pim_item *pim,
	const struct pim_alarm *al)
{
	int64_t end = al->end_ms > al->start_ms ? al->end_ms : al->start_ms;

	return pim->kind == PIM_EVENT && end <= c->v.now_ms;
}

/* What is late, until it is known to be the last of its item. */
struct late {
	struct pim_alarm al[ALARMS_AT_ONCE];
	char occurrence[ALARMS_AT_ONCE][PIM_TIME_TEXT];
	size_t n;
};

static void
remember(struct late *l, const struct pim_alarm *al, size_t n)
{
	l->n = n;
	for (size_t i = 0; i < n; i++) {
		struct slice id = slice_sub(al[i].occurrence, 0, PIM_TIME_TEXT);

		l->al[i] = al[i];
		if (id.n > 0)
			memcpy(l->occurrence[i], id.p, id.n);
		l->al[i].occurrence = (struct slice){ l->occurrence[i], id.n };
	}
}

/* All of one item that is due; *next: what is due then. */
static int
claim_item(struct claim *c, const struct store_item *it,
	   const struct store_alarm_next *row, int64_t *next, struct err *e)
{
	struct pim_alarm_ask ask = sml_due_ask(&c->v.acc, row->due_ms - 1);
	struct pim_alarm al[ALARMS_AT_ONCE];
	struct late late = { .n = 0 };
	struct pim_item *pim;
	size_t n;

	*next = INT64_MAX;
	if (pim_parse(c->v.a, (enum pim_kind)it->kind, it->body, &pim, e) < 0)
		return -1;
	for (int i = 0;; i++) {
		struct arena_mark m = arena_mark(c->v.a);

		if (pim_alarm_next_all(c->v.a, pim, &ask, al, ALARMS_AT_ONCE,
				       &n, e) < 0)
			return -1;
		if (n == 0 || al[0].due_ms > c->v.now_ms)
			break;
		ask.after_ms = al[0].due_ms;
		if (i == WALK_MAX && ask.after_ms < c->v.now_ms - DAY_MS)
			ask.after_ms = c->v.now_ms - DAY_MS;
		if (c->v.now_ms - al[0].due_ms >= SRV_ALARMS_LATE_MS) {
			/* Of what is late the last one catches up for all. */
			remember(&late, al, n);
			arena_rewind(c->v.a, m);
			continue;
		}
		for (size_t k = 0; k < n; k++) {
			if (queue(c, it, pim, &al[k], false, e) < 0)
				return -1;
		}
	}
	*next = n == 0 ? INT64_MAX : al[0].due_ms;
	for (size_t k = 0; k < late.n; k++) {
		if ((is_over(c, pim, &late.al[k])
			 ? list(c, pim, &late.al[k], e)
			 : queue(c, it, pim, &late.al[k], true, e)) < 0)
			return -1;
	}
	return 0;
}

/* How many were written for this person within the last minute? */
static int
count_minute(struct claim *c, struct err *e)
{
	struct store_delivery *d;
	size_t n;

	if (c->v.tx->v->alarm->delivery_list(
		c->v.tx, c->v.a, c->v.now_ms - 60000,
		(size_t)c->v.al->in.minute_max * 2, &d, &n, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		c->alarms += d[i].kind != STORE_DELIVERY_PUSH &&
			     d[i].state != STORE_DELIVERY_DROPPED;
	return 0;
}

static int
write_missed(struct claim *c, struct err *e)
{
	struct slice text;
	const char *more = srv_word(c->v.ways.lang, SRV_W_AND_MORE);
	const char *at = strstr(more, "%zu");

	if (c->missed_n == 0)
		return 0;
	if (c->more_n > 0)
		buf_printf(&c->missed, "%.*s%zu%s", (int)(at - more), more,
			   c->more_n, at + 3);
	if (!buf_ok(&c->missed))
		return no_memory(e);
	text = slice_trim(buf_slice(&c->missed));
	return alarms_note(&c->v, SLICE_LIT("digest"),
			   slice_c(srv_word(c->v.ways.lang, SRV_W_MISSED)),
			   text, e);
}

static int
claim_rows(struct claim *c, struct store_alarm_next *row, size_t n,
	   struct err *e)
{
	const struct store_alarm_vtbl *av = c->v.tx->v->alarm;
	int64_t *id = ARENA_ARRAY(c->v.a, n, int64_t);

	c->d = ARENA_ARRAY(c->v.a, WRITES_MAX, struct store_delivery);
	if (id == NULL || c->d == NULL)
		return no_memory(e);
	for (size_t i = 0; i < n; i++)
		id[i] = row[i].item;
	if (alarms_view_items(&c->v, id, n, e) < 0 || count_minute(c, e) < 0)
		return -1;
	c->missed = BUF_IN(c->v.a);
	for (size_t i = 0; i < n; i++) {
		const struct store_item *it =
		    c->v.acc.alarm.on ? alarms_view_item(&c->v, row[i].item)
				      : NULL;
		int64_t next = INT64_MAX;

		if (it != NULL && claim_item(c, it, &row[i], &next, e) < 0)
			return -1;
		row[i].due_ms = next;
	}
	if (write_missed(c, e) < 0 ||
	    av->delivery_add(c->v.tx, c->d, c->d_n, e) < 0)
		return -1;
	return av->next_put(c->v.tx, row, n, true, e);
}

static int
claim_some(struct srv_alarms *al, int64_t account, size_t limit, struct err *e)
{
	struct claim *c;
	struct store_alarm_next *row;
	size_t n;
	int rc;

	arena_reset(al->work);
	c = ARENA_NEW(al->work, struct claim);
	if (c == NULL)
		return no_memory(e);
	if (alarms_view_open(&c->v, al, account, STORE_WRITE, al->work, e) < 0)
		return -1;
	rc = c->v.tx->v->alarm->next_list(c->v.tx, al->work, c->v.now_ms, limit,
					  &row, &n, e);
	/* Another node was faster, or the item moved on: nothing to do. */
	if (rc == 0 && n == 0) {
		c->v.tx->v->rollback(&c->v.tx);
		return 0;
	}
	if (rc == 0)
		rc = claim_rows(c, row, n, e);
	if (rc == 0)
		return c->v.tx->v->commit(&c->v.tx, e);
	c->v.tx->v->rollback(&c->v.tx);
	return -1;
}

static int
claim_account(struct srv_alarms *al, int64_t account, struct err *e)
{
	struct err own = { .code = ERR_NONE };

	if (claim_some(al, account, ALARMS_CLAIM_ROWS, &own) == 0)
		return 0;
	/* Together they were too large. */
	if (own.code == ERR_NOMEM)
		return claim_some(al, account, 1, e);
	if (e != NULL)
		*e = own;
	return -1;
}

/* ---- all accounts -----------------------------------------------------------
 */

bool
alarms_is_bad(struct srv_alarms *al, int64_t account)
{
	int64_t now = clk_mono_ms();

	for (size_t i = 0; i < al->bad_n; i++) {
		if (al->bad[i].account != account)
			continue;
		if (now < al->bad[i].until_mono)
			return true;
		al->bad[i] = al->bad[--al->bad_n];
		return false;
	}
	return false;
}

/* One account must not keep the others from theirs. */
int
alarms_went_wrong(struct srv_alarms *al, int64_t account, struct err *e)
{
	if (e->code == ERR_NOTFOUND)
		return 0; /* erased meanwhile */
	if (e->code == ERR_UNAVAILABLE || al->bad_n == ALARMS_BAD_MAX)
		return -1;
	log_line(al->in.log, LOG_LVL_ERROR,
		 "event=alarms account=%lld where=%s: %s; tried again in a "
		 "minute",
		 (long long)account, e->where, e->msg);
	al->bad[al->bad_n++] =
	    (struct bad){ account, clk_mono_ms() + ALARMS_BAD_MS };
	return 0;
}

static int
by_account(const void *x, const void *y)
{
	const struct store_alarm_next *a = x;
	const struct store_alarm_next *b = y;

	if (a->account != b->account)
		return a->account < b->account ? -1 : 1;
	return (a->due_ms > b->due_ms) - (a->due_ms < b->due_ms);
}

int
alarms_claim(struct srv_alarms *al, int64_t *next_ms, bool *more, struct err *e)
{
	struct store *s = al->in.store;
	struct err own = { .code = ERR_NONE };
	int64_t until = clk_mono_ms() + ALARMS_STRETCH_MS;
	int64_t now = alarms_now(al);
	struct store_alarm_next *row;
	size_t n;

	arena_reset(al->a);
	if (s->v->alarm->due(s, al->a, al->share.mine, ALARMS_DUE_PAGE, &row,
			     &n, e) < 0)
		return -1;
	if (n > 0)
		qsort(row, n, sizeof(*row), by_account);
	for (size_t i = 0; i < n; i++) {
		if (row[i].due_ms > now) {
			if (row[i].due_ms < *next_ms)
				*next_ms = row[i].due_ms;
			continue;
		}
		if ((i > 0 && row[i].account == row[i - 1].account) ||
		    alarms_is_bad(al, row[i].account))
			continue;
		/* What moved on may be due soon: look once more. */
		*more = true;
		if (clk_mono_ms() >= until)
			break;
		own.code = ERR_NONE;
		if (claim_account(al, row[i].account, &own) < 0 &&
		    alarms_went_wrong(al, row[i].account, &own) < 0) {
			if (e != NULL)
				*e = own;
			return -1;
		}
	}
	return 0;
}
