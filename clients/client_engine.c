#include "clients/client_int.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- names ------------------------------------------------------------ */

static const struct {
	int type;
	const char *name;
} type_names[] = {
	{ CLI_TWO_WAY, "two-way" },
	{ CLI_SLOW, "slow" },
	{ CLI_FROM_CLIENT, "one-way-from-client" },
	{ CLI_REFRESH_FROM_CLIENT, "refresh-from-client" },
	{ CLI_FROM_SERVER, "one-way-from-server" },
	{ CLI_REFRESH_FROM_SERVER, "refresh-from-server" },
};

const char *
cli_type_name(int type)
{
	for (size_t i = 0; i < sizeof(type_names) / sizeof(type_names[0]); i++)
		if (type_names[i].type == type)
			return type_names[i].name;
	return "none";
}

int
cli_type_of(const char *word)
{
	for (size_t i = 0; i < sizeof(type_names) / sizeof(type_names[0]); i++)
		if (strcmp(type_names[i].name, word) == 0)
			return type_names[i].type;
	return 0;
}

const char *
cli_content_type(const struct cli *c)
{
	return c->doc.enc == SML_WBXML ? "application/vnd.syncml+wbxml"
				       : "application/vnd.syncml+xml";
}

/* ---- life --------------------------------------------------------------- */

/* Our Next must be another one than Last, also twice within a second. */
static struct slice
new_anchor(struct cli *c, const struct cli_db *db)
{
	char now[17];

	clk_iso_basic(c->conf->clk->now_ms(c->conf->clk), now);
	if (!slice_starts(db->last_client, now))
		return arena_copy(c->life, slice_c(now));
	int64_t n = 0;
	struct slice tail = slice_from(db->last_client, strlen(now));
	if (tail.n > 1 && tail.p[0] == '-')
		slice_i64(slice_from(tail, 1), &n);
	return arena_printf(c->life, "%s-%lld", now, (long long)n + 1);
}

static int
new_run(struct cli *c, struct cli_run *r, struct cli_db *db, struct err *e)
{
	*r = (struct cli_run){ .db = db };
	db->type = 0;
	db->ok = false;
	db->why[0] = '\0';
	db->sent = db->received = (struct cli_counts){ 0 };
	db->refused = db->failed = 0;
	r->item = arena_new(CLI_LOCAL_ARENA);
	r->next_client = new_anchor(c, db);
	if (r->item == NULL || r->next_client.p == NULL)
		return err_set(e, ERR_NOMEM, "client.new", "no memory");
	return 0;
}

int
cli_new(const struct cli_conf *conf, struct cli_db *const *dbs, size_t db_n,
	struct cli **out, struct err *e)
{
	struct cli *c = calloc(1, sizeof(*c));

	*out = NULL;
	if (c == NULL)
		return err_set(e, ERR_NOMEM, "client.new", "no memory");
	c->conf = conf;
	c->life = arena_new(CLI_LOCAL_ARENA);
	c->in = arena_new(CLI_LOCAL_ARENA);
	c->hold = arena_new(CLI_LOCAL_ARENA);
	c->obj.a = arena_new(CLI_LOCAL_ARENA);
	c->runs = calloc(db_n > 0 ? db_n : 1, sizeof(*c->runs));
	if (c->life == NULL || c->in == NULL || c->hold == NULL ||
	    c->obj.a == NULL || c->runs == NULL) {
		cli_free(&c);
		return err_set(e, ERR_NOMEM, "client.new", "no memory");
	}
	for (size_t i = 0; i < db_n; i++) {
		c->run_n++;
		if (new_run(c, &c->runs[i], dbs[i], e) != 0) {
			cli_free(&c);
			return -1;
		}
	}
	c->doc = (struct sml_doc){ .enc = conf->enc, .version = conf->version };
	c->url = conf->url;
	c->sid = conf->sid;
	c->owed_tail = &c->owed;
	c->auth = conf->auth;
	c->nonce = conf->nonce;
	c->has_nonce = conf->nonce.n > 0;
	c->peer_msg_bytes = c->peer_obj_bytes = -1;
	c->devinf_known = conf->devinf_known;
	c->peer = conf->peer;
	*out = c;
	return 0;
}

void
cli_free(struct cli **cp)
{
	struct cli *c = *cp;

	if (c == NULL)
		return;
	while (c->out != NULL)
		cli_out_drop(c, c->out);
	for (size_t i = 0; i < c->run_n; i++) {
		arena_free(&c->runs[i].item);
		free(c->runs[i].maps);
	}
	free(c->runs);
	arena_free(&c->life);
	arena_free(&c->in);
	arena_free(&c->hold);
	arena_free(&c->obj.a);
	free(c);
	*cp = NULL;
}

void
cli_suspend(struct cli *c)
{
	c->suspend = true;
}

void
cli_learned(const struct cli *c, struct cli_learned *out)
{
	*out = (struct cli_learned){
		.auth = c->auth,
		.nonce = c->has_nonce ? c->nonce : SLICE_LIT(""),
		.devinf_known = c->devinf_known,
		.version = c->doc.version,
		.peer = c->peer,
		.messages = c->messages,
	};
}

/* ---- one step ------------------------------------------------------------ */

/* A lower version: everything from the start, under the same SessionID. */
static void
restart(struct cli *c)
{
	while (c->out != NULL)
		cli_out_drop(c, c->out);
	c->restart = c->again = false;
	c->msgid = 0;
	c->got_any = false;
	c->phase = CLI_P_INIT;
	c->url = c->conf->url;
	c->owed = NULL;
	c->owed_tail = &c->owed;
	c->put_sent = c->ask_222 = false;
}

/* The same commands once more, because the header was refused. */
static int
send_again(struct cli *c, struct err *e)
{
	struct cli_out *m = c->out;

	c->again = false;
	m->msgid = ++c->msgid;
	return cli_assemble(c, m, e);
}

int
cli_next(struct cli *c, struct slice *body, struct slice *url,
	 enum cli_verdict *verdict, struct err *e)
{
	if (c->phase == CLI_P_OVER) {
		*verdict = c->verdict;
		return 0;
	}
	if (c->suspend && (c->doc.version < 12 || c->phase == CLI_P_INIT)) {
		c->phase = CLI_P_OVER;
		c->verdict = *verdict = CLI_SUSPENDED;
		return 0;
	}
	if (!c->ready) {
		int r;

		if (c->restart)
			restart(c);
		r = c->again ? send_again(c, e) : cli_build(c, e);
		if (r == 0)
			r = cli_sign(c, e);
		if (r != 0) {
			c->phase = CLI_P_OVER;
			c->verdict = *verdict = CLI_FAILED;
			return -1;
		}
		c->ready = true;
		c->messages++;
	}
	*body = c->out->bytes;
	*url = c->url;
	*verdict = CLI_RUNNING;
	return 0;
}

/* ---- what a reply means for the course of the session -------------------- */

/* What the last session could not tell is told before all else. */
static int
add_early_maps(struct cli *c, struct cli_run *r, struct err *e)
{
	struct cli_map *maps = NULL;
	size_t n = 0;

	if (r->db->ops->pending(r->db, c->life, &maps, &n, e) != 0)
		return -1;
	for (size_t k = 0; k < n; k++)
		if (cli_add_map(c, r, maps[k].guid, maps[k].luid, e) != 0)
			return -1;
	r->early_n = n;
	return 0;
}

/* One database in package 3, unless the server left it out. */
static int
begin_run(struct cli *c, struct cli_run *r, struct err *e)
{
	struct cli_db *db = r->db;

	if (db->why[0] != '\0')
		return 0;
	if (r->alert_status == 0 && !r->server_alert) {
		cli_run_fail(r, "the server did not answer for it");
		return 0;
	}
	/* Some servers accept and leave their own Alert out. */
	if (db->type == 0)
		db->type = r->alert_status == 508 ? CLI_SLOW : db->ask;
	if (db->ops->start(db, db->type, &r->changes, e) != 0)
		return -1;
	if ((db->type == CLI_TWO_WAY || db->type == CLI_FROM_CLIENT ||
	     db->type == CLI_FROM_SERVER) &&
	    add_early_maps(c, r, e) != 0)
		return -1;
	r->active = true;
	return 0;
}

/* Package 2 is complete: which databases go on, and how. */
static int
begin_sync(struct cli *c, struct err *e)
{
	size_t active = 0;

	for (size_t i = 0; i < c->run_n; i++) {
		if (begin_run(c, &c->runs[i], e) != 0)
			return -1;
		active += c->runs[i].active;
	}
	c->phase = active > 0 ? CLI_P_SYNC : CLI_P_OVER;
	if (active == 0)
		c->verdict = CLI_DONE;
	return 0;
}

static bool
maps_left(const struct cli *c)
{
	for (size_t i = 0; i < c->run_n; i++)
		if (c->runs[i].active && cli_maps_left(&c->runs[i]))
			return true;
	return false;
}

/* Nothing more is to be said: the anchors advance. */
static int
finish(struct cli *c, struct err *e)
{
	c->phase = CLI_P_OVER;
	c->verdict = c->suspending ? CLI_SUSPENDED : CLI_DONE;
	for (size_t i = 0; i < c->run_n && !c->suspending; i++) {
		struct cli_run *r = &c->runs[i];

		if (!r->active || r->db->why[0] != '\0')
			continue;
		if (r->db->ops->finish(r->db, r->next_client, r->next_server,
				       e) != 0) {
			c->verdict = CLI_FAILED;
			return -1;
		}
		r->db->ok = true;
	}
	return 0;
}

/* After a reply: where we are now. */
static int
advance(struct cli *c, bool final, struct err *e)
{
	if (c->again || c->restart)
		return 0;
	if (c->suspending)
		return finish(c, e);
	switch (c->phase) {
	case CLI_P_INIT:
		c->ask_222 = !final;
		return final ? begin_sync(c, e) : 0;
	case CLI_P_SYNC:
		return 0;
	case CLI_P_RECV:
		c->ask_222 = !final;
		if (!final)
			return 0;
		c->phase = CLI_P_MAP;
		/* Nothing but the header's Status would be said. */
		if (c->owed == NULL && !maps_left(c))
			return finish(c, e);
		return 0;
	case CLI_P_MAP:
		return 0;
	case CLI_P_LAST:
		if (c->owed != NULL || maps_left(c)) {
			c->phase = CLI_P_MAP;
			return 0;
		}
		if (final || c->out->waiting == 0)
			return finish(c, e);
		c->ask_222 = true;
		return 0;
	case CLI_P_OVER:
		break;
	}
	return 0;
}

static int
read_header(struct cli *c, const struct sml_msg *m, struct err *e)
{
	const struct sml_hdr *h = &m->hdr;
	int64_t msgid = 0;

	if (h->sid.n > 0 && !slice_eq(slice_trim(h->sid), c->sid))
		return err_set(e, ERR_PARSE, "client.reply",
			       "the reply belongs to another session");
	if (!slice_i64(h->msgid, &msgid) || msgid < 0)
		msgid = c->msgid;
	c->got_msgid = msgid;
	c->got_any = true;
	c->got_noresp = h->noresp;
	c->got_source = arena_copy(c->life, h->source);
	c->got_target = arena_copy(c->life, h->target);
	if (h->meta.max_msg_size > 0)
		c->peer_msg_bytes = h->meta.max_msg_size;
	if (h->meta.max_obj_size > 0)
		c->peer_obj_bytes = h->meta.max_obj_size;
	if (h->respuri.n > 0 && !c->conf->ignore_respuri) {
		struct slice to = slice_trim(h->respuri);

		/* A server may move us, but not out of TLS. */
		if (slice_starts_nocase(to, "https://") ||
		    (slice_starts_nocase(to, "http://") &&
		     !slice_starts_nocase(c->conf->url, "https://")))
			c->url = arena_copy(c->life, to);
	}
	if (c->got_source.p == NULL || c->got_target.p == NULL ||
	    c->url.p == NULL)
		return err_set(e, ERR_NOMEM, "client.reply", "no memory");
	return 0;
}

static int
take_reply(struct cli *c, struct slice content_type, struct slice body,
	   struct err *e)
{
	struct sml_msg *m;
	enum sml_enc enc = c->doc.enc;

	if (!sml_enc_detect(content_type, body, &enc))
		return err_set(e, ERR_PARSE, "client.reply",
			       "the reply is no SyncML message");
	if (sml_msg_read(c->in, enc, body, NULL, &m, e) != 0)
		return -1;
	cli_story_in(c, m);
	if (read_header(c, m, e) != 0 || cli_on_commands(c, m, e) != 0)
		return -1;
	if (c->short_memory)
		return err_set(e, ERR_NOMEM, "client.reply", "no memory");
	return advance(c, m->final, e);
}

int
cli_reply(struct cli *c, struct slice content_type, struct slice body,
	  struct err *e)
{
	int r;

	c->ready = false;
	c->ask_222 = false;
	if (c->owed == NULL)
		arena_reset(c->hold);
	arena_reset(c->in);
	r = take_reply(c, content_type, body, e);
	if (r != 0) {
		c->phase = CLI_P_OVER;
		c->verdict = CLI_FAILED;
	}
	return r;
}
