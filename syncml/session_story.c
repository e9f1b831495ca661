#include "syncml/session.h"

#include <stdarg.h>
#include <stdio.h>

enum { STORY_PER_MESSAGE_MAX = 200 };

void
sml_tell(struct sml_ctx *c, char who, const char *fmt, ...)
{
	char line[400];
	char safe[201];
	va_list ap;
	struct slice text;

	if (c->story_n >= STORY_PER_MESSAGE_MAX)
		return;
	if (c->story == NULL) {
		c->story = ARENA_ARRAY(c->a, STORY_PER_MESSAGE_MAX,
				       struct store_story);
		if (c->story == NULL)
			return; /* a story may be lost, a sync may not */
	}
	va_start(ap, fmt);
	(void)vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	text = arena_copy(
	    c->a, slice_c(log_quote(slice_c(line), safe, sizeof(safe))));
	if (text.p == NULL)
		return;
	c->story[c->story_n++] = (struct store_story){
		.at_ms = c->now,
		.who = who,
		.text = text,
	};
}

const char *
sml_type_name(int alert)
{
	switch (alert) {
	case 200:
	case 206:
		return "two-way";
	case 201:
		return "slow";
	case 202:
	case 207:
		return "one-way-from-client";
	case 203:
	case 208:
		return "refresh-from-client";
	case 204:
	case 209:
		return "one-way-from-server";
	case 205:
	case 210:
		return "refresh-from-server";
	case 225:
		return "resume";
	default:
		return "unknown";
	}
}

static void
side(struct buf *b, const char *arrow, const struct sml_counts *n)
{
	buf_printf(b, " %s +%lld ~%lld -%lld", arrow, (long long)n->added,
		   (long long)n->replaced, (long long)n->deleted);
	if (n->failed > 0)
		buf_printf(b, " !%lld", (long long)n->failed);
}

struct slice
sml_verdict(struct sml_ctx *c)
{
	struct buf b = BUF_IN(c->a);

	buf_str(&b, c->row.failed && c->s.done ? "failed"
		    : c->s.done                ? "ok"
		    : c->s.suspended           ? "suspended"
					       : "open");
	for (size_t i = 0; i < c->s.ds_n; i++) {
		const struct sml_ds *d = &c->s.ds[i];
		const struct store_collection *col =
		    sml_collection(c, d->collection);

		buf_printf(&b, "%s %.*s %s", i == 0 ? ":" : ";",
			   SLICE_ARG(col == NULL ? SLICE_LIT("?") : col->name),
			   sml_type_name(d->type));
		side(&b, "->", &d->in);
		side(&b, "<-", &d->out);
		if (d->matched > 0)
			buf_printf(&b, " matched %lld", (long long)d->matched);
		if (d->conflicts > 0)
			buf_printf(&b, " conflicts %lld",
				   (long long)d->conflicts);
		if (d->held_back > 0)
			buf_printf(&b, " deletes held %lld",
				   (long long)d->held_back);
	}
	if (c->s.unknown)
		buf_printf(&b, "%s it asked for a database that is not here",
			   c->s.ds_n == 0 ? ":" : ";");
	return buf_ok(&b) ? buf_slice(&b) : SLICE_LIT("");
}
