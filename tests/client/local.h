/*
 * A directory, its state and a session with the fake server over a pipe: what
 * the tests of files and of kills need.
 */
#ifndef TESTS_CLIENT_LOCAL_H
#define TESTS_CLIENT_LOCAL_H

#include "clients/folder.h"
#include "tests/client/fake_server.h"

struct local {
	char dir[256];
	struct fake f;
	int type; /* of the next session */
	const struct cli_phone *phone;
	enum pim_form form;
	unsigned kill_at; /* step; 0: never */
	unsigned steps;   /* of the last session that lived */
	struct cli_counts sent, received;
	unsigned refused, failed;
	int did; /* type that was settled */
	/* runs in the client when the step with this number comes */
	void (*meddle)(struct local *l);
	unsigned meddle_at;
};

void local_begin(struct local *l);
void local_end(struct local *l);
void local_write(struct local *l, const char *name, const char *text);
/* NULL: not there. Free it. */
char *local_read(struct local *l, const char *name);
void local_remove(struct local *l, const char *name);
bool local_has(struct local *l, const char *name);
/* Names of the files that count; free each and the list. */
char **local_names(struct local *l, size_t *n);

/*
 * One session in a child process. 0: it went well; 1: it failed; 9: it was
 * killed where kill_at said.
 */
int local_sync(struct local *l);

/* Do both sides hold the same contents, each as often? */
bool local_same(struct local *l);

#endif
