/*
 * Merging: nothing that a device merely cannot hold is lost, everything that
 * its user did is done. Each row is one small story.
 */
#include "tests/pim/core_help.h"

#include <stdio.h>

static int
setup(void **state)
{
	*state = arena_new(T_ARENA_BYTES);
	return *state == NULL ? -1 : 0;
}

static int
teardown(void **state)
{
	struct arena *a = *state;

	arena_free(&a);
	return 0;
}

enum flag {
	F_UNION = 1,     /* no base */
	F_ABSENCE = 2,   /* absence may mean deletion */
	F_REPLACE = 4,   /* refresh from client */
	F_SEND = 8,      /* expect: the device must be sent the result */
	F_SAME = 16,     /* expect: nothing changed on the server */
	F_SERVER = 32,   /* policy: server wins */
	F_NEWEST = 64,   /* policy: newest; incoming is older */
	F_HELD_RAW = 128 /* the base is the device's own content, not ours */
};

struct story {
	const char *what;
	const char *caps;
	uint32_t rules;
	const char *before; /* vCard 3.0: the server's when the device got it */
	const char *now;    /* ... and now; NULL: the same */
	const char *sent;   /* vCard 2.1 from the device */
	const char *want;   /* vCard 3.0 */
	unsigned clashes;
	unsigned flags;
};

#define TEN "N FN TEL EMAIL ORG ADR URL BDAY TITLE NICKNAME"
#define FULL                                                                   \
	"N FN TEL EMAIL ORG ADR URL BDAY TITLE NICKNAME NOTE PHOTO ROLE "      \
	"CATEGORIES LABEL CLASS X-SPOUSE"
#define KINDS "CELL,HOME,WORK,FAX"
#define PIC "|PHOTO;TYPE=JPEG;ENCODING=b:AAAABBBBCCCC"

static const struct story stories[] = {
	{ "nothing changed", NULL, 0, "N:A;B|TEL;TYPE=CELL:1|NOTE:x", NULL,
	  "N:A;B|TEL;CELL:1|NOTE:x", "N:A;B|TEL;TYPE=CELL:1|NOTE:x", 0,
	  F_ABSENCE | F_SAME },
	{ "a phone that keeps ten fields edits one", TEN, 0,
	  "N:A;B;;;|TEL;TYPE=CELL:1|NOTE:long story|ROLE:boss|X-FOO:bar" PIC,
	  NULL, "N:A;B;;;|TEL;CELL:2",
	  "N:A;B|TEL;TYPE=CELL:2|NOTE:long story|ROLE:boss|X-FOO:bar" PIC, 0,
	  F_ABSENCE },
	{ "the same without any device information", NULL, 0,
	  "N:A;B;;;|TEL;TYPE=CELL:1|NOTE:story|ROLE:boss|X-FOO:bar" PIC, NULL,
	  "N:A;B;;;|TEL;CELL:2",
	  "N:A;B|TEL;TYPE=CELL:2|NOTE:story|ROLE:boss|X-FOO:bar" PIC, 0,
	  F_ABSENCE },
	{ "photo dropped", FULL, 0, "N:A|TEL:1" PIC, NULL, "N:A|TEL:1",
	  "N:A|TEL:1", 0, F_ABSENCE },
	{ "photo dropped by one that lists none", TEN, 0, "N:A|TEL:1" PIC, NULL,
	  "N:A|TEL:1", "N:A|TEL:1" PIC, 0, F_ABSENCE | F_SAME },
	{ "note cut by its limit", "N NOTE:20", 0,
	  "N:A|NOTE:0123456789abcdefghijklmnop", NULL,
	  "N:A|NOTE:0123456789abcdefghij",
	  "N:A|NOTE:0123456789abcdefghijklmnop", 0, F_ABSENCE | F_SAME },
	{ "note cut by a limit that it did not tell", NULL, 0,
	  "N:A|NOTE:0123456789abcdefghijklmnop", NULL,
	  "N:A|NOTE:0123456789abcdefg", "N:A|NOTE:0123456789abcdefghijklmnop",
	  0, F_SAME },
	{ "note shortened where it is known to fit", FULL, 0,
	  "N:A|NOTE:0123456789abcdefghijklmnop", NULL,
	  "N:A|NOTE:0123456789abcdefg", "N:A|NOTE:0123456789abcdefg", 0,
	  F_ABSENCE },
	{ "short value shortened", NULL, 0, "N:A|TEL:12345", NULL,
	  "N:A|TEL:1234", "N:A|TEL:1234", 0, 0 },
	{ "cut note edited: the unseen end stays", "N NOTE:20", 0,
	  "N:A|NOTE:0123456789abcdefghijklmnop", NULL,
	  "N:A|NOTE:9876543210abcdefghij",
	  "N:A|NOTE:9876543210abcdefghijklmnop", 0, F_ABSENCE },
	{ "cut note cleared", "N NOTE:20", 0,
	  "N:A|NOTE:0123456789abcdefghijklmnop", NULL, "N:A|NOTE:", "N:A", 0,
	  F_ABSENCE },
	{ "cut title edited: nothing of the old is left", "N TITLE:5", 0,
	  "N:A|TITLE:Maximilian", NULL, "N:A|TITLE:Mori", "N:A|TITLE:Mori", 0,
	  F_ABSENCE },
	{ "department kept", NULL, 0, "N:A|ORG:Co;Dept;Office", NULL,
	  "N:A|ORG:Co", "N:A|ORG:Co;Dept;Office", 0, F_SAME },
	{ "department kept, padded", NULL, 0, "N:A|ORG:Co;Dept;Office", NULL,
	  "N:A|ORG:Co;;", "N:A|ORG:Co;Dept;Office", 0, F_SAME },
	{ "department kept, by rule", NULL, PIM_RULE_ORG_ONE, "N:A|ORG:Co;Dept",
	  NULL, "N:A|ORG:Co", "N:A|ORG:Co;Dept", 0, F_SAME },
	{ "company changed: department goes", NULL, 0, "N:A|ORG:Co;Dept", NULL,
	  "N:A|ORG:New", "N:A|ORG:New", 0, 0 },
	{ "department changed", NULL, 0, "N:A|ORG:Co;Dept", NULL,
	  "N:A|ORG:Co;Other", "N:A|ORG:Co;Other", 0, 0 },
	{ "department deleted where it is kept", FULL, PIM_RULE_KEEPS_ALL,
	  "N:A|ORG:Co;Dept", NULL, "N:A|ORG:Co;", "N:A|ORG:Co", 0, F_ABSENCE },
	{ "company cleared", NULL, 0, "N:A|ORG:Co;Dept", NULL,
	  "N:A|ORG:", "N:A", 0, 0 },
	{ "middle name kept", NULL, 0, "N:A;B;Mid;Dr.;|FN:x", NULL, "N:A;C;;;",
	  "N:A;C;Mid;Dr.;|FN:x", 0, 0 },
	{ "one name field", NULL, 0, "N:Doe;John|FN:John Doe", NULL,
	  "N:John Doe|TEL:5", "N:Doe;John|FN:John Doe|TEL:5", 0, 0 },
	{ "chosen FN stays when the device makes one", NULL, 0,
	  "N:Doe;John|FN:Johnny", NULL, "N:Doe;John|TEL:1",
	  "N:Doe;John|FN:Johnny|TEL:1", 0, 0 },
	{ "made FN follows the name", NULL, 0, "N:Doe;John|FN:John Doe", NULL,
	  "N:Roe;John", "N:Roe;John|FN:John Roe", 0, 0 },
	{ "FN edited", NULL, 0, "N:Doe;John|FN:Johnny", NULL,
	  "N:Doe;John|FN:Jack", "N:Doe;John|FN:Jack", 0, 0 },
	{ "street edited, box kept", NULL, 0,
	  "N:A|ADR;TYPE=HOME:box;ext;St 1;City;Reg;123;Land", NULL,
	  "N:A|ADR;HOME:;;St 2;City;Reg;123;Land",
	  "N:A|ADR;TYPE=HOME:box;ext;St 2;City;Reg;123;Land", 0, 0 },
	{ "three numbers, device keeps two", "N TEL/2", 0,
	  "N:A|TEL;TYPE=CELL:1|TEL;TYPE=HOME:2|TEL;TYPE=WORK:3", NULL,
	  "N:A|TEL;CELL:9|TEL;HOME:2",
	  "N:A|TEL;TYPE=CELL:9|TEL;TYPE=HOME:2|TEL;TYPE=WORK:3", 0, F_ABSENCE },
	{ "three numbers, one comes back, nothing known", NULL, 0,
	  "N:A|TEL;TYPE=CELL:1|TEL;TYPE=HOME:2|TEL;TYPE=WORK:3", NULL,
	  "N:A|TEL;HOME:2",
	  "N:A|TEL;TYPE=CELL:1|TEL;TYPE=HOME:2|TEL;TYPE=WORK:3", 0,
	  F_ABSENCE | F_SAME },
	{ "another order", FULL, 0,
	  "N:A|TEL;TYPE=CELL:1|TEL;TYPE=CELL:2|EMAIL:x|EMAIL:y", NULL,
	  "EMAIL;INTERNET:y|TEL;CELL:2|EMAIL;INTERNET:x|N:A|TEL;VOICE;CELL:1",
	  "N:A|TEL;TYPE=CELL:1|TEL;TYPE=CELL:2|EMAIL:x|EMAIL:y", 0,
	  F_ABSENCE | F_SAME },
	{ "second of two equal types edited", FULL, 0,
	  "N:A|TEL;TYPE=CELL:1|TEL;TYPE=CELL:2", NULL,
	  "N:A|TEL;CELL:3|TEL;CELL:1", "N:A|TEL;TYPE=CELL:1|TEL;TYPE=CELL:3", 0,
	  F_ABSENCE },
	{ "first of two deleted", "N TEL/2", 0,
	  "N:A|TEL;TYPE=CELL:1|TEL;TYPE=CELL:2", NULL, "N:A|TEL;CELL:2",
	  "N:A|TEL;TYPE=CELL:2", 0, F_ABSENCE },
	{ "first of two deleted, which it sent itself", FULL, 0,
	  "N:A|TEL;TYPE=CELL:1|TEL;TYPE=CELL:2", NULL, "N:A|TEL;CELL:2",
	  "N:A|TEL;TYPE=CELL:2", 0, F_ABSENCE | F_HELD_RAW },
	{ "one of two deleted, where only the name is listed", FULL, 0,
	  "N:A|TEL;TYPE=CELL:1|TEL;TYPE=CELL:2", NULL, "N:A|TEL;CELL:2",
	  "N:A|TEL;TYPE=CELL:2", 0, F_ABSENCE },
	{ "one mail address of two, by one with a single field",
	  "N EMAIL+INTERNET TITLE", 0, "N:A|EMAIL:a@b|EMAIL:c@d", NULL,
	  "N:A|EMAIL;INTERNET:c@d|TITLE:t", "N:A|EMAIL:a@b|EMAIL:c@d|TITLE:t",
	  0, F_ABSENCE },
	{ "the only mail address deleted", "N EMAIL+INTERNET TITLE", 0,
	  "N:A|EMAIL:a@b|TITLE:t", NULL, "N:A|TITLE:t", "N:A|TITLE:t", 0,
	  F_ABSENCE },
	{ "two of three mail addresses deleted", "N EMAIL/3+INTERNET", 0,
	  "N:A|EMAIL:a@b|EMAIL:c@d|EMAIL:e@f", NULL, "N:A|EMAIL;INTERNET:c@d",
	  "N:A|EMAIL:c@d", 0, F_ABSENCE },
	{ "a pager's number, where it has no pagers", "N EMAIL TEL/5+" KINDS, 0,
	  "N:A|TEL;TYPE=CELL:1|TEL;TYPE=PAGER:2|TEL;TYPE=CAR:3", NULL,
	  "N:A|TEL;CELL:1|EMAIL:a@b",
	  "N:A|TEL;TYPE=CELL:1|TEL;TYPE=PAGER:2|TEL;TYPE=CAR:3|EMAIL:a@b", 0,
	  F_ABSENCE },
	{ "a pager's number that it sent itself, deleted", "N TEL+" KINDS, 0,
	  "N:A|TEL;TYPE=CELL:1|TEL;TYPE=PAGER:2", NULL, "N:A|TEL;CELL:1",
	  "N:A|TEL;TYPE=CELL:1", 0, F_ABSENCE | F_HELD_RAW },
	{ "a kind that it does not list, dropped", "N ADR+HOME", 0,
	  "N:A|ADR;TYPE=WORK:;;St 1|ADR;TYPE=HOME:;;St 2", NULL,
	  "N:A|ADR;HOME:;;St 3",
	  "N:A|ADR;TYPE=WORK:;;St 1|ADR;TYPE=HOME:;;St 3", 0, F_ABSENCE },
	{ "each listed kind deleted once", "N TEL+" KINDS, 0,
	  "N:A|TEL;TYPE=CELL:1|TEL;TYPE=HOME:2|TEL;TYPE=WORK:3|"
	  "TEL;TYPE=FAX:4",
	  NULL, "N:A|TEL;WORK:3", "N:A|TEL;TYPE=WORK:3", 0, F_ABSENCE },
	{ "the second of a kind stays, the only one of another goes",
	  "N TEL+" KINDS, 0,
	  "N:A|TEL;TYPE=HOME:1|TEL;TYPE=HOME:2|TEL;TYPE=CELL:3", NULL,
	  "N:A|TEL;HOME:1", "N:A|TEL;TYPE=HOME:1|TEL;TYPE=HOME:2", 0,
	  F_ABSENCE },
	{ "the last of a kind came back: the first stays, too",
	  "N TEL/9+" KINDS, 0, "N:A|TEL;TYPE=HOME:1|TEL;TYPE=HOME:2", NULL,
	  "N:A|TEL;HOME:2", "N:A|TEL;TYPE=HOME:1|TEL;TYPE=HOME:2", 0,
	  F_ABSENCE | F_SAME },
	{ "two fax numbers, one field for fax", "N TEL+" KINDS, 0,
	  "N:A|TEL;TYPE=FAX,HOME:1|TEL;TYPE=FAX,WORK:2", NULL, "N:A|TEL;FAX:1",
	  "N:A|TEL;TYPE=FAX,HOME:1|TEL;TYPE=FAX,WORK:2", 0,
	  F_ABSENCE | F_SAME },
	{ "a number of no kind: no field for others", "N TEL+" KINDS, 0,
	  "N:A|TEL;TYPE=HOME:1|TEL:2", NULL, "N:A|TEL;HOME:1",
	  "N:A|TEL;TYPE=HOME:1|TEL:2", 0, F_ABSENCE | F_SAME },
	{ "a number of no kind, deleted", "N TEL+VOICE," KINDS, 0,
	  "N:A|TEL;TYPE=HOME:1|TEL:2", NULL, "N:A|TEL;HOME:1",
	  "N:A|TEL;TYPE=HOME:1", 0, F_ABSENCE },
	{ "numbers that a rule keeps back stay", "N EMAIL TEL",
	  PIM_RULE_TEL_ONE,
	  "N:A|TEL;TYPE=HOME:1|TEL;TYPE=HOME:2|TEL;TYPE=FAX:3|"
	  "TEL;TYPE=PAGER:4",
	  NULL, "N:A|EMAIL;INTERNET:a@b",
	  "N:A|TEL;TYPE=HOME:2|TEL;TYPE=FAX:3|TEL;TYPE=PAGER:4|EMAIL:a@b", 0,
	  F_ABSENCE | F_SEND },
	{ "refresh: a second one of a kind stays", "N TEL+" KINDS, 0,
	  "N:A|TEL;TYPE=HOME:1|TEL;TYPE=HOME:2|TEL;TYPE=CELL:3", NULL,
	  "N:A|TEL;HOME:1", "N:A|TEL;TYPE=HOME:1|TEL;TYPE=HOME:2", 0,
	  F_REPLACE },
	{ "number cleared", NULL, 0, "N:A|TEL;TYPE=CELL:1|TEL;TYPE=HOME:2",
	  NULL, "N:A|TEL;CELL:|TEL;HOME:2", "N:A|TEL;TYPE=HOME:2", 0, 0 },
	{ "number added", NULL, 0, "N:A|TEL;TYPE=CELL:1", NULL,
	  "N:A|TEL;CELL:1|TEL;WORK:5", "N:A|TEL;TYPE=CELL:1|TEL;TYPE=WORK:5", 0,
	  0 },
	{ "type changed", NULL, 0, "N:A|TEL;TYPE=HOME:1", NULL,
	  "N:A|TEL;WORK:1", "N:A|TEL;TYPE=WORK:1", 0, 0 },
	{ "type lost by the device", NULL, 0, "N:A|TEL;TYPE=CAR,VOICE:1", NULL,
	  "N:A|TEL;VOICE:1", "N:A|TEL;TYPE=CAR,VOICE:1", 0, F_SAME },
	{ "type lost, number edited", NULL, 0, "N:A|TEL;TYPE=CELL,HOME:1", NULL,
	  "N:A|TEL;CELL:2|TEL;CELL,HOME:1",
	  "N:A|TEL;TYPE=CELL,HOME:1|TEL;TYPE=CELL:2", 0, 0 },
	{ "deletion by a client that lists all", FULL, PIM_RULE_KEEPS_ALL,
	  "N:A|TEL:1|BDAY:1990-01-01|NOTE:x|EMAIL:a@b|NICKNAME:n", NULL,
	  "N:A|TEL:1", "N:A|TEL:1", 0, F_ABSENCE },
	{ "deletion where the property is listed", FULL, 0,
	  "N:A|TEL:1|NOTE:x|X-OTHER:y", NULL, "N:A|TEL:1",
	  "N:A|TEL:1|X-OTHER:y", 0, F_ABSENCE },
	{ "no deletion when the base's form is another: it gets it back", FULL,
	  0, "N:A|TEL:1|NOTE:x", NULL, "N:A|TEL:1", "N:A|TEL:1|NOTE:x", 0,
	  F_SAME | F_SEND },
	{ "both edit, different properties", NULL, 0, "N:A|TEL:1|TITLE:t",
	  "N:A|TEL:1|TITLE:server", "N:A|TEL:2|TITLE:t",
	  "N:A|TEL:2|TITLE:server", 0, F_ABSENCE | F_SEND },
	{ "both edit, different parts", NULL, 0, "N:A;B;;;|FN:f",
	  "N:A;Server;;;|FN:f", "N:Client;B;;;|FN:f", "N:Client;Server;;;|FN:f",
	  0, F_ABSENCE | F_SEND },
	{ "both edit different numbers", NULL, 0,
	  "N:A|TEL;TYPE=CELL:1|TEL;TYPE=HOME:2",
	  "N:A|TEL;TYPE=CELL:7|TEL;TYPE=HOME:2", "N:A|TEL;CELL:1|TEL;HOME:8",
	  "N:A|TEL;TYPE=CELL:7|TEL;TYPE=HOME:8", 0, F_ABSENCE | F_SEND },
	{ "both add a number", NULL, 0, "N:A|TEL;TYPE=CELL:1",
	  "N:A|TEL;TYPE=CELL:1|TEL;TYPE=HOME:2", "N:A|TEL;CELL:1|TEL;WORK:3",
	  "N:A|TEL;TYPE=CELL:1|TEL;TYPE=HOME:2|TEL;TYPE=WORK:3", 0,
	  F_ABSENCE | F_SEND },
	{ "both add the same number", NULL, 0, "N:A", "N:A|TEL;TYPE=HOME:2",
	  "N:A|TEL;HOME:2", "N:A|TEL;TYPE=HOME:2", 0, F_ABSENCE | F_SAME },
	{ "same property, client wins", NULL, 0, "N:A|TITLE:t",
	  "N:A|TITLE:server", "N:A|TITLE:client", "N:A|TITLE:client", 1,
	  F_ABSENCE },
	{ "same property, server wins", NULL, 0, "N:A|TITLE:t",
	  "N:A|TITLE:server", "N:A|TITLE:client", "N:A|TITLE:server", 1,
	  F_ABSENCE | F_SERVER | F_SEND | F_SAME },
	{ "same property, newest wins", NULL, 0, "N:A|TITLE:t",
	  "N:A|TITLE:server", "N:A|TITLE:client", "N:A|TITLE:server", 1,
	  F_ABSENCE | F_NEWEST | F_SEND | F_SAME },
	{ "same property, same edit", NULL, 0, "N:A|TITLE:t", "N:A|TITLE:u",
	  "N:A|TITLE:u", "N:A|TITLE:u", 0, F_ABSENCE | F_SAME },
	{ "same number, both edit, server wins", NULL, 0, "N:A|TEL;TYPE=CELL:1",
	  "N:A|TEL;TYPE=CELL:2", "N:A|TEL;CELL:3", "N:A|TEL;TYPE=CELL:2", 1,
	  F_SERVER | F_SEND | F_SAME },
	{ "same number, both edit, client wins", NULL, 0, "N:A|TEL;TYPE=CELL:1",
	  "N:A|TEL;TYPE=CELL:2", "N:A|TEL;CELL:3", "N:A|TEL;TYPE=CELL:3", 1,
	  0 },
	{ "note edited on both sides, appended on the server", NULL, 0,
	  "N:A|NOTE:Call him tomorrow", "N:A|NOTE:Call him tomorrow at five",
	  "N:A|NOTE:Call her tomorrow", "N:A|NOTE:Call her tomorrow at five", 0,
	  F_ABSENCE | F_SEND },
	{ "cleared there, edited here", FULL, 0, "N:A|TITLE:t", "N:A|TITLE:u",
	  "N:A|TITLE:", "N:A|TITLE:u", 1, F_ABSENCE | F_SEND | F_SAME },
	{ "cleared there, deleted here", FULL, 0, "N:A|TITLE:t", "N:A",
	  "N:A|TITLE:", "N:A", 0, F_ABSENCE | F_SAME },
	{ "edited there, deleted here", FULL, 0, "N:A|TITLE:t", "N:A",
	  "N:A|TITLE:u", "N:A|TITLE:u", 1, F_ABSENCE },
	{ "number edited there, deleted here", FULL, 0, "N:A|TEL:1", "N:A",
	  "N:A|TEL:2", "N:A|TEL:2", 1, F_ABSENCE },
	{ "deleted here, unchanged there", FULL, 0, "N:A|TEL:1|TITLE:t", "N:A",
	  "N:A|TEL:1|TITLE:t", "N:A", 0, F_ABSENCE | F_SAME | F_SEND },
	{ "number deleted there, edited here", FULL, 0, "N:A|TEL:1",
	  "N:A|TEL:2", "N:A", "N:A|TEL:2", 1, F_ABSENCE | F_SAME | F_SEND },
	{ "categories added and removed on both sides", FULL, 0,
	  "N:A|CATEGORIES:a,b,c", "N:A|CATEGORIES:a,b,c,server",
	  "N:A|CATEGORIES:a,c,client", "N:A|CATEGORIES:a,c,server,client", 0,
	  F_ABSENCE | F_SEND },
	{ "categories kept by one that is not known to", NULL, 0,
	  "N:A|CATEGORIES:a,b,c", NULL, "N:A|CATEGORIES:a",
	  "N:A|CATEGORIES:a,b,c", 0, F_SAME },
	{ "birthday in another form", NULL, 0, "N:A|BDAY:1990-01-02", NULL,
	  "N:A|BDAY:1990-01-02T00:00:00Z|TEL:1", "N:A|BDAY:1990-01-02|TEL:1", 0,
	  0 },
	{ "birthday before 1980 is not sent, not lost", FULL, PIM_RULE_NO_1980,
	  "N:A|BDAY:1970-01-02", NULL, "N:A|TITLE:x",
	  "N:A|BDAY:1970-01-02|TITLE:x", 0, F_ABSENCE },
	{ "vendor's parameters survive", NULL, 0,
	  "N:A|TEL;TYPE=CELL;X-SLOT=1:1", NULL, "N:A|TEL;CELL:2",
	  "N:A|TEL;TYPE=CELL;X-SLOT=1:2", 0, 0 },
	{ "unknown property edited", NULL, 0, "N:A|X-FOO:1", NULL,
	  "N:A|X-FOO:2", "N:A|X-FOO:2", 0, 0 },
	{ "property that it does not list, sent all the same", "N TEL", 0,
	  "N:A|TEL:1", NULL, "N:A|TEL:1|X-MINE:5", "N:A|TEL:1|X-MINE:5", 0,
	  F_ABSENCE },
	{ "own name for a property", "N X-EVOLUTION-SPOUSE", 0,
	  "N:A|X-SPOUSE:b", NULL, "N:A|X-EVOLUTION-SPOUSE:c", "N:A|X-SPOUSE:c",
	  0, F_ABSENCE },
	{ "device's own content is the base", NULL, 0, "N:A|TEL;TYPE=CELL:1",
	  "N:A|TEL;TYPE=CELL:1|NOTE:server", "N:A|TEL;CELL:2",
	  "N:A|TEL;TYPE=CELL:2|NOTE:server", 0, F_HELD_RAW | F_SEND },
	/* No base: nothing goes, the server wins. */
	{ "union", NULL, 0, "N:A;B|TEL;TYPE=CELL:1|TITLE:server|NOTE:x", NULL,
	  "N:A;B|TEL;HOME:2|TITLE:client|NICKNAME:n",
	  "N:A;B|TEL;TYPE=CELL:1|TEL;TYPE=HOME:2|TITLE:server|NOTE:x|"
	  "NICKNAME:n",
	  1, F_UNION | F_SEND },
	{ "union of equals", NULL, 0, "N:A;B|TEL;TYPE=CELL:1", NULL,
	  "N:A;B|TEL;CELL:1", "N:A;B|TEL;TYPE=CELL:1", 0, F_UNION | F_SAME },
	{ "union: clearing clears nothing", FULL, 0, "N:A|TEL:1|TITLE:t", NULL,
	  "N:A|TEL:|TITLE:", "N:A|TEL:1|TITLE:t", 0,
	  F_UNION | F_SAME | F_SEND | F_ABSENCE },
	{ "union: the same number written otherwise", NULL, 0,
	  "N:A|TEL:+49 170/123", NULL, "N:A|TEL:+49170123",
	  "N:A|TEL:+49 170/123", 0, F_UNION | F_SAME | F_SEND },
	{ "union: cut text", "N NOTE:20", 0,
	  "N:A|NOTE:0123456789abcdefghijklmnop", NULL,
	  "N:A|NOTE:0123456789abcdefghij",
	  "N:A|NOTE:0123456789abcdefghijklmnop", 0, F_UNION | F_SAME },
	{ "union: longer text", NULL, 0, "N:A|NOTE:0123456789abcdef", NULL,
	  "N:A|NOTE:0123456789abcdefghij", "N:A|NOTE:0123456789abcdefghij", 0,
	  F_UNION },
	{ "union: parts", NULL, 0, "N:A;B|FN:f", NULL, "N:A;B;Mid",
	  "N:A;B;Mid|FN:f", 0, F_UNION | F_SEND },
	{ "union: categories", NULL, 0, "N:A|CATEGORIES:a", NULL,
	  "N:A|CATEGORIES:b", "N:A|CATEGORIES:a,b", 0, F_UNION | F_SEND },
	{ "union: photo", TEN, 0, "N:A" PIC, NULL, "N:A|TEL:1", "N:A|TEL:1" PIC,
	  0, F_UNION },
	/* Refresh from client. */
	{ "replace: the device's content, and what it cannot hold", TEN, 0,
	  "N:A|TEL;TYPE=CELL:1|TITLE:t|BDAY:1990-01-01|NOTE:x" PIC, NULL,
	  "N:A|TEL;CELL:2|TITLE:u", "N:A|TEL;TYPE=CELL:2|TITLE:u|NOTE:x" PIC, 0,
	  F_REPLACE },
	{ "replace: cut text stays whole", "N NOTE:20", 0,
	  "N:A|NOTE:0123456789abcdefghijklmnop", NULL,
	  "N:A|NOTE:0123456789abcdefghij",
	  "N:A|NOTE:0123456789abcdefghijklmnop", 0, F_REPLACE | F_SAME },
	{ "replace: nothing known of it", NULL, 0, "N:A|TEL:1|NOTE:x", NULL,
	  "N:A|TEL:2", "N:A|TEL:2|NOTE:x", 0, F_REPLACE },
};

static void
tell(struct arena *a, const struct story *s, const struct pim_merged *out,
     const char *why)
{
	printf("%s: %s\nclashes %u current %d incoming %d client %d server "
	       "%d\n%s",
	       s->what, why, out->clashes, out->differs_current,
	       out->differs_incoming, out->client_won, out->server_won,
	       out->item == NULL ? "" : t_canon(a, out->item));
}

static bool
run(struct arena *a, const struct story *s)
{
	struct pim_view in = { .form = PIM_VCARD30 };
	struct pim_view v = { .form = PIM_VCARD21, .rules = s->rules };
	struct pim_item *before = t_read_card(a, &in, s->before);
	struct pim_item *now =
	    s->now == NULL ? before : t_read_card(a, &in, s->now);
	struct pim_item *want = t_read_card(a, &in, s->want);
	struct pim_item *seen;
	const struct pim_item *base[1];
	struct pim_merge m = { .view = &v, .current = now, .base = base };
	struct pim_merged out;

	v.caps = t_caps(a, s->caps);
	assert_int_equal(pim_seen(a, &v, before, &seen, NULL), 0);
	base[0] = s->flags & F_HELD_RAW ? before : seen;
	m.base_n = s->flags & (F_UNION | F_REPLACE) ? 0 : 1;
	m.incoming = t_read_card(a, &v, s->sent);
	m.absence_counts = s->flags & F_ABSENCE;
	m.base_own = s->flags & F_HELD_RAW;
	m.replace = s->flags & F_REPLACE;
	m.wins = s->flags & F_SERVER ? PIM_WINS_SERVER : PIM_WINS_CLIENT;
	if (s->flags & F_NEWEST) {
		m.wins = PIM_WINS_NEWEST;
		m.current_ms = 2000;
		m.incoming_ms = 1000;
	}
	assert_int_equal(pim_merge(a, &m, &out, NULL), 0);
	if (!pim_same(a, out.item, want))
		tell(a, s, &out, "wrong result");
	else if (out.clashes != s->clashes)
		tell(a, s, &out, "clashes");
	else if (out.differs_incoming != ((s->flags & F_SEND) != 0))
		tell(a, s, &out, "sending");
	else if (out.differs_current != ((s->flags & F_SAME) == 0))
		tell(a, s, &out, "changing");
	else
		return true;
	return false;
}

static void
contacts(void **state)
{
	struct arena *a = *state;
	size_t bad = 0;

	for (size_t i = 0; i < sizeof(stories) / sizeof(stories[0]); i++)
		bad += !run(a, &stories[i]);
	assert_int_equal(bad, 0);
}

/* What was merged and sent settles: the device's echo changes nothing. */
static void
echoes_settle(void **state)
{
	struct arena *a = *state;

	for (size_t i = 0; i < sizeof(stories) / sizeof(stories[0]); i++) {
		const struct story *s = &stories[i];
		struct pim_view in = { .form = PIM_VCARD30 };
		struct pim_view v = { .form = PIM_VCARD21, .rules = s->rules };
		struct pim_item *want = t_read_card(a, &in, s->want);
		struct pim_item *seen;
		const struct pim_item *base[1];
		struct pim_merge m = { .view = &v,
				       .current = want,
				       .base = base,
				       .base_n = 1,
				       .absence_counts = true,
				       .wins = PIM_WINS_CLIENT };
		struct pim_merged out;

		v.caps = t_caps(a, s->caps);
		assert_int_equal(pim_seen(a, &v, want, &seen, NULL), 0);
		base[0] = seen;
		m.incoming = seen;
		assert_int_equal(pim_merge(a, &m, &out, NULL), 0);
		if (out.differs_current || out.differs_incoming || out.clashes)
			fail_msg("%s: echo", s->what);
		m.base_n = 0;
		assert_int_equal(pim_merge(a, &m, &out, NULL), 0);
		if (out.differs_current || out.differs_incoming || out.clashes)
			fail_msg("%s: echo without base", s->what);
		m.replace = true;
		assert_int_equal(pim_merge(a, &m, &out, NULL), 0);
		if (out.differs_current || out.differs_incoming || out.clashes)
			fail_msg("%s: echo as refresh", s->what);
	}
}

/* A value that the device was offered earlier is no edit either. */
static void
several_bases(void **state)
{
	struct arena *a = *state;
	struct pim_view v = { .form = PIM_VCARD21 };
	struct pim_item *held = t_read_card(a, &v, "N:A|TITLE:1|TEL;CELL:1");
	struct pim_item *offered = t_read_card(a, &v, "N:A|TITLE:2|TEL;CELL:2");
	struct pim_item *current = t_read_card(a, &v, "N:A|TITLE:3|TEL;CELL:3");
	const struct pim_item *base[2] = { held, offered };
	struct pim_merge m = { .view = &v,
			       .current = current,
			       .base = base,
			       .base_n = 2,
			       .absence_counts = true,
			       .wins = PIM_WINS_CLIENT };
	struct pim_merged out;

	m.incoming = t_read_card(a, &v, "N:A|TITLE:2|TEL;CELL:2|ROLE:r");
	assert_int_equal(pim_merge(a, &m, &out, NULL), 0);
	assert_int_equal(out.clashes, 0);
	assert_true(out.differs_incoming);
	assert_true(pim_same(
	    a, out.item, t_read_card(a, &v, "N:A|TITLE:3|TEL;CELL:3|ROLE:r")));
}

static struct pim_item *
note(struct arena *a, const char *text)
{
	static const struct pim_view v = { .form = PIM_TEXT };

	return t_read(a, &v, PIM_TEXT, slice_c(text));
}

static void
notes(void **state)
{
	static const struct {
		const char *before, *now, *sent, *want;
		unsigned clashes;
		bool no_base;
	} rows[] = {
		{ "a\nb", "a\nb", "a\r\nc", "a\nc", 0, false },
		{ "a\nb\n", "a\nb\n", "a\r\nb", "a\nb\n", 0, false },
		{ "list\neggs\nmilk\n", "list\neggs\nmilk\n",
		  "list\r\neggs\r\n", "list\neggs\n", 0, false },
		{ "a long memo cut in a word", "a long memo cut in a word",
		  "a long memo cut in a w", "a long memo cut in a word", 0,
		  false },
		{ "a", "server", "client", "client", 1, false },
		{ "a", "server", "client", "server", 1, true },
		{ "a", "a", "", "", 0, false },
	};
	struct arena *a = *state;
	struct pim_view v = { .form = PIM_TEXT };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct pim_item *base[1] = { note(a, rows[i].before) };
		struct pim_merge m = { .view = &v,
				       .current = note(a, rows[i].now),
				       .incoming = note(a, rows[i].sent),
				       .base = base,
				       .base_n = rows[i].no_base ? 0 : 1,
				       .absence_counts = true,
				       .wins = PIM_WINS_CLIENT };
		struct pim_merged out;

		assert_int_equal(pim_merge(a, &m, &out, NULL), 0);
		if (!slice_is(out.item->text, rows[i].want) ||
		    out.clashes != rows[i].clashes)
			fail_msg("row %zu: \"%.*s\", %u clashes", i,
				 SLICE_ARG(out.item->text), out.clashes);
	}
}

static struct pim_item *
event(struct arena *a, const struct pim_view *v, const char *lines)
{
	struct buf b = BUF_IN(a);

	buf_str(&b, "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\n");
	for (const char *p = lines; *p != 0; p++) {
		if (*p == '|')
			buf_str(&b, "\r\n");
		else
			buf_byte(&b, (unsigned char)*p);
	}
	buf_str(&b, "\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n");
	return t_read(a, v, PIM_ICAL20, buf_slice(&b));
}

#define ALARM(t)                                                               \
	"|BEGIN:VALARM|ACTION:DISPLAY|DESCRIPTION:x|TRIGGER:" t "|END:VALARM"
#define EV "UID:u|SUMMARY:s|DTSTART:20260301T080000Z|DTEND:20260301T090000Z"
#define EV_LATER                                                               \
	"UID:u|SUMMARY:s|DTSTART:20260301T100000Z|DTEND:20260301T110000Z"
#define WEEKLY "|RRULE:FREQ=WEEKLY;BYDAY=SU;COUNT=5"

static void
events(void **state)
{
	static const struct {
		const char *what, *before, *now, *sent, *want;
		unsigned clashes;
	} rows[] = {
		{ "nothing", EV ALARM("-PT10M"), EV ALARM("-PT10M"),
		  EV ALARM("-PT10M"), EV ALARM("-PT10M"), 0 },
		{ "moved by the client, renamed here", EV,
		  "UID:u|SUMMARY:new|DTSTART:20260301T080000Z|"
		  "DTEND:20260301T090000Z",
		  EV_LATER,
		  "UID:u|SUMMARY:new|DTSTART:20260301T100000Z|"
		  "DTEND:20260301T110000Z",
		  0 },
		{ "alarm changed", EV ALARM("-PT10M"), EV ALARM("-PT10M"),
		  EV ALARM("-PT5M"), EV ALARM("-PT5M"), 0 },
		{ "alarm added", EV, EV "|LOCATION:l", EV ALARM("-PT5M"),
		  EV "|LOCATION:l" ALARM("-PT5M"), 0 },
		{ "alarm dropped by a device nothing is known of",
		  EV ALARM("-PT10M"), EV ALARM("-PT10M"), EV,
		  EV ALARM("-PT10M"), 0 },
		{ "exceptions on both sides", EV WEEKLY,
		  EV WEEKLY "|EXDATE:20260308T080000Z",
		  EV WEEKLY "|EXDATE:20260315T080000Z",
		  EV WEEKLY "|EXDATE:20260308T080000Z,20260315T080000Z", 0 },
		{ "rule changed", EV WEEKLY, EV WEEKLY,
		  EV "|RRULE:FREQ=DAILY;COUNT=3",
		  EV "|RRULE:FREQ=DAILY;COUNT=3", 0 },
		{ "attendees on both sides", EV "|ATTENDEE:mailto:a@x",
		  EV "|ATTENDEE:mailto:a@x|ATTENDEE:mailto:b@x",
		  EV "|ATTENDEE:mailto:a@x|ATTENDEE:mailto:c@x",
		  EV "|ATTENDEE:mailto:a@x|ATTENDEE:mailto:b@x|"
		     "ATTENDEE:mailto:c@x",
		  0 },
		{ "both renamed", EV,
		  "UID:u|SUMMARY:here|"
		  "DTSTART:20260301T080000Z|"
		  "DTEND:20260301T090000Z",
		  "UID:u|SUMMARY:there|DTSTART:20260301T080000Z|"
		  "DTEND:20260301T090000Z",
		  "UID:u|SUMMARY:there|DTSTART:20260301T080000Z|"
		  "DTEND:20260301T090000Z",
		  1 },
	};
	struct arena *a = *state;
	struct pim_view v = { .form = PIM_ICAL20,
			      .zone = SLICE_INIT("Europe/Berlin") };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct pim_item *base[1] = { event(a, &v,
							 rows[i].before) };
		struct pim_merge m = { .view = &v,
				       .current = event(a, &v, rows[i].now),
				       .incoming = event(a, &v, rows[i].sent),
				       .base = base,
				       .base_n = 1,
				       .absence_counts = true,
				       .wins = PIM_WINS_CLIENT };
		struct pim_merged out;

		assert_int_equal(pim_merge(a, &m, &out, NULL), 0);
		if (!pim_same(a, out.item, event(a, &v, rows[i].want)) ||
		    out.clashes != rows[i].clashes)
			fail_msg("%s: %u clashes\n%s", rows[i].what,
				 out.clashes, t_canon(a, out.item));
	}
}

static void
other_kind(void **state)
{
	struct arena *a = *state;
	struct pim_view v = { .form = PIM_VCARD21 };
	struct pim_merge m = { .view = &v,
			       .current = t_read_card(a, &v, "N:A"),
			       .incoming = note(a, "x") };
	struct pim_merged out;
	struct err e;

	assert_int_equal(pim_merge(a, &m, &out, &e), -1);
	assert_int_equal(e.code, ERR_UNSUPPORTED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(contacts, setup, teardown),
		cmocka_unit_test_setup_teardown(echoes_settle, setup, teardown),
		cmocka_unit_test_setup_teardown(several_bases, setup, teardown),
		cmocka_unit_test_setup_teardown(notes, setup, teardown),
		cmocka_unit_test_setup_teardown(events, setup, teardown),
		cmocka_unit_test_setup_teardown(other_kind, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
