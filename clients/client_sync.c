#include "base/digest.h"
#include "clients/client_int.h"
#include "syncml/codec.h"

#include <stdlib.h>

/* ---- maps
 * -------------------------------------------------------------------- */

bool
cli_maps_left(const struct cli_run *r)
{
	return r->map_out < r->map_n;
}

int
cli_add_map(struct cli *c, struct cli_run *r, struct slice guid,
	    struct slice luid, struct err *e)
{
	if (r->map_n == r->map_cap) {
		size_t cap = r->map_cap == 0 ? 64 : 2 * r->map_cap;
		struct cli_map *p = realloc(r->maps, cap * sizeof(*p));

		if (p == NULL)
			return err_set(e, ERR_NOMEM, "client.map", "no memory");
		r->maps = p;
		r->map_cap = cap;
	}
	struct cli_map *m = &r->maps[r->map_n];
	m->guid = arena_copy(c->life, guid);
	m->luid = arena_copy(c->life, luid);
	if (m->guid.p == NULL || m->luid.p == NULL)
		return err_set(e, ERR_NOMEM, "client.map", "no memory");
	r->map_n++;
	return 0;
}

static bool
emit_map(struct cli *c, struct cli_out *m, struct cli_run *r, size_t n)
{
	struct sml_cmd map = sml_cmd_none(SML_MAP);
	struct sml_item *it = ARENA_ARRAY(m->a, n, struct sml_item);

	if (it == NULL) {
		m->cmds.bad = true;
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		it[i] = sml_item_none();
		it[i].target = r->maps[r->map_out + i].guid;
		it[i].source = r->maps[r->map_out + i].luid;
		it[i].has_target = it[i].has_source = true;
	}
	map.target = r->db->remote;
	map.source = r->db->local;
	map.items = it;
	map.item_n = n;
	return cli_emit(
	    c, m, &map,
	    &(struct cli_sent){
		.tag = SML_MAP, .run = r, .map_from = r->map_out, .map_n = n });
}

int
cli_fill_maps(struct cli *c, struct cli_out *m, bool early, struct err *e)
{
	for (size_t i = 0; i < c->run_n && !m->full; i++) {
		struct cli_run *r = &c->runs[i];
		size_t end = early ? r->early_n : r->map_n;
		/* A map item takes some 40 bytes in the thriftier encoding. */
		size_t n = m->room / 40 + 1;

		if (!r->active)
			continue;
		while (r->map_out < end) {
			if (n > end - r->map_out)
				n = end - r->map_out;
			if (emit_map(c, m, r, n)) {
				cli_say(c, '>', "Map %zu items of %s", n,
					cli_show(r->db->remote).s);
				r->map_out += n;
				continue;
			}
			if (!buf_ok(&m->cmds))
				return err_set(e, ERR_NOMEM, "client.map",
					       "no memory");
			if (n == 1) {
				m->full = true;
				break;
			}
			n -= n / 4 > 0 ? n / 4 : 1;
		}
	}
	return 0;
}

/* ---- one change
 * ---------------------------------------------------------------- */

/* XML cannot carry control characters, nor bytes that are no UTF-8. */
static bool
xml_fit(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c < 0x20 && c != '\n' && c != '\r' && c != '\t')
			return false;
	}
	return slice_utf8_ok(s);
}

/* The change's data as it goes over the wire. */
static int
prepare(struct cli *c, struct cli_run *r, struct err *e)
{
	struct slice body = r->now.body;

	r->off = 0;
	r->b64 = false;
	r->wire = body;
	if (c->doc.enc == SML_WBXML || body.n == 0)
		return 0;
	if (xml_fit(body)) {
		r->wire = sml_xml_folded(r->item, body);
	} else {
		r->b64 = true;
		r->wire = digest_b64(r->item, body);
	}
	if (r->wire.p == NULL)
		return err_set(e, ERR_NOMEM, "client.item", "no memory");
	return 0;
}

/* The server cannot take it, whatever we do. */
static void
give_up(struct cli *c, struct cli_run *r, const char *why)
{
	cli_say(c, '=', "%s: item %s is too large %s, left for later",
		cli_show(r->db->local).s, cli_show(r->now.luid).s, why);
	r->db->refused++;
	r->db->ops->sent(r->db, r->now.luid, 413);
	r->have = r->chunking = false;
}

static enum sml_tag
op_tag(enum cli_op op)
{
	return op == CLI_ADD       ? SML_ADD
	       : op == CLI_REPLACE ? SML_REPLACE
				   : SML_DELETE;
}

static bool
emit_part(struct cli *c, struct cli_out *m, struct cli_run *r, size_t n)
{
	struct sml_cmd cmd = sml_cmd_none(op_tag(r->now.op));
	struct sml_item it = sml_item_none();
	bool last = r->off + n >= r->wire.n;

	it.source = arena_copy(m->a, r->now.luid);
	it.has_source = true;
	if (r->now.op != CLI_DELETE) {
		cmd.meta.type = arena_copy(m->a, r->now.mime);
		if (r->b64)
			cmd.meta.format = SLICE_LIT("b64");
		if (r->off == 0 && !last)
			cmd.meta.size = (int64_t)r->wire.n;
		it.data = slice_sub(r->wire, r->off, n);
		it.has_data = true;
		it.data_opaque = !r->b64;
		it.more = !last;
	}
	cmd.items = &it;
	cmd.item_n = 1;
	return cli_emit(c, m, &cmd,
			&(struct cli_sent){ .tag = cmd.tag,
					    .run = r,
					    .op = r->now.op,
					    .luid = it.source,
					    .chunk = !last });
}

/* Part of an object that is larger than a message. false: message is full. */
static bool
emit_chunk(struct cli *c, struct cli_out *m, struct cli_run *r, size_t start)
{
	size_t left = r->wire.n - r->off;
	size_t used = m->cmds.n + 160 + r->now.luid.n + r->now.mime.n;
	size_t n = m->room > used ? m->room - used : 0;

	if (n < CLI_CHUNK_MIN && m->cmds.n > start)
		return false;
	if (n < CLI_CHUNK_MIN)
		n = CLI_CHUNK_MIN;
	for (;;) {
		if (n > left)
			n = left;
		size_t take =
		    n == left || r->b64
			? n
			: slice_utf8_cut(slice_from(r->wire, r->off), n).n;
		if (take > 0 && emit_part(c, m, r, take)) {
			r->off += take;
			r->chunking = r->off < r->wire.n;
			r->have = r->chunking;
			m->full = r->chunking;
			return true;
		}
		if (n < 16 || !buf_ok(&m->cmds))
			return false;
		n -= n / 4;
	}
}

/*
 * `now` into the message. start: where the message's own commands begin.
 * false: it must wait for the next message.
 */
static bool
emit_change(struct cli *c, struct cli_out *m, struct cli_run *r, size_t start)
{
	bool chunks =
	    c->doc.version >= 11 && (c->peer.large_objs || !c->peer.known);

	if (!r->chunking) {
		if (c->peer_obj_bytes >= 0 &&
		    r->wire.n > (size_t)c->peer_obj_bytes) {
			give_up(c, r, "for the server's MaxObjSize");
			return true;
		}
		if (emit_part(c, m, r, r->wire.n)) {
			r->have = false;
			return true;
		}
		if (!buf_ok(&m->cmds))
			return false;
		/* Alone in a message it may fit. */
		if (m->cmds.n > start && r->wire.n + 400 < m->room)
			return false;
		if (!chunks && m->cmds.n > start)
			return false;
		if (!chunks || r->now.op == CLI_DELETE) {
			give_up(c, r, "for one message");
			return true;
		}
	}
	return emit_chunk(c, m, r, start);
}

/* ---- Sync
 * ------------------------------------------------------------------------- */

static bool
open_sync(struct cli *c, struct cli_out *m, struct cli_run *r)
{
	struct sml_cmd s = sml_cmd_none(SML_SYNC);
	size_t mark = m->cmds.n;

	s.cmdid = arena_printf(m->a, "%zu", m->sent_n);
	s.target = r->db->remote;
	s.source = r->db->local;
	if (!r->opened && c->doc.version >= 11 &&
	    (c->peer.number_of_changes || !c->peer.known))
		s.number_of_changes = (int64_t)r->changes;
	sml_sync_open(m->a, &m->cmds, &c->doc, &s);
	if (m->cmds.n > m->room) {
		buf_cut(&m->cmds, mark);
		return false;
	}
	return cli_remember(m, &(struct cli_sent){ .tag = SML_SYNC, .run = r });
}

static int
next_change(struct cli *c, struct cli_run *r, struct err *e)
{
	arena_reset(r->item);
	r->now = (struct cli_change){ 0 };
	if (r->db->ops->next(r->db, r->item, &r->now, e) != 0)
		return -1;
	if (r->now.op == CLI_NONE) {
		r->sent_all = true;
		return 0;
	}
	r->have = true;
	return prepare(c, r, e);
}

/* The Sync of one database, as much as fits. */
static int
fill_run(struct cli *c, struct cli_out *m, struct cli_run *r, struct err *e)
{
	enum { CLOSE = 16 }; /* </Sync> */
	size_t mark = m->cmds.n, room = m->room;
	size_t sent_n = m->sent_n, waiting = m->waiting;
	size_t start, done = 0;
	int result = 0;

	m->room -= CLOSE;
	if (!open_sync(c, m, r)) {
		m->room = room;
		m->full = true;
		return 0;
	}
	start = m->cmds.n;
	while (!m->full && result == 0) {
		if (!r->have)
			result = next_change(c, r, e);
		if (result != 0 || r->sent_all)
			break;
		if (emit_change(c, m, r, start))
			done++;
		else
			m->full = true;
	}
	m->room = room;
	if (m->full && done == 0) { /* another time */
		buf_cut(&m->cmds, mark);
		m->sent_n = sent_n;
		m->waiting = waiting;
		return result;
	}
	sml_sync_close(&m->cmds, &c->doc);
	r->opened = true;
	if (done > 0)
		cli_say(c, '>', "Sync %s: %zu of %zu changes%s",
			cli_show(r->db->remote).s, done, r->changes,
			r->chunking ? ", the last one in parts" : "");
	else
		cli_say(c, '>', "Sync %s: no changes",
			cli_show(r->db->remote).s);
	return result;
}

int
cli_fill_sync(struct cli *c, struct cli_out *m, struct err *e)
{
	for (size_t i = 0; i < c->run_n && !m->full; i++) {
		struct cli_run *r = &c->runs[i];

		if (!r->active || r->sent_all)
			continue;
		if (fill_run(c, m, r, e) != 0)
			return -1;
		if (!buf_ok(&m->cmds))
			return err_set(e, ERR_NOMEM, "client.sync",
				       "no memory");
	}
	return 0;
}
