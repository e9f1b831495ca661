/*
 * What the tests of docs/conformance.md share beside the raw client: free
 * texts of commands, WBXML, and looks into the answers.
 */
#ifndef TESTS_SYNCML_CONFORM_H
#define TESTS_SYNCML_CONFORM_H

#include "tests/syncml/raw.h"

#define MI "xmlns='syncml:metinf'"

/* Add to the next message; each '#' stands for the next CmdID. */
void say(struct raw *r, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* A command with one item of the device's; meta and data are XML. */
void say_item(struct raw *r, const char *cmd, const char *luid,
	      const char *meta, const char *data);
/* A message whose header is written out as well. */
struct sml_msg *post_whole(struct raw *r, const char *header, const char *body);
/* The next message in WBXML, and its answer. TEXTUAL: with a textual id. */
enum { TEXTUAL = 1024 };
struct sml_msg *post_wbxml(struct raw *r, int flags);
/* Package 1 and its answer; leaves the statuses for package 3 prepared. */
void begin(struct raw *r, const char *sid, int code, const char *last,
	   const char *next);

const struct sml_cmd *status_for(const struct sml_msg *m, const char *cmd,
				 int nth);
const struct sml_cmd *nth_cmd(const struct sml_msg *m, enum sml_tag tag,
			      int nth);
const struct sml_cmd *nth_kid(const struct sml_msg *m, enum sml_tag tag,
			      int nth);
void assert_text(struct slice got, const char *want);
bool has_text(struct slice in, const char *text);
/* The item that has this text, as it is stored; NULL: there is none. */
const char *stored(const char *text);

#endif
