/*
 * Who is to be woken? One transaction for each account whose items changed.
 */
#include "server/alarms/inside.h"
#include "server/push/push.h"

#include "syncml/limits.h"

enum { DOUBLINGS_MAX = 16 };

static const char WHERE[] = "push.claim";

struct look { /* at one account */
	struct alarms_view v;
	struct store_session *open;
	size_t open_n;
	struct store_collection *col;
	size_t col_n;
	int64_t next_ms; /* when to look again */
};

struct told { /* at one of its devices */
	struct store_push *p;
	struct srv_push_ways w;
	struct store_link *link;
	size_t link_n;
	struct store_notice *was; /* the newest ones first */
	size_t was_n;
	bool broke;                 /* its last session did not end well */
	int64_t col[SML_LINKS_MAX]; /* to be told of now */
	size_t col_n;
};

/* ---- whom to leave alone ------------------------------------------------- */

static bool
in_session(struct look *k, int64_t device)
{
	for (size_t i = 0; i < k->open_n; i++) {
		int64_t until = k->open[i].last_ms + STORE_PUSH_HOLD_MS;

		if (k->open[i].device != device)
			continue;
		if (until < k->next_ms)
			k->next_ms = until;
		return true;
	}
	return false;
}

static bool
waits(const struct store_notice *n, int64_t now_ms)
{
	return n->answer == STORE_NOTICE_WAITS &&
	       now_ms - n->queued_ms < SRV_PUSH_WAIT_MS;
}

static bool
is_told(const struct told *t, int64_t collection, int64_t now_ms)
{
	for (size_t i = 0; i < t->was_n; i++) {
		if (t->was[i].collection == collection &&
		    waits(&t->was[i], now_ms))
			return true;
	}
	for (size_t i = 0; i < t->col_n; i++) {
		if (t->col[i] == collection)
			return true;
	}
	return false;
}

static bool
wants(const struct look *k, const struct told *t, int64_t collection)
{
	for (size_t i = 0; i < k->col_n; i++) {
		if (k->col[i].id == collection)
			return srv_push_wants(&t->w, k->col[i].name);
	}
	return false;
}

/* ---- the notice ---------------------------------------------------------- */

/* Its last message waits still, for the end of a pause: it can say this, too.
   Empty: none does. */
static int
waiting_message(struct look *k, const struct told *t, struct slice *id,
		struct err *e)
{
	struct store_tx *tx = k->v.tx;
	struct store_delivery *d;
	size_t n;

	*id = SLICE_LIT("");
	if (t->was_n == 0 || t->was[0].no != t->p->last_no ||
	    t->was[0].answer != STORE_NOTICE_WAITS)
		return 0;
	if (tx->v->alarm->delivery_get(tx, k->v.a, &t->was[0].delivery, 1, &d,
				       &n, e) < 0)
		return -1;
	if (n == 1 && d->state == STORE_DELIVERY_QUEUED &&
	    d->next_ms > k->v.now_ms)
		*id = d->id;
	return 0;
}

/* A pause after each notice, twice as long when no good sync came of it. */
static int64_t
not_before(const struct look *k, const struct told *t)
{
	int64_t gap = t->w.gap_s * 1000;
	int64_t at = k->v.now_ms;

	for (int64_t i = 0;
	     i < t->p->tries && i < DOUBLINGS_MAX && gap < SRV_PUSH_WAIT_MS;
	     i++)
		gap *= 2;
	if (gap > SRV_PUSH_WAIT_MS)
		gap = SRV_PUSH_WAIT_MS;
	if (t->p->last_no > 0 && t->p->last_ms + gap > at)
		at = t->p->last_ms + gap;
	return srv_push_quiet_until(&t->w, k->v.acc.zone, at);
}

static int
new_message(struct look *k, struct told *t, struct slice *id, struct err *e)
{
	struct store_tx *tx = k->v.tx;
	struct store_delivery d = {
		.kind = STORE_DELIVERY_PUSH,
		.item = t->p->device,
		.recurrence = arena_printf(k->v.a, "push-%lld",
					   (long long)t->p->last_no + 1),
		.due_ms = k->v.now_ms,
		.start_ms = t->p->last_no + 1,
		.channel = t->p->channel,
		.address = t->p->address,
		.state = STORE_DELIVERY_QUEUED,
		.next_ms = not_before(k, t),
	};
	char text[SRV_ALARM_ID_BYTES];

	srv_alarm_id(&d, k->v.acc.id, text);
	d.id = arena_copy(k->v.a, slice_c(text));
	if (d.id.p == NULL || d.recurrence.p == NULL)
		return err_set(e, ERR_NOMEM, WHERE, "out of memory");
	*id = d.id;
	t->p->last_no++;
	t->p->last_ms = d.next_ms;
	t->p->tries++;
	if (k->v.al->in.metrics != NULL)
		srv_metrics_add(&k->v.al->in.metrics->notices, 1);
	if (tx->v->push->push_put(tx, t->p, e) < 0)
		return -1;
	return tx->v->alarm->delivery_add(tx, &d, 1, e);
}

static int
tell(struct look *k, struct told *t, struct err *e)
{
	struct store_notice v[SML_LINKS_MAX];
	struct slice id;

	if (waiting_message(k, t, &id, e) < 0 ||
	    (id.n == 0 && new_message(k, t, &id, e) < 0))
		return -1;
	for (size_t i = 0; i < t->col_n; i++)
		v[i] = (struct store_notice){ .device = t->p->device,
					      .no = t->p->last_no,
					      .collection = t->col[i],
					      .delivery = id,
					      .event_ms = k->v.now_ms,
					      .queued_ms = k->v.now_ms };
	return k->v.tx->v->push->notice_add(k->v.tx, v, t->col_n, e);
}

/* ---- one account --------------------------------------------------------- */

static int
look_device(struct look *k, struct store_push *p, struct err *e)
{
	struct told t = { .p = p };
	struct store_tx *tx = k->v.tx;
	struct store_session *last;
	size_t last_n;

	if (in_session(k, p->device))
		return 0;
	srv_push_ways_read(p->ways, &t.w);
	if (tx->v->link_list(tx, k->v.a, p->device, &t.link, &t.link_n, e) <
		0 ||
	    tx->v->push->notice_list(tx, k->v.a, p->device,
				     SRV_PUSH_NOTICES_MAX, &t.was, &t.was_n,
				     e) < 0 ||
	    tx->v->session_list(tx, k->v.a, p->device, 1, &last, &last_n, e) <
		0)
		return -1;
	t.broke = last_n > 0 && last->failed != 0;
	/* It came before its notice left: the pause is not for nothing. */
	if (p->last_ms > k->v.now_ms && t.was_n > 0 &&
	    t.was[0].answer != STORE_NOTICE_WAITS)
		p->last_ms = t.was[0].queued_ms;
	if (last_n > 0 && !t.broke && last->last_ms >= p->last_ms)
		p->tries = 0;
	for (size_t i = 0; i < t.link_n; i++) {
		const struct store_link *l = &t.link[i];
		bool yes = false;

		if (t.col_n == SML_LINKS_MAX ||
		    is_told(&t, l->collection, k->v.now_ms) ||
		    !wants(k, &t, l->collection))
			continue;
		if (srv_push_news(&k->v, &t.w, l, t.broke, &yes, e) < 0)
			return -1;
		if (yes)
			t.col[t.col_n++] = l->collection;
	}
	return t.col_n == 0 ? 0 : tell(k, &t, e);
}

static int
look_all(struct look *k, struct err *e)
{
	struct store_tx *tx = k->v.tx;
	struct store_push *p;
	size_t n;

	if (tx->v->push->push_list(tx, k->v.a, &p, &n, e) < 0)
		return -1;
	if (k->v.acc.disabled || n == 0)
		return 0;
	if (tx->v->session_open(tx, k->v.a,
				k->v.now_ms - STORE_PUSH_HOLD_MS + 1, &k->open,
				&k->open_n, e) < 0 ||
	    tx->v->collection_list(tx, k->v.a, &k->col, &k->col_n, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (look_device(k, &p[i], e) < 0)
			return -1;
	}
	return 0;
}

static int
look_account(struct srv_alarms *al, int64_t account, struct err *e)
{
	struct look *k;

	arena_reset(al->work);
	k = ARENA_NEW(al->work, struct look);
	if (k == NULL)
		return err_set(e, ERR_NOMEM, WHERE, "out of memory");
	k->next_ms = INT64_MAX;
	if (alarms_view_open(&k->v, al, account, STORE_WRITE, al->work, e) < 0)
		return -1;
	if (look_all(k, e) == 0 &&
	    k->v.tx->v->push->push_due_put(k->v.tx, k->next_ms, e) == 0)
		return k->v.tx->v->commit(&k->v.tx, e);
	k->v.tx->v->rollback(&k->v.tx);
	return -1;
}

int
srv_push_claim(struct srv_alarms *al, int64_t *next_ms, bool *more,
	       struct err *e)
{
	struct store *s = al->in.store;
	int64_t until = clk_mono_ms() + ALARMS_STRETCH_MS;
	int64_t now = alarms_now(al);
	struct store_push_due *row;
	size_t n;

	arena_reset(al->a);
	if (s->v->push->push_due(s, al->a, al->share.mine, ALARMS_DUE_PAGE,
				 &row, &n, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		struct err own = { .code = ERR_NONE };

		if (row[i].due_ms > now) {
			if (row[i].due_ms < *next_ms)
				*next_ms = row[i].due_ms;
			continue;
		}
		if (alarms_is_bad(al, row[i].account))
			continue;
		*more = true;
		if (clk_mono_ms() >= until)
			break;
		if (look_account(al, row[i].account, &own) < 0 &&
		    alarms_went_wrong(al, row[i].account, &own) < 0) {
			if (e != NULL)
				*e = own;
			return -1;
		}
	}
	return 0;
}
