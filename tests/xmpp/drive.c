/*
 * An outlet that is driven by lines: what tests and benches of real servers
 * put between themselves and the interface.
 *
 *	drive xmpp jid=J server=S secret=P [ca=FILE] [component=1] [plain=1]
 *	      [type=chat] [known=J]... [retry=MS] [answer=MS] [dns=PORT]
 *	drive smtp server=S from=A [user=U secret=P] [ca=FILE] [tls=starttls]
 *	      [plain=1] [helo=NAME] [answer=MS]
 *
 * In: fields with tabs between them, \n, \t, \\ and \xHH in them.
 *
 *	send ID TO TEXT [subject=|lang=|uid=|recurrence=|alarm=|summary=|place=|
 *	     zone=|due=|start=|written=]...
 *	many PREFIX TO N
 *	close
 *
 * Out: "state up", "state down WHY", "sent ID", "failed ID good|bad WHY",
 * "took ID 0|1", "in KIND FROM ID ABOUT TEXT NAME=VALUE...", "many ...",
 * "closed".
 */
#include "backends/smtp/smtp.h"
#include "backends/xmpp/xmpp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { KNOWN_MAX = 8, FIELDS_MAX = 32, PACK = 100 };

struct drive {
	pthread_mutex_t lock;
	pthread_cond_t more;
	const char *known[KNOWN_MAX];
	size_t known_n;
	size_t sent_n, failed_n;
	bool up, quiet;
	unsigned long changes; /* of what a sender waits for */
	struct outlet *o;
};

static void
put(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c < ' ' || c == '\\' || c == 0x7f)
			printf("\\x%02x", c);
		else
			putchar(c);
	}
}

static void
field(struct slice s)
{
	putchar('\t');
	put(s);
}

static void
changed(struct drive *d)
{
	d->changes++;
	(void)pthread_cond_broadcast(&d->more);
	if (!d->quiet)
		(void)fflush(stdout);
}

static void
on_sent(void *ctx, struct slice id)
{
	struct drive *d = ctx;

	(void)pthread_mutex_lock(&d->lock);
	d->sent_n++;
	if (!d->quiet) {
		printf("sent");
		field(id);
		putchar('\n');
	}
	changed(d);
	(void)pthread_mutex_unlock(&d->lock);
}

static void
on_failed(void *ctx, struct slice id, bool for_good, const char *why)
{
	struct drive *d = ctx;

	(void)pthread_mutex_lock(&d->lock);
	d->failed_n++;
	printf("failed");
	field(id);
	printf("\t%s", for_good ? "good" : "bad");
	field(slice_c(why));
	putchar('\n');
	changed(d);
	(void)pthread_mutex_unlock(&d->lock);
}

static void
on_state(void *ctx, bool up, const char *why)
{
	struct drive *d = ctx;

	(void)pthread_mutex_lock(&d->lock);
	d->up = up;
	printf("state\t%s", up ? "up" : "down");
	if (why != NULL)
		field(slice_c(why));
	putchar('\n');
	changed(d);
	(void)pthread_mutex_unlock(&d->lock);
}

static bool
is_known(const struct drive *d, struct slice from)
{
	for (size_t i = 0; i < d->known_n; i++) {
		if (slice_is(from, d->known[i]))
			return true;
	}
	return false;
}

static void
on_in(void *ctx, const struct outlet_in *in, struct arena *a,
      struct outlet_answer *out)
{
	static const char *const kinds[] = {
		[OUTLET_IN_TEXT] = "text",
		[OUTLET_IN_RECEIPT] = "receipt",
		[OUTLET_IN_COMMAND] = "command",
		[OUTLET_IN_CONTACT] = "contact",
	};
	struct drive *d = ctx;

	(void)pthread_mutex_lock(&d->lock);
	if (!d->quiet) {
		printf("in\t%s", kinds[in->kind]);
		field(in->from);
		field(in->id);
		field(in->about);
		field(in->text);
		for (size_t i = 0; i < in->field_n; i++) {
			field(in->field[i].name);
			putchar('=');
			put(in->field[i].value);
		}
		putchar('\n');
	}
	out->refused = !is_known(d, in->from);
	if (!out->refused &&
	    (in->kind == OUTLET_IN_TEXT || in->kind == OUTLET_IN_COMMAND))
		out->text =
		    arena_printf(a, "you said: %.*s", SLICE_ARG(in->text));
	changed(d);
	(void)pthread_mutex_unlock(&d->lock);
}

/* ---- opening ------------------------------------------------------------- */

static const char *
option(int argc, char **argv, const char *name, const char *def)
{
	size_t n = strlen(name);

	for (int i = 2; i < argc; i++) {
		if (strncmp(argv[i], name, n) == 0 && argv[i][n] == '=')
			return argv[i] + n + 1;
	}
	return def;
}

static int64_t
number(int argc, char **argv, const char *name)
{
	int64_t n = 0;

	(void)slice_i64(slice_c(option(argc, argv, name, "0")), &n);
	return n;
}

static int
open_xmpp(struct drive *d, const struct outlet_calls *calls, int argc,
	  char **argv, struct err *e)
{
	struct im_conf c = {
		.jid = option(argc, argv, "jid", ""),
		.server = option(argc, argv, "server", ""),
		.secret = option(argc, argv, "secret", ""),
		.ca_file = option(argc, argv, "ca", ""),
		.component = number(argc, argv, "component") != 0,
		.allow_plain = number(argc, argv, "plain") != 0,
		.clk = &clk_system,
		.rnd = &rnd_system,
		.retry_ms = number(argc, argv, "retry"),
		.answer_ms = number(argc, argv, "answer"),
		.dns = { .sin_family = AF_INET,
			 .sin_port = htons((uint16_t)number(argc, argv, "dns")),
			 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) },
	};

	if (!im_type_of(slice_c(option(argc, argv, "type", "chat")), &c.type))
		return err_set(e, ERR_CONFIG, "drive", "what type?");
	return im_open(&c, calls, &d->o, e);
}

static int
open_smtp(struct drive *d, const struct outlet_calls *calls, int argc,
	  char **argv, struct err *e)
{
	struct smtp_conf c = {
		.server = option(argc, argv, "server", ""),
		.from = option(argc, argv, "from", ""),
		.user = option(argc, argv, "user", ""),
		.secret = option(argc, argv, "secret", ""),
		.ca_file = option(argc, argv, "ca", ""),
		.helo = option(argc, argv, "helo", ""),
		.allow_plain = number(argc, argv, "plain") != 0,
		.clk = &clk_system,
		.answer_ms = number(argc, argv, "answer"),
	};

	if (!smtp_tls_of(slice_c(option(argc, argv, "tls", "starttls")),
			 &c.tls))
		return err_set(e, ERR_CONFIG, "drive", "what tls?");
	return smtp_open(&c, calls, &d->o, e);
}

/* ---- commands ------------------------------------------------------------ */

static int
hex(char c)
{
	return c >= 'a' ? c - 'a' + 10 : c - '0';
}

/* In place. */
static struct slice
unescape(char *s)
{
	char *to = s, *from = s;

	while (*from != '\0') {
		if (*from != '\\') {
			*to++ = *from++;
		} else if (from[1] == 'x' && from[2] != '\0') {
			*to++ = (char)(hex(from[2]) * 16 + hex(from[3]));
			from += 4;
		} else {
			*to++ = from[1] == 'n'   ? '\n'
				: from[1] == 't' ? '\t'
						 : from[1];
			from += 2;
		}
	}
	return (struct slice){ s, (size_t)(to - s) };
}

static size_t
split(char *line, struct slice *f)
{
	size_t n = 0;

	line[strcspn(line, "\n")] = '\0';
	for (char *p = line; p != NULL && n < FIELDS_MAX; n++) {
		char *end = strchr(p, '\t');

		if (end != NULL)
			*end++ = '\0';
		f[n] = unescape(p);
		p = end;
	}
	return n;
}

static bool
word(struct slice f, const char *name, struct slice *out)
{
	if (!slice_starts(f, name) || f.n <= strlen(name) ||
	    f.p[strlen(name)] != '=')
		return false;
	*out = slice_from(f, strlen(name) + 1);
	return true;
}

static void
when(struct slice f, const char *name, int64_t *out)
{
	struct slice text;

	if (word(f, name, &text))
		(void)slice_i64(text, out);
}

static void
do_send(struct drive *d, const struct slice *f, size_t n)
{
	struct outlet_alarm al = { .due_ms = INT64_MIN,
				   .start_ms = INT64_MIN,
				   .end_ms = INT64_MIN };
	struct outlet_msg m = { .id = f[1],
				.to = f[2],
				.text = f[3],
				.lang = SLICE_LIT("en"),
				.subject = SLICE_LIT("A reminder"),
				.written_ms = INT64_MIN };

	for (size_t i = 4; i < n; i++) {
		if (word(f[i], "uid", &al.uid))
			m.alarm = &al;
		(void)word(f[i], "recurrence", &al.recurrence);
		(void)word(f[i], "alarm", &al.alarm);
		(void)word(f[i], "summary", &al.summary);
		(void)word(f[i], "place", &al.place);
		(void)word(f[i], "zone", &al.zone);
		(void)word(f[i], "subject", &m.subject);
		(void)word(f[i], "lang", &m.lang);
		when(f[i], "due", &al.due_ms);
		when(f[i], "start", &al.start_ms);
		when(f[i], "written", &m.written_ms);
	}
	n = d->o->v->send(d->o, &m, 1);
	(void)pthread_mutex_lock(&d->lock);
	printf("took");
	field(f[1]);
	printf("\t%zu\n", n);
	changed(d);
	(void)pthread_mutex_unlock(&d->lock);
}

/* "VmRSS:" now, "VmHWM:" the most there ever was. */
static long
memory_kb(const char *what)
{
	char line[256];
	FILE *f = fopen("/proc/self/status", "re");
	long kb = 0;

	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		if (strncmp(line, what, strlen(what)) == 0)
			kb = strtol(line + strlen(what), NULL, 10);
	}
	if (f != NULL)
		(void)fclose(f);
	return kb;
}

/* As a sender does it: what is not taken waits until something was settled. */
static void
do_many(struct drive *d, const struct slice *f)
{
	struct outlet_msg m[PACK];
	char ids[PACK][OUTLET_ID_MAX + 1];
	long before_kb = memory_kb("VmRSS:");
	int64_t all = 0, given = 0, start = clk_mono_ms(), ms;
	size_t sent, failed;

	(void)slice_i64(f[3], &all);
	(void)pthread_mutex_lock(&d->lock);
	d->quiet = true;
	sent = d->sent_n;
	failed = d->failed_n;
	(void)pthread_mutex_unlock(&d->lock);
	while (given < all) {
		size_t n = all - given < PACK ? (size_t)(all - given) : PACK;
		unsigned long seen;
		size_t took;

		for (size_t i = 0; i < n; i++) {
			int len = snprintf(ids[i], sizeof(ids[i]), "%.*s-%lld",
					   SLICE_ARG(f[1]),
					   (long long)given + (long long)i);

			m[i] = (struct outlet_msg){
				.id = { ids[i], (size_t)len },
				.to = f[2],
				.text = SLICE_LIT("Board meeting in 10 minutes "
						  "(9:00, room 4711)"),
				.subject = SLICE_LIT("Board meeting"),
				.lang = SLICE_LIT("en"),
				.written_ms = INT64_MIN
			};
		}
		(void)pthread_mutex_lock(&d->lock);
		seen = d->changes;
		(void)pthread_mutex_unlock(&d->lock);
		took = d->o->v->send(d->o, m, n);
		given += (int64_t)took;
		(void)pthread_mutex_lock(&d->lock);
		while (took < n && d->changes == seen)
			(void)pthread_cond_wait(&d->more, &d->lock);
		(void)pthread_mutex_unlock(&d->lock);
	}
	(void)pthread_mutex_lock(&d->lock);
	while (d->sent_n + d->failed_n < sent + failed + (size_t)all)
		(void)pthread_cond_wait(&d->more, &d->lock);
	ms = clk_mono_ms() - start;
	printf("many\t%lld\t%zu\t%zu\t%lld\t%ld\t%ld\n", (long long)all,
	       d->sent_n - sent, d->failed_n - failed, (long long)ms, before_kb,
	       memory_kb("VmHWM:"));
	d->quiet = false;
	changed(d);
	(void)pthread_mutex_unlock(&d->lock);
}

int
main(int argc, char **argv)
{
	struct drive d = { .quiet = false };
	struct outlet_calls calls = { &d, on_sent, on_failed, on_in, on_state };
	struct slice f[FIELDS_MAX];
	struct err e = { 0 };
	char line[32768];
	int rc;

	(void)pthread_mutex_init(&d.lock, NULL);
	(void)pthread_cond_init(&d.more, NULL);
	for (int i = 2; i < argc; i++) {
		if (strncmp(argv[i], "known=", 6) == 0 && d.known_n < KNOWN_MAX)
			d.known[d.known_n++] = argv[i] + 6;
	}
	if (argc > 1 && strcmp(argv[1], "smtp") == 0)
		rc = open_smtp(&d, &calls, argc, argv, &e);
	else
		rc = open_xmpp(&d, &calls, argc, argv, &e);
	if (rc < 0) {
		fprintf(stderr, "drive: %s\n", e.msg);
		return 2;
	}
	while (fgets(line, sizeof(line), stdin) != NULL) {
		size_t n = split(line, f);

		if (slice_is(f[0], "send") && n >= 4)
			do_send(&d, f, n);
		else if (slice_is(f[0], "many") && n == 4)
			do_many(&d, f);
		else
			break;
	}
	d.o->v->close(&d.o);
	printf("closed\n");
	return d.o == NULL ? 0 : 1;
}
