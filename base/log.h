/*
 * Log lines: "level key=value ... : sentence". Values that came from a peer go
 * through log_quote() first. Never bodies, passwords, nonces, tokens.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/slice.h"

enum log_level { LOG_LVL_DEBUG, LOG_LVL_INFO, LOG_LVL_WARN, LOG_LVL_ERROR };

struct log {
	/* One finished line without newline; must be safe from any thread. */
	void (*write)(struct log *l, enum log_level lvl, const char *line);
	_Atomic enum log_level min; /* a reload may change it */
};

/* To stderr, with "<priority>" prefixes when systemd's journal reads it. */
extern struct log log_stderr;

/* A NULL log drops the line. */
void log_line(struct log *l, enum log_level lvl, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * Text from a peer made safe for a log line: control characters and bytes that
 * are no UTF-8 become \xHH, at most out_n - 1 bytes (values are cut at 200).
 * Returns out.
 */
const char *log_quote(struct slice s, char *out, size_t out_n);

#endif
