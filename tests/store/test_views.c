/*
 * The views for reports, the same on every engine: their names and columns,
 * which somebody's report rests on, and what they say of one scene.
 */
#include "tests/store/t_store.h"

#include "base/buf.h"

static struct store_table
ask(struct t_env *env, const char *sql)
{
	struct store_table t = { .row_n = 77 };

	OK(env,
	   env->s->v->query(env->s, env->a, sql, NULL, 0, 1000, &t, &env->e));
	return t;
}

/* Only ever added to, at the end of a view. */
static const char *const COLUMNS[][2] = {
	{ "report_accounts", "account,disabled,zone,created,items,bytes,quota_"
			     "items,quota_bytes,devices" },
	{ "report_devices", "account,device,manufacturer,model,software,"
			    "disabled,first_seen,last_seen,last_good_sync" },
	{ "report_devices_detail", "account,device,label,address" },
	{ "report_stale_devices",
	  "account,device,last_seen,last_good_sync,silent_days" },
	{ "report_sessions", "account,session,device,started,last_message,"
			     "seconds,messages,address,state,verdict" },
	{ "report_sessions_detail", "account,session,line,at,who,text" },
	{ "report_session_stores",
	  "account,session,device,collection,started,last_message,asked,done,"
	  "first,forced,why,resumed,refused,complete,in_added,in_replaced,in_"
	  "deleted,in_failed,out_added,out_replaced,out_deleted,out_failed,"
	  "matched,conflicts,held_back" },
	{ "report_failures", "day,account,device,reason,sessions,last" },
	{ "report_slow_syncs", "day,syncs,slow,first,forced,again,storm" },
	{ "report_items", "account,collection,item,kind,deleted,revision,size,"
			  "created,modified" },
	{ "report_items_detail", "account,collection,item,revision,uid,body" },
	{ "report_growth",
	  "day,account,collection,added,changed,deleted,bytes" },
	{ "report_changes", "account,collection,item,revision,at,what,origin,"
			    "device,session,size" },
	{ "report_conflicts",
	  "account,at,session,device,collection,item,revision,winner" },
	{ "report_matches",
	  "account,at,session,device,collection,item,revision,matched_by" },
	{ "report_holds",
	  "account,at,session,device,collection,item,revision,open,"
	  "decided" },
	{ "report_talkers",
	  "day,account,device,sessions,messages,received,sent" },
	{ "report_authentication", "day,account,network,what,logins,last" },
	{ "report_nodes",
	  "node,name,version,schema,started,last_seen,stopped" },
	{ "report_alarms",
	  "account,due,channel,address,item,recurrence,kind,state,reason,late,"
	  "written,sent,receipt,late_ms,attempts" },
	{ "report_alarm_hourly",
	  "hour,channel,due,within_1s,within_10s,within_60s,late,missed,"
	  "dropped,receipts,p50_ms,p95_ms,max_ms" },
	{ "report_push",
	  "account,device,collection,notice,channel,state,reason,attempts,"
	  "event,queued,sent,started,session,answer,queue_ms,send_ms,"
	  "answer_ms" },
	{ "report_mail_accounts",
	  "account,enabled,state,why,host,fails,last_look,next_look,folders,"
	  "mails,waiting,failed" },
};

static void
columns(void **state)
{
	struct t_env *env = *state;

	for (size_t i = 0; i < sizeof(COLUMNS) / sizeof(COLUMNS[0]); i++) {
		struct buf b = { .a = env->a };
		struct store_table t =
		    ask(env, arena_printf(env->a, "SELECT * FROM %s WHERE 1=0",
					  COLUMNS[i][0])
				 .p);

		for (size_t k = 0; k < t.col_n; k++)
			buf_printf(&b, "%s%.*s", k == 0 ? "" : ",",
				   SLICE_ARG(t.name[k]));
		if (!slice_is(buf_slice(&b), COLUMNS[i][1]))
			fail_msg("%s has %.*s", COLUMNS[i][0],
				 SLICE_ARG(buf_slice(&b)));
	}
}

/* ---- one scene ------------------------------------------------------------
 */

#define DAY INT64_C(86400000)
#define AT INT64_C(1577934245000) /* 2020-01-02T03:04:05Z */

static void
put_session(struct t_env *env, struct store_tx *tx, int64_t id,
	    const char *verdict, bool closed, int64_t failed)
{
	const struct store_session s = { .id = id,
					 .device = 20,
					 .sid = SLICE_LIT("1"),
					 .token_hash = slice_c(verdict),
					 .peer = SLICE_LIT("192.0.2.7"),
					 .started_ms = AT + 1000 * id,
					 .last_ms = AT + 1000 * id + 7999,
					 .last_msgid = id - 36,
					 .closed = closed,
					 .failed = failed,
					 .verdict = slice_c(verdict) };

	OK(env, tx->v->session_put(tx, &s, NULL, &env->e));
}

static void
put_report(struct t_env *env, struct store_tx *tx, int64_t item)
{
	struct store_session_store s[] = {
		{ .session = 40,
		  .link = 21,
		  .collection = 1,
		  .asked = 200,
		  .done = 201,
		  .forced = true,
		  .why = SLICE_LIT("anchors do not fit"),
		  .complete = true,
		  .in = { 1, 2, 3, 4 },
		  .out = { 5, 6, 7, 8 },
		  .matched = 1,
		  .conflicts = 1,
		  .held_back = 2 },
		{ .session = 41,
		  .link = 21,
		  .collection = 1,
		  .asked = 225,
		  .done = 203,
		  .first = true,
		  .resumed = true,
		  .refused = true },
	};
	struct store_event v[] = {
		{ 40, 21, STORE_EVENT_MATCH, item, 1, STORE_HOW_CONTENT, 0 },
		{ 40, 21, STORE_EVENT_CONFLICT, item, 1, STORE_HOW_SERVER, 0 },
		{ 40, 21, STORE_EVENT_HOLD, item, 1, STORE_HOW_NONE, 0 },
		{ 40, 21, STORE_EVENT_HOLD, 9999, 1, STORE_HOW_NONE, 0 },
		{ 41, 21, STORE_EVENT_HOLD, item + 1, 1, STORE_HOW_NONE, 0 },
	};
	const struct store_report r = { s, 2, v, 5 };

	OK(env, tx->v->report_put(tx, &r, &env->e));
}

/* What a phone said that is no UTF-8, or has a NUL in it, breaks no view. */
static void
put_device(struct t_env *env, struct store_tx *tx, int64_t id,
	   struct slice dev_id, struct slice model)
{
	const struct store_device d = { .id = id,
					.dev_id = dev_id,
					.label = SLICE_LIT("Anna's \"phone\""),
					.man = SLICE_LIT("M\xc3\xbcller"),
					.mod = model,
					.swv = SLICE_LIT("1.0"),
					.first_ms = AT,
					.last_ms = AT + DAY,
					.last_addr = SLICE_LIT("192.0.2.7") };

	OK(env, tx->v->device_put(tx, &d, &env->e));
}

static void
put_site(struct t_env *env)
{
	const struct store_auth_day day[] = {
		{ AT / DAY, SLICE_LIT("anna"), SLICE_LIT("192.0.2.0/24"),
		  STORE_AUTH_WRONG, 3, AT },
		{ AT / DAY, SLICE_LIT("eve"), SLICE_LIT("local"),
		  STORE_AUTH_HELD, 4, AT },
		{ AT / DAY, SLICE_LIT("Anna"), SLICE_LIT("local"),
		  STORE_AUTH_RIGHT, 1, AT + 1000 },
	};
	const struct store_node node = { SLICE_LIT("id"), SLICE_LIT("north"),
					 SLICE_LIT("1.0"), AT, true };

	OK(env, env->s->v->auth_count(env->s, day, 3, 100, &env->e));
	OK(env, env->s->v->node_beat(env->s, &node, &env->e));
}

static void
put_reminders(struct t_env *env, struct store_tx *tx, int64_t item)
{
	struct store_delivery d = { .kind = STORE_DELIVERY_ALARM,
				    .item = item,
				    .channel = SLICE_LIT("xmpp"),
				    .address = SLICE_LIT("anna@example.com"),
				    .next_ms = INT64_MAX };
	struct store_delivery v[4] = { d, d, d, d };

	v[0].id = SLICE_LIT("fn-0");
	v[0].due_ms = AT;
	v[0].state = STORE_DELIVERY_RECEIPT;
	v[0].late = true;
	v[0].sent_ms = AT + 100000;
	v[0].receipt_ms = AT + 101000;
	v[0].attempts = 2;
	v[1].id = SLICE_LIT("fn-1");
	v[1].due_ms = AT + 1000;
	v[1].state = STORE_DELIVERY_SENT;
	v[1].sent_ms = AT + 1500;
	v[2].id = SLICE_LIT("fn-2");
	v[2].due_ms = AT + 2000;
	v[2].state = STORE_DELIVERY_DROPPED;
	v[2].reason = SLICE_LIT("muted");
	v[3].id = SLICE_LIT("fn-3");
	v[3].due_ms = AT;
	v[3].state = STORE_DELIVERY_FAILED;
	v[3].reason = SLICE_LIT("no such user");
	v[3].channel = SLICE_LIT("smtp");
	OK(env, tx->v->alarm->delivery_add(tx, v, 4, &env->e));
}

/* One that was answered, one that failed, one whose message is gone. */
static void
put_notices(struct t_env *env, struct store_tx *tx)
{
	const struct store_delivery d[] = {
		{ .id = SLICE_INIT("fn-p1"),
		  .kind = STORE_DELIVERY_PUSH,
		  .channel = SLICE_INIT("kannel"),
		  .address = SLICE_INIT("+49123"),
		  .state = STORE_DELIVERY_SENT,
		  .sent_ms = AT + 400,
		  .next_ms = INT64_MAX },
		{ .id = SLICE_INIT("fn-p2"),
		  .kind = STORE_DELIVERY_PUSH,
		  .channel = SLICE_INIT("kannel"),
		  .address = SLICE_INIT("+49123"),
		  .state = STORE_DELIVERY_FAILED,
		  .reason = SLICE_INIT("no such number"),
		  .attempts = 1,
		  .next_ms = INT64_MAX },
	};
	const struct store_notice v[] = {
		{ 20, 1, 1, d[0].id, AT, AT + 100, 40, AT + 1400,
		  STORE_NOTICE_SID },
		{ 20, 2, 1, d[1].id, AT + 5000, AT + 5000, 0, 0,
		  STORE_NOTICE_WAITS },
		{ 20, 3, 99, SLICE_INIT("fn-p9"), AT + 6000, AT + 6000, 41,
		  AT + 7000, STORE_NOTICE_SYNC },
	};

	OK(env, tx->v->alarm->delivery_add(tx, d, 2, &env->e));
	OK(env, tx->v->push->notice_add(tx, v, 3, &env->e));
}

static void
put_mail(struct t_env *env, struct store_tx *tx, int64_t item)
{
	const struct store_mail_login l = {
		.on = true,
		.host = SLICE_LIT("imap.example.org"),
		.port = 993,
		.security = STORE_MAIL_TLS,
		.health = STORE_MAIL_REFUSED,
		.why = SLICE_LIT("no"),
		.last_ms = AT,
		.next_ms = AT + 1000,
		.fails = 2,
	};
	const struct store_mail_folder f[2] = {
		{ .collection = 1, .name = SLICE_LIT("INBOX") },
		{ .collection = 2, .role = STORE_MAIL_OUTBOX },
	};
	const struct store_mail_place p[2] = {
		{ .collection = 1, .uid = 3, .item = item },
		{ .collection = 1, .uid = 4 }
	};
	const struct store_mail_effect ef[3] = {
		{ .id = SLICE_LIT("a"), .state = STORE_EFFECT_QUEUED },
		{ .id = SLICE_LIT("b"),
		  .state = STORE_EFFECT_FAILED,
		  .next_ms = INT64_MAX },
		{ .id = SLICE_LIT("c"),
		  .state = STORE_EFFECT_DONE,
		  .next_ms = INT64_MAX },
	};

	OK(env, tx->v->mail->login_put(tx, &l, &env->e));
	OK(env, tx->v->mail->folder_put(tx, f, 2, &env->e));
	OK(env, tx->v->mail->place_put(tx, p, 2, &env->e));
	OK(env, tx->v->mail->effect_add(tx, ef, 3, &env->e));
}

static void
scene(struct t_env *env)
{
	int64_t id = t_item(env, env->anna, 1, "body", AT);
	int64_t two = t_item(env, env->anna, 2, "another", AT);
	struct store_tx *tx = t_begin(env, env->anna, STORE_WRITE, AT + DAY);
	struct store_item i = t_head(env, tx, id);
	struct store_map m = t_map(21, 1, two, "L", 1);
	const struct store_story line = { AT, '>', SLICE_LIT("hello") };
	struct store_write w = t_next(&i, "newer");
	struct store_link l = { .id = 21,
				.device = 20,
				.collection = 1,
				.client_db = SLICE_LIT("./C"),
				.gen = 1,
				.last_ok_ms = AT + 5000 };

	assert_int_equal(two, id + 1);
	w.device = 20;
	w.session = 40;
	t_put(env, tx, w);
	put_device(env, tx, 20, SLICE_LIT("IMEI:1"), SLICE_LIT("Nine"));
	put_device(env, tx, 22, SLICE_LIT("IMEI:2"), SLICE_LIT("Ten"));
	OK(env, tx->v->link_put(tx, &l, &env->e));
	OK(env, tx->v->map_put(tx, &m, 1, &env->e));
	put_session(env, tx, 40, "ok: fine", true, 0);
	put_session(env, tx, 41, "open: contacts", true, 1);
	put_session(env, tx, 42, "ended: out of order", true, 1);
	put_session(env, tx, 43, "", false, 1);
	OK(env, tx->v->story_add(tx, 40, &line, 1, &env->e));
	put_report(env, tx, id);
	put_reminders(env, tx, id);
	put_notices(env, tx);
	put_mail(env, tx, id);
	t_commit(env, &tx);
	put_site(env);
}

/* Of each view the columns worth a look, and all rows. Items have the numbers
   2 and 3. */
static const char *const ROWS[][3] = {
	{ "report_accounts", "*",
	  ("Anna|0|Europe/Berlin|1970-01-01T00:00:01Z|2|12|100|0|2\n"
	   "bert|0|Europe/Berlin|1970-01-01T00:00:01Z|0|0|100|0|0\n") },
	{ "report_devices", "*",
	  ("Anna|IMEI:1|Müller|Nine|1.0|0|2020-01-02T03:04:05Z|2020-"
	   "01-03T03:04:05Z|2020-01-02T03:04:10Z\n"
	   "Anna|IMEI:2|Müller|Ten|1.0|0|2020-01-02T03:04:05Z|2020-0"
	   "1-03T03:04:05Z|NULL\n") },
	{ "report_devices_detail", "*",
	  ("Anna|IMEI:1|Anna's \"phone\"|192.0.2.7\n"
	   "Anna|IMEI:2|Anna's \"phone\"|192.0.2.7\n") },
	{ "report_stale_devices",
	  "account, device, last_seen, last_good_sync,"
	  " CASE WHEN silent_days > 2000 THEN 1 END",
	  ("Anna|IMEI:1|2020-01-03T03:04:05Z|2020-01-02T03:04:10Z|1\n"
	   "Anna|IMEI:2|2020-01-03T03:04:05Z|NULL|1\n") },
	{ "report_sessions", "*",
	  ("Anna|40|IMEI:1|2020-01-02T03:04:45Z|2020-01-02T03:04:52Z"
	   "|7|4|192.0.2.7|ok|ok: fine\n"
	   "Anna|41|IMEI:1|2020-01-02T03:04:46Z|2020-01-02T03:04:53Z"
	   "|7|5|192.0.2.7|failed|open: contacts\n"
	   "Anna|42|IMEI:1|2020-01-02T03:04:47Z|2020-01-02T03:04:54Z"
	   "|7|6|192.0.2.7|failed|ended: out of order\n"
	   "Anna|43|IMEI:1|2020-01-02T03:04:48Z|2020-01-02T03:04:55Z"
	   "|7|7|192.0.2.7|open|\n") },
	{ "report_sessions_detail", "*",
	  ("Anna|40|1|2020-01-02T03:04:05Z|device|hello\n") },
	{ "report_session_stores", "*",
	  ("Anna|40|IMEI:1|contacts|2020-01-03T03:04:05Z|2020-01-03T"
	   "03:04:05Z|two-way|slow|0|1|anchors do not fit|0|0|1|1|2|"
	   "3|4|5|6|7|8|1|1|2\n"
	   "Anna|41|IMEI:1|contacts|2020-01-03T03:04:05Z|2020-01-03T"
	   "03:04:05Z|resume|refresh-from-client|1|0||1|1|0|0|0|0|0|"
	   "0|0|0|0|0|0|0\n") },
	{ "report_failures", "*",
	  ("2020-01-02|Anna|IMEI:1|ended: out of order|1|2020-01-02T"
	   "03:04:54Z\n"
	   "2020-01-02|Anna|IMEI:1|the device did not come back|1|20"
	   "20-01-02T03:04:53Z\n") },
	{ "report_slow_syncs", "*", ("2020-01-03|2|1|0|1|1|0\n") },
	{ "report_items", "*",
	  ("Anna|contacts|2|contact|0|2|5|2020-01-02T03:04:05Z|2020-"
	   "01-03T03:04:05Z\n"
	   "Anna|contacts|3|contact|0|1|7|2020-01-02T03:04:05Z|2020-"
	   "01-02T03:04:05Z\n") },
	{ "report_items_detail", "*",
	  ("Anna|contacts|2|2|uid|newer\n"
	   "Anna|contacts|3|1|uid|another\n") },
	{ "report_growth", "*",
	  ("2020-01-02|Anna|contacts|2|0|0|11\n"
	   "2020-01-03|Anna|contacts|0|1|0|5\n") },
	{ "report_changes", "*",
	  ("Anna|contacts|2|1|2020-01-02T03:04:05Z|written|import|NU"
	   "LL|NULL|4\n"
	   "Anna|contacts|2|2|2020-01-03T03:04:05Z|written|device|IM"
	   "EI:1|40|5\n"
	   "Anna|contacts|3|1|2020-01-02T03:04:05Z|written|import|NU"
	   "LL|NULL|7\n") },
	{ "report_conflicts", "*",
	  ("Anna|2020-01-03T03:04:05Z|40|IMEI:1|contacts|2|1|server\n") },
	{ "report_matches", "*",
	  ("Anna|2020-01-03T03:04:05Z|40|IMEI:1|contacts|2|1|content\n") },
	{ "report_holds",
	  "account, at, session, item, device, collection, revision, open",
	  ("Anna|2020-01-03T03:04:05Z|40|2|IMEI:1|contacts|1|1\n"
	   "Anna|2020-01-03T03:04:05Z|40|9999|IMEI:1|NULL|1|0\n"
	   "Anna|2020-01-03T03:04:05Z|41|3|IMEI:1|contacts|1|0\n") },
	{ "report_talkers", "*", ("2020-01-02|Anna|IMEI:1|4|22|6|18\n") },
	{ "report_authentication", "*",
	  ("2020-01-02|NULL|local|held|4|2020-01-02T03:04:05Z\n"
	   "2020-01-02|Anna|192.0.2.0/24|wrong|3|2020-01-02T03:04:05"
	   "Z\n"
	   "2020-01-02|Anna|local|right|1|2020-01-02T03:04:06Z\n") },
	{ "report_nodes", "node, name, version, schema, started, stopped",
	  ("id|north|1.0|2|2020-01-02T03:04:05Z|1\n") },
	{ "report_alarms", "*",
	  ("Anna|2020-01-02T03:04:05Z|smtp|anna@example.com|2||alarm|failed|"
	   "no such user|0|2020-01-03T03:04:05Z|NULL|NULL|NULL|0\n"
	   "Anna|2020-01-02T03:04:05Z|xmpp|anna@example.com|2||alarm|receipt|"
	   "|1|2020-01-03T03:04:05Z|2020-01-02T03:05:45Z|2020-01-02T03:05:46Z"
	   "|100000|2\n"
	   "Anna|2020-01-02T03:04:06Z|xmpp|anna@example.com|2||alarm|sent||0|"
	   "2020-01-03T03:04:05Z|2020-01-02T03:04:06Z|NULL|500|0\n"
	   "Anna|2020-01-02T03:04:07Z|xmpp|anna@example.com|2||alarm|dropped|"
	   "muted|0|2020-01-03T03:04:05Z|NULL|NULL|NULL|0\n") },
	{ "report_alarm_hourly", "*",
	  ("2020-01-02T03:00:00Z|smtp|1|0|0|0|0|1|0|0|NULL|NULL|NULL\n"
	   "2020-01-02T03:00:00Z|xmpp|3|1|1|1|1|0|1|1|500|100000|100000\n") },
	{ "report_push", "*",
	  ("Anna|IMEI:1|NULL|3|NULL|NULL|NULL|NULL|2020-01-02T03:04:11Z|"
	   "2020-01-02T03:04:11Z|NULL|2020-01-02T03:04:12Z|41|sync|0|NULL|"
	   "NULL\n"
	   "Anna|IMEI:1|contacts|1|kannel|sent||0|2020-01-02T03:04:05Z|"
	   "2020-01-02T03:04:05Z|2020-01-02T03:04:05Z|2020-01-02T03:04:06Z|"
	   "40|number|100|300|1000\n"
	   "Anna|IMEI:1|contacts|2|kannel|failed|no such number|1|"
	   "2020-01-02T03:04:10Z|2020-01-02T03:04:10Z|NULL|NULL|NULL|none|0|"
	   "NULL|NULL\n") },
	{ "report_mail_accounts", "*",
	  ("Anna|1|refused|no|imap.example.org|2|2020-01-02T03:04:05Z|"
	   "2020-01-02T03:04:06Z|1|1|1|1\n") },
};

static struct slice
dump(struct t_env *env, const char *view, const char *cols)
{
	struct buf b = { .a = env->a };
	struct store_table t = ask(
	    env, arena_printf(env->a,
			      "SELECT %s FROM %s ORDER BY 1 NULLS FIRST,"
			      " 2 NULLS FIRST, 3 NULLS FIRST, 4 NULLS FIRST",
			      cols, view)
		     .p);

	for (size_t i = 0; i < t.row_n * t.col_n; i++)
		buf_printf(&b, "%.*s%c",
			   SLICE_ARG(t.cell[i].p == NULL ? SLICE_LIT("NULL")
							 : t.cell[i]),
			   i % t.col_n == t.col_n - 1 ? '\n' : '|');
	return buf_slice(&b);
}

static void
rows(void **state)
{
	struct t_env *env = *state;
	int wrong = 0;

	scene(env);
	for (size_t i = 0; i < sizeof(ROWS) / sizeof(ROWS[0]); i++) {
		struct slice s = dump(env, ROWS[i][0], ROWS[i][1]);

		if (slice_is(s, ROWS[i][2]))
			continue;
		print_error("%s:\n%.*s", ROWS[i][0], SLICE_ARG(s));
		wrong++;
	}
	assert_int_equal(wrong, 0);
	t_sound(env);
}

/* Every view is one of those above. */
static void
no_view_is_forgotten(void **state)
{
	enum { N = sizeof(COLUMNS) / sizeof(COLUMNS[0]) };
	struct t_env *env = *state;
	bool lite = strcmp(env->s->v->name, "sqlite") == 0;
	struct store_table t =
	    ask(env, lite ? "SELECT name FROM sqlite_schema WHERE type = 'view'"
			    " ORDER BY name"
			  : "SELECT viewname FROM pg_catalog.pg_views"
			    " WHERE schemaname = current_schema()"
			    " ORDER BY viewname COLLATE \"C\"");

	assert_int_equal(t.row_n, N);
	assert_int_equal(sizeof(ROWS) / sizeof(ROWS[0]), N);
	for (size_t i = 0; i < N; i++) {
		bool there = false;

		for (size_t k = 0; k < N; k++)
			there = there || slice_is(t.cell[i], COLUMNS[k][0]);
		if (!there)
			fail_msg("%.*s", SLICE_ARG(t.cell[i]));
	}
}

/* Bytes of phones that are no text. */
static void
odd_bytes(void **state)
{
	struct t_env *env = *state;
	struct store_tx *tx = t_begin(env, env->anna, STORE_WRITE, AT);
	struct store_table t;

	put_device(env, tx, 20, SLICE_LIT("\xff\xfe"), SLICE_LIT("a\0b"));
	put_device(env, tx, 22, SLICE_LIT("'; DROP TABLE item; --"),
		   SLICE_LIT("\\"));
	t_commit(env, &tx);
	t = ask(env, "SELECT device, model, manufacturer FROM report_devices"
		     " ORDER BY software, model DESC");
	assert_int_equal(t.row_n, 2);
	for (size_t i = 0; i < 2; i++)
		SLICE_IS(t.cell[3 * i + 2], "M\xc3\xbcller");
}

/* A storm: ten slow syncs of what had been in sync, and more than a fifth. */
static void
storms(void **state)
{
	struct t_env *env = *state;
	struct store_session_store s[60] = { { 0 } };
	const struct store_report many = { s, 60, NULL, 0 };
	struct store_report few = { s, 9, NULL, 0 };
	struct store_tx *tx = t_begin(env, env->anna, STORE_WRITE, AT);

	for (int i = 0; i < 60; i++)
		s[i] =
		    (struct store_session_store){ .session = 100 + i,
						  .link = 21,
						  .collection = 1,
						  .asked = 200,
						  .done = i < 10 ? 201 : 200 };
	OK(env, tx->v->report_put(tx, &many, &env->e));
	t_commit(env, &tx);
	tx = t_begin(env, env->anna, STORE_WRITE, AT + DAY);
	for (int i = 0; i < 60; i++)
		s[i].session += 100;
	OK(env, tx->v->report_put(tx, &few, &env->e));
	t_commit(env, &tx);
	tx = t_begin(env, env->anna, STORE_WRITE, AT + 2 * DAY);
	for (int i = 0; i < 60; i++)
		s[i].session += 100;
	few.store_n = 49;
	OK(env, tx->v->report_put(tx, &few, &env->e));
	t_commit(env, &tx);
	SLICE_IS(dump(env, "report_slow_syncs", "day, syncs, again, storm"),
		 "2020-01-02|60|10|0\n"
		 "2020-01-03|9|9|0\n"
		 "2020-01-04|49|10|1\n");
}

static const struct CMUnitTest TESTS[] = {
	T(columns), T(no_view_is_forgotten), T(rows), T(odd_bytes), T(storms),
};
T_GROUP(views, "views for reports", TESTS);
