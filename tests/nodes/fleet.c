/*
 * Many devices that sync at once, each a thread with contacts in memory, driven
 * by words on standard input; each is answered by one line of JSON.
 *
 *	fleet URL DEVICES-FILE
 *
 * DEVICES-FILE has a line "USER SECRET" for each device; those of one account
 * follow each other. The last device of each account stays out of all rounds
 * and comes at the very end, as a new one that downloads everything.
 *
 *	first N		each adds N contacts and syncs
 *	rounds N	each edits and syncs N times
 *	start		each edits and syncs until ...
 *	stop		... (start answers nothing; stop answers for both)
 *	settle		all sync until everybody must have everything; in the
 *			last pass nothing may move
 *	judge		every item of every device, a new one's too
 *
 * A sync is tried again, with new sessions, for SYNC_LIMIT_MS. What a device
 * does on its own before is in device.c.
 */
#include "tests/nodes/device.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum { DEVICES_MAX = 2000, SYNC_LIMIT_MS = 90000 };

struct fleet {
	struct device *dev[DEVICES_MAX];
	unsigned n;
	int64_t began;
	atomic_bool stop;
	unsigned rounds; /* 0: until stop */
	unsigned adds;   /* at the first sync */
	bool edit;
	pthread_t thread[DEVICES_MAX];
	pthread_barrier_t gate;
	unsigned running;
};

struct job {
	struct fleet *f;
	struct device *d;
};

static struct fleet fleet;

static void
die(const char *what)
{
	fprintf(stderr, "fleet: %s\n", what);
	exit(1);
}

static bool
late(const struct fleet *f, unsigned i)
{
	return i + 1 == f->n || f->dev[i + 1]->account != f->dev[i]->account;
}

static void *
live(void *arg)
{
	struct job *j = arg;
	struct fleet *f = j->f;
	struct device *d = j->d;

	free(j);
	pthread_barrier_wait(&f->gate);
	for (unsigned i = 0; i < f->adds; i++)
		dev_add(d);
	for (unsigned i = 0; f->rounds == 0 ? !f->stop : i < f->rounds; i++) {
		unsigned failed = d->f.failed;

		if (f->edit)
			dev_edit(d);
		dev_sync(d, SYNC_LIMIT_MS);
		if (d->f.failed > failed)
			break;
	}
	return NULL;
}

static void
forget(struct fleet *f)
{
	for (unsigned i = 0; i < f->n; i++) {
		f->dev[i]->f = (struct figures){ 0 };
		f->dev[i]->times_n = 0;
	}
}

/* All but the late ones, or those alone. */
static void
begin(struct fleet *f, unsigned rounds, unsigned adds, bool edit, bool lates)
{
	pthread_attr_t attr;

	f->rounds = rounds;
	f->adds = adds;
	f->edit = edit;
	f->stop = false;
	f->running = 0;
	for (unsigned i = 0; i < f->n; i++)
		f->running += late(f, i) == lates;
	pthread_barrier_init(&f->gate, NULL, f->running + 1);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 1024 * 1024);
	unsigned k = 0;
	for (unsigned i = 0; i < f->n; i++) {
		struct job *j;

		if (late(f, i) != lates)
			continue;
		j = malloc(sizeof(*j));
		if (j == NULL)
			die("memory");
		*j = (struct job){ f, f->dev[i] };
		if (pthread_create(&f->thread[k++], &attr, live, j) != 0)
			die("no thread");
	}
	pthread_attr_destroy(&attr);
	f->began = clk_mono_ms();
	pthread_barrier_wait(&f->gate);
}

static void
finish(struct fleet *f)
{
	for (unsigned i = 0; i < f->running; i++)
		pthread_join(f->thread[i], NULL);
	pthread_barrier_destroy(&f->gate);
}

/* ---- figures --------------------------------------------------------- */

static int
by_time(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double
at(const double *t, size_t n, double part)
{
	return n == 0 ? 0 : t[(size_t)(part * (double)(n - 1))];
}

static struct figures
sum(const struct fleet *f, const char **why)
{
	struct figures s = { 0 };

	*why = "";
	for (unsigned i = 0; i < f->n; i++) {
		const struct figures *g = &f->dev[i]->f;

		s.syncs += g->syncs;
		s.sessions += g->sessions;
		s.again += g->again;
		s.broken += g->broken;
		s.failed += g->failed;
		s.slow += g->slow;
		s.moved += g->moved;
		if (g->failed > 0 || ((*why)[0] == '\0' && g->broken > 0))
			*why = f->dev[i]->why;
	}
	return s;
}

static void
print_text(const char *s)
{
	putchar('"');
	for (; *s != '\0'; s++)
		putchar(*s < ' ' || *s == '"' || *s == '\\' ? ' ' : *s);
	putchar('"');
}

static void
report(const struct fleet *f)
{
	const char *why;
	struct figures s = sum(f, &why);
	double *t;
	size_t n = 0, k = 0;

	for (unsigned i = 0; i < f->n; i++)
		n += f->dev[i]->times_n;
	t = malloc((n + 1) * sizeof(*t));
	if (t == NULL)
		die("memory");
	for (unsigned i = 0; i < f->n; i++) {
		for (size_t m = 0; m < f->dev[i]->times_n; m++)
			t[k++] = f->dev[i]->times[m];
	}
	qsort(t, n, sizeof(*t), by_time);
	printf("{\"devices\": %u, \"wall_ms\": %lld, \"syncs\": %u, "
	       "\"sessions\": %u, \"messages\": %zu, \"again\": %u, "
	       "\"broken\": %u, \"failed\": %u, \"slow\": %u, \"moved\": %u, "
	       "\"p50\": %.1f, \"p95\": %.1f, \"p99\": %.1f, \"max\": %.1f, "
	       "\"why\": ",
	       f->running, (long long)(clk_mono_ms() - f->began), s.syncs,
	       s.sessions, n, s.again, s.broken, s.failed, s.slow, s.moved,
	       at(t, n, 0.5), at(t, n, 0.95), at(t, n, 0.99), at(t, n, 1.0));
	print_text(why);
	printf("}\n");
	fflush(stdout);
	free(t);
}

static void
run(struct fleet *f, unsigned rounds, unsigned adds, bool edit, bool lates)
{
	forget(f);
	begin(f, rounds, adds, edit, lates);
	finish(f);
}

static void
settle(struct fleet *f)
{
	struct figures all = { 0 };

	/* What the last one to sync brought, everybody has after the next. */
	for (int pass = 0; pass < 3; pass++) {
		const char *why;
		struct figures s;

		run(f, 1, 0, false, false);
		s = sum(f, &why);
		if (pass == 2)
			break;
		all.failed += s.failed;
		all.slow += s.slow;
	}
	f->dev[0]->f.failed += all.failed;
	f->dev[0]->f.slow += all.slow;
	report(f);
}

static void
judge(struct fleet *f)
{
	struct verdict v = { 0 };
	const char *why;
	struct figures s;

	run(f, 1, 0, false, true);
	s = sum(f, &why);
	for (unsigned i = 0; i < f->n; i++) {
		const struct device *all[DEVICES_MAX];
		unsigned n = 0;

		for (unsigned k = 0; k < f->n; k++) {
			if (f->dev[k]->account == f->dev[i]->account)
				all[n++] = f->dev[k];
		}
		dev_judge(f->dev[i], all, n, &v);
	}
	printf("{\"items\": %u, \"lost\": %u, \"doubled\": %u, \"wrong\": %u, "
	       "\"failed\": %u, \"why\": ",
	       v.items, v.lost, v.doubled, v.wrong, s.failed);
	print_text(why);
	printf("}\n");
	fflush(stdout);
}

/* ---- words ----------------------------------------------------------- */

static void
read_devices(struct fleet *f, const char *url, const char *path)
{
	FILE *in = fopen(path, "r");
	char user[32], secret[128];

	while (in != NULL && fscanf(in, "%31s %127s", user, secret) == 2) {
		struct device *d = calloc(1, sizeof(*d));
		const struct device *was = f->n > 0 ? f->dev[f->n - 1] : NULL;
		bool other = was == NULL || strcmp(was->user, user) != 0;

		if (d == NULL || f->n == DEVICES_MAX)
			die("too many devices");
		d->account = was == NULL ? 0 : was->account + other;
		d->no = other ? 0 : was->no + 1;
		memcpy(d->user, user, sizeof(user));
		memcpy(d->secret, secret, sizeof(secret));
		snprintf(d->id, sizeof(d->id), "fleet-%u-%u", d->account,
			 d->no);
		dev_init(d, url);
		f->dev[f->n++] = d;
	}
	if (in == NULL || f->n == 0)
		die("no devices");
	fclose(in);
}

static bool
obey(struct fleet *f, const char *word, unsigned n)
{
	if (strcmp(word, "first") == 0) {
		run(f, 1, n, false, false);
	} else if (strcmp(word, "rounds") == 0) {
		run(f, n, 0, true, false);
	} else if (strcmp(word, "start") == 0) {
		forget(f);
		begin(f, 0, 0, true, false);
		return true;
	} else if (strcmp(word, "stop") == 0) {
		f->stop = true;
		finish(f);
	} else if (strcmp(word, "settle") == 0) {
		settle(f);
		return true;
	} else if (strcmp(word, "judge") == 0) {
		judge(f);
		return true;
	} else {
		return false;
	}
	report(f);
	return true;
}

int
main(int argc, char **argv)
{
	char line[64], word[32];
	unsigned n;

	if (argc != 3) {
		fputs("usage: fleet URL DEVICES-FILE\n", stderr);
		return 2;
	}
	(void)signal(SIGPIPE, SIG_IGN);
	read_devices(&fleet, argv[1], argv[2]);
	while (fgets(line, sizeof(line), stdin) != NULL) {
		n = 1;
		if (sscanf(line, "%31s %u", word, &n) < 1)
			continue;
		if (!obey(&fleet, word, n))
			die(word);
	}
	for (unsigned i = 0; i < fleet.n; i++) {
		dev_free(fleet.dev[i]);
		free(fleet.dev[i]);
	}
	return 0;
}
