/*
 * A daemon of the crash proof: its directory, its socket, its life and death,
 * and the bytes that go to it. The listening socket is ours (as systemd's
 * socket activation does it), so the address stays while daemons come and go.
 */
#ifndef TESTS_CRASH_SITE_H
#define TESTS_CRASH_SITE_H

#include "base/arena.h"
#include "tests/crash/control.h"

#include <sys/types.h>

struct site {
	const char *program; /* funicular-crashy */
	char dir[200];
	int listen_fd, port;
	pid_t pid; /* 0: no daemon */
	struct control *control;
	int conn;    /* the client's connection; -1: none */
	int wait_ms; /* for a reply, at most */
};

/* End the program with a sentence. */
_Noreturn void site_die(const char *fmt, ...)
    __attribute__((format(printf, 1, 2)));

/* A directory, a socket and a configuration; no database yet. */
void site_new(struct site *s, const char *program, const char *dir);
/* The same with what a snapshot holds, as a kill would leave it. */
void site_clone(struct site *s, const char *snapshot, const char *program,
		const char *dir);
/* Forget what belongs to another process (after fork). */
void site_forget(struct site *s);
/* Copy the database as it is at this moment. */
void site_snapshot(const struct site *s, const char *to);
void site_remove(struct site *s);
/* No file: then there is none afterwards either. */
void site_copy_file(const char *from, const char *to);

/* Returns when it is ready. */
void site_start(struct site *s);
void site_kill(struct site *s);
/* It was killed by its control: wait for its end. false: it lives. */
bool site_died(struct site *s);
/* SIGTERM; false: it did not end well. */
bool site_stop(struct site *s);
/* The client's connection; the next message makes another. */
void site_hang_up(struct site *s);
/* Descriptors that the daemon has open. */
unsigned site_descriptors(const struct site *s);
/* A line of level error, or of a sanitizer, in its log; NULL: none. */
const char *site_trouble(const struct site *s);

enum site_cut {
	CUT_NEVER,
	CUT_HALF,  /* after half of the request */
	CUT_SENT,  /* when it is sent, without a look at the reply */
	CUT_REPLY, /* with the first byte of the reply */
	CUT_AFTER, /* behind the reply */
};

struct site_reply {
	int status;
	unsigned retry_after_s; /* 0: not said */
	struct slice type, body;
};

/* One exchange; -1: there came no whole reply. */
int site_post(struct site *s, struct arena *a, struct slice url,
	      const char *type, struct slice body, enum site_cut cut,
	      struct site_reply *out);

#endif
