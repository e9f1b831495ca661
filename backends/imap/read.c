/* One answer of the server, whatever it is about. */
#include "backends/imap/int.h"

#include <stdio.h>

static int
line_end(struct mbox *m)
{
	char rest[2];

	return imap_rest(m, rest, sizeof(rest));
}

/* Room for one more in an array of the command's arena. */
static void *
one_more(struct mbox *m, void *at, size_t n, size_t *cap, size_t size,
	 size_t max)
{
	size_t to = *cap == 0 ? 32 : *cap * 2;
	char *p;

	if (n < *cap)
		return at;
	if (n >= max) {
		(void)imap_fail(m, ERR_LIMIT,
				"the server lists more than was asked for");
		return NULL;
	}
	p = arena_array(m->ask->a, to, size);
	if (p == NULL) {
		(void)imap_fail(m, ERR_NOMEM, "out of memory");
		return NULL;
	}
	if (n > 0)
		memcpy(p, at, n * size);
	*cap = to;
	return p;
}

/* ---- capabilities and codes ---------------------------------------------- */

static void
capability(struct mbox *m, const char *word)
{
	static const struct {
		const char *name;
		unsigned cap;
	} all[] = {
		{ "IDLE", MBOX_CAN_IDLE },
		{ "UIDPLUS", MBOX_CAN_UIDPLUS },
		{ "MOVE", MBOX_CAN_MOVE },
		{ "CONDSTORE", MBOX_CAN_CONDSTORE },
		{ "QRESYNC", MBOX_CAN_QRESYNC | MBOX_CAN_CONDSTORE },
		{ "SPECIAL-USE", MBOX_CAN_SPECIAL_USE },
		{ "NOTIFY", MBOX_CAN_NOTIFY },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (strcmp(all[i].name, word) == 0)
			m->caps |= all[i].cap;
	}
	m->auth_plain |= strcmp(word, "AUTH=PLAIN") == 0;
	m->sasl_ir |= strcmp(word, "SASL-IR") == 0;
	m->login_disabled |= strcmp(word, "LOGINDISABLED") == 0;
	m->starttls |= strcmp(word, "STARTTLS") == 0;
	m->literal_plus |= strcmp(word, "LITERAL+") == 0;
	m->enable |= strcmp(word, "ENABLE") == 0;
	m->id |= strcmp(word, "ID") == 0;
}

/* Up to the end of the line, or the bracket around them. */
static int
capabilities(struct mbox *m)
{
	char word[IMAP_WORD_MAX];

	m->caps = 0;
	m->auth_plain = m->sasl_ir = m->login_disabled = m->starttls = false;
	m->literal_plus = m->enable = m->id = false;
	while (imap_at(m, ' ')) {
		int c = imap_peek(m);

		if (c == '\r' || c == '\n' || c == ']')
			break;
		if (imap_word(m, word, sizeof(word)) < 0)
			return -1;
		capability(m, word);
	}
	return m->is_dead ? -1 : 0;
}

/* The numbers that codes carry. */
static int
code_number(struct mbox *m, const char *code)
{
	struct imap_ask *q = m->ask;
	struct mbox_state *st = q == NULL ? NULL : q->state;
	int64_t n, skip;

	if (imap_expect(m, ' ') < 0)
		return -1;
	if (strcmp(code, "APPENDUID") == 0 &&
	    (imap_number(m, &skip) < 0 || imap_expect(m, ' ') < 0))
		return -1;
	if (imap_number(m, &n) < 0)
		return -1;
	if (n > UINT32_MAX && strcmp(code, "HIGHESTMODSEQ") != 0)
		return 0;
	if (strcmp(code, "APPENDUID") == 0 && q != NULL)
		q->code_uid = (uint32_t)n;
	if (st == NULL)
		return 0;
	if (strcmp(code, "UIDVALIDITY") == 0)
		st->uidvalidity = (uint32_t)n;
	else if (strcmp(code, "UIDNEXT") == 0)
		st->uidnext = (uint32_t)n;
	else if (strcmp(code, "HIGHESTMODSEQ") == 0)
		st->modseq = n;
	return 0;
}

static bool
has_number(const char *code)
{
	return strcmp(code, "UIDVALIDITY") == 0 ||
	       strcmp(code, "UIDNEXT") == 0 ||
	       strcmp(code, "HIGHESTMODSEQ") == 0 ||
	       strcmp(code, "APPENDUID") == 0;
}

/* [CODE ...] text. code: IMAP_WORD_MAX bytes, text: cap bytes. */
static int
code_and_text(struct mbox *m, char *code, char *text, size_t cap)
{
	int c;

	code[0] = '\0';
	(void)imap_at(m, ' ');
	if (imap_at(m, '[')) {
		if (imap_word(m, code, IMAP_WORD_MAX) < 0)
			return -1;
		if (strcmp(code, "CAPABILITY") == 0 && capabilities(m) < 0)
			return -1;
		if (has_number(code) && code_number(m, code) < 0)
			return -1;
		while ((c = imap_peek(m)) >= 0 && c != ']' && c != '\n')
			(void)imap_next(m);
		(void)imap_at(m, ']');
		(void)imap_at(m, ' ');
	}
	return m->is_dead ? -1 : imap_rest(m, text, cap);
}

/* ---- lists --------------------------------------------------------------- */

static enum mbox_role
role_of(const char *word)
{
	return strcmp(word, "\\SENT") == 0     ? MBOX_SENT
	       : strcmp(word, "\\DRAFTS") == 0 ? MBOX_DRAFTS
	       : strcmp(word, "\\TRASH") == 0  ? MBOX_TRASH
					       : MBOX_NO_ROLE;
}

static int
list_flags(struct mbox *m, struct mbox_folder *f)
{
	char word[IMAP_WORD_MAX];

	if (imap_expect(m, ' ') < 0 || imap_expect(m, '(') < 0)
		return -1;
	while (!m->is_dead && !imap_at(m, ')')) {
		if (imap_at(m, ' '))
			continue;
		if (imap_word(m, word, sizeof(word)) < 0)
			return -1;
		if (role_of(word) != MBOX_NO_ROLE)
			f->role = role_of(word);
		f->noselect |= strcmp(word, "\\NOSELECT") == 0 ||
			       strcmp(word, "\\NONEXISTENT") == 0;
	}
	return m->is_dead ? -1 : 0;
}

/* As people see it; empty: it is no text. */
static int
folder_name(struct mbox *m, struct slice *name)
{
	char *text = arena_alloc(m->ask->a, name->n * 2 + 1);
	size_t n = 0;

	if (text == NULL)
		return imap_fail(m, ERR_NOMEM, "out of memory");
	if (!imap_utf7_read(*name, text, name->n * 2 + 1, &n))
		n = 0;
	*name = (struct slice){ text, n };
	return 0;
}

/* ( flags ) "delimiter" name */
static int
list(struct mbox *m)
{
	struct imap_ask *q = m->ask;
	struct mbox_folder f = { .role = MBOX_NO_ROLE };
	struct slice delim, name;

	if (q == NULL || !q->want_folders)
		return line_end(m);
	if (list_flags(m, &f) < 0 || imap_expect(m, ' ') < 0 ||
	    imap_string(m, q->a, 4, &delim) < 0 || imap_expect(m, ' ') < 0 ||
	    imap_string(m, q->a, IMAP_NAME_MAX, &name) < 0 || line_end(m) < 0 ||
	    folder_name(m, &name) < 0)
		return -1;
	q->folder = one_more(m, q->folder, q->folder_n, &q->folder_cap,
			     sizeof(*q->folder), MBOX_FOLDERS_MAX);
	if (q->folder == NULL)
		return -1;
	if (name.n == 0)
		return 0; /* a name that is no text: not for us */
	if (delim.n == 1)
		f.delim = delim.p[0];
	f.name = name;
	if (slice_is_nocase(f.name, "INBOX"))
		f.role = MBOX_INBOX;
	q->folder[q->folder_n++] = f;
	return 0;
}

static int
search(struct mbox *m)
{
	struct imap_ask *q = m->ask;
	int64_t n;

	while (imap_at(m, ' ')) {
		/* (MODSEQ n) may follow, and some leave a blank at the end. */
		if (imap_peek(m) < '0' || imap_peek(m) > '9')
			break;
		if (imap_number(m, &n) < 0)
			return -1;
		if (q == NULL || !q->want_uids || n < 1 || n > UINT32_MAX)
			continue;
		q->uid = one_more(m, q->uid, q->uid_n, &q->uid_cap,
				  sizeof(*q->uid), q->uid_max);
		if (q->uid == NULL)
			return -1;
		q->uid[q->uid_n++] = (uint32_t)n;
	}
	return m->is_dead ? -1 : line_end(m);
}

/* VANISHED [(EARLIER)] 41,43:116 */
static int
vanished(struct mbox *m)
{
	struct imap_ask *q = m->ask;
	int64_t low, high;

	m->news = true;
	if (imap_expect(m, ' ') < 0)
		return -1;
	if (imap_peek(m) == '(' &&
	    (imap_skip(m) < 0 || imap_expect(m, ' ') < 0))
		return -1;
	do {
		if (imap_number(m, &low) < 0)
			return -1;
		high = low;
		if (imap_at(m, ':') && imap_number(m, &high) < 0)
			return -1;
		if (q == NULL || !q->want_gone || low > UINT32_MAX ||
		    high > UINT32_MAX)
			continue;
		q->gone = one_more(m, q->gone, q->gone_n, &q->gone_cap,
				   sizeof(*q->gone), IMAP_GONE_MAX);
		if (q->gone == NULL)
			return -1;
		q->gone[q->gone_n++] = (struct mbox_range){
			(uint32_t)(low < high ? low : high),
			(uint32_t)(low < high ? high : low),
		};
	} while (imap_at(m, ','));
	return line_end(m);
}

/* Is it one of those that we know, and not as we know it? */
static bool
differs(const struct imap_ask *q, struct slice name,
	const struct mbox_state *st)
{
	for (size_t i = 0; i < q->known_n; i++) {
		struct mbox_known *k = &q->known[i];

		if (!slice_eq(k->name, name))
			continue;
		k->told = true;
		return (st->uidnext > 0 && st->uidnext != k->uidnext) ||
		       (st->modseq > 0 && st->modseq != k->modseq);
	}
	return false;
}

static int
states(struct mbox *m, struct mbox_state *st)
{
	char word[IMAP_WORD_MAX];
	int64_t n;

	while (!m->is_dead && !imap_at(m, ')')) {
		if (imap_at(m, ' '))
			continue;
		if (imap_word(m, word, sizeof(word)) < 0 ||
		    imap_expect(m, ' ') < 0 || imap_number(m, &n) < 0)
			return -1;
		if (strcmp(word, "HIGHESTMODSEQ") == 0)
			st->modseq = n;
		else if (n > UINT32_MAX)
			continue;
		else if (strcmp(word, "MESSAGES") == 0)
			st->exists = (uint32_t)n;
		else if (strcmp(word, "UIDNEXT") == 0)
			st->uidnext = (uint32_t)n;
		else if (strcmp(word, "UIDVALIDITY") == 0)
			st->uidvalidity = (uint32_t)n;
	}
	return m->is_dead ? -1 : 0;
}

/* name (WORD n WORD n): the answer to STATUS, else news of that folder */
static int
status(struct mbox *m)
{
	struct imap_ask *q = m->ask;
	bool compare = q != NULL && q->known_n > 0;
	struct mbox_state st = { .uidvalidity = 0 };
	struct slice name;

	if (imap_expect(m, ' ') < 0 ||
	    imap_string(m, compare ? q->a : NULL, IMAP_NAME_MAX, &name) < 0 ||
	    imap_expect(m, ' ') < 0 || imap_expect(m, '(') < 0 ||
	    states(m, &st) < 0)
		return -1;
	if (compare) {
		if (folder_name(m, &name) < 0)
			return -1;
		m->news |= differs(q, name, &st);
	} else if (q != NULL && q->want_status) {
		*q->state = st;
	} else {
		m->news = true;
	}
	return line_end(m);
}

/* ---- untagged ------------------------------------------------------------ */

/* n EXISTS, n EXPUNGE, n FETCH (...) */
static int
about_message(struct mbox *m)
{
	char word[IMAP_WORD_MAX];
	int64_t n;

	if (imap_number(m, &n) < 0 || imap_expect(m, ' ') < 0 ||
	    imap_word(m, word, sizeof(word)) < 0)
		return -1;
	if (strcmp(word, "FETCH") == 0)
		return imap_expect(m, ' ') < 0 || imap_read_fetch(m) < 0
			   ? -1
			   : line_end(m);
	if (strcmp(word, "EXISTS") == 0 && n <= UINT32_MAX) {
		m->news |= m->exists != (uint32_t)n;
		m->exists = (uint32_t)n;
		if (m->ask != NULL && m->ask->state != NULL)
			m->ask->state->exists = (uint32_t)n;
	} else if (strcmp(word, "EXPUNGE") == 0) {
		m->news = true;
		m->exists -= m->exists > 0;
	}
	return line_end(m);
}

static int
untagged(struct mbox *m)
{
	char word[IMAP_WORD_MAX], code[IMAP_WORD_MAX], text[120];
	int c;

	if (imap_expect(m, ' ') < 0 || (c = imap_peek(m)) < 0)
		return -1;
	if (c >= '0' && c <= '9')
		return about_message(m);
	if (imap_word(m, word, sizeof(word)) < 0)
		return -1;
	if (strcmp(word, "CAPABILITY") == 0)
		return capabilities(m) < 0 ? -1 : line_end(m);
	if (strcmp(word, "LIST") == 0)
		return list(m);
	if (strcmp(word, "SEARCH") == 0)
		return search(m);
	if (strcmp(word, "STATUS") == 0)
		return status(m);
	if (strcmp(word, "VANISHED") == 0)
		return vanished(m);
	if (strcmp(word, "BYE") == 0)
		m->said_bye = true;
	return code_and_text(m, code, text, sizeof(text));
}

/* ---- tagged -------------------------------------------------------------- */

static int
tagged(struct mbox *m)
{
	char tag[16], want[16], word[IMAP_WORD_MAX], code[IMAP_WORD_MAX];
	char text[120];
	struct imap_ask *q = m->ask;

	(void)snprintf(want, sizeof(want), "F%u", m->tag);
	if (imap_word(m, tag, sizeof(tag)) < 0 || imap_expect(m, ' ') < 0 ||
	    imap_word(m, word, sizeof(word)) < 0)
		return -1;
	if (strcmp(tag, want) != 0)
		return imap_fail(m, ERR_PARSE,
				 "the server answers what was not asked");
	if (code_and_text(m, code, text, sizeof(text)) < 0)
		return -1;
	if (q == NULL)
		return 0;
	q->status = strcmp(word, "OK") == 0   ? IMAP_OK
		    : strcmp(word, "NO") == 0 ? IMAP_NO
					      : IMAP_BAD;
	memcpy(q->code, code, sizeof(code));
	memcpy(q->text, text, sizeof(text));
	return 0;
}

int
imap_answer(struct mbox *m, enum imap_got *got)
{
	char rest[2];
	int c = imap_peek(m);

	if (c == '*') {
		*got = IMAP_GOT_UNTAGGED;
		(void)imap_next(m);
		return untagged(m);
	}
	if (c == '+') {
		*got = IMAP_GOT_PLUS;
		return imap_rest(m, rest, sizeof(rest));
	}
	*got = IMAP_GOT_DONE;
	return c < 0 ? -1 : tagged(m);
}
