/* Quirk rules: which devices need which PIM_RULE_*, from an INI file. */
#include "pim/core.h"

#include <ini.h>
#include <stdio.h>

/* Made from pim/rules.ini at build time. */
extern const char pim_rules_builtin[];

struct rule_name {
	struct slice name;
	uint32_t bit;
};

static const struct rule_name names[] = {
	{ SLICE_INIT("utc"), PIM_RULE_UTC },
	{ SLICE_INIT("local"), PIM_RULE_LOCAL },
	{ SLICE_INIT("z-is-local"), PIM_RULE_Z_IS_LOCAL },
	{ SLICE_INIT("no-z-is-utc"), PIM_RULE_NO_Z_IS_UTC },
	{ SLICE_INIT("latin1"), PIM_RULE_LATIN1 },
	{ SLICE_INIT("qp-8bit"), PIM_RULE_QP_8BIT },
	{ SLICE_INIT("no-fold"), PIM_RULE_NO_FOLD },
	{ SLICE_INIT("no-empty"), PIM_RULE_NO_EMPTY },
	{ SLICE_INIT("alarm-utc"), PIM_RULE_ALARM_UTC },
	{ SLICE_INIT("no-1980"), PIM_RULE_NO_1980 },
	{ SLICE_INIT("email-internet"), PIM_RULE_EMAIL_INTERNET },
	{ SLICE_INIT("ignore-size"), PIM_RULE_IGNORE_SIZE },
	{ SLICE_INIT("allday-same-day"), PIM_RULE_ALLDAY_SAME_DAY },
	{ SLICE_INIT("allday-2400"), PIM_RULE_ALLDAY_2400 },
	{ SLICE_INIT("epoc"), PIM_RULE_EPOC },
	{ SLICE_INIT("rrule-until"), PIM_RULE_RRULE_UNTIL },
	{ SLICE_INIT("keeps-all"), PIM_RULE_KEEPS_ALL },
	{ SLICE_INIT("photo-no-type"), PIM_RULE_PHOTO_NO_TYPE },
	{ SLICE_INIT("org-one"), PIM_RULE_ORG_ONE },
	{ SLICE_INIT("resume-no"), PIM_RULE_RESUME_NO },
	{ SLICE_INIT("respuri-no"), PIM_RULE_RESPURI_NO },
	{ SLICE_INIT("sif"), PIM_RULE_SIF },
	{ SLICE_INIT("tel-one"), PIM_RULE_TEL_ONE },
	{ SLICE_INIT("msg-5000"), PIM_RULE_MSG_5000 },
};

struct section {
	struct slice name;
	struct slice man, mod, swv, dev; /* p == NULL: any */
	uint32_t bits;
	struct section *next;
};

struct pim_rules {
	struct section *first;
};

int
pim_rules_words(struct slice words, uint32_t *out, struct err *e)
{
	uint32_t bits = 0;

	for (;;) {
		size_t end = 0;
		size_t i = 0;
		struct slice w;

		words = slice_trim(words);
		if (words.n == 0)
			break;
		while (end < words.n && words.p[end] != ' ' &&
		       words.p[end] != '\t' && words.p[end] != ',')
			end++;
		w = slice_sub(words, 0, end);
		words = slice_from(words, end < words.n ? end + 1 : end);
		while (i < sizeof(names) / sizeof(names[0]) &&
		       !slice_eq_nocase(names[i].name, w))
			i++;
		if (w.n > 0 && i == sizeof(names) / sizeof(names[0]))
			return err_set(e, ERR_CONFIG, "pim.rules",
				       "unknown rule \"%.*s\"", SLICE_ARG(w));
		if (w.n > 0)
			bits |= names[i].bit;
	}
	*out = bits;
	return 0;
}

struct loader {
	struct arena *a;
	struct section **tail;
	struct section *cur;
	struct err *e;
	bool nomem;
	bool failed;
};

static bool
new_section(struct loader *l, const char *name)
{
	struct section *s = ARENA_NEW(l->a, struct section);

	if (s != NULL)
		s->name = arena_copy(l->a, slice_c(name));
	if (s == NULL || s->name.p == NULL) {
		l->nomem = true;
		return false;
	}
	*l->tail = s;
	l->tail = &s->next;
	l->cur = s;
	return true;
}

/* inih's handler: 1 is good, 0 an error. */
static int
on_value(void *user, const char *section, const char *name, const char *value)
{
	struct loader *l = user;
	struct slice v;
	uint32_t bits;

	if (l->failed || l->nomem)
		return 0;
	if ((l->cur == NULL || !slice_is(l->cur->name, section)) &&
	    !new_section(l, section))
		return 0;
	if (strcmp(name, "rules") == 0) {
		if (pim_rules_words(slice_c(value), &bits, l->e) != 0) {
			l->failed = true;
			return 0;
		}
		l->cur->bits |= bits;
		return 1;
	}
	v = arena_copy(l->a, slice_c(value));
	if (v.p == NULL) {
		l->nomem = true;
		return 0;
	}
	if (strcmp(name, "man") == 0)
		l->cur->man = v;
	else if (strcmp(name, "mod") == 0)
		l->cur->mod = v;
	else if (strcmp(name, "swv") == 0)
		l->cur->swv = v;
	else if (strcmp(name, "dev") == 0)
		l->cur->dev = v;
	else
		return 0;
	return 1;
}

int
pim_rules_load(struct arena *a, const char *text, struct pim_rules **out,
	       struct err *e)
{
	struct pim_rules *r = ARENA_NEW(a, struct pim_rules);
	struct loader l = { .a = a, .e = e };
	int line;

	if (r == NULL)
		return pim_nomem(e, "pim.rules");
	l.tail = &r->first;
	line = ini_parse_string(text == NULL ? pim_rules_builtin : text,
				on_value, &l);
	if (l.nomem || line < 0)
		return pim_nomem(e, "pim.rules");
	if (l.failed)
		return -1;
	if (line > 0)
		return err_set(e, ERR_CONFIG, "pim.rules",
			       "rule file, line %d: not understood", line);
	*out = r;
	return 0;
}

/* Shell glob with '*' and '?', case aside; goes back to the last '*' only. */
static bool
fits_one(struct slice pat, struct slice s)
{
	size_t i = 0;
	size_t k = 0;
	size_t star = SIZE_MAX;
	size_t mark = 0;

	while (k < s.n) {
		if (i < pat.n && pat.p[i] == '*') {
			star = i++;
			mark = k;
		} else if (i < pat.n &&
			   (pat.p[i] == '?' ||
			    slice_lower(pat.p[i]) == slice_lower(s.p[k]))) {
			i++;
			k++;
		} else if (star != SIZE_MAX) {
			i = star + 1;
			k = ++mark;
		} else {
			return false;
		}
	}
	while (i < pat.n && pat.p[i] == '*')
		i++;
	return i == pat.n;
}

/* Alternatives are divided by '|'. */
static bool
fits(struct slice pats, struct slice s)
{
	struct slice pat;

	if (pats.p == NULL)
		return true;
	while (slice_split(&pats, '|', &pat)) {
		if (fits_one(slice_trim(pat), s))
			return true;
	}
	return false;
}

uint32_t
pim_rules_match(const struct pim_rules *r, struct slice man, struct slice mod,
		struct slice swv, struct slice dev_id)
{
	uint32_t bits = 0;

	man = slice_sub(slice_trim(man), 0, 128);
	mod = slice_sub(slice_trim(mod), 0, 128);
	swv = slice_sub(slice_trim(swv), 0, 128);
	dev_id = slice_sub(slice_trim(dev_id), 0, 128);
	for (const struct section *s = r->first; s != NULL; s = s->next) {
		if (fits(s->man, man) && fits(s->mod, mod) &&
		    fits(s->swv, swv) && fits(s->dev, dev_id))
			bits |= s->bits;
	}
	return bits;
}
