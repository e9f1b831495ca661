/*
 * Alert: what the client wants to do with each database; anchors; and what
 * follows when its package 3 or our package 4 is complete.
 *
 * A link keeps two anchor pairs: the one that the device has shown to have
 * (a_*), and the one of the last session whose package 3 came completely
 * (n_*). Either is good for an ordinary sync: so a session that broke, or whose
 * last reply was lost, costs no slow sync.
 */
#include "syncml/session.h"

/* What phones send as Last when they mean "never". */
static bool
is_never(struct slice anchor)
{
	anchor = slice_trim(anchor);
	return anchor.n == 0 || slice_is(anchor, "0") ||
	       slice_is(anchor, "00000000T000000Z");
}

/* The device shows which session it knows of; false: neither fits. */
static bool
anchors_fit(struct store_link *l, struct slice last, bool resumes)
{
	if (is_never(last))
		return false;
	/* Who resumes after two syncs within a second means the first. */
	if (l->n_valid && slice_eq(l->n_client, last) &&
	    !(resumes && slice_eq(l->a_client, last))) {
		l->a_client = l->n_client;
		l->a_server = l->n_server;
		l->confirmed_no = l->n_sync_no;
		l->n_valid = false;
		return true;
	}
	return l->gen != 0 && slice_eq(l->a_client, last);
}

int
sml_base_type(int code)
{
	return code < 206 ? code : code == 206 ? 200 : code - 5;
}

struct decision {
	int type;   /* 200 to 205 */
	int status; /* of the Alert */
	int reply;  /* our own alert code */
	bool forced;
	bool resumed;
};

/* A client that would forget what it has not sent yet, were it to resume: it
   is told that there is nothing to resume, by the one status that libsynthesis
   takes for that (508 makes it do a slow sync). */
static bool
resume_harms(const struct sml_ctx *c, int code, const struct sml_open *open)
{
	return code == 225 && !(open->type != 0 && open->in_done) &&
	       (sml_rules(c) & PIM_RULE_RESUME_NO) != 0;
}

static struct decision
decide(const struct sml_ctx *c, int code, bool fits,
       const struct sml_open *open, bool resumable, bool staged)
{
	bool harms = resume_harms(c, code, open);
	struct decision d = { .status = harms ? 509 : 200,
			      .resumed = resumable && !harms };
	int want = code != 225          ? sml_base_type(code)
		   : harms && resumable ? open->type
					: 200;

	d.type = want;
	d.reply = code == 225 ? want : code;
	if (d.resumed) {
		/* Its new map is in force: what is left of a slow sync is an
		   ordinary one, of a refresh a one-way one. Nothing is emptied
		   or deleted for being absent a second time. */
		d.type = d.reply = open->type;
		if (!staged && (open->type & 1) != 0)
			d.type = open->type - 1;
		return d;
	}
	if (fits || want == 201 || want == 203 || want == 205)
		return d;
	d.forced = true;
	d.status = 508;
	d.type = want == 204                               ? 205
		 : want == 202 && c->srv->conf->strict_508 ? 203
							   : 201;
	/* 210 for 209, and so on; there is none for a slow sync. */
	d.reply =
	    code > 205 && code != 225 && d.type != 201 ? d.type + 5 : d.type;
	return d;
}

/* A slow or refresh sync builds a new generation of the map; the old one and
   its anchors stay until this one is complete. */
static int
stage_new(struct sml_ctx *c, struct store_link *l)
{
	/* The stage of a sync that broke stays too: its rows are hints. */
	if (c->tx->v->map_drop_others(c->tx, l->id, l->gen, l->stage, &c->e) <
	    0)
		return -1;
	if (l->gen_last < l->gen)
		l->gen_last = l->gen;
	l->stage = ++l->gen_last;
	return 0;
}

static struct slice
next_anchor(struct sml_ctx *c, const struct store_link *l, struct slice client)
{
	char iso[17];
	int64_t ms = c->now;

	/* Two syncs within one second of the device's clock have one anchor on
	   its side. They get one on ours too: else, if the second one broke,
	   nobody could tell which of the two pairs the device has. */
	if (client.n > 0 && l->a_server.n > 0 && slice_eq(client, l->a_client))
		return l->a_server;
	/* Else it must differ from sync to sync, within one second too. */
	do {
		clk_iso_basic(ms, iso);
		ms += 1000;
	} while (slice_is(l->n_server, iso) || slice_is(l->a_server, iso));
	return arena_copy(c->a, slice_c(iso));
}

static struct sml_ds *
ds_slot(struct sml_ctx *c, int64_t link)
{
	for (size_t i = 0; i < c->s.ds_n; i++) {
		if (c->s.ds[i].link == link)
			return &c->s.ds[i];
	}
	return c->s.ds_n < SML_LINKS_MAX ? &c->s.ds[c->s.ds_n++] : NULL;
}

/* Alerted anew: what was on its way belongs to the sync before. */
static void
drop_objects(struct sml_ctx *c, const struct sml_ds *ds)
{
	int at = (int)(ds - c->s.ds);

	if (c->s.og.ds == at)
		c->s.og.active = false;
	if (c->s.inc.ds == at)
		c->s.inc.active = false;
}

/* In plain words: sml_report_put(). */
static enum sml_why_forced
why_forced(const struct store_link *l, const struct sml_item *it)
{
	if (l->gen == 0)
		return SML_FORCED_FIRST;
	if (is_never(it->meta.anchor.last))
		return SML_FORCED_NEVER;
	return l->a_client.n == 0 && !l->n_valid ? SML_FORCED_EMPTIED
						 : SML_FORCED_ANCHORS;
}

/* Ours as it calls it, without options, for a notice that names it. */
static struct slice
own_uri(struct slice target)
{
	size_t end = slice_find(target, '?');

	target = slice_sub(target, 0, end);
	return target.n > 255 ? SLICE_LIT("") : target;
}

static int
start(struct sml_ctx *c, struct sml_ds *ds, struct store_link *l,
      const struct sml_item *it, int code, const struct decision *d,
      const struct sml_open *open)
{
	bool fresh = d->type == 201 || d->type == 203 || d->type == 205;

	/* A slow sync that broke before this one is not to be resumed. */
	if (!d->resumed && sml_stage_keep(c, l) < 0)
		return -1;
	if (fresh && !d->resumed && stage_new(c, l) < 0)
		return -1;
	if (!fresh)
		l->stage = 0;
	drop_objects(c, ds);
	*ds = (struct sml_ds){
		.link = l->id,
		.collection = l->collection,
		.server_uri = it->target.n > 0 ? it->target : it->source,
		.client_uri = it->source,
		.asked = code,
		.type = d->type,
		.reply = d->reply,
		.forced = d->forced,
		.why = d->forced ? (int)why_forced(l, it) : SML_FORCED_NOT,
		.first = l->gen == 0,
		.resumed = d->resumed,
		.client_last = d->resumed ? open->last : it->meta.anchor.last,
		.added_before = d->resumed ? open->added : 0,
		.client_next = it->meta.anchor.next,
		.server_last = d->forced || fresh ? SLICE_LIT("") : l->a_server,
		.server_next = next_anchor(c, l, it->meta.anchor.next),
		.gen = fresh ? l->stage : l->gen,
		.doubt_from = INT64_MAX,
		.max_obj = it->meta.max_obj_size,
		.free_id = -1,
		.held_at_start = -1,
		/* What others do from here on, a refresh from it has not
		   seen. */
		.bound = c->tx->change_no,
	};
	if (ds->server_next.p == NULL)
		return err_set(&c->e, ERR_NOMEM, "alert.anchor",
			       "no memory for an anchor");
	/* Sessions after the confirmed one broke: what they moved is in
	   doubt, since a phone restored from a backup looks the same. One that
	   resumes is none, but what it resumes may have had doubts. */
	if (!fresh && d->resumed)
		ds->doubt_from = open->doubt_from;
	else if (!fresh && l->confirmed_no < l->sync_no)
		ds->doubt_from = l->confirmed_no + 1;
	/* The device empties its database when it reads our package 2: from
	   then on it must not pass for one that has what its anchors say. */
	if (d->type == 205) {
		l->a_client = l->a_server = SLICE_LIT("");
		l->n_valid = false;
	}
	l->server_uri = own_uri(it->target);
	ds->sync_no = ++l->sync_no;
	if (d->resumed && sml_resume_objects(c, ds, open) < 0)
		return -1;
	/* An Alert may come again in the middle: package 2 is due anew. */
	c->s.out_init_done = c->s.out_sync_done = c->s.done = false;
	sml_link_touch(c, l);
	return 0;
}

static int
alert_status(struct sml_ctx *c, const struct sml_cmd *cmd,
	     const struct sml_item *it, int code)
{
	struct sml_status *st;

	if (sml_status_add(c, cmd, &it->target, &it->source, code) < 0)
		return -1;
	st = cmd->noresp ? NULL : sml_status_last(c);
	if (st != NULL && it->meta.anchor.next.n > 0 &&
	    (code == 200 || code == 508 || code == 509))
		st->anchor_next = it->meta.anchor.next;
	return 0;
}

static int
sync_item(struct sml_ctx *c, const struct sml_cmd *cmd,
	  const struct sml_item *it, int code)
{
	struct slice uri = it->target.n > 0 ? it->target : it->source;
	const struct store_collection *col = sml_collection_uri(c, uri);
	struct store_link *l;
	struct decision d;
	struct sml_open open;
	struct sml_ds *ds;
	bool fits;
	struct slice filter;
	int status;

	if (uri.n > SML_LOCURI_BYTES_MAX || it->source.n > SML_LOCURI_BYTES_MAX)
		return alert_status(c, cmd, it, 414);
	if (it->meta.anchor.next.n > SML_ANCHOR_BYTES_MAX)
		return alert_status(c, cmd, it, 400);
	if (col == NULL) {
		c->s.unknown = true;
		sml_tell(c, '>', "alert %s for unknown database %.*s",
			 sml_type_name(code), SLICE_ARG(uri));
		return alert_status(c, cmd, it, 404);
	}
	l = sml_link_new(c, col->id, it->source);
	status = l == NULL ? 403 : sml_filter_ask(c, l, it, code, &filter);
	if (status != 200)
		return alert_status(c, cmd, it, status);
	ds = ds_slot(c, l->id);
	if (ds == NULL)
		return alert_status(c, cmd, it, 403);
	fits = anchors_fit(l, it->meta.anchor.last, code == 225);
	sml_open_load(c->a, l->open, &open);
	d = decide(c, code, fits, &open,
		   code == 225 &&
		       sml_resumable(c, l, &open, it->meta.anchor.last, fits),
		   l->stage != 0);
	if (start(c, ds, l, it, code, &d, &open) < 0)
		return -1;
	ds->filter = filter;
	c->filter[ds - c->s.ds].ready = false;
	c->view_ready[ds - c->s.ds] = false;
	if ((col->kinds & PIM_MAIL) != 0 && sml_mail_ask(c, ds, it) < 0)
		return -1;
	if (!ds->fetches)
		l->filter_asked = filter;
	sml_tell(c, '>', "alert %s for %.*s (last %.*s, next %.*s)",
		 sml_type_name(code), SLICE_ARG(col->name),
		 SLICE_ARG(is_never(it->meta.anchor.last)
			       ? SLICE_LIT("none")
			       : it->meta.anchor.last),
		 SLICE_ARG(it->meta.anchor.next));
	if (d.resumed)
		sml_tell(c, '=', "%.*s: the %s sync goes on",
			 SLICE_ARG(col->name), sml_type_name(d.reply));
	if (d.forced)
		sml_tell(c, '=', "%.*s: %s, %s sync", SLICE_ARG(col->name),
			 l->gen == 0 ? "first sync" : "anchors do not fit",
			 sml_type_name(d.type));
	if (ds->doubt_from != INT64_MAX)
		sml_tell(c, '=',
			 "%.*s: the last session broke; what it moved "
			 "is looked at again",
			 SLICE_ARG(col->name));
	return alert_status(c, cmd, it, d.status);
}

static int
alert_sync(struct sml_ctx *c, const struct sml_cmd *cmd, int code)
{
	if (cmd->item_n == 0)
		return sml_status_add(c, cmd, NULL, NULL, 400);
	if (c->s.version < 12 && code == 225)
		return sml_status_all(c, cmd, 406);
	for (size_t i = 0; i < cmd->item_n; i++) {
		if (sync_item(c, cmd, &cmd->items[i], code) < 0)
			return -1;
	}
	return 0;
}

static int
plain(struct sml_ctx *c, const struct sml_cmd *cmd, int code)
{
	const struct sml_item *it = cmd->item_n > 0 ? &cmd->items[0] : NULL;

	return sml_status_add(c, cmd, it == NULL ? NULL : &it->target,
			      it == NULL ? NULL : &it->source, code);
}

int
sml_cmd_alert(struct sml_ctx *c, const struct sml_cmd *cmd)
{
	uint32_t code;
	bool go;

	if (!slice_u32(cmd->data, &code))
		return plain(c, cmd, 400);
	if (sml_alert_enter(c, cmd, &go) < 0)
		return -1;
	if (!go)
		return 0;
	if ((code >= 200 && code <= 210) || code == 225)
		return alert_sync(c, cmd, (int)code) < 0
			   ? -1
			   : sml_alert_leave(c, cmd);
	switch (code) {
	case 100:
		if (cmd->item_n > 0)
			sml_tell(c, '>', "says: %.*s",
				 SLICE_ARG(cmd->items[0].data));
		return plain(c, cmd, 200);
	case 221:
		return plain(c, cmd, 400);
	case 222:
		c->next_wanted = true;
		return plain(c, cmd, 200);
	case 223:
		return sml_object_lost(c) < 0 ? -1 : plain(c, cmd, 200);
	case 224:
		if (c->s.version < 12)
			return plain(c, cmd, 406);
		c->s.suspended = true;
		sml_tell(c, '>', "suspends the session");
		return plain(c, cmd, 200);
	default:
		return plain(c, cmd, 406);
	}
}

/* ---- package 3 is complete --------------------------------------------- */

/* The new generation of the map comes into force. */
static int
stage_wins(struct sml_ctx *c, struct sml_ds *ds, struct store_link *l)
{
	l->gen = ds->gen;
	l->stage = 0;
	return c->tx->v->map_drop_others(c->tx, l->id, l->gen, 0, &c->e);
}

static void
cursors_at(struct store_link *l, int64_t change_no)
{
	for (size_t i = 0; i < l->cursor_n; i++) {
		l->cursor[i].change_no = change_no;
		l->cursor[i].item = change_no == 0 ? 0 : INT64_MAX;
	}
}

/* The pair that the device will show if the session went well for it. */
static void
anchors_next(struct store_link *l, const struct sml_ds *ds)
{
	if (ds->client_next.n == 0)
		return;
	l->n_client = ds->client_next;
	l->n_server = ds->server_next;
	/* One way from the device: its doubts were not looked into. */
	l->n_sync_no = ds->type == 202 && ds->doubt_from != INT64_MAX
			   ? l->confirmed_no
			   : ds->sync_no;
	l->n_valid = true;
}

int
sml_ds_complete(struct sml_ctx *c, struct sml_ds *ds)
{
	struct store_link *l = sml_link(c, ds->link);
	const struct store_collection *col = sml_collection(c, ds->collection);

	if (ds->refused || l == NULL || col == NULL)
		return 0;
	/* Its Final came too early: what it deleted since is decided too. */
	if (ds->in_done)
		return ds->noted > 0 ? sml_deletes_decide(c, ds) : 0;
	ds->in_done = true;
	if (sml_deletes_decide(c, ds) < 0 || sml_deletes_carry(c, ds, l) < 0)
		return -1;
	if (ds->type == 203 && sml_refresh_done(c, ds, col) < 0)
		return -1;
	if (ds->type == 201 || ds->type == 203) {
		if (stage_wins(c, ds, l) < 0)
			return -1;
		cursors_at(l, 0);
		sml_filter_unknown(l);
	}
	/* A refresh from it leaves it with all there was when it began, and
	   what was held back must not come back to it. */
	if (ds->type == 203)
		cursors_at(l, ds->bound);
	/* A refresh from the server is worth something only when it is out. */
	if (ds->type != 205)
		anchors_next(l, ds);
	ds->bound = c->tx->change_no;
	ds->stage = ds->type == 202 || ds->type == 203 ? SML_OUT_DONE
		    : ds->doubt_from != INT64_MAX      ? SML_OUT_PROBE
						       : SML_OUT_PENDING;
	ds->cursor_n = l->cursor_n;
	memcpy(ds->cursor, l->cursor, sizeof(ds->cursor));
	if (ds->type == 205) {
		for (size_t i = 0; i < ds->cursor_n; i++)
			ds->cursor[i].change_no = ds->cursor[i].item = 0;
	}
	sml_link_touch(c, l);
	return sml_filter_start(c, ds);
}

int
sml_ds_sent(struct sml_ctx *c, struct sml_ds *ds)
{
	struct store_link *l = sml_link(c, ds->link);

	if (l == NULL)
		return 0;
	if (ds->type == 205) {
		if (stage_wins(c, ds, l) < 0)
			return -1;
		memcpy(l->cursor, ds->cursor, sizeof(l->cursor));
		anchors_next(l, ds);
	}
	/* One way from the device: it was told nothing. */
	if (ds->type != 202 && !ds->fetches)
		l->filter = ds->filter;
	l->last_ok_ms = c->now;
	l->last_type = ds->type;
	sml_link_touch(c, l);
	return 0;
}
