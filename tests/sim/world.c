/* The server's side of the simulator: its store, its faults, its clock, and
   edits that come from elsewhere (an import, an administrator). */
#include "tests/sim/sim.h"
#include "tests/syncml/secrets.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { CONTACTS = 1, CONTACTS_ID = 2, PAGE = 200 };

void
sim_fail(struct sim *s, const char *fmt, ...)
{
	va_list ap;

	if (s->failed)
		return; /* the first one is the cause */
	s->failed = true;
	va_start(ap, fmt);
	(void)vsnprintf(s->why, sizeof(s->why), fmt, ap);
	va_end(ap);
	sim_say(s, "FAILED: %s", s->why);
}

void
sim_say(const struct sim *s, const char *fmt, ...)
{
	va_list ap;

	if (!s->verbose)
		return;
	va_start(ap, fmt);
	(void)vprintf(fmt, ap);
	va_end(ap);
	(void)putchar('\n');
}

/* ---- what the process gives to the engine ------------------------------- */

static int64_t
now(const struct clk *c)
{
	const struct sim *s =
	    (const struct sim *)(const void *)((const char *)c -
					       offsetof(struct sim, clk));

	return s->now;
}

/* No scenario makes the engine log an error: that would be a bug of ours. */
static void
log_write(struct log *l, enum log_level lvl, const char *text)
{
	struct sim *s =
	    (struct sim *)(void *)((char *)l - offsetof(struct sim, log));

	sim_say(s, "    log: %s", text);
	if (lvl >= LOG_LVL_ERROR)
		sim_fail(s, "logged: %s", text);
}

/* ---- store -------------------------------------------------------------- */

static void
broken(struct sim *s, const char *what, const struct err *e)
{
	sim_fail(s, "%s: %s", what, e->msg);
}

static int
open_store(struct sim *s)
{
	struct err e = { .code = ERR_NONE };

	if (store_open(s->place.uri, true, &s->inner, &e) < 0 ||
	    store_fault_new(s->inner, &s->store, &e) < 0) {
		broken(s, "store", &e);
		return -1;
	}
	s->srv.store = s->store;
	return 0;
}

void
sim_reopen(struct sim *s)
{
	s->store->v->close(&s->store);
	s->inner->v->close(&s->inner);
	if (open_store(s) < 0)
		abort();
}

int
sim_open(struct sim *s)
{
	static const char *const place[] = { "/dev/shm", "/tmp" };
	char file[96];
	struct err e = { .code = ERR_NONE };
	bool verbose = s->verbose;

	*s = (struct sim){ .verbose = verbose };
	s->clk.now_ms = now;
	s->log.write = log_write;
	s->log.min = LOG_LVL_WARN;
	s->a = arena_new(SML_ARENA_BYTES_MAX);
	s->b = arena_new(SML_ARENA_BYTES_MAX);
	s->keep = arena_new(SIZE_MAX / 2);
	s->rules_arena = arena_new(SIZE_MAX / 2);
	/* Memory is the fastest disk; a test proves no durability here. */
	for (int i = 0; i < 2 && s->dir[0] == '\0'; i++) {
		(void)snprintf(s->dir, sizeof(s->dir), "%s/fun-sim-XXXXXX",
			       place[i]);
		if (mkdtemp(s->dir) == NULL)
			s->dir[0] = '\0';
	}
	if (s->a == NULL || s->b == NULL || s->keep == NULL ||
	    s->rules_arena == NULL || s->dir[0] == '\0' ||
	    pim_rules_load(s->rules_arena, NULL, &s->rules, &e) < 0)
		return -1;
	(void)snprintf(file, sizeof(file), "%s/s.db", s->dir);
	place_take(&s->place, place_kind(NULL), file);
	s->secrets = plain_secrets();
	s->conf = (struct sml_server_conf){
		.max_msg_bytes = 200000,
		.max_obj_bytes = 2000000,
		.session_idle_ms = SML_SESSION_IDLE_MS,
		.man = SLICE_LIT("Funicular"),
		.mod = SLICE_LIT("Simulator"),
		.devid = SLICE_LIT("sim"),
	};
	s->srv = (struct sml_server){
		.clk = &s->clk,
		.log = &s->log,
		.rnd = &s->rnd.r,
		.secrets = &s->secrets,
		.rules = s->rules,
		.conf = &s->conf,
	};
	return open_store(s);
}

void
sim_close(struct sim *s)
{
	s->store->v->close(&s->store);
	s->inner->v->close(&s->inner);
	place_give(&s->place);
	(void)rmdir(s->dir);
	arena_free(&s->a);
	arena_free(&s->b);
	arena_free(&s->keep);
	arena_free(&s->rules_arena);
}

/* ---- one seed ----------------------------------------------------------- */

static int
make_account(struct sim *s, unsigned at, struct err *e)
{
	struct store_account acc = { .zone = SLICE_LIT("Europe/Berlin") };
	struct store_cred cred = { .id = 1,
				   .kind = STORE_CRED_PASSWORD,
				   .hash = SLICE_LIT("secret") };
	struct store_collection col = { .id = CONTACTS_ID,
					.name = SLICE_LIT("contacts"),
					.display = SLICE_LIT("Contacts"),
					.kinds = PIM_CONTACT,
					.member = { CONTACTS_ID },
					.member_n = 1 };
	struct store_tx *tx = NULL;

	acc.user = slice_c(at == 0 ? "anna" : "bert");
	if (s->inner->v->account_create(s->inner, &acc, &s->account[at], e) <
		0 ||
	    s->inner->v->begin(s->inner, s->account[at], STORE_WRITE, s->now,
			       &tx, e) < 0)
		return -1;
	tx->next_id = 10;
	if (tx->v->cred_put(tx, &cred, e) < 0 ||
	    tx->v->collection_put(tx, &col, e) < 0) {
		tx->v->rollback(&tx);
		return -1;
	}
	return tx->v->commit(&tx, e);
}

void
sim_begin(struct sim *s, uint64_t seed)
{
	struct err e = { .code = ERR_NONE };

	s->seed = seed;
	s->dice.s = seed;
	s->now = 1767225600000; /* 2026-01-01 */
	rnd_seed(&s->rnd, seed);
	s->failed = s->calm = false;
	s->dev_n = s->stash_n = 0;
	s->account_n = 1 + (dice_hits(&s->dice, 15) ? 1 : 0);
	for (unsigned i = 0; i < s->account_n; i++) {
		model_reset(&s->model[i]);
		if (make_account(s, i, &e) < 0)
			broken(s, "account", &e);
	}
}

void
sim_end(struct sim *s)
{
	struct err e = { .code = ERR_NONE };

	store_fault_set(s->store, (struct store_fault_plan){ 0 });
	for (unsigned i = s->account_n; i-- > 0;) {
		if (s->inner->v->account_erase(s->inner, s->account[i], &e) < 0)
			broken(s, "erase", &e);
	}
	arena_reset(s->keep);
	arena_reset(s->a);
	arena_reset(s->b);
}

void
sim_post(struct sim *s, const struct dev *d, struct slice body,
	 const char *token, struct sml_reply *out)
{
	struct sml_request rq = {
		.content_type = slice_c(d->t.enc == SML_XML
					    ? "application/vnd.syncml+xml"
					    : "application/vnd.syncml+wbxml"),
		.body = body,
		.token = slice_c(token),
		.peer = SLICE_LIT("192.0.2.7"),
		.base_url = SLICE_LIT("http://h/s"),
	};

	s->now += 1000;
	s->messages++;
	arena_reset(s->a);
	sml_server_handle(&s->srv, s->a, &rq, out);
}

void
sim_story(struct sim *s, const struct dev *d)
{
	struct err e = { .code = ERR_NONE };
	struct store_tx *tx = NULL;
	struct store_device *dev = NULL;
	struct store_session *ses = NULL;
	struct store_story *line = NULL;
	size_t n = 0;

	if (!s->verbose || s->inner->v->begin(s->inner, s->account[d->account],
					      STORE_READ, s->now, &tx, &e) < 0)
		return;
	if (tx->v->device_get(tx, s->a, slice_c(d->id), &dev, &e) == 0 &&
	    dev != NULL &&
	    tx->v->session_list(tx, s->a, dev->id, 1, &ses, &n, &e) == 0 &&
	    n > 0 && tx->v->story_get(tx, s->a, ses->id, &line, &n, &e) == 0) {
		for (size_t i = 0; i < n; i++)
			sim_say(s, "      | %c %.*s", line[i].who,
				SLICE_ARG(line[i].text));
	}
	tx->v->rollback(&tx);
}

/* ---- the store's items -------------------------------------------------- */

void
sim_items(struct sim *s, unsigned account, struct rec *out, size_t max,
	  size_t *n)
{
	struct err e = { .code = ERR_NONE };
	struct store_tx *tx = NULL;
	struct store_item *it;

	*n = 0;
	arena_reset(s->a);
	arena_reset(s->b);
	if (s->inner->v->begin(s->inner, s->account[account], STORE_READ,
			       s->now, &tx, &e) < 0) {
		broken(s, "read", &e);
		return;
	}
	if (tx->v->item_page(tx, s->a, CONTACTS_ID, 0, max, false, true, &it, n,
			     &e) < 0) {
		broken(s, "items", &e);
		*n = 0;
	}
	for (size_t i = 0; i < *n; i++)
		(void)rec_read(s, it[i].body, &out[i]);
	tx->v->rollback(&tx);
}

static void
see(struct sim *s, struct slice body, bool seen[static DEEDS_MAX])
{
	struct rec r;

	if (body.n == 0 || !rec_read(s, body, &r))
		return;
	for (int f = 0; f < FIELDS; f++) {
		for (unsigned i = 0; i < r.n[f]; i++)
			seen[r.v[f][i] & 0xffff] = true;
	}
}

void
sim_history(struct sim *s, unsigned account, bool seen[static DEEDS_MAX])
{
	struct err e = { .code = ERR_NONE };
	struct store_tx *tx = NULL;
	struct store_item *it;
	size_t n = 0;

	memset(seen, 0, DEEDS_MAX * sizeof(*seen));
	arena_reset(s->a);
	arena_reset(s->b);
	if (s->inner->v->begin(s->inner, s->account[account], STORE_READ,
			       s->now, &tx, &e) < 0) {
		broken(s, "read", &e);
		return;
	}
	if (tx->v->item_page(tx, s->a, CONTACTS_ID, 0, 10000, true, false, &it,
			     &n, &e) < 0)
		broken(s, "items", &e);
	for (size_t i = 0; i < n && !s->failed; i++) {
		struct store_revision *rev;
		size_t rev_n;

		if (tx->v->revision_list(tx, s->a, it[i].id, true, &rev, &rev_n,
					 &e) < 0) {
			broken(s, "history", &e);
			break;
		}
		for (size_t k = 0; k < rev_n; k++)
			see(s, rev[k].body, seen);
	}
	tx->v->rollback(&tx);
}

/* ---- edits from elsewhere ----------------------------------------------- */

static int
put(struct sim *s, struct store_tx *tx, const struct store_item *old,
    const struct rec *r, struct err *e)
{
	struct pim_view view = { .form = PIM_VCARD30,
				 .zone = SLICE_LIT("Europe/Berlin") };
	struct pim_item *it;
	struct pim_ids ids;
	struct store_write w = { .kind = PIM_CONTACT,
				 .collection = CONTACTS_ID,
				 .origin = STORE_BY_ADMIN };

	if (old != NULL) {
		w.item = old->id;
		w.revision = old->last_revision + 1;
		w.old_size = old->size;
	} else {
		w.item = tx->next_id++;
		w.create = true;
		w.revision = 1;
	}
	if (r == NULL) {
		w.deleted = true;
		return tx->v->item_put(tx, &w, 1, e);
	}
	pim_view_seal(&view);
	if (pim_read(s->a, &view, PIM_VCARD30, rec_write(s, s->a, r, false),
		     &it, e) < 0 ||
	    pim_canon(s->a, it, &w.body, e) < 0 ||
	    pim_identify(s->a, it, &ids, e) < 0)
		return -1;
	w.uid = ids.uid;
	w.h_uid = ids.h_uid;
	w.h_content = ids.h_content;
	w.h_identity = ids.h_identity;
	return tx->v->item_put(tx, &w, 1, e);
}

/* A new value of a field that its user may edit. */
static void
set_field(struct sim *s, unsigned account, struct rec *r, unsigned ent)
{
	static const enum field editable[] = { F_TEL, F_TITLE, F_NOTE, F_URL };
	struct model *m = &s->model[account];
	enum field f = editable[dice_below(&s->dice, 4)];
	uint32_t t =
	    model_deed(m, (struct deed){ .ent = ent, .field = f, .dev = -1 });

	model_over(m, t, r, f);
	m->deed[t].acked = true; /* it is in the store */
	m->deed[t].made = m->deed[t].heard = s->messages;
	rec_set(r, f, t | account << 16);
}

static struct rec
new_rec(struct sim *s, unsigned account)
{
	struct model *m = &s->model[account];
	unsigned ent = model_ent(m, -1);
	struct rec r = { 0 };
	uint32_t mail = model_deed(
	    m, (struct deed){ .ent = ent, .field = F_EMAIL, .dev = -1 });

	rec_set(&r, F_NAME, m->ent[ent].name | account << 16);
	rec_set(&r, F_EMAIL, mail | account << 16);
	set_field(s, account, &r, ent);
	return r;
}

static void
remove_item(struct sim *s, unsigned account, const struct rec *r)
{
	struct model *m = &s->model[account];
	uint32_t t = model_deed(m, (struct deed){ .kind = DEED_DELETE,
						  .ent = model_ent_of(m, r),
						  .dev = -1 });

	model_over_all(m, t, r);
	m->deed[t].acked = true;
}

void
sim_edit_server(struct sim *s, unsigned account)
{
	struct model *m = &s->model[account];
	struct err e = { .code = ERR_NONE };
	struct store_tx *tx = NULL;
	struct store_item *it = NULL;
	size_t n = 0;
	struct rec r;
	unsigned what = dice_below(&s->dice, 10);
	const struct store_item *old;

	if (model_full(m))
		return;
	arena_reset(s->a);
	arena_reset(s->b);
	s->now += 1000;
	s->deeds++;
	if (s->inner->v->begin(s->inner, s->account[account], STORE_WRITE,
			       s->now, &tx, &e) < 0) {
		broken(s, "write", &e);
		return;
	}
	if (tx->v->item_page(tx, s->a, CONTACTS_ID, 0, PAGE, false, true, &it,
			     &n, &e) < 0)
		broken(s, "items", &e);
	old =
	    n == 0 || what < 3 ? NULL : &it[dice_below(&s->dice, (unsigned)n)];
	if (old == NULL) {
		r = new_rec(s, account);
		sim_say(s, "  elsewhere: new n%u", r.v[F_NAME][0]);
	} else if (!rec_read(s, old->body, &r)) {
		tx->v->rollback(&tx);
		return;
	} else if (what == 9) {
		sim_say(s, "  elsewhere: n%u deleted", r.v[F_NAME][0]);
		remove_item(s, account, &r);
	} else {
		char text[200];

		set_field(s, account, &r, model_ent_of(m, &r));
		sim_say(s, "  elsewhere: now %s",
			rec_show(&r, text, sizeof(text)));
	}
	if (put(s, tx, old, old != NULL && what == 9 ? NULL : &r, &e) < 0 ||
	    tx->v->commit(&tx, &e) < 0) {
		broken(s, "edit", &e);
		if (tx != NULL)
			tx->v->rollback(&tx);
	}
}
