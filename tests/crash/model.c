#include "tests/crash/model.h"

#include <stdio.h>
#include <stdlib.h>

enum { LINES_MAX = 1024, LARGE_EACH = 60, LARGE_LINES = 500 };

const char *
model_db(enum model_kind kind)
{
	static const char *const name[] = { "contacts", "calendar", "tasks",
					    "notes" };

	return name[kind];
}

enum model_kind
model_kind_of(unsigned key)
{
	static const enum model_kind of[] = {
		MODEL_CONTACT, MODEL_EVENT,   MODEL_TODO,    MODEL_CONTACT,
		MODEL_NOTE,    MODEL_EVENT,   MODEL_CONTACT, MODEL_TODO,
		MODEL_EVENT,   MODEL_CONTACT,
	};

	return of[key % 10];
}

/* Contacts and notes of this key are larger than a message. */
static bool
is_large(unsigned key)
{
	enum model_kind kind = model_kind_of(key);

	return key % LARGE_EACH == LARGE_EACH / 2 + 4 ||
	       (kind == MODEL_CONTACT && key % (3 * LARGE_EACH) == 0);
}

size_t
model_text(unsigned key, unsigned a, unsigned b, char out[MODEL_TEXT_MAX])
{
	int n = 0;

	switch (model_kind_of(key)) {
	case MODEL_CONTACT:
		n = snprintf(out, MODEL_TEXT_MAX,
			     "BEGIN:VCARD\r\nVERSION:3.0\r\nN:K%05u;J\xC3\xBCrg"
			     "en;;;\r\nFN:J\xC3\xBCrgen K%05u\r\n"
			     "TEL;TYPE=CELL:+4930%05u%u\r\n"
			     "EMAIL;TYPE=INTERNET:k%u@example.org\r\n"
			     "ORG:Werk %u\r\nTITLE:v%u\r\nNOTE:",
			     key, key, key, a, key, key % 17, b);
		break;
	case MODEL_EVENT:
		n = snprintf(out, MODEL_TEXT_MAX,
			     "BEGIN:VCALENDAR\r\nVERSION:2.0\r\n"
			     "PRODID:-//example//crash//EN\r\nBEGIN:VEVENT\r\n"
			     "UID:e%u\r\nDTSTAMP:20260101T000000Z\r\n"
			     "DTSTART:202603%02uT1%u0000Z\r\n"
			     "DTEND:202603%02uT1%u3000Z\r\nSUMMARY:K%05u\r\n"
			     "LOCATION:v%u\r\nDESCRIPTION:v%u\r\n"
			     "END:VEVENT\r\nEND:VCALENDAR\r\n",
			     key, key % 28 + 1, key % 9, key % 28 + 1, key % 9,
			     key, a, b);
		return (size_t)n;
	case MODEL_TODO:
		n = snprintf(out, MODEL_TEXT_MAX,
			     "BEGIN:VCALENDAR\r\nVERSION:2.0\r\n"
			     "PRODID:-//example//crash//EN\r\nBEGIN:VTODO\r\n"
			     "UID:t%u\r\nDTSTAMP:20260101T000000Z\r\n"
			     "DUE:202604%02uT1%u0000Z\r\nSUMMARY:K%05u\r\n"
			     "LOCATION:v%u\r\nDESCRIPTION:v%u\r\n"
			     "END:VTODO\r\nEND:VCALENDAR\r\n",
			     key, key % 28 + 1, key % 9, key, a, b);
		return (size_t)n;
	case MODEL_NOTE:
		n = snprintf(out, MODEL_TEXT_MAX, "K%05u v%u v%u\r\n", key, a,
			     b);
		break;
	}
	for (unsigned i = 0; i < (is_large(key) ? LARGE_LINES : 1); i++)
		n +=
		    snprintf(out + n, MODEL_TEXT_MAX - (size_t)n,
			     "line %u of %u to make it long%s", i, key,
			     model_kind_of(key) == MODEL_NOTE ? "\r\n" : "\\n");
	if (model_kind_of(key) == MODEL_CONTACT)
		n += snprintf(out + n, MODEL_TEXT_MAX - (size_t)n,
			      "\r\nEND:VCARD\r\n");
	return (size_t)n;
}

bool
model_key(struct slice text, unsigned *key)
{
	for (size_t i = 0; i + 6 <= text.n; i++) {
		uint32_t n;

		if (text.p[i] == 'K' &&
		    slice_u32(slice_sub(text, i + 1, 5), &n)) {
			*key = n;
			return true;
		}
	}
	return false;
}

/* ---- comparing ---------------------------------------------------------- */

struct lines {
	char text[2 * MODEL_TEXT_MAX];
	const char *line[LINES_MAX];
	size_t n;
};

static bool
is_volatile(const char *line)
{
	static const char *const name[] = {
		"PRODID", "REV",     "DTSTAMP", "LAST-MODIFIED",
		"UID",    "VERSION", "CREATED",
	};

	for (size_t i = 0; i < sizeof(name) / sizeof(name[0]); i++) {
		size_t n = strlen(name[i]);

		if (strncmp(line, name[i], n) == 0 &&
		    (line[n] == ':' || line[n] == ';'))
			return true;
	}
	return *line == '\0';
}

static int
by_text(const void *x, const void *y)
{
	return strcmp(*(const char *const *)x, *(const char *const *)y);
}

/* Unfolded, without what may differ, sorted: the order means nothing. */
static void
split(struct slice s, bool folded, struct lines *out)
{
	size_t o = 0;

	out->n = 0;
	for (size_t i = 0; i < s.n && o + 2 < sizeof(out->text); i++) {
		if (s.p[i] == '\r')
			continue;
		if (folded && s.p[i] == '\n' && i + 1 < s.n &&
		    (s.p[i + 1] == ' ' || s.p[i + 1] == '\t')) {
			i++;
			continue;
		}
		out->text[o++] = s.p[i];
	}
	out->text[o] = '\0';
	for (char *p = out->text; *p != '\0' && out->n < LINES_MAX;) {
		char *end = strchr(p, '\n');

		if (end != NULL)
			*end = '\0';
		if (!is_volatile(p))
			out->line[out->n++] = p;
		p = end == NULL ? p + strlen(p) : end + 1;
	}
	qsort(out->line, out->n, sizeof(out->line[0]), by_text);
}

/* The first line that differs, or NULL. */
static const char *
differs(const struct lines *x, const struct lines *y)
{
	for (size_t i = 0; i < x->n || i < y->n; i++) {
		if (i >= y->n)
			return x->line[i];
		if (i >= x->n || strcmp(x->line[i], y->line[i]) != 0)
			return y->line[i];
	}
	return NULL;
}

static void
say(char what[200], const char *text, unsigned key, const char *more)
{
	if (*what == '\0')
		(void)snprintf(what, 200, "%s K%05u %.100s", text, key, more);
}

void
model_look(const struct model *m, enum model_kind kind, struct slice text,
	   unsigned char *seen, struct model_found *out, char what[200])
{
	static struct lines have, want;
	static char expected[MODEL_TEXT_MAX];
	const struct model_item *it;
	const char *line;
	unsigned key;
	size_t n;

	if (!model_key(text, &key) || key >= m->n ||
	    model_kind_of(key) != kind) {
		out->strange++;
		say(what, "strange", 0, "");
		return;
	}
	it = &m->item[key];
	seen[key]++;
	if (!it->there) {
		out->strange++;
		say(what, "should be gone:", key, "");
		return;
	}
	n = model_text(key, it->a, it->b, expected);
	split(text, kind != MODEL_NOTE, &have);
	split((struct slice){ expected, n }, kind != MODEL_NOTE, &want);
	line = differs(&want, &have);
	if (line != NULL) {
		out->wrong++;
		say(what, "wrong body:", key, line);
	}
}

void
model_sum(const struct model *m, const unsigned char *seen,
	  struct model_found *out, char what[200])
{
	for (unsigned k = 0; k < m->n; k++) {
		if (!m->item[k].there)
			continue;
		if (seen[k] == 0) {
			out->lost++;
			say(what, "lost:", k, "");
		}
		if (seen[k] > 1) {
			out->doubled++;
			say(what, "doubled:", k, "");
		}
	}
}
