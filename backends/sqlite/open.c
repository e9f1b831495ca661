/*
 * Opening and closing, and the table of functions.
 */
#include "backends/sqlite/sqlite.h"

#include "backends/sqlite/lite.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

static void
lite_close(struct store **sp)
{
	struct lite *s;

	if (*sp == NULL)
		return;
	s = lite_of(*sp);
	while (s->idle != NULL) {
		struct lite_conn *c = s->idle;

		s->idle = c->next;
		lite_disconnect(&c);
	}
	store_ears_destroy(&s->ears);
	(void)pthread_mutex_destroy(&s->lock);
	free(s->path);
	free(s);
	*sp = NULL;
}

/* What other processes write is not heard of. */
static int
lite_hear(struct store *s, const struct store_ear *ear, struct err *e)
{
	(void)e;
	store_ears_set(&lite_of(s)->ears, ear);
	return 0;
}

static const struct store_vtbl LITE = {
	.name = "sqlite",
	.rows = &lite_rows_vtbl,
	.alarm = &lite_alarm_vtbl,
	.mail = &lite_mail_vtbl,
	.push = &lite_push_vtbl,
	.close = lite_close,
	.hear = lite_hear,
	.backup = lite_backup,
	.check = lite_check,
	.site_get = lite_site_get,
	.site_init = lite_site_init,
	.throttle_share = lite_throttle_share,
	.auth_count = lite_auth_count,
	.node_beat = lite_node_beat,
	.lease_take = lite_lease_take,
	.query = lite_ask,
	.login_find = lite_login_find,
	.device_find = lite_device_find,
	.account_create = lite_account_create,
	.account_erase = lite_account_erase,
	.account_list = lite_account_list,
	.prune = lite_prune,
	.begin = lite_begin,
	.commit = lite_commit,
	.rollback = lite_rollback,
	.save = lite_save,
	.save_keep = lite_save_keep,
	.save_undo = lite_save_undo,
	.account_get = lite_account_get,
	.account_set = lite_account_set,
	.cred_list = lite_cred_list,
	.cred_put = lite_cred_put,
	.cred_drop = lite_cred_drop,
	.collection_list = lite_collection_list,
	.collection_put = lite_collection_put,
	.collection_drop = lite_collection_drop,
	.item_put = lite_item_put,
	.item_get = lite_item_get,
	.item_page = lite_item_page,
	.revision_get = lite_revision_get,
	.revision_list = lite_revision_list,
	.revision_match = lite_revision_match,
	.item_match = lite_item_match,
	.item_purge = lite_item_purge,
	.device_get = lite_device_get,
	.device_list = lite_device_list,
	.device_put = lite_device_put,
	.device_drop = lite_device_drop,
	.link_list = lite_link_list,
	.link_put = lite_link_put,
	.map_by_luid = lite_map_by_luid,
	.map_by_item = lite_map_by_item,
	.map_pending = lite_map_pending,
	.map_put = lite_map_put,
	.map_drop = lite_map_drop,
	.map_drop_others = lite_map_drop_others,
	.map_count = lite_map_count,
	.changes = lite_changes,
	.changes_count = lite_changes_count,
	.unmapped = lite_unmapped,
	.window = lite_window,
	.session_find = lite_session_find,
	.session_put = lite_session_put,
	.answer_get = lite_answer_get,
	.session_supersede = lite_session_supersede,
	.session_list = lite_session_list,
	.session_open = lite_session_open,
	.story_add = lite_story_add,
	.story_get = lite_story_get,
	.report_put = lite_report_put,
	.report_get = lite_report_get,
	.holds_decided = lite_holds_decided,
	.chunk_add = lite_chunk_add,
	.chunk_join = lite_chunk_join,
	.chunk_read = lite_chunk_read,
	.chunk_drop = lite_chunk_drop,
};

static int
check_path(const char *path, bool migrate, struct err *e)
{
	struct stat st;

	if (*path == 0 || *path == ':')
		return err_set(e, ERR_CONFIG, "store.open",
			       "sqlite: needs the path of a file, as in "
			       "sqlite:/var/lib/funicular/funicular.db");
	if (stat(path, &st) == 0) {
		if (S_ISREG(st.st_mode))
			return 0;
		return err_set(e, ERR_CONFIG, "store.open", "%s is not a file",
			       path);
	}
	if (errno != ENOENT)
		return err_errno(e, ERR_CONFIG, errno, "store.open",
				 "cannot look at %s", path);
	if (!migrate)
		return err_set(e, ERR_CONFIG, "store.open",
			       "there is no database %s: run "
			       "`funicular migrate`",
			       path);
	return 0;
}

/* While opening it is the administrator's settings that do not work, unless
   the same may work in a moment. */
static int
not_opened(struct err *e)
{
	int rc = e->sys & 0xff;

	if (e->code == ERR_UNAVAILABLE && rc != SQLITE_BUSY &&
	    rc != SQLITE_LOCKED && rc != SQLITE_FULL)
		e->code = ERR_CONFIG;
	return -1;
}

int
lite_open(const char *path, bool migrate, struct store **out, struct err *e)
{
	struct err own = { .code = ERR_NONE };
	struct lite_conn *c = NULL;
	struct lite *s;

	if (e == NULL)
		e = &own;
	if (check_path(path, migrate, e) < 0)
		return -1;
	if (lite_connect(path, migrate, &c, e) < 0)
		return not_opened(e);
	if (lite_migrate(c, path, migrate, e) < 0) {
		lite_disconnect(&c);
		return not_opened(e);
	}
	s = calloc(1, sizeof(*s));
	if (s != NULL)
		s->path = strdup(path);
	if (s == NULL || s->path == NULL) {
		free(s);
		lite_disconnect(&c);
		return lite_nomem("store.open", e);
	}
	s->s.v = &LITE;
	s->last = &s->first;
	s->busy_ms = LITE_BUSY_MS;
	(void)pthread_mutex_init(&s->lock, NULL);
	store_ears_init(&s->ears);
	lite_give(s, c);
	*out = &s->s;
	return 0;
}
