/*
 * Filter expressions (OMA DS 1.2, grammar syncml:filtertype-cgi), as a device
 * sends them to say which items it wants:
 *
 *     SINCE&EQ;20260101T000000Z&AND;CATEGORIES&iCON;work
 *
 * No precedence, left to right; parentheses are taken too. Reading uses no
 * recursion and a fixed number of terms: the bytes come from a stranger.
 */
#ifndef PIM_FILTER_H
#define PIM_FILTER_H

#include "pim/pim.h"

enum {
	PIM_FILTER_BYTES_MAX = 2048,
	PIM_FILTER_TERMS_MAX = 32,
	PIM_FILTER_DEPTH_MAX = 8
};

enum pim_filter_op {
	PIM_OP_EQ,
	PIM_OP_NE,
	PIM_OP_GT,
	PIM_OP_GE,
	PIM_OP_LT,
	PIM_OP_LE,
	PIM_OP_CON,
	PIM_OP_NCON
};

struct pim_filter_term {
	enum { PIM_ON_PROP, PIM_ON_LUID, PIM_ON_SINCE, PIM_ON_BEFORE } on;
	struct slice name; /* upper case */
	enum pim_filter_op op;
	bool nocase;
	bool null; /* compared with "not set" */
	struct slice value;
	int64_t ms; /* SINCE, BEFORE */
};

/* In the order in which they are worked off: a term gives a truth, AND and OR
   take the last two. */
struct pim_filter_step {
	enum { PIM_STEP_TERM, PIM_STEP_AND, PIM_STEP_OR } what;
	struct pim_filter_term term;
};

struct pim_filter {
	/* Terms of date that hold for all of it, taken out of the steps. */
	int64_t since_ms;  /* INT64_MIN: none */
	int64_t before_ms; /* INT64_MAX: none */
	struct pim_filter_step step[2 * PIM_FILTER_TERMS_MAX];
	size_t step_n; /* 0: nothing but dates */
	/* The steps as text again: the same for two filters that differ in
	   nothing but those dates. */
	struct slice rest;
};

/*
 * ERR_PARSE: not of the grammar; ERR_LIMIT: too long, too deep, too many
 * terms; ERR_NOMEM. Names and values stay slices of the text where they can.
 */
int pim_filter_parse(struct arena *a, struct slice text,
		     struct pim_filter **out, struct err *e);

/* Does the span touch [since, before)? No span: always. */
bool pim_span_in(const struct pim_span *s, int64_t since_ms, int64_t before_ms);

/*
 * The steps (not the dates taken out of them) on one item. luid: the device's
 * id for it, empty if it has none. False also when memory is short (e says so).
 */
bool pim_filter_match(struct arena *a, const struct pim_filter *f,
		      const struct pim_item *it, const struct pim_span *span,
		      struct slice luid, struct err *e);

#endif
