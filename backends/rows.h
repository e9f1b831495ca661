/*
 * Whole rows, as the tables hold them: for copying a site from one store into
 * another (backends/copy.h), and for nothing else. One table of tables serves
 * every engine, since all have the same tables and columns.
 */
#ifndef BACKENDS_ROWS_H
#define BACKENDS_ROWS_H

#include "backends/store.h"
#include "base/buf.h"

/* ---- what there is ---------------------------------------------------- */

enum rows_type {
	ROWS_INT,
	ROWS_BYTES,
	ROWS_TEXT,
	ROWS_SEAL, /* a number that belongs to the database, not to the site:
		      whether the account has moved; 0 in every copy */
};

struct rows_column {
	const char *name;
	enum rows_type type;
};

enum rows_class {
	ROWS_ACCOUNT, /* the first column is account_id */
	ROWS_SITE,
	ROWS_LOOSE, /* of the site too; counters that may move while accounts
		       stand still, so they are copied and not compared */
	ROWS_LOCAL, /* of the database itself: not copied */
};

struct rows_table {
	const char *name;
	enum rows_class class;
	int key_n; /* the first columns are the primary key */
	const struct rows_column *col;
	int col_n;
};

extern const struct rows_table rows_tables[];
extern const size_t rows_table_n;
const struct rows_table *rows_find(const char *name);
/* A column's place in the row; the table has it. */
int rows_at(const struct rows_table *t, const char *column);

enum { ROWS_COLUMNS_MAX = 40, ROWS_KEY_MAX = 8 };

/* Words in `site` that say what a database is to a copy, and stay in it. */
#define ROWS_ID "copy_id"      /* names the site for its copies */
#define ROWS_COPY_OF "copy_of" /* unfinished copy of that site */
#define ROWS_MOVED "moved"     /* the site has moved: where to */

/* ---- rows -------------------------------------------------------------- */

struct rows_cell {
	bool null;
	int64_t i;      /* ROWS_INT, ROWS_SEAL */
	struct slice s; /* ROWS_BYTES, ROWS_TEXT */
};

struct rows_batch {
	const struct rows_table *t;
	struct rows_cell *cell; /* n * t->col_n of them */
	size_t n;
	bool more; /* there may be rows behind these */
};

struct rows_ask {
	const struct rows_table *t;
	const int64_t *account;        /* NULL: of all accounts */
	const struct rows_cell *after; /* the key_n cells of a key, or NULL */
	size_t limit;                  /* rows */
	size_t bytes; /* the batch ends after so many, but has one row */
};

/* One transaction on one connection. */
struct rows {
	struct store *s;
	enum store_mode mode;
	bool failed; /* only rollback is allowed */
};

struct rows_hold; /* the engine's */

struct store_rows_vtbl {
	/* One holder of a database at a time, of all processes; the next one
	   is told so at once (ERR_CONFLICT). It ends with the process at last,
	   and hinders nobody who does not ask for it. */
	int (*hold)(struct store *s, struct rows_hold **out, struct err *e);
	void (*let_go)(struct rows_hold **h); /* frees h; accepts NULL */
	/* STORE_READ: one snapshot. */
	int (*begin)(struct store *s, enum store_mode mode, struct rows **out,
		     struct err *e);
	int (*commit)(struct rows **r, struct err *e); /* frees r */
	void (*rollback)(struct rows **r); /* frees r; accepts NULL */
	/* In key order, bytes and texts as memcmp() has them. */
	int (*read)(struct rows *r, struct arena *a, const struct rows_ask *ask,
		    struct rows_batch *out, struct err *e);
	/* Insert; a row that is there already is ERR_CONFLICT. */
	int (*write)(struct rows *r, const struct rows_batch *b, struct err *e);
	/* Delete all rows of a table. */
	int (*clear)(struct rows *r, const struct rows_table *t, struct err *e);
	/* All accounts: from now on nobody begins a write transaction on one
	   of them (ERR_UNAVAILABLE), or everybody may again. Waits for those
	   under way. */
	int (*seal)(struct rows *r, bool moved, struct err *e);
	/* A word of `site`; value NULL: gone. */
	int (*site_set)(struct rows *r, const char *key,
			const struct slice *value, struct err *e);
};

/* ---- what the engines share -------------------------------------------- */

/* Statements, as both engines understand them; `mark` begins a parameter's
   number ('?' or '$'), `order` follows a text to be compared. */
struct rows_dialect {
	char mark;
	const char *order;
};
/* Parameters: the account if ask->account, the cells of the key that
   ask->after has (without the account), the limit. */
void rows_sql_from(struct buf *b, const struct rows_dialect *d,
		   const struct rows_ask *ask);
/* " ORDER BY ...", by the key; nothing where there can be but one row. */
void rows_sql_order(struct buf *b, const struct rows_dialect *d,
		    const struct rows_ask *ask);
/* "a", "b", "c" */
void rows_sql_columns(struct buf *b, const struct rows_table *t);
/* How many of the key's cells are parameters behind the account. */
int rows_key_from(const struct rows_ask *ask);

#endif
