#include "server/alarms/flight.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { SLOTS = 2 * (int)FLIGHT_MAX, NONE = 0xffff };
_Static_assert((int)FLIGHT_MAX < (int)NONE, "places are 16 bits");

struct place {
	struct flight_end is;
	bool taken, ended;
	uint16_t next; /* in its slot, or of those that are free */
};

struct flights {
	pthread_mutex_t lock;
	uint16_t slot[SLOTS]; /* by hash of the id */
	uint16_t free;
	size_t n, ended;
	size_t of[STORE_BUCKETS];
	size_t receipt_n;
	struct flight_receipt *first, **last;
	struct place place[FLIGHT_MAX];
};

struct flights *
flights_new(void)
{
	struct flights *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return NULL;
	(void)pthread_mutex_init(&f->lock, NULL);
	for (size_t i = 0; i < SLOTS; i++)
		f->slot[i] = NONE;
	for (size_t i = 0; i < FLIGHT_MAX; i++)
		f->place[i].next =
		    (uint16_t)(i + 1 < FLIGHT_MAX ? i + 1 : NONE);
	f->last = &f->first;
	return f;
}

void
flights_free(struct flights **fp)
{
	struct flights *f = *fp;

	if (f == NULL)
		return;
	while (f->first != NULL) {
		struct flight_receipt *r = f->first;

		f->first = r->next;
		free(r);
	}
	(void)pthread_mutex_destroy(&f->lock);
	free(f);
	*fp = NULL;
}

/* Ids are made by us and are hashes already: anything spreads them. */
static uint16_t *
slot_of(struct flights *f, struct slice id)
{
	uint32_t h = 2166136261;

	for (size_t i = 0; i < id.n; i++)
		h = (h ^ (unsigned char)id.p[i]) * 16777619;
	return &f->slot[h % SLOTS];
}

/* What points at its place; *it NONE: it is not there. */
static uint16_t *
find(struct flights *f, struct slice id)
{
	uint16_t *at = slot_of(f, id);

	while (*at != NONE && !slice_is(id, f->place[*at].is.f.id))
		at = &f->place[*at].next;
	return at;
}

bool
flights_has(struct flights *f, struct slice id)
{
	bool there;

	(void)pthread_mutex_lock(&f->lock);
	there = *find(f, id) != NONE;
	(void)pthread_mutex_unlock(&f->lock);
	return there;
}

size_t
flights_room(struct flights *f, size_t have[static STORE_BUCKETS])
{
	size_t room;

	(void)pthread_mutex_lock(&f->lock);
	memcpy(have, f->of, sizeof(f->of));
	room = FLIGHT_MAX - f->n;
	(void)pthread_mutex_unlock(&f->lock);
	return room;
}

void
flights_add(struct flights *f, const struct flight *in)
{
	(void)pthread_mutex_lock(&f->lock);
	if (f->free != NONE) {
		uint16_t *slot = slot_of(f, slice_c(in->id));
		uint16_t i = f->free;
		struct place *p = &f->place[i];

		f->free = p->next;
		p->is.f = *in;
		p->taken = true;
		p->ended = false;
		p->next = *slot;
		*slot = i;
		f->of[store_bucket(in->account)]++;
		f->n++;
	}
	(void)pthread_mutex_unlock(&f->lock);
}

void
flights_drop(struct flights *f, struct slice id)
{
	uint16_t *at;

	(void)pthread_mutex_lock(&f->lock);
	at = find(f, id);
	if (*at != NONE) {
		uint16_t i = *at;
		struct place *p = &f->place[i];

		*at = p->next;
		f->of[store_bucket(p->is.f.account)]--;
		f->n--;
		f->ended -= p->ended;
		p->taken = p->ended = false;
		p->next = f->free;
		f->free = i;
	}
	(void)pthread_mutex_unlock(&f->lock);
}

bool
flights_end(struct flights *f, struct slice id, bool sent, bool for_good,
	    const char *why)
{
	uint16_t at;
	bool there;

	(void)pthread_mutex_lock(&f->lock);
	at = *find(f, id);
	there = at != NONE && !f->place[at].ended;
	if (there) {
		struct place *p = &f->place[at];

		p->ended = true;
		p->is.sent = sent;
		p->is.for_good = for_good;
		(void)snprintf(p->is.why, sizeof(p->is.why), "%s",
			       why == NULL ? "" : why);
		f->ended++;
	}
	(void)pthread_mutex_unlock(&f->lock);
	return there;
}

size_t
flights_done(struct flights *f)
{
	size_t n;

	(void)pthread_mutex_lock(&f->lock);
	n = f->ended;
	(void)pthread_mutex_unlock(&f->lock);
	return n;
}

size_t
flights_ended(struct flights *f, struct flight_end *out, size_t max)
{
	size_t n = 0;

	(void)pthread_mutex_lock(&f->lock);
	if (max > f->ended)
		max = f->ended;
	for (size_t i = 0; n < max && i < FLIGHT_MAX; i++) {
		if (f->place[i].taken && f->place[i].ended)
			out[n++] = f->place[i].is;
	}
	(void)pthread_mutex_unlock(&f->lock);
	return n;
}

/* ---- receipts --------------------------------------------------------------
 */

void
flights_receipt(struct flights *f, struct slice id, struct slice from)
{
	struct flight_receipt *r = NULL;

	if (id.n > 0 && id.n <= STORE_DELIVERY_ID_MAX && from.n > 0)
		r = malloc(sizeof(*r) + from.n);
	if (r == NULL)
		return;
	r->next = NULL;
	(void)snprintf(r->id, sizeof(r->id), "%.*s", SLICE_ARG(id));
	r->n = from.n;
	memcpy(r->from, from.p, from.n);
	(void)pthread_mutex_lock(&f->lock);
	if (f->receipt_n < RECEIPTS_MAX) {
		*f->last = r;
		f->last = &r->next;
		f->receipt_n++;
		r = NULL;
	}
	(void)pthread_mutex_unlock(&f->lock);
	free(r);
}

struct flight_receipt *
flights_receipts(struct flights *f)
{
	struct flight_receipt *list;

	(void)pthread_mutex_lock(&f->lock);
	list = f->first;
	f->first = NULL;
	f->last = &f->first;
	f->receipt_n = 0;
	(void)pthread_mutex_unlock(&f->lock);
	return list;
}
