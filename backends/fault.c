#include "backends/fault_int.h"

#include <stdlib.h>

void
fault_tell(struct fault *f, const char *fn, const struct fault_call *c,
	   enum store_fault_when when)
{
	store_fault_hook *hook;
	void *ctx;

	(void)pthread_mutex_lock(&f->lock);
	hook = f->hook;
	ctx = f->ctx;
	(void)pthread_mutex_unlock(&f->lock);
	if (hook != NULL)
		hook(ctx, fn, c->n, when);
}

struct fault_call
fault_hit(struct fault *f, const char *fn)
{
	struct fault_call c = { .fails = false };

	(void)pthread_mutex_lock(&f->lock);
	c.n = ++f->calls;
	c.when = f->plan.when;
	if (f->plan.at == 1) {
		c.fails = true;
		f->failed++;
		if (!f->plan.onwards)
			f->plan.at = 0;
	} else if (f->plan.at > 1) {
		f->plan.at--;
	}
	(void)pthread_mutex_unlock(&f->lock);
	fault_tell(f, fn, &c, STORE_FAULT_BEFORE);
	return c;
}

int
fault_injected(const char *fn, struct err *e)
{
	return err_set(e, ERR_UNAVAILABLE, "store.fault", "%s was made to fail",
		       fn);
}

/* clang-format off */
SITE(hear, (struct store *s, const struct store_ear *ear, struct err *e),
     (in, ear, e))
SITE(backup, (struct store *s, const char *path, struct err *e),
     (in, path, e))
SITE(check, (struct store *s, struct arena *a, struct slice **finding,
     size_t *n, struct err *e), (in, a, finding, n, e))
SITE(site_get, (struct store *s, struct arena *a, const char *key,
     struct slice **out, struct err *e), (in, a, key, out, e))
SITE(site_init, (struct store *s, struct arena *a, const char *key,
     struct slice value, struct slice *out, struct err *e),
     (in, a, key, value, out, e))
SITE(throttle_share, (struct store *s, struct arena *a,
     const struct store_throttle *row, size_t n,
     const struct store_throttle_keep keep[static STORE_THROTTLE_KINDS],
     int64_t *seen, struct store_throttle **out, size_t *out_n,
     struct err *e), (in, a, row, n, keep, seen, out, out_n, e))
SITE(auth_count, (struct store *s, const struct store_auth_day *row, size_t n,
     size_t max, struct err *e), (in, row, n, max, e))
SITE(node_beat, (struct store *s, const struct store_node *node,
     struct err *e), (in, node, e))
SITE(lease_take, (struct store *s, const char *name, struct slice owner,
     int64_t ms, bool *got, struct err *e), (in, name, owner, ms, got, e))
SITE(query, (struct store *s, struct arena *a, const char *sql,
     const struct slice *param, size_t n, size_t limit,
     struct store_table *out, struct err *e),
     (in, a, sql, param, n, limit, out, e))
SITE(login_find, (struct store *s, struct slice user, int64_t *account,
     struct err *e), (in, user, account, e))
SITE(device_find, (struct store *s, struct slice dev_id, int64_t *account,
     size_t max, size_t *n, struct err *e), (in, dev_id, account, max, n, e))
SITE(account_create, (struct store *s, const struct store_account *acc,
     int64_t *id, struct err *e), (in, acc, id, e))
SITE(account_erase, (struct store *s, int64_t account, struct err *e),
     (in, account, e))
SITE(account_list, (struct store *s, struct arena *a,
     struct store_account **out, size_t *n, struct err *e),
     (in, a, out, n, e))
SITE(prune, (struct store *s, int64_t history_ms, int64_t sessions_ms,
     int64_t chunks_ms, int64_t *n, struct err *e),
     (in, history_ms, sessions_ms, chunks_ms, n, e))
TX(save, (struct store_tx *tx, int level, struct err *e), (in, level, e))
TX(save_keep, (struct store_tx *tx, int level, struct err *e), (in, level, e))
TX(account_get, (struct store_tx *tx, struct arena *a,
   struct store_account *out, struct err *e), (in, a, out, e))
TX(account_set, (struct store_tx *tx, const struct store_account *acc,
   struct err *e), (in, acc, e))
TX(cred_list, (struct store_tx *tx, struct arena *a, struct store_cred **out,
   size_t *n, struct err *e), (in, a, out, n, e))
TX(cred_put, (struct store_tx *tx, const struct store_cred *c, struct err *e),
   (in, c, e))
TX(cred_drop, (struct store_tx *tx, int64_t id, struct err *e), (in, id, e))
TX(collection_list, (struct store_tx *tx, struct arena *a,
   struct store_collection **out, size_t *n, struct err *e),
   (in, a, out, n, e))
TX(collection_put, (struct store_tx *tx, const struct store_collection *c,
   struct err *e), (in, c, e))
TX(collection_drop, (struct store_tx *tx, int64_t id, struct err *e),
   (in, id, e))
TX(item_put, (struct store_tx *tx, const struct store_write *w, size_t n,
   struct err *e), (in, w, n, e))
TX(item_get, (struct store_tx *tx, struct arena *a, const int64_t *id,
   size_t n, bool bodies, struct store_item **out, size_t *out_n,
   struct err *e), (in, a, id, n, bodies, out, out_n, e))
TX(item_page, (struct store_tx *tx, struct arena *a, int64_t collection,
   int64_t after, size_t limit, bool deleted_too, bool bodies,
   struct store_item **out, size_t *n, struct err *e),
   (in, a, collection, after, limit, deleted_too, bodies, out, n, e))
TX(revision_get, (struct store_tx *tx, struct arena *a,
   const struct store_rev_key *k, size_t n, struct store_revision **out,
   size_t *out_n, struct err *e), (in, a, k, n, out, out_n, e))
TX(revision_list, (struct store_tx *tx, struct arena *a, int64_t item,
   bool bodies, struct store_revision **out, size_t *n, struct err *e),
   (in, a, item, bodies, out, n, e))
TX(revision_match, (struct store_tx *tx, struct arena *a, const int64_t *item,
   const uint64_t *h_content, size_t n, struct store_revision **out,
   size_t *out_n, struct err *e), (in, a, item, h_content, n, out, out_n, e))
TX(item_match, (struct store_tx *tx, struct arena *a,
    const struct store_likeness *ask, struct store_candidate **out, size_t *n,
    struct err *e), (in, a, ask, out, n, e))
TX(item_purge, (struct store_tx *tx, int64_t item, struct err *e),
   (in, item, e))
TX(device_get, (struct store_tx *tx, struct arena *a, struct slice dev_id,
   struct store_device **out, struct err *e), (in, a, dev_id, out, e))
TX(device_list, (struct store_tx *tx, struct arena *a,
   struct store_device **out, size_t *n, struct err *e), (in, a, out, n, e))
TX(device_put, (struct store_tx *tx, const struct store_device *d,
   struct err *e), (in, d, e))
TX(device_drop, (struct store_tx *tx, int64_t device, struct err *e),
   (in, device, e))
TX(link_list, (struct store_tx *tx, struct arena *a, int64_t device,
   struct store_link **out, size_t *n, struct err *e),
   (in, a, device, out, n, e))
TX(link_put, (struct store_tx *tx, const struct store_link *l, struct err *e),
   (in, l, e))
TX(map_by_luid, (struct store_tx *tx, struct arena *a, int64_t link,
   const struct slice *luid, size_t n, struct store_map **out, size_t *out_n,
   struct err *e), (in, a, link, luid, n, out, out_n, e))
TX(map_by_item, (struct store_tx *tx, struct arena *a, int64_t link,
   int64_t gen, const int64_t *item, size_t n, struct store_map **out,
   size_t *out_n, struct err *e), (in, a, link, gen, item, n, out, out_n, e))
TX(map_pending, (struct store_tx *tx, struct arena *a,
    const struct store_pending *ask, struct store_map **out, size_t *n,
    struct err *e), (in, a, ask, out, n, e))
TX(map_put, (struct store_tx *tx, const struct store_map *m, size_t n,
   struct err *e), (in, m, n, e))
TX(map_drop, (struct store_tx *tx, int64_t link, int64_t gen,
   const int64_t *item, size_t n, struct err *e), (in, link, gen, item, n, e))
TX(map_drop_others, (struct store_tx *tx, int64_t link, int64_t keep,
   int64_t keep2, struct err *e), (in, link, keep, keep2, e))
TX(map_count, (struct store_tx *tx, int64_t link, int64_t gen, int64_t *n,
   struct err *e), (in, link, gen, n, e))
TX(changes, (struct store_tx *tx, struct arena *a, int64_t link, int64_t gen,
   const struct store_cursor *from, int64_t upto, size_t limit,
   struct store_change **out, size_t *n, struct err *e),
   (in, a, link, gen, from, upto, limit, out, n, e))
TX(changes_count, (struct store_tx *tx, int64_t link, int64_t gen,
   const struct store_cursor *from, int64_t upto, int64_t *n, struct err *e),
   (in, link, gen, from, upto, n, e))
TX(unmapped, (struct store_tx *tx, struct arena *a, int64_t link, int64_t gen,
   int64_t collection, int64_t after, size_t limit, struct store_item **out,
   size_t *n, struct err *e),
   (in, a, link, gen, collection, after, limit, out, n, e))
TX(window, (struct store_tx *tx, struct arena *a,
   const struct store_window *ask, struct store_change **out, size_t *n,
   struct err *e), (in, a, ask, out, n, e))
TX(session_find, (struct store_tx *tx, struct arena *a,
   struct slice token_hash, int64_t device, struct slice sid,
   struct store_session **out, struct err *e),
   (in, a, token_hash, device, sid, out, e))
TX(session_put, (struct store_tx *tx, const struct store_session *ses,
   const struct slice *answer, struct err *e), (in, ses, answer, e))
TX(answer_get, (struct store_tx *tx, struct arena *a, int64_t session,
   struct slice **out, struct err *e), (in, a, session, out, e))
TX(session_supersede, (struct store_tx *tx, int64_t device, int64_t except,
   struct slice verdict, struct err *e), (in, device, except, verdict, e))
TX(session_list, (struct store_tx *tx, struct arena *a, int64_t device,
   size_t limit, struct store_session **out, size_t *n, struct err *e),
   (in, a, device, limit, out, n, e))
TX(session_open, (struct store_tx *tx, struct arena *a, int64_t since_ms,
   struct store_session **out, size_t *n, struct err *e),
   (in, a, since_ms, out, n, e))
TX(story_add, (struct store_tx *tx, int64_t session,
   const struct store_story *s, size_t n, struct err *e),
   (in, session, s, n, e))
TX(story_get, (struct store_tx *tx, struct arena *a, int64_t session,
   struct store_story **out, size_t *n, struct err *e),
   (in, a, session, out, n, e))
TX(report_put, (struct store_tx *tx, const struct store_report *r,
   struct err *e), (in, r, e))
TX(report_get, (struct store_tx *tx, struct arena *a, int64_t session,
   struct store_report *out, struct err *e), (in, a, session, out, e))
TX(holds_decided, (struct store_tx *tx, int64_t session,
   enum store_event_how how, struct err *e), (in, session, how, e))
TX(chunk_add, (struct store_tx *tx, struct store_chunk_key k,
   struct slice bytes, struct err *e), (in, k, bytes, e))
TX(chunk_join, (struct store_tx *tx, struct arena *a,
   struct store_chunk_key k, struct slice *out, struct err *e),
   (in, a, k, out, e))
TX(chunk_read, (struct store_tx *tx, struct arena *a,
   struct store_chunk_key k, int64_t offset, size_t n, struct slice *out,
   struct err *e), (in, a, k, offset, n, out, e))
TX(chunk_drop, (struct store_tx *tx, struct store_chunk_key k, struct err *e),
   (in, k, e))
/* clang-format on */

static void
fault_close(struct store **s)
{
	struct fault *f;

	if (*s == NULL)
		return;
	f = fault_of(*s);
	(void)pthread_mutex_destroy(&f->lock);
	free(f);
	*s = NULL;
}

static int
fault_begin(struct store *s, int64_t account, enum store_mode mode,
	    int64_t now_ms, struct store_tx **tx, struct err *e)
{
	struct store *in = fault_of(s)->inner;
	struct fault_tx *t = calloc(1, sizeof(*t));
	struct fault_call call = fault_hit(fault_of(s), "begin");

	if (t == NULL)
		return err_set(e, ERR_NOMEM, "store.fault", "no memory");
	if (call.fails && call.when == STORE_FAULT_BEFORE) {
		free(t);
		return fault_injected("begin", e);
	}
	if (in->v->begin(in, account, mode, now_ms, &t->inner, e) < 0) {
		free(t);
		return -1;
	}
	fault_tell(fault_of(s), "begin", &call, STORE_FAULT_AFTER);
	if (call.fails) {
		in->v->rollback(&t->inner);
		free(t);
		return fault_injected("begin", e);
	}
	t->tx = *t->inner;
	t->tx.v = s->v;
	t->tx.s = s;
	*tx = &t->tx;
	return 0;
}

static void
fault_rollback(struct store_tx **tx)
{
	struct fault_tx *t;

	if (*tx == NULL)
		return;
	t = fault_of_tx(*tx);
	t->inner->v->rollback(&t->inner);
	free(t);
	*tx = NULL;
}

static int
fault_commit(struct store_tx **tx, struct err *e)
{
	struct fault_tx *t = fault_of_tx(*tx);
	struct fault *f = fault_of(t->tx.s);
	struct fault_call call = fault_hit(f, "commit");
	bool failed = t->failed;
	int rc;

	t->inner->next_id = t->tx.next_id;
	for (int i = 0; i < STORE_WAKES; i++) {
		if (t->tx.word[i].set)
			store_wake(t->inner, (enum store_wake)i,
				   t->tx.word[i].due_ms);
	}
	if (failed || (call.fails && call.when == STORE_FAULT_BEFORE)) {
		fault_rollback(tx);
		return failed ? err_set(e, ERR_BUG, "store.fault",
					"commit after a failure")
			      : fault_injected("commit", e);
	}
	rc = t->inner->v->commit(&t->inner, e);
	fault_tell(f, "commit", &call, STORE_FAULT_AFTER);
	free(t);
	*tx = NULL;
	return call.fails ? fault_injected("commit", e) : rc;
}

static int
fault_save_undo(struct store_tx *tx, int level, struct err *e)
{
	struct fault_tx *t = fault_of_tx(tx);
	struct fault_call call = fault_hit(fault_of(tx->s), "save_undo");
	int rc = -1;

	t->inner->next_id = tx->next_id;
	if (!call.fails || call.when == STORE_FAULT_AFTER) {
		rc = t->inner->v->save_undo(t->inner, level, e);
		fault_tell(fault_of(tx->s), "save_undo", &call,
			   STORE_FAULT_AFTER);
	}
	if (call.fails)
		rc = fault_injected("save_undo", e);
	t->failed = rc < 0;
	return rc;
}

static const struct store_vtbl FAULT = {
	.name = "fault",
	.alarm = &fault_alarm_vtbl,
	.mail = &fault_mail_vtbl,
	.push = &fault_push_vtbl,
	.close = fault_close,
	.hear = fault_hear,
	.backup = fault_backup,
	.check = fault_check,
	.site_get = fault_site_get,
	.site_init = fault_site_init,
	.throttle_share = fault_throttle_share,
	.auth_count = fault_auth_count,
	.node_beat = fault_node_beat,
	.lease_take = fault_lease_take,
	.query = fault_query,
	.login_find = fault_login_find,
	.device_find = fault_device_find,
	.account_create = fault_account_create,
	.account_erase = fault_account_erase,
	.account_list = fault_account_list,
	.prune = fault_prune,
	.begin = fault_begin,
	.commit = fault_commit,
	.rollback = fault_rollback,
	.save = fault_save,
	.save_keep = fault_save_keep,
	.save_undo = fault_save_undo,
	.account_get = fault_account_get,
	.account_set = fault_account_set,
	.cred_list = fault_cred_list,
	.cred_put = fault_cred_put,
	.cred_drop = fault_cred_drop,
	.collection_list = fault_collection_list,
	.collection_put = fault_collection_put,
	.collection_drop = fault_collection_drop,
	.item_put = fault_item_put,
	.item_get = fault_item_get,
	.item_page = fault_item_page,
	.revision_get = fault_revision_get,
	.revision_list = fault_revision_list,
	.revision_match = fault_revision_match,
	.item_match = fault_item_match,
	.item_purge = fault_item_purge,
	.device_get = fault_device_get,
	.device_list = fault_device_list,
	.device_put = fault_device_put,
	.device_drop = fault_device_drop,
	.link_list = fault_link_list,
	.link_put = fault_link_put,
	.map_by_luid = fault_map_by_luid,
	.map_by_item = fault_map_by_item,
	.map_pending = fault_map_pending,
	.map_put = fault_map_put,
	.map_drop = fault_map_drop,
	.map_drop_others = fault_map_drop_others,
	.map_count = fault_map_count,
	.changes = fault_changes,
	.changes_count = fault_changes_count,
	.unmapped = fault_unmapped,
	.window = fault_window,
	.session_find = fault_session_find,
	.session_put = fault_session_put,
	.answer_get = fault_answer_get,
	.session_supersede = fault_session_supersede,
	.session_list = fault_session_list,
	.session_open = fault_session_open,
	.story_add = fault_story_add,
	.story_get = fault_story_get,
	.report_put = fault_report_put,
	.report_get = fault_report_get,
	.holds_decided = fault_holds_decided,
	.chunk_add = fault_chunk_add,
	.chunk_join = fault_chunk_join,
	.chunk_read = fault_chunk_read,
	.chunk_drop = fault_chunk_drop,
};

int
store_fault_new(struct store *inner, struct store **out, struct err *e)
{
	struct fault *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return err_set(e, ERR_NOMEM, "store.fault", "no memory");
	f->s.v = &FAULT;
	f->inner = inner;
	(void)pthread_mutex_init(&f->lock, NULL);
	*out = &f->s;
	return 0;
}

void
store_fault_set(struct store *s, struct store_fault_plan plan)
{
	struct fault *f = fault_of(s);

	(void)pthread_mutex_lock(&f->lock);
	f->plan = plan;
	(void)pthread_mutex_unlock(&f->lock);
}

void
store_fault_on_call(struct store *s, store_fault_hook *hook, void *ctx)
{
	struct fault *f = fault_of(s);

	(void)pthread_mutex_lock(&f->lock);
	f->hook = hook;
	f->ctx = ctx;
	(void)pthread_mutex_unlock(&f->lock);
}

uint64_t
store_fault_calls(struct store *s)
{
	struct fault *f = fault_of(s);
	uint64_t n;

	(void)pthread_mutex_lock(&f->lock);
	n = f->calls;
	(void)pthread_mutex_unlock(&f->lock);
	return n;
}

uint64_t
store_fault_failed(struct store *s)
{
	struct fault *f = fault_of(s);
	uint64_t n;

	(void)pthread_mutex_lock(&f->lock);
	n = f->failed;
	(void)pthread_mutex_unlock(&f->lock);
	return n;
}
