#include "base/clock.h"

#include <stdio.h>
#include <time.h>

static int64_t
system_now_ms(const struct clk *c)
{
	struct timespec ts;

	(void)c;
	(void)clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

const struct clk clk_system = { system_now_ms };

int64_t
clk_mono_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void
format(int64_t ms, const char *fmt, char *out, size_t n)
{
	time_t t = (time_t)(ms / 1000);
	struct tm tm;

	if (gmtime_r(&t, &tm) == NULL || strftime(out, n, fmt, &tm) == 0)
		out[0] = '\0';
}

void
clk_iso_basic(int64_t ms, char out[static 17])
{
	format(ms, "%Y%m%dT%H%M%SZ", out, 17);
}

void
clk_iso(int64_t ms, char out[static 21])
{
	format(ms, "%Y-%m-%dT%H:%M:%SZ", out, 21);
}
