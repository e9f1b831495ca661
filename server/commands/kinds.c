#include "server/commands/kinds.h"

#include "pim/pim.h"

static const struct {
	enum pim_kind kind;
	struct slice word[4];
} kind_words[] = {
	{ PIM_CONTACT,
	  { SLICE_INIT("contact"), SLICE_INIT("contacts"), SLICE_INIT("card"),
	    SLICE_INIT("cards") } },
	{ PIM_EVENT,
	  { SLICE_INIT("event"), SLICE_INIT("events"), SLICE_INIT("calendar"),
	    SLICE_INIT("cal") } },
	{ PIM_TODO,
	  { SLICE_INIT("todo"), SLICE_INIT("todos"), SLICE_INIT("task"),
	    SLICE_INIT("tasks") } },
	{ PIM_NOTE,
	  { SLICE_INIT("note"), SLICE_INIT("notes"), SLICE_INIT("memo"),
	    SLICE_INIT("memos") } },
	{ PIM_MAIL,
	  { SLICE_INIT("mail"), SLICE_INIT("mails"), SLICE_INIT("email"),
	    SLICE_INIT("emails") } },
};

enum { KIND_N = sizeof(kind_words) / sizeof(kind_words[0]) };

static const struct {
	enum store_policy policy;
	const char *name;
} policies[] = {
	{ STORE_POLICY_NEWEST, "newest" },
	{ STORE_POLICY_SERVER, "server" },
	{ STORE_POLICY_CLIENT, "client" },
	{ STORE_POLICY_DUPLICATE, "duplicate" },
};

enum { POLICY_N = sizeof(policies) / sizeof(policies[0]) };

struct slice
srv_kinds_text(struct arena *a, unsigned kinds)
{
	struct buf b = BUF_IN(a);

	for (size_t i = 0; i < KIND_N; i++) {
		if ((kinds & kind_words[i].kind) == 0)
			continue;
		if (b.n > 0)
			buf_byte(&b, ' ');
		buf_add(&b, kind_words[i].word[0]);
	}
	return buf_slice(&b);
}

static unsigned
kind_of(struct slice word)
{
	for (size_t i = 0; i < KIND_N; i++)
		for (size_t k = 0; k < 4; k++)
			if (slice_eq_nocase(kind_words[i].word[k], word))
				return kind_words[i].kind;
	return 0;
}

static size_t
word_len(struct slice s)
{
	size_t n = 0;

	while (n < s.n && s.p[n] != ' ' && s.p[n] != ',')
		n++;
	return n;
}

bool
srv_kinds_read(struct slice words, unsigned *kinds)
{
	unsigned all = 0;

	while (words.n > 0) {
		size_t n = word_len(words);
		unsigned one = n == 0 ? 0 : kind_of(slice_sub(words, 0, n));

		if (n > 0 && one == 0)
			return false;
		all |= one;
		words = slice_from(words, n + 1);
	}
	*kinds = all;
	return all != 0;
}

const char *
srv_policy_name(enum store_policy p)
{
	for (size_t i = 0; i < POLICY_N; i++)
		if (policies[i].policy == p)
			return policies[i].name;
	return "unknown";
}

bool
srv_policy_read(struct slice word, enum store_policy *p)
{
	for (size_t i = 0; i < POLICY_N; i++) {
		if (!slice_is_nocase(word, policies[i].name))
			continue;
		*p = policies[i].policy;
		return true;
	}
	return false;
}

const char *
srv_origin_name(enum store_origin o)
{
	switch (o) {
	case STORE_BY_DEVICE:
		return "device";
	case STORE_BY_MERGE:
		return "merge";
	case STORE_BY_IMPORT:
		return "import";
	case STORE_BY_ADMIN:
		return "administrator";
	case STORE_BY_RESTORE:
		return "restore";
	case STORE_BY_ALARM:
		return "alarm";
	case STORE_BY_MAILBOX:
		return "mailbox";
	}
	return "unknown";
}
