/*
 * An answer that waits for something: embedded in whatever it belongs to, so
 * that waiting takes no thread and no memory.
 */
#ifndef SERVER_LATER_H
#define SERVER_LATER_H

#include <stdint.h>

struct srv_later {
	void (*go)(struct srv_later *later); /* it may be gone after that */
	/* Of who holds it. */
	struct srv_later *next;
	int64_t account, until_mono;
};

#endif
