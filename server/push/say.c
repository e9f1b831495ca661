/*
 * What a notice says: made when it leaves, of what holds then.
 */
#include "server/alarms/inside.h"
#include "server/push/emn.h"
#include "server/push/push.h"

#include "base/buf.h"
#include "syncml/devinf.h"
#include "syncml/limits.h"

static const char WHERE[] = "push.say";

struct say {
	struct alarms_view *v;
	const struct store_delivery *d;
	struct store_push push;
	struct srv_push_ways w;
	struct store_device dev;
	struct store_collection *col;
	size_t col_n;
	struct store_link *link;
	size_t link_n;
	int64_t told[SML_LINKS_MAX]; /* collections */
	size_t told_n;
	int64_t event_ms; /* of the newest change */
};

int64_t
srv_push_wait(const struct store_delivery *d, int64_t now_ms)
{
	static const int64_t after_min[] = { 10, 60, 360, 1440 };

	for (size_t i = 0; i < sizeof(after_min) / sizeof(after_min[0]); i++) {
		int64_t at = d->written_ms + after_min[i] * 60000;

		if (at > now_ms)
			return at - now_ms;
	}
	return 0;
}

/* ---- what it is about ---------------------------------------------------- */

static int
no_memory(struct err *e)
{
	return err_set(e, ERR_NOMEM, WHERE, "out of memory");
}

static const char *
find_push(struct say *s, const struct store_push *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (p[i].device != s->d->item)
			continue;
		s->push = p[i];
		if (!slice_eq(p[i].channel, s->d->channel) ||
		    !slice_eq(p[i].address, s->d->address))
			return "the device is told another way now";
		return NULL;
	}
	return "the device is not told any more";
}

static const char *
find_device(struct say *s, const struct store_device *d, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (d[i].id != s->d->item)
			continue;
		s->dev = d[i];
		return d[i].disabled ? "the device is disabled" : NULL;
	}
	return "the device is gone";
}

static void
add_told(struct say *s, const struct store_notice *n)
{
	for (size_t i = 0; i < s->told_n; i++) {
		if (s->told[i] == n->collection)
			return;
	}
	if (s->told_n < SML_LINKS_MAX)
		s->told[s->told_n++] = n->collection;
}

/* All that waits, as long as one of this message's own does. */
static const char *
find_told(struct say *s, const struct store_notice *n, size_t count)
{
	bool own = false;

	for (size_t i = 0; i < count; i++) {
		if (n[i].answer != STORE_NOTICE_WAITS ||
		    s->v->now_ms - n[i].queued_ms >
			2 * (int64_t)SRV_PUSH_WAIT_MS)
			continue;
		own = own || n[i].no == s->d->start_ms;
		add_told(s, &n[i]);
		if (n[i].event_ms > s->event_ms)
			s->event_ms = n[i].event_ms;
	}
	if (!own)
		return "the device has synced since";
	/* A newer one repeats what this one said. */
	if (s->d->state == STORE_DELIVERY_SENT &&
	    s->push.last_no > s->d->start_ms)
		return "a newer notice says it";
	return NULL;
}

static int
gather(struct say *s, const char **why, struct err *e)
{
	struct store_tx *tx = s->v->tx;
	struct arena *a = s->v->a;
	struct store_device *dev;
	struct store_notice *n;
	struct store_push *p;
	size_t count;

	*why = s->v->acc.disabled ? "the account is disabled" : NULL;
	if (*why != NULL)
		return 0;
	if (tx->v->push->push_list(tx, a, &p, &count, e) < 0)
		return -1;
	*why = find_push(s, p, count);
	if (*why != NULL)
		return 0;
	if (tx->v->push->notice_list(tx, a, s->push.device,
				     SRV_PUSH_NOTICES_MAX, &n, &count, e) < 0)
		return -1;
	*why = find_told(s, n, count);
	if (*why != NULL)
		return 0;
	if (tx->v->device_list(tx, a, &dev, &count, e) < 0 ||
	    tx->v->collection_list(tx, a, &s->col, &s->col_n, e) < 0 ||
	    tx->v->link_list(tx, a, s->push.device, &s->link, &s->link_n, e) <
		0)
		return -1;
	*why = find_device(s, dev, count);
	srv_push_ways_read(s->push.ways, &s->w);
	return 0;
}

/* ---- its parts ----------------------------------------------------------- */

static const struct store_collection *
collection(const struct say *s, int64_t id)
{
	for (size_t i = 0; i < s->col_n; i++) {
		if (s->col[i].id == id)
			return &s->col[i];
	}
	return NULL;
}

static const struct store_link *
link_of(const struct say *s, int64_t id)
{
	for (size_t i = 0; i < s->link_n; i++) {
		if (s->link[i].collection == id)
			return &s->link[i];
	}
	return NULL;
}

/* What the device says that it likes best; else what old phones expect. */
static struct slice
type_of(const struct say *s, const struct sml_devinf *devinf,
	const struct store_link *l, const struct store_collection *c)
{
	const struct sml_datastore *ds =
	    devinf == NULL ? NULL : sml_devinf_store(devinf, l->client_db);

	(void)s;
	if (ds != NULL && ds->rx_n > 0 && ds->rx[0].type.n > 0)
		return ds->rx[0].type;
	if ((c->kinds & PIM_CONTACT) != 0)
		return SLICE_LIT("text/x-vcard");
	if ((c->kinds & (PIM_EVENT | PIM_TODO)) != 0)
		return SLICE_LIT("text/x-vcalendar");
	if ((c->kinds & PIM_NOTE) != 0)
		return SLICE_LIT("text/plain");
	return SLICE_LIT("application/vnd.omads-email+xml");
}

static int
syncs(struct say *s, struct sml_notify_sync *out, size_t *n, struct err *e)
{
	struct sml_devinf *devinf = NULL;
	struct arena *a = s->v->a;

	if (s->dev.devinf.n > 0 &&
	    sml_devinf_parse(a, s->dev.devinf, &devinf, NULL) < 0)
		devinf = NULL;
	*n = 0;
	for (size_t i = 0; i < s->told_n; i++) {
		const struct store_collection *c = collection(s, s->told[i]);
		const struct store_link *l = link_of(s, s->told[i]);
		struct slice uri;

		if (c == NULL || l == NULL)
			continue;
		uri = l->server_uri.n > 0
			  ? l->server_uri
			  : arena_printf(a, "./%.*s", SLICE_ARG(c->name));
		if (uri.p == NULL)
			return no_memory(e);
		out[(*n)++] =
		    (struct sml_notify_sync){ s->w.code,
					      type_of(s, devinf, l, c), uri };
	}
	return 0;
}

/* The secret that we share with the device: one made for notices, else that
   with which it logs in, where that can be had. */
static int
proof(struct say *s, struct sml_notify_proof *out, struct err *e)
{
	struct sml_secrets *secrets = s->v->al->in.secrets;
	struct slice sealed = s->push.secret;
	struct store_cred *cred;
	size_t n;

	*out = (struct sml_notify_proof){ .nonce = s->dev.own_nonce };
	if (secrets == NULL)
		return 0;
	if (sealed.n == 0 &&
	    s->v->tx->v->cred_list(s->v->tx, s->v->a, &cred, &n, e) < 0)
		return -1;
	for (size_t i = 0; s->push.secret.n == 0 && i < n; i++) {
		if (cred[i].sealed.n > 0 &&
		    slice_eq(cred[i].device, s->dev.dev_id))
			sealed = cred[i].sealed;
	}
	if (sealed.n == 0)
		return 0;
	out->there = true;
	return secrets->unseal(secrets, s->v->a, sealed, &out->secret, e);
}

static struct slice
server_name(const struct say *s)
{
	return s->w.server.n > 0 ? s->w.server : s->v->al->in.server_id;
}

/* ---- the forms ----------------------------------------------------------- */

static int
san(struct say *s, const struct sml_notify *in, struct outlet_notice *out,
    struct err *e)
{
	struct sml_notify_proof p;

	if (proof(s, &p, e) < 0)
		return -1;
	out->type = s->w.form == SRV_PUSH_SAN_G
			? SLICE_LIT("application/vnd.syncml.notification")
			: SLICE_LIT("application/vnd.syncml.ds.notification");
	return sml_notify_san(s->v->a, in, &p, &out->body, e);
}

static int
message(struct say *s, struct sml_notify *in, struct outlet_notice *out,
	struct err *e)
{
	bool xml = s->w.form == SRV_PUSH_XML11 || s->w.form == SRV_PUSH_XML10;
	bool v10 = s->w.form == SRV_PUSH_WBXML10 || s->w.form == SRV_PUSH_XML10;

	in->version = v10 ? 10 : 11;
	out->type = xml ? SLICE_LIT("application/vnd.syncml+xml")
			: SLICE_LIT("application/vnd.syncml+wbxml");
	return sml_notify_message(s->v->a, in, xml ? SML_XML : SML_WBXML,
				  &out->body, e);
}

static int
body(struct say *s, struct outlet_notice *out, struct err *e)
{
	struct sml_notify_sync sync[SML_LINKS_MAX];
	struct sml_notify in = { .version = 12,
				 .session = sml_notify_session(s->d->start_ms),
				 .server = server_name(s),
				 .device = s->dev.dev_id,
				 .ui = s->w.ui,
				 .sync = sync };

	out->app = SLICE_LIT("x-wap-application:push.syncml");
	if (s->w.form == SRV_PUSH_EMN) {
		out->type = SLICE_LIT("application/vnd.wap.emn+wbxml");
		out->app = SLICE_LIT("x-wap-application:emn.ua");
		return srv_push_emn(s->v->a, s->w.mailbox, s->event_ms,
				    &out->body, e);
	}
	if (syncs(s, sync, &in.n, e) < 0)
		return -1;
	if (s->w.form == SRV_PUSH_SAN || s->w.form == SRV_PUSH_SAN_G)
		return san(s, &in, out, e);
	return message(s, &in, out, e);
}

/* "New to sync: Contacts, Calendar" */
static int
text(struct say *s, struct outlet_msg *out, struct err *e)
{
	struct buf b = BUF_IN(s->v->a);
	const char *sep = ": ";

	out->lang = slice_c(srv_lang_code(s->v->ways.lang));
	out->subject = slice_c(srv_word(s->v->ways.lang, SRV_W_TO_SYNC));
	buf_add(&b, out->subject);
	for (size_t i = 0; i < s->told_n; i++) {
		const struct store_collection *c = collection(s, s->told[i]);

		if (c == NULL)
			continue;
		buf_str(&b, sep);
		buf_add(&b, c->display.n > 0 ? c->display : c->name);
		sep = ", ";
	}
	out->text = slice_utf8_cut(buf_slice(&b), OUTLET_TEXT_MAX);
	return buf_ok(&b) ? 0 : no_memory(e);
}

/* What will be no better the next time (another key, a mailbox that is none)
   is a reason not to send it; the rest is tried again. */
static int
cannot(struct arena *a, const struct err *own, const char **why, struct err *e)
{
	if (own->code != ERR_NOMEM && own->code != ERR_UNAVAILABLE &&
	    own->code != ERR_BUSY) {
		*why = arena_cstr(a, slice_c(own->msg));
		if (*why != NULL)
			return 0;
	}
	if (e != NULL)
		*e = *own;
	return -1;
}

/* Not now, or not any more. */
static int
hold(const struct say *s, int64_t beside, struct srv_push_not *no,
     struct err *e)
{
	const struct store_link *l[SML_LINKS_MAX];
	size_t n = 0;

	for (size_t i = 0; i < s->told_n; i++) {
		l[n] = link_of(s, s->told[i]);
		n += l[n] != NULL;
	}
	return srv_push_hold(s->v, s->d, &s->push, beside, l, n, no, e);
}

int
srv_push_say(struct alarms_view *v, const struct store_delivery *d,
	     int64_t beside, struct outlet_msg *out, struct srv_push_not *no,
	     struct err *e)
{
	struct say s = { .v = v, .d = d };
	struct err own = { .code = ERR_NONE };
	struct outlet_notice *notice;

	*no = (struct srv_push_not){ .why = NULL };
	if (gather(&s, &no->why, e) < 0)
		return -1;
	if (no->why == NULL && hold(&s, beside, no, e) < 0)
		return -1;
	if (no->why != NULL)
		return 0;
	*out = (struct outlet_msg){ .id = d->id,
				    .to = d->address,
				    .written_ms = d->due_ms };
	if (text(&s, out, e) < 0)
		return -1;
	if (s.w.form == SRV_PUSH_TEXT)
		return 0;
	notice = ARENA_NEW(v->a, struct outlet_notice);
	if (notice == NULL)
		return no_memory(e);
	out->notice = notice;
	if (body(&s, notice, &own) < 0)
		return cannot(v->a, &own, &no->why, e);
	if (notice->body.n > OUTLET_NOTICE_MAX)
		no->why = "it is too long for any way out";
	return 0;
}

/* ---- a test -------------------------------------------------------------- */

static int
test_rows(struct store_tx *tx, struct arena *a, const struct store_push *p,
	  struct slice id, struct err *e)
{
	struct store_notice v[SML_LINKS_MAX];
	struct store_link *link;
	size_t n;

	if (tx->v->link_list(tx, a, p->device, &link, &n, e) < 0)
		return -1;
	if (n == 0)
		return err_set(e, ERR_NOTFOUND, "push.test",
			       "the device has not synced anything yet");
	n = n < SML_LINKS_MAX ? n : SML_LINKS_MAX;
	for (size_t i = 0; i < n; i++)
		v[i] = (struct store_notice){ .device = p->device,
					      .no = p->last_no,
					      .collection = link[i].collection,
					      .delivery = id,
					      .event_ms = tx->now_ms,
					      .queued_ms = tx->now_ms };
	return tx->v->push->notice_add(tx, v, n, e);
}

int
srv_push_test(struct store_tx *tx, struct arena *a, struct store_push *p,
	      struct slice *id, struct err *e)
{
	struct store_delivery d = {
		.kind = STORE_DELIVERY_PUSH,
		.item = p->device,
		.recurrence =
		    arena_printf(a, "push-%lld", (long long)p->last_no + 1),
		.alarm = SLICE_LIT(SRV_PUSH_TEST),
		.due_ms = tx->now_ms,
		.start_ms = p->last_no + 1,
		.channel = p->channel,
		.address = p->address,
		.state = STORE_DELIVERY_QUEUED,
		.next_ms = tx->now_ms,
	};
	char name[SRV_ALARM_ID_BYTES];

	srv_alarm_id(&d, tx->account, name);
	d.id = *id = arena_copy(a, slice_c(name));
	if (d.id.p == NULL || d.recurrence.p == NULL)
		return no_memory(e);
	p->last_no++;
	p->last_ms = tx->now_ms;
	if (test_rows(tx, a, p, d.id, e) < 0 ||
	    tx->v->push->push_put(tx, p, e) < 0)
		return -1;
	return tx->v->alarm->delivery_add(tx, &d, 1, e);
}
