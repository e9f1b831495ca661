#include "tests/crash/device.h"

#include <stdio.h>
#include <stdlib.h>

enum { TRIES_MAX = 6, REPLY_ARENA = 64 << 20 };

static enum pim_form
form_of(enum model_kind kind)
{
	return kind == MODEL_CONTACT ? PIM_VCARD30
	       : kind == MODEL_NOTE  ? PIM_TEXT
				     : PIM_ICAL20;
}

void
device_init(struct device *d, const char *user, const char *id,
	    const char *secret, int64_t message_bytes)
{
	*d = (struct device){ 0 };
	(void)snprintf(d->id, sizeof(d->id), "%s", id);
	(void)snprintf(d->user, sizeof(d->user), "%s", user);
	(void)snprintf(d->secret, sizeof(d->secret), "%s", secret);
	d->a = arena_new(REPLY_ARENA);
	for (int k = 0; k < MODEL_KINDS; k++) {
		memdb_init(&d->db[k], model_db((enum model_kind)k));
		d->db[k].db.form = form_of((enum model_kind)k);
		d->dbs[k] = &d->db[k].db;
	}
	d->conf = (struct cli_conf){
		.url = SLICE_LIT("http://127.0.0.1/sync"),
		.dev_id = slice_c(d->id),
		.user = slice_c(d->user),
		.password = slice_c(d->secret),
		.enc = SML_WBXML,
		.version = 12,
		.auth = SML_AUTH_BASIC,
		.max_msg_bytes = message_bytes,
		.send_bytes = message_bytes,
		.max_obj_bytes = 1000000,
		.man = SLICE_LIT("Funicular"),
		.mod = SLICE_LIT("crash"),
		.swv = SLICE_LIT("1"),
		.devtyp = SLICE_LIT("workstation"),
		.clk = &clk_system,
	};
}

void
device_free(struct device *d)
{
	device_drop(d);
	for (int k = 0; k < MODEL_KINDS; k++)
		memdb_free(&d->db[k]);
	arena_free(&d->a);
}

/* ---- the user -------------------------------------------------------------
 */

static size_t
luid_of(const struct memdb *m, unsigned key)
{
	for (size_t i = 0; i < m->n; i++) {
		const struct mem_item *it = &m->items[i];
		unsigned k;

		if (it->live &&
		    model_key((struct slice){ it->body, it->n }, &k) &&
		    k == key)
			return i + 1;
	}
	site_die("K%05u is not on the device", key);
}

void
device_add(struct device *d, unsigned key, unsigned a, unsigned b)
{
	static char text[MODEL_TEXT_MAX];
	size_t n = model_text(key, a, b, text);

	(void)memdb_add(&d->db[model_kind_of(key)], text, n);
}

void
device_edit(struct device *d, unsigned key, unsigned a, unsigned b)
{
	static char text[MODEL_TEXT_MAX];
	size_t n = model_text(key, a, b, text);
	struct memdb *m = &d->db[model_kind_of(key)];

	memdb_change(m, luid_of(m, key), text, n);
}

bool
device_has_b(const struct device *d, unsigned key)
{
	const struct memdb *m = &d->db[model_kind_of(key)];
	const struct mem_item *it = &m->items[luid_of(m, key) - 1];
	struct slice text = { it->body, it->n };

	return slice_find_str(text, "TITLE:v1") != SIZE_MAX ||
	       slice_find_str(text, "DESCRIPTION:v1") != SIZE_MAX;
}

void
device_delete(struct device *d, unsigned key)
{
	struct memdb *m = &d->db[model_kind_of(key)];

	memdb_delete(m, luid_of(m, key));
}

/* ---- a session ------------------------------------------------------------
 */

void
device_begin(struct device *d)
{
	struct err e = { 0 };

	device_drop(d);
	(void)snprintf(d->sid, sizeof(d->sid), "%u", ++d->sessions);
	d->conf.sid = slice_c(d->sid);
	if (cli_new(&d->conf, d->dbs, MODEL_KINDS, &d->session, &e) != 0)
		site_die("session: %s", e.msg);
}

void
device_drop(struct device *d)
{
	cli_free(&d->session);
}

static enum device_step
failed(struct device *d, const char *why)
{
	(void)snprintf(d->why, sizeof(d->why), "%.199s", why);
	return STEP_FAILED;
}

static enum device_step
done(struct device *d)
{
	struct cli_learned l;

	d->moved = 0;
	for (int k = 0; k < MODEL_KINDS; k++) {
		const struct cli_db *db = d->dbs[k];

		if (!db->ok || db->refused > 0 || db->failed > 0)
			return failed(d, db->why[0] != '\0' ? db->why
							    : "items refused");
		d->moved += db->sent.add + db->sent.replace + db->sent.del +
			    db->received.add + db->received.replace +
			    db->received.del;
	}
	cli_learned(d->session, &l);
	d->conf.devinf_known = l.devinf_known;
	d->conf.peer = l.peer;
	return STEP_DONE;
}

/* What kinds of sync were agreed on. */
static void
count_slow(struct device *d)
{
	for (int k = 0; k < MODEL_KINDS; k++)
		d->slow +=
		    d->dbs[k]->type != 0 && d->dbs[k]->type != CLI_TWO_WAY;
}

enum device_step
device_next(struct device *d, struct slice *body, struct slice *url)
{
	enum cli_verdict v;
	struct err e = { 0 };

	if (cli_next(d->session, body, url, &v, &e) != 0)
		return failed(d, e.msg);
	if (v == CLI_RUNNING)
		return STEP_MORE;
	count_slow(d);
	return v == CLI_DONE ? done(d) : failed(d, "it ended too early");
}

bool
device_post(struct device *d, struct site *s, enum site_cut cut,
	    struct site_reply *out)
{
	struct slice body = { NULL, 0 }, url = { NULL, 0 };

	if (device_next(d, &body, &url) != STEP_MORE)
		site_die("nothing to send");
	arena_reset(d->a);
	return site_post(s, d->a, url, cli_content_type(d->session), body, cut,
			 out) == 0;
}

enum device_step
device_take(struct device *d, const struct site_reply *r)
{
	struct err e = { 0 };
	char text[64];

	if (r->status != 200) {
		(void)snprintf(text, sizeof(text), "HTTP %d", r->status);
		return failed(d, text);
	}
	if (cli_reply(d->session, r->type, r->body, &e) == 0)
		return STEP_MORE;
	count_slow(d);
	return failed(d, e.msg);
}

enum device_step
device_run(struct device *d, struct site *s)
{
	struct slice body, url;
	struct site_reply r;
	enum device_step step;
	int tries = 0;

	while ((step = device_next(d, &body, &url)) == STEP_MORE) {
		if (!device_post(d, s, CUT_NEVER, &r)) {
			if (++tries > TRIES_MAX)
				return failed(d, "no reply, time and again");
			if (site_died(s))
				site_start(s);
			continue;
		}
		step = device_take(d, &r);
		if (step != STEP_MORE)
			return step;
	}
	return step;
}
