/*
 * The table of tables. A test compares it with the catalogue of every engine:
 * whoever adds a table or a column to the schema adds it here.
 */
#include "backends/rows.h"

#include <assert.h>

#define I(name)                                                                \
	{                                                                      \
#name, ROWS_INT                                                \
	}
#define B(name)                                                                \
	{                                                                      \
#name, ROWS_BYTES                                              \
	}
#define T(name)                                                                \
	{                                                                      \
#name, ROWS_TEXT                                               \
	}

static const struct rows_column SITE[] = {
	T(key),
	B(value),
};
static const struct rows_column LOGIN[] = {
	B(user_key),
	I(account_id),
};
static const struct rows_column DEVICE_DIRECTORY[] = {
	B(dev_id),
	I(account_id),
};
static const struct rows_column THROTTLE[] = {
	I(kind), I(key), I(fails), I(last_ms), I(seq),
};
static const struct rows_column AUTH_DAY[] = {
	I(day), I(account_id), T(net), I(what), I(n), I(last_ms),
};
static const struct rows_column ACCOUNT[] = {
	I(account_id),
	B(user),
	I(disabled),
	T(zone),
	I(quota_bytes),
	I(quota_items),
	I(used_bytes),
	I(used_items),
	I(change_no),
	I(next_id),
	I(cred_gen),
	I(created_ms),
	{ "moved", ROWS_SEAL },
	I(alarm_on),
	I(alarm_hour),
	I(alarm_lead),
	I(push),
};
static const struct rows_column CREDENTIAL[] = {
	I(account_id), I(credential_id), I(kind),       T(label),   B(device),
	B(hash),       B(sealed),        I(created_ms), I(used_ms),
};
static const struct rows_column COLLECTION[] = {
	I(account_id), I(collection_id), T(name),      T(display),  T(aliases),
	I(kinds),      I(policy),        I(read_only), I(no_brake), T(members),
};
static const struct rows_column ITEM[] = {
	I(account_id), I(item_id),       I(collection_id), I(kind),
	I(revision),   I(last_revision), I(change_no),     I(deleted),
	B(uid),        I(h_uid),         I(h_content),     I(h_identity),
	I(size),       I(created_ms),    I(modified_ms),   I(span_from),
	I(span_to),
};
static const struct rows_column ITEM_HASH[] = {
	I(account_id),
	I(collection_id),
	I(hash),
	I(item_id),
};
static const struct rows_column REVISION[] = {
	I(account_id), I(item_id),   I(revision), I(deleted),
	I(side),       I(h_content), I(origin),   I(device_id),
	I(session_id), I(change_no), I(at_ms),    B(body),
};
static const struct rows_column HISTORY[] = {
	I(account_id),
	I(at_ms),
	I(item_id),
	I(revision),
};
static const struct rows_column DEVICE[] = {
	I(account_id),
	I(device_id),
	B(dev_id),
	T(label),
	I(disabled),
	B(man),
	B(mod),
	B(swv),
	T(rules),
	B(nonce),
	I(nonce_floor_ms),
	I(every_message_auth),
	I(no_pieces),
	I(first_ms),
	I(last_ms),
	T(last_addr),
	B(own_nonce),
	B(devinf),
};
static const struct rows_column LINK[] = {
	I(account_id), I(link_id),      I(device_id),  I(collection_id),
	B(client_db),  B(cursors),      B(a_client),   B(a_server),
	B(n_client),   B(n_server),     I(n_valid),    I(n_sync_no),
	I(sync_no),    I(confirmed_no), I(gen),        I(stage),
	I(gen_last),   I(last_ok_ms),   I(last_type),  B(open),
	I(past_days),  I(future_days),  I(mail_count), I(mail_parts),
	I(mail_bytes), I(mail_attach),  B(filter),     B(filter_asked),
	B(server_uri),
};
static const struct rows_column MAP[] = {
	I(account_id), I(link_id), I(gen),     I(item_id),
	B(luid),       I(state),   I(held),    I(held_form),
	B(offers),     I(reason),  I(touched), I(pending),
};
static const struct rows_column SESSION[] = {
	I(account_id), I(session_id), I(device_id), B(sid),    B(token_hash),
	I(last_msgid), B(body_hash),  T(peer),      I(closed), I(started_ms),
	I(last_ms),    T(verdict),    I(failed),    I(kept),
};
static const struct rows_column SESSION_STATE[] = {
	I(account_id),
	I(session_id),
	B(state),
};
static const struct rows_column ANSWER[] = {
	I(account_id),
	I(session_id),
	B(bytes),
};
static const struct rows_column STORY[] = {
	I(account_id), I(session_id), I(line), I(at_ms), T(who), T(text),
};
static const struct rows_column SESSION_STORE[] = {
	I(account_id), I(session_id),   I(link_id),     I(collection_id),
	I(asked),      I(done),         I(first),       I(forced),
	I(resumed),    I(refused),      I(complete),    T(why),
	I(in_added),   I(in_replaced),  I(in_deleted),  I(in_failed),
	I(out_added),  I(out_replaced), I(out_deleted), I(out_failed),
	I(matched),    I(conflicts),    I(held_back),   I(started_ms),
	I(last_ms),
};
static const struct rows_column SESSION_EVENT[] = {
	I(account_id), I(session_id), I(link_id), I(kind),
	I(item_id),    I(revision),   I(how),     I(at_ms),
};
static const struct rows_column CHUNK[] = {
	I(account_id), I(link_id), T(dir), I(start_byte), I(at_ms), B(bytes),
};

static const struct rows_column SETTING[] = {
	I(account_id),
	T(key),
	T(value),
};
static const struct rows_column ALARM_NEXT[] = {
	I(account_id),
	I(item_id),
	I(bucket),
	I(due_ms),
};
static const struct rows_column DELIVERY[] = {
	I(account_id), T(delivery_id), I(bucket),  I(kind),       I(item_id),
	T(recurrence), T(alarm),       I(due_ms),  I(start_ms),   T(channel),
	T(address),    I(late),        I(state),   T(reason),     T(text),
	I(written_ms), I(next_ms),     I(sent_ms), I(receipt_ms), I(attempts),
};
static const struct rows_column REMINDER_SEEN[] = {
	I(account_id),
	T(seen_key),
	I(at_ms),
};
static const struct rows_column MAIL_FOLDER[] = {
	I(account_id),  I(collection_id), T(name),          I(role),
	I(uidvalidity), I(uidnext),       I(highestmodseq), I(seen_ms),
};
static const struct rows_column MAIL_PLACE[] = {
	I(account_id), I(collection_id), I(uid),  I(item_id),
	I(flags),      I(modseq),        I(size),
};
static const struct rows_column MAIL_BODY[] = {
	I(account_id),
	I(item_id),
	I(whole),
	B(bytes),
};
static const struct rows_column MAIL_EFFECT[] = {
	I(account_id), T(effect_id),     I(bucket),     I(what),
	I(item_id),    I(collection_id), I(to_id),      I(flags_on),
	I(flags_off),  I(want_bytes),    B(message_id), I(device_id),
	I(state),      T(reason),        I(written_ms), I(next_ms),
	I(attempts),
};
static const struct rows_column MAIL_LOGIN[] = {
	I(account_id), I(bucket),  I(enabled), T(host),   I(port),
	I(security),   B(user),    I(master),  B(sealed), T(addresses),
	I(days),       I(count),   I(cap),     I(health), T(why),
	I(last_ms),    I(next_ms), I(fails),
};
static const struct rows_column PUSH_DUE[] = {
	I(account_id),
	I(bucket),
	I(due_ms),
};
static const struct rows_column PUSH_DEVICE[] = {
	I(account_id), I(device_id), T(channel), T(address),
	T(ways),       B(secret),    I(last_no), I(last_ms),
	I(tries),      I(day_ms),    I(day_n),
};
static const struct rows_column NOTICE[] = {
	I(account_id),  I(device_id), I(notice_no), I(collection_id),
	T(delivery_id), I(event_ms),  I(queued_ms), I(session_id),
	I(started_ms),  I(answer),
};
static const struct rows_column ADDRESS_DIRECTORY[] = {
	T(channel),
	T(address),
	I(account_id),
};

#define TABLE(name, class, key_n, col)                                         \
	{                                                                      \
		name, class, key_n, col, sizeof(col) / sizeof((col)[0])        \
	}
#define LOCAL(name)                                                            \
	{                                                                      \
		name, ROWS_LOCAL, 0, NULL, 0                                   \
	}

/* Accounts are copied in this order, the row of `account` first. */
const struct rows_table rows_tables[] = {
	TABLE("account", ROWS_ACCOUNT, 1, ACCOUNT),
	TABLE("credential", ROWS_ACCOUNT, 2, CREDENTIAL),
	TABLE("collection", ROWS_ACCOUNT, 2, COLLECTION),
	TABLE("item", ROWS_ACCOUNT, 2, ITEM),
	TABLE("item_hash", ROWS_ACCOUNT, 4, ITEM_HASH),
	TABLE("revision", ROWS_ACCOUNT, 3, REVISION),
	TABLE("history", ROWS_ACCOUNT, 4, HISTORY),
	TABLE("device", ROWS_ACCOUNT, 2, DEVICE),
	TABLE("link", ROWS_ACCOUNT, 2, LINK),
	TABLE("map", ROWS_ACCOUNT, 4, MAP),
	TABLE("session", ROWS_ACCOUNT, 2, SESSION),
	TABLE("session_state", ROWS_ACCOUNT, 2, SESSION_STATE),
	TABLE("answer", ROWS_ACCOUNT, 2, ANSWER),
	TABLE("story", ROWS_ACCOUNT, 3, STORY),
	TABLE("session_store", ROWS_ACCOUNT, 3, SESSION_STORE),
	TABLE("session_event", ROWS_ACCOUNT, 6, SESSION_EVENT),
	TABLE("chunk", ROWS_ACCOUNT, 4, CHUNK),
	TABLE("setting", ROWS_ACCOUNT, 2, SETTING),
	TABLE("alarm_next", ROWS_ACCOUNT, 2, ALARM_NEXT),
	TABLE("delivery", ROWS_ACCOUNT, 2, DELIVERY),
	TABLE("reminder_seen", ROWS_ACCOUNT, 2, REMINDER_SEEN),
	TABLE("mail_folder", ROWS_ACCOUNT, 2, MAIL_FOLDER),
	TABLE("mail_place", ROWS_ACCOUNT, 3, MAIL_PLACE),
	TABLE("mail_body", ROWS_ACCOUNT, 2, MAIL_BODY),
	TABLE("mail_effect", ROWS_ACCOUNT, 2, MAIL_EFFECT),
	TABLE("mail_login", ROWS_ACCOUNT, 1, MAIL_LOGIN),
	TABLE("push_due", ROWS_ACCOUNT, 1, PUSH_DUE),
	TABLE("push_device", ROWS_ACCOUNT, 2, PUSH_DEVICE),
	TABLE("notice", ROWS_ACCOUNT, 4, NOTICE),
	TABLE("address_directory", ROWS_SITE, 2, ADDRESS_DIRECTORY),
	TABLE("site", ROWS_SITE, 1, SITE),
	TABLE("login", ROWS_SITE, 1, LOGIN),
	TABLE("device_directory", ROWS_SITE, 2, DEVICE_DIRECTORY),
	TABLE("throttle", ROWS_LOOSE, 2, THROTTLE),
	TABLE("auth_day", ROWS_LOOSE, 4, AUTH_DAY),
	LOCAL("node"),
	LOCAL("lease"),
	LOCAL("migration"),
	LOCAL("table_class"),
};
const size_t rows_table_n = sizeof(rows_tables) / sizeof(rows_tables[0]);

const struct rows_table *
rows_find(const char *name)
{
	for (size_t i = 0; i < rows_table_n; i++) {
		if (strcmp(rows_tables[i].name, name) == 0)
			return &rows_tables[i];
	}
	return NULL;
}

int
rows_at(const struct rows_table *t, const char *column)
{
	int i = 0;

	while (i < t->col_n && strcmp(t->col[i].name, column) != 0)
		i++;
	assert(i < t->col_n);
	return i;
}

/* ---- statements -------------------------------------------------------- */

void
rows_sql_columns(struct buf *b, const struct rows_table *t)
{
	for (int i = 0; i < t->col_n; i++)
		buf_printf(b, "%s\"%s\"", i == 0 ? "" : ", ", t->col[i].name);
}

int
rows_key_from(const struct rows_ask *ask)
{
	return ask->account == NULL ? 0 : 1;
}

static void
sql_key(struct buf *b, const struct rows_dialect *d, const struct rows_ask *ask)
{
	for (int i = rows_key_from(ask); i < ask->t->key_n; i++) {
		const struct rows_column *c = &ask->t->col[i];

		buf_printf(b, "%s\"%s\"%s", i == rows_key_from(ask) ? "" : ", ",
			   c->name, c->type == ROWS_TEXT ? d->order : "");
	}
}

void
rows_sql_order(struct buf *b, const struct rows_dialect *d,
	       const struct rows_ask *ask)
{
	if (rows_key_from(ask) == ask->t->key_n)
		return; /* one row */
	buf_str(b, " ORDER BY ");
	sql_key(b, d, ask);
}

void
rows_sql_from(struct buf *b, const struct rows_dialect *d,
	      const struct rows_ask *ask)
{
	int from = rows_key_from(ask);
	int n = 0;

	buf_printf(b, " FROM \"%s\"", ask->t->name);
	if (ask->account != NULL)
		buf_printf(b, " WHERE \"account_id\" = %c%d", d->mark, ++n);
	if (ask->after != NULL && from < ask->t->key_n) {
		buf_str(b, n > 0 ? " AND (" : " WHERE (");
		sql_key(b, d, ask);
		buf_str(b, ") > (");
		for (int i = from; i < ask->t->key_n; i++)
			buf_printf(b, "%s%c%d", i == from ? "" : ", ", d->mark,
				   ++n);
		buf_str(b, ")");
	}
	rows_sql_order(b, d, ask);
	buf_printf(b, " LIMIT %c%d", d->mark, n + 1);
}
