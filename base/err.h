/*
 * One error type that carries its reason.
 *
 * int functions return 0 when done and -1 when failed with *e filled; bool
 * answers a question; NULL means "not there", never "failed".
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdbool.h>
#include <stddef.h>

enum err_code {
	ERR_NONE = 0,
	ERR_PARSE,       /* the peer sent something malformed */
	ERR_LIMIT,       /* a configured limit was reached */
	ERR_AUTH,        /* no or wrong credentials */
	ERR_NOTFOUND,    /* what was named does not exist */
	ERR_CONFLICT,    /* exists already, or changed meanwhile */
	ERR_UNSUPPORTED, /* understood, and not offered here */
	ERR_UNAVAILABLE, /* backend down or busy: the same may work later */
	ERR_BUSY,        /* this process has too much to do: come again later */
	ERR_CONFIG,      /* the administrator's settings cannot work */
	ERR_NOMEM,
	ERR_IO,  /* a file or socket of this machine failed */
	ERR_BUG, /* an invariant did not hold */
};

struct err {
	enum err_code code;
	int sys;           /* errno or library code, 0 if none */
	bool lasting;      /* UNAVAILABLE: until somebody has mended it */
	const char *where; /* "module.operation", static storage */
	char msg[240];     /* for the log; may hold private data */
};

/* Fill *e and return -1: the one way to fail. e may be NULL. */
int err_set(struct err *e, enum err_code code, const char *where,
	    const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* As err_set, with a system or library error number. */
int err_sys(struct err *e, enum err_code code, int sys, const char *where,
	    const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* As err_sys for an errno; ": No such file or directory" or the like follows
   what fmt says. */
int err_errno(struct err *e, enum err_code code, int sys, const char *where,
	      const char *fmt, ...) __attribute__((format(printf, 5, 6)));

#ifdef __clang_analyzer__
/* It looks into one file at a time, and shall know there that these fail. */
#define err_set(...) ((void)err_set(__VA_ARGS__), -1)
#define err_sys(...) ((void)err_sys(__VA_ARGS__), -1)
#define err_errno(...) ((void)err_errno(__VA_ARGS__), -1)
#endif

/*
 * What an errno means, safe among threads (strerror is not): the text is in
 * buf or in static storage.
 */
#define ERR_REASON_BYTES 64
const char *err_reason(int sys, char *buf, size_t n);

/* Plain name of a code ("not found"), static storage. */
const char *err_name(enum err_code code);

#endif
