/*
 * What PostgreSQL and libpq report, as one of our errors in plain words that
 * name the mend.
 */
#include "backends/postgres/pg.h"

struct meaning {
	int state; /* PG_STATE(), or PG_CLASS() for a whole class */
	bool class;
	enum err_code code;
	const char *text; /* before what the server says */
};

#define STATE(a, b, c, d, e) PG_STATE(a, b, c, d, e), false
#define CLASS(a, b) PG_CLASS(a, b), true

/* Of libpq's own, not of a server. */
#define NO_TRUST PG_STATE('L', 'Q', '0', '0', '1')
#define NO_TLS PG_STATE('L', 'Q', '0', '0', '2')

/* The first that fits. */
static const struct meaning MEANINGS[] = {
	{ STATE('2', '3', '5', '0', '5'), ERR_CONFLICT, "exists already" },
	{ STATE('4', '0', '0', '0', '1'), ERR_UNAVAILABLE,
	  "two transactions stood in each other's way" },
	{ STATE('4', '0', 'P', '0', '1'), ERR_UNAVAILABLE,
	  "two transactions waited for each other" },
	{ STATE('5', '5', 'P', '0', '3'), ERR_UNAVAILABLE,
	  "another transaction holds the lock for too long" },
	{ STATE('5', '7', '0', '1', '4'), ERR_UNAVAILABLE,
	  "the database ended a statement that took too long" },
	{ CLASS('5', '7'), ERR_UNAVAILABLE,
	  "the database is stopping, starting or has been told to end this "
	  "connection" },
	{ STATE('5', '3', '1', '0', '0'), ERR_UNAVAILABLE,
	  "no room on the database's disk: free space there" },
	{ STATE('5', '3', '2', '0', '0'), ERR_UNAVAILABLE,
	  "the database has no memory left" },
	{ STATE('5', '3', '3', '0', '0'), ERR_UNAVAILABLE,
	  "the database takes no more connections: raise its max_connections, "
	  "or lower pool= in `store`" },
	{ CLASS('5', '3'), ERR_UNAVAILABLE,
	  "the database is short of something" },
	{ STATE('2', '5', '0', '0', '6'), ERR_UNAVAILABLE,
	  "the database is a read-only replica: let `store` name the primary, "
	  "or all hosts" },
	{ STATE('2', '5', 'P', '0', '3'), ERR_UNAVAILABLE,
	  "the database ended a transaction that said nothing for too long" },
	{ STATE('0', 'A', '0', '0', '0'), ERR_UNAVAILABLE,
	  "the schema changed under a running statement" },
	{ CLASS('0', '8'), ERR_UNAVAILABLE,
	  "the connection to the database was lost" },
	{ CLASS('5', '8'), ERR_UNAVAILABLE,
	  "reading or writing the database's files failed: look at its disk" },
	{ STATE('X', 'X', '0', '0', '1'), ERR_UNAVAILABLE,
	  "the database is damaged: run `funicular check` and restore the last "
	  "backup" },
	{ STATE('X', 'X', '0', '0', '2'), ERR_UNAVAILABLE,
	  "an index is damaged: REINDEX it" },
	{ STATE('2', '8', 'P', '0', '1'), ERR_CONFIG,
	  "the database refuses the password: put the right one into the file "
	  "that passfile= in `store` names" },
	{ CLASS('2', '8'), ERR_CONFIG,
	  "the database does not let this user in: look at `store` and at its "
	  "pg_hba.conf" },
	{ STATE('3', 'D', '0', '0', '0'), ERR_CONFIG,
	  "there is no such database: create it (createdb), or name another "
	  "in `store`" },
	{ STATE('4', '2', 'P', '0', '1'), ERR_CONFIG,
	  "a table is missing: run `funicular migrate`" },
	{ STATE('4', '2', '7', '0', '3'), ERR_CONFIG,
	  "a column is missing: run `funicular migrate`" },
	{ STATE('4', '2', '5', '0', '1'), ERR_CONFIG,
	  "this user lacks a right: see schema/postgres/roles.sql" },
	{ STATE('3', 'F', '0', '0', '0'), ERR_CONFIG,
	  "this user may use no schema: see schema/postgres/roles.sql" },
	{ STATE('2', '6', '0', '0', '0'), ERR_CONFIG,
	  "a pooler hands out connections by transaction: add prepare=off to "
	  "`store`" },
	{ STATE('4', '2', 'P', '0', '5'), ERR_CONFIG,
	  "a pooler hands out connections by transaction: add prepare=off to "
	  "`store`" },
	{ NO_TRUST, false, ERR_CONFIG,
	  "the database's certificate does not prove that it is the one in "
	  "`store`: look at host=, sslrootcert= and sslmode=" },
	{ NO_TLS, false, ERR_CONFIG,
	  "the database speaks no TLS, and sslmode= in `store` wants it: set "
	  "ssl = on there" },
	{ CLASS('5', '4'), ERR_LIMIT, "larger than PostgreSQL can hold" },
};

int
pg_state(const char *five)
{
	if (five == NULL || strlen(five) != 5)
		return 0;
	return PG_STATE(five[0], five[1], five[2], five[3], five[4]);
}

static const struct meaning *
meaning_of(int state)
{
	for (size_t i = 0; i < sizeof(MEANINGS) / sizeof(MEANINGS[0]); i++) {
		const struct meaning *m = &MEANINGS[i];

		if (m->state == (m->class ? state & 0xfff : state))
			return m;
	}
	return NULL;
}

int
pg_nomem(const char *where, struct err *e)
{
	return err_set(e, ERR_NOMEM, where,
		       "no memory for what the database returned");
}

/* libpq's own words: the first line is enough. */
static struct slice
first_line(const char *said)
{
	struct slice rest = slice_c(said);
	struct slice line = SLICE_LIT("");

	(void)slice_split(&rest, '\n', &line);
	return slice_trim(line);
}

static int
lost(struct pg_conn *c, const char *where, struct err *e)
{
	struct slice said = first_line(PQerrorMessage(c->pg));

	c->broken = true;
	return err_set(e, ERR_UNAVAILABLE, where,
		       "the connection to the database was lost: %.*s",
		       SLICE_ARG(said));
}

/* These leave a connection behind that is gone, or that cannot be used. */
static bool
ends_it(const PGresult *r, int state)
{
	const char *how = PQresultErrorField(r, PG_DIAG_SEVERITY_NONLOCALIZED);

	return how == NULL || strcmp(how, "FATAL") == 0 ||
	       strcmp(how, "PANIC") == 0 ||
	       state == PG_STATE('0', 'A', '0', '0', '0') ||
	       state == PG_STATE('2', '6', '0', '0', '0') ||
	       state == PG_STATE('4', '2', 'P', '0', '5');
}

/* Waiting some seconds does not mend a disk; and who has waited for a lock in
   vain shall not do it again: a frozen node holds it, and whoever waits there
   keeps a thread from serving other accounts. */
static bool
is_lasting(int state)
{
	return state == PG_STATE('5', '3', '1', '0', '0') ||
	       state == PG_STATE('5', '5', 'P', '0', '3') ||
	       (state & 0xfff) == PG_CLASS('5', '8') ||
	       (state & 0xfff) == PG_CLASS('X', 'X');
}

int
pg_fail(struct pg_conn *c, const PGresult *r, const char *where, struct err *e)
{
	const char *five =
	    r == NULL ? NULL : PQresultErrorField(r, PG_DIAG_SQLSTATE);
	const struct meaning *m;
	const char *said;
	int state;

	if (five == NULL || PQstatus(c->pg) == CONNECTION_BAD)
		return lost(c, where, e);
	state = pg_state(five);
	said = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);
	if (ends_it(r, state))
		c->broken = true;
	m = meaning_of(state);
	if (m == NULL)
		return err_sys(e, ERR_BUG, state, where, "%s: %s", five,
			       said == NULL ? "no word why" : said);
	(void)err_sys(e, m->code, state, where, "%s (%s: %s)", m->text, five,
		      said == NULL ? "" : said);
	if (e != NULL)
		e->lasting = is_lasting(state);
	return -1;
}

/* libpq gives no SQLSTATE for a connection that did not come about, but in
   its verbose words it stands between colons: "FATAL:  28P01: ...". */
static int
state_in(const char *said)
{
	for (const char *p = said; *p != 0; p++) {
		char five[6] = "";
		size_t n = 0;

		if (p[0] != ':' || p[1] != ' ' || p[2] != ' ')
			continue;
		while (n < 5 && ((p[3 + n] >= '0' && p[3 + n] <= '9') ||
				 (p[3 + n] >= 'A' && p[3 + n] <= 'Z'))) {
			five[n] = p[3 + n];
			n++;
		}
		if (n == 5 && p[8] == ':')
			return pg_state(five);
	}
	return 0;
}

/* What libpq finds itself comes without a SQLSTATE: what its words stand for.
 */
static const struct {
	const char *words;
	int state;
} LIBPQ[] = {
	{ "session is read-only", PG_STATE('2', '5', '0', '0', '6') },
	{ "no password supplied", PG_STATE('2', '8', 'P', '0', '1') },
	{ "does not match host name", NO_TRUST },
	{ "certificate verify failed", NO_TRUST },
	{ "root certificate file", NO_TRUST },
	{ "does not support SSL", NO_TLS },
};

static int
state_of(const char *said)
{
	for (size_t i = 0; i < sizeof(LIBPQ) / sizeof(LIBPQ[0]); i++) {
		if (strstr(said, LIBPQ[i].words) != NULL)
			return LIBPQ[i].state;
	}
	return state_in(said);
}

int
pg_refused(const char *said, struct err *e)
{
	int state = state_of(said);
	const struct meaning *m = state == 0 ? NULL : meaning_of(state);
	struct slice line = first_line(said);

	if (m == NULL)
		return err_sys(e, ERR_UNAVAILABLE, state, "store.open",
			       "no connection to the database: start it, or "
			       "look at `store` (%.*s)",
			       SLICE_ARG(line));
	return err_sys(e, m->code, state, "store.open", "%s (%.*s)", m->text,
		       SLICE_ARG(line));
}
