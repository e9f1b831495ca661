#include "tests/alarms/kit.h"

#include "pim/calendar_time.h"
#include "syncml/due.h"

/* ---- the outlet ------------------------------------------------------------
 */

struct fake_outlet {
	struct outlet o; /* first */
	struct fake *f;
};

static void
copy(char *out, size_t n, struct slice s)
{
	(void)snprintf(out, n, "%.*s", SLICE_ARG(s));
}

static void
note(struct fake *f, const struct outlet_msg *m)
{
	struct fake_msg *to = &f->msg[f->n++];

	assert_true(f->n < FAKE_MAX);
	*to =
	    (struct fake_msg){ .at_ms = f->clk->now_ms(f->clk), .open = true };
	copy(to->id, sizeof(to->id), m->id);
	copy(to->to, sizeof(to->to), m->to);
	copy(to->subject, sizeof(to->subject), m->subject);
	copy(to->text, sizeof(to->text), m->text);
	if (m->alarm == NULL)
		return;
	copy(to->uid, sizeof(to->uid), m->alarm->uid);
	copy(to->place, sizeof(to->place), m->alarm->place);
	to->due_ms = m->alarm->due_ms;
	to->late = m->alarm->late;
}

static void
settle_one(struct fake *f, struct fake_msg *m, enum fake_way way)
{
	m->open = false;
	if (way == FAKE_CONFIRMS)
		f->calls.sent(f->calls.ctx, slice_c(m->id));
	else
		f->calls.failed(f->calls.ctx, slice_c(m->id),
				way == FAKE_REFUSES, "it was made to fail");
}

static size_t
fake_send(struct outlet *o, const struct outlet_msg *msg, size_t n)
{
	struct fake *f = ((struct fake_outlet *)(void *)o)->f;

	if (f->way == FAKE_DOWN)
		return 0;
	if (f->room > 0 && n > f->room)
		n = f->room;
	for (size_t i = 0; i < n; i++) {
		note(f, &msg[i]);
		if (f->way != FAKE_HOLDS)
			settle_one(f, &f->msg[f->n - 1], f->way);
	}
	return n;
}

static void
fake_close(struct outlet **o)
{
	struct fake *f = ((struct fake_outlet *)(void *)*o)->f;

	for (size_t i = 0; i < f->n; i++) {
		if (f->msg[i].open)
			settle_one(f, &f->msg[i], FAKE_FAILS);
	}
	f->open = NULL;
	free(*o);
	*o = NULL;
}

static int
fake_open(void *ctx, const struct outlet_calls *calls, struct outlet **out,
	  struct err *e)
{
	static const struct outlet_vtable v = { "fake", fake_send, fake_close };
	struct fake_outlet *o = calloc(1, sizeof(*o));
	struct fake *f = ctx;

	(void)e;
	assert_non_null(o);
	/* One node holds it: never two at a time. */
	assert_null(f->open);
	o->o.v = &v;
	o->f = f;
	f->calls = *calls;
	f->open = *out = &o->o;
	f->opens++;
	return 0;
}

void
fake_settle(struct fake *f, enum fake_way way)
{
	for (size_t i = 0; i < f->n; i++) {
		if (f->msg[i].open)
			settle_one(f, &f->msg[i], way);
	}
}

/* ---- the kit ---------------------------------------------------------------
 */

static int64_t
now_ms(const struct clk *c)
{
	const struct kit *k =
	    (const struct kit *)(const void *)((const char *)c -
					       offsetof(struct kit, clk));

	return k->now;
}

int64_t
k_ms(const char *utc)
{
	struct pim_time t;

	assert_true(pim_time_parse(slice_c(utc), &t));
	return t.wall * 1000;
}

void
k_now(struct kit *k, const char *utc)
{
	k->now = k_ms(utc);
}

static void
calendar(struct kit *k)
{
	struct store_tx *tx = t_begin(k->env, k->env->anna, STORE_WRITE, 1);
	struct store_collection c = { .id = 50,
				      .name = SLICE_LIT("calendar"),
				      .display = SLICE_LIT("Calendar"),
				      .kinds = PIM_EVENT | PIM_TODO,
				      .member = { 50 },
				      .member_n = 1 };
	struct store_account acc;

	OK(k->env, tx->v->collection_put(tx, &c, &k->env->e));
	OK(k->env, tx->v->account_get(tx, k->env->a, &acc, &k->env->e));
	acc.zone = SLICE_LIT("Europe/Berlin");
	OK(k->env, tx->v->account_set(tx, &acc, &k->env->e));
	t_commit(k->env, &tx);
}

int
k_setup(void **state)
{
	struct kit *k = calloc(1, sizeof(*k));

	if (k == NULL || t_setup(state) != 0)
		return -1;
	k->env = *state;
	k->clk.now_ms = now_ms;
	rnd_seed(&k->rnd, 7);
	k->im.clk = k->mail.clk = &k->clk;
	k->store = k->env->s;
	*state = k;
	k_now(k, "20260301T000000Z");
	calendar(k);
	k_set(k, "jid", "Anna@Example.com/phone");
	return 0;
}

int
k_teardown(void **state)
{
	struct kit *k = *state;

	srv_alarms_free(&k->al);
	t_sound(k->env);
	*state = k->env;
	free(k);
	return t_teardown(state);
}

void
k_set(struct kit *k, const char *key, const char *value)
{
	struct t_env *env = k->env;
	struct store_tx *tx = t_begin(env, env->anna, STORE_WRITE, k->now);

	OK(env,
	   srv_ways_set(tx, env->a, slice_c(key), slice_c(value), &env->e));
	t_commit(env, &tx);
}

static struct pim_item *
parse(struct kit *k, const char *comp, const char *lines)
{
	struct pim_view v = { .zone = SLICE_LIT("Europe/Berlin") };
	struct buf b = BUF_IN(k->env->a);
	struct pim_item *it;

	buf_printf(&b, "BEGIN:VCALENDAR\nVERSION:2.0\nBEGIN:%s\n", comp);
	for (; *lines != '\0'; lines++)
		buf_byte(&b, (unsigned char)(*lines == '|' ? '\n' : *lines));
	buf_printf(&b, "\nEND:%s\nEND:VCALENDAR\n", comp);
	OK(k->env,
	   pim_read(k->env->a, &v, PIM_ICAL20, buf_slice(&b), &it, &k->env->e));
	return it;
}

static void
fill(struct kit *k, struct store_tx *tx, struct pim_item *it,
     struct store_write *w)
{
	struct t_env *env = k->env;
	struct store_account acc;
	struct pim_ids ids;

	OK(env, tx->v->account_get(tx, env->a, &acc, &env->e));
	OK(env, pim_canon(env->a, it, &w->body, &env->e));
	OK(env, pim_identify(env->a, it, &ids, &env->e));
	OK(env, sml_due(env->a, &acc, it, tx->now_ms, &w->due, &env->e));
	w->kind = it->kind;
	w->collection = 50;
	w->uid = ids.uid;
	w->h_uid = ids.h_uid;
	w->h_content = ids.h_content;
	w->h_identity = ids.h_identity;
	w->span = (struct store_span){ ids.span.set, ids.span.from_ms,
				       ids.span.to_ms };
	w->origin = STORE_BY_IMPORT;
}

static int64_t
put(struct kit *k, const char *comp, const char *lines)
{
	struct arena_mark m = arena_mark(k->env->a);
	struct store_tx *tx =
	    t_begin(k->env, k->env->anna, STORE_WRITE, k->now);
	struct store_write w = { .item = tx->next_id++,
				 .create = true,
				 .revision = 1 };

	fill(k, tx, parse(k, comp, lines), &w);
	t_put(k->env, tx, w);
	t_commit(k->env, &tx);
	arena_rewind(k->env->a, m);
	return w.item;
}

int64_t
k_event(struct kit *k, const char *lines)
{
	return put(k, "VEVENT", lines);
}

int64_t
k_todo(struct kit *k, const char *lines)
{
	return put(k, "VTODO", lines);
}

void
k_change(struct kit *k, int64_t item, const char *lines)
{
	struct store_tx *tx =
	    t_begin(k->env, k->env->anna, STORE_WRITE, k->now);
	struct store_item head = t_head(k->env, tx, item);
	struct store_write w =
	    lines == NULL ? t_delete(&head) : t_next(&head, "");

	if (lines != NULL)
		fill(
		    k, tx,
		    parse(k, head.kind == PIM_TODO ? "VTODO" : "VEVENT", lines),
		    &w);
	t_put(k->env, tx, w);
	t_commit(k->env, &tx);
}

const char *
k_text(struct kit *k, int64_t item)
{
	struct store_tx *tx = t_begin(k->env, k->env->anna, STORE_READ, k->now);
	struct store_item head = t_head(k->env, tx, item);
	char *s = arena_cstr(k->env->a, head.body);
	char *to = s;

	tx->v->rollback(&tx);
	assert_non_null(s);
	for (const char *p = s; *p != '\0'; p++) {
		if (*p != '\r')
			*to++ = *p;
	}
	*to = '\0';
	return s;
}

struct srv_alarms *
k_node(struct kit *k, const char *name)
{
	struct srv_alarms_in in = {
		.store = k->store,
		.clk = &k->clk,
		.rnd = &k->rnd.r,
		.node = slice_c(name),
		.before = slice_c(k->before == NULL ? "" : k->before),
		.channel = { { "xmpp", fake_open, &k->im },
			     { "smtp", fake_open, &k->mail } },
		.channel_n = 2,
		.archive = slice_c(k->archive == NULL ? "" : k->archive),
	};
	struct srv_alarms *al;

	OK(k->env, srv_alarms_new(&in, &al, &k->env->e));
	return al;
}

void
k_run(struct kit *k, struct srv_alarms *al)
{
	int i = 0;

	(void)k;
	/* Twice more: what outlets settled is written down by the next one. */
	for (int quiet = 0; quiet < 2; quiet++) {
		while (srv_alarms_step(al) == 0)
			assert_true(i++ < 10000);
	}
}

void
k_go(struct kit *k)
{
	if (k->al == NULL)
		k->al = k_node(k, "node-1");
	k_run(k, k->al);
}

/* ---- what the far side saw
 * --------------------------------------------------- */

void
k_saw(const struct kit *k, const struct fake *f, size_t n)
{
	if (f->n == n)
		return;
	for (size_t i = 0; i < f->n; i++)
		print_error("%s %lld: %s\n", f->msg[i].to,
			    (long long)(f->msg[i].at_ms - k->now),
			    f->msg[i].text);
	fail_msg("%zu messages, not %zu", f->n, n);
}

const struct fake_msg *
k_last(const struct fake *f)
{
	assert_true(f->n > 0);
	return &f->msg[f->n - 1];
}

static const char *
come(struct kit *k, struct outlet_in *in)
{
	struct outlet_answer out = { .refused = false };

	assert_non_null(k->im.open);
	k->im.calls.in(k->im.calls.ctx, in, k->env->a, &out);
	if (out.refused)
		return NULL;
	return out.text.n == 0 ? "" : arena_cstr(k->env->a, out.text);
}

const char *
k_say(struct kit *k, const char *from, const char *text, const char *about,
      const char *id)
{
	return come(k, &(struct outlet_in){ .kind = OUTLET_IN_TEXT,
					    .from = slice_c(from),
					    .id = slice_c(id),
					    .text = slice_c(text),
					    .about = slice_c(about) });
}

const char *
k_command(struct kit *k, const char *node, const char *field, const char *value,
	  const char *about)
{
	const struct outlet_field f = { slice_c(field), slice_c(value) };

	return come(k,
		    &(struct outlet_in){ .kind = OUTLET_IN_COMMAND,
					 .from = SLICE_LIT("anna@example.com"),
					 .text = slice_c(node),
					 .about = slice_c(about),
					 .field = &f,
					 .field_n = 1 });
}

void
k_receipt(struct kit *k, const char *id)
{
	(void)come(k,
		   &(struct outlet_in){ .kind = OUTLET_IN_RECEIPT,
					.from = SLICE_LIT("anna@example.com"),
					.id = slice_c(id) });
}

static struct store_delivery *
all(struct kit *k, size_t *n)
{
	struct t_env *env = k->env;
	struct store_tx *tx = t_begin(env, env->anna, STORE_READ, k->now);
	struct store_delivery *d;

	OK(env,
	   tx->v->alarm->delivery_list(tx, env->a, 0, 100000, &d, n, &env->e));
	tx->v->rollback(&tx);
	return d;
}

size_t
k_rows(struct kit *k, enum store_delivery_state state)
{
	size_t n;
	size_t hit = 0;
	struct store_delivery *d = all(k, &n);

	for (size_t i = 0; i < n; i++)
		hit += d[i].state == state;
	return hit;
}

struct store_delivery
k_row(struct kit *k, size_t i)
{
	size_t n;
	struct store_delivery *d = all(k, &n);

	assert_true(i < n);
	return d[i];
}
