/*
 * The structure of a message: header fields, encoded words, parts. One pass
 * over the bytes, no tree, nothing decoded but what is asked for; the bytes
 * come from strangers and may be broken in any way.
 */
#ifndef PIM_MIME_H
#define PIM_MIME_H

#include "pim/mail.h"

/* Where the header at the start of s ends: the first byte of the body. */
size_t pim_mime_body(struct slice s);

/*
 * The next field of a header that starts at *rest, which moves behind it.
 * value: as it stands, folds included. false: the header is over.
 */
bool pim_mime_field(struct slice *rest, struct slice *name,
		    struct slice *value);

/* The first field of this name in the header of s, unfolded; empty: there is
   none. .p == NULL: memory is short. */
struct slice pim_mime_get(struct arena *a, struct slice s, const char *name);

/*
 * A value as people read it: unfolded, encoded words decoded, UTF-8 without
 * control characters, at most PIM_MAIL_WORD_MAX bytes. .p == NULL: memory.
 */
struct slice pim_mime_words(struct arena *a, struct slice value);

/*
 * The addresses of a field like To, as it stands. Set s, the rest is 0. broken:
 * they cannot be read for sure (then what was found may be somebody else's).
 */
enum { PIM_ADDRESS_MAX = 320 };
struct pim_addresses {
	struct slice s;
	size_t at, n;
	bool angle, had_angle, quoted, broken;
	char text[PIM_ADDRESS_MAX]; /* of the one that is being read */
};

/* The next one, until the next call; false: there is none. */
bool pim_mime_address(struct pim_addresses *l, struct slice *out);

/* "Tue, 12 May 2009 06:29:00 +0200" in ms; 0: it is none. */
int64_t pim_mime_date(struct slice value);

/* One part that holds no others. */
struct pim_part {
	size_t start; /* of the line that divides it from what is before */
	size_t body;  /* of its bytes */
	size_t end;   /* of the next dividing line, or of the message */
	size_t depth; /* multiparts around it */
	bool attached;
	struct slice type; /* "text/plain", lower case */
	struct slice name; /* decoded; empty: none */
	int64_t size;      /* decoded */
};

/* The parts of a message in order; *n at most PIM_MAIL_PARTS_MAX. -1: memory.
 */
int pim_mime_parts(struct arena *a, struct slice bytes, struct pim_part **out,
		   size_t *n);

/* Undo quoted-printable. .p == NULL: memory is short. */
struct slice pim_mime_unqp(struct arena *a, struct slice s);

#endif
