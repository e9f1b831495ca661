#include "syncml/session_report.h"

#include "syncml/session.h"

static struct slice
why_text(int why)
{
	switch (why) {
	case SML_FORCED_FIRST:
		return SLICE_LIT("first sync");
	case SML_FORCED_NEVER:
		return SLICE_LIT("the device has no anchor");
	case SML_FORCED_EMPTIED:
		return SLICE_LIT("a refresh from the server did not end");
	case SML_FORCED_ANCHORS:
		return SLICE_LIT("anchors do not fit");
	default:
		return SLICE_LIT("");
	}
}

static struct store_tally
tally(const struct sml_counts *n)
{
	return (struct store_tally){ n->added, n->replaced, n->deleted,
				     n->failed };
}

static struct store_session_store
row_of(const struct sml_ctx *c, const struct sml_ds *ds)
{
	return (struct store_session_store){
		.session = c->row.id,
		.link = ds->link,
		.collection = ds->collection,
		.asked = ds->asked,
		.done = ds->type,
		.first = ds->first,
		.forced = ds->forced,
		.resumed = ds->resumed,
		.refused = ds->refused,
		.complete = ds->in_done && ds->stage == SML_OUT_DONE,
		.why = why_text(ds->why),
		.in = tally(&ds->in),
		.out = tally(&ds->out),
		.matched = ds->matched,
		.conflicts = ds->conflicts,
		.held_back = ds->held_back,
	};
}

static bool
same_tally(const struct store_tally *a, const struct store_tally *b)
{
	return a->added == b->added && a->replaced == b->replaced &&
	       a->deleted == b->deleted && a->failed == b->failed;
}

static bool
same(const struct store_session_store *a, const struct store_session_store *b)
{
	return a->session == b->session && a->link == b->link &&
	       a->collection == b->collection && a->asked == b->asked &&
	       a->done == b->done && a->first == b->first &&
	       a->forced == b->forced && a->resumed == b->resumed &&
	       a->refused == b->refused && a->complete == b->complete &&
	       slice_eq(a->why, b->why) && same_tally(&a->in, &b->in) &&
	       same_tally(&a->out, &b->out) && a->matched == b->matched &&
	       a->conflicts == b->conflicts && a->held_back == b->held_back;
}

void
sml_report_begin(struct sml_ctx *c)
{
	struct sml_report *r = &c->report;

	r->event_n = 0;
	r->before_n = c->s.ds_n;
	for (size_t i = 0; i < r->before_n; i++)
		r->before[i] = row_of(c, &c->s.ds[i]);
}

void
sml_report_event(struct sml_ctx *c, const struct sml_ds *ds,
		 enum store_event_kind kind, int64_t item, int64_t revision,
		 enum store_event_how how)
{
	struct sml_report *r = &c->report;

	if (r->event_n == r->event_cap) {
		size_t cap = r->event_cap == 0 ? 16 : r->event_cap * 2;
		struct store_event *more =
		    ARENA_ARRAY(c->a, cap, struct store_event);

		if (more == NULL)
			return; /* sml_memory_came() hears of it */
		if (r->event_n > 0)
			memcpy(more, r->event, r->event_n * sizeof(*more));
		r->event = more;
		r->event_cap = cap;
	}
	r->event[r->event_n++] = (struct store_event){
		.session = c->row.id,
		.link = ds->link,
		.kind = kind,
		.item = item,
		.revision = revision,
		.how = how,
	};
}

int
sml_report_put(struct sml_ctx *c)
{
	struct sml_report *r = &c->report;
	struct store_session_store changed[SML_LINKS_MAX];
	struct store_report out = { .store = changed,
				    .event = r->event,
				    .event_n = r->event_n };

	for (size_t i = 0; i < c->s.ds_n; i++) {
		struct store_session_store now = row_of(c, &c->s.ds[i]);

		if (i >= r->before_n || !same(&now, &r->before[i]))
			changed[out.store_n++] = now;
	}
	if (out.store_n == 0 && out.event_n == 0)
		return 0;
	return c->tx->v->report_put(c->tx, &out, &c->e);
}
