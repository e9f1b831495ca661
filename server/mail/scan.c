/* What became different in one folder since the last look. Reads only. */
#include "server/mail/inside.h"

#include <stdlib.h>

enum { PLACES_PAGE = 5000, SINGLES_MAX = 64 };

struct places {
	struct store_mail_place *p; /* by uid */
	size_t n, cap;
};

static int
add_places(struct mail_step *st, struct places *all,
	   const struct store_mail_place *p, size_t n, struct err *e)
{
	if (all->n + n > all->cap) {
		size_t cap = (all->n + n) * 2;
		struct store_mail_place *to =
		    ARENA_ARRAY(st->a, cap, struct store_mail_place);

		if (to == NULL)
			return mail_no_memory(e);
		if (all->n > 0)
			memcpy(to, all->p, all->n * sizeof(*to));
		all->p = to;
		all->cap = cap;
	}
	if (n > 0)
		memcpy(all->p + all->n, p, n * sizeof(*p));
	all->n += n;
	return 0;
}

/* Those from low to high. */
static int
read_places(struct mail_step *st, struct store_tx *tx, int64_t collection,
	    int64_t low, int64_t high, struct places *all, struct err *e)
{
	size_t page =
	    high - low < PLACES_PAGE ? (size_t)(high - low + 1) : PLACES_PAGE;
	int64_t after = low - 1;
	struct store_mail_place *p;
	size_t n;

	do {
		size_t in = 0;

		arena_reset(st->work);
		if (tx->v->mail->place_page(tx, st->work, collection, after,
					    page, &p, &n, e) < 0)
			return -1;
		while (in < n && p[in].uid <= high)
			in++;
		if (in > 0)
			after = p[in - 1].uid;
		if (add_places(st, all, p, in, e) < 0)
			return -1;
		if (in < n)
			return 0;
	} while (n == page && after < high);
	return 0;
}

static int
by_uid(const void *x, const void *y)
{
	const struct store_mail_place *a = x;
	const struct store_mail_place *b = y;

	return (a->uid > b->uid) - (a->uid < b->uid);
}

static const struct store_mail_place *
find(const struct places *all, uint32_t uid)
{
	struct store_mail_place key = { .uid = uid };

	return all->n == 0 ? NULL
			   : bsearch(&key, all->p, all->n, sizeof(key), by_uid);
}

/* ---- sorting what the server said ---------------------------------------- */

static int
room(struct mail_step *st, struct mail_scan *s, size_t msgs, size_t places,
     struct err *e)
{
	s->fresh = ARENA_ARRAY(st->a, msgs + 1, uint32_t);
	s->seen = ARENA_ARRAY(st->a, msgs + 1, struct mbox_msg);
	s->was = ARENA_ARRAY(st->a, msgs + 1, struct store_mail_place);
	s->gone =
	    ARENA_ARRAY(st->a, msgs + places + 1, struct store_mail_place);
	if (s->fresh == NULL || s->seen == NULL || s->was == NULL ||
	    s->gone == NULL)
		return mail_no_memory(e);
	return 0;
}

/* Marked as deleted is gone: that is how clients of old hide mails, and all
   that servers without UIDPLUS let us do. */
static void
sort_out(struct mail_scan *s, const struct places *all,
	 const struct mbox_msg *m, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct store_mail_place *p = find(all, m[i].uid);
		bool deleted = (m[i].flags & MBOX_DELETED) != 0;

		if (!m[i].has_flags || (p == NULL && deleted))
			continue;
		if (p == NULL) {
			s->fresh[s->fresh_n++] = m[i].uid;
		} else if (deleted) {
			s->gone[s->gone_n++] = *p;
		} else if (mail_flags_of(m[i].flags) != p->flags) {
			s->seen[s->seen_n] = m[i];
			s->was[s->seen_n++] = *p;
		}
	}
}

/* ---- everything ---------------------------------------------------------- */

/* Places that are not in the window's UIDs, which ascend. */
static void
missing(struct mail_scan *s, const struct places *all, const uint32_t *uid,
	size_t n)
{
	size_t k = 0;

	for (size_t i = 0; i < all->n; i++) {
		while (k < n && uid[k] < all->p[i].uid)
			k++;
		if (k == n || uid[k] != all->p[i].uid)
			s->gone[s->gone_n++] = all->p[i];
	}
}

static bool
in_window(const uint32_t *uid, size_t n, uint32_t want)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (uid[mid] == want)
			return true;
		if (uid[mid] < want)
			low = mid + 1;
		else
			high = mid;
	}
	return false;
}

static int
all_places(struct mail_step *st, struct mail_scan *s, struct places *all,
	   struct err *e)
{
	struct store_tx *tx;

	if (s->again)
		return 0;
	if (mail_begin(st, STORE_READ, &tx, e) < 0)
		return -1;
	return mail_end(&tx,
			read_places(st, tx, st->folder[s->folder].collection, 1,
				    UINT32_MAX, all, e),
			e);
}

static int
scan_full(struct mail_step *st, struct mail_scan *s, struct err *e)
{
	int64_t edge = mail_edge(st);
	struct places all = { NULL, 0, 0 };
	struct mbox_msg *m = NULL;
	uint32_t *uid;
	size_t n, m_n = 0, kept = 0;

	/* Servers search by their own days: one more, and we look closer. */
	if (mbox_search(st->box, st->a, (size_t)st->login.count,
			edge == INT64_MIN ? 0 : edge - MAIL_DAY_MS,
			MAIL_WINDOW_MAX, &uid, &n, e) < 0 ||
	    all_places(st, s, &all, e) < 0)
		return -1;
	if (n > 0) {
		const struct mbox_range r = { uid[0], UINT32_MAX };
		const struct mbox_ask ask = { .range = &r,
					      .range_n = 1,
					      .part = MBOX_FLAGS_ONLY,
					      .max = s->state.exists + 100 };

		if (mbox_fetch(st->box, st->a, &ask, &m, &m_n, NULL, NULL, e) <
		    0)
			return -1;
	}
	for (size_t i = 0; i < m_n; i++) {
		if (in_window(uid, n, m[i].uid))
			m[kept++] = m[i];
	}
	if (room(st, s, kept, all.n, e) < 0)
		return -1;
	missing(s, &all, uid, n);
	sort_out(s, &all, m, kept);
	return 0;
}

/* ---- only what changed --------------------------------------------------- */

static int
places_of(struct mail_step *st, struct mail_scan *s, const struct mbox_msg *m,
	  size_t n, struct places *known, struct err *e)
{
	int64_t col = st->folder[s->folder].collection;
	struct store_tx *tx;
	int rc = 0;

	if (n == 0)
		return 0;
	if (mail_begin(st, STORE_READ, &tx, e) < 0)
		return -1;
	if (n > SINGLES_MAX)
		rc = read_places(st, tx, col, m[0].uid, m[n - 1].uid, known, e);
	for (size_t i = 0; rc == 0 && n <= SINGLES_MAX && i < n; i++)
		rc = read_places(st, tx, col, m[i].uid, m[i].uid, known, e);
	return mail_end(&tx, rc, e);
}

static int
gone_ranges(struct mail_step *st, struct mail_scan *s,
	    const struct mbox_range *r, size_t n, struct places *gone,
	    struct err *e)
{
	int64_t col = st->folder[s->folder].collection;
	struct store_tx *tx;
	int rc = 0;

	if (n == 0)
		return 0;
	if (mail_begin(st, STORE_READ, &tx, e) < 0)
		return -1;
	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = read_places(st, tx, col, r[i].low, r[i].high, gone, e);
	return mail_end(&tx, rc, e);
}

static int
scan_since(struct mail_step *st, struct mail_scan *s, struct err *e)
{
	const struct mbox_range r = { 1, UINT32_MAX };
	const struct mbox_ask ask = {
		.range = &r,
		.range_n = 1,
		.part = MBOX_FLAGS_ONLY,
		.since = st->folder[s->folder].highestmodseq,
		.max = MAIL_WINDOW_MAX,
	};
	struct places known = { NULL, 0, 0 }, gone = { NULL, 0, 0 };
	struct mbox_range *left;
	struct mbox_msg *m;
	size_t n, left_n;

	if (mbox_fetch(st->box, st->a, &ask, &m, &n, &left, &left_n, e) < 0 ||
	    places_of(st, s, m, n, &known, e) < 0 ||
	    gone_ranges(st, s, left, left_n, &gone, e) < 0 ||
	    room(st, s, n, gone.n, e) < 0)
		return -1;
	for (size_t i = 0; i < gone.n; i++)
		s->gone[s->gone_n++] = gone.p[i];
	sort_out(s, &known, m, n);
	return 0;
}

/* ---- which of them ------------------------------------------------------- */

/* Can what changed be asked for? Each new day shifts the window's edge. */
static bool
only_changes(const struct mail_step *st, const struct store_mail_folder *f)
{
	return (mbox_caps(st->box) & MBOX_CAN_QRESYNC) != 0 &&
	       f->highestmodseq != 0 && f->uidvalidity != 0 &&
	       f->seen_ms / MAIL_DAY_MS == mail_now(st) / MAIL_DAY_MS;
}

static bool
stands(const struct store_mail_folder *f, const struct mbox_state *s)
{
	return f->uidvalidity == s->uidvalidity &&
	       f->highestmodseq == s->modseq && f->uidnext == s->uidnext;
}

/* Asking how it stands is less than opening it. INBOX, which was open while we
   waited, may not be asked for so. */
static int
same(struct mail_step *st, size_t folder, bool *yes, struct err *e)
{
	const struct store_mail_folder *f = &st->folder[folder];
	struct mbox_state now;

	*yes = false;
	if (f->role == STORE_MAIL_INBOX || st->open == folder ||
	    !only_changes(st, f))
		return 0;
	if (mbox_status(st->box, f->name, &now, e) < 0)
		return -1;
	*yes = stands(f, &now);
	return 0;
}

int
mail_scan(struct mail_step *st, size_t folder, struct mail_scan *s,
	  struct err *e)
{
	const struct store_mail_folder *f = &st->folder[folder];

	*s = (struct mail_scan){ .folder = folder };
	if (same(st, folder, &s->skip, e) < 0)
		return -1;
	if (s->skip)
		return 0;
	/* Selected anew: its numbers are those of now. */
	if (st->open == folder)
		st->open = SIZE_MAX;
	if (mail_select(st, folder, e) < 0) {
		s->skip = true;
		return -1;
	}
	st->scanned = true;
	s->state = st->state;
	s->again =
	    f->uidvalidity != 0 && f->uidvalidity != st->state.uidvalidity;
	s->full = !only_changes(st, f) || st->state.modseq == 0 || s->again;
	if (s->full)
		return scan_full(st, s, e);
	if (stands(f, &st->state)) {
		s->skip = true;
		return 0;
	}
	return scan_since(st, s, e);
}
