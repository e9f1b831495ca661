/*
 * Between the files of the HTTP front only.
 *
 * Threads: the acceptor takes connections and hands them to libmicrohttpd,
 * whose own threads call everything named srv_rq_* and srv_conn_*, one thread
 * per connection at a time; a worker owns a request from srv_pool_push() to
 * MHD_resume_connection(); the sweeper looks at connections under front.lock
 * and cuts by shutdown(2), never by closing.
 */
#ifndef SERVER_HTTP_FRONT_INT_H
#define SERVER_HTTP_FRONT_INT_H

#include "server/http/front.h"

#include <microhttpd.h>
#include <pthread.h>

enum conn_phase { CONN_IDLE, CONN_RECEIVES, CONN_WORKS, CONN_SENDS };

enum { SRV_ADMIN_CONNECTIONS = 32 };

/* One daemon of the library, for what comes to one address. A reload retires
   it for a new one. */
struct srv_gate {
	struct srv_gate *next;
	struct srv_front *front;
	struct MHD_Daemon *mhd;
	struct srv_listen *listen;
	bool admin;
	atomic_bool retired;  /* no new connections, close the others soon */
	atomic_size_t conn_n; /* from the moment of accepting */
};

struct srv_conn {
	struct srv_conn *next, *prev;
	struct srv_gate *gate;
	int fd;
	atomic_bool used; /* a request was here before */
	bool half;        /* the client closed its side; see gone() */
	bool cut;         /* by the sweeper, under front.lock */
	bool lingers;     /* answered before its request was there */
	atomic_bool slow; /* it was cut because it was too slow */
	atomic_int phase; /* enum conn_phase */
	atomic_int_fast64_t deadline_ms; /* clk_mono_ms(); INT64_MAX: none */
};

/* Answered connections whose requests still come in: linger.c */
enum { SRV_LINGER_MAX = 64 };

struct srv_linger {
	int fd[SRV_LINGER_MAX];
	int64_t until_ms[SRV_LINGER_MAX];
	size_t n;
};

struct srv_front {
	const struct srv_service *service;
	struct srv_metrics *metrics;
	struct log *log;
	struct srv_pool *pool;
	struct srv_listens *pub, *admin;
	size_t connections_max;
	atomic_bool stopping;
	atomic_int hurry; /* at a stop: 1 cut receivers, 2 cut senders too */

	int wake_fd; /* an eventfd: the acceptor shall look around */

	pthread_mutex_t lock; /* for all below, and the sockets of pub, admin */
	pthread_cond_t wake;  /* the sweeper shall end */
	pthread_cond_t gone;  /* at a stop: a connection went */
	struct srv_settings *settings;
	struct srv_conn *conns;
	size_t conn_n;
	struct srv_gate *gates;
	struct srv_linger linger;
	bool sweeper_runs, sweeper_ends;
	bool acceptor_runs, acceptor_ends;
	pthread_t sweeper, acceptor;
};

enum {
	RQ_PATH_BYTES = 256,
	RQ_TOKEN_BYTES = 136,
	RQ_BASE_BYTES = 640,
	RQ_TAIL_BYTES = 720,
	/* A refused body up to this is read before the answer goes out, so
	   that the client sees the answer and the connection stays. */
	RQ_SWALLOW_MAX = 65536,
};

enum rq_phase { RQ_HEAD, RQ_BODY, RQ_SWALLOW, RQ_WORK, RQ_DONE };
enum rq_coding { RQ_PLAIN, RQ_GZIP, RQ_DEFLATE };

struct srv_rq {
	struct srv_job job; /* first */
	struct srv_later later;
	struct srv_front *front;
	struct srv_conn *conn;
	struct srv_settings *settings; /* a reference */
	struct MHD_Connection *mhd;
	enum rq_phase phase;
	enum rq_coding coding;
	int64_t began_ms;
	char path[RQ_PATH_BYTES]; /* cut, for the log, when it is too long */
	bool path_cut;
	size_t uri_n;
	char token[RQ_TOKEN_BYTES];
	char base[RQ_BASE_BYTES];
	char peer[SRV_ADDR_TEXT_BYTES];
	const char *method;
	const char *ctype; /* in the library's memory until completion */
	const char *mac;   /* x-syncml-hmac; as ctype */

	int64_t announced; /* Content-Length; -1: chunked or none */
	char *body;
	size_t body_n, body_cap;
	size_t in_n; /* bytes that came, kept or not */

	/* The answer. */
	int http;
	bool page;        /* GET or HEAD of the page for people */
	bool last;        /* no further request on this connection */
	bool close_after; /* nor may the answer wait for the body's end */
	const char *text; /* plain text instead of `reply` */
	int retry_after_s;
	char *reply;
	size_t reply_n;
	char reply_type[96];
	char *reply_mac; /* x-syncml-hmac; NULL: none */
	size_t sent_n;
	int64_t work_us;
	char tail[RQ_TAIL_BYTES]; /* of the access log: what the worker knew */
};

/* front.c: stop the library's daemon, free the gate. */
void srv_gate_end(struct srv_gate *g);

/* accept.c */
int srv_accept_start(struct srv_front *f, struct err *e);
/* No more public connections. */
void srv_accept_refuse(struct srv_front *f);
/* None at all; ends the thread. */
void srv_accept_end(struct srv_front *f);
/* One connection more, or less. */
void srv_gate_count(struct srv_gate *g, bool more);

/* conn.c */
void srv_conn_notify(void *cls, struct MHD_Connection *m, void **ctx,
		     enum MHD_ConnectionNotificationCode what);
struct srv_conn *srv_conn_of(struct MHD_Connection *m);
/* Did the sweeper end it? */
bool srv_conn_was_cut(struct srv_conn *c);
void srv_conn_set(struct srv_conn *c, enum conn_phase phase, int64_t ms);
/* Ends daemons whose last connection went; called by the sweeper. */
void *srv_conn_sweep(void *front);

/* linger.c, both under front.lock */
void srv_linger_add(struct srv_front *f, int fd);
/* Now or, with INT64_MAX, never again. */
void srv_linger_look(struct srv_front *f, int64_t now);

/* request.c */
void *srv_rq_begin(void *cls, const char *uri, struct MHD_Connection *m);
/* Path and token of "/sync?x=1&s=TOKEN"; of an absolute URL too. */
void srv_rq_uri(struct srv_rq *rq, const char *uri);
enum MHD_Result srv_rq_handle(void *cls, struct MHD_Connection *c,
			      const char *url, const char *method,
			      const char *version, const char *data, size_t *n,
			      void **ctx);
void srv_rq_end(void *cls, struct MHD_Connection *c, void **ctx,
		enum MHD_RequestTerminationCode why);
/* Refuse with a status and a sentence, which must be static. */
void srv_rq_refuse(struct srv_rq *rq, int http, const char *text);
void srv_rq_drop_body(struct srv_rq *rq);
int64_t srv_rq_grace_ms(const struct srv_settings *s, size_t bytes);

/* check.c: judge the headers; rq->http stays 0 when a body may come. */
void srv_rq_check(struct srv_rq *rq, const char *method, const char *version);
/* Leaves all that came besides the body room for an answer in the library's
   memory of the connection? Else the request is refused. */
bool srv_rq_head_fits(struct srv_rq *rq);

/* work.c: the part that runs in a worker. */
void srv_rq_work(struct srv_job *job, struct arena *a);

/* access.c */
void srv_access_tail(struct srv_rq *rq, const struct sml_reply *reply);
void srv_access_log(const struct srv_rq *rq, const char *end);

/* admin.c */
enum MHD_Result srv_admin_handle(void *cls, struct MHD_Connection *c,
				 const char *url, const char *method,
				 const char *version, const char *data,
				 size_t *n, void **ctx);
void *srv_admin_begin(void *cls, const char *uri, struct MHD_Connection *m);
void srv_admin_end(void *cls, struct MHD_Connection *c, void **ctx,
		   enum MHD_RequestTerminationCode why);

#endif
