#include "base/err.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* What a checker is told instead, see the header. */
#undef err_set
#undef err_sys
#undef err_errno

static void fill(struct err *e, enum err_code code, int sys, const char *where,
		 const char *fmt, va_list ap)
    __attribute__((format(printf, 5, 0)));

static void
fill(struct err *e, enum err_code code, int sys, const char *where,
     const char *fmt, va_list ap)
{
	if (e == NULL)
		return;
	e->code = code;
	e->sys = sys;
	e->lasting = false;
	e->where = where;
	(void)vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
}

int
err_set(struct err *e, enum err_code code, const char *where, const char *fmt,
	...)
{
	va_list ap;

	va_start(ap, fmt);
	fill(e, code, 0, where, fmt, ap);
	va_end(ap);
	return -1;
}

int
err_sys(struct err *e, enum err_code code, int sys, const char *where,
	const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fill(e, code, sys, where, fmt, ap);
	va_end(ap);
	return -1;
}

const char *
err_reason(int sys, char *buf, size_t n)
{
	return strerror_r(sys, buf, n);
}

int
err_errno(struct err *e, enum err_code code, int sys, const char *where,
	  const char *fmt, ...)
{
	char text[ERR_REASON_BYTES];
	const char *why = err_reason(sys, text, sizeof(text));
	size_t n;
	va_list ap;

	va_start(ap, fmt);
	fill(e, code, sys, where, fmt, ap);
	va_end(ap);
	if (e == NULL)
		return -1;
	n = strlen(e->msg);
	(void)snprintf(e->msg + n, sizeof(e->msg) - n, ": %s", why);
	return -1;
}

const char *
err_name(enum err_code code)
{
	switch (code) {
	case ERR_NONE:
		return "no error";
	case ERR_PARSE:
		return "malformed";
	case ERR_LIMIT:
		return "over a limit";
	case ERR_AUTH:
		return "not authenticated";
	case ERR_NOTFOUND:
		return "not found";
	case ERR_CONFLICT:
		return "conflict";
	case ERR_UNSUPPORTED:
		return "not supported";
	case ERR_UNAVAILABLE:
		return "unavailable";
	case ERR_CONFIG:
		return "configuration";
	case ERR_NOMEM:
		return "out of memory";
	case ERR_BUSY:
		return "busy";
	case ERR_IO:
		return "input/output";
	case ERR_BUG:
		return "internal";
	}
	return "unknown";
}
