#include "backends/pack.h"

#include <stdio.h>

int
store_cursors_get(struct slice bytes, struct store_link *l, const char *where,
		  struct err *e)
{
	const unsigned char *at = (const unsigned char *)bytes.p;
	size_t n = bytes.n / STORE_CURSOR_BYTES;

	if (bytes.n % STORE_CURSOR_BYTES != 0 || n > STORE_MEMBERS_MAX)
		return err_set(e, ERR_BUG, where,
			       "link %lld: cursors of %zu bytes",
			       (long long)l->id, bytes.n);
	l->cursor_n = n;
	for (size_t i = 0; i < n; i++, at += STORE_CURSOR_BYTES) {
		l->cursor[i] = (struct store_cursor){
			.collection = (int64_t)store_unpack(at),
			.change_no = (int64_t)store_unpack(at + 8),
			.item = (int64_t)store_unpack(at + 16),
		};
	}
	return 0;
}

int
store_cursors_put(const struct store_link *l,
		  char out[static STORE_CURSORS_MAX], struct slice *bytes,
		  const char *where, struct err *e)
{
	unsigned char *at = (unsigned char *)out;

	if (l->cursor_n > STORE_MEMBERS_MAX)
		return err_set(e, ERR_BUG, where, "%zu cursors", l->cursor_n);
	for (size_t i = 0; i < l->cursor_n; i++, at += STORE_CURSOR_BYTES) {
		store_pack(at, (uint64_t)l->cursor[i].collection);
		store_pack(at + 8, (uint64_t)l->cursor[i].change_no);
		store_pack(at + 16, (uint64_t)l->cursor[i].item);
	}
	*bytes = (struct slice){ out, l->cursor_n * STORE_CURSOR_BYTES };
	return 0;
}

int
store_members_get(struct slice text, struct store_collection *col,
		  const char *where, struct err *e)
{
	struct slice one;

	col->member_n = 0;
	while (text.n > 0 && slice_split(&text, ' ', &one)) {
		if (col->member_n == STORE_MEMBERS_MAX ||
		    !slice_i64(one, &col->member[col->member_n++]))
			return err_set(e, ERR_BUG, where,
				       "collection %lld: its members",
				       (long long)col->id);
	}
	return 0;
}

int
store_members_put(const struct store_collection *col,
		  char out[static STORE_MEMBERS_ROOM], struct slice *text,
		  const char *where, struct err *e)
{
	size_t at = 0;

	if (col->member_n > STORE_MEMBERS_MAX)
		return err_set(e, ERR_BUG, where, "%zu members", col->member_n);
	for (size_t i = 0; i < col->member_n; i++)
		at += (size_t)snprintf(out + at, STORE_MEMBERS_ROOM - at,
				       "%s%lld", i == 0 ? "" : " ",
				       (long long)col->member[i]);
	*text = (struct slice){ out, at };
	return 0;
}

int
store_offers_get(struct slice bytes, struct store_map *m, const char *where,
		 struct err *e)
{
	const unsigned char *at = (const unsigned char *)bytes.p;
	size_t n = bytes.n / STORE_OFFER_BYTES;

	if (bytes.n % STORE_OFFER_BYTES != 0 || n > STORE_OFFERS_MAX)
		return err_set(e, ERR_BUG, where,
			       "map row of item %lld: offers of %zu bytes",
			       (long long)m->item, bytes.n);
	m->offer_n = n;
	for (size_t i = 0; i < n; i++, at += STORE_OFFER_BYTES) {
		m->offer[i] = (struct store_offer){
			.revision = (int64_t)store_unpack(at),
			.form = store_unpack(at + 8),
		};
	}
	return 0;
}

struct slice
store_offers_put(const struct store_map *m, char out[static STORE_OFFERS_ROOM])
{
	unsigned char *at = (unsigned char *)out;

	for (size_t i = 0; i < m->offer_n; i++, at += STORE_OFFER_BYTES) {
		store_pack(at, (uint64_t)m->offer[i].revision);
		store_pack(at + 8, m->offer[i].form);
	}
	return (struct slice){ out, m->offer_n * STORE_OFFER_BYTES };
}

bool
store_offers_have(struct slice bytes, int64_t revision)
{
	const unsigned char *p = (const unsigned char *)bytes.p;

	for (size_t i = 0; i + STORE_OFFER_BYTES <= bytes.n;
	     i += STORE_OFFER_BYTES) {
		if ((int64_t)store_unpack(p + i) == revision)
			return true;
	}
	return false;
}
