#include "backends/xmpp/quota.h"

#include "base/digest.h"

enum { WAYS = 8 };

static bool
take(struct im_bucket *b, int64_t now_ms, int64_t burst, int64_t every_ms)
{
	int64_t from = b->full_ms > now_ms ? b->full_ms : now_ms;

	if (from + every_ms > now_ms + burst * every_ms)
		return false;
	b->full_ms = from + every_ms;
	return true;
}

/* Rather keep those that are ours, then those that were here of late. */
static bool
rather(const struct im_sender *a, const struct im_sender *b)
{
	if (a->known != b->known)
		return a->known;
	return a->seen_ms > b->seen_ms;
}

static struct im_sender *
place(struct im_quota *q, uint64_t hash, int64_t now_ms)
{
	size_t at = (size_t)(hash % (IM_QUOTA_PLACES / WAYS)) * WAYS;
	struct im_sender *worst = &q->sender[at];

	for (size_t i = at; i < at + WAYS; i++) {
		if (q->sender[i].hash == hash)
			return &q->sender[i];
		if (worst->hash != 0 &&
		    (q->sender[i].hash == 0 || rather(worst, &q->sender[i])))
			worst = &q->sender[i];
	}
	*worst = (struct im_sender){ .hash = hash,
				     .seen_ms = now_ms,
				     .refused_ms = INT64_MIN };
	return worst;
}

struct im_sender *
im_quota_take(struct im_quota *q, struct slice bare, int64_t now_ms)
{
	struct im_sender *s = place(q, digest_u64(bare), now_ms);

	s->seen_ms = now_ms;
	if (!take(&s->bucket, now_ms, IM_QUOTA_BURST, IM_QUOTA_EVERY_MS))
		return NULL;
	if (!s->known && !take(&q->strangers, now_ms, IM_QUOTA_STRANGERS_BURST,
			       IM_QUOTA_STRANGERS_EVERY_MS))
		return NULL;
	return s;
}

void
im_quota_sent(struct im_quota *q, struct slice bare, int64_t now_ms)
{
	struct im_sender *s = place(q, digest_u64(bare), now_ms);

	s->seen_ms = now_ms;
	s->known = true;
	if (s->owed < UINT32_MAX)
		s->owed++;
}

struct im_sender *
im_quota_receipt(struct im_quota *q, struct slice bare, int64_t now_ms)
{
	struct im_sender *s = place(q, digest_u64(bare), now_ms);

	if (s->owed == 0)
		return im_quota_take(q, bare, now_ms);
	s->seen_ms = now_ms;
	s->owed--;
	return s;
}

bool
im_quota_refusal(struct im_sender *s, int64_t now_ms)
{
	if (s->refused_ms != INT64_MIN &&
	    now_ms - s->refused_ms < IM_QUOTA_REFUSAL_MS)
		return false;
	s->refused_ms = now_ms;
	return true;
}
