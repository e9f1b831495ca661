#include "base/clock.h"

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

void
clk_cond_init(pthread_cond_t *c)
{
	pthread_condattr_t attr;

	(void)pthread_condattr_init(&attr);
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void)pthread_cond_init(c, &attr);
	(void)pthread_condattr_destroy(&attr);
}

int
clk_wait_until(pthread_cond_t *c, pthread_mutex_t *m, int64_t mono_ms)
{
	const struct timespec until = { mono_ms / 1000,
					mono_ms % 1000 * 1000000 };

	return pthread_cond_timedwait(c, m, &until);
}

static struct tm
utc(int64_t ms)
{
	time_t t = (time_t)(ms / 1000);
	struct tm tm = { 0 };

	(void)gmtime_r(&t, &tm);
	return tm;
}

void
clk_iso_basic(int64_t ms, char out[static 17])
{
	struct tm tm = utc(ms);

	if (strftime(out, 17, "%Y%m%dT%H%M%SZ", &tm) == 0)
		out[0] = '\0';
}

void
clk_iso(int64_t ms, char out[static 21])
{
	struct tm tm = utc(ms);

	if (strftime(out, 21, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		out[0] = '\0';
}
