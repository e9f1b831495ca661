/*
 * What our reader makes of messages: each comes on standard input as a line
 * with its length and so many bytes; its facts go out in lines "what<TAB>hex",
 * the last one "end".
 */
#include "pim/mail.h"

#include <stdio.h>
#include <stdlib.h>

enum { ARENA = 64 << 20 };

static void
say(const char *what, struct slice s)
{
	printf("%s\t", what);
	for (size_t i = 0; i < s.n; i++)
		printf("%02x", (unsigned char)s.p[i]);
	printf("\n");
}

static void
say_number(const char *what, int64_t n)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "%lld", (long long)n);
	say(what, slice_c(text));
}

static void
facts(const struct pim_mail *m)
{
	say("subject", m->subject);
	say("from", m->from);
	say("to", m->to);
	say("id", m->message_id);
	say_number("date", m->date_ms);
	for (size_t i = 0; i < m->attach_n; i++) {
		say("name", m->attach[i].name);
		say("type", m->attach[i].type);
		say_number("size", m->attach[i].size);
	}
	printf("end\n");
}

int
main(void)
{
	struct arena *a = arena_new(ARENA);
	char line[32];

	while (a != NULL && fgets(line, sizeof(line), stdin) != NULL) {
		size_t n = (size_t)strtoul(line, NULL, 10);
		char *p;
		struct pim_item *it;
		struct err e;

		arena_reset(a);
		p = arena_alloc(a, n + 1);
		if (p == NULL || fread(p, 1, n, stdin) != n ||
		    pim_mail_item(a, (struct slice){ p, n }, (int64_t)n, &it,
				  &e) < 0)
			break;
		facts(it->mail);
		(void)fflush(stdout);
	}
	arena_free(&a);
	return ferror(stdin) != 0;
}
