/*
 * Part of backends/store.h: a word to who sleeps until there is work. Who
 * writes something that is due calls store_wake() in that transaction. Behind
 * its commit the ear of this process hears it, and where the store carries
 * words between nodes (PostgreSQL with listen= in its URI), the ears of the
 * others, too.
 *
 * The idea: a word is a hint, and nothing rests on it. Rows say what is to be
 * done, and who sleeps looks at them now and then, whatever it hears: a word
 * that is lost costs that time, and no more.
 */
#ifndef BACKENDS_STORE_WAKE_H
#define BACKENDS_STORE_WAKE_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

enum store_wake {
	STORE_WAKE_ALARM, /* alarm_next or the outbox; the store says it */
	STORE_WAKE_PUSH,  /* a device is to be told of something */
	STORE_WAKE_MAIL,  /* a mailbox is to be looked at; the store says it */
	STORE_WAKES,
};

/*
 * Who listens looks at the rows at least as often as this, by itself. So other
 * nodes are told only of what is due within it: such rows are few, and all
 * others cost nothing.
 */
enum { STORE_WAKE_SOON_MS = 15000 };

/*
 * Something is due at due_ms. account 0: of whomever, so look at all; what was
 * said before may not have been heard. Called on the thread that committed,
 * or on one of the store's: returns at once, and calls neither the store nor
 * itself.
 */
struct store_ear {
	void (*wake)(void *ctx, enum store_wake what, int64_t account,
		     int64_t due_ms);
	/* Words of other nodes come (why NULL) or do not; for the log. NULL:
	   not of interest. On a thread of the store's. */
	void (*state)(void *ctx, bool up, const char *why);
	void *ctx;
};

/* What a transaction will say; part of struct store_tx. */
struct store_word {
	bool set;
	int64_t due_ms; /* the earliest */
};

static inline void
store_word_add(struct store_word word[static STORE_WAKES], enum store_wake what,
	       int64_t due_ms)
{
	if (!word[what].set || due_ms < word[what].due_ms)
		word[what] = (struct store_word){ true, due_ms };
}

#endif
