/*
 * The engine, a store with one account, and devices whose messages are put
 * together from an input's choices. One store serves all inputs of a process:
 * each gets an account of its own, which is erased afterwards.
 */
#ifndef TESTS_FUZZ_WORLD_H
#define TESTS_FUZZ_WORLD_H

#include "tests/fuzz/fuzz.h"
#include "tests/syncml/phone.h"

enum { WORLD_DEVICES = 2, WORLD_FOUND = 64 };

struct world_dev {
	const char *id, *peer;
	int sid, msgid, version, max_msg;
	bool wbxml;
	char token[80];
	struct buf body; /* commands of its next message */
	int cmdid;
	bool in_sync, in_map; /* that element is open */
	int anchor;
	char last[24], next[24]; /* anchors: of its last good sync, of now */
	struct slice sent, sent_token;
	struct sml_msg *reply; /* the last that reached it; NULL: none */
	struct sml_reply raw;
};

struct world {
	struct bench *b;
	struct arena *a; /* of this input */
	struct world_dev dev[WORLD_DEVICES + 1];
	unsigned messages;
};

/* An account and clean devices; the last one is for world_settle(). */
void world_begin(struct world *w);
/* Gives all back; `check`: the store must be sound. */
void world_end(struct world *w, bool check);

/* What one message of a device is sent with. */
struct world_post {
	bool final, noresp, no_token, lost, twice;
	unsigned cred;       /* 0 none, 1 good, 2 wrong, 3 MD5 */
	struct slice damage; /* bytes that are put over the message */
	size_t damage_at;
};
void world_post(struct world *w, struct world_dev *d,
		const struct world_post *p);

/* Its next session; keeps its anchors. */
void world_again(struct world *w, struct world_dev *d);
void world_alert(struct world_dev *d, int code, const char *db,
		 const char *last);
void world_sync_open(struct world_dev *d, const char *db);
void world_map_open(struct world_dev *d, const char *db);
void world_close(struct world_dev *d); /* Sync or Map */
void world_status(struct world_dev *d, struct slice msgref, struct slice cmdref,
		  const char *cmd, int code);
/* A good Status for everything in its last reply. */
void world_answer(struct world_dev *d, int code);
/* The commands of its last reply, those in a Sync too; at most WORLD_FOUND. */
size_t world_found(const struct world_dev *d,
		   const struct sml_cmd *out[static WORLD_FOUND]);

/*
 * Whatever happened before: a new device gets every contact that is stored,
 * in a session that ends.
 */
void world_settle(struct world *w);

#endif
