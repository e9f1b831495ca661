/* Messages of people, over the connection that the outlet uses, too. */
#include "backends/smtp/int.h"

#include <stdlib.h>

struct submitter {
	struct smtp_conf conf;
	char *texts;
	struct smtp_post *post;
};

char *
smtp_keep_texts(struct smtp_conf *conf)
{
	const char **text[] = { &conf->server, &conf->from,    &conf->user,
				&conf->secret, &conf->ca_file, &conf->helo };
	size_t n = 0, at = 0;
	char *p;

	for (size_t i = 0; i < sizeof(text) / sizeof(text[0]); i++)
		n += strlen(*text[i]) + 1;
	p = calloc(1, n);
	for (size_t i = 0; p != NULL && i < sizeof(text) / sizeof(text[0]);
	     i++) {
		size_t len = strlen(*text[i]) + 1;

		memcpy(p + at, *text[i], len);
		*text[i] = p + at;
		at += len;
	}
	return p;
}

bool
submit_address_ok(struct slice address)
{
	return smtp_address_ok(address);
}

int
smtp_submitter(const struct smtp_conf *conf, bool (*give_up)(void *ctx),
	       void *ctx, struct submitter **out, struct err *e)
{
	struct submitter *s;

	*out = NULL;
	if (smtp_check(conf, e) < 0)
		return -1;
	s = calloc(1, sizeof(*s));
	if (s != NULL) {
		s->conf = *conf;
		s->texts = smtp_keep_texts(&s->conf);
	}
	if (s == NULL || s->texts == NULL) {
		free(s);
		return err_set(e, ERR_NOMEM, "smtp.submit", "no memory");
	}
	s->post = smtp_post_new(&s->conf, give_up, ctx, e);
	if (s->post == NULL) {
		submit_close(&s);
		return -1;
	}
	*out = s;
	return 0;
}

enum submit_end
submit(struct submitter *s, const struct submission *in, char *why)
{
	switch (smtp_post(s->post, in, why)) {
	case SMTP_SENT:
		return SUBMIT_SENT;
	case SMTP_REFUSED:
		return SUBMIT_REFUSED;
	case SMTP_LATER:
		return SUBMIT_LATER;
	case SMTP_DOWN:
		break;
	}
	return smtp_post_doubt(s->post) ? SUBMIT_DOUBT : SUBMIT_LATER;
}

void
submit_close(struct submitter **sp)
{
	struct submitter *s = *sp;

	if (s == NULL)
		return;
	smtp_post_free(&s->post);
	free(s->texts);
	free(s);
	*sp = NULL;
}
