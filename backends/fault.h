/*
 * A store that fails on command: it wraps another one, counts the calls that
 * can fail, makes one of them fail with ERR_UNAVAILABLE, and can call a hook
 * before and after each. Tests stop the world with it at every point, in turn.
 */
#ifndef BACKENDS_FAULT_H
#define BACKENDS_FAULT_H

#include "backends/store.h"

enum store_fault_when {
	STORE_FAULT_BEFORE, /* the call has no effect */
	STORE_FAULT_AFTER,  /* it has, but its caller hears that it failed: a
			       connection lost after the server committed */
};

struct store_fault_plan {
	uint64_t at;  /* the n-th call from now fails, 1 is the next; 0: none */
	bool onwards; /* and every later one */
	enum store_fault_when when;
};

/* fn: the vtable's name of it; n: its number since the store was made; when:
   called before its effect or after it (not if it was made to fail before). */
typedef void store_fault_hook(void *ctx, const char *fn, uint64_t n,
			      enum store_fault_when when);

/*
 * inner  borrowed: closing the wrapper leaves it open
 * Returns owned in *out; close with (*out)->v->close(out).
 */
int store_fault_new(struct store *inner, struct store **out, struct err *e);

/* Safe from any thread; the hook may end the process. */
void store_fault_set(struct store *s, struct store_fault_plan plan);
void store_fault_on_call(struct store *s, store_fault_hook *hook, void *ctx);

/* Calls so far, and how many of them were made to fail. */
uint64_t store_fault_calls(struct store *s);
uint64_t store_fault_failed(struct store *s);

#endif
