/* Shared by the files that read messages only. */
#ifndef PIM_MIME_INT_H
#define PIM_MIME_INT_H

#include "pim/lines_int.h"
#include "pim/mime.h"

/* Where the line that begins at `at` ends, its LF included. */
size_t pim_mime_line(struct slice s, size_t at);
/* %41 (by this mark) to A; underline: "_" to a blank. .p == NULL: memory. */
struct slice pim_mime_unhex(struct arena *a, struct slice s, char mark,
			    bool underline);
/* Octets of quoted-printable text, decoded. */
int64_t pim_mime_qp_size(struct slice s);
/* A parameter of an unfolded field; empty: none. .p == NULL: memory. */
struct slice pim_mime_param(struct arena *a, struct slice field,
			    const char *want);

#endif
