/*
 * One error type that carries its reason.
 *
 * int functions return 0 when done and -1 when failed with *e filled; bool
 * answers a question; NULL means "not there", never "failed".
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

enum err_code {
	ERR_NONE = 0,
	ERR_PARSE,       /* the peer sent something malformed */
	ERR_LIMIT,       /* a configured limit was reached */
	ERR_AUTH,        /* no or wrong credentials */
	ERR_NOTFOUND,    /* what was named does not exist */
	ERR_CONFLICT,    /* exists already, or changed meanwhile */
	ERR_UNSUPPORTED, /* understood, and not offered here */
	ERR_UNAVAILABLE, /* backend down or busy: the same may work later */
	ERR_CONFIG,      /* the administrator's settings cannot work */
	ERR_NOMEM,
	ERR_IO,  /* a file or socket of this machine failed */
	ERR_BUG, /* an invariant did not hold */
};

struct err {
	enum err_code code;
	int sys;           /* errno or library code, 0 if none */
	const char *where; /* "module.operation", static storage */
	char msg[240];     /* for the log; may hold private data */
};

/* Fill *e and return -1: the one way to fail. e may be NULL. */
int err_set(struct err *e, enum err_code code, const char *where,
	    const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* As err_set, with a system or library error number. */
int err_sys(struct err *e, enum err_code code, int sys, const char *where,
	    const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* Plain name of a code ("not found"), static storage. */
const char *err_name(enum err_code code);

#endif
