#include "syncml/mail_delete.h"

#include "pim/mail.h"

static bool
is_mail(const struct store_item *it)
{
	return !it->deleted && it->kind == PIM_MAIL;
}

static size_t
mails(const struct store_item *it, size_t n)
{
	size_t k = 0;

	for (size_t i = 0; i < n; i++)
		k += is_mail(&it[i]);
	return k;
}

/* What waits in the outbox of a mail that is deleted is not sent any more. */
static int
withdraw(struct store_tx *tx, struct arena *a, const int64_t *id, size_t n,
	 struct err *e)
{
	const struct store_mail_vtbl *v = tx->v->mail;
	struct store_mail_effect *f;
	size_t f_n;
	size_t k = 0;

	if (v->effect_of(tx, a, id, n, &f, &f_n, e) < 0)
		return -1;
	for (size_t i = 0; i < f_n; i++) {
		if (f[i].state != STORE_EFFECT_QUEUED ||
		    (f[i].what != STORE_EFFECT_SEND &&
		     f[i].what != STORE_EFFECT_APPEND))
			continue;
		f[i].state = STORE_EFFECT_FAILED;
		f[i].reason = SLICE_LIT("deleted on the device");
		f[i].next_ms = INT64_MAX;
		f[k++] = f[i];
	}
	return k == 0 ? 0 : v->effect_set(tx, f, k, e);
}

/* The outbox is ours: no mailbox has it. */
static bool
is_outbox(const struct store_mail_folder *f, size_t n, int64_t collection)
{
	for (size_t i = 0; i < n; i++) {
		if (f[i].collection == collection)
			return f[i].role == STORE_MAIL_OUTBOX;
	}
	return false;
}

static struct store_mail_effect
deletion(const struct store_tx *tx, struct arena *a, int64_t device,
	 const struct store_item *it)
{
	return (struct store_mail_effect){
		.id = arena_printf(a, "d-%lld", (long long)it->id),
		.what = STORE_EFFECT_DELETE,
		.item = it->id,
		.collection = it->collection,
		.message_id = it->uid,
		.state = STORE_EFFECT_QUEUED,
		.device = device,
		.next_ms = tx->now_ms,
	};
}

int
sml_mail_delete(struct store_tx *tx, struct arena *a, int64_t device,
		const struct store_item *it, size_t n, size_t *effects,
		struct err *e)
{
	struct store_mail_effect *f;
	struct store_mail_folder *folder;
	size_t folder_n;
	size_t own_n = mails(it, n);
	size_t f_n = 0;
	int64_t *own;

	if (own_n == 0)
		return 0;
	f = ARENA_ARRAY(a, own_n, struct store_mail_effect);
	own = ARENA_ARRAY(a, own_n, int64_t);
	if (f == NULL || own == NULL)
		return err_set(e, ERR_NOMEM, "mail.delete",
			       "no memory to delete %zu mails", own_n);
	if (tx->v->mail->folder_list(tx, a, &folder, &folder_n, e) < 0)
		return -1;
	own_n = 0;
	for (size_t i = 0; i < n; i++) {
		if (!is_mail(&it[i]))
			continue;
		own[own_n++] = it[i].id;
		if (!is_outbox(folder, folder_n, it[i].collection))
			f[f_n++] = deletion(tx, a, device, &it[i]);
	}
	if (withdraw(tx, a, own, own_n, e) < 0)
		return -1;
	*effects += f_n;
	return f_n == 0 ? 0 : tx->v->mail->effect_add(tx, f, f_n, e);
}
