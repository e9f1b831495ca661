/* Among the files of the IMAP line. */
#ifndef BACKENDS_IMAP_INT_H
#define BACKENDS_IMAP_INT_H

#include "backends/line.h"
#include "backends/mailbox.h"

enum {
	IMAP_IN_BYTES = 16384,
	IMAP_OUT_BYTES = 4096,
	IMAP_ANSWER_MS = 60000,
	/* Slower than this a transfer is given up. */
	IMAP_RATE_MIN = 8, /* bytes a millisecond */
	/* Of one command's answer, but for what it asked to be sent. */
	IMAP_SMALL_TALK = 1 << 20,
	IMAP_NAME_MAX = 1024, /* of a folder, at IMAP */
	IMAP_WORD_MAX = 64,
	IMAP_FLAGS_MAX = 200, /* bytes of one message's FETCH, about */
	IMAP_GONE_MAX = 100000,
};

struct mbox_trust {
	gnutls_certificate_credentials_t cred;
};

/* What is allocated while somebody talks, and not while we wait. */
struct imap_talk {
	char in[IMAP_IN_BYTES];
	char out[IMAP_OUT_BYTES];
	size_t at, in_n, out_n;
};

enum imap_status { IMAP_OK, IMAP_NO, IMAP_BAD };

/* What a command wants to hear, and what it heard. */
struct imap_ask {
	struct arena *a;
	/* how the tagged answer says it went */
	enum imap_status status;
	char code[IMAP_WORD_MAX]; /* "UIDNEXT", upper case; "": none */
	uint32_t code_uid;        /* of APPENDUID */
	char text[120];
	/* filled where not NULL */
	struct mbox_state *state;
	bool want_status, want_folders, want_uids, want_msgs, want_gone;
	struct mbox_known *known; /* news is what differs from it */
	size_t known_n;
	struct mbox_folder *folder;
	size_t folder_n, folder_cap;
	uint32_t *uid;
	size_t uid_n, uid_cap, uid_max;
	struct mbox_msg *msg;
	size_t msg_n, msg_cap, msg_max, text_max;
	struct mbox_range *gone;
	size_t gone_n, gone_cap;
};

struct mbox {
	struct tls_line l;
	struct mbox_conf conf; /* but its texts: gone after mbox_open */
	struct imap_talk *t;
	bool is_dead, news, idling, notifies, said_bye;
	unsigned caps;
	bool auth_plain, sasl_ir, login_disabled, starttls, literal_plus;
	bool enable, id;
	bool condstore; /* the open folder keeps modseq */
	unsigned tag;
	uint32_t exists;        /* of the open folder */
	int64_t until_ms, left; /* of this command: time, bytes */
	struct imap_ask *ask;   /* of this command; NULL: none */
	struct err err;         /* why it is dead */
};

/* ---- wire.c: bytes ------------------------------------------------------- */

int imap_fail(struct mbox *m, enum err_code code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
struct tls_wait imap_wait(const struct mbox *m);
int imap_talk(struct mbox *m); /* buffers */
int imap_flush(struct mbox *m);
int imap_put(struct mbox *m, struct slice s);
/* The byte that comes next, or -1: dead. */
int imap_peek(struct mbox *m);
int imap_next(struct mbox *m);
int imap_bytes(struct mbox *m, char *to, size_t n); /* to NULL: skip */
bool imap_buffered(const struct mbox *m);
/* Take what came without waiting; *n 0: nothing. */
int imap_poll(struct mbox *m, size_t *n);

/* ---- read.c: answers ----------------------------------------------------- */

enum imap_got { IMAP_GOT_UNTAGGED, IMAP_GOT_PLUS, IMAP_GOT_DONE };
/* One answer. */
int imap_answer(struct mbox *m, enum imap_got *got);

/* ---- parse.c: the pieces of an answer ------------------------------------ */

/* An atom, upper case, cut at cap. BODY[...]<n> is "BODY[". */
int imap_word(struct mbox *m, char *buf, size_t cap);
int imap_number(struct mbox *m, int64_t *out);
int imap_expect(struct mbox *m, char c);
bool imap_at(struct mbox *m, char c); /* takes it, if it is next */
/* A string, an atom or NIL (.p NULL) of at most max bytes; a NULL: skip. */
int imap_string(struct mbox *m, struct arena *a, size_t max, struct slice *out);
/* Any value, however deep. */
int imap_skip(struct mbox *m);
/* The rest of the line with its CR LF; the start of it in buf (cap > 0). */
int imap_rest(struct mbox *m, char *buf, size_t cap);
int imap_flags(struct mbox *m, unsigned *out);
int imap_date(struct slice s, int64_t *ms);

/* ---- fetch.c ------------------------------------------------------------- */

int imap_read_fetch(struct mbox *m);
/* Servers may send one message's facts in several answers. */
void imap_join(struct mbox_msg *to, const struct mbox_msg *from);

/* ---- command.c ----------------------------------------------------------- */

/* Who hears what comes until imap_end(), and for how long. */
int imap_hears(struct mbox *m, struct imap_ask *ask, int64_t more_bytes);
/* A command in pieces: begin, put (imap_arg for strings), end. */
int imap_begin(struct mbox *m, struct imap_ask *ask, int64_t more_bytes);
int imap_say(struct mbox *m, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* A string that somebody else chose: quoted, or a literal. */
int imap_arg(struct mbox *m, struct slice s);
int imap_folder_arg(struct mbox *m, struct slice name);
int imap_literal(struct mbox *m, struct slice s);
int imap_until_plus(struct mbox *m);
/* 0 whatever the server thinks of it: see ask->status. */
int imap_end(struct mbox *m);
/* All in one, for those without strings. */
int imap_command(struct mbox *m, struct imap_ask *ask, const char *text);
/* The server said NO or BAD. */
int imap_refused(const struct imap_ask *ask, enum err_code code,
		 const char *what, struct err *e);
/* The connection died: why. */
int imap_died(const struct mbox *m, struct err *e);
/* imap_refused unless OK; imap_died where rc < 0. */
int imap_ended(const struct mbox *m, int rc, const struct imap_ask *ask,
	       enum err_code code, const char *what, struct err *e);

/* ---- utf7.c -------------------------------------------------------------- */

/* Names of folders: modified UTF-7 (RFC 3501, 5.1.3) and back. False: it does
   not fit, or is none. */
bool imap_utf7_write(struct slice utf8, char *out, size_t cap, size_t *n);
bool imap_utf7_read(struct slice in, char *out, size_t cap, size_t *n);

#endif
