#include "server/metrics.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

const char srv_metrics_type[] =
    "application/openmetrics-text; version=1.0.0; charset=utf-8";

/* Upper bounds in microseconds: a phone gives up after 30 s or more. */
static const uint64_t bound_us[SRV_METRICS_BUCKETS] = {
	1000,   2500,   5000,    10000,   25000,    50000,   100000,
	250000, 500000, 1000000, 2500000, 10000000, 30000000
};

static const char *const result_name[SRV_RESULT_N] = {
	"ok", "page", "refused", "failed", "busy", "deadline", "aborted"
};

struct counter {
	const char *name, *help;
	size_t at; /* offset in struct srv_metrics */
};

#define COUNTER(field, name, help)                                             \
	{                                                                      \
		name, help, offsetof(struct srv_metrics, field)                \
	}

static const struct counter counters[] = {
	COUNTER(messages, "funicular_messages",
		"SyncML messages answered, repeated answers included."),
	COUNTER(duplicates, "funicular_duplicate_messages",
		"Messages that came twice and got their stored answer."),
	COUNTER(tries, "funicular_message_retries",
		"Times a message was tried again because the store failed."),
	COUNTER(sessions_began, "funicular_sessions_began",
		"Sync sessions that began with good credentials."),
	COUNTER(sessions_ended, "funicular_sessions_ended",
		"Sync sessions that came to their end."),
	COUNTER(items_in, "funicular_items_received",
		"Item commands taken from devices."),
	COUNTER(items_out, "funicular_items_sent",
		"Item commands sent to devices."),
	COUNTER(auth_failed, "funicular_auth_failures",
		"Logins with wrong credentials."),
	COUNTER(bytes_in, "funicular_received_bytes",
		"Bytes of request bodies."),
	COUNTER(bytes_out, "funicular_sent_bytes", "Bytes of answers."),
	COUNTER(deadlines, "funicular_deadline_cuts",
		"Connections cut because the client was too slow."),
	COUNTER(refused, "funicular_refused_connections",
		"Connections refused because too many were open."),
	COUNTER(prune_rows, "funicular_pruned_rows",
		"Rows of history and old sessions that housekeeping removed."),
	COUNTER(reloads, "funicular_reloads",
		"Times the configuration was read again."),
	COUNTER(notices, "funicular_notices",
		"Notices queued to wake devices."),
	COUNTER(notices_sent, "funicular_notices_sent",
		"Messages of notices that a gateway took, repeats included."),
	COUNTER(notices_failed, "funicular_notice_failures",
		"Times a gateway did not take the message of a notice."),
};

void
srv_metrics_message(struct srv_metrics *m, int64_t us)
{
	uint64_t v = us < 0 ? 0 : (uint64_t)us;
	size_t i = 0;

	while (i < SRV_METRICS_BUCKETS && v > bound_us[i])
		i++;
	srv_metrics_add(&m->bucket[i], 1);
	srv_metrics_add(&m->message_us, v);
}

static uint64_t
load(atomic_uint_fast64_t *c)
{
	return atomic_load_explicit(c, memory_order_relaxed);
}

static void
head(struct buf *b, const char *name, const char *type, const char *help)
{
	buf_printf(b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void
gauge(struct buf *b, const char *name, const char *help, double v)
{
	head(b, name, "gauge", help);
	buf_printf(b, "%s %.15g\n", name, v);
}

static void
histogram(struct srv_metrics *m, struct buf *b)
{
	static const char name[] = "funicular_message_seconds";
	uint64_t sum_us = load(&m->message_us);
	uint64_t n = 0;

	head(b, name, "histogram", "Time that a worker spent on one message.");
	for (size_t i = 0; i < SRV_METRICS_BUCKETS; i++) {
		n += load(&m->bucket[i]);
		buf_printf(b, "%s_bucket{le=\"%g\"} %" PRIu64 "\n", name,
			   (double)bound_us[i] / 1e6, n);
	}
	n += load(&m->bucket[SRV_METRICS_BUCKETS]);
	buf_printf(b, "%s_bucket{le=\"+Inf\"} %" PRIu64 "\n", name, n);
	buf_printf(b, "%s_count %" PRIu64 "\n%s_sum %.6f\n", name, n, name,
		   (double)sum_us / 1e6);
}

/* Resident bytes; 0 where there is no /proc. */
static double
resident(void)
{
	FILE *f = fopen("/proc/self/statm", "re");
	char text[256] = "";
	struct slice rest;
	struct slice word;
	int64_t pages = 0;

	if (f == NULL)
		return 0;
	rest = slice_c(fgets(text, sizeof(text), f));
	(void)fclose(f);
	(void)slice_word(&rest, " \n", &word); /* the size of all */
	if (!slice_word(&rest, " \n", &word) || !slice_i64(word, &pages))
		return 0;
	return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

static double
open_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	double n = 0;

	if (d == NULL)
		return 0;
	/* One process reads its own directory: no other thread shares d. */
	while (readdir(d) != NULL) /* NOLINT(concurrency-mt-unsafe) */
		n++;
	(void)closedir(d);
	return n > 3 ? n - 3 : 0; /* ".", ".." and the directory itself */
}

static void
process(struct srv_metrics *m, struct buf *b)
{
	struct rusage u;

	if (getrusage(RUSAGE_SELF, &u) == 0) {
		head(b, "process_cpu_seconds", "counter",
		     "User and system time of this process.");
		buf_printf(
		    b, "process_cpu_seconds_total %.6f\n",
		    (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
			(double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) /
			    1e6);
	}
	gauge(b, "process_resident_memory_bytes", "Resident memory.",
	      resident());
	gauge(b, "process_open_fds", "Open file descriptors.", open_fds());
	gauge(b, "process_start_time_seconds", "Start, in Unix time.",
	      (double)m->started_s);
}

void
srv_metrics_write(struct srv_metrics *m, const struct srv_metrics_now *now,
		  struct buf *b)
{
	head(b, "funicular_requests", "counter",
	     "HTTP requests on the public addresses by result.");
	for (size_t i = 0; i < SRV_RESULT_N; i++)
		buf_printf(
		    b, "funicular_requests_total{result=\"%s\"} %" PRIu64 "\n",
		    result_name[i], load(&m->requests[i]));
	for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++) {
		const struct counter *c = &counters[i];
		atomic_uint_fast64_t *v = (void *)((char *)m + c->at);

		head(b, c->name, "counter", c->help);
		buf_printf(b, "%s_total %" PRIu64 "\n", c->name, load(v));
	}
	histogram(m, b);
	gauge(b, "funicular_connections",
	      "Open connections on the public addresses.",
	      (double)atomic_load(&m->connections));
	gauge(b, "funicular_body_bytes", "Memory of messages being received.",
	      (double)atomic_load(&m->body_bytes));
	gauge(b, "funicular_workers", "Worker threads.",
	      (double)now->pool.workers);
	gauge(b, "funicular_workers_busy", "Workers with a message.",
	      (double)now->pool.busy);
	gauge(b, "funicular_queue", "Messages that wait for a worker.",
	      (double)now->pool.waiting);
	gauge(b, "funicular_store_up", "1: the store answers.",
	      now->store_up ? 1 : 0);
	if (atomic_load(&m->tls_expires_s) != 0)
		gauge(b, "funicular_tls_certificate_expires_seconds",
		      "End of the certificate's validity, in Unix time.",
		      (double)atomic_load(&m->tls_expires_s));
	head(b, "funicular_build", "info", "Version of the program.");
	buf_printf(b, "funicular_build_info{version=\"%s\"} 1\n",
		   FUNICULAR_VERSION);
	process(m, b);
	buf_str(b, "# EOF\n");
}
