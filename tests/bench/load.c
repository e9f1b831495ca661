/*
 * The load of the bench: three devices with generated contacts in memory,
 *driven by words on standard input, each answered by one line of JSON with what
 *the daemon spent on it. The client's own work is not in those figures: they
 *are the daemon's processor time, read from /proc before and after.
 *
 *	upload N	device A gets N contacts and syncs for the first time
 *	download	device B syncs for the first time
 *	change P	A changes one in P contacts and syncs
 *	fetch		B gets these changes
 *	nothing R	B syncs R times, nothing has changed
 *	match N		device C, which has the same N contacts, syncs for the
 *			first time: each finds its twin
 *	login		device A syncs with the account's password
 */
#include "clients/session.h"
#include "tests/bench/contacts.h"
#include "tests/client/memdb.h"

#include <dirent.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

struct device {
	struct memdb m;
	struct cli_conf conf;
	struct cli_http *http;
	char sid[16], nonce[64], id[32];
	unsigned sessions;
};

struct load {
	const char *url, *user;
	char secret[4][128]; /* of the devices, and the account's password */
	int pid;
	struct device dev[3];
	unsigned messages; /* of the last session */
	unsigned version;
};

static void
die(const char *what, const char *why)
{
	fprintf(stderr, "bench_load: %s: %s\n", what, why);
	exit(1);
}

/* ---- the daemon
 * -------------------------------------------------------------- */

/* Nanoseconds on a processor, of all its threads. */
static uint64_t
daemon_cpu(int pid)
{
	char path[300];
	uint64_t sum = 0;
	struct dirent *de;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	d = opendir(path);
	if (d == NULL)
		die(path, "the daemon is gone");
	while ((de = readdir(d)) != NULL) {
		unsigned long long ns = 0;
		FILE *f;

		snprintf(path, sizeof(path), "/proc/%d/task/%.20s/schedstat",
			 pid, de->d_name);
		f = de->d_name[0] == '.' ? NULL : fopen(path, "r");
		if (f == NULL)
			continue;
		if (fscanf(f, "%llu", &ns) == 1)
			sum += ns;
		fclose(f);
	}
	closedir(d);
	return sum;
}

/* What it does after its last answer belongs to the phase: wait until it is
   quiet. */
static uint64_t
daemon_cpu_quiet(int pid)
{
	uint64_t was = daemon_cpu(pid), now;

	for (;;) {
		poll(NULL, 0, 30);
		now = daemon_cpu(pid);
		if (now - was < 200000)
			return now;
		was = now;
	}
}

static long
daemon_peak_kb(int pid)
{
	char path[64], line[256];
	long kb = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "r");
	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "VmHWM: %ld", &kb) == 1)
			break;
	if (f != NULL)
		fclose(f);
	return kb;
}

/* The peak begins anew with each phase. */
static void
forget_peak(int pid)
{
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/clear_refs", pid);
	f = fopen(path, "w");
	if (f == NULL)
		return;
	fputs("5\n", f);
	fclose(f);
}

/* ---- a device
 * ------------------------------------------------------------------- */

static void
device_init(struct load *l, struct device *d, unsigned no)
{
	struct cli_http_conf hc = { .timeout_s = 600,
				    .max_reply_bytes = 64u * 1024 * 1024 };
	struct err e;

	memdb_init(&d->m, "contacts");
	d->m.keep_bodies = false;
	snprintf(d->id, sizeof(d->id), "fc-bench-%u", no);
	d->conf = (struct cli_conf){
		.url = slice_c(l->url),
		.dev_id = slice_c(d->id),
		.user = slice_c(l->user),
		.password = slice_c(l->secret[no]),
		.enc = SML_WBXML,
		.version = 12,
		.auth = SML_AUTH_BASIC,
		.max_msg_bytes = 150000,
		.max_obj_bytes = 1000000,
		.man = SLICE_LIT("Funicular"),
		.mod = SLICE_LIT("bench"),
		.swv = SLICE_LIT("1"),
		.devtyp = SLICE_LIT("workstation"),
		.clk = &clk_system,
	};
	if (cli_http_new(&hc, &d->http, &e) != 0)
		die("http", e.msg);
}

static void
run_session(struct load *l, struct device *d)
{
	const struct cli_session_conf sc = { .retries = 0 };
	struct cli_db *dbs[1] = { &d->m.db };
	struct cli_learned learned;
	enum cli_verdict v = CLI_FAILED;
	struct cli *c;
	struct err e = { 0 };

	snprintf(d->sid, sizeof(d->sid), "%u", ++d->sessions % 9999);
	d->conf.sid = slice_c(d->sid);
	if (cli_new(&d->conf, dbs, 1, &c, &e) != 0 ||
	    cli_session_run(&sc, c, d->http, &v, &e) != 0)
		die("session", e.msg);
	if (v != CLI_DONE || !d->m.db.ok || d->m.db.refused > 0 ||
	    d->m.db.failed > 0)
		die("session",
		    d->m.db.why[0] != '\0' ? d->m.db.why : "items refused");
	cli_learned(c, &learned);
	d->conf.devinf_known = learned.devinf_known;
	d->conf.peer = learned.peer;
	l->messages = learned.messages;
	cli_free(&c);
}

static void
add_contacts(struct load *l, struct device *d, unsigned n)
{
	char text[BENCH_CONTACT_MAX];

	(void)l;
	for (unsigned i = 0; i < n; i++) {
		size_t len = bench_contact(i, 0, text);

		memdb_add(&d->m, text, len);
	}
}

static void
change_contacts(struct load *l, struct device *d, unsigned one_in)
{
	char text[BENCH_CONTACT_MAX];

	l->version = !l->version;
	for (size_t i = 0; i < d->m.n; i += one_in) {
		size_t len = bench_contact((unsigned)i, l->version, text);

		memdb_change(&d->m, i + 1, text, len);
	}
}

/* ---- phases
 * ------------------------------------------------------------------------ */

struct sample {
	uint64_t cpu;
	int64_t wall;
};

static struct sample
sample(const struct load *l)
{
	return (struct sample){ daemon_cpu_quiet(l->pid), clk_mono_ms() };
}

static void
report(const struct load *l, const char *what, struct sample from,
       int64_t wall_ms, unsigned sessions, const struct memdb *m)
{
	uint64_t cpu = daemon_cpu_quiet(l->pid) - from.cpu;
	const struct cli_db *db = &m->db;
	unsigned items = db->sent.add + db->sent.replace + db->sent.del +
			 db->received.add + db->received.replace +
			 db->received.del;

	printf("{\"phase\": \"%s\", \"items\": %u, \"sessions\": %u, "
	       "\"messages\": %u, \"cpu_us\": %llu, \"wall_ms\": %lld, "
	       "\"peak_kb\": %ld}\n",
	       what, items, sessions, l->messages,
	       (unsigned long long)cpu / 1000, (long long)wall_ms,
	       daemon_peak_kb(l->pid));
	fflush(stdout);
}

static struct device *
device_of(struct load *l, const char *what)
{
	static const char *const first[] = { "upload", "change", "login" };

	for (size_t i = 0; i < sizeof(first) / sizeof(first[0]); i++)
		if (strcmp(what, first[i]) == 0)
			return &l->dev[0];
	return strcmp(what, "match") == 0 ? &l->dev[2] : &l->dev[1];
}

static void
phase(struct load *l, const char *what, unsigned n)
{
	struct device *d = device_of(l, what);
	unsigned sessions = strcmp(what, "nothing") == 0 ? n : 1;
	struct sample from;
	int64_t wall;

	if (strcmp(what, "upload") == 0 || strcmp(what, "match") == 0)
		add_contacts(l, d, n);
	if (strcmp(what, "change") == 0)
		change_contacts(l, d, n);
	forget_peak(l->pid);
	from = sample(l);
	from.wall = clk_mono_ms();
	for (unsigned i = 0; i < sessions; i++)
		run_session(l, d);
	wall = clk_mono_ms() - from.wall;
	report(l, what, from, wall, sessions, &d->m);
}

static void
read_secrets(struct load *l, const char *path)
{
	FILE *f = fopen(path, "r");

	for (int i = 0; i < 4; i++) {
		char *s = l->secret[i];

		if (f == NULL || fgets(s, sizeof(l->secret[i]), f) == NULL)
			die(path, "four secrets are wanted");
		s[strcspn(s, "\r\n")] = '\0';
	}
	fclose(f);
}

int
main(int argc, char **argv)
{
	struct load l = { 0 };
	char line[64], word[32];
	unsigned n;

	if (argc != 5) {
		fputs("usage: bench_load URL USER SECRETS-FILE PID\n", stderr);
		return 2;
	}
	l.url = argv[1];
	l.user = argv[2];
	read_secrets(&l, argv[3]);
	int64_t pid = 0;
	if (!slice_i64(slice_c(argv[4]), &pid))
		die(argv[4], "no process");
	l.pid = (int)pid;
	for (unsigned i = 0; i < 3; i++)
		device_init(&l, &l.dev[i], i);
	while (fgets(line, sizeof(line), stdin) != NULL) {
		n = 0;
		if (sscanf(line, "%31s %u", word, &n) < 1)
			continue;
		if (strcmp(word, "login") == 0)
			l.dev[0].conf.password = slice_c(l.secret[3]);
		phase(&l, word, n);
		l.dev[0].conf.password = slice_c(l.secret[0]);
	}
	for (int i = 0; i < 3; i++) {
		cli_http_free(&l.dev[i].http);
		memdb_free(&l.dev[i].m);
	}
	return 0;
}
