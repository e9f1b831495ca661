/* Between fault.c and fault_work.c: a store whose calls are counted, told and
   made to fail. */
#ifndef BACKENDS_FAULT_INT_H
#define BACKENDS_FAULT_INT_H

#include "backends/fault.h"

#include <pthread.h>

struct fault {
	struct store s; /* first */
	struct store *inner;
	pthread_mutex_t lock; /* guards all below */
	struct store_fault_plan plan;
	uint64_t calls, failed;
	store_fault_hook *hook;
	void *ctx;
};

struct fault_tx {
	struct store_tx tx; /* first: what the caller sees and counts on */
	struct store_tx *inner;
	bool failed; /* as in a real store: only a rollback is allowed */
};

static inline struct fault *
fault_of(struct store *s)
{
	return (struct fault *)(void *)s;
}

static inline struct fault_tx *
fault_of_tx(struct store_tx *tx)
{
	return (struct fault_tx *)(void *)tx;
}

struct fault_call { /* one that is under way */
	bool fails;
	enum store_fault_when when;
	uint64_t n;
};

/* Count a call, tell the hook, and decide: does this one fail? */
struct fault_call fault_hit(struct fault *f, const char *fn);
void fault_tell(struct fault *f, const char *fn, const struct fault_call *c,
		enum store_fault_when when);
int fault_injected(const char *fn, struct err *e);

/* A function of the store as a whole, in the table `via`. */
#define SITE(fn, params, args) SITE_IN(v, fn, params, args)
#define SITE_IN(via, fn, params, args) SITE_AS(via, fn, fn, params, args)
#define SITE_AS(via, fn, name, params, args)                                   \
	static int fault_##name params                                         \
	{                                                                      \
		struct store *in = fault_of(s)->inner;                         \
		struct fault_call call = fault_hit(fault_of(s), #name);        \
		int rc;                                                        \
                                                                               \
		if (call.fails && call.when == STORE_FAULT_BEFORE)             \
			return fault_injected(#name, e);                       \
		rc = in->via->fn args;                                         \
		fault_tell(fault_of(s), #name, &call, STORE_FAULT_AFTER);      \
		return call.fails ? fault_injected(#name, e) : rc;             \
	}

/* A function of a transaction. */
#define TX(fn, params, args) TX_IN(v, fn, params, args)
#define TX_IN(via, fn, params, args)                                           \
	static int fault_##fn params                                           \
	{                                                                      \
		struct fault_tx *t = fault_of_tx(tx);                          \
		struct store_tx *in = t->inner;                                \
		struct fault_call call = fault_hit(fault_of(tx->s), #fn);      \
		int rc = -1;                                                   \
                                                                               \
		if (t->failed)                                                 \
			return err_set(e, ERR_BUG, "store.fault",              \
				       "%s after a failure", #fn);             \
		in->next_id = tx->next_id;                                     \
		if (!call.fails || call.when == STORE_FAULT_AFTER) {           \
			rc = in->via->fn args;                                 \
			fault_tell(fault_of(tx->s), #fn, &call,                \
				   STORE_FAULT_AFTER);                         \
		}                                                              \
		if (call.fails)                                                \
			rc = fault_injected(#fn, e);                           \
		t->failed = rc < 0;                                            \
		return rc;                                                     \
	}

/* fault_work.c */
extern const struct store_alarm_vtbl fault_alarm_vtbl;
extern const struct store_mail_vtbl fault_mail_vtbl;
extern const struct store_push_vtbl fault_push_vtbl;

#endif
