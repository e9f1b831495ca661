/*
 * Sessions that answer a notice: the books of who was woken for what.
 */
#include "syncml/notify.h"
#include "syncml/session.h"

enum { NOTICES_MAX = 64 };

static const struct sml_ds *
began_now(const struct sml_ctx *c, int64_t collection)
{
	for (size_t i = c->ds_before; i < c->s.ds_n; i++) {
		if (c->s.ds[i].collection == collection)
			return &c->s.ds[i];
	}
	return NULL;
}

static enum store_notice_answer
answer_of(const struct sml_ctx *c, const struct store_notice *n,
	  const struct sml_ds *ds)
{
	if (sml_notify_answers(sml_notify_session(n->no), c->s.sid))
		return STORE_NOTICE_SID;
	return ds->asked >= 206 && ds->asked <= 210 ? STORE_NOTICE_TYPE
						    : STORE_NOTICE_SYNC;
}

/* Databases whose sync began with this message: nobody waits for them. */
static int
answered(struct sml_ctx *c)
{
	const struct store_push_vtbl *pv = c->tx->v->push;
	struct store_notice *v;
	size_t n;
	size_t hit = 0;

	if (pv->notice_list(c->tx, c->a, c->dev.id, NOTICES_MAX, &v, &n,
			    &c->e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		const struct sml_ds *ds = began_now(c, v[i].collection);

		if (ds == NULL || v[i].answer != STORE_NOTICE_WAITS)
			continue;
		v[hit] = v[i];
		v[hit].session = c->row.id;
		v[hit].started_ms = c->now;
		v[hit++].answer = answer_of(c, &v[i], ds);
	}
	if (hit > 0)
		sml_tell(c, '=', "it was asked to come");
	return pv->notice_set(c->tx, v, hit, &c->e);
}

int
sml_push_leave(struct sml_ctx *c)
{
	const struct store_push_vtbl *pv = c->tx->v->push;

	if (!c->acc.push || c->late)
		return 0;
	/* A device in a session is not woken: see what it missed when that
	   ends, or breaks. */
	if (c->s.ds_n > c->ds_before &&
	    (answered(c) < 0 ||
	     pv->push_due_by(c->tx, c->now + STORE_PUSH_HOLD_MS, &c->e) < 0))
		return -1;
	if (!c->row.closed || c->was_closed)
		return 0;
	return pv->push_due_by(c->tx, c->now, &c->e);
}
