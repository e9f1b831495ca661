/* What is due: alarms, mail and notices, in a store that fails. */
#include "backends/fault_int.h"

/* clang-format off */
SITE_IN(v->alarm, due, (struct store *s, struct arena *a,
     const bool mine[static STORE_BUCKETS], size_t limit,
     struct store_alarm_next **out, size_t *n, struct err *e),
     (in, a, mine, limit, out, n, e))
SITE_IN(v->alarm, outbox, (struct store *s, struct arena *a,
     struct slice channel, const size_t limit[static STORE_BUCKETS],
     struct store_delivery **out, size_t *n, struct err *e),
     (in, a, channel, limit, out, n, e))
SITE_IN(v->alarm, buckets, (struct store *s, struct slice owner, int64_t ms,
     bool mine[static STORE_BUCKETS], struct err *e), (in, owner, ms, mine, e))
SITE_IN(v->alarm, delivery_mark, (struct store *s,
     const struct store_mark *m, size_t n, struct err *e), (in, m, n, e))
SITE_IN(v->alarm, address_find, (struct store *s, struct slice channel,
     const struct slice *address, size_t n, int64_t *account, struct err *e),
     (in, channel, address, n, account, e))
TX_IN(v->alarm, next_list, (struct store_tx *tx, struct arena *a,
   int64_t upto_ms, size_t limit, struct store_alarm_next **out, size_t *n,
   struct err *e), (in, a, upto_ms, limit, out, n, e))
TX_IN(v->alarm, next_put, (struct store_tx *tx,
   const struct store_alarm_next *next, size_t n, bool overdue,
   struct err *e), (in, next, n, overdue, e))
TX_IN(v->alarm, next_clear, (struct store_tx *tx, struct err *e), (in, e))
TX_IN(v->alarm, delivery_add, (struct store_tx *tx,
   const struct store_delivery *d, size_t n, struct err *e), (in, d, n, e))
TX_IN(v->alarm, delivery_set, (struct store_tx *tx,
   const struct store_delivery *d, size_t n, struct err *e), (in, d, n, e))
TX_IN(v->alarm, delivery_get, (struct store_tx *tx, struct arena *a,
   const struct slice *id, size_t n, struct store_delivery **out,
   size_t *out_n, struct err *e), (in, a, id, n, out, out_n, e))
TX_IN(v->alarm, delivery_list, (struct store_tx *tx, struct arena *a,
   int64_t since_ms, size_t limit, struct store_delivery **out, size_t *n,
   struct err *e), (in, a, since_ms, limit, out, n, e))
TX_IN(v->alarm, seen, (struct store_tx *tx, struct slice key, bool *fresh,
   struct err *e), (in, key, fresh, e))
TX_IN(v->alarm, setting_list, (struct store_tx *tx, struct arena *a,
   struct store_setting **out, size_t *n, struct err *e), (in, a, out, n, e))
TX_IN(v->alarm, setting_put, (struct store_tx *tx, struct slice key,
   struct slice value, struct err *e), (in, key, value, e))
TX_IN(v->alarm, address_put, (struct store_tx *tx, struct slice channel,
   const struct slice *address, size_t n, struct err *e),
   (in, channel, address, n, e))
SITE_IN(v->mail, logins_due, (struct store *s, struct arena *a,
     const bool mine[static STORE_BUCKETS], size_t limit,
     struct store_mail_login **out, size_t *n, struct err *e),
     (in, a, mine, limit, out, n, e))
SITE_IN(v->mail, effects_due, (struct store *s, struct arena *a,
     const bool mine[static STORE_BUCKETS], size_t limit,
     struct store_mail_effect **out, size_t *n, struct err *e),
     (in, a, mine, limit, out, n, e))
SITE_AS(v->mail, buckets, mail_buckets, (struct store *s, struct slice owner,
     int64_t ms, bool mine[static STORE_BUCKETS], struct err *e),
     (in, owner, ms, mine, e))
TX_IN(v->mail, login_get, (struct store_tx *tx, struct arena *a,
   struct store_mail_login **out, struct err *e), (in, a, out, e))
TX_IN(v->mail, login_put, (struct store_tx *tx,
   const struct store_mail_login *l, struct err *e), (in, l, e))
TX_IN(v->mail, login_drop, (struct store_tx *tx, struct err *e), (in, e))
TX_IN(v->mail, folder_list, (struct store_tx *tx, struct arena *a,
   struct store_mail_folder **out, size_t *n, struct err *e),
   (in, a, out, n, e))
TX_IN(v->mail, folder_put, (struct store_tx *tx,
   const struct store_mail_folder *f, size_t n, struct err *e), (in, f, n, e))
TX_IN(v->mail, folder_drop, (struct store_tx *tx, int64_t collection,
   struct err *e), (in, collection, e))
TX_IN(v->mail, place_page, (struct store_tx *tx, struct arena *a,
   int64_t collection, int64_t after, size_t limit,
   struct store_mail_place **out, size_t *n, struct err *e),
   (in, a, collection, after, limit, out, n, e))
TX_IN(v->mail, place_of, (struct store_tx *tx, struct arena *a,
   const int64_t *item, size_t n, struct store_mail_place **out, size_t *out_n,
   struct err *e), (in, a, item, n, out, out_n, e))
TX_IN(v->mail, place_put, (struct store_tx *tx,
   const struct store_mail_place *p, size_t n, struct err *e), (in, p, n, e))
TX_IN(v->mail, place_drop, (struct store_tx *tx, int64_t collection,
   const int64_t *uid, size_t n, struct err *e), (in, collection, uid, n, e))
TX_IN(v->mail, body_put, (struct store_tx *tx,
   const struct store_mail_body *b, size_t n, struct err *e), (in, b, n, e))
TX_IN(v->mail, body_get, (struct store_tx *tx, struct arena *a,
   const int64_t *item, size_t n, size_t max, struct store_mail_body **out,
   size_t *out_n, struct err *e), (in, a, item, n, max, out, out_n, e))
TX_IN(v->mail, body_drop, (struct store_tx *tx, const int64_t *item, size_t n,
   struct err *e), (in, item, n, e))
TX_IN(v->mail, effect_add, (struct store_tx *tx,
   const struct store_mail_effect *f, size_t n, struct err *e), (in, f, n, e))
TX_IN(v->mail, effect_set, (struct store_tx *tx,
   const struct store_mail_effect *f, size_t n, struct err *e), (in, f, n, e))
TX_IN(v->mail, effect_get, (struct store_tx *tx, struct arena *a,
   const struct slice *id, size_t n, struct store_mail_effect **out,
   size_t *out_n, struct err *e), (in, a, id, n, out, out_n, e))
TX_IN(v->mail, effect_of, (struct store_tx *tx, struct arena *a,
   const int64_t *item, size_t n, struct store_mail_effect **out,
   size_t *out_n, struct err *e), (in, a, item, n, out, out_n, e))
TX_IN(v->mail, effect_list, (struct store_tx *tx, struct arena *a,
   int64_t since_ms, size_t limit, struct store_mail_effect **out, size_t *n,
   struct err *e), (in, a, since_ms, limit, out, n, e))
TX_IN(v->mail, effect_due, (struct store_tx *tx, struct arena *a,
   int64_t by_ms, size_t limit, struct store_mail_effect **out, size_t *n,
   struct err *e), (in, a, by_ms, limit, out, n, e))
TX_IN(v->mail, newest, (struct store_tx *tx, const int64_t *collection,
   size_t n, int64_t count, int64_t *since_ms, struct err *e),
   (in, collection, n, count, since_ms, e))
SITE_IN(v->push, push_due, (struct store *s, struct arena *a,
     const bool mine[static STORE_BUCKETS], size_t limit,
     struct store_push_due **out, size_t *n, struct err *e),
     (in, a, mine, limit, out, n, e))
TX_IN(v->push, push_due_put, (struct store_tx *tx, int64_t due_ms,
   struct err *e), (in, due_ms, e))
TX_IN(v->push, push_due_by, (struct store_tx *tx, int64_t due_ms,
   struct err *e), (in, due_ms, e))
TX_IN(v->push, push_list, (struct store_tx *tx, struct arena *a,
   struct store_push **out, size_t *n, struct err *e), (in, a, out, n, e))
TX_IN(v->push, push_put, (struct store_tx *tx, const struct store_push *p,
   struct err *e), (in, p, e))
TX_IN(v->push, notice_add, (struct store_tx *tx,
   const struct store_notice *v, size_t n, struct err *e), (in, v, n, e))
TX_IN(v->push, notice_set, (struct store_tx *tx,
   const struct store_notice *v, size_t n, struct err *e), (in, v, n, e))
TX_IN(v->push, notice_list, (struct store_tx *tx, struct arena *a,
   int64_t device, size_t limit, struct store_notice **out, size_t *n,
   struct err *e), (in, a, device, limit, out, n, e))
/* clang-format on */

const struct store_alarm_vtbl fault_alarm_vtbl = {
	.due = fault_due,
	.outbox = fault_outbox,
	.buckets = fault_buckets,
	.delivery_mark = fault_delivery_mark,
	.address_find = fault_address_find,
	.next_list = fault_next_list,
	.next_put = fault_next_put,
	.next_clear = fault_next_clear,
	.delivery_add = fault_delivery_add,
	.delivery_set = fault_delivery_set,
	.delivery_get = fault_delivery_get,
	.delivery_list = fault_delivery_list,
	.seen = fault_seen,
	.setting_list = fault_setting_list,
	.setting_put = fault_setting_put,
	.address_put = fault_address_put,
};

const struct store_mail_vtbl fault_mail_vtbl = {
	.logins_due = fault_logins_due,
	.effects_due = fault_effects_due,
	.buckets = fault_mail_buckets,
	.login_get = fault_login_get,
	.login_put = fault_login_put,
	.login_drop = fault_login_drop,
	.folder_list = fault_folder_list,
	.folder_put = fault_folder_put,
	.folder_drop = fault_folder_drop,
	.place_page = fault_place_page,
	.place_of = fault_place_of,
	.place_put = fault_place_put,
	.place_drop = fault_place_drop,
	.body_put = fault_body_put,
	.body_get = fault_body_get,
	.body_drop = fault_body_drop,
	.effect_add = fault_effect_add,
	.effect_set = fault_effect_set,
	.effect_get = fault_effect_get,
	.effect_of = fault_effect_of,
	.effect_due = fault_effect_due,
	.effect_list = fault_effect_list,
	.newest = fault_newest,
};

const struct store_push_vtbl fault_push_vtbl = {
	.push_due = fault_push_due,
	.push_due_put = fault_push_due_put,
	.push_due_by = fault_push_due_by,
	.push_list = fault_push_list,
	.push_put = fault_push_put,
	.notice_add = fault_notice_add,
	.notice_set = fault_notice_set,
	.notice_list = fault_notice_list,
};
