/*
 * What the commands print: rows or one record, made as JSON objects (json-c)
 * and shown either as JSON or as aligned text.
 */
#ifndef SERVER_COMMANDS_TABLE_H
#define SERVER_COMMANDS_TABLE_H

#include "base/slice.h"

#include <json-c/json_types.h>
#include <stdio.h>

struct srv_field {
	const char *key;   /* in the JSON object */
	const char *title; /* in the text; NULL: only in JSON */
};

/* Values. Text that is no UTF-8 gets replacement characters. */
struct json_object *srv_json_text(struct slice s);
/* ISO 8601 in UTC; 0 becomes null. */
struct json_object *srv_json_time(int64_t ms);
/* Words that blanks part, as an array. */
struct json_object *srv_json_words(struct slice s);

/* Add to an object; a NULL value becomes null. */
void srv_json_set(struct json_object *o, const char *key,
		  struct json_object *value);
void srv_json_set_text(struct json_object *o, const char *key, struct slice s);
void srv_json_set_int(struct json_object *o, const char *key, int64_t v);
void srv_json_set_bool(struct json_object *o, const char *key, bool v);
void srv_json_set_time(struct json_object *o, const char *key, int64_t ms);

/* Columns as wide as their widest cell; numbers to the right. Control
   characters are shown as \xHH. -1: could not write. */
int srv_table_print(FILE *f, const struct srv_field *field, size_t n,
		    struct json_object *rows);
/* One line for each field that is there. */
int srv_record_print(FILE *f, const struct srv_field *field, size_t n,
		     struct json_object *obj);
/* The text of an item and a line end; on a terminal without control characters,
   which could steer it. */
void srv_body_print(FILE *f, struct slice body);
int srv_json_print(FILE *f, struct json_object *obj);

#endif
