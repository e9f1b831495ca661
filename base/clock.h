/*
 * Time comes in through a pointer, so that tests drive it.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include "base/slice.h"

#include <pthread.h>
#include <stdint.h>

struct clk {
	/* Milliseconds since 1970-01-01T00:00:00Z. */
	int64_t (*now_ms)(const struct clk *c);
};

/* The system's clock. */
extern const struct clk clk_system;

/* Milliseconds of a clock that never jumps, for measuring durations. */
int64_t clk_mono_ms(void);

/* A condition that clk_wait_until() can wait for. */
void clk_cond_init(pthread_cond_t *c);

/* As pthread_cond_timedwait(), to a moment of clk_mono_ms(): whatever happens
   to the system's clock meanwhile. */
int clk_wait_until(pthread_cond_t *c, pthread_mutex_t *m, int64_t mono_ms);

/*
 * UTC in ISO 8601: basic "20260102T030405Z", extended "2026-01-02T03:04:05Z".
 * Buffers hold at least 17 and 21 bytes.
 */
void clk_iso_basic(int64_t ms, char out[static 17]);
void clk_iso(int64_t ms, char out[static 21]);

#endif
