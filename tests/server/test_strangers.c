/*
 * Who is not known leaves no trace: messages of every unauthenticated shape at
 * the daemon's engine, with its real secrets and throttle, and then a look at
 * every row of the database. FUNICULAR_STRANGERS=100000 for so many messages.
 */
#include "base/digest.h"
#include "server/commands/account.h"
#include "server/engine.h"
#include "server/secrets.h"
#include "syncml/nonce.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include <sqlite3.h>

enum { STRANGERS = 20000, HASHED_MAX = 400 };

static struct {
	char dir[64], conf[96], db[96];
	struct srv_metrics metrics;
	struct srv_engine eng;
	struct srv_service service;
	struct arena *a;
	sqlite3 *look;
	char token[80]; /* of a session that lives */
	struct slice phone_body;
} site;

static int
query(const char *sql, int (*row)(void *, int, char **, char **), void *ctx)
{
	char *why = NULL;
	int rc = sqlite3_exec(site.look, sql, row, ctx, &why);

	if (rc != SQLITE_OK)
		print_error("%s: %s\n", sql, why);
	sqlite3_free(why);
	return rc;
}

static int
take_number(void *ctx, int n, char **v, char **name)
{
	int64_t *out = ctx;

	(void)n;
	(void)name;
	return slice_i64(slice_c(v[0]), out) ? 0 : 1;
}

static int64_t
number(const char *sql)
{
	int64_t n = -1;

	assert_int_equal(query(sql, take_number, &n), SQLITE_OK);
	return n;
}

struct tables {
	struct buf b;
};

static int
take_name(void *ctx, int n, char **v, char **name)
{
	struct tables *t = ctx;

	(void)n;
	(void)name;
	buf_str(&t->b, v[0]);
	buf_byte(&t->b, ' ');
	return 0;
}

/* Every row of every table but the counters of wrong logins, in a hash. */
static void
fingerprint(unsigned char out[static DIGEST_HASH_BYTES])
{
	struct tables t = { .b = BUF_IN(site.a) };
	struct slice rest, table;
	struct buf all = BUF_IN(site.a);
	struct slice text;

	assert_int_equal(
	    query("SELECT name FROM sqlite_master WHERE type ="
		  " 'table' AND name NOT IN ('throttle', 'auth_day',"
		  " 'node') ORDER BY name",
		  take_name, &t),
	    SQLITE_OK);
	rest = buf_slice(&t.b);
	assert_true(rest.n > 50);
	while (slice_split(&rest, ' ', &table)) {
		struct slice sql;
		sqlite3_stmt *st;

		if (table.n == 0)
			continue;
		sql = arena_printf(site.a, "SELECT * FROM %.*s",
				   SLICE_ARG(table));
		assert_int_equal(
		    sqlite3_prepare_v2(site.look, sql.p, -1, &st, NULL),
		    SQLITE_OK);
		while (sqlite3_step(st) == SQLITE_ROW) {
			for (int i = 0; i < sqlite3_column_count(st); i++) {
				const char *p = sqlite3_column_blob(st, i);
				int n = sqlite3_column_bytes(st, i);

				buf_add(&all, (struct slice){ p, (size_t)n });
				buf_byte(&all, '|');
			}
		}
		(void)sqlite3_finalize(st);
		buf_add(&all, table);
	}
	assert_true(buf_ok(&all));
	text = buf_slice(&all);
	digest_hash(SLICE_LIT(""), &text, 1, out);
}

/* ---- messages ----------------------------------------------------------- */

static struct slice
cred(const char *type, struct slice data)
{
	return arena_printf(site.a,
			    "<Cred><Meta><Type xmlns='syncml:metinf'>syncml:"
			    "auth-%s</Type></Meta><Data>%.*s</Data></Cred>",
			    type, SLICE_ARG(data));
}

static struct slice
basic(const char *user, const char *password)
{
	return cred("basic", digest_b64(site.a, arena_printf(site.a, "%s:%s",
							     user, password)));
}

struct msg {
	const char *dev, *sid, *version, *more;
	int msgid;
	struct slice header, alert; /* Creds */
};

static struct slice
write_msg(const struct msg *m)
{
	return arena_printf(
	    site.a,
	    "<SyncML><SyncHdr><VerDTD>1.2</VerDTD><VerProto>SyncML/%s"
	    "</VerProto><SessionID>%s</SessionID><MsgID>%d</MsgID><Target>"
	    "<LocURI>http://x/sync</LocURI></Target><Source><LocURI>%s"
	    "</LocURI><LocName>anna</LocName></Source>%s%.*s</SyncHdr>"
	    "<SyncBody><Alert><CmdID>1</CmdID>%.*s<Data>201</Data><Item>"
	    "<Target><LocURI>contacts</LocURI></Target><Source><LocURI>c"
	    "</LocURI></Source><Meta><Anchor><Next>n</Next></Anchor></Meta>"
	    "</Item></Alert><Sync><CmdID>2</CmdID><Target><LocURI>contacts"
	    "</LocURI></Target><Source><LocURI>c</LocURI></Source><Add><CmdID>3"
	    "</CmdID><Item><Source><LocURI>1</LocURI></Source><Data>BEGIN:VCARD"
	    "\r\nVERSION:2.1\r\nN:X\r\nEND:VCARD\r\n</Data></Item></Add></Sync>"
	    "<Final/></SyncBody></SyncML>",
	    m->version, m->sid, m->msgid, m->dev, m->more, SLICE_ARG(m->header),
	    SLICE_ARG(m->alert));
}

/* The right secret in a digest that could be a replay: it proves nothing. */
static struct slice
stale_digest(void)
{
	struct sml_cred c;
	struct err e;

	assert_int_equal(sml_auth_cred(site.a, SML_AUTH_MD5, SLICE_LIT("anna"),
				       SLICE_LIT("s3cret"), SLICE_LIT(""),
				       false, &c, &e),
			 0);
	return cred("md5", c.data);
}

/* A token made up, of the right account. */
static struct slice
random_token(void)
{
	char text[33];

	rnd_text(&rnd_system, text, sizeof(text));
	return arena_printf(site.a, "%.*s-%s",
			    (int)slice_find(slice_c(site.token), '-'),
			    site.token, text);
}

/* What is wrong with the message: one of many shapes. */
static void
shape(int i, struct msg *m, struct sml_request *rq)
{
	static const char *const user[] = { "anna", "nobody", "bert", "x" };

	switch (i % 17) {
	case 1:
		m->header = basic(user[i % 4], "wrong");
		break;
	case 2:
		m->header = cred("md5", SLICE_LIT("Zz6EivR3yeaaENcRN6lpAQ=="));
		break;
	case 3:
		m->header = stale_digest();
		break;
	case 4:
		m->msgid = 2;
		rq->token = random_token();
		break;
	case 5: /* a live one in the wrong hands */
		m->msgid = i % 3;
		rq->token = slice_c(site.token);
		if (i % 2 == 0)
			m->header = basic("nobody", "x");
		break;
	case 6:
		m->alert = basic("anna", "wrong");
		break;
	case 7:
		rq->mac = SLICE_LIT("username=\"anna\", "
				    "mac=uaE1YYB4TkcgBauTvux7BQ==");
		break;
	case 8: /* the phone's session from another address */
		m->dev = "phone";
		m->msgid = i % 4;
		break;
	case 9:
		m->more = "<NoResp/>";
		break;
	case 10:
		m->version = "3.0";
		break;
	case 11:
		m->sid = "";
		break;
	case 12:
		m->header = cred("basic", SLICE_LIT("not:base64:at:all"));
		break;
	case 13:
		m->header = cred("MAC", SLICE_LIT("x"));
		break;
	default:
		break;
	}
}

/* One message that proves nothing. */
static void
strange(int i, struct sml_request *rq)
{
	struct msg m = { .dev = arena_printf(site.a, "D%d", i % 97).p,
			 .sid = "1",
			 .version = "1.2",
			 .more = "",
			 .msgid = 1,
			 .header = SLICE_LIT(""),
			 .alert = SLICE_LIT("") };

	*rq = (struct sml_request){
		.content_type = SLICE_LIT("application/vnd.syncml+xml"),
		.peer = arena_printf(site.a, "198.51.100.%d", i % 20),
		.base_url = SLICE_LIT("http://x/sync"),
	};
	shape(i, &m, rq);
	rq->body = write_msg(&m);
	if (i % 17 == 14) /* half of one */
		rq->body = slice_sub(rq->body, 0, 100);
	if (i % 17 == 15) {
		rq->body = SLICE_LIT("\x02\x9f\x53\x6a\0\x6d\x6c\xff\xff");
		rq->content_type = SLICE_LIT("application/vnd.syncml+wbxml");
	}
	if (i % 17 == 16)
		rq->body = SLICE_LIT("GET / HTTP/1.0");
}

/* ---- the site ----------------------------------------------------------- */

static int
write_conf(void)
{
	FILE *f = fopen(site.conf, "w");

	if (f == NULL)
		return -1;
	(void)fprintf(f,
		      "store = sqlite:%s\nstate_dir = %s\nkey_file = %s/key\n",
		      site.db, site.dir, site.dir);
	return fclose(f);
}

static void
phone_begins(const char *sid)
{
	struct msg m = { .dev = "phone",
			 .sid = sid,
			 .version = "1.2",
			 .more = "",
			 .msgid = 1,
			 .header = basic("anna", "s3cret"),
			 .alert = SLICE_LIT("") };
	struct sml_request rq = {
		.content_type = SLICE_LIT("application/vnd.syncml+xml"),
		.peer = SLICE_LIT("192.0.2.1"),
		.base_url = SLICE_LIT("http://x/sync"),
		.body = write_msg(&m),
	};
	struct sml_reply out;
	size_t at;

	site.service.handle(site.service.ctx, site.a, &rq, &out);
	assert_true(out.session_began);
	at = slice_find_str(out.body, "?s=");
	assert_true(at != SIZE_MAX);
	out.body = slice_from(out.body, at + 3);
	at = slice_find(out.body, '<');
	assert_true(at < sizeof(site.token));
	memcpy(site.token, out.body.p, at);
}

static int
setup(void **state)
{
	struct srv_account_new in = { .user = SLICE_LIT("anna"),
				      .password = SLICE_LIT("s3cret"),
				      .md5 = true };
	struct err e = { 0 };
	int64_t id;

	(void)state;
	memset(&site, 0, sizeof(site));
	memcpy(site.dir, "/tmp/funicular-test-XXXXXX", 27);
	if (mkdtemp(site.dir) == NULL)
		return -1;
	(void)snprintf(site.conf, sizeof(site.conf), "%s/conf", site.dir);
	(void)snprintf(site.db, sizeof(site.db), "%s/db", site.dir);
	site.a = arena_new(256 << 20);
	site.eng = (struct srv_engine){ .conf_path = site.conf,
					.metrics = &site.metrics };
	site.service = srv_engine_service(&site.eng);
	if (write_conf() != 0 || site.service.open(site.service.ctx, &e) < 0 ||
	    srv_account_create(&site.eng.site, site.a, &in, &id, &e) < 0 ||
	    sqlite3_open(site.db, &site.look) != SQLITE_OK) {
		print_error("%s\n", e.msg);
		return -1;
	}
	phone_begins("1");
	return site.service.tick(site.service.ctx, &e);
}

static int
teardown(void **state)
{
	static const char *const name[] = { "db",  "db-wal", "db-shm",
					    "key", "conf",   "run" };

	(void)state;
	(void)sqlite3_close(site.look);
	site.service.close(site.service.ctx);
	arena_free(&site.a);
	for (size_t i = 0; i < sizeof(name) / sizeof(name[0]); i++) {
		char path[128];

		(void)snprintf(path, sizeof(path), "%s/%s", site.dir, name[i]);
		(void)unlink(path);
	}
	return rmdir(site.dir);
}

/* ---- the test ----------------------------------------------------------- */

static void
leave_no_trace(void **state)
{
	const char *more = getenv("FUNICULAR_STRANGERS");
	unsigned char before[DIGEST_HASH_BYTES], after[DIGEST_HASH_BYTES];
	struct arena *all = site.a, *one = arena_new(64 << 20);
	uint64_t hashed = srv_secrets_hashed(site.eng.site.secrets);
	int64_t version, n = STRANGERS;
	struct err e;

	(void)state;
	if (more != NULL)
		assert_true(slice_i64(slice_c(more), &n));
	fingerprint(before);
	version = number("PRAGMA data_version");
	site.a = one;
	for (int64_t i = 0; i < n; i++) {
		struct sml_request rq;
		struct sml_reply out;

		arena_reset(one);
		strange((int)i, &rq);
		site.service.handle(site.service.ctx, one, &rq, &out);
		if (out.session_began || out.items_in > 0 ||
		    (out.http != 200 && out.http != 400))
			fail_msg("%lld: HTTP %d %.*s", (long long)i, out.http,
				 SLICE_ARG(out.note));
	}
	site.a = all;
	arena_free(&one);
	/* Nobody has committed anything. */
	assert_int_equal(number("PRAGMA data_version"), version);
	hashed = srv_secrets_hashed(site.eng.site.secrets) - hashed;
	print_message("%lld messages, %llu slow hashes\n", (long long)n,
		      (unsigned long long)hashed);
	assert_in_range(hashed, 1, HASHED_MAX);
	/* But for the counters' own rows, which are bounded. */
	site.eng.shared_ms -= SRV_LOGINS_SHARE_MS;
	assert_int_equal(site.service.tick(site.service.ctx, &e), 0);
	assert_int_not_equal(number("PRAGMA data_version"), version);
	assert_in_range(number("SELECT count(*) FROM throttle"), 10, 49153);
	assert_in_range(number("SELECT count(*) FROM auth_day"), 2,
			2 * SRV_LOGINS_DAY_ROWS);
	fingerprint(after);
	assert_memory_equal(before, after, sizeof(before));
}

/* What the fingerprint is good for. */
static void
a_login_is_seen(void **state)
{
	unsigned char before[DIGEST_HASH_BYTES], after[DIGEST_HASH_BYTES];

	(void)state;
	fingerprint(before);
	phone_begins("2");
	fingerprint(after);
	assert_memory_not_equal(before, after, sizeof(before));
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(leave_no_trace),
		T(a_login_is_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
