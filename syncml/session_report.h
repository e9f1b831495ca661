/*
 * What the engine leaves for the reports (backends/store_report.h): of each
 * database of a session what was asked, done, why and how much, and a row for
 * each match, conflict and held delete. It goes out with the message's
 * transaction, in one store call, and only where something changed.
 */
#ifndef SYNCML_SESSION_REPORT_H
#define SYNCML_SESSION_REPORT_H

#include "backends/store.h"
#include "syncml/limits.h"

struct sml_ctx;
struct sml_ds;
struct sml_session;

/* Why another sync was done than the device asked for. */
enum sml_why_forced {
	SML_FORCED_NOT = 0,
	SML_FORCED_FIRST,   /* nothing was ever synced over this link */
	SML_FORCED_NEVER,   /* the device says that it has no anchor */
	SML_FORCED_EMPTIED, /* a refresh from the server did not end */
	SML_FORCED_ANCHORS, /* its anchor is none that we gave it */
	SML_FORCED_LAST = SML_FORCED_ANCHORS,
};

struct sml_report {
	struct store_event *event; /* of this message */
	size_t event_n, event_cap;
	/* The databases as the last message left them. */
	struct store_session_store before[SML_LINKS_MAX];
	size_t before_n;
};

/* Before a message is worked on. */
void sml_report_begin(struct sml_ctx *c);
/* Note a decision about an item; the revision is the one before it. */
void sml_report_event(struct sml_ctx *c, const struct sml_ds *ds,
		      enum store_event_kind kind, int64_t item,
		      int64_t revision, enum store_event_how how);
/* Behind it, in its transaction. */
int sml_report_put(struct sml_ctx *c);

#endif
