/*
 * What the proof and the daemon funicular-crashy share: a page of memory, named
 * by the environment variable FUNICULAR_CRASH, in which the one says where the
 * other has to die, or what its disk shall do.
 */
#ifndef TESTS_CRASH_CONTROL_H
#define TESTS_CRASH_CONTROL_H

#include <stdatomic.h>
#include <stdint.h>

enum control_disk {
	DISK_FINE,
	DISK_FULL,     /* a write says so */
	DISK_BROKEN,   /* a write fails (a file system gone read-only) */
	DISK_SYNC_BAD, /* fsync fails */
};

struct control {
	/* Point 2n - 1 is before the n-th call of the store from when this was
	   set (count is set to 0), 2n behind it. 0: none. */
	_Atomic uint64_t die_at;
	_Atomic uint64_t count; /* calls so far */
	/* The n-th write or sync of a file is not done any more. 0: none. */
	_Atomic uint64_t die_at_write;
	_Atomic uint64_t writes;  /* and syncs, so far */
	_Atomic int disk;         /* enum control_disk */
	_Atomic uint64_t refused; /* writes that were made to fail */
	char died_in[32];         /* the call's name */
	/* The process stops (SIGSTOP) at the n-th place from when this was set:
	   within a transaction that writes, before or behind one of its calls.
	   0: nowhere; set back when it has stopped. */
	_Atomic uint64_t stop_at;
	_Atomic int stop_behind; /* ... behind its COMMIT instead */
	char stopped_in[32];     /* the call's name */
};

#endif
