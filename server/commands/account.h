/*
 * Accounts and their credentials, as the commands make and change them.
 */
#ifndef SERVER_COMMANDS_ACCOUNT_H
#define SERVER_COMMANDS_ACCOUNT_H

#include "server/site.h"

struct srv_account_new {
	struct slice user;
	struct slice zone;     /* empty: the configuration's */
	struct slice password; /* .p == NULL: none, devices only */
	bool md5;              /* the password may be used for auth-md5 */
	int64_t quota_bytes;   /* -1: the configuration's; 0: none */
	int64_t quota_items;
};

/*
 * Make an account with the default databases: contacts, calendar, tasks,
 * notes, and caltask which shows calendar and tasks as one.
 * ERR_CONFLICT: the name is taken; ERR_PARSE: name or zone is not possible.
 */
int srv_account_create(struct srv_site *site, struct arena *a,
		       const struct srv_account_new *in, int64_t *id,
		       struct err *e);

/* 1 to 255 bytes of UTF-8 without colon, control characters and blanks at the
   ends (credentials are user:password). */
int srv_account_name_check(struct slice name, struct err *e);
/* An Olson name that this machine's tzdata knows. */
int srv_account_zone_check(struct slice zone, struct err *e);

/* The one password of an account, in place of any it had. */
int srv_account_password(struct srv_site *site, struct store_tx *tx,
			 struct arena *a, struct slice password, bool md5,
			 struct err *e);

struct srv_account_device {
	struct slice label;
	struct slice dev_id; /* empty: bound at the first login */
	bool md5;
};

/* A generated secret for one device. */
int srv_account_secret(struct srv_site *site, struct store_tx *tx,
		       struct arena *a, const struct srv_account_device *in,
		       struct slice *secret, struct err *e);

/* Credentials changed: remembered logins end now. */
int srv_account_touch(struct store_tx *tx, struct arena *a, struct err *e);

#endif
