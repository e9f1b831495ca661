/*
 * The content-line codec: one for vCard 2.1, 3.0, 4.0, vCalendar 1.0,
 * iCalendar 2.0 and VNOTE. Text becomes a tree of components and back.
 *
 * The idea: in the tree the text layer is gone. Folding, charsets,
 * quoted-printable, bare parameters and the two ways of escaping are undone by
 * pim_lines_parse() and made again by pim_lines_write(), so converters see one
 * shape only:
 *
 * - Names of components, properties and parameters are upper case.
 * - Parameters: TYPE=a,b is two TYPE parameters in order; a bare value is a
 *   TYPE (or VALUE=URL and the like); quotes are off; CHARSET and the
 *   transfer encodings of text are gone; binary values stay base64 without
 *   white space and carry ENCODING=b (vCard) or ENCODING=BASE64 with
 *   VALUE=BINARY (calendar).
 * - Values are UTF-8. Those of kind TEXT, STRUCT and LIST (pim_pdef_find) are
 *   escaped as in 3.0/2.0, whatever dialect they came in: "\n", "\,", "\;",
 *   "\\", lists divided by ',', structures by ';'. RAW and URI values are as
 *   written, except that a line break inside is "\n".
 *
 * Everything lives in the arena given; slices may point into the input.
 */
#ifndef PIM_LINES_H
#define PIM_LINES_H

#include "pim/pim.h"

enum {
	PIM_DEPTH_MAX = 8,   /* components inside each other */
	PIM_PROPS_MAX = 4000 /* properties of one item */
};

enum pim_vtype {
	PIM_V_RAW,    /* as written: dates, rules, numbers, unknown ones */
	PIM_V_TEXT,   /* one text */
	PIM_V_STRUCT, /* N, ADR, ORG: parts divided by ';' */
	PIM_V_LIST,   /* CATEGORIES: texts divided by ',' */
	PIM_V_URI,    /* never escaped */
	PIM_V_BINARY, /* PHOTO, KEY: base64 or an address */
};

enum pim_pflag { /* of a property, wherever it occurs */
		 PIM_P_VOLATILE = 1u << 0, /* says nothing about content */
		 PIM_P_MULTI = 1u << 1,    /* a list property: TEL, EMAIL */
		 PIM_P_KEEP = 1u << 2,     /* never dropped for caps */
		 PIM_P_DATE = 1u << 3,     /* day or time, zone matters */
		 PIM_P_LONG = 1u << 4,     /* may hold many lines */
};

/* What is known of a property by its name. */
struct pim_pdef {
	struct slice name;
	enum pim_vtype vtype;
	unsigned flags; /* PIM_P_* */
};

/* Never NULL: unknown names share one entry (empty name, PIM_V_RAW). */
const struct pim_pdef *pim_pdef_find(struct slice name_upper);

/* vCard 2.1, vCalendar 1.0, VNOTE: the old way of writing. */
bool pim_form_old(enum pim_form form);

/* ---- text to tree ------------------------------------------------------ */

struct pim_lines_in {
	struct slice text;
	enum pim_form form; /* what it is if it does not say */
	uint32_t rules;     /* PIM_RULE_* of the sender */
	/* We wrote it: what was in the limits then may have grown since (a
	   VCALENDAR around it, VTIMEZONEs), and is read whatever it holds. */
	bool own;
};

/*
 * Parse the first component of in->text; anything before its BEGIN is
 * skipped, a missing END at the end of the text is forgiven.
 *
 * root  out: the component, or NULL when the text holds no BEGIN at all
 * form  out: by BEGIN and VERSION, else in->form; may be NULL
 * rest  out: the text behind its END; may be NULL
 *
 * ERR_PARSE (ends of components crossed), ERR_LIMIT, ERR_NOMEM.
 */
int pim_lines_parse(struct arena *a, const struct pim_lines_in *in,
		    struct pim_comp **root, enum pim_form *form,
		    struct slice *rest, struct err *e);

/* What the first component in the text is, by BEGIN and VERSION; else_form
   where it does not say. */
enum pim_form pim_lines_form(struct slice text, enum pim_form else_form);

/* ---- tree to text ------------------------------------------------------ */

struct pim_lines_out {
	enum pim_form form;
	uint32_t rules; /* LATIN1, QP_8BIT, NO_FOLD, NO_EMPTY count here */
	bool canonical; /* never fold: the stored form */
};

/* Write the component with all its kids. */
int pim_lines_write(const struct pim_lines_out *how,
		    const struct pim_comp *root, struct buf *out,
		    struct err *e);

/* ---- building and looking up ------------------------------------------- */

/* Name is upper case; both are borrowed. NULL: memory is short. */
struct pim_comp *pim_comp_new(struct arena *a, struct slice name);
struct pim_prop *pim_prop_new(struct arena *a, struct slice name,
			      struct slice value);
/* Copies of the node and its lists, not of the bytes. */
struct pim_prop *pim_prop_copy(struct arena *a, const struct pim_prop *p);
struct pim_comp *pim_comp_copy(struct arena *a, const struct pim_comp *c);

/* At the end of the list (walks it). NULL prop or kid: nothing happens. */
void pim_comp_add(struct pim_comp *c, struct pim_prop *p);
void pim_comp_add_kid(struct pim_comp *c, struct pim_comp *kid);
/* As pim_comp_add of a new property; false: memory is short. */
bool pim_comp_put(struct arena *a, struct pim_comp *c, const char *name,
		  struct slice value);
/* Set the first of that name, or add it; false: memory is short. */
bool pim_comp_set(struct arena *a, struct pim_comp *c, const char *name,
		  struct slice value);
void pim_comp_remove(struct pim_comp *c, const struct pim_prop *p);
void pim_comp_remove_all(struct pim_comp *c, const char *name);

/* First property of that name, or NULL; the next of the same name. */
struct pim_prop *pim_prop_find(const struct pim_comp *c, const char *name);
struct pim_prop *pim_prop_more(const struct pim_prop *p);
/* Its value, or empty. */
struct slice pim_prop_value(const struct pim_comp *c, const char *name);
/* First kid of that name, or NULL; the next of the same name. */
struct pim_comp *pim_comp_kid(const struct pim_comp *c, const char *name);
struct pim_comp *pim_comp_more(const struct pim_comp *c);

/* First value of a parameter, or empty (p == NULL there: has none). */
struct slice pim_param_get(const struct pim_prop *p, const char *name);
/* Has it name=value (case does not matter)? */
bool pim_param_has(const struct pim_prop *p, const char *name,
		   const char *value);
/* At the end; false: memory is short. */
bool pim_param_add(struct arena *a, struct pim_prop *p, const char *name,
		   struct slice value);
/* Replaces all of that name. */
bool pim_param_set(struct arena *a, struct pim_prop *p, const char *name,
		   struct slice value);
void pim_param_remove(struct pim_prop *p, const char *name);

/* ---- values ------------------------------------------------------------- */

/*
 * Canonical text to plain text (line break: LF) and back. .p == NULL when
 * memory is short. No copy is made where nothing changes.
 */
struct slice pim_unescape(struct arena *a, struct slice s);
struct slice pim_escape(struct arena *a, struct slice s);

/*
 * Next part of a structured or list value, still escaped; sep is ';' or ','.
 * *rest starts as the value and ends as p == NULL; an empty value has one
 * empty part.
 */
bool pim_split(struct slice *rest, char sep, struct slice *part);

#endif
