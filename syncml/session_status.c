#include "syncml/session.h"

static struct sml_status *
queue(struct sml_ctx *c)
{
	struct sml_session *s = &c->s;

	if (s->status_n >= SML_STATUS_QUEUE_MAX) {
		(void)err_set(&c->e, ERR_LIMIT, "status.queue",
			      "more than %d statuses wait for this device",
			      SML_STATUS_QUEUE_MAX);
		return NULL;
	}
	if (s->status_n == s->status_cap) {
		size_t cap = s->status_cap == 0 ? 64 : s->status_cap * 2;
		struct sml_status *more =
		    ARENA_ARRAY(c->a, cap, struct sml_status);

		if (more == NULL) {
			(void)err_set(&c->e, ERR_NOMEM, "status.queue",
				      "no memory for another status");
			return NULL;
		}
		if (s->status_n > 0)
			memcpy(more, s->status, s->status_n * sizeof(*more));
		s->status = more;
		s->status_cap = cap;
	}
	return &s->status[s->status_n++];
}

int
sml_status_add(struct sml_ctx *c, const struct sml_cmd *cmd,
	       const struct slice *target, const struct slice *source, int code)
{
	struct sml_status *st;

	if (cmd->noresp || c->msg->hdr.noresp)
		return 0;
	st = queue(c);
	if (st == NULL)
		return -1;
	*st = (struct sml_status){
		.msgref = c->msgid,
		.cmdref = cmd->cmdid,
		.cmd = slice_c(sml_tag_name(cmd->tag)),
		.code = code,
	};
	if (target != NULL && target->n > 0)
		st->target_ref = sml_short_uri(*target);
	if (source != NULL && source->n > 0)
		st->source_ref = sml_short_uri(*source);
	return 0;
}

struct sml_status *
sml_status_last(struct sml_ctx *c)
{
	if (c->msg->hdr.noresp || c->s.status_n == 0)
		return NULL;
	return &c->s.status[c->s.status_n - 1];
}

/* One Status per item, as for a command whose items were looked at. */
static int
status_items(struct sml_ctx *c, const struct sml_cmd *cmd, int code)
{
	for (size_t i = 0; i < cmd->item_n; i++) {
		if (sml_status_add(c, cmd, &cmd->items[i].target,
				   &cmd->items[i].source, code) < 0)
			return -1;
	}
	return 0;
}

/* As deep as SML_DEPTH_MAX lets a document be. */
/* NOLINTBEGIN(misc-no-recursion) */
int
sml_status_all(struct sml_ctx *c, const struct sml_cmd *cmd, int code)
{
	bool per_item = cmd->item_n > 0 &&
			(cmd->tag == SML_ADD || cmd->tag == SML_REPLACE ||
			 cmd->tag == SML_DELETE || cmd->tag == SML_COPY ||
			 cmd->tag == SML_ALERT);

	if (cmd->tag == SML_STATUS)
		return 0;
	if (per_item) {
		if (status_items(c, cmd, code) < 0)
			return -1;
	} else if (sml_status_add(c, cmd, &cmd->target, &cmd->source, code) <
		   0) {
		return -1;
	}
	for (size_t i = 0; i < cmd->kid_n; i++) {
		if (sml_status_all(c, &cmd->kids[i], code) < 0)
			return -1;
	}
	return 0;
}
/* NOLINTEND(misc-no-recursion) */
