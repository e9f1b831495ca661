/*
 * A client whose messages are written out one by one, for tests of what a
 * model phone never does: wrong orders, odd commands, repeated messages.
 */
#ifndef TESTS_SYNCML_RAW_H
#define TESTS_SYNCML_RAW_H

#include "tests/syncml/phone.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

extern struct bench bench;

/* One client, as far as its header goes. */
struct raw {
	const char *dev, *sid, *peer;
	int version, msgid, max_msg;
	bool no_token; /* it ignores RespURI */
	int max_obj;   /* beside max_msg; 0: a large one, below 0: none */
	bool noresp;
	const char *name;  /* LocName of Source; NULL: none */
	struct slice cred; /* XML of the header's Cred, beside the flags */
	struct slice mac;  /* x-syncml-hmac of all that is sent */
	char token[80];
	struct buf body;
	int cmdid;
	struct slice sent; /* its last message */
	struct sml_reply raw;
	struct sml_msg *m; /* the last answer; NULL: it had no body */
};

enum { FINAL = 1, CRED = 2, BADCRED = 4 };

int set_up(void **state);
int tear_down(void **state);
void open_raw(struct raw *r, const char *dev, const char *sid);
void again(struct raw *r, const char *sid);
void alert(struct raw *r, int code, const char *db, const char *last,
	   const char *next);
void plain_alert(struct raw *r, int code);
void sync_open(struct raw *r, const char *db);
void sync_close(struct raw *r);
void change(struct raw *r, const char *cmd, const char *luid, const char *name);
/* A Sync of its own for one change. */
void one_change(struct raw *r, const char *db, const char *cmd,
		const char *luid, const char *name);
/* size 0: not told; below 0: it goes on there, as libsynthesis says it. */
void piece(struct raw *r, const char *luid, int size, struct slice data,
	   bool more);
void status(struct raw *r, const char *msgref, const char *cmdref,
	    const char *cmd, int code);
const char *text(struct slice s);
void answer_all(struct raw *r, int code);
/* A command that holds others: Atomic, Sequence. */
void open_command(struct raw *r, const char *name);
void close_command(struct raw *r, const char *name);
void map_open(struct raw *r, const char *db);
void map_item(struct raw *r, struct slice ours, const char *luid);
void map_close(struct raw *r);
void send_bytes(struct raw *r, struct slice bytes);
void read_answer(struct raw *r);        /* of r->raw */
void prepare(struct raw *r, int flags); /* the next message, as r->sent */
struct sml_msg *post(struct raw *r, int flags);
int code_nth(const struct sml_msg *m, const char *cmd, int nth);
int code_of(const struct sml_msg *m, const char *cmd);
int our_alert(const struct sml_msg *m);
const struct sml_cmd *sync_of(const struct sml_msg *m);
int count(const struct sml_msg *m, enum sml_tag tag);
int items_stored(void);
void first_sync(struct raw *r, int n, const char *next);
void ask(struct raw *r, const char *sid, int code, const char *last,
	 const char *next);
void finish(struct raw *r);

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

#endif
