/* funicular mail set: one key of an account's login, checked. */
#include "server/mail/inside.h"
#include "syncml/mail_folder.h"

#include "server/secrets.h"

enum { NAME_MAX_BYTES = 200, ADDRESSES_MAX = 10, PAGE = 500 };

static const char where[] = "mail.set";

static int
no_value(struct err *e, const char *want)
{
	return err_set(e, ERR_PARSE, where, "this takes %s", want);
}

static int
number(struct slice value, int64_t max, int64_t none, int64_t *out,
       struct err *e)
{
	if (value.n == 0) {
		*out = none;
		return 0;
	}
	if (!slice_i64(value, out) || *out < 0 || *out > max)
		return err_set(e, ERR_PARSE, where,
			       "this takes a number from 0 to %lld",
			       (long long)max);
	return 0;
}

static bool
is_name(struct slice s)
{
	if (s.n > NAME_MAX_BYTES || !slice_utf8_ok(s))
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if ((unsigned char)s.p[i] < ' ' || s.p[i] == 0x7f)
			return false;
	}
	return true;
}

static bool
is_host(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] <= ' ' || s.p[i] >= 0x7f ||
		    strchr("/@\\\"<>?#", s.p[i]) != NULL)
			return false;
	}
	return s.n <= 255;
}

static int
set_addresses(struct store_mail_login *l, struct slice value, struct err *e)
{
	struct slice rest = value, word;
	size_t n = 0;

	while (slice_word(&rest, " ", &word)) {
		if (!submit_address_ok(word) || ++n > ADDRESSES_MAX)
			return no_value(e, "up to ten mail addresses, blanks "
					   "between");
	}
	l->addresses = slice_trim(value);
	return 0;
}

static int
set_security(struct store_mail_login *l, struct slice value, struct err *e)
{
	l->security = value.n == 0                         ? 0
		      : slice_is_nocase(value, "tls")      ? STORE_MAIL_TLS
		      : slice_is_nocase(value, "starttls") ? STORE_MAIL_STARTTLS
							   : STORE_MAIL_PLAIN;
	if (l->security == STORE_MAIL_PLAIN && !slice_is_nocase(value, "none"))
		return no_value(e, "tls, starttls or none");
	return 0;
}

/* ---- folders ------------------------------------------------------------- */

struct folders {
	struct store_tx *tx;
	struct arena *a;
	struct store_collection *col;
	size_t col_n;
	struct store_mail_folder *f;
	size_t n;
	int64_t kept[MAIL_FOLDERS];
	size_t kept_n;
};

static int
collection(struct folders *fs, struct slice name, struct slice display,
	   const char *aliases, int64_t *id, struct err *e)
{
	struct store_collection col = { .name = name,
					.display = display,
					.aliases = slice_c(aliases),
					.kinds = PIM_MAIL,
					.member_n = 1 };

	for (size_t i = 0; i < fs->col_n; i++) {
		if (slice_eq_nocase(fs->col[i].name, name)) {
			*id = fs->col[i].id;
			return 0;
		}
	}
	*id = col.id = col.member[0] = fs->tx->next_id++;
	return fs->tx->v->collection_put(fs->tx, &col, e);
}

/* A folder of this name and role, and its collection, unless it is there. */
static int
want(struct folders *fs, struct slice name, struct slice display,
     enum store_mail_role role, struct err *e)
{
	struct slice col =
	    role == STORE_MAIL_INBOX
		? SLICE_LIT("mail")
		: arena_printf(fs->a, "mail/%.*s", SLICE_ARG(display));
	struct store_mail_folder f = { .name = name, .role = role };

	if (col.p == NULL)
		return mail_no_memory(e);
	if (fs->kept_n == MAIL_FOLDERS)
		return err_set(e, ERR_PARSE, where, "at most %d folders",
			       MAIL_FOLDERS - 2);
	if (collection(fs, col,
		       role == STORE_MAIL_INBOX ? SLICE_LIT("Mail") : display,
		       role == STORE_MAIL_INBOX ? "inbox email smail" : "",
		       &f.collection, e) < 0)
		return -1;
	fs->kept[fs->kept_n++] = f.collection;
	for (size_t i = 0; i < fs->n; i++) {
		if (fs->f[i].collection == f.collection)
			return 0;
	}
	return fs->tx->v->mail->folder_put(fs->tx, &f, 1, e);
}

/* Devices are told that the mails of a folder are gone. */
static int
empty(struct folders *fs, int64_t col, struct err *e)
{
	struct store_item *it;
	int64_t after = 0;
	size_t n;

	do {
		struct store_write *w;

		if (fs->tx->v->item_page(fs->tx, fs->a, col, after, PAGE, false,
					 false, &it, &n, e) < 0)
			return -1;
		w = ARENA_ARRAY(fs->a, n > 0 ? n : 1, struct store_write);
		if (w == NULL)
			return mail_no_memory(e);
		for (size_t i = 0; i < n; i++) {
			w[i] = (struct store_write){
				.item = it[i].id,
				.deleted = true,
				.collection = col,
				.kind = it[i].kind,
				.revision = it[i].last_revision + 1,
				.origin = STORE_BY_ADMIN,
				.old_size = it[i].size,
			};
			after = it[i].id;
		}
		if (n > 0 && fs->tx->v->item_put(fs->tx, w, n, e) < 0)
			return -1;
	} while (n == PAGE);
	return 0;
}

static int
drop_others(struct folders *fs, struct err *e)
{
	for (size_t i = 0; i < fs->n; i++) {
		bool kept = false;

		for (size_t k = 0; k < fs->kept_n; k++)
			kept |= fs->kept[k] == fs->f[i].collection;
		if (kept)
			continue;
		if (empty(fs, fs->f[i].collection, e) < 0 ||
		    fs->tx->v->mail->folder_drop(fs->tx, fs->f[i].collection,
						 e) < 0)
			return -1;
	}
	return 0;
}

static enum store_mail_role
role_by_name(struct slice name)
{
	return slice_is_nocase(name, "sent")     ? STORE_MAIL_SENT
	       : slice_is_nocase(name, "drafts") ? STORE_MAIL_DRAFTS
	       : slice_is_nocase(name, "trash")  ? STORE_MAIL_TRASH
						 : STORE_MAIL_NONE;
}

/* INBOX and Outbox always, then those that are named. */
static int
set_folders(struct store_tx *tx, struct arena *a, struct slice value,
	    struct err *e)
{
	struct folders fs = { .tx = tx, .a = a };
	struct slice rest = value, name;

	if (tx->v->collection_list(tx, a, &fs.col, &fs.col_n, e) < 0 ||
	    tx->v->mail->folder_list(tx, a, &fs.f, &fs.n, e) < 0 ||
	    want(&fs, SLICE_LIT("INBOX"), SLICE_LIT("Inbox"), STORE_MAIL_INBOX,
		 e) < 0 ||
	    want(&fs, SLICE_LIT(""), SLICE_LIT("Outbox"), STORE_MAIL_OUTBOX,
		 e) < 0)
		return -1;
	while (slice_split(&rest, ',', &name)) {
		name = slice_trim(name);
		if (name.n == 0 || slice_is_nocase(name, "INBOX") ||
		    slice_is_nocase(name, "Outbox"))
			continue;
		if (!is_name(name))
			return no_value(e, "names of folders, commas between");
		if (want(&fs, name, name, role_by_name(name), e) < 0)
			return -1;
	}
	return drop_others(&fs, e) < 0 ? -1 : sml_mail_folders(tx, a, e);
}

/* Compare all of it at the next look: the edges are others now. */
static int
compare_all(struct store_tx *tx, struct arena *a, struct err *e)
{
	struct store_mail_folder *f;
	size_t n;

	if (tx->v->mail->folder_list(tx, a, &f, &n, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		f[i].highestmodseq = f[i].uidnext = 0;
	return n == 0 ? 0 : tx->v->mail->folder_put(tx, f, n, e);
}

/* ---- all keys ------------------------------------------------------------ */

static int
set_word(struct store_mail_login *l, struct slice key, struct slice value,
	 struct err *e)
{
	if (slice_is(key, "on")) {
		l->on = !slice_is_nocase(value, "no");
		return l->on && value.n > 0 && !slice_is_nocase(value, "yes")
			   ? no_value(e, "yes or no")
			   : 0;
	}
	if (slice_is(key, "host")) {
		l->host = value;
		return is_host(value) ? 0 : no_value(e, "the name of a server");
	}
	if (slice_is(key, "user")) {
		l->user = value;
		return is_name(value) ? 0 : no_value(e, "a name");
	}
	if (slice_is(key, "security"))
		return set_security(l, value, e);
	if (slice_is(key, "addresses"))
		return set_addresses(l, value, e);
	if (slice_is(key, "port"))
		return number(value, 65535, 0, &l->port, e);
	if (slice_is(key, "days"))
		return number(value, 36500, -1, &l->days, e);
	if (slice_is(key, "count"))
		return number(value, MAIL_WINDOW_MAX, -1, &l->count, e);
	if (slice_is(key, "cap"))
		return number(value, MAIL_BODY_MAX, -1, &l->cap, e);
	return err_set(e, ERR_NOTFOUND, where, "there is no key \"%.*s\"",
		       SLICE_ARG(slice_sub(key, 0, 40)));
}

int
srv_mail_set(const struct srv_mail_env *env, struct store_tx *tx,
	     struct arena *a, struct slice key, struct slice value,
	     struct err *e)
{
	struct store_mail_login *old,
	    l = { .on = true, .days = -1, .count = -1, .cap = -1 };

	if (tx->v->mail->login_get(tx, a, &old, e) < 0)
		return -1;
	if (old != NULL)
		l = *old;
	else if (set_folders(tx, a, SLICE_LIT(""), e) < 0)
		return -1;
	if (slice_is(key, "folders")) {
		if (set_folders(tx, a, value, e) < 0)
			return -1;
	} else if (slice_is(key, "password")) {
		l.sealed = (struct slice){ "", 0 };
		if (value.n > 0 && (memchr(value.p, '\0', value.n) != NULL ||
				    srv_secrets_seal(env->secrets, a, value,
						     &l.sealed, e) < 0))
			return e != NULL && e->code != ERR_NONE
				   ? -1
				   : no_value(e, "a password");
	} else if (set_word(&l, key, value, e) < 0) {
		return -1;
	}
	if ((slice_is(key, "days") || slice_is(key, "count")) &&
	    compare_all(tx, a, e) < 0)
		return -1;
	l.master = l.sealed.n == 0;
	/* Whoever was refused is asked again now. */
	l.fails = 0;
	l.health = STORE_MAIL_NEW;
	l.why = SLICE_LIT("");
	l.next_ms = l.on ? tx->now_ms : INT64_MAX;
	return tx->v->mail->login_put(tx, &l, e);
}

int
srv_mail_drop(const struct srv_mail_env *env, struct store_tx *tx,
	      struct arena *a, struct err *e)
{
	struct folders fs = { .tx = tx, .a = a };

	(void)env;
	if (tx->v->mail->folder_list(tx, a, &fs.f, &fs.n, e) < 0 ||
	    drop_others(&fs, e) < 0 || sml_mail_folders(tx, a, e) < 0)
		return -1;
	return tx->v->mail->login_drop(tx, e);
}
