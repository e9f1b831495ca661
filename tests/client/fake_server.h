/*
 * A SyncML server as a function, for tests of the client: its messages are made
 * with the message writer, its store is an array, and it can be told to behave
 * in all the ways that servers do.
 */
#ifndef TESTS_CLIENT_FAKE_SERVER_H
#define TESTS_CLIENT_FAKE_SERVER_H

#include "syncml/auth.h"
#include "syncml/msg.h"

struct fake_item {
	char *body;
	size_t n;
	char luid[24]; /* empty: the client does not have it */
	bool live;
	bool changed;     /* to be sent as Replace */
	bool gone;        /* to be sent as Delete */
	bool offered;     /* was sent as Add, and no Map came */
	unsigned sent_in; /* session in which it was sent last */
	int status;       /* that the client gave what we sent */
};

enum fake_phase { FAKE_INIT, FAKE_SYNC, FAKE_SEND, FAKE_MAP };

struct fake {
	/* how it behaves */
	const char *user, *password; /* NULL: anyone may come in */
	bool md5;                    /* challenge with MD5, else basic */
	bool every_message;          /* 200 instead of 212 */
	int max_version;             /* 12: all */
	size_t max_msg;              /* announced, and kept to; 0: not */
	size_t max_obj;              /* announced; 0: not */
	int alert_status;            /* 200: by the anchors; 508, 404 ... */
	int type;                    /* of its own Alert; 0: as asked */
	bool no_alert;               /* leaves its own Alert out */
	bool no_222;                 /* never says "next message" */
	bool no_results;             /* does not answer Get */
	bool no_map_status;
	int item_status;   /* for what the client sends; 0: as is right */
	int header_status; /* instead of 200 once; 0: none */
	const char *respuri;
	const char *last;  /* anchor in its Alert; NULL: the right one */
	bool b64;          /* sends items in base64 */
	bool get_devinf;   /* asks for the client's */
	bool repeat_final; /* goes on after Final */

	/* what it saw */
	unsigned messages, puts, gets, results, alerts, syncs, maps, chunks;
	unsigned adds, replaces, deletes, alert_222, alert_223, alert_224;
	unsigned bad_auth;
	int64_t noc;    /* NumberOfChanges of the last Sync that had one */
	size_t largest; /* message of the client */
	char client_last[64], client_next[64];
	int asked; /* alert code */
	unsigned finals;

	/* what it has */
	struct fake_item *items;
	size_t n, cap;
	char next[64]; /* our anchor of this session */
	/* The anchors of the last two sessions that ended well. */
	struct {
		char client[64], server[64];
	} pair[2];
	char right_last[64];
	unsigned session;

	/* this session */
	enum fake_phase phase;
	int64_t msgid;
	bool authed;
	char nonce[32];
	unsigned nonce_no;
	int now_type;
	size_t at;  /* item to be sent next */
	size_t off; /* of a chunked one */
	size_t peer_msg;
	char *part; /* an object of the client under way */
	size_t part_n, part_size;
	bool done;
};

void fake_init(struct fake *f);
void fake_free(struct fake *f);
/* The client is about to open a session. */
void fake_begin(struct fake *f);
size_t fake_add(struct fake *f, const char *body, size_t n);
size_t fake_live(const struct fake *f);
struct fake_item *fake_by_luid(struct fake *f, struct slice luid);

/* One message of the client to one of ours, both in `a`. */
void fake_handle(struct fake *f, struct arena *a, struct slice in,
		 struct slice *out);

#endif
