/*
 * What the stores share among themselves, and nobody above them uses: the
 * schema that the program carries, and the login directory's key.
 */
#ifndef BACKENDS_COMMON_H
#define BACKENDS_COMMON_H

#include "backends/store.h"

#include <pthread.h>

/* One script out of schema/; the tables are made from those files. */
struct store_migration {
	int number;
	const char *name;
	const char *sql;
};
extern const struct store_migration lite_migrations[];
extern const size_t lite_migrations_n;
extern const struct store_migration pg_migrations[];
extern const size_t pg_migrations_n;

/*
 * A login name as the directory keeps it: ASCII letters in lower case. buf
 * holds STORE_USER_MAX. ERR_LIMIT where it is empty or longer.
 */
enum { STORE_USER_MAX = 256 };
int store_user_key(struct slice user, char *buf, struct slice *out,
		   struct err *e);

/* The error of a writer that comes to an account that has moved. */
int store_moved(const char *where, struct err *e);
/* The error of a copy that comes to a database which another one holds. */
int store_held(const char *where, struct err *e);

/* ---- transactions ------------------------------------------------------ */

/* May this call be made? A transaction that failed takes nothing but a
   rollback, one that reads no writes (and has failed then). */
int store_enter(const struct store_tx *tx, enum store_mode mode, bool *failed,
		const char *where, struct err *e);

/* Savepoints inside each other, and the statements for each level from 1. */
enum { STORE_SAVE_MAX = 8 };
extern const char *const store_sql_save[STORE_SAVE_MAX];
extern const char *const store_sql_keep[STORE_SAVE_MAX];
extern const char *const store_sql_undo[STORE_SAVE_MAX];
/* May this level be opened inside of `open` ones? Is it open? */
int store_save_next(int level, int open, const char *where, struct err *e);
int store_save_open(int level, int open, const char *where, struct err *e);

/* ---- words to who sleeps ------------------------------------------------ */

/* The one ear of a store. */
struct store_ears {
	pthread_mutex_t lock;
	struct store_ear ear; /* .wake NULL: none */
};

void store_ears_init(struct store_ears *s);
void store_ears_destroy(struct store_ears *s);
void store_ears_set(struct store_ears *s, const struct store_ear *ear);
/* All that a transaction said, when it has committed. */
void store_ears_tell(struct store_ears *s, int64_t account,
		     const struct store_word word[static STORE_WAKES]);
/* Whatever it may be: look. */
void store_ears_all(struct store_ears *s);

/* ---- values ------------------------------------------------------------ */

/*
 * Bytes as text that every engine keeps as it is: each NUL, and each byte that
 * is no UTF-8, becomes U+FFFD. .p == NULL when memory is short. Without such
 * bytes it is the slice that came in.
 */
struct slice store_text(struct arena *a, struct slice s);

#endif
