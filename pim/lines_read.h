/* Logical lines for the content-line parser; private to the codec. */
#ifndef PIM_LINES_READ_H
#define PIM_LINES_READ_H

#include "pim/lines_int.h"

/* How lines of the old dialect were folded: see fold_style(). */
enum pim_fold { PIM_FOLD_UNKNOWN, PIM_FOLD_INSERTED, PIM_FOLD_AT_BLANK };

enum pim_enc { PIM_ENC_NONE, PIM_ENC_QP, PIM_ENC_B64 };

struct pim_reader {
	struct arena *a;
	const char *p; /* next physical line */
	const char *end;
	const char *line; /* start of the logical line read last */
	enum pim_form form;
	uint32_t rules;
	bool old;
	bool cr_only; /* lines end in CR (no LF anywhere) */
	enum pim_fold fold;
	struct pim_charsets charsets; /* the parser closes them */
};

struct pim_line {
	struct slice group, name; /* name: upper case */
	const struct pim_pdef *def;
	struct pim_param *params;
	struct pim_param **tail; /* end of params */
	size_t param_n;
	enum pim_enc enc;
	struct slice charset;
	bool strange;       /* its bytes are in no charset that is known */
	struct slice value; /* canonical */
};

void pim_reader_start(struct pim_reader *r, struct arena *a,
		      const struct pim_lines_in *in);

/*
 * The next line that is a property. inside: false before the first BEGIN,
 * where all other lines are skipped. 1: here it is; 0: end of text; -1: memory
 * is short.
 */
int pim_reader_next(struct pim_reader *r, bool inside, struct pim_line *out);

/* Put the line read last back. */
void pim_reader_back(struct pim_reader *r);

/* BEGIN:VCARD was just read: all up to its END, both included. */
struct slice pim_reader_card(struct pim_reader *r);

struct slice pim_reader_rest(const struct pim_reader *r);

/* ---- lines_fold.c: physical lines -------------------------------------- */

/* Next physical line without its end; false: no more. */
bool pim_phys(struct pim_reader *r, struct slice *line);
/* The same without moving on. */
bool pim_phys_peek(const struct pim_reader *r, struct slice *line);
bool pim_is_blank_led(struct slice line);
/* Does it look like the start of a property ("NAME;..." or "NAME:...")? */
bool pim_is_header(struct slice line);

/*
 * The value whose first piece is `first`, with all its continuation lines, by
 * the line's encoding (quoted-printable is decoded, base64 only joined).
 * p == NULL: memory is short.
 */
struct slice pim_unfold(struct pim_reader *r, const struct pim_line *line,
			struct slice first);

/* ---- lines_prop.c: one property ----------------------------------------- */

/* "group.NAME;params" into *out. 1: done, 0: no such thing, -1: memory. */
int pim_line_header(struct arena *a, struct slice header, struct pim_line *out);
/* From unfolded bytes to the canonical value; may add parameters. */
bool pim_line_value(struct pim_reader *r, struct pim_line *line,
		    struct slice raw);

#endif
