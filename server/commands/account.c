#include "server/commands/account.h"

#include "pim/zone.h"
#include "server/commands/prompt.h"
#include "server/secrets.h"

enum { USER_BYTES_MAX = 255 };

/* The aliases are what phones have set at the factory, or what people type;
   no name is used twice. */
static const struct {
	const char *name, *display, *aliases;
	unsigned kinds;
	const char *member[2];
} defaults[] = {
	{ "contacts",
	  "Contacts",
	  "card addressbook scard contact card3",
	  PIM_CONTACT,
	  { NULL, NULL } },
	{ "calendar",
	  "Calendar",
	  "cal event events scal cal2",
	  PIM_EVENT,
	  { NULL, NULL } },
	{ "tasks",
	  "Tasks",
	  "task todo stask todos task2",
	  PIM_TODO,
	  { NULL, NULL } },
	{ "notes", "Notes", "note memo memos snote", PIM_NOTE, { NULL, NULL } },
	{ "caltask",
	  "Calendar and tasks",
	  "agenda caltodo calendar+tasks calendar+todo scaltask",
	  PIM_EVENT | PIM_TODO,
	  { "calendar", "tasks" } },
};

enum { DEFAULT_N = sizeof(defaults) / sizeof(defaults[0]) };

int
srv_account_name_check(struct slice name, struct err *e)
{
	static const char where[] = "account.name";

	if (name.n == 0 || name.n > USER_BYTES_MAX)
		return err_set(e, ERR_PARSE, where,
			       "a user name has 1 to %d bytes", USER_BYTES_MAX);
	if (!slice_utf8_ok(name))
		return err_set(e, ERR_PARSE, where,
			       "the user name is not UTF-8 text");
	if (slice_find(name, ':') != SIZE_MAX)
		return err_set(e, ERR_PARSE, where,
			       "a user name cannot hold a colon, since phones "
			       "send user:password");
	for (size_t i = 0; i < name.n; i++)
		if ((unsigned char)name.p[i] < 0x20 || name.p[i] == 0x7f)
			return err_set(e, ERR_PARSE, where,
				       "a user name cannot hold control "
				       "characters");
	if (!slice_eq(slice_trim(name), name))
		return err_set(e, ERR_PARSE, where,
			       "a user name cannot begin or end with a blank");
	return 0;
}

int
srv_account_zone_check(struct slice zone, struct err *e)
{
	if (pim_zone_init(e) < 0)
		return -1;
	if (pim_zone_find(zone) != NULL)
		return 0;
	return err_set(e, ERR_PARSE, "account.zone",
		       "there is no time zone \"%.*s\" (names are like "
		       "Europe/Berlin or UTC)",
		       SLICE_ARG(slice_sub(zone, 0, 60)));
}

int
srv_account_touch(struct store_tx *tx, struct arena *a, struct err *e)
{
	struct store_account acc;

	if (tx->v->account_get(tx, a, &acc, e) < 0)
		return -1;
	acc.cred_gen++;
	return tx->v->account_set(tx, &acc, e);
}

static int
put_cred(struct srv_site *site, struct store_tx *tx, struct arena *a,
	 struct store_cred *c, struct slice secret, bool md5, struct err *e)
{
	if (md5 &&
	    srv_secrets_seal(site->secrets, a, secret, &c->sealed, e) < 0)
		return -1;
	c->id = tx->next_id++;
	c->created_ms = tx->now_ms;
	if (tx->v->cred_put(tx, c, e) < 0)
		return -1;
	return srv_account_touch(tx, a, e);
}

int
srv_account_password(struct srv_site *site, struct store_tx *tx,
		     struct arena *a, struct slice password, bool md5,
		     struct err *e)
{
	struct store_cred c = { .kind = STORE_CRED_PASSWORD };
	struct store_cred *old;
	size_t n;

	if (srv_secrets_hash(a, password, &c.hash, e) < 0 ||
	    tx->v->cred_list(tx, a, &old, &n, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (old[i].kind == STORE_CRED_PASSWORD &&
		    tx->v->cred_drop(tx, old[i].id, e) < 0)
			return -1;
	return put_cred(site, tx, a, &c, password, md5, e);
}

int
srv_account_secret(struct srv_site *site, struct store_tx *tx, struct arena *a,
		   const struct srv_account_device *in, struct slice *secret,
		   struct err *e)
{
	struct store_cred c = { .kind = STORE_CRED_DEVICE,
				.label = in->label,
				.device = in->dev_id };

	if (srv_prompt_secret(a, secret, e) < 0 ||
	    srv_secrets_device_hash(a, *secret, &c.hash, e) < 0)
		return -1;
	return put_cred(site, tx, a, &c, *secret, in->md5, e);
}

static int
put_defaults(struct store_tx *tx, struct err *e)
{
	struct store_collection col[DEFAULT_N] = { 0 };

	for (size_t i = 0; i < DEFAULT_N; i++) {
		struct store_collection *c = &col[i];

		c->id = tx->next_id++;
		c->name = slice_c(defaults[i].name);
		c->display = slice_c(defaults[i].display);
		c->aliases = slice_c(defaults[i].aliases);
		c->kinds = defaults[i].kinds;
		if (defaults[i].member[0] == NULL)
			c->member[c->member_n++] = c->id;
		for (size_t k = 0; k < i && defaults[i].member[0] != NULL; k++)
			if (slice_is(col[k].name, defaults[i].member[0]) ||
			    slice_is(col[k].name, defaults[i].member[1]))
				c->member[c->member_n++] = col[k].id;
		if (tx->v->collection_put(tx, c, e) < 0)
			return -1;
	}
	return 0;
}

static int
fill(struct srv_site *site, struct arena *a, const struct srv_account_new *in,
     int64_t id, struct err *e)
{
	struct store *s = site->store;
	struct store_tx *tx;
	int rc;

	if (s->v->begin(s, id, STORE_WRITE, site->clk->now_ms(site->clk), &tx,
			e) < 0)
		return -1;
	rc = put_defaults(tx, e);
	if (rc == 0 && in->password.p != NULL)
		rc =
		    srv_account_password(site, tx, a, in->password, in->md5, e);
	if (rc == 0)
		return tx->v->commit(&tx, e);
	tx->v->rollback(&tx);
	return rc;
}

int
srv_account_create(struct srv_site *site, struct arena *a,
		   const struct srv_account_new *in, int64_t *id, struct err *e)
{
	struct store *s = site->store;
	struct store_account acc = {
		.user = in->user,
		.zone = in->zone.n > 0 ? in->zone : slice_c(site->conf.zone),
		.quota_bytes = in->quota_bytes < 0 ? site->conf.quota_bytes
						   : in->quota_bytes,
		.quota_items = in->quota_items < 0 ? site->conf.quota_items
						   : in->quota_items,
		.created_ms = site->clk->now_ms(site->clk),
	};

	if (srv_account_name_check(in->user, e) < 0 ||
	    srv_account_zone_check(acc.zone, e) < 0 ||
	    s->v->account_create(s, &acc, id, e) < 0)
		return -1;
	if (fill(site, a, in, *id, e) == 0)
		return 0;
	/* An account without databases would be of no use to anybody. */
	(void)s->v->account_erase(s, *id, NULL);
	return -1;
}
