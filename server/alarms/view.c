/*
 * One account as the reminders see it: its settings, its items, and where its
 * messages go.
 */
#include "server/alarms/inside.h"

#include "base/digest.h"
#include "syncml/due.h"

#include <stdio.h>
#include <stdlib.h>

bool
alarms_has_channel(const struct srv_alarms *al, struct slice name)
{
	for (size_t i = 0; i < al->in.channel_n; i++) {
		if (slice_is(name, al->in.channel[i].name))
			return true;
	}
	return false;
}

int
alarms_view_open(struct alarms_view *v, struct srv_alarms *al, int64_t account,
		 enum store_mode mode, struct arena *a, struct err *e)
{
	struct store *s = al->in.store;

	*v = (struct alarms_view){ .al = al, .a = a, .now_ms = alarms_now(al) };
	if (s->v->begin(s, account, mode, v->now_ms, &v->tx, e) < 0) {
		v->tx = NULL;
		return -1;
	}
	if (v->tx->v->account_get(v->tx, a, &v->acc, e) == 0 &&
	    srv_ways_read(v->tx, a, &v->ways, e) == 0 &&
	    (v->ways.mute.n == 0 ||
	     v->tx->v->collection_list(v->tx, a, &v->col, &v->col_n, e) == 0))
		return 0;
	v->tx->v->rollback(&v->tx);
	return -1;
}

static int
by_id(const void *x, const void *y)
{
	const struct store_item *a = x;
	const struct store_item *b = y;

	return (a->id > b->id) - (a->id < b->id);
}

int
alarms_view_items(struct alarms_view *v, const int64_t *id, size_t n,
		  struct err *e)
{
	v->item_n = 0;
	if (n == 0)
		return 0;
	if (v->tx->v->item_get(v->tx, v->a, id, n, true, &v->item, &v->item_n,
			       e) < 0)
		return -1;
	if (v->item_n > 0)
		qsort(v->item, v->item_n, sizeof(*v->item), by_id);
	return 0;
}

const struct store_item *
alarms_view_item(const struct alarms_view *v, int64_t id)
{
	const struct store_item key = { .id = id };
	const struct store_item *it =
	    v->item_n == 0
		? NULL
		: bsearch(&key, v->item, v->item_n, sizeof(*v->item), by_id);

	return it == NULL || it->deleted ? NULL : it;
}

bool
alarms_view_muted(const struct alarms_view *v, const struct store_item *it)
{
	for (size_t i = 0; i < v->col_n; i++) {
		if (v->col[i].id == it->collection)
			return srv_ways_muted(&v->ways, v->col[i].name);
	}
	return false;
}

struct srv_eye
alarms_view_eye(const struct alarms_view *v)
{
	return (struct srv_eye){ v->ways.lang, v->acc.zone, v->now_ms };
}

int
alarms_at(const struct alarms_view *v, const struct pim_item *pim,
	  int64_t due_ms, bool settled, struct pim_alarm *out, size_t *n,
	  struct err *e)
{
	struct pim_alarm_ask ask = sml_due_ask(&v->acc, due_ms - 1);

	ask.settled = settled;
	if (pim_alarm_next_all(v->a, pim, &ask, out, ALARMS_AT_ONCE, n, e) < 0)
		return -1;
	if (*n > 0 && out[0].due_ms != due_ms)
		*n = 0;
	return 0;
}

const struct slice *
alarms_addresses(const struct alarms_view *v, bool mail, const char **channel,
		 size_t *n)
{
	bool im_there =
	    v->ways.jid_n > 0 &&
	    (v->al == NULL || alarms_has_channel(v->al, SLICE_LIT("xmpp")));
	bool mail_there =
	    v->ways.mail_n > 0 &&
	    (v->al == NULL || alarms_has_channel(v->al, SLICE_LIT("smtp")));

	if (mail_there && (mail || !im_there)) {
		*channel = "smtp";
		*n = v->ways.mail_n;
		return v->ways.mail;
	}
	*channel = "xmpp";
	*n = im_there ? v->ways.jid_n : 0;
	return v->ways.jid;
}

struct slice
alarms_archive(const struct alarms_view *v)
{
	return v->al != NULL && alarms_has_channel(v->al, SLICE_LIT("smtp"))
		   ? v->al->in.archive
		   : SLICE_LIT("");
}

static void
number(char out[static 24], int64_t v)
{
	(void)snprintf(out, 24, "%lld", (long long)v);
}

void
srv_alarm_id(const struct store_delivery *d, int64_t account,
	     char out[static SRV_ALARM_ID_BYTES])
{
	static const char hex[] = "0123456789abcdef";
	unsigned char h[DIGEST_HASH_BYTES];
	struct slice nul = { "", 1 };
	char acc[24];
	char item[24];
	char due[24];

	number(acc, account);
	number(item, d->item);
	number(due, d->due_ms);
	digest_hash(SLICE_LIT(""),
		    (const struct slice[]){
			slice_c(acc), nul, slice_c(item), nul, d->recurrence,
			nul, slice_c(due), nul, d->channel, nul, d->address },
		    11, h);
	(void)snprintf(out, SRV_ALARM_ID_BYTES, "fn-");
	for (size_t i = 0; i < 16; i++) {
		out[3 + 2 * i] = hex[h[i] >> 4];
		out[4 + 2 * i] = hex[h[i] & 15];
	}
	out[35] = '\0';
}

static int
one_note(const struct alarms_view *v, struct store_delivery *d,
	 struct slice about, const char *channel, struct slice to,
	 struct slice text, struct err *e)
{
	char id[SRV_ALARM_ID_BYTES];

	*d = (struct store_delivery){
		.kind = STORE_DELIVERY_NOTE,
		.recurrence = about,
		.due_ms = v->now_ms,
		.channel = slice_c(channel),
		.address = to,
		.state = STORE_DELIVERY_QUEUED,
		.text = text,
		.next_ms =
		    srv_ways_quiet_until(&v->ways, v->acc.zone, v->now_ms),
	};
	srv_alarm_id(d, v->acc.id, id);
	d->id = arena_copy(v->a, slice_c(id));
	return d->id.p != NULL && text.p != NULL
		   ? 0
		   : err_set(e, ERR_NOMEM, "alarms.note", "out of memory");
}

int
alarms_note(const struct alarms_view *v, struct slice about,
	    struct slice subject, struct slice text, struct err *e)
{
	struct store_delivery d[SRV_WAYS_ADDRESSES + 1];
	struct slice archive = alarms_archive(v);
	const struct slice *to;
	const char *channel;
	size_t n;

	to = alarms_addresses(v, false, &channel, &n);
	text = arena_printf(v->a, "%.*s\n%.*s", SLICE_ARG(subject),
			    SLICE_ARG(text));
	for (size_t i = 0; i < n; i++) {
		if (one_note(v, &d[i], about, channel, to[i], text, e) < 0)
			return -1;
	}
	if (n > 0 && archive.n > 0 &&
	    one_note(v, &d[n++], about, "smtp", archive, text, e) < 0)
		return -1;
	return v->tx->v->alarm->delivery_add(v->tx, d, n, e);
}

int
srv_alarm_test(struct store_tx *tx, struct arena *a, size_t *n, struct err *e)
{
	struct alarms_view v = { .tx = tx, .a = a, .now_ms = tx->now_ms };
	const char *channel;
	struct slice text;

	if (tx->v->account_get(tx, a, &v.acc, e) < 0 ||
	    srv_ways_read(tx, a, &v.ways, e) < 0)
		return -1;
	(void)alarms_addresses(&v, false, &channel, n);
	text = slice_c(srv_word(v.ways.lang, SRV_W_TEST));
	/* Who tests wants to see it now. */
	v.ways.quiet_from = v.ways.quiet_to = 0;
	return alarms_note(&v, SLICE_LIT("test"), text, text, e);
}
