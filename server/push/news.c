/*
 * What is worth waking a device for: it is asked of the same rows as its next
 * sync would begin with, and what that would not send is no news.
 *
 * Of mail only new mail is: one that the device has not got, that nobody has
 * read, and that came into a folder in which mail comes. That a mail was read
 * or deleted elsewhere it hears when it syncs the next time.
 */
#include "server/alarms/inside.h"
#include "server/push/push.h"

#include "pim/mail.h"
#include "syncml/filter.h"
#include "syncml/limits.h"

enum {
	PAGE = 64,
	/* Where so much changed that is no news, some of what comes behind
	   it is taken to be. */
	PAGES = 4,
	DAY_MS = 24 * 60 * 60 * 1000,
};

struct news { /* of one link */
	struct alarms_view *v;
	const struct srv_push_ways *w;
	const struct store_link *l;
	struct sml_filter_use filter; /* of its last session */
	struct store_mail_folder *folder;
	size_t folder_n;
	bool folders_read;
};

/* What a session that broke had sent and heard nothing of. Debts are not it:
   coming again would not settle them. */
static int
unsettled(const struct news *k, bool *yes, struct err *e)
{
	const struct store_pending ask = { .link = k->l->id,
					   .gen = k->l->gen,
					   .doubt_from = INT64_MAX,
					   .this_sync = -1,
					   .limit = SRV_PUSH_PENDING_MAX };
	struct store_tx *tx = k->v->tx;
	struct store_map *m;
	size_t n;

	if (tx->v->map_pending(tx, k->v->a, &ask, &m, &n, e) < 0)
		return -1;
	for (size_t i = 0; i < n && !*yes; i++)
		*yes = m[i].state != STORE_MAP_DEBT;
	return 0;
}

/* It may have this one, or had it. */
static bool
is_known(const struct store_change *ch)
{
	return ch->mapped && ch->map.state != STORE_MAP_SENT;
}

/* By its head alone: certainly nothing. */
static bool
is_nothing(const struct news *k, const struct store_change *ch)
{
	/* The list of mail folders: many do not even take it. */
	if (ch->item.kind == PIM_FOLDER)
		return true;
	/* It says that there is mail, and nothing else. */
	if (k->w->form == SRV_PUSH_EMN && ch->item.kind != PIM_MAIL)
		return true;
	if (is_known(ch))
		return ch->item.kind == PIM_MAIL && !k->w->all_mail;
	/* Windows of days have moved since it asked for one. */
	return !sml_filter_dates_may(&k->filter, &ch->item,
				     k->v->now_ms - k->l->last_ok_ms + DAY_MS);
}

/* Into the outbox, drafts and sent mail the user puts it; into the trash it
   goes. */
static int
comes_in(struct news *k, int64_t collection, bool *yes, struct err *e)
{
	const struct store_tx *tx = k->v->tx;

	if (!k->folders_read &&
	    tx->v->mail->folder_list(k->v->tx, k->v->a, &k->folder,
				     &k->folder_n, e) < 0)
		return -1;
	k->folders_read = true;
	*yes = true;
	for (size_t i = 0; i < k->folder_n; i++) {
		if (k->folder[i].collection == collection)
			*yes = k->folder[i].role == STORE_MAIL_INBOX ||
			       k->folder[i].role == STORE_MAIL_NONE;
	}
	return 0;
}

/* One that it has not got, by its content. */
static int
is_news(struct news *k, const struct store_item *it, bool *yes, struct err *e)
{
	bool mail = it->kind == PIM_MAIL && !k->w->all_mail;
	struct pim_item *pim;

	*yes = true;
	if (mail && comes_in(k, it->collection, yes, e) < 0)
		return -1;
	if (!*yes || (!mail && !sml_filter_has_terms(&k->filter)))
		return 0;
	if (pim_parse(k->v->a, (enum pim_kind)it->kind, it->body, &pim, e) < 0)
		return e->code == ERR_NOMEM ? -1 : 0;
	if (mail && (pim->mail->flags & (PIM_MAIL_READ | PIM_MAIL_DRAFT)) != 0)
		*yes = false;
	return *yes ? sml_filter_terms_match(k->v->a, &k->filter, it, pim, yes,
					     e)
		    : 0;
}

/* Of those that are not nothing: is one of them news? */
static int
any(struct news *k, const int64_t *id, size_t n, bool *yes, struct err *e)
{
	struct store_tx *tx = k->v->tx;
	struct store_item *it;
	size_t it_n;

	if (n == 0)
		return 0;
	if (tx->v->item_get(tx, k->v->a, id, n, true, &it, &it_n, e) < 0)
		return -1;
	for (size_t i = 0; i < it_n && !*yes; i++) {
		if (is_news(k, &it[i], yes, e) < 0)
			return -1;
	}
	return 0;
}

static int
page(struct news *k, struct store_cursor *from, size_t limit, size_t *n,
     bool *yes, struct err *e)
{
	struct store_tx *tx = k->v->tx;
	struct store_change *ch;
	int64_t id[PAGE];
	size_t id_n = 0;

	if (tx->v->changes(tx, k->v->a, k->l->id, k->l->gen, from,
			   tx->change_no, limit, &ch, n, e) < 0)
		return -1;
	for (size_t i = 0; i < *n && !*yes; i++) {
		from->change_no = ch[i].item.change_no;
		from->item = ch[i].item.id;
		if (is_nothing(k, &ch[i]))
			continue;
		*yes = is_known(&ch[i]);
		id[id_n++] = ch[i].item.id;
	}
	return *yes ? 0 : any(k, id, id_n, yes, e);
}

static int
one_collection(struct news *k, struct store_cursor from, bool *yes,
	       struct err *e)
{
	/* Mostly the first one tells. */
	size_t limit = 1;
	size_t n = 1;

	for (int i = 0; i <= PAGES && n == limit && !*yes; i++) {
		limit = i == 0 ? 1 : PAGE;
		if (page(k, &from, limit, &n, yes, e) < 0)
			return -1;
	}
	*yes = *yes || n == PAGE;
	return 0;
}

int
srv_push_news(struct alarms_view *v, const struct srv_push_ways *w,
	      const struct store_link *l, bool broke, bool *yes, struct err *e)
{
	struct news k = { .v = v, .w = w, .l = l };
	struct arena_mark m = arena_mark(v->a);
	int rc = 0;

	*yes = false;
	if (l->gen == 0)
		return 0;
	if (sml_filter_read(v->a, l->filter_asked, &k.filter, e) < 0)
		return -1;
	if (broke)
		rc = unsettled(&k, yes, e);
	for (size_t i = 0; rc == 0 && i < l->cursor_n && !*yes; i++)
		rc = one_collection(&k, l->cursor[i], yes, e);
	arena_rewind(v->a, m);
	return rc;
}
