/*
 * Mailboxes by hand: commands on standard input, fields between tabs, answers
 * in lines on standard output, the last one "ok" or "err CODE: why".
 */
#include "backends/mailbox.h"
#include "base/clock.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

enum { FIELDS = 12, LINE = 4096, ARENA = 64 << 20, MAX = 30000 };

static struct mbox *box;
static struct mbox_trust *trust;
static struct arena *arena;
static char *f[FIELDS];
static struct err err;

static int64_t
num(int i)
{
	return f[i] == NULL ? 0 : strtoll(f[i], NULL, 10);
}

static struct slice
text(int i)
{
	return slice_c(f[i] == NULL ? "" : f[i]);
}

static int
do_open(void)
{
	struct mbox_conf c = { .host = f[1],
			       .port = num(2),
			       .tls = (enum mbox_tls)num(3),
			       .user = f[5],
			       .master = f[6],
			       .secret = f[7],
			       .answer_ms = num(8),
			       .wake = -1 };

	mbox_close(&box);
	mbox_trust_close(&trust);
	if (f[4][0] != '\0' && mbox_trust_open(f[4], &trust, &err) < 0)
		return -1;
	c.trust = trust;
	return mbox_open(&c, &box, &err);
}

static int
do_list(void)
{
	struct mbox_folder *fo;
	size_t n;

	if (mbox_list(box, arena, &fo, &n, &err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		printf("folder\t%.*s\t%d\t%c\t%d\n", SLICE_ARG(fo[i].name),
		       (int)fo[i].role, fo[i].delim, fo[i].noselect);
	return 0;
}

static int
do_state(int (*what)(struct mbox *, struct slice, bool, struct mbox_state *,
		     struct err *))
{
	struct mbox_state st;
	int rc = what != NULL ? what(box, text(1), num(2) != 0, &st, &err)
			      : mbox_status(box, text(1), &st, &err);

	if (rc == 0)
		printf("state\t%u\t%u\t%u\t%lld\n", st.uidvalidity, st.uidnext,
		       st.exists, (long long)st.modseq);
	return rc;
}

/* fetch PART LOW HIGH SINCE FROM CAP MAX */
static int
do_fetch(void)
{
	struct mbox_range r = { (uint32_t)num(2), (uint32_t)num(3) };
	struct mbox_ask ask = { .range = &r,
				.range_n = 1,
				.part = (enum mbox_part)num(1),
				.since = num(4),
				.from = (size_t)num(5),
				.cap = (size_t)num(6),
				.max = f[7] == NULL ? MAX : (size_t)num(7) };
	struct mbox_range *gone;
	struct mbox_msg *m;
	size_t n, gone_n;

	if (mbox_fetch(box, arena, &ask, &m, &n, &gone, &gone_n, &err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		printf("msg\t%u\t%u\t%d\t%lld\t%lld\t%zu\t", m[i].uid,
		       m[i].flags, m[i].modseq > 0, (long long)m[i].size,
		       (long long)m[i].received_ms, m[i].text.n);
		for (size_t k = 0; k < m[i].text.n && k < 200; k++)
			printf("%02x", (unsigned char)m[i].text.p[k]);
		printf("\n");
	}
	for (size_t i = 0; i < gone_n; i++)
		printf("gone\t%u\t%u\n", gone[i].low, gone[i].high);
	return 0;
}

static int
uids(int rc, const uint32_t *uid, size_t n)
{
	printf("uids");
	for (size_t i = 0; rc == 0 && i < n; i++)
		printf("\t%u", uid[i]);
	printf("\n");
	return rc;
}

static int
do_search(void)
{
	uint32_t *uid;
	size_t n;
	int rc = mbox_search(box, arena, (size_t)num(1), num(2), MAX, &uid, &n,
			     &err);

	return uids(rc, uid, n);
}

static int
do_search_id(void)
{
	uint32_t *uid;
	size_t n;
	int rc = mbox_search_id(box, arena, text(1), &uid, &n, &err);

	return uids(rc, uid, n);
}

/* append FOLDER FLAGS FILE */
static int
do_append(void)
{
	FILE *in = fopen(f[3], "rb");
	char *bytes = arena_alloc(arena, ARENA / 2);
	uint32_t uid = 0;
	size_t n;
	int rc;

	if (in == NULL || bytes == NULL)
		return err_set(&err, ERR_IO, "drive", "no file");
	n = fread(bytes, 1, ARENA / 2, in);
	(void)fclose(in);
	rc = mbox_append(box, text(1), (unsigned)num(2),
			 (struct slice){ bytes, n }, &uid, &err);
	printf("uids\t%u\n", uid);
	return rc;
}

/* idle [NAME UIDNEXT MODSEQ ...]: the others, as they are known. */
static int
do_idle(void)
{
	struct mbox_known other[FIELDS / 3];
	size_t n = 0;

	for (int i = 1; i + 2 < FIELDS && f[i + 2] != NULL; i += 3)
		other[n++] =
		    (struct mbox_known){ .name = text(i),
					 .uidnext = (uint32_t)num(i + 1),
					 .modseq = num(i + 2) };
	if (mbox_idle(box, arena, other, n, &err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		printf("told\t%d\n", other[i].told);
	return 0;
}

/* wait MS: until something comes. */
static int
do_wait(void)
{
	struct pollfd p = { mbox_fd(box), POLLIN, 0 };
	int64_t until = clk_mono_ms() + num(1);
	bool news = false;
	int rc = mbox_news(box, &news, &err);

	while (rc == 0 && !news && clk_mono_ms() < until) {
		if (poll(&p, 1, (int)(until - clk_mono_ms())) > 0)
			rc = mbox_news(box, &news, &err);
	}
	printf("news\t%d\n", news);
	return rc;
}

static int
do_done(void)
{
	bool news = false;
	int rc = mbox_idle_end(box, &news, &err);

	printf("news\t%d\n", news);
	return rc;
}

static int
command(void)
{
	uint32_t one = (uint32_t)num(1);
	const char *c = f[0];

	if (strcmp(c, "open") == 0)
		return do_open();
	if (box == NULL)
		return err_set(&err, ERR_BUG, "drive", "not open");
	if (strcmp(c, "list") == 0)
		return do_list();
	if (strcmp(c, "create") == 0)
		return mbox_create(box, text(1), &err);
	if (strcmp(c, "status") == 0)
		return do_state(NULL);
	if (strcmp(c, "select") == 0)
		return do_state(mbox_select);
	if (strcmp(c, "fetch") == 0)
		return do_fetch();
	if (strcmp(c, "search") == 0)
		return do_search();
	if (strcmp(c, "search-id") == 0)
		return do_search_id();
	if (strcmp(c, "store") == 0)
		return mbox_store_flags(box, &one, 1, (unsigned)num(2),
					(unsigned)num(3), &err);
	if (strcmp(c, "move") == 0)
		return mbox_move(box, &one, 1, text(2), &err);
	if (strcmp(c, "expunge") == 0)
		return mbox_expunge(box, &one, 1, &err);
	if (strcmp(c, "append") == 0)
		return do_append();
	if (strcmp(c, "idle") == 0)
		return do_idle();
	if (strcmp(c, "wait") == 0)
		return do_wait();
	if (strcmp(c, "done") == 0)
		return do_done();
	return err_set(&err, ERR_BUG, "drive", "what?");
}

int
main(void)
{
	char line[LINE];

	arena = arena_new(ARENA);
	while (arena != NULL && fgets(line, sizeof(line), stdin) != NULL) {
		char *at = line;

		line[strcspn(line, "\n")] = '\0';
		memset(f, 0, sizeof(f));
		for (int i = 0; i < FIELDS && at != NULL; i++)
			f[i] = strsep(&at, "\t");
		arena_reset(arena);
		err = (struct err){ .code = ERR_NONE };
		if (strcmp(f[0], "caps") == 0) {
			printf("caps\t%u\nok\n", mbox_caps(box));
		} else if (strcmp(f[0], "memory") == 0) {
			struct rusage u;

			(void)getrusage(RUSAGE_SELF, &u);
			printf("kB\t%ld\nok\n", u.ru_maxrss);
		} else if (command() == 0) {
			printf("ok\n");
		} else {
			printf("err %s: %s\n", err_name(err.code), err.msg);
		}
		(void)fflush(stdout);
	}
	mbox_close(&box);
	mbox_trust_close(&trust);
	arena_free(&arena);
	return 0;
}
