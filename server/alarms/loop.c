#include "server/alarms/inside.h"

#include "base/clock.h"
#include "base/digest.h"
#include "server/push/push.h"
#include "syncml/due.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- what an outlet says --------------------------------------------------
 */

void
alarms_wake(struct srv_alarms *al)
{
	(void)pthread_mutex_lock(&al->lock);
	if (!al->woken)
		(void)pthread_cond_signal(&al->wake);
	al->woken = true;
	(void)pthread_mutex_unlock(&al->lock);
}

static void
settled(struct channel *ch, struct slice id, bool sent, bool for_good,
	const char *why)
{
	if (flights_end(ch->flights, id, sent, for_good, why))
		alarms_wake(ch->al);
}

static void
on_sent(void *ctx, struct slice id)
{
	settled(ctx, id, true, false, NULL);
}

static void
on_failed(void *ctx, struct slice id, bool for_good, const char *why)
{
	settled(ctx, id, false, for_good, why);
}

static void
on_state(void *ctx, bool up, const char *why)
{
	struct channel *ch = ctx;

	log_line(ch->al->in.log, up ? LOG_LVL_INFO : LOG_LVL_WARN,
		 "event=outlet channel=%s up=%s%s%s", ch->in->name,
		 up ? "yes" : "no", why == NULL ? "" : ": ",
		 why == NULL ? "" : why);
	alarms_wake(ch->al);
}

/* ---- leases ----------------------------------------------------------------
 */

static void
channel_close(struct channel *ch)
{
	if (ch->o != NULL)
		ch->o->v->close(&ch->o);
	ch->ours = false;
}

static void
channel_open(struct channel *ch)
{
	const struct outlet_calls calls = {
		.ctx = ch,
		.sent = on_sent,
		.failed = on_failed,
		.in = alarms_in,
		.state = on_state,
	};
	struct err e = { .code = ERR_NONE };

	if (ch->in->open(ch->in->ctx, &calls, &ch->o, &e) == 0) {
		ch->refused = false;
		return;
	}
	ch->o = NULL;
	if (!ch->refused)
		log_line(ch->al->in.log, LOG_LVL_ERROR,
			 "event=outlet channel=%s where=%s: %s", ch->in->name,
			 e.where, e.msg);
	ch->refused = true;
}

static int
lease_of(struct channel *ch, struct slice node, int64_t ms, struct err *e)
{
	struct store *s = ch->al->in.store;
	char name[64];

	(void)snprintf(name, sizeof(name), "outlet/%s", ch->in->name);
	return s->v->lease_take(s, name, node, ms, &ch->ours, e);
}

static int
channel_lease(struct srv_alarms *al, struct channel *ch, int64_t ms,
	      struct err *e)
{
	return lease_of(ch, al->in.node, ms, e);
}

/* What a dead run of this node still holds. */
static int
inherit(struct srv_alarms *al, struct err *e)
{
	if (al->in.before.n == 0)
		return 0;
	for (size_t i = 0; i < al->in.channel_n; i++) {
		if (lease_of(&al->channel[i], al->in.before, 0, e) < 0)
			return -1;
	}
	al->in.before = SLICE_LIT("");
	return 0;
}

/* A node that cannot reach the store must not go on as if it held them. */
static void
lose(struct srv_alarms *al)
{
	for (size_t i = 0; i < al->in.channel_n; i++)
		channel_close(&al->channel[i]);
}

static int
leases(struct srv_alarms *al, struct err *e)
{
	bool moved;

	if (!srv_share_due(&al->share) && !al->again)
		return 0;
	al->again = true; /* until all of them are taken */
	if (inherit(al, e) < 0 || srv_share_take(&al->share, &moved, e) < 0)
		return -1;
	for (size_t i = 0; i < al->in.channel_n; i++) {
		struct channel *ch = &al->channel[i];

		if (channel_lease(al, ch, SRV_SHARE_LEASE_MS, e) < 0)
			return -1;
		if (ch->ours && ch->o == NULL)
			channel_open(ch);
		else if (!ch->ours && ch->o != NULL)
			channel_close(ch);
	}
	al->again = false;
	return 0;
}

/* ---- a step ----------------------------------------------------------------
 */

static int
step(struct srv_alarms *al, int64_t *next_ms, bool *more, struct err *e)
{
	if (leases(al, e) < 0 || alarms_results(al, more, e) < 0 ||
	    alarms_claim(al, next_ms, more, e) < 0 ||
	    srv_push_claim(al, next_ms, more, e) < 0)
		return -1;
	for (size_t i = 0; i < al->in.channel_n; i++) {
		if (al->channel[i].o != NULL &&
		    alarms_send(al, &al->channel[i], next_ms, more, e) < 0)
			return -1;
	}
	return 0;
}

int64_t
srv_alarms_step(struct srv_alarms *al)
{
	int64_t next_ms = INT64_MAX;
	struct err e = { .code = ERR_NONE };
	bool more = false;
	int64_t now, wait, renew;

	if (step(al, &next_ms, &more, &e) < 0) {
		if (!al->failing)
			log_line(al->in.log, LOG_LVL_WARN,
				 "event=alarms where=%s: %s; tried again each "
				 "second",
				 e.where, e.msg);
		al->failing = true;
		if (srv_share_lost(&al->share))
			lose(al);
		return 1000;
	}
	if (al->failing)
		log_line(al->in.log, LOG_LVL_INFO, "event=alarms: works again");
	al->failing = false;
	if (more)
		return 0;
	now = alarms_now(al);
	if (next_ms <= now)
		return 0;
	wait = next_ms - now < al->in.poll_ms ? next_ms - now : al->in.poll_ms;
	renew = srv_share_wait_ms(&al->share);
	return wait < renew ? wait : renew;
}

static void
sleep_ms(struct srv_alarms *al, int64_t ms)
{
	int64_t until = clk_mono_ms() + ms;

	(void)pthread_mutex_lock(&al->lock);
	while (!al->woken && !al->stop &&
	       clk_wait_until(&al->wake, &al->lock, until) != ETIMEDOUT)
		;
	al->woken = false;
	(void)pthread_mutex_unlock(&al->lock);
}

static void *
run(void *arg)
{
	struct srv_alarms *al = arg;
	bool stop = false;

	while (!stop) {
		int64_t ms;

		/* Whoever writes while this looks must wake it. */
		atomic_store(&al->sleeps_until, INT64_MAX);
		ms = srv_alarms_step(al);
		atomic_store(&al->sleeps_until, alarms_now(al) + ms);
		if (ms > 0)
			sleep_ms(al, ms);
		(void)pthread_mutex_lock(&al->lock);
		stop = al->stop;
		(void)pthread_mutex_unlock(&al->lock);
	}
	return NULL;
}

void
srv_alarms_due(struct srv_alarms *al, int64_t due_ms)
{
	/* What its own thread writes it looks at anyway. */
	if (due_ms < atomic_load(&al->sleeps_until) &&
	    !(al->runs && pthread_equal(pthread_self(), al->thread)))
		alarms_wake(al);
}

/* ---- life ------------------------------------------------------------------
 */

static bool
get_memory(struct srv_alarms *al, const struct srv_alarms_in *in)
{
	bool good = true;

	al->in = *in;
	al->a = arena_new(ALARMS_ARENA);
	al->work = arena_new(ALARMS_ARENA);
	for (size_t i = 0; i < in->channel_n; i++) {
		al->channel[i] = (struct channel){ .al = al,
						   .in = &al->in.channel[i],
						   .flights = flights_new() };
		good = good && al->channel[i].flights != NULL;
	}
	return good && al->a != NULL && al->work != NULL;
}

static void
free_memory(struct srv_alarms *al)
{
	for (size_t i = 0; i < SRV_ALARMS_CHANNELS; i++) {
		struct channel *ch = &al->channel[i];

		while (ch->receipts != NULL) {
			struct flight_receipt *r = ch->receipts;

			ch->receipts = r->next;
			free(r);
		}
		flights_free(&ch->flights);
	}
	arena_free(&al->a);
	arena_free(&al->work);
	free(al);
}

int
srv_alarms_new(const struct srv_alarms_in *in, struct srv_alarms **out,
	       struct err *e)
{
	struct srv_alarms *al = calloc(1, sizeof(*al));

	if (al == NULL || !get_memory(al, in)) {
		if (al != NULL)
			free_memory(al);
		return err_set(e, ERR_NOMEM, "alarms.new", "out of memory");
	}
	if (al->in.poll_ms == 0)
		al->in.poll_ms = SRV_ALARMS_POLL_MS;
	if (al->in.poll_ms > SRV_SHARE_RENEW_MS)
		al->in.poll_ms = SRV_SHARE_RENEW_MS;
	if (al->in.minute_max == 0)
		al->in.minute_max = SRV_ALARMS_MINUTE_MAX;
	al->share = (struct srv_share){ .store = in->store,
					.buckets = in->store->v->alarm->buckets,
					.node = in->node,
					.before = in->before };
	srv_share_begin(&al->share);
	(void)pthread_mutex_init(&al->lock, NULL);
	clk_cond_init(&al->wake);
	*out = al;
	return 0;
}

int
srv_alarms_start(struct srv_alarms *al, struct err *e)
{
	int rc = pthread_create(&al->thread, NULL, run, al);

	if (rc != 0)
		return err_errno(e, ERR_UNAVAILABLE, rc, "alarms.start",
				 "cannot start a thread");
	al->runs = true;
	return 0;
}

/* What the outlets settled while they were closed is written down; what can
   not be is sent again by whoever comes next, with the same id. */
static void
give_back(struct srv_alarms *al)
{
	bool more = false;

	for (size_t i = 0; i < al->in.channel_n; i++) {
		struct channel *ch = &al->channel[i];
		bool held = ch->ours;

		channel_close(ch);
		if (held)
			(void)channel_lease(al, ch, 0, NULL);
	}
	do {
		more = false;
	} while (alarms_results(al, &more, NULL) == 0 && more);
	srv_share_give_back(&al->share);
}

void
srv_alarms_free(struct srv_alarms **alp)
{
	struct srv_alarms *al = *alp;

	if (al == NULL)
		return;
	if (al->runs) {
		(void)pthread_mutex_lock(&al->lock);
		al->stop = true;
		(void)pthread_cond_signal(&al->wake);
		(void)pthread_mutex_unlock(&al->lock);
		(void)pthread_join(al->thread, NULL);
	}
	give_back(al);
	(void)pthread_cond_destroy(&al->wake);
	(void)pthread_mutex_destroy(&al->lock);
	free_memory(al);
	*alp = NULL;
}
