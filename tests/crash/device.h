/*
 * A device of the crash proof: four databases in memory that outlive every
 * fault, and the client engine as it is in funicular-client.
 */
#ifndef TESTS_CRASH_DEVICE_H
#define TESTS_CRASH_DEVICE_H

#include "tests/client/memdb.h"
#include "tests/crash/model.h"
#include "tests/crash/site.h"

struct device {
	char id[48], secret[128], sid[16], user[32];
	struct cli_conf conf;
	struct memdb db[MODEL_KINDS];
	struct cli_db *dbs[MODEL_KINDS];
	struct cli *session; /* the one that runs */
	struct arena *a;     /* of one exchange */
	unsigned sessions;   /* begun so far */
	unsigned slow;       /* of them, databases that were not two-way */
	unsigned moved;      /* items, by the last session that went well */
	char why[200];       /* the last session failed */
};

void device_init(struct device *d, const char *user, const char *id,
		 const char *secret, int64_t message_bytes);
void device_free(struct device *d);

/* The user's doing. */
void device_add(struct device *d, unsigned key, unsigned a, unsigned b);
void device_edit(struct device *d, unsigned key, unsigned a, unsigned b);
/* Is the second property's edit in what the device holds? */
bool device_has_b(const struct device *d, unsigned key);
void device_delete(struct device *d, unsigned key);

void device_begin(struct device *d);
/* The session is given up; nothing is told to the server. */
void device_drop(struct device *d);

enum device_step { STEP_MORE, STEP_DONE, STEP_FAILED };
/* The message that is to be sent; STEP_MORE while there is one. */
enum device_step device_next(struct device *d, struct slice *body,
			     struct slice *url);
/* Send it once. false: no whole reply came. */
bool device_post(struct device *d, struct site *s, enum site_cut cut,
		 struct site_reply *out);
enum device_step device_take(struct device *d, const struct site_reply *r);
/*
 * Go on until the session ends. When the daemon dies at its control's word it
 * is started again, and the same bytes are sent again.
 */
enum device_step device_run(struct device *d, struct site *s);

#endif
