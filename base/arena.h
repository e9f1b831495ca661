/*
 * Memory that is handed out piece by piece and freed whole: one arena per
 * HTTP request. An arena has a cap; reaching it is an ordinary failure of that
 * request (NULL), never of the server.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/slice.h"

struct arena;

/*
 * cap_bytes  most bytes the arena will ever hand out.
 * Returns NULL when memory is short. Free with arena_free(&a).
 */
struct arena *arena_new(size_t cap_bytes);

/* Frees everything and sets *a to NULL; accepts NULL in *a. */
void arena_free(struct arena **a);

/* Forget all that was handed out, keep one block for the next use. */
void arena_reset(struct arena *a);

/* A place to go back to: what was handed out since is forgotten, what was
   before stays. */
struct arena_mark {
	void *block;
	size_t block_used, used;
};
struct arena_mark arena_mark(const struct arena *a);
void arena_rewind(struct arena *a, struct arena_mark m);

/* Zeroed, 16-byte aligned memory living until arena_free(), or NULL. */
void *arena_alloc(struct arena *a, size_t n_bytes)
    __attribute__((warn_unused_result));

/* Zeroed array; NULL when memory is short or n * size overflows. */
void *arena_array(struct arena *a, size_t n, size_t size_bytes)
    __attribute__((warn_unused_result));

#define ARENA_NEW(a, type) ((type *)arena_alloc((a), sizeof(type)))
#define ARENA_ARRAY(a, n, type) ((type *)arena_array((a), (n), sizeof(type)))

/* Copy of bytes; .p == NULL when memory is short (also for n == 0: not NULL).
 */
struct slice arena_copy(struct arena *a, struct slice s);

/* NUL-terminated copy, NULL when memory is short or s holds a NUL byte. */
char *arena_cstr(struct arena *a, struct slice s);

/* Formatted text; .p == NULL when memory is short. */
struct slice arena_printf(struct arena *a, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Bytes handed out so far. */
size_t arena_used(const struct arena *a);

/*
 * Requests that were refused since arena_new(); arena_reset() forgets none. Who
 * builds an answer out of many small pieces asks once, at its end, whether all
 * of them came.
 */
size_t arena_refused(const struct arena *a);

/*
 * Fault injection: the n-th call of arena_alloc from now on (1 is the next)
 * returns NULL; with `onwards` every later one too. n == 0 switches it off.
 */
void arena_fail_at(struct arena *a, size_t n, bool onwards);

#endif
