/*
 * The crash proof: one two-way sync, interrupted at every point in turn.
 *
 * The sync runs once, as the walk. Before each of its messages the database is
 * copied as it is at that moment, and for each point of that message a child
 * process (fork: a copy of the device and its running session) starts a daemon
 * of its own on a copy of its own, has it interrupted there, and goes on from
 * there as a device does: the same bytes again, or later a new session. Then it
 * syncs once more, a second device downloads everything, and the oracle judges.
 */
#include "tests/crash/oracle.h"
#include "tests/crash/work.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* A daemon with one client has a dozen descriptors; a leak has one per message.
 */
enum {
	DESCRIPTORS_MAX = 24,
	JOBS_MAX = 16,
	SESSIONS_MAX = 4,
	WRITES_EACH = 8,  /* one file write of so many, unless asked for */
	OTHERS_EACH = 16, /* a sample takes so many times more of them */
};

enum kind {
	P_RESTART, /* the daemon is killed before the message comes */
	P_CALL,    /* before or behind a call of the store */
	P_KILLED,  /* behind the reply */
	P_HALF,    /* the line is cut, see enum site_cut */
	P_SENT,
	P_REPLY,
	P_AFTER,
	P_LATER,  /* the reply is lost, and the device comes back later */
	P_EDITED, /* as P_LATER, and its user has gone on editing */
	P_WRITE,  /* before a write or sync of a file: also within a commit */
	P_TWICE,  /* killed, and killed again while it puts that right */
	P_KINDS,
};

static const char *const kind_name[P_KINDS] = {
	"restart",  "store call", "killed after", "cut half",
	"cut sent", "cut reply",  "cut after",    "later",
	"edited",   "file write", "twice",
};

struct point {
	enum kind kind;
	unsigned message;
	uint64_t at, again; /* as in struct control */
};

struct figures { /* shared with the children */
	_Atomic unsigned points[P_KINDS];
	_Atomic unsigned failed, lost, doubled, wrong, slow, moved, map,
	    anchors, findings, other, sessions, unreached;
	/* Of the last restart point, which are the message's. */
	_Atomic uint64_t calls, writes;
};

struct walk {
	struct work work;
	struct site site;
	const char *program, *room;
	unsigned items, jobs, every, seed, pairs, from, message;
	uint64_t counter; /* of points, for sampling */
	struct figures *fig;
	pid_t job[JOBS_MAX];
	bool only_kind[P_KINDS], chosen;
};

static void
note(struct verdict *v, const char *text, const char *more)
{
	if (v->what[0] == '\0')
		(void)snprintf(v->what, sizeof(v->what), "%s%.150s", text,
			       more);
}

/* ---- one point, in a process of its own -----------------------------------
 */

static void
arm(struct site *s, uint64_t call, uint64_t write)
{
	s->control->count = s->control->writes = 0;
	s->control->die_at = call;
	s->control->die_at_write = write;
}

/* The daemon is to die in this message. false: it did not get there. */
static bool
die_in(struct device *d, struct site *s, uint64_t call, uint64_t write)
{
	struct site_reply r;

	arm(s, call, write);
	if (device_post(d, s, CUT_NEVER, &r)) {
		arm(s, 0, 0);
		(void)device_take(d, &r);
		return false;
	}
	if (!site_died(s))
		site_die("no reply from a daemon that lives");
	site_start(s);
	return true;
}

/* What makes the point; afterwards the session goes on. */
static bool
interrupt(struct work *w, struct site *s, const struct point *p,
	  struct figures *fig)
{
	static const enum site_cut cut[P_KINDS] = {
		[P_HALF] = CUT_HALF,   [P_SENT] = CUT_SENT,
		[P_REPLY] = CUT_REPLY, [P_AFTER] = CUT_AFTER,
		[P_LATER] = CUT_REPLY, [P_EDITED] = CUT_REPLY,
	};
	struct device *d = &w->dev[WORK_A];
	struct site_reply r;

	switch (p->kind) {
	case P_RESTART:
		site_kill(s);
		site_start(s);
		arm(s, 0, 0);
		if (device_post(d, s, CUT_NEVER, &r))
			(void)device_take(d, &r);
		fig->calls = s->control->count;
		fig->writes = s->control->writes;
		return true;
	case P_CALL:
		return die_in(d, s, p->at, 0);
	case P_WRITE:
		return die_in(d, s, 0, p->at);
	case P_TWICE:
		if (!die_in(d, s, p->at, 0))
			return false;
		(void)die_in(d, s, p->again, 0);
		return true;
	case P_KILLED:
		if (device_post(d, s, CUT_NEVER, &r))
			(void)device_take(d, &r);
		site_kill(s);
		site_start(s);
		return true;
	default:
		if (device_post(d, s, cut[p->kind], &r))
			(void)device_take(d, &r);
		if (p->kind == P_LATER || p->kind == P_EDITED)
			device_drop(d);
		if (p->kind == P_EDITED)
			work_edit_more(w);
		return true;
	}
}

/* Until a sync went through; then once more: nothing moves. */
static void
recover(struct device *d, struct site *s, const struct point *p,
	struct verdict *v, struct figures *fig)
{
	enum device_step step = STEP_FAILED;
	unsigned n = 0;

	if (p->kind != P_LATER && p->kind != P_EDITED) {
		step = device_run(d, s);
		if (step != STEP_DONE) {
			fig->sessions++;
			note(v, "the session did not go on: ", d->why);
		}
	}
	while (step != STEP_DONE && n++ < SESSIONS_MAX) {
		device_begin(d);
		step = device_run(d, s);
	}
	if (step == STEP_DONE) {
		device_begin(d);
		step = device_run(d, s);
		if (d->moved > 0) {
			fig->moved++;
			note(v, "one more sync moved items", "");
		}
	}
	if (step != STEP_DONE) {
		fig->other++;
		note(v, "no sync goes through: ", d->why);
	}
	if (d->slow > 0) {
		fig->slow += d->slow;
		note(v, "a slow sync", "");
	}
}

static void
second_device(struct work *w, struct site *s, struct verdict *v,
	      struct figures *fig)
{
	struct device *c = &w->dev[WORK_C];

	device_begin(c);
	if (device_run(c, s) != STEP_DONE) {
		fig->other++;
		note(v, "the second device: ", c->why);
	}
	oracle_device(&w->model, c, v);
}

static void
add_up(struct figures *fig, const struct verdict *v)
{
	fig->lost += v->found.lost;
	fig->doubled += v->found.doubled;
	fig->wrong += v->found.wrong + v->found.strange;
	fig->map += v->map;
	fig->anchors += v->anchors;
	fig->findings += v->findings;
}

static void
say_failed(const struct walk *w, struct site *s, const struct point *p,
	   const struct verdict *v)
{
	char to[300];

	(void)snprintf(to, sizeof(to), "%s/failed-%u-%s-%llu", w->room,
		       p->message, kind_name[p->kind],
		       (unsigned long long)p->at);
	(void)rename(s->dir, to);
	(void)printf("FAILED: message %u, %s %llu (then %llu): %s\n",
		     p->message, kind_name[p->kind], (unsigned long long)p->at,
		     (unsigned long long)p->again, v->what);
}

static _Noreturn void
run_point(struct walk *w, const struct point *p, unsigned slot)
{
	struct device *d = &w->work.dev[WORK_A];
	struct verdict v = { 0 };
	const char *trouble;
	char dir[250], snapshot[250];
	struct site s;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	site_forget(&w->site);
	(void)snprintf(snapshot, sizeof(snapshot), "%s/snapshot", w->room);
	(void)snprintf(dir, sizeof(dir), "%s/point-%u", w->room, slot);
	site_clone(&s, snapshot, w->program, dir);
	site_start(&s);
	if (!interrupt(&w->work, &s, p, w->fig)) {
		w->fig->unreached++;
		note(&v, "the point was not reached", "");
	}
	recover(d, &s, p, &v, w->fig);
	second_device(&w->work, &s, &v, w->fig);
	oracle_device(&w->work.model, d, &v);
	oracle_store(&w->work.model, &s, d, &v);
	if (site_descriptors(&s) > DESCRIPTORS_MAX) {
		w->fig->other++;
		note(&v, "descriptors are left over", "");
	}
	if (!site_stop(&s)) {
		w->fig->other++;
		note(&v, "the daemon did not end well", "");
	}
	trouble = site_trouble(&s);
	if (trouble != NULL) {
		w->fig->other++;
		note(&v, "its log: ", trouble);
	}
	add_up(w->fig, &v);
	w->fig->points[p->kind]++;
	if (v.what[0] != '\0') {
		w->fig->failed++;
		say_failed(w, &s, p, &v);
	} else {
		site_remove(&s);
	}
	(void)fflush(stdout);
	_exit(0);
}

/* ---- all points -----------------------------------------------------------
 */

static void
reap(struct walk *w, pid_t pid, int rc)
{
	for (unsigned i = 0; i < w->jobs; i++) {
		if (w->job[i] != pid)
			continue;
		w->job[i] = 0;
		if (!WIFEXITED(rc) || WEXITSTATUS(rc) != 0) {
			w->fig->failed++;
			w->fig->other++;
			(void)printf("FAILED: message %u: a point broke off "
				     "(status %d)\n",
				     w->message, rc);
		}
	}
}

static void
wait_one(struct walk *w)
{
	int rc;
	pid_t pid = waitpid(-1, &rc, 0);

	if (pid < 0)
		site_die("wait: errno %d", errno);
	if (pid == w->site.pid)
		site_die("the daemon of the walk ended");
	reap(w, pid, rc);
}

static void
wait_all(struct walk *w)
{
	for (unsigned i = 0; i < w->jobs; i++)
		while (w->job[i] != 0)
			wait_one(w);
}

static void
start_point(struct walk *w, const struct point *p)
{
	unsigned slot = 0;

	while (w->job[slot] != 0) {
		if (++slot == w->jobs) {
			wait_one(w);
			slot = 0;
		}
	}
	(void)fflush(stdout);
	w->job[slot] = fork();
	if (w->job[slot] < 0)
		site_die("fork: errno %d", errno);
	if (w->job[slot] == 0)
		run_point(w, p, slot);
}

/* The same points for the same seed, spread over kinds and messages. */
static uint64_t
mixed(uint64_t x)
{
	x += 0x9E3779B97F4A7C15u;
	x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
	x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
	return x ^ (x >> 31);
}

/* Calls and writes are many: of the other points a sample takes more. */
static uint64_t
every(const struct walk *w, enum kind k)
{
	if (k == P_CALL)
		return w->every;
	if (k == P_WRITE)
		return w->chosen ? w->every : (uint64_t)w->every * WRITES_EACH;
	return (w->every + OTHERS_EACH - 1) / OTHERS_EACH;
}

static void
maybe_point(struct walk *w, const struct point *p)
{
	if (w->only_kind[p->kind] &&
	    mixed(w->counter++ * 1000003 + w->seed) % every(w, p->kind) == 0)
		start_point(w, p);
}

static void
all_points(struct walk *w)
{
	struct point p = { P_RESTART, w->message, 0, 0 };
	uint64_t ends, random;

	/* It also counts the calls that this message makes. */
	start_point(w, &p);
	wait_all(w);
	ends = w->fig->calls * 2;
	p.kind = P_CALL;
	for (p.at = 1; p.at <= ends; p.at++)
		maybe_point(w, &p);
	p.kind = P_WRITE;
	for (p.at = 1; p.at <= w->fig->writes; p.at++)
		maybe_point(w, &p);
	p.at = 0;
	for (p.kind = P_KILLED; p.kind <= P_EDITED; p.kind++)
		maybe_point(w, &p);
	p.kind = P_TWICE;
	for (unsigned i = 0; i < w->pairs; i++) {
		random = mixed(w->seed + w->message * 1000003u + i);
		p.at = random % ends + 1;
		p.again = (random >> 32) % ends + 1;
		maybe_point(w, &p);
	}
	wait_all(w);
}

static void
progress(const struct walk *w, int64_t since)
{
	const struct figures *f = w->fig;
	unsigned n = 0;

	for (int k = 0; k < P_KINDS; k++)
		n += f->points[k];
	(void)printf(
	    "message %u: %u calls, %u writes; points %u, failed %u, lost %u, "
	    "doubled %u, slow syncs %u; %.1f s\n",
	    w->message, (unsigned)f->calls, (unsigned)f->writes, n, f->failed,
	    f->lost, f->doubled, f->slow,
	    (double)(clk_mono_ms() - since) / 1000.0);
	(void)fflush(stdout);
}

static void
walk(struct walk *w, int64_t since)
{
	struct device *d = &w->work.dev[WORK_A];
	char snapshot[250];
	struct slice body, url;
	struct site_reply r;

	(void)snprintf(snapshot, sizeof(snapshot), "%s/snapshot", w->room);
	/* The points take longer than a connection may be idle. */
	site_hang_up(&w->site);
	device_begin(d);
	while (device_next(d, &body, &url) == STEP_MORE) {
		w->message++;
		if (w->message >= w->from) {
			site_snapshot(&w->site, snapshot);
			all_points(w);
		}
		if (!device_post(d, &w->site, CUT_AFTER, &r) ||
		    device_take(d, &r) != STEP_MORE)
			site_die("message %u: %s", w->message, d->why);
		progress(w, since);
	}
	if (d->moved == 0)
		site_die("the walk ended with: %s", d->why);
	(void)printf("the sync: %u messages, %u items moved\n", w->message,
		     d->moved);
}

static unsigned
figures(const struct walk *w, int64_t since)
{
	const struct figures *f = w->fig;
	unsigned n = 0;

	for (int k = 0; k < P_KINDS; k++) {
		(void)printf("%-12s %6u points\n", kind_name[k], f->points[k]);
		n += f->points[k];
	}
	(void)printf("%u points: lost %u, doubled %u, wrong %u, slow syncs %u, "
		     "moved by one more sync %u, map %u, anchors %u, findings "
		     "of check %u, sessions that did not go on %u, other %u; "
		     "%u points failed; %.0f s\n",
		     n, f->lost, f->doubled, f->wrong, f->slow, f->moved,
		     f->map, f->anchors, f->findings, f->sessions, f->other,
		     f->failed, (double)(clk_mono_ms() - since) / 1000.0);
	return n;
}

static void
options(struct walk *w, int argc, char **argv)
{
	static const struct option o[] = {
		{ "funicular", required_argument, NULL, 'f' },
		{ "room", required_argument, NULL, 'r' },
		{ "items", required_argument, NULL, 'n' },
		{ "jobs", required_argument, NULL, 'j' },
		{ "every", required_argument, NULL, 'e' },
		{ "seed", required_argument, NULL, 's' },
		{ "kind", required_argument, NULL, 'k' },
		{ "pairs", required_argument, NULL, 'p' },
		{ "from", required_argument, NULL, 'm' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", o, NULL)) != -1) {
		uint32_t n = 0;

		(void)slice_u32(slice_c(optarg == NULL ? "" : optarg), &n);
		if (c == 'f')
			w->program = optarg;
		else if (c == 'r')
			w->room = optarg;
		else if (c == 'n')
			w->items = n;
		else if (c == 'j' && n >= 1 && n <= JOBS_MAX)
			w->jobs = n;
		else if (c == 'e' && n >= 1)
			w->every = n;
		else if (c == 's')
			w->seed = n;
		else if (c == 'm')
			w->from = n;
		else if (c == 'p')
			w->pairs = n;
		else if (c == 'k' && n < P_KINDS)
			w->chosen = w->only_kind[n] = true;
		else
			site_die("see run.py");
	}
	for (int k = 0; k < P_KINDS && !w->chosen; k++)
		w->only_kind[k] = true;
	if (w->program == NULL || w->room == NULL || w->items == 0)
		site_die("--funicular, --room and --items are wanted");
}

int
main(int argc, char **argv)
{
	static struct walk w = { .jobs = 2, .every = 1, .pairs = 1 };
	int64_t since = clk_mono_ms();
	char dir[250];

	options(&w, argc, argv);
	w.fig = mmap(NULL, sizeof(*w.fig), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (w.fig == MAP_FAILED)
		site_die("no memory");
	(void)snprintf(dir, sizeof(dir), "%s/walk", w.room);
	site_new(&w.site, w.program, dir);
	work_prepare(&w.work, &w.site, w.items);
	walk(&w, since);
	if (figures(&w, since) == 0)
		site_die("no point was tried");
	site_remove(&w.site);
	work_free(&w.work);
	return w.fig->failed == 0 ? 0 : 1;
}
