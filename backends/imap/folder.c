/* Folders: which there are, how they stand, and opening one. */
#include "backends/imap/int.h"

#include <stdio.h>

static bool
name_ok(struct slice name, struct err *e)
{
	char text[IMAP_NAME_MAX];
	size_t n;

	if (name.n > 0 && imap_utf7_write(name, text, sizeof(text), &n))
		return true;
	(void)err_set(e, ERR_NOTFOUND, "imap", "this cannot name a folder");
	return false;
}

/* VERB "name" rest */
static int
about_folder(struct mbox *m, struct imap_ask *q, const char *verb,
	     struct slice name, const char *rest)
{
	int rc = imap_begin(m, q, 0);

	(void)imap_say(m, "%s ", verb);
	if (rc == 0)
		rc = imap_folder_arg(m, name);
	if (rc == 0 && rest[0] != '\0')
		(void)imap_say(m, " %s", rest);
	return rc == 0 ? imap_end(m) : rc < 0 ? -1 : 0;
}

int
mbox_list(struct mbox *m, struct arena *a, struct mbox_folder **out, size_t *n,
	  struct err *e)
{
	struct imap_ask q = { .a = a, .want_folders = true };
	bool special = (m->caps & MBOX_CAN_SPECIAL_USE) != 0;
	int rc = imap_command(m, &q,
			      special ? "LIST \"\" \"*\" RETURN (SPECIAL-USE)"
				      : "LIST \"\" \"*\"");

	/* Some name special uses and cannot return them: plain LIST shows
	   them, too. */
	if (rc == 0 && special && q.status != IMAP_OK) {
		q.folder_n = 0;
		rc = imap_command(m, &q, "LIST \"\" \"*\"");
	}
	*out = q.folder;
	*n = q.folder_n;
	return imap_ended(m, rc, &q, ERR_UNAVAILABLE, "LIST", e);
}

int
mbox_create(struct mbox *m, struct slice name, struct err *e)
{
	struct imap_ask q = { .a = NULL };
	int rc;

	if (!name_ok(name, e))
		return -1;
	rc = about_folder(m, &q, "CREATE", name, "");
	return imap_ended(m, rc, &q, ERR_CONFLICT, "CREATE", e);
}

int
mbox_status(struct mbox *m, struct slice name, struct mbox_state *out,
	    struct err *e)
{
	struct imap_ask q = { .state = out, .want_status = true };
	int rc;

	*out = (struct mbox_state){ .uidvalidity = 0 };
	if (!name_ok(name, e))
		return -1;
	rc = about_folder(m, &q, "STATUS", name,
			  (m->caps & MBOX_CAN_CONDSTORE) != 0
			      ? "(MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ)"
			      : "(MESSAGES UIDNEXT UIDVALIDITY)");
	return imap_ended(m, rc, &q, ERR_NOTFOUND, "STATUS", e);
}

int
mbox_select(struct mbox *m, struct slice name, bool read_only,
	    struct mbox_state *out, struct err *e)
{
	struct imap_ask q = { .state = out };
	int rc;

	*out = (struct mbox_state){ .uidvalidity = 0 };
	if (!name_ok(name, e))
		return -1;
	rc = about_folder(m, &q, read_only ? "EXAMINE" : "SELECT", name,
			  (m->caps & MBOX_CAN_CONDSTORE) != 0 ? "(CONDSTORE)"
							      : "");
	m->condstore = out->modseq > 0;
	m->news = false;
	if (imap_ended(m, rc, &q, ERR_NOTFOUND, "SELECT", e) < 0)
		return -1;
	m->exists = out->exists;
	if (out->uidvalidity == 0) {
		(void)imap_fail(m, ERR_PARSE,
				"the server's folder has no UIDVALIDITY");
		return imap_died(m, e);
	}
	return 0;
}
