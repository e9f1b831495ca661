/*
 * A mail server's bytes against our IMAP line. The first bytes choose what is
 * asked; the rest is what the server says, whatever it was asked. \1 in it is
 * the tag of the command that runs, \2 a pause. Whatever comes: what we say
 * stays lines of commands, no name that the server or a phone chose leaves its
 * place in them, and nobody gets more than was asked for.
 */
#include "backends/imap/int.h"
#include "base/buf.h"
#include "tests/fuzz/fuzz.h"

enum { OPS_MAX = 12, MSGS_MAX = 40, TEXT_MAX = 300, NAMES = 4 };

/* ---- a line of memory ---------------------------------------------------- */

struct wire {
	struct slice in;
	size_t piece;
	struct buf said;
	size_t line; /* where the last line that we said begins */
	unsigned tag;
	bool dribbles, again, hangs_up;
};

static struct wire *
of(const struct tls_line *l)
{
	return (struct wire *)l->tls;
}

int
tls_line_connect(struct tls_line *l, const char *server, const char *def_port,
		 const struct tls_wait *w, struct err *e)
{
	(void)server, (void)def_port, (void)e;
	*l = (struct tls_line){ .fd = 0, .tls = w->ctx, .loopback = true };
	return 0;
}

int
tls_line_await(const struct tls_line *l, short events, const struct tls_wait *w,
	       struct err *e)
{
	(void)events, (void)w;
	return of(l)->in.n > 0 ? 0
			       : err_set(e, ERR_UNAVAILABLE, "wire", "silence");
}

int
tls_line_trust(const char *ca_file, gnutls_certificate_credentials_t *out,
	       struct err *e)
{
	(void)ca_file, (void)e;
	*out = NULL;
	return 0;
}

int
tls_line_tls_by(struct tls_line *l, const char *host,
		gnutls_certificate_credentials_t trust,
		const struct tls_wait *w, struct err *e)
{
	(void)l, (void)host, (void)trust, (void)w, (void)e;
	return 0;
}

int
tls_line_tls(struct tls_line *l, const char *domain, const char *ca_file,
	     const struct tls_wait *w, struct err *e)
{
	(void)ca_file;
	return tls_line_tls_by(l, domain, NULL, w, e);
}

enum tls_io
tls_line_read(struct tls_line *l, char *p, size_t cap, size_t *n)
{
	struct wire *w = of(l);
	size_t most = w->piece < cap ? w->piece : cap;

	*n = 0;
	while (w->in.n > 0 && *n + 16 < cap && *n < most) {
		char c = w->in.p[0];

		/* A tag is that of the command that has been said by then. */
		if ((c == 1 || c == 2) && *n > 0)
			break;
		w->in = slice_from(w->in, 1);
		if (c == 2)
			return TLS_IO_AGAIN;
		if (c == 1)
			*n += (size_t)snprintf(p + *n, 16, "F%u", w->tag);
		else
			p[(*n)++] = c;
	}
	if (*n > 0)
		return TLS_IO_DONE;
	return w->hangs_up ? TLS_IO_END : TLS_IO_AGAIN;
}

enum tls_io
tls_line_write(struct tls_line *l, struct slice s, size_t *n)
{
	struct wire *w = of(l);
	size_t lf;

	*n = 0;
	w->again = w->dribbles && !w->again;
	if (w->again && w->in.n > 0)
		return TLS_IO_AGAIN;
	if (w->dribbles)
		s = slice_sub(s, 0, 7);
	buf_add(&w->said, s);
	FUZZ_CHECK(buf_ok(&w->said));
	while ((lf = slice_find(slice_from(buf_slice(&w->said), w->line),
				'\n')) != SIZE_MAX) {
		struct slice line = slice_sub(buf_slice(&w->said), w->line, lf);

		w->line += lf + 1;
		if (slice_starts(line, "F"))
			w->tag = (unsigned)strtoul(line.p + 1, NULL, 10);
	}
	*n = s.n;
	return TLS_IO_DONE;
}

bool
tls_line_pending(const struct tls_line *l)
{
	(void)l;
	return false;
}

void
tls_line_close(struct tls_line *l)
{
	l->fd = -1;
}

/* ---- what we said -------------------------------------------------------- */

/* Bytes of a literal that the line announces; SIZE_MAX: none. *waits: the
   server has a say in it. */
static size_t
announced(struct slice line, bool *waits)
{
	size_t open = SIZE_MAX;

	for (size_t i = 0; i < line.n; i++) {
		if (line.p[i] == '{')
			open = i;
	}
	if (open == SIZE_MAX || !slice_ends(line, "}"))
		return SIZE_MAX;
	*waits = !slice_ends(line, "+}");
	return (size_t)strtoul(line.p + open + 1, NULL, 10);
}

static bool
begins_command(struct slice s, unsigned tag)
{
	char want[16];

	(void)snprintf(want, sizeof(want), "F%u ", tag);
	return slice_starts(s, want);
}

static bool
printable(struct slice line)
{
	for (size_t i = 0; i < line.n; i++) {
		if (line.p[i] < ' ' || line.p[i] > '~')
			return false;
	}
	return true;
}

/* Commands with one tag after the other, "DONE", a password; literals where
   they were announced, unless the server did not want them. */
static void
check_said(struct slice s)
{
	unsigned tag = 0;
	bool inside = false, password = false, waits = false;

	while (s.n > 0) {
		size_t lf = slice_find(s, '\n'), n;
		struct slice line = slice_sub(s, 0, lf);

		if (begins_command(s, tag + 1))
			tag++;
		else
			FUZZ_CHECK(inside || password ||
				   slice_starts(s, "DONE\r\n"));
		if (lf == SIZE_MAX)
			return; /* it broke while we spoke */
		FUZZ_CHECK(slice_ends(line, "\r"));
		line = slice_sub(line, 0, line.n - 1);
		FUZZ_CHECK(printable(line));
		password = slice_ends(line, "AUTHENTICATE PLAIN");
		s = slice_from(s, lf + 1);
		n = announced(line, &waits);
		inside = n != SIZE_MAX;
		if (inside && !(waits && begins_command(s, tag + 1)))
			s = slice_from(s, n);
	}
}

/* ---- what we ask --------------------------------------------------------- */

struct asker {
	struct mbox *m;
	struct arena *a;
	struct slice name[NAMES]; /* of folders */
	struct slice given;       /* by a phone, say */
	uint32_t uid[MSGS_MAX];
	size_t uid_n;
};

static void
list(struct asker *k)
{
	struct mbox_folder *f;
	size_t n;

	if (mbox_list(k->m, k->a, &f, &n, NULL) < 0)
		return;
	FUZZ_CHECK(n <= MBOX_FOLDERS_MAX);
	for (size_t i = 0; i < n; i++) {
		FUZZ_CHECK(f[i].name.n > 0 && slice_utf8_ok(f[i].name));
		for (size_t j = 0; j < f[i].name.n; j++)
			FUZZ_CHECK((unsigned char)f[i].name.p[j] >= ' ' &&
				   f[i].name.p[j] != 0x7f);
		k->name[i % NAMES] = f[i].name;
	}
}

static bool
as_asked(const struct mbox_msg *m, enum mbox_part part)
{
	return ((m->uid >= 3 && m->uid <= 5) || m->uid >= 9) && m->size >= 0 &&
	       m->modseq >= 0 &&
	       m->text.n <= (part == MBOX_BYTES ? TEXT_MAX : 2000);
}

static void
fetch(struct asker *k, enum mbox_part part, int64_t since)
{
	const struct mbox_range r[] = { { 3, 5 }, { 9, UINT32_MAX } };
	const struct mbox_ask ask = { .range = r,
				      .range_n = 2,
				      .part = part,
				      .from = since > 0 ? 10 : 0,
				      .cap = TEXT_MAX,
				      .since = since,
				      .max = MSGS_MAX };
	struct mbox_range *gone;
	struct mbox_msg *m;
	size_t n, gone_n;

	if (mbox_fetch(k->m, k->a, &ask, &m, &n, &gone, &gone_n, NULL) < 0)
		return;
	FUZZ_CHECK(n <= MSGS_MAX);
	for (size_t i = 0; i < n; i++)
		FUZZ_CHECK(as_asked(&m[i], part));
	for (size_t i = 0; i < gone_n; i++)
		FUZZ_CHECK(gone[i].low <= gone[i].high);
}

static void
found(struct asker *k, int rc, const uint32_t *uid, size_t n)
{
	if (rc < 0)
		return;
	FUZZ_CHECK(n <= 1000);
	for (size_t i = 1; i < n; i++)
		FUZZ_CHECK(uid[i] > uid[i - 1]);
	k->uid_n = n < MSGS_MAX ? n : MSGS_MAX;
	if (k->uid_n > 0)
		memcpy(k->uid, uid, k->uid_n * sizeof(*uid));
}

static void
search(struct asker *k, bool by_id)
{
	uint32_t *uid;
	size_t n;
	int rc = by_id ? mbox_search_id(k->m, k->a, k->given, &uid, &n, NULL)
		       : mbox_search(k->m, k->a, 2, 1600000000000, MSGS_MAX,
				     &uid, &n, NULL);

	found(k, rc, uid, n);
}

static void
wait_for_news(struct asker *k)
{
	struct mbox_known other[NAMES];
	bool news;

	for (size_t i = 0; i < NAMES; i++)
		other[i] = (struct mbox_known){ .name = k->name[i],
						.uidnext = 5,
						.modseq = 7 };
	if (mbox_idle(k->m, k->a, other, NAMES, NULL) == 0 &&
	    mbox_news(k->m, &news, NULL) == 0 &&
	    mbox_news(k->m, &news, NULL) == 0)
		(void)mbox_idle_end(k->m, &news, NULL);
}

static void
look(struct asker *k, unsigned op)
{
	struct slice name = k->name[op / 16 % NAMES];
	struct mbox_state st;
	bool news;

	switch (op % 16) {
	case 0:
		list(k);
		break;
	case 1:
		(void)mbox_status(k->m, name, &st, NULL);
		break;
	case 2:
		search(k, false);
		break;
	case 3:
		search(k, true);
		break;
	case 4:
	case 5:
	case 6:
	case 7:
		fetch(k, (enum mbox_part)(op % 4), op / 16 % 2);
		break;
	case 8:
		(void)mbox_noop(k->m, &news, NULL);
		break;
	case 9:
		wait_for_news(k);
		break;
	default:
		if (mbox_select(k->m, name, (op & 16) != 0, &st, NULL) == 0)
			FUZZ_CHECK(st.uidvalidity != 0);
	}
}

static void
change(struct asker *k, unsigned op)
{
	struct slice name = k->name[op / 16 % NAMES];
	uint32_t uid;

	switch (op % 5) {
	case 0:
		(void)mbox_store_flags(k->m, k->uid, k->uid_n, op & 31,
				       ~op & 31, NULL);
		break;
	case 1:
		(void)mbox_move(k->m, k->uid, k->uid_n, name, NULL);
		break;
	case 2:
		(void)mbox_expunge(k->m, k->uid, k->uid_n, NULL);
		break;
	case 3:
		(void)mbox_create(k->m, name, NULL);
		break;
	default:
		(void)mbox_append(k->m, name, op & 31, k->given, &uid, NULL);
	}
}

/* ---- all of it ----------------------------------------------------------- */

static struct mbox *
opened(struct wire *w, const struct mbox_conf *conf, bool greeted)
{
	struct mbox *m = NULL;

	if (!greeted) {
		(void)mbox_open(conf, &m, NULL);
		return m;
	}
	/* Straight to what follows the login. */
	m = calloc(1, sizeof(*m));
	FUZZ_CHECK(m != NULL);
	m->conf = *conf;
	m->l.tls = (gnutls_session_t)w;
	m->caps = ~0U;
	m->condstore = true;
	m->exists = 3;
	m->literal_plus = conf->tls == MBOX_PLAIN;
	return m;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = fuzz_input(data, size), ops;
	unsigned how = fuzz_byte(&in);
	struct arena *a = arena_new(16U << 20);
	struct wire w = { .piece = 1 + fuzz_byte(&in),
			  .dribbles = (how & 8) != 0,
			  .hangs_up = (how & 16) != 0 };
	struct mbox_trust trust = { NULL };
	const struct mbox_conf conf = {
		.host = "localhost",
		.tls = (how & 1) != 0 ? MBOX_STARTTLS : MBOX_PLAIN,
		.trust = &trust,
		.user = "us\"er",
		.master = (how & 2) != 0 ? "master" : "",
		.secret = (how & 32) != 0 ? "se\\cr\xc3\xa9t" : "se\\cret",
		.wake = -1,
		.ctx = &w,
	};
	struct asker k = { .a = a, .uid = { 3, 4, 9 }, .uid_n = 3 };
	size_t ops_n;

	if (a == NULL)
		return 0;
	w.said = BUF_IN(a);
	ops_n = fuzz_below(&in, OPS_MAX);
	ops = slice_sub(in, 0, ops_n);
	in = slice_from(in, ops_n);
	/* A name, up to the first line end, is a phone's or the site's. It does
	   not look like a command here, so that we can tell. */
	while (slice_starts(in, "F"))
		in = slice_from(in, 1);
	k.given = slice_sub(in, 0, slice_find(in, '\n'));
	w.in = slice_from(in, k.given.n + 1);
	for (size_t i = 0; i < NAMES; i++)
		k.name[i] = i % 2 == 0 ? SLICE_LIT("INBOX") : k.given;
	k.m = opened(&w, &conf, (how & 4) != 0);
	for (; k.m != NULL && ops.n > 0; ops = slice_from(ops, 1)) {
		unsigned op = (unsigned char)ops.p[0];

		if (op < 128)
			look(&k, op);
		else
			change(&k, op - 128);
	}
	/* The goodbye at the end is said once, whether it gets through or not.
	 */
	check_said(buf_slice(&w.said));
	mbox_close(&k.m);
	fuzz_arena_end(&a);
	return 0;
}
