/*
 * What came back from the outlets is written down: of all accounts together,
 * since a commit for each message would be the slowest part of the way.
 */
#include "server/alarms/inside.h"

#include <stdlib.h>

enum { RECEIPTS_AT_ONCE = 4096 }; /* written down together */

struct marks {
	struct srv_alarms *al;
	struct channel *ch;
	int64_t now_ms;
	struct store_mark *m;
	size_t n;
	struct flight_end *end; /* of the first end_n marks */
	size_t end_n;
};

static int64_t
pause_ms(int64_t attempts)
{
	int64_t ms = ALARMS_RETRY_MS;

	for (int64_t i = 1; i < attempts && ms < ALARMS_RETRY_MAX_MS; i++)
		ms *= 2;
	return ms < ALARMS_RETRY_MAX_MS ? ms : ALARMS_RETRY_MAX_MS;
}

static struct store_mark
mark_of(const struct flight_end *d, int64_t now_ms)
{
	struct store_mark m = { .account = d->f.account,
				.id = slice_c(d->f.id),
				.state = STORE_DELIVERY_SENT,
				.at_ms = now_ms,
				.device = d->f.device,
				.next_ms = INT64_MAX };
	int64_t attempts = d->f.attempts + 1;

	if ((d->sent || d->f.again) && d->f.wait_ms > 0)
		m.next_ms = now_ms + d->f.wait_ms;
	if (d->sent)
		return m;
	m.reason = slice_c(d->why);
	if (d->f.again) {
		m.state = STORE_DELIVERY_QUEUED; /* it stays a sent one */
	} else if (d->for_good || attempts >= ALARMS_ATTEMPTS_MAX) {
		m.state = STORE_DELIVERY_FAILED;
	} else {
		m.state = STORE_DELIVERY_QUEUED;
		m.next_ms = now_ms + pause_ms(attempts);
	}
	return m;
}

static void
count(const struct srv_alarms *al, const struct flight_end *d)
{
	struct srv_metrics *m = al->in.metrics;

	if (m != NULL && d->f.device != 0)
		srv_metrics_add(d->sent ? &m->notices_sent : &m->notices_failed,
				1);
}

/* The accounts behind the addresses, and a mark for each that is somebody's. */
static int
add_receipts(struct marks *k, size_t n, struct err *e)
{
	const struct store_alarm_vtbl *av = k->al->in.store->v->alarm;
	struct slice *from = ARENA_ARRAY(k->al->a, n, struct slice);
	int64_t *account = ARENA_ARRAY(k->al->a, n, int64_t);
	const struct flight_receipt *r = k->ch->receipts;

	if (from == NULL || account == NULL)
		return err_set(e, ERR_NOMEM, "alarms.mark", "out of memory");
	for (size_t i = 0; i < n; i++, r = r->next)
		from[i] = (struct slice){ r->from, r->n };
	if (av->address_find(k->al->in.store, slice_c(k->ch->in->name), from, n,
			     account, e) < 0)
		return -1;
	r = k->ch->receipts;
	for (size_t i = 0; i < n; i++, r = r->next) {
		if (account[i] != 0)
			k->m[k->n++] = (struct store_mark){
				.account = account[i],
				.id = slice_c(r->id),
				.state = STORE_DELIVERY_RECEIPT,
				.at_ms = k->now_ms,
				.address = from[i],
			};
	}
	return 0;
}

/* All nodes lock rows in one order. */
static int
by_key(const void *x, const void *y)
{
	const struct store_mark *a = x;
	const struct store_mark *b = y;

	if (a->account != b->account)
		return a->account < b->account ? -1 : 1;
	return slice_cmp(a->id, b->id);
}

/* What is written down is forgotten here. */
static void
forget(struct marks *k, size_t receipts)
{
	struct channel *ch = k->ch;

	for (size_t i = 0; i < k->end_n; i++)
		flights_drop(ch->flights, slice_c(k->end[i].f.id));
	while (receipts-- > 0) {
		struct flight_receipt *r = ch->receipts;

		ch->receipts = r->next;
		free(r);
	}
}

static int
write_down(struct marks *k, size_t ended, size_t receipts, struct err *e)
{
	struct store *s = k->al->in.store;

	arena_reset(k->al->a);
	k->m = ARENA_ARRAY(k->al->a, ended + receipts, struct store_mark);
	k->end = ARENA_ARRAY(k->al->a, ended + 1, struct flight_end);
	if (k->m == NULL || k->end == NULL)
		return err_set(e, ERR_NOMEM, "alarms.mark", "out of memory");
	k->end_n = flights_ended(k->ch->flights, k->end, ended);
	for (; k->n < k->end_n; k->n++) {
		k->m[k->n] = mark_of(&k->end[k->n], k->now_ms);
		count(k->al, &k->end[k->n]);
	}
	if (receipts > 0 && add_receipts(k, receipts, e) < 0)
		return -1;
	if (k->n > 0)
		qsort(k->m, k->n, sizeof(*k->m), by_key);
	if (s->v->alarm->delivery_mark(s, k->m, k->n, e) < 0)
		return -1;
	forget(k, receipts);
	return 0;
}

/* *more: there was more than one transaction takes. */
static int
of_channel(struct srv_alarms *al, struct channel *ch, bool *more, struct err *e)
{
	struct marks k = { .al = al, .ch = ch, .now_ms = alarms_now(al) };
	size_t ended = flights_done(ch->flights);
	const struct flight_receipt *r;
	size_t n = 0;

	if (ch->receipts == NULL)
		ch->receipts = flights_receipts(ch->flights);
	for (r = ch->receipts; r != NULL && n < RECEIPTS_AT_ONCE; r = r->next)
		n++;
	if (r != NULL)
		*more = true;
	return ended + n == 0 ? 0 : write_down(&k, ended, n, e);
}

int
alarms_results(struct srv_alarms *al, bool *more, struct err *e)
{
	for (size_t i = 0; i < al->in.channel_n; i++) {
		if (of_channel(al, &al->channel[i], more, e) < 0)
			return -1;
	}
	return 0;
}
