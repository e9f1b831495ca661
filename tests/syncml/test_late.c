/*
 * A device begins a new session before the old one ended: what it still says
 * about the old one's commands counts, and nothing else does.
 */
#include "tests/syncml/raw.h"

/* What our only Add was called, in session 1 of the device. */
struct added {
	const char *msg, *cmd;
	struct slice id;
};

/* Session 1: the server sends u0 and gets no answer. Session 2 begins. */
static void
two_sessions_of(struct raw *old, struct raw *new, struct added *a, int code)
{
	struct raw other;

	open_raw(&other, "IMEI:9", "1");
	first_sync(&other, 1, "x");
	open_raw(old, "IMEI:1", "1");
	alert(old, 201, "contacts", NULL, "n1");
	(void)post(old, FINAL | CRED);
	answer_all(old, 200);
	sync_open(old, "contacts");
	sync_close(old);
	(void)post(old, FINAL);
	assert_int_equal(count(old->m, SML_ADD), 1);
	a->msg = text(old->m->hdr.msgid);
	a->cmd = text(sync_of(old->m)->kids[0].cmdid);
	a->id = sync_of(old->m)->kids[0].items[0].source;
	*new = *old;
	again(new, "2");
	alert(new, code, "contacts", "n1", "n2");
	(void)post(new, FINAL | CRED);
	assert_int_equal(our_alert(new->m), code);
}

static void
two_sessions(struct raw *old, struct raw *new, struct added *a)
{
	two_sessions_of(old, new, a, 200);
}

static void
package_3(struct raw *r)
{
	answer_all(r, 200);
	sync_open(r, "contacts");
	sync_close(r);
	(void)post(r, FINAL);
}

static void
edit_elsewhere(void)
{
	struct raw o;

	open_raw(&o, "IMEI:9", "2");
	alert(&o, 200, "contacts", "x", "x2");
	(void)post(&o, FINAL | CRED);
	answer_all(&o, 200);
	one_change(&o, "contacts", "Replace", "u0", "Edited");
	assert_int_equal(code_of(post(&o, FINAL), "Replace"), 200);
	finish(&o);
}

static void
late_map_counts(void **state)
{
	struct raw old, new;
	struct added a;
	struct slice answer;

	(void)state;
	two_sessions(&old, &new, &a);
	map_open(&old, "contacts");
	map_item(&old, a.id, "a");
	map_close(&old);
	(void)post(&old, FINAL);
	assert_int_equal(code_of(old.m, "SyncHdr"), 408);
	assert_int_equal(code_of(old.m, "Map"), 200);
	assert_true(old.m->final);
	answer = old.raw.body;
	send_bytes(&old, old.sent); /* and again */
	assert_true(old.raw.duplicate);
	assert_true(slice_eq(old.raw.body, answer));
	package_3(&new);
	assert_int_equal(sync_of(new.m)->kid_n, 0);
	finish(&new);
	edit_elsewhere();
	ask(&new, "3", 200, "n2", "n3");
	assert_int_equal(count(new.m, SML_REPLACE), 1);
	assert_int_equal(count(new.m, SML_ADD), 0);
}

/* Its line was cut, the device sent it again and went on, and only now it gets
   its turn: in the middle of the session, and when that has ended. */
static void
first_message_that_was_overtaken(void **state)
{
	struct raw r, late;
	int64_t came;

	(void)state;
	open_raw(&r, "IMEI:1", "1");
	first_sync(&r, 1, "n1");
	again(&r, "2");
	came = bench.now;
	alert(&r, 200, "contacts", "n1", "n2");
	(void)post(&r, FINAL | CRED);
	late = r;
	late.token[0] = '\0';
	answer_all(&r, 200);
	one_change(&r, "contacts", "Add", "a", "Anna");
	(void)post(&r, 0);
	bench.now = came;
	send_bytes(&late, late.sent);
	assert_int_equal(code_of(late.m, "SyncHdr"), 400);
	assert_false(late.raw.session_began);
	bench.now = came + 5000;
	one_change(&r, "contacts", "Add", "b", "Bert");
	assert_int_equal(code_of(post(&r, FINAL), "Add"), 201);
	finish(&r);
	came = bench.now;
	bench.now -= 3000;
	send_bytes(&late, late.sent);
	assert_false(late.raw.session_began);
	/* Its user tries again, under the same SessionID: that is new. */
	bench.now = came;
	again(&r, "2");
	ask(&r, "2", 200, "n2", "n3");
	assert_int_equal(count(r.m, SML_ADD), 0);
	finish(&r);
}

static void
late_status_counts(void **state)
{
	static const struct {
		int code, adds;
	} c[] = { { 201, 0 }, { 500, 1 } };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct raw old, new;
		struct added a;

		two_sessions(&old, &new, &a);
		status(&old, a.msg, "0", "SyncHdr", 200);
		status(&old, a.msg, a.cmd, "Add", c[i].code);
		(void)post(&old, FINAL);
		assert_int_equal(code_of(old.m, "SyncHdr"), 408);
		package_3(&new);
		assert_int_equal(count(new.m, SML_ADD), 0);
		finish(&new);
		ask(&new, "3", 200, "n2", "n3");
		assert_int_equal(count(new.m, SML_ADD), c[i].adds);
		bench_close(&bench);
		bench_open(&bench);
	}
}

/* The new session has sent it again: now its own answer counts. */
static void
what_the_new_session_moved_is_its_own(void **state)
{
	struct raw old, new;
	struct added a;
	const char *msg, *cmd;

	(void)state;
	two_sessions(&old, &new, &a);
	package_3(&new);
	assert_int_equal(count(new.m, SML_ADD), 1);
	msg = text(new.m->hdr.msgid);
	cmd = text(sync_of(new.m)->kids[0].cmdid);
	status(&old, a.msg, a.cmd, "Add", 201);
	(void)post(&old, 0);
	status(&new, msg, "0", "SyncHdr", 200);
	status(&new, msg, cmd, "Add", 500);
	(void)post(&new, FINAL);
	ask(&new, "3", 200, "n2", "n3");
	assert_int_equal(count(new.m, SML_ADD), 1);
	finish(&new);
}

/* Neither its data nor its Alerts; the new session does not notice. */
static void
late_data_does_not_count(void **state)
{
	struct raw old, new;
	struct added a;

	(void)state;
	two_sessions(&old, &new, &a);
	alert(&old, 201, "contacts", NULL, "evil");
	sync_open(&old, "contacts");
	change(&old, "Add", "late", "Late");
	change(&old, "Delete", "x", NULL);
	sync_close(&old);
	plain_alert(&old, 224);
	(void)post(&old, FINAL);
	assert_int_equal(code_of(old.m, "SyncHdr"), 408);
	assert_int_equal(code_nth(old.m, "Alert", 0), 408);
	assert_int_equal(code_nth(old.m, "Alert", 1), 408);
	assert_int_equal(code_of(old.m, "Sync"), 408);
	assert_int_equal(code_of(old.m, "Add"), 408);
	assert_int_equal(code_of(old.m, "Delete"), 408);
	assert_int_equal(our_alert(old.m), 0);
	assert_int_equal(items_stored(), 1);
	answer_all(&new, 200);
	one_change(&new, "contacts", "Add", "new", "New");
	assert_int_equal(code_of(post(&new, FINAL), "Add"), 201);
	assert_int_equal(count(new.m, SML_ADD), 1);
	finish(&new);
	ask(&new, "3", 200, "n2", "n3");
	assert_int_equal(sync_of(new.m)->kid_n, 0);
}

/* The session that ended well is superseded as well: it does not go on. */
static void
an_ended_session_does_not_go_on(void **state)
{
	struct raw old, new;

	(void)state;
	open_raw(&old, "IMEI:1", "1");
	first_sync(&old, 1, "n1");
	new = old;
	again(&new, "2");
	alert(&new, 200, "contacts", "n1", "n2");
	(void)post(&new, FINAL | CRED);
	one_change(&old, "contacts", "Add", "late", "Late");
	assert_int_equal(code_of(post(&old, FINAL), "Add"), 408);
	assert_int_equal(items_stored(), 1);
}

/* Of several only the newest: what is kept for a device is bounded. */
static void
only_the_newest_is_heard(void **state)
{
	struct raw old, new;
	struct added a;

	(void)state;
	two_sessions(&old, &new, &a);
	again(&new, "3");
	alert(&new, 200, "contacts", "n1", "n3");
	(void)post(&new, FINAL | CRED);
	map_open(&old, "contacts");
	map_item(&old, a.id, "a");
	map_close(&old);
	(void)post(&old, FINAL);
	assert_int_equal(code_of(old.m, "Map"), 408);
}

/* Without RespURI: by its SessionID, MsgID and address. */
static void
late_map_without_respuri(void **state)
{
	struct raw old, new;
	struct added a;

	(void)state;
	two_sessions(&old, &new, &a);
	old.no_token = true;
	old.token[0] = '\0';
	map_open(&old, "contacts");
	map_item(&old, a.id, "a");
	map_close(&old);
	(void)post(&old, FINAL);
	assert_int_equal(code_of(old.m, "Map"), 200);
	package_3(&new);
	assert_int_equal(sync_of(new.m)->kid_n, 0);
}

/* The new session is a slow one: the old map is a hint, nothing more. */
static void
late_map_beside_a_slow_sync(void **state)
{
	struct raw old, new;
	struct added a;

	(void)state;
	two_sessions_of(&old, &new, &a, 201);
	map_open(&old, "contacts");
	map_item(&old, a.id, "a");
	map_close(&old);
	(void)post(&old, FINAL);
	assert_int_equal(code_of(old.m, "Map"), 200);
	answer_all(&new, 200);
	one_change(&new, "contacts", "Add", "a", "u0");
	(void)post(&new, FINAL);
	assert_int_equal(count(new.m, SML_ADD), 0);
	finish(&new);
	ask(&new, "3", 200, "n2", "n3");
	assert_int_equal(sync_of(new.m)->kid_n, 0);
	assert_int_equal(items_stored(), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(late_map_counts),
		T(first_message_that_was_overtaken),
		T(late_status_counts),
		T(what_the_new_session_moved_is_its_own),
		T(late_data_does_not_count),
		T(an_ended_session_does_not_go_on),
		T(only_the_newest_is_heard),
		T(late_map_without_respuri),
		T(late_map_beside_a_slow_sync),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
