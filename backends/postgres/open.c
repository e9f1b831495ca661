/*
 * Opening and closing, and the table of functions.
 */
#include "backends/postgres/postgres.h"

#include "backends/postgres/pg.h"

#include "base/random.h"

#include <stdio.h>
#include <stdlib.h>

static void
pg_close(struct store **sp)
{
	struct pg *s;

	if (*sp == NULL)
		return;
	s = pg_of(*sp);
	(void)pg_hear(*sp, NULL, NULL);
	while (s->idle != NULL) {
		struct pg_conn *c = s->idle;

		s->idle = c->next;
		pg_disconnect(&c);
	}
	(void)pthread_mutex_destroy(&s->lock);
	store_ears_destroy(&s->ears);
	pg_uri_free(&s->uri);
	free(s);
	*sp = NULL;
}

static const struct store_vtbl PG = {
	.name = "postgres",
	.rows = &pg_rows_vtbl,
	.alarm = &pg_alarm_vtbl,
	.mail = &pg_mail_vtbl,
	.push = &pg_push_vtbl,
	.close = pg_close,
	.hear = pg_hear,
	.backup = pg_backup,
	.check = pg_check,
	.site_get = pg_site_get,
	.site_init = pg_site_init,
	.throttle_share = pg_throttle_share,
	.auth_count = pg_auth_count,
	.node_beat = pg_node_beat,
	.lease_take = pg_lease_take,
	.query = pg_ask,
	.login_find = pg_login_find,
	.device_find = pg_device_find,
	.account_create = pg_account_create,
	.account_erase = pg_account_erase,
	.account_list = pg_account_list,
	.prune = pg_prune,
	.begin = pg_begin,
	.commit = pg_commit,
	.rollback = pg_rollback,
	.save = pg_save,
	.save_keep = pg_save_keep,
	.save_undo = pg_save_undo,
	.account_get = pg_account_get,
	.account_set = pg_account_set,
	.cred_list = pg_cred_list,
	.cred_put = pg_cred_put,
	.cred_drop = pg_cred_drop,
	.collection_list = pg_collection_list,
	.collection_put = pg_collection_put,
	.collection_drop = pg_collection_drop,
	.item_put = pg_item_put,
	.item_get = pg_item_get,
	.item_page = pg_item_page,
	.revision_get = pg_revision_get,
	.revision_list = pg_revision_list,
	.revision_match = pg_revision_match,
	.item_match = pg_item_match,
	.item_purge = pg_item_purge,
	.device_get = pg_device_get,
	.device_list = pg_device_list,
	.device_put = pg_device_put,
	.device_drop = pg_device_drop,
	.link_list = pg_link_list,
	.link_put = pg_link_put,
	.map_by_luid = pg_map_by_luid,
	.map_by_item = pg_map_by_item,
	.map_pending = pg_map_pending,
	.map_put = pg_map_put,
	.map_drop = pg_map_drop,
	.map_drop_others = pg_map_drop_others,
	.map_count = pg_map_count,
	.changes = pg_changes,
	.changes_count = pg_changes_count,
	.unmapped = pg_unmapped,
	.window = pg_window,
	.session_find = pg_session_find,
	.session_put = pg_session_put,
	.answer_get = pg_answer_get,
	.session_supersede = pg_session_supersede,
	.session_list = pg_session_list,
	.session_open = pg_session_open,
	.story_add = pg_story_add,
	.story_get = pg_story_get,
	.report_put = pg_report_put,
	.report_get = pg_report_get,
	.holds_decided = pg_holds_decided,
	.chunk_add = pg_chunk_add,
	.chunk_join = pg_chunk_join,
	.chunk_read = pg_chunk_read,
	.chunk_drop = pg_chunk_drop,
};

int
pg_open(const char *rest, bool migrate, struct store **out, struct err *e)
{
	struct pg *s = calloc(1, sizeof(*s));
	struct pg_conn *c = NULL;
	uint64_t tag;
	int rc;

	if (s == NULL)
		return pg_nomem("store.open", e);
	s->s.v = &PG;
	s->last = &s->first;
	s->turn_ms = PG_TURN_MS;
	(void)pthread_mutex_init(&s->lock, NULL);
	store_ears_init(&s->ears);
	rnd_system.fill(&rnd_system, &tag, sizeof(tag));
	(void)snprintf(s->tag, sizeof(s->tag), "%016llx",
		       (unsigned long long)tag);
	*out = &s->s;
	rc = pg_uri_read(rest, &s->uri, e);
	if (rc == 0)
		rc = pg_connect(&s->uri, &c, e);
	if (rc == 0) {
		s->open = 1;
		rc = pg_migrate(c, migrate, e);
		pg_give(s, c);
	}
	if (rc < 0)
		pg_close(out);
	return rc;
}
