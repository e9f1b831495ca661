/*
 * RespURI: what we make of a base URL, and what comes back of it. A session
 * begins under a base that the input chose; the target of its next message is
 * read as the HTTP front reads it, and its token finds the session. A token
 * that is not that one finds none.
 */
#include "server/http/front_int.h"
#include "tests/fuzz/world.h"

static struct slice
message(struct world *w, int msgid, bool cred, struct slice target)
{
	struct buf b = BUF_IN(w->a);

	buf_printf(&b,
		   "<SyncML><SyncHdr><VerDTD>1.2</VerDTD><VerProto>SyncML/1.2"
		   "</VerProto><SessionID>1</SessionID><MsgID>%d</MsgID>"
		   "<Target><LocURI>",
		   msgid);
	for (size_t i = 0; i < target.n; i++) {
		unsigned char c = (unsigned char)target.p[i];

		if (c >= ' ' && c < 0x7F && c != '<' && c != '&' && c != '>')
			buf_byte(&b, c);
	}
	buf_printf(&b,
		   "</LocURI></Target><Source><LocURI>dev-a</LocURI></Source>%s"
		   "</SyncHdr><SyncBody><Final/></SyncBody></SyncML>",
		   cred ? "<Cred><Meta><Type>syncml:auth-basic</Type></Meta>"
			  "<Data>YW5uYTpzZWNyZXQ=</Data></Cred>"
			: "");
	return buf_slice(&b);
}

static struct sml_msg *
post(struct world *w, struct slice body, struct slice base, struct slice token,
     struct sml_reply *raw)
{
	struct sml_request rq = {
		.content_type = SLICE_LIT("application/vnd.syncml+xml"),
		.body = body,
		.token = token,
		/* Another address each time: the token alone counts. */
		.peer = arena_printf(w->a, "192.0.2.%u", ++w->messages % 200),
		.base_url = base,
	};
	struct sml_msg *m = NULL;

	w->b->now += 1000;
	sml_server_handle(&w->b->srv, w->a, &rq, raw);
	FUZZ_CHECK(raw->http == 200 || raw->http == 400);
	if (raw->http == 200)
		FUZZ_CHECK(sml_msg_read(w->a, SML_XML, raw->body, NULL, &m,
					NULL) == 0);
	return m;
}

static bool
taken(const struct sml_reply *raw)
{
	return slice_starts(raw->note, "msg ");
}

/* The request target of a URL. */
static const char *
target_of(struct world *w, struct slice url, bool absolute)
{
	size_t host = slice_find_str(url, "://");
	size_t slash;

	if (absolute || host == SIZE_MAX)
		return arena_cstr(w->a, url);
	slash = slice_find(slice_from(url, host + 3), '/');
	if (slash == SIZE_MAX) {
		size_t query = slice_find(url, '?');

		return arena_printf(w->a, "/%.*s",
				    SLICE_ARG(slice_from(url, query)))
		    .p;
	}
	return arena_cstr(w->a, slice_from(url, host + 3 + slash));
}

static void
go_on(struct world *w, struct slice respuri, struct slice *in)
{
	struct srv_rq rq = { .announced = -1 };
	const char *target = target_of(w, respuri, fuzz_below(in, 2) == 1);
	struct slice token;
	struct slice other;
	struct sml_reply raw;

	FUZZ_CHECK(target != NULL);
	srv_rq_uri(&rq, target);
	token = arena_copy(w->a, slice_c(rq.token));
	other = arena_printf(w->a, "%.*s%.*s",
			     SLICE_ARG(slice_sub(token, 0, fuzz_byte(in))),
			     SLICE_ARG(fuzz_piece(in)));
	if (!slice_eq(other, token)) {
		(void)post(w, message(w, 2, false, respuri), respuri, other,
			   &raw);
		FUZZ_CHECK(!taken(&raw));
	}
	(void)post(w, message(w, 2, false, respuri), respuri, token, &raw);
	FUZZ_CHECK(taken(&raw));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = fuzz_input(data, size);
	struct sml_reply raw;
	struct sml_msg *m;
	struct slice base;
	struct slice token;
	struct world w;
	unsigned how = fuzz_byte(&in);

	world_begin(&w);
	base = fuzz_piece(&in);
	token = fuzz_piece(&in);
	m = post(&w, message(&w, 1, true, base),
		 (how & 1) != 0 ? SLICE_LIT("") : base, token, &raw);
	FUZZ_CHECK(m != NULL && taken(&raw));
	/* None is sent under what is no URL. */
	if (m->hdr.respuri.n > 0)
		go_on(&w, m->hdr.respuri, &in);
	world_end(&w, false);
	return 0;
}
