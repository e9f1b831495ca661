/*
 * Proof of who speaks, inside sessions: MACs over whole messages, credentials
 * in Alerts, tokens and those who hold them, and the server towards a device
 * that asks.
 */
#include "base/digest.h"
#include "tests/syncml/raw.h"

#include <stdlib.h>

#define ANNA "YW5uYTpzZWNyZXQ="  /* anna:secret */
#define WRONG "YW5uYTp3cm9uZw==" /* anna:wrong */
#define BERT "YmVydDpoaWRkZW4="  /* bert:hidden */

static struct raw r;
static int64_t bert;

/* The secret can be had for digests, as "device add --md5" does it. */
static int64_t
add_user(const char *user, const char *secret, int64_t account)
{
	struct store_account acc = { .user = slice_c(user),
				     .zone = SLICE_LIT("UTC") };
	struct store_cred c = { .kind = STORE_CRED_PASSWORD,
				.hash = slice_c(secret),
				.sealed = slice_c(secret) };
	struct store *s = bench.store;
	struct store_tx *tx;
	struct err e;

	if (account == 0)
		assert_int_equal(s->v->account_create(s, &acc, &account, &e),
				 0);
	assert_int_equal(
	    s->v->begin(s, account, STORE_WRITE, bench.now, &tx, &e), 0);
	c.id = tx->next_id++;
	assert_int_equal(tx->v->cred_put(tx, &c, &e), 0);
	assert_int_equal(tx->v->commit(&tx, &e), 0);
	return account;
}

static int
with_md5(void **state)
{
	(void)set_up(state);
	add_user("anna", "secret", bench.account);
	bert = add_user("bert", "hidden", 0);
	open_raw(&r, "IMEI:1", "7");
	r.name = "anna";
	return 0;
}

/* ---- what it sends ------------------------------------------------------ */

static struct slice
md5_data(const char *user, const char *secret, struct slice nonce)
{
	unsigned char d[16];
	struct err e;

	assert_int_equal(sml_auth_md5(bench.a, slice_c(user), slice_c(secret),
				      nonce, false, d, &e),
			 0);
	return digest_b64(bench.a, (struct slice){ (const char *)d, 16 });
}

static struct slice
cred_xml(const char *type, struct slice data)
{
	return arena_printf(bench.a,
			    "<Cred><Meta><Format xmlns='syncml:metinf'>b64"
			    "</Format><Type xmlns='syncml:metinf'>syncml:auth-"
			    "%s</Type></Meta><Data>%.*s</Data></Cred>",
			    type, SLICE_ARG(data));
}

/* An Alert with credentials of its own. */
static void
alert_with(const char *db, struct slice cred)
{
	buf_printf(&r.body,
		   "<Alert><CmdID>%d</CmdID>%.*s<Data>201</Data><Item><Target>"
		   "<LocURI>./%s</LocURI></Target><Source><LocURI>./C%s"
		   "</LocURI></Source><Meta><Anchor xmlns='syncml:metinf'>"
		   "<Next>n1</Next></Anchor></Meta></Item></Alert>",
		   ++r.cmdid, SLICE_ARG(cred), db, db);
}

static struct slice
header_of(const char *user, const char *secret, struct slice nonce,
	  struct slice body)
{
	struct sml_mac m;
	struct err e;

	assert_int_equal(sml_auth_mac(bench.a, slice_c(user), slice_c(secret),
				      nonce, body, &m, &e),
			 0);
	return sml_auth_mac_write(bench.a, &m);
}

static struct sml_msg *
post_mac(int flags, struct slice nonce)
{
	prepare(&r, flags);
	r.mac = header_of("anna", "secret", nonce, r.sent);
	send_bytes(&r, r.sent);
	return r.m;
}

/* ---- what it is answered ------------------------------------------------ */

static const struct sml_cmd *
status_of(const char *cmd, int nth)
{
	for (size_t i = 0; i < r.m->cmd_n; i++) {
		const struct sml_cmd *c = &r.m->cmds[i];

		if (c->tag == SML_STATUS && slice_is(c->cmd, cmd) && nth-- == 0)
			return c;
	}
	fail_msg("no Status for %s", cmd);
	return NULL;
}

/* The challenge of a Status, which must be of this type; its nonce. */
static struct slice
challenge(const char *cmd, int nth, const char *type)
{
	const struct sml_cmd *st = status_of(cmd, nth);
	struct slice nonce = SLICE_LIT("");

	assert_true(st->chal.present);
	if (!slice_is(st->chal.type, type))
		fail_msg("challenge %.*s", SLICE_ARG(st->chal.type));
	if (sml_auth_nonce(bench.a, &st->chal, &nonce))
		assert_int_equal(nonce.n, 24);
	return nonce;
}

static void
no_challenge(const char *cmd, int nth)
{
	assert_false(status_of(cmd, nth)->chal.present);
}

/* The story of the newest session holds this line. */
static bool
told(const char *words)
{
	struct store_session *s;
	struct store_story *line;
	struct store_tx *tx;
	struct err e;
	bool found = false;
	size_t m;

	assert_int_equal(bench.store->v->begin(bench.store, bench.account,
					       STORE_READ, bench.now, &tx, &e),
			 0);
	s = bench_session(&bench, tx);
	assert_int_equal(tx->v->story_get(tx, bench.a, s[0].id, &line, &m, &e),
			 0);
	for (size_t i = 0; i < m; i++)
		found =
		    found || slice_find_str(line[i].text, words) != SIZE_MAX;
	tx->v->rollback(&tx);
	return found;
}

/* ---- MAC ---------------------------------------------------------------- */

/* Header and answer fit together. */
static void
signed_by_us(struct slice nonce)
{
	struct slice want = header_of("test", "secret", nonce, r.raw.body);

	if (!slice_eq(r.raw.mac, want))
		fail_msg("%.*s instead of %.*s", SLICE_ARG(r.raw.mac),
			 SLICE_ARG(want));
}

static struct slice
mac_session(void)
{
	struct slice nonce;

	bench.conf.auth_first = SML_AUTH_MAC;
	alert(&r, 201, "contacts", NULL, "n1");
	assert_int_equal(code_of(post(&r, FINAL), "SyncHdr"), 407);
	assert_int_equal(r.raw.mac.n, 0);
	nonce = challenge("SyncHdr", 0, "syncml:auth-MAC");
	alert(&r, 201, "contacts", NULL, "n1");
	assert_int_equal(code_of(post_mac(FINAL, nonce), "SyncHdr"), 200);
	assert_int_equal(our_alert(r.m), 201);
	signed_by_us(SLICE_LIT(""));
	return challenge("SyncHdr", 0, "syncml:auth-MAC");
}

static void
mac_whole_sync(void **state)
{
	struct slice nonce = mac_session(), used = nonce;

	(void)state;
	answer_all(&r, 200);
	one_change(&r, "contacts", "Add", "1", "Karl");
	assert_int_equal(code_of(post_mac(FINAL, nonce), "Add"), 201);
	nonce = challenge("SyncHdr", 0, "syncml:auth-MAC");
	assert_false(slice_eq(nonce, used));
	answer_all(&r, 200);
	(void)post_mac(FINAL, nonce);
	assert_true(r.m->final);
	assert_int_equal(items_stored(), 1);
	/* The next session begins with the nonce of the last answer. */
	nonce = challenge("SyncHdr", 0, "syncml:auth-MAC");
	again(&r, "8");
	alert(&r, 200, "contacts", "n1", "n2");
	assert_int_equal(code_of(post_mac(FINAL, nonce), "SyncHdr"), 200);
	assert_int_equal(our_alert(r.m), 200);
}

/* Each message needs its own; neither the token nor an old one helps. */
static void
mac_each_message(void **state)
{
	struct slice nonce = mac_session(), body;

	(void)state;
	one_change(&r, "contacts", "Add", "1", "Karl");
	r.mac = SLICE_LIT("");
	assert_int_equal(code_of(post(&r, FINAL), "SyncHdr"), 407);
	assert_int_equal(code_of(r.m, "Add"), 407);
	assert_int_equal(r.raw.mac.n, 0);
	(void)challenge("SyncHdr", 0, "syncml:auth-MAC");
	/* One byte of the message is another one than what was signed. */
	one_change(&r, "contacts", "Add", "1", "Karl");
	r.msgid--;
	prepare(&r, FINAL);
	r.mac = header_of("anna", "secret", nonce, r.sent);
	body = arena_copy(bench.a, r.sent);
	((char *)(uintptr_t)body.p)[slice_find_str(body, "Karl")] = 'C';
	send_bytes(&r, body);
	assert_int_equal(code_of(r.m, "SyncHdr"), 401);
	assert_int_equal(items_stored(), 0);
	/* Credentials of the body do not make up for a wrong header. */
	r.msgid--;
	(void)post(&r, FINAL | CRED);
	assert_int_equal(code_of(r.m, "SyncHdr"), 401);
	r.msgid--;
	assert_int_equal(code_of(post_mac(FINAL, nonce), "SyncHdr"), 200);
	/* Used up. */
	assert_int_equal(code_of(post_mac(FINAL, nonce), "SyncHdr"), 401);
}

/* The same message again: the same bytes, the same header, though its nonce is
   used up. */
static void
mac_duplicate(void **state)
{
	struct slice nonce = mac_session(), body, mac;

	(void)state;
	answer_all(&r, 200);
	one_change(&r, "contacts", "Add", "1", "Karl");
	(void)post_mac(FINAL, nonce);
	body = r.raw.body;
	mac = r.raw.mac;
	assert_true(mac.n > 0);
	for (int i = 0; i < 2; i++) {
		send_bytes(&r, r.sent);
		assert_true(r.raw.duplicate);
		assert_true(slice_eq(r.raw.body, body));
		assert_true(slice_eq(r.raw.mac, mac));
	}
}

static void
mac_refused(void **state)
{
	struct slice nonce;

	(void)state;
	/* The device's wish counts, whatever we ask others for. */
	r.mac = SLICE_LIT("username=\"anna\"");
	alert(&r, 201, "contacts", NULL, "n1");
	assert_int_equal(code_of(post(&r, FINAL), "SyncHdr"), 401);
	nonce = challenge("SyncHdr", 0, "syncml:auth-MAC");
	prepare(&r, FINAL);
	r.mac = header_of("bert", "secret", nonce, r.sent);
	send_bytes(&r, r.sent);
	assert_int_equal(code_of(r.m, "SyncHdr"), 401);
	/* With a nonce of another device. */
	prepare(&r, FINAL);
	r.mac = header_of("anna", "secret", nonce, r.sent);
	r.dev = "IMEI:2";
	prepare(&r, FINAL);
	send_bytes(&r, r.sent);
	assert_int_equal(code_of(r.m, "SyncHdr"), 401);
	/* auth-MAC named in a Cred, and no header. */
	r.mac = SLICE_LIT("");
	r.cred = cred_xml("MAC", SLICE_LIT("x"));
	assert_int_equal(code_of(post(&r, FINAL), "SyncHdr"), 401);
	(void)challenge("SyncHdr", 0, "syncml:auth-MAC");
}

/* The nonce that the device gives us goes into our header. */
static void
mac_answer_follows_its_nonce(void **state)
{
	struct slice nonce = mac_session();

	(void)state;
	buf_printf(&r.body,
		   "<Status><CmdID>%d</CmdID><MsgRef>2</MsgRef><CmdRef>0"
		   "</CmdRef><Cmd>SyncHdr</Cmd><Chal><Meta><Type "
		   "xmlns='syncml:metinf'>syncml:auth-MAC</Type><Format "
		   "xmlns='syncml:metinf'>b64</Format><NextNonce "
		   "xmlns='syncml:metinf'>bjBuY2UtMQ==</NextNonce></Meta>"
		   "</Chal><Data>200</Data></Status>",
		   ++r.cmdid);
	(void)post_mac(FINAL, nonce);
	signed_by_us(SLICE_LIT("n0nce-1"));
}

/* ---- credentials in Alerts ---------------------------------------------- */

static void
alert_basic(void **state)
{
	(void)state;
	alert_with("contacts", cred_xml("basic", SLICE_LIT(ANNA)));
	alert_with("notes", cred_xml("basic", SLICE_LIT(WRONG)));
	alert_with("tasks", SLICE_LIT(""));
	alert_with("calendar", cred_xml("basic", SLICE_LIT(BERT)));
	assert_int_equal(code_of(post(&r, FINAL | CRED), "SyncHdr"), 212);
	assert_int_equal(code_nth(r.m, "Alert", 0), 200);
	assert_int_equal(code_nth(r.m, "Alert", 1), 401);
	assert_int_equal(code_nth(r.m, "Alert", 2), 200);
	assert_int_equal(code_nth(r.m, "Alert", 3), 401);
	no_challenge("Alert", 0);
	assert_int_equal(challenge("Alert", 1, "syncml:auth-basic").n, 0);
	(void)challenge("Alert", 3, "syncml:auth-basic");
	assert_true(told("./notes refused (401): wrong password"));
	assert_true(told("./calendar refused (401): another account's"));
	/* What was refused takes nothing; the others go on. */
	answer_all(&r, 200);
	one_change(&r, "notes", "Add", "9", "Niemand");
	one_change(&r, "contacts", "Add", "1", "Karl");
	(void)post(&r, FINAL);
	assert_int_not_equal(code_nth(r.m, "Add", 0), 201);
	assert_int_equal(code_nth(r.m, "Add", 1), 201);
	assert_int_equal(items_stored(), 1);
}

static void
alert_md5(void **state)
{
	struct slice nonce, data;

	(void)state;
	/* The header by basic: no nonce; the database asks for its own. */
	alert_with("contacts", cred_xml("md5", SLICE_LIT(ANNA)));
	assert_int_equal(code_of(post(&r, FINAL | CRED), "SyncHdr"), 212);
	assert_int_equal(code_of(r.m, "Alert"), 401);
	nonce = challenge("Alert", 0, "syncml:auth-md5");
	data = md5_data("anna", "secret", nonce);
	alert_with("contacts", cred_xml("md5", data));
	alert_with("notes", cred_xml("md5", data));
	assert_int_equal(code_of(post(&r, FINAL), "SyncHdr"), 200);
	assert_int_equal(code_nth(r.m, "Alert", 0), 200);
	assert_int_equal(code_nth(r.m, "Alert", 1), 200);
	nonce = challenge("Alert", 0, "syncml:auth-md5");
	/* A replay is none. */
	alert_with("tasks", cred_xml("md5", data));
	assert_int_equal(code_of(post(&r, FINAL), "Alert"), 401);
	/* What the accepted one was told is good for the next session. */
	again(&r, "8");
	r.cred = cred_xml("md5", md5_data("anna", "secret", nonce));
	alert(&r, 201, "contacts", NULL, "n1");
	assert_int_equal(code_of(post(&r, FINAL), "SyncHdr"), 212);
}

/* Header and Alert by MD5, both with the nonce that the device has. */
static void
alert_and_header_md5(void **state)
{
	struct slice nonce, data;

	(void)state;
	r.cred = cred_xml("md5", SLICE_LIT(ANNA));
	assert_int_equal(code_of(post(&r, FINAL), "SyncHdr"), 401);
	nonce = challenge("SyncHdr", 0, "syncml:auth-md5");
	data = md5_data("anna", "secret", nonce);
	r.cred = cred_xml("md5", data);
	alert_with("contacts", r.cred);
	assert_int_equal(code_of(post(&r, FINAL), "SyncHdr"), 212);
	assert_int_equal(code_of(r.m, "Alert"), 200);
	assert_true(slice_eq(challenge("SyncHdr", 0, "syncml:auth-md5"),
			     challenge("Alert", 0, "syncml:auth-md5")));
}

/* No more slow hashes than a message may cost; and the same message again is
   answered without any. */
static void
alert_many(void **state)
{
	static const char *const db[] = { "contacts", "calendar", "tasks",
					  "notes", "caltask" };
	struct slice before;

	(void)state;
	for (int i = 0; i < SML_CREDS_MAX + 1; i++)
		alert_with(db[i], cred_xml("basic", SLICE_LIT(ANNA)));
	(void)post(&r, FINAL | CRED);
	for (int i = 0; i < SML_CREDS_MAX; i++)
		assert_int_equal(code_nth(r.m, "Alert", i), 200);
	assert_int_equal(code_nth(r.m, "Alert", SML_CREDS_MAX), 401);
	before = r.raw.body;
	send_bytes(&r, r.sent);
	assert_true(r.raw.duplicate);
	assert_true(slice_eq(before, r.raw.body));
}

/* SE K700i: none in the header. The first that is right opens the session. */
static void
alert_instead_of_header(void **state)
{
	(void)state;
	alert_with("contacts", cred_xml("basic", SLICE_LIT(WRONG)));
	alert_with("notes", cred_xml("basic", SLICE_LIT(ANNA)));
	assert_int_equal(code_of(post(&r, FINAL), "SyncHdr"), 212);
	assert_int_equal(code_nth(r.m, "Alert", 0), 401);
	assert_int_equal(code_nth(r.m, "Alert", 1), 200);
	open_raw(&r, "IMEI:2", "7");
	alert_with("contacts", cred_xml("basic", SLICE_LIT(WRONG)));
	alert_with("notes", SLICE_LIT(""));
	assert_int_equal(code_of(post(&r, FINAL), "SyncHdr"), 401);
	assert_int_equal(code_nth(r.m, "Alert", 1), 401);
}

/* Their form is judged as the header's is. */
static void
alert_odd(void **state)
{
	static const struct slice odd[] = {
		SLICE_INIT("<Cred><Data></Data></Cred>"),
		SLICE_INIT("<Cred><Meta><Type xmlns='syncml:metinf'>x</Type>"
			   "</Meta><Data>y</Data></Cred>"),
		SLICE_INIT("<Cred><Meta><Format xmlns='syncml:metinf'>bin"
			   "</Format></Meta><Data>y</Data></Cred>"),
	};
	static const int code[] = { 400, 406, 415 };

	(void)state;
	for (size_t i = 0; i < 3; i++)
		alert_with("contacts", odd[i]);
	alert_with("notes", SLICE_LIT(""));
	assert_int_equal(code_of(post(&r, FINAL | CRED), "SyncHdr"), 212);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(code_nth(r.m, "Alert", i), code[i]);
		no_challenge("Alert", i);
	}
	assert_int_equal(code_nth(r.m, "Alert", 3), 200);
}

/* ---- 212 and 200 -------------------------------------------------------- */

static void
once_for_the_session(void **state)
{
	(void)state;
	alert(&r, 201, "contacts", NULL, "n1");
	assert_int_equal(code_of(post(&r, FINAL | CRED), "SyncHdr"), 212);
	no_challenge("SyncHdr", 0);
	/* Credentials once more are not looked at. */
	answer_all(&r, 200);
	sync_open(&r, "contacts");
	sync_close(&r);
	assert_int_equal(code_of(post(&r, FINAL | BADCRED), "SyncHdr"), 200);
	no_challenge("SyncHdr", 0);
}

/* Without RespURI: each answer says that credentials are wanted each time. */
static void
each_message(void **state)
{
	struct slice nonce;

	(void)state;
	r.no_token = true;
	first_sync(&r, 1, "n1");
	again(&r, "8");
	alert(&r, 200, "contacts", "n1", "n2");
	assert_int_equal(code_of(post(&r, FINAL | CRED), "SyncHdr"), 200);
	(void)challenge("SyncHdr", 0, "syncml:auth-basic");
	answer_all(&r, 200);
	sync_open(&r, "contacts");
	sync_close(&r);
	assert_int_equal(code_of(post(&r, FINAL | CRED), "SyncHdr"), 200);
	(void)challenge("SyncHdr", 0, "syncml:auth-basic");
	answer_all(&r, 200);
	/* Wrong ones are refused here, and do not end the session. */
	assert_int_equal(code_of(post(&r, FINAL | BADCRED), "SyncHdr"), 401);
	answer_all(&r, 200);
	assert_int_equal(code_of(post(&r, FINAL | CRED), "SyncHdr"), 200);
	/* MD5: the nonce for the next message. */
	again(&r, "9");
	r.cred = cred_xml("md5", SLICE_LIT(ANNA));
	assert_int_equal(code_of(post(&r, FINAL), "SyncHdr"), 401);
	nonce = challenge("SyncHdr", 0, "syncml:auth-md5");
	r.cred = cred_xml("md5", md5_data("anna", "secret", nonce));
	alert(&r, 200, "contacts", "n2", "n3");
	assert_int_equal(code_of(post(&r, FINAL), "SyncHdr"), 200);
	nonce = challenge("SyncHdr", 0, "syncml:auth-md5");
	r.cred = cred_xml("md5", md5_data("anna", "secret", nonce));
	answer_all(&r, 200);
	assert_int_equal(code_of(post(&r, FINAL), "SyncHdr"), 200);
	(void)challenge("SyncHdr", 0, "syncml:auth-md5");
}

/* ---- tokens ------------------------------------------------------------- */

/* Of anna's session, with bert's credentials: whatever the message. */
static void
token_of_another(void **state)
{
	static const char *const dev[] = { "IMEI:1", "IMEI:2" };
	char token[80];

	(void)state;
	alert(&r, 201, "contacts", NULL, "n1");
	(void)post(&r, FINAL | CRED);
	(void)snprintf(token, sizeof(token), "%s", r.token);
	for (int i = 0; i < 4; i++) {
		struct raw thief;

		open_raw(&thief, dev[i % 2], "7");
		(void)snprintf(thief.token, sizeof(thief.token), "%s", token);
		thief.msgid = i < 2 ? 1 : 2;
		thief.cred = cred_xml("basic", SLICE_LIT(BERT));
		one_change(&thief, "contacts", "Add", "1", "Dieb");
		(void)post(&thief, FINAL);
		assert_int_equal(code_of(thief.m, "SyncHdr"), 401);
		assert_int_equal(code_of(thief.m, "Add"), 401);
	}
	assert_int_equal(items_stored(), 0);
	/* The session goes on where it was. */
	answer_all(&r, 200);
	one_change(&r, "contacts", "Add", "1", "Karl");
	assert_int_equal(code_of(post(&r, FINAL), "Add"), 201);
	/* A token that outlived its session keeps nobody out. */
	bench.now += SML_SESSION_IDLE_MS + 1000;
	r.dev = "IMEI:2";
	r.msgid = 1;
	r.cred = cred_xml("basic", SLICE_LIT(BERT));
	(void)post(&r, FINAL);
	assert_int_equal(code_of(r.m, "SyncHdr"), 212);
}

/* Another device's: without credentials nothing, a first message is asked. */
static void
token_of_another_device(void **state)
{
	(void)state;
	alert(&r, 201, "contacts", NULL, "n1");
	(void)post(&r, FINAL | CRED);
	r.dev = "IMEI:2";
	one_change(&r, "contacts", "Add", "1", "Dieb");
	assert_int_equal(code_of(post(&r, FINAL), "SyncHdr"), 408);
	assert_int_equal(items_stored(), 0);
	r.msgid = 1;
	alert(&r, 201, "contacts", NULL, "n1");
	assert_int_equal(code_of(post(&r, FINAL), "SyncHdr"), 407);
	(void)challenge("SyncHdr", 0, "syncml:auth-basic");
}

enum { TOKENS = 2000 };

/* FUNICULAR_TOKENS=1000000 for as many as that. */
static void
random_tokens(void **state)
{
	const char *more = getenv("FUNICULAR_TOKENS");
	struct arena *all = bench.a;
	struct slice account;
	int64_t n = TOKENS;

	(void)state;
	if (more != NULL)
		assert_true(slice_i64(slice_c(more), &n));
	alert(&r, 201, "contacts", NULL, "n1");
	(void)post(&r, FINAL | CRED);
	account =
	    slice_sub(slice_c(r.token), 0, slice_find(slice_c(r.token), '-'));
	bench.a = arena_new(1 << 22);
	for (int64_t i = 0; i < n; i++) {
		char secret[33], token[80];

		arena_reset(bench.a);
		rnd_text(&rnd_system, secret, sizeof(secret));
		(void)snprintf(token, sizeof(token), "%.*s-%s",
			       SLICE_ARG(account), secret);
		memcpy(r.token, token, sizeof(token));
		r.msgid = 2;
		r.body = BUF_IN(bench.a);
		(void)post(&r, FINAL);
		assert_int_equal(code_of(r.m, "SyncHdr"), 408);
		bench.now -= 1000;
	}
	arena_free(&bench.a);
	bench.a = all;
	r.body = BUF_IN(bench.a);
}

/* ---- who we are --------------------------------------------------------- */

static void
says(const char *msgref, int code, const char *type, const char *nonce)
{
	buf_printf(&r.body,
		   "<Status><CmdID>%d</CmdID><MsgRef>%s</MsgRef><CmdRef>0"
		   "</CmdRef><Cmd>SyncHdr</Cmd><Chal><Meta><Type "
		   "xmlns='syncml:metinf'>syncml:auth-%s</Type><Format "
		   "xmlns='syncml:metinf'>b64</Format><NextNonce "
		   "xmlns='syncml:metinf'>%s</NextNonce></Meta></Chal>"
		   "<Data>%d</Data></Status>",
		   ++r.cmdid, msgref, type, nonce, code);
}

/* It refuses all of our last message and asks who we are. */
static void
asks(int code, const char *type, const char *nonce)
{
	const char *msg = text(r.m->hdr.msgid);

	says(msg, code, type, nonce);
	for (size_t i = 0; i < r.m->cmd_n; i++) {
		if (r.m->cmds[i].tag == SML_ALERT)
			status(&r, msg, text(r.m->cmds[i].cmdid), "Alert",
			       code);
	}
	(void)post(&r, FINAL);
}

static void
first_message(void)
{
	alert(&r, 201, "contacts", NULL, "n1");
	(void)post(&r, FINAL | CRED);
	assert_int_equal(our_alert(r.m), 201);
	assert_false(r.m->hdr.cred.present);
}

static void
our_cred_is(struct slice nonce)
{
	const struct sml_cred *c = &r.m->hdr.cred;

	assert_true(c->present);
	assert_true(slice_is(c->meta.type, "syncml:auth-md5"));
	assert_true(slice_is(r.m->hdr.source_name, "test"));
	assert_true(slice_eq(c->data, md5_data("test", "secret", nonce)));
}

static void
upload(void)
{
	answer_all(&r, 200);
	one_change(&r, "contacts", "Add", "1", "Karl");
	assert_int_equal(code_of(post(&r, FINAL), "Add"), 201);
}

static int
with_device_secret(void **state)
{
	(void)set_up(state);
	open_raw(&r, "IMEI:1", "7");
	/* The one that fits must be the one that can be had. */
	bench.account = add_user("carla", "secret", 0);
	r.cred = cred_xml("basic", SLICE_LIT("Y2FybGE6c2VjcmV0"));
	return 0;
}

static void
give_contacts(void)
{
	struct store_collection col = { .name = SLICE_LIT("contacts"),
					.display = SLICE_LIT("Contacts"),
					.kinds = PIM_CONTACT,
					.member_n = 1 };
	struct store_tx *tx;
	struct err e;

	assert_int_equal(bench.store->v->begin(bench.store, bench.account,
					       STORE_WRITE, bench.now, &tx, &e),
			 0);
	col.id = col.member[0] = tx->next_id++;
	assert_int_equal(tx->v->collection_put(tx, &col, &e), 0);
	assert_int_equal(tx->v->commit(&tx, &e), 0);
}

static void
carla_begins(void)
{
	give_contacts();
	alert(&r, 201, "contacts", NULL, "n1");
	assert_int_equal(code_of(post(&r, FINAL), "SyncHdr"), 212);
	assert_int_equal(our_alert(r.m), 201);
	assert_false(r.m->hdr.cred.present);
	r.cred = SLICE_LIT("");
}

/* 212: shown once. The package that it refused comes again. */
static void
own_once(void **state)
{
	(void)state;
	carla_begins();
	asks(407, "md5", "bjBuY2UtMQ==");
	assert_int_equal(our_alert(r.m), 201);
	our_cred_is(SLICE_LIT("n0nce-1"));
	assert_true(told("asks who we are (407): shown as \"test\""));
	status(&r, text(r.m->hdr.msgid), "0", "SyncHdr", 212);
	one_change(&r, "contacts", "Add", "1", "Karl");
	assert_int_equal(code_of(post(&r, FINAL), "Add"), 201);
	assert_false(r.m->hdr.cred.present);
	finish(&r);
}

/* 200 with a new nonce: in each message. */
static void
own_each_message(void **state)
{
	(void)state;
	carla_begins();
	asks(401, "md5", "bjBuY2UtMQ==");
	our_cred_is(SLICE_LIT("n0nce-1"));
	says("2", 200, "md5", "Tm9uY2U=");
	one_change(&r, "contacts", "Add", "1", "Karl");
	(void)post(&r, FINAL);
	our_cred_is(SLICE_LIT("Nonce"));
}

static void
own_mac(void **state)
{
	(void)state;
	carla_begins();
	assert_int_equal(r.raw.mac.n, 0);
	asks(407, "MAC", "bjBuY2UtMQ==");
	assert_false(r.m->hdr.cred.present);
	signed_by_us(SLICE_LIT("n0nce-1"));
}

/* It asks for ever: we do not. */
static void
own_never_loops(void **state)
{
	int shown = 0, n = 0;

	(void)state;
	carla_begins();
	for (; n < 100 && our_alert(r.m) == 201; n++) {
		asks(401, "md5", "bjBuY2UtMQ==");
		shown += r.m->hdr.cred.present ? 1 : 0;
	}
	assert_int_equal(shown, 2);
	assert_int_equal(n, 3);
	assert_true(told("does not believe who we are (401): given up"));
	assert_true(told("refuses to sync (status 401)"));
}

/* Never basic; and not without a secret that can be had. */
static void
own_cannot(void **state)
{
	(void)state;
	carla_begins();
	asks(407, "basic", "");
	assert_false(r.m->hdr.cred.present);
	assert_int_equal(our_alert(r.m), 0);
	assert_true(told("tells its secret to nobody"));
}

static void
own_no_secret(void **state)
{
	(void)state;
	open_raw(&r, "IMEI:1", "7");
	first_message();
	asks(407, "md5", "bjBuY2UtMQ==");
	assert_false(r.m->hdr.cred.present);
	assert_true(told("only with a secret made for MD5"));
}

/* Under the account's own name it would be the device's digest. */
static void
own_not_as_the_user(void **state)
{
	(void)state;
	bench.conf.devid = SLICE_LIT("Carla");
	carla_begins();
	asks(407, "md5", "bjBuY2UtMQ==");
	assert_false(r.m->hdr.cred.present);
}

/* What it asks without having been refused anything: a sync goes on. */
static void
own_unasked(void **state)
{
	(void)state;
	carla_begins();
	upload();
	assert_false(r.m->hdr.cred.present);
	assert_int_equal(r.raw.mac.n, 0);
}

#define M(f) cmocka_unit_test_setup_teardown(f, with_md5, tear_down)
#define D(f) cmocka_unit_test_setup_teardown(f, with_device_secret, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		M(mac_whole_sync),
		M(mac_each_message),
		M(mac_duplicate),
		M(mac_refused),
		M(mac_answer_follows_its_nonce),
		M(alert_basic),
		M(alert_md5),
		M(alert_and_header_md5),
		M(alert_many),
		M(alert_instead_of_header),
		M(alert_odd),
		M(once_for_the_session),
		M(each_message),
		M(token_of_another),
		M(token_of_another_device),
		M(random_tokens),
		D(own_once),
		D(own_each_message),
		D(own_mac),
		D(own_never_loops),
		D(own_cannot),
		T(own_no_secret),
		D(own_not_as_the_user),
		D(own_unasked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
