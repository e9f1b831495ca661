/* Among loop.c, watch.c and work.c: the threads and what they share. */
#ifndef SERVER_MAIL_LOOP_H
#define SERVER_MAIL_LOOP_H

#include "server/mail/inside.h"
#include "server/share.h"

#include <pthread.h>
#include <stdatomic.h>

enum {
	LOOP_LIST_MS = 60 * 1000, /* all logins are looked through */
	LOOP_LIST_MAX = 100000,
	LOOP_DUE_PAGE = 64,
	LOOP_EVENTS = 64,
	LOOP_WORKERS_MAX = 64,
	/* Looks in a row because of what the line says, each soon after the one
	   before: then it is let go, and the mailbox looked at as one without.
	 */
	LOOP_BUSY = 100,
	LOOP_SOON_MS = 1000,
	LOOP_AWAY_MS = 30 * 1000, /* first pause, doubled */
	LOOP_AWAY_MAX_MS = 30 * 60 * 1000,
	/* Servers lock accounts after some wrong passwords. */
	LOOP_REFUSED_MS = 60 * 60 * 1000,
	LOOP_REFUSED_MAX_MS = 24 * 60 * 60 * 1000,
};

/* One mailbox. All but box is guarded by the lock; box is its worker's while
   it is busy, and nobody's to use but the loop's otherwise. */
struct watch {
	int64_t account;
	int64_t due_mono;    /* the next look; INT64_MAX: none by itself */
	int64_t hold_mono;   /* after a failure: not before */
	int64_t looked_mono; /* when the last look ended */
	struct mbox *box;    /* NULL: no line */
	struct watch *next;  /* in the queue */
	int in_a_row;        /* looks, each soon after another; as box */
	bool queued, busy;
	bool look; /* not only because its line says something */
	bool away; /* the last look failed */
	bool lost; /* not ours any more */
	bool listed;
};

struct srv_mail {
	struct srv_mail_env env;
	int poll_fd, wake_fd; /* epoll; an eventfd: the loop has to look */
	int stop_fd;          /* an eventfd, readable once it stops */
	atomic_bool stop;
	atomic_size_t lines;

	struct srv_share share;
	int64_t listed_mono, polled_mono;
	atomic_bool heard; /* rows were written: look at them */
	bool failing;
	struct arena *a; /* the loop's */

	pthread_mutex_t lock;
	pthread_cond_t work;
	struct watch **w; /* by account */
	size_t w_n, w_cap;
	struct watch *first, **end; /* to be worked on */
	struct srv_later *held;     /* answers that wait for a look */
	pthread_t loop, worker[LOOP_WORKERS_MAX];
	size_t worker_n;
	bool loop_runs;
};

/* ---- watch.c: under the lock --------------------------------------------- */

struct watch *watch_find(struct srv_mail *m, int64_t account);
/* NULL: no memory. */
struct watch *watch_add(struct srv_mail *m, int64_t account);
void watch_queue(struct srv_mail *m, struct watch *w, bool look);
/* Not ours any more: at once, or when its worker is done. */
void watch_lose(struct srv_mail *m, struct watch *w);
/* Frees those that were lost. */
void watch_sweep(struct srv_mail *m);
void watch_close(struct srv_mail *m, struct watch *w);
/* Let its line tell of news. */
void watch_arm(struct srv_mail *m, struct watch *w);

/* ---- hold.c: answers that wait for a look ---------------------------------
 */

/* Under the lock: those of this account, or (0) all whose time has come, are
   moved to the front of *out. */
void hold_take(struct srv_mail *m, int64_t account, struct srv_later **out);
/* Under the lock: when the time of the first one comes; INT64_MAX: none. */
int64_t hold_next(const struct srv_mail *m);
/* Not under the lock. */
void hold_go(struct srv_later *list);

/* ---- work.c -------------------------------------------------------------- */

void *mail_worker(void *arg);

/* ---- loop.c -------------------------------------------------------------- */

void mail_wake(struct srv_mail *m);

#endif
