/*
 * The client's side of recorded conversations, played against the engine: no
 * answer may be an error of ours, none may crash it, each must decode. The
 * recordings belong to others and are read in place: FUNICULAR_TRACES names
 * the folder; without it the test is skipped.
 *
 * Credentials are replaced by ours, and the session's token by the one that
 * our RespURI gave; everything else goes in as it was recorded.
 */
#include "tests/syncml/phone.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { MESSAGES_MAX = 200, FILE_MAX = 4000000, SKIPPED = 77 };

struct played {
	int sessions, messages, refused, foreign;
	int wrong; /* answers that must not be */
};

static struct slice
read_file(struct arena *a, const char *path)
{
	FILE *f = fopen(path, "rb");
	char *p = arena_alloc(a, FILE_MAX);
	size_t n;

	if (f == NULL || p == NULL)
		return (struct slice){ NULL, 0 };
	n = fread(p, 1, FILE_MAX, f);
	(void)fclose(f);
	return (struct slice){ p, n };
}

static void
our_credentials(struct sml_msg *m)
{
	struct sml_cred none = { 0 };

	for (size_t i = 0; i < m->cmd_n; i++)
		m->cmds[i].cred = none;
	m->hdr.cred = (struct sml_cred){
		.present = true,
		.meta = sml_meta_none(),
		.data = SLICE_LIT("YW5uYTpzZWNyZXQ="),
	};
	m->hdr.cred.meta.type = SLICE_LIT("syncml:auth-basic");
	m->hdr.cred.meta.format = SLICE_LIT("b64");
}

static void
check_reply(const char *path, struct arena *a, enum sml_enc enc,
	    const struct sml_reply *out, struct slice *token, struct played *p)
{
	struct sml_msg *m;
	struct err e = { 0 };
	size_t at;

	if (out->http != 200) {
		(void)printf("%s: HTTP %d: %.*s", path, out->http,
			     SLICE_ARG(out->body));
		p->wrong++;
		return;
	}
	if (out->body.n == 0)
		return; /* NoResp */
	if (sml_msg_read(a, enc, out->body, NULL, &m, &e) < 0) {
		(void)printf("%s: our answer does not read: %s\n", path, e.msg);
		p->wrong++;
		return;
	}
	at = slice_find_str(m->hdr.respuri, "?s=");
	if (at != SIZE_MAX)
		*token = slice_from(m->hdr.respuri, at + 3);
	for (size_t i = 0; i < m->cmd_n; i++) {
		uint32_t code = 0;

		if (m->cmds[i].tag != SML_STATUS ||
		    !slice_u32(m->cmds[i].data, &code))
			continue;
		if (code == 404)
			p->foreign++;
		else if (code >= 400 && code != 508)
			(void)printf("%s: status %u for %.*s\n", path, code,
				     SLICE_ARG(m->cmds[i].cmd));
		if ((code >= 500 && code != 508 && code != 514) || code == 415)
			p->wrong++;
	}
}

/* One message; false: the file is not one. */
static bool
play(struct bench *b, struct arena *a, const char *path, struct slice *token,
     struct played *p)
{
	struct slice body = read_file(a, path);
	struct sml_request rq = {
		.peer = SLICE_LIT("192.0.2.9"),
		.base_url = SLICE_LIT("http://h/sync"),
		.token = *token,
	};
	struct sml_reply out;
	struct sml_msg *m;
	struct buf again = BUF_IN(a);
	struct err e = { 0 };
	enum sml_enc enc =
	    slice_ends(slice_c(path), ".wbxml") ? SML_WBXML : SML_XML;

	if (body.p == NULL)
		return false;
	if (sml_msg_read(a, enc, body, NULL, &m, &e) < 0) {
		(void)printf("%s: %s\n", path, e.msg);
		p->refused++;
		return true;
	}
	our_credentials(m);
	assert_int_equal(sml_msg_write(a, m, &again, &e), 0);
	rq.content_type = enc == SML_XML
			      ? SLICE_LIT("application/vnd.syncml+xml")
			      : SLICE_LIT("application/vnd.syncml+wbxml");
	rq.body = buf_slice(&again);
	b->now += 1000;
	sml_server_handle(&b->srv, a, &rq, &out);
	p->messages++;
	check_reply(path, a, enc, &out, token, p);
	return true;
}

static void
session(struct bench *b, const char *dir, struct played *p)
{
	struct slice token = { "", 0 };
	bool any = false;

	b->now += 60000;
	for (int i = 1; i < MESSAGES_MAX; i++) {
		char path[1024];
		bool found = false;

		for (int k = 0; k < 2 && !found; k++) {
			FILE *f;

			(void)snprintf(path, sizeof(path), "%s/%02d-client.%s",
				       dir, i, k == 0 ? "xml" : "wbxml");
			f = fopen(path, "rb");
			found = f != NULL;
			if (found)
				(void)fclose(f);
		}
		if (found)
			any = play(b, b->a, path, &token, p) || any;
	}
	p->sessions += any ? 1 : 0;
}

static void
walk(struct bench *b, const char *dir, int depth, struct played *p)
{
	DIR *d = opendir(dir);
	const struct dirent *ent;

	if (d == NULL || depth > 4)
		return;
	session(b, dir, p);
	while ((ent = readdir(d)) != NULL) {
		char path[1024];

		if (ent->d_name[0] == '.' ||
		    strcmp(ent->d_name, "malformed") == 0)
			continue;
		(void)snprintf(path, sizeof(path), "%s/%s", dir, ent->d_name);
		walk(b, path, depth + 1, p);
	}
	(void)closedir(d);
}

static void
recordings_are_answered(void **state)
{
	static struct bench b;
	struct played p = { 0 };
	const char *dir = getenv("FUNICULAR_TRACES");

	(void)state;
	bench_open(&b);
	walk(&b, dir, 0, &p);
	/* Once more: against a server that knows these devices. */
	walk(&b, dir, 0, &p);
	(void)printf("%d sessions, %d messages, %d not readable, %d foreign "
		     "ids, %d wrong answers\n",
		     p.sessions, p.messages, p.refused, p.foreign, p.wrong);
	bench_close(&b);
	assert_true(p.messages > 0);
	assert_int_equal(p.wrong, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(recordings_are_answered),
	};

	if (getenv("FUNICULAR_TRACES") == NULL) {
		(void)printf("skipped: FUNICULAR_TRACES names no folder of "
			     "recordings\n");
		return SKIPPED;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
