/*
 * The conversation in lines that a person can read.
 */
#include "base/log.h"
#include "clients/client_int.h"

#include <stdarg.h>
#include <stdio.h>

void
cli_say(const struct cli *c, char who, const char *fmt, ...)
{
	char line[512];
	va_list ap;

	if (c->conf->say == NULL)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	c->conf->say(c->conf->say_ctx, who, line);
}

struct cli_text
cli_show(struct slice s)
{
	struct cli_text t = { 0 };

	log_quote(s, t.s, sizeof(t.s));
	return t;
}

const char *
cli_status_text(int code)
{
	static const struct {
		int code;
		const char *text;
	} texts[] = {
		{ 101, "in progress" },
		{ 200, "OK" },
		{ 201, "added" },
		{ 207, "merged" },
		{ 208, "client wins" },
		{ 209, "duplicated" },
		{ 210, "deleted without archive" },
		{ 211, "was not there" },
		{ 212, "logged in" },
		{ 213, "part accepted" },
		{ 214, "cancelled" },
		{ 400, "bad request" },
		{ 401, "wrong credentials" },
		{ 402, "payment required" },
		{ 403, "forbidden" },
		{ 404, "not found" },
		{ 405, "not allowed" },
		{ 406, "not supported" },
		{ 407, "credentials wanted" },
		{ 408, "timeout" },
		{ 409, "conflict" },
		{ 410, "gone" },
		{ 411, "size wanted" },
		{ 412, "incomplete" },
		{ 413, "too large" },
		{ 415, "type not supported" },
		{ 416, "size too big" },
		{ 417, "retry later" },
		{ 418, "already there" },
		{ 419, "server wins" },
		{ 420, "full" },
		{ 424, "size mismatch" },
		{ 425, "permission denied" },
		{ 500, "failed" },
		{ 501, "not implemented" },
		{ 503, "unavailable" },
		{ 505, "version not supported" },
		{ 506, "failed, application" },
		{ 508, "slow sync needed" },
		{ 509, "cannot resume" },
		{ 510, "store failure" },
		{ 511, "server failure" },
		{ 512, "sync failed" },
		{ 513, "protocol version not supported" },
		{ 514, "cancelled" },
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (texts[i].code == code)
			return texts[i].text;
	return "?";
}

struct tally { /* statuses that say the same of the same kind of command */
	struct slice cmd;
	int code;
	unsigned n;
};

static void
story_statuses(const struct cli *c, const struct sml_msg *m)
{
	struct tally t[24] = { 0 };
	size_t n = 0;

	for (size_t i = 0; i < m->cmd_n; i++) {
		const struct sml_cmd *s = &m->cmds[i];
		int64_t code = 0;
		size_t k = 0;

		if (s->tag != SML_STATUS)
			continue;
		slice_i64(s->data, &code);
		while (k < n &&
		       (t[k].code != code || !slice_eq(t[k].cmd, s->cmd)))
			k++;
		if (k == sizeof(t) / sizeof(t[0]))
			continue;
		t[k].cmd = s->cmd;
		t[k].code = (int)code;
		t[k].n++;
		if (k == n)
			n++;
	}
	for (size_t k = 0; k < n; k++)
		cli_say(c, '<', "Status %d %s for %u %s", t[k].code,
			cli_status_text(t[k].code), t[k].n,
			cli_show(t[k].cmd).s);
}

static void
story_sync(const struct cli *c, const struct sml_cmd *s)
{
	unsigned add = 0, replace = 0, del = 0, other = 0;

	for (size_t i = 0; i < s->kid_n; i++) {
		enum sml_tag tag = s->kids[i].tag;

		add += tag == SML_ADD;
		replace += tag == SML_REPLACE;
		del += tag == SML_DELETE;
		other +=
		    tag != SML_ADD && tag != SML_REPLACE && tag != SML_DELETE;
	}
	cli_say(c, '<', "Sync %s: %u Add, %u Replace, %u Delete%s",
		cli_show(s->source).s, add, replace, del,
		other > 0 ? ", and others" : "");
}

void
cli_story_in(const struct cli *c, const struct sml_msg *m)
{
	if (c->conf->say == NULL)
		return;
	cli_say(c, '<', "message %s of the server%s", cli_show(m->hdr.msgid).s,
		m->final ? ", package complete" : "");
	story_statuses(c, m);
	for (size_t i = 0; i < m->cmd_n; i++) {
		const struct sml_cmd *k = &m->cmds[i];

		if (k->tag == SML_STATUS)
			continue;
		if (k->tag == SML_SYNC)
			story_sync(c, k);
		else if (k->tag == SML_ALERT)
			cli_say(c, '<', "Alert %s for %s", cli_show(k->data).s,
				k->item_n > 0 ? cli_show(k->items[0].source).s
					      : "the session");
		else
			cli_say(c, '<', "%s", sml_tag_name(k->tag));
	}
}
