/*
 * The ready questions of `funicular report`: SQL over the views report_* that
 * every engine understands, one file each in schema/report. $1 is the time
 * since when it asks, as text in ISO 8601.
 */
#ifndef SERVER_COMMANDS_QUESTION_H
#define SERVER_COMMANDS_QUESTION_H

#include <stddef.h>

struct srv_question {
	const char *name;
	const char *title;
	int days; /* back, unless --since says otherwise */
	const char *sql;
};

extern const struct srv_question srv_questions[];
extern const size_t srv_questions_n;

/* NULL: there is none of that name. */
const struct srv_question *srv_question_find(const char *name);

#endif
