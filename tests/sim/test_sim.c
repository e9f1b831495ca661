/*
 * The simulator's program.
 *
 *   test_sim                    the first seeds, as the tests run it
 *   test_sim --seeds 100000 --from 1 --jobs 4
 *   test_sim --seed 4711 -v     one seed, with its story
 *
 * A failure prints its seed; the same seed is always the same run.
 */
#include "tests/sim/sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

enum { SEEDS = 1000, SHOWN = 20 };

struct options {
	uint64_t from, seeds;
	unsigned jobs;
	bool verbose, all;
};

static int
usage(void)
{
	(void)fprintf(stderr, "usage: test_sim [--from N] [--seeds N] "
			      "[--jobs N] [--all] | --seed N [-v]\n");
	return 2;
}

static bool
number(int argc, char **argv, int *at, uint64_t *out)
{
	char *end;

	if (*at + 1 >= argc)
		return false;
	*at += 1;
	*out = strtoull(argv[*at], &end, 10);
	return *end == '\0';
}

static bool
options(int argc, char **argv, struct options *o)
{
	*o = (struct options){ .from = 1, .seeds = SEEDS, .jobs = 1 };
	for (int i = 1; i < argc; i++) {
		uint64_t n = 0;
		bool ok = true;

		if (strcmp(argv[i], "-v") == 0) {
			o->verbose = true;
		} else if (strcmp(argv[i], "--all") == 0) {
			o->all = true;
		} else if (strcmp(argv[i], "--seed") == 0) {
			ok = number(argc, argv, &i, &o->from);
			o->seeds = 1;
		} else if (strcmp(argv[i], "--from") == 0) {
			ok = number(argc, argv, &i, &o->from);
		} else if (strcmp(argv[i], "--seeds") == 0) {
			ok = number(argc, argv, &i, &o->seeds);
		} else if (strcmp(argv[i], "--jobs") == 0) {
			ok = number(argc, argv, &i, &n) && n > 0 && n < 256;
			o->jobs = (unsigned)n;
		} else {
			ok = false;
		}
		if (!ok)
			return false;
	}
	return true;
}

/* Seeds from + job, from + job + jobs, ...; the number of failures. */
static unsigned
shard(const struct options *o, unsigned job)
{
	struct sim *s = calloc(1, sizeof(*s));
	int64_t began = clk_mono_ms();
	unsigned failures = 0;
	uint64_t run = 0;
	double took;

	if (s == NULL)
		return 1;
	s->verbose = o->verbose;
	if (sim_open(s) < 0) {
		(void)fprintf(stderr, "cannot begin: %s\n", s->why);
		free(s);
		return 1;
	}
	for (uint64_t k = job; k < o->seeds; k += o->jobs) {
		chaos_run(s, o->from + k);
		run++;
		if (!s->failed)
			continue;
		failures++;
		(void)printf("seed %llu: %s\n",
			     (unsigned long long)(o->from + k), s->why);
		(void)fflush(stdout);
		if (!o->all && failures == SHOWN)
			break;
	}
	took = (double)(clk_mono_ms() - began) / 1000;
	(void)printf(
	    "%llu seeds, %u failed; %llu syncs, %llu messages, "
	    "%llu acts of users; %.1f s, %.0f seeds/s\n",
	    (unsigned long long)run, failures, (unsigned long long)s->syncs,
	    (unsigned long long)s->messages, (unsigned long long)s->deeds, took,
	    took > 0 ? (double)run / took : 0.0);
	sim_close(s);
	free(s);
	return failures;
}

int
main(int argc, char **argv)
{
	struct options o;
	bool failed = false;
	int rc;

	if (!options(argc, argv, &o))
		return usage();
	if (o.jobs == 1)
		return shard(&o, 0) == 0 ? 0 : 1;
	for (unsigned j = 0; j < o.jobs; j++) {
		pid_t pid = fork();

		if (pid == 0)
			exit(shard(&o, j) == 0 ? 0 : 1);
		failed = failed || pid < 0;
	}
	while (wait(&rc) > 0)
		failed = failed || rc != 0;
	return failed ? 1 : 0;
}
