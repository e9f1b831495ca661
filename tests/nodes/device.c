#include "tests/nodes/device.h"

#include <assert.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
	RETRIES = 6, /* of one message: 200, 400, ... 6,400 ms */
	FIRST_WAIT_MS = 200,
	AGAIN_MS = 300, /* before a new session */
	TEXT_MAX = 24000,
	LONG_TEXT = 20000, /* larger than a message: goes in pieces */
	MESSAGE = 10000,
	LONG_ONE_IN = 40,
};

/* The device whose message is under way in this thread. */
static _Thread_local struct device *mine;

int __real_cli_http_post(struct cli_http *h, struct arena *a, struct slice url,
			 const struct cli_http_message *m,
			 struct cli_http_reply *out, struct err *e);
int __wrap_cli_http_post(struct cli_http *h, struct arena *a, struct slice url,
			 const struct cli_http_message *m,
			 struct cli_http_reply *out, struct err *e);

static void
note_time(struct device *d, int64_t us)
{
	if (d->times_n == d->times_cap) {
		d->times_cap = d->times_cap == 0 ? 256 : 2 * d->times_cap;
		d->times = realloc(d->times, d->times_cap * sizeof(*d->times));
		assert(d->times != NULL);
	}
	d->times[d->times_n++] = (double)us / 1000.0;
}

static int64_t
now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int
__wrap_cli_http_post(struct cli_http *h, struct arena *a, struct slice url,
		     const struct cli_http_message *m,
		     struct cli_http_reply *out, struct err *e)
{
	int64_t from = now_us();
	int r = __real_cli_http_post(h, a, url, m, out, e);

	if (mine != NULL && r == 0 && out->status == 200)
		note_time(mine, now_us() - from);
	else if (mine != NULL)
		mine->f.again++;
	return r;
}

uint32_t
dev_random(struct device *d, uint32_t below)
{
	uint64_t x = d->random += 0x9E3779B97F4A7C15u;

	x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
	x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
	return (uint32_t)((x ^ (x >> 31)) % below);
}

void
dev_init(struct device *d, const char *url)
{
	struct cli_http_conf hc = { .timeout_s = 120,
				    .max_reply_bytes = 16u * 1024 * 1024 };
	struct err e;

	memdb_init(&d->m, "contacts");
	d->random = (uint64_t)d->account << 32 | d->no;
	d->conf = (struct cli_conf){
		.url = slice_c(url),
		.dev_id = slice_c(d->id),
		.user = slice_c(d->user),
		.password = slice_c(d->secret),
		.enc = d->no % 2 == 0 ? SML_WBXML : SML_XML,
		.version = 12,
		.auth = SML_AUTH_BASIC,
		.max_msg_bytes = MESSAGE,
		.send_bytes = MESSAGE,
		.max_obj_bytes = 1000000,
		.man = SLICE_LIT("Funicular"),
		.mod = SLICE_LIT("fleet"),
		.swv = SLICE_LIT("1"),
		.devtyp = SLICE_LIT("workstation"),
		.clk = &clk_system,
	};
	if (cli_http_new(&hc, &d->http, &e) != 0) {
		fprintf(stderr, "fleet: %s\n", e.msg);
		exit(1);
	}
}

void
dev_free(struct device *d)
{
	cli_http_free(&d->http);
	memdb_free(&d->m);
	free(d->times);
}

/* ---- its contacts ---------------------------------------------------- */

static size_t
contact(const struct device *d, unsigned no, unsigned version,
	char out[TEXT_MAX])
{
	int n =
	    snprintf(out, TEXT_MAX,
		     "BEGIN:VCARD\r\nVERSION:3.0\r\nN:K%u-%u;Zo\xC3\xAB;;;\r\n"
		     "FN:Zo\xC3\xAB K%u-%u\r\nTEL;TYPE=CELL:+49170%07u\r\n"
		     "TITLE:v%u\r\nNOTE:",
		     d->no, no, d->no, no, no * 1000 + version, version);

	assert(n > 0 && n < 1000);
	if (no % LONG_ONE_IN == 7) {
		for (size_t i = 0; i < LONG_TEXT; i++)
			out[n++] = (char)('a' + (i + no + version) % 26);
	}
	n += snprintf(out + n, TEXT_MAX - (size_t)n,
		      "N%u-%u-%u\r\nEND:VCARD\r\n", d->no, no, version);
	return (size_t)n;
}

void
dev_add(struct device *d)
{
	char text[TEXT_MAX];
	struct own *o;

	if (d->own_n == DEV_OWN_MAX)
		return;
	o = &d->own[d->own_n];
	*o = (struct own){ .live = true };
	o->luid = memdb_add(&d->m, text, contact(d, d->own_n, 0, text));
	d->own_n++;
}

static void
change(struct device *d, unsigned no)
{
	char text[TEXT_MAX];
	struct own *o = &d->own[no];

	if (!o->live)
		return;
	o->version++;
	memdb_change(&d->m, o->luid, text, contact(d, no, o->version, text));
}

void
dev_edit(struct device *d)
{
	for (uint32_t i = dev_random(d, 4); i > 0; i--)
		dev_add(d);
	for (uint32_t i = dev_random(d, 6); i > 0 && d->own_n > 0; i--)
		change(d, dev_random(d, d->own_n));
	if (d->own_n > 0 && dev_random(d, 2) == 0) {
		struct own *o = &d->own[dev_random(d, d->own_n)];

		if (o->live)
			memdb_delete(&d->m, o->luid);
		o->live = false;
	}
}

/* ---- a sync ---------------------------------------------------------- */

static unsigned
count(const struct cli_counts *c)
{
	return c->add + c->replace + c->del;
}

static void
say_why(struct device *d, const struct err *e, enum cli_verdict v)
{
	const struct cli_db *db = &d->m.db;

	(void)snprintf(d->why, sizeof(d->why),
		       "%s: verdict %d, refused %u, failed %u: %.60s %.80s",
		       d->id, (int)v, db->refused, db->failed,
		       v == CLI_DONE ? "" : e->msg, db->why);
}

static bool
session(struct device *d)
{
	const struct cli_session_conf sc = { .retries = RETRIES,
					     .first_wait_ms = FIRST_WAIT_MS };
	struct cli_db *dbs[1] = { &d->m.db };
	bool first = d->m.db.last_server.n == 0;
	struct cli_learned learned;
	enum cli_verdict v = CLI_FAILED;
	struct err e = { 0 };
	struct cli *c;
	bool good;

	snprintf(d->sid, sizeof(d->sid), "%u", ++d->sessions);
	d->conf.sid = slice_c(d->sid);
	d->f.sessions++;
	if (cli_new(&d->conf, dbs, 1, &c, &e) != 0) {
		say_why(d, &e, v);
		return false;
	}
	good = cli_session_run(&sc, c, d->http, &v, &e) == 0 && v == CLI_DONE &&
	       d->m.db.ok && d->m.db.refused == 0 && d->m.db.failed == 0;
	if (good) {
		cli_learned(c, &learned);
		d->conf.devinf_known = learned.devinf_known;
		d->conf.peer = learned.peer;
		d->f.moved += count(&d->m.db.sent) + count(&d->m.db.received);
	} else {
		say_why(d, &e, v);
	}
	if (!first && d->m.db.type != 0 && d->m.db.type != CLI_TWO_WAY)
		d->f.slow++;
	cli_free(&c);
	return good;
}

void
dev_sync(struct device *d, int64_t limit_ms)
{
	int64_t until = clk_mono_ms() + limit_ms;

	mine = d;
	while (!session(d)) {
		if (clk_mono_ms() > until) {
			d->f.failed++;
			mine = NULL;
			return;
		}
		d->f.broken++;
		poll(NULL, 0, AGAIN_MS + (int)dev_random(d, AGAIN_MS));
	}
	mine = NULL;
	d->f.syncs++;
}

/* ---- what must be there ---------------------------------------------- */

/* Folded lines put together, escapes and case as the server writes them. */
static size_t
unfold(const struct mem_item *it, char out[TEXT_MAX * 2])
{
	size_t n = 0;

	for (size_t i = 0; i < it->n && n < TEXT_MAX * 2 - 1; i++) {
		/* Readers of XML fold line ends. */
		if (it->body[i] == '\r')
			continue;
		if (it->body[i] == '\n' && i + 1 < it->n &&
		    (it->body[i + 1] == ' ' || it->body[i + 1] == '\t')) {
			i++;
			continue;
		}
		out[n++] = it->body[i];
	}
	out[n] = '\0';
	return n;
}

/* The text of the first line that begins so, up to its end. */
static struct slice
line(const char *text, const char *name)
{
	const char *p = strstr(text, name);
	size_t n;

	if (p == NULL)
		return SLICE_LIT("");
	p += strlen(name);
	n = strcspn(p, "\r\n");
	return (struct slice){ p, n };
}

/* Everything that contact() writes is there, as it wrote it. */
static bool
same(const char *got, const struct device *owner, unsigned no, unsigned version)
{
	static const char *const names[] = { "\nN:K",
					     "\nFN:", "\nTITLE:", "\nNOTE:" };
	char text[TEXT_MAX], tel[32];

	text[contact(owner, no, version, text)] = '\0';
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct slice a = line(text, names[i]);
		struct slice b = line(got, names[i]);

		/* Empty parts at the end of N say nothing. */
		while (a.n > 0 && a.p[a.n - 1] == ';')
			a.n--;
		while (b.n > 0 && b.p[b.n - 1] == ';')
			b.n--;
		if (!slice_eq(a, b))
			return false;
	}
	snprintf(tel, sizeof(tel), ":+49170%07u\n", no * 1000 + version);
	return strstr(got, tel) != NULL;
}

static void
judge_item(const char *text, const struct device *const *all, unsigned n,
	   unsigned char *seen[], struct verdict *v)
{
	struct slice key = line(text, "\nN:K");
	unsigned dev, no;
	const struct own *o;

	v->items++;
	if (key.n == 0 || sscanf(key.p, "%u-%u;", &dev, &no) != 2 || dev >= n ||
	    no >= all[dev]->own_n) {
		v->wrong++;
		return;
	}
	o = &all[dev]->own[no];
	if (!o->live || !same(text, all[dev], no, o->version)) {
		v->wrong++;
		fprintf(stderr, "wrong: K%u-%u live %d v%u\n%.400s\n", dev, no,
			o->live, o->version, text);
	}
	v->doubled += seen[dev][no]++ > 0;
}

void
dev_judge(const struct device *d, const struct device *const *all, unsigned n,
	  struct verdict *v)
{
	char text[TEXT_MAX * 2];
	unsigned char **seen = calloc(n, sizeof(*seen));

	assert(seen != NULL);
	for (unsigned i = 0; i < n; i++) {
		seen[i] = calloc(all[i]->own_n + 1, 1);
		assert(seen[i] != NULL);
	}
	for (size_t i = 0; i < d->m.n; i++) {
		if (!d->m.items[i].live)
			continue;
		unfold(&d->m.items[i], text);
		judge_item(text, all, n, seen, v);
	}
	for (unsigned i = 0; i < n; i++) {
		for (unsigned k = 0; k < all[i]->own_n; k++) {
			if (!all[i]->own[k].live || seen[i][k] > 0)
				continue;
			v->lost++;
			fprintf(stderr, "lost: K%u-%u at %s\n", i, k, d->id);
		}
		free(seen[i]);
	}
	free(seen);
}
