#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static void
stderr_write(struct log *l, enum log_level lvl, const char *line)
{
	static const char *const prio[] = { "<7>", "<6>", "<4>", "<3>" };
	static const char *const word[] = { "debug", "info", "warning",
					    "error" };

	(void)l;
	/* systemd sets JOURNAL_STREAM when stderr goes to its journal; nobody
	   here changes the environment. NOLINTNEXTLINE(concurrency-mt-unsafe)
	 */
	if (getenv("JOURNAL_STREAM") != NULL)
		(void)fprintf(stderr, "%s%s\n", prio[lvl], line);
	else
		(void)fprintf(stderr, "%s %s\n", word[lvl], line);
}

struct log log_stderr = { stderr_write, LOG_LVL_INFO };

void
log_line(struct log *l, enum log_level lvl, const char *fmt, ...)
{
	char line[1024];
	va_list ap;

	if (l == NULL || lvl < l->min)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	l->write(l, lvl, line);
}

enum { LOG_VALUE_MAX = 200 };

const char *
log_quote(struct slice s, char *out, size_t out_n)
{
	static const char hex[] = "0123456789abcdef";
	size_t o = 0;
	bool text = slice_utf8_ok(s);

	if (out_n > LOG_VALUE_MAX + 1)
		out_n = LOG_VALUE_MAX + 1;
	for (size_t i = 0; i < s.n && o + 5 < out_n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c < 0x20 || c == 0x7F || c == '\\' || (c > 0x7F && !text)) {
			out[o++] = '\\';
			out[o++] = 'x';
			out[o++] = hex[c >> 4];
			out[o++] = hex[c & 15];
		} else {
			out[o++] = (char)c;
		}
	}
	/* Do not leave half a character behind where the value was cut. */
	while (text && o > 0 && !slice_utf8_ok((struct slice){ out, o }))
		o--;
	out[o] = '\0';
	return out;
}
