/*
 * Messages that are not sent now, since it is not the time, and those that
 * nobody needs any more.
 */
#include "server/alarms/inside.h"
#include "server/push/push.h"

enum {
	/* What leaves at once is news; what had to wait may be so no more. */
	STALE_MS = 5000,
};

/* ---- hours and shares -----------------------------------------------------
 */

int64_t
srv_push_quiet_until(const struct srv_push_ways *w, struct slice zone,
		     int64_t at)
{
	const struct srv_ways quiet = { .quiet_from = w->quiet_from,
					.quiet_to = w->quiet_to };

	return srv_ways_quiet_until(&quiet, zone, at);
}

int64_t
srv_push_day_max(const struct store_push *p, int64_t site_max)
{
	struct srv_push_ways w;

	srv_push_ways_read(p->ways, &w);
	if (w.day_max >= 0)
		return w.day_max;
	return slice_is(p->channel, "kannel") || slice_is(p->channel, "ppg")
		   ? site_max
		   : 0;
}

int64_t
srv_push_day_count(const struct store_push *p, int64_t now_ms)
{
	return now_ms - p->day_ms < STORE_PUSH_DAY_MS ? p->day_n : 0;
}

/* It may be in its hours by now, whenever it was to go: a repeat, or one that
   could not be delivered earlier. */
static void
not_now(const struct alarms_view *v, const struct store_push *p,
	const struct srv_push_ways *w, int64_t beside, struct srv_push_not *no)
{
	int64_t now = v->now_ms;
	int64_t max = srv_push_day_max(p, v->al->in.push_day_max);
	int64_t count = srv_push_day_count(p, now);
	int64_t quiet = srv_push_quiet_until(w, v->acc.zone, now);

	if (quiet > now) {
		no->why = "quiet hours";
		no->until_ms = quiet;
	} else if (max > 0 && count + beside >= max) {
		no->why = "the device's share of the day is used up";
		no->until_ms =
		    (count > 0 ? p->day_ms : now) + STORE_PUSH_DAY_MS;
	}
}

/* Somebody read it meanwhile, or took it back. */
static int
nothing_left(struct alarms_view *v, const struct store_push *p,
	     const struct srv_push_ways *w, const struct store_link *const *l,
	     size_t n, struct srv_push_not *no, struct err *e)
{
	struct store_session *last;
	size_t last_n;
	bool news = false;

	if (v->tx->v->session_list(v->tx, v->a, p->device, 1, &last, &last_n,
				   e) < 0)
		return -1;
	for (size_t i = 0; i < n && !news; i++) {
		if (srv_push_news(v, w, l[i], last_n > 0 && last->failed != 0,
				  &news, e) < 0)
			return -1;
	}
	if (!news) {
		no->why = "nothing is new any more";
		no->moot = true;
	}
	return 0;
}

int
srv_push_hold(struct alarms_view *v, const struct store_delivery *d,
	      const struct store_push *p, int64_t beside,
	      const struct store_link *const *l, size_t n,
	      struct srv_push_not *no, struct err *e)
{
	bool first = d->state == STORE_DELIVERY_QUEUED;
	struct srv_push_ways w;

	if (first && slice_is(d->alarm, SRV_PUSH_TEST))
		return 0;
	srv_push_ways_read(p->ways, &w);
	if ((!first || v->now_ms - d->due_ms >= STALE_MS) &&
	    nothing_left(v, p, &w, l, n, no, e) < 0)
		return -1;
	if (no->why == NULL)
		not_now(v, p, &w, beside, no);
	return 0;
}

/* ---- what is waited for ---------------------------------------------------
 */

static int
untry(struct store_tx *tx, struct arena *a, int64_t device, struct err *e)
{
	struct store_push *p;
	size_t n;

	if (tx->v->push->push_list(tx, a, &p, &n, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (p[i].device != device || p[i].tries == 0)
			continue;
		p[i].tries--;
		return tx->v->push->push_put(tx, &p[i], e);
	}
	return 0;
}

int
srv_push_void(struct store_tx *tx, struct arena *a, int64_t device, bool untold,
	      struct err *e)
{
	struct store_notice *v;
	size_t n, hit = 0;

	if (tx->v->push->notice_list(tx, a, device, SRV_PUSH_NOTICES_MAX, &v,
				     &n, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (v[i].answer != STORE_NOTICE_WAITS)
			continue;
		v[hit] = v[i];
		v[hit++].answer = STORE_NOTICE_VOID;
	}
	if (tx->v->push->notice_set(tx, v, hit, e) < 0 ||
	    (untold && untry(tx, a, device, e) < 0))
		return -1;
	/* What came while it waited is to be told anew. */
	return tx->v->push->push_due_by(tx, tx->now_ms, e);
}

int
srv_push_again(struct store_tx *tx, struct arena *a, int64_t device,
	       struct err *e)
{
	struct slice id[SRV_PUSH_NOTICES_MAX];
	struct store_delivery *d;
	struct store_notice *v;
	size_t n, k = 0;

	if (tx->v->push->notice_list(tx, a, device, SRV_PUSH_NOTICES_MAX, &v,
				     &n, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (v[i].answer == STORE_NOTICE_WAITS)
			id[k++] = v[i].delivery;
	}
	if (tx->v->alarm->delivery_get(tx, a, id, k, &d, &n, e) < 0)
		return -1;
	k = 0;
	for (size_t i = 0; i < n; i++) {
		if (d[i].state != STORE_DELIVERY_QUEUED)
			continue;
		d[k] = d[i];
		d[k++].next_ms = tx->now_ms;
	}
	if (tx->v->alarm->delivery_set(tx, d, k, e) < 0)
		return -1;
	return tx->v->push->push_due_by(tx, tx->now_ms, e);
}
