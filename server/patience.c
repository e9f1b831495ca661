#include "server/patience.h"

#include "base/clock.h"
#include "syncml/limits.h"

#include <time.h>

enum { FIRST_MS = 20, LONGEST_MS = 1000 };

/* Twice as long each time: a deadlock is over at once, a restart is not. */
static int64_t
delay(unsigned tries)
{
	int64_t ms = FIRST_MS;

	while (--tries > 0 && ms < LONGEST_MS)
		ms *= 2;
	return ms < LONGEST_MS ? ms : LONGEST_MS;
}

static void
rest(int64_t ms)
{
	struct timespec ts = { .tv_sec = (time_t)(ms / 1000),
			       .tv_nsec = (long)(ms % 1000) * 1000000 };

	while (nanosleep(&ts, &ts) != 0)
		;
}

bool
srv_patience_wait(struct srv_patience *p, unsigned tries)
{
	int64_t now = clk_mono_ms();
	int64_t last = atomic_exchange(&p->last_ms, now);
	int_fast64_t since = atomic_load(&p->down_ms);

	/* Two workers that come at once may set it twice, to the same. */
	if (since == 0 || now - last >= SML_PATIENCE_MS) {
		since = now;
		atomic_store(&p->down_ms, now);
	}
	if (now - since >= SML_PATIENCE_MS)
		return false;
	if (p->sleep != NULL)
		p->sleep(p->ctx, delay(tries));
	else
		rest(delay(tries));
	return true;
}

void
srv_patience_works(struct srv_patience *p)
{
	if (atomic_load_explicit(&p->down_ms, memory_order_relaxed) != 0)
		atomic_store(&p->down_ms, 0);
}
