/*
 * The disk is full, or broken, or does not sync, at each message of a sync:
 * each time the device hears 503 and when to come again, nothing is half done,
 * and when the disk is well the same message goes through by itself. The same
 * with no descriptor left.
 */
#include "tests/crash/oracle.h"
#include "tests/crash/work.h"

#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

enum { ITEMS = 120, ANSWER_MS = 10000, SHORT_MS = 1000, LISTEN_FD = 3 };

static const char *const disk_name[] = { "fine", "full", "broken",
					 "without sync" };

static void
refused(struct device *d, struct site *s, enum control_disk disk)
{
	int64_t from = clk_mono_ms();
	uint64_t before = s->control->refused;
	struct site_reply r = { 0 };
	bool came;

	s->control->disk = disk;
	came = device_post(d, s, CUT_NEVER, &r);
	s->control->disk = DISK_FINE;
	if (!came)
		site_die("disk %s: no answer", disk_name[disk]);
	if (s->control->refused == before)
		site_die("disk %s: nobody noticed", disk_name[disk]);
	if (r.status != 503 || r.retry_after_s == 0)
		site_die("disk %s: HTTP %d", disk_name[disk], r.status);
	if (clk_mono_ms() - from > ANSWER_MS)
		site_die("disk %s: answered after %lld ms", disk_name[disk],
			 (long long)(clk_mono_ms() - from));
}

/* No new connection can be taken, the one that is there goes on. */
static void
no_descriptors(struct device *d, struct site *s)
{
	struct rlimit was, none;
	struct site other = *s;
	struct site_reply r;

	other.conn = -1;
	other.wait_ms = SHORT_MS;
	if (prlimit(s->pid, RLIMIT_NOFILE, NULL, &was) != 0)
		site_die("prlimit");
	none = was;
	none.rlim_cur = LISTEN_FD + 1; /* all below are in use */
	if (prlimit(s->pid, RLIMIT_NOFILE, &none, NULL) != 0)
		site_die("prlimit");
	/* Whoever comes now waits, or is sent away. */
	if (site_post(&other, d->a, d->conf.url, "text/plain", SLICE_LIT("x"),
		      CUT_NEVER, &r) == 0 &&
	    r.status != 503)
		site_die("without descriptors: HTTP %d", r.status);
	if (other.conn >= 0)
		(void)close(other.conn);
	if (s->conn >= 0 && device_post(d, s, CUT_NEVER, &r) &&
	    r.status != 200 && r.status != 503)
		site_die("without descriptors: HTTP %d", r.status);
	if (prlimit(s->pid, RLIMIT_NOFILE, &was, NULL) != 0)
		site_die("prlimit");
	/* Now anybody comes through, and soon. */
	other.conn = -1;
	other.wait_ms = ANSWER_MS;
	if (site_post(&other, d->a, d->conf.url, "text/plain", SLICE_LIT("x"),
		      CUT_AFTER, &r) != 0 ||
	    r.status != 415)
		site_die("no answer although there are descriptors again");
}

static unsigned
walk(struct device *d, struct site *s)
{
	struct slice body, url;
	struct site_reply r;
	unsigned messages = 0;

	device_begin(d);
	while (device_next(d, &body, &url) == STEP_MORE) {
		messages++;
		for (int disk = DISK_FULL; disk <= DISK_SYNC_BAD; disk++)
			refused(d, s, (enum control_disk)disk);
		if (messages % 4 == 2)
			no_descriptors(d, s);
		if (!device_post(d, s, CUT_NEVER, &r) ||
		    device_take(d, &r) != STEP_MORE)
			site_die("message %u, the disk is well: %s", messages,
				 d->why);
	}
	if (d->moved == 0)
		site_die("the sync ended with: %s", d->why);
	return messages;
}

/* The daemon's log tells of the disk, and of nothing worse. */
static void
check_log(const struct site *s)
{
	const char *trouble = site_trouble(s);

	if (trouble != NULL)
		site_die("its log: %s", trouble);
}

static void
judge(struct work *w, struct site *s)
{
	struct device *a = &w->dev[WORK_A], *c = &w->dev[WORK_C];
	struct verdict v = { 0 };

	device_begin(a);
	if (device_run(a, s) != STEP_DONE || a->moved > 0 || a->slow > 0)
		site_die("one more sync: %u moved, %u slow: %s", a->moved,
			 a->slow, a->why);
	device_begin(c);
	if (device_run(c, s) != STEP_DONE)
		site_die("the second device: %s", c->why);
	oracle_device(&w->model, a, &v);
	oracle_device(&w->model, c, &v);
	oracle_store(&w->model, s, a, &v);
	if (v.what[0] != '\0')
		site_die("%s", v.what);
}

int
main(int argc, char **argv)
{
	static struct work w;
	char dir[200];
	struct site s;
	unsigned n;

	if (argc != 3)
		site_die("usage: crash_disk FUNICULAR-CRASHY ROOM");
	(void)snprintf(dir, sizeof(dir), "%s/disk", argv[2]);
	site_new(&s, argv[1], dir);
	work_prepare(&w, &s, ITEMS);
	n = walk(&w.dev[WORK_A], &s);
	judge(&w, &s);
	if (!site_stop(&s))
		site_die("the daemon did not end well");
	check_log(&s);
	(void)printf("%u messages, each refused by a disk that is full, broken "
		     "or without sync: all through, nothing lost\n",
		     n);
	work_free(&w);
	site_remove(&s);
	return 0;
}
