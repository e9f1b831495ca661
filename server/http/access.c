/*
 * The access log: one line per request, key=value. What the peer chose is
 * quoted; the token of RespURI never appears.
 */
#include "server/http/front_int.h"

#include "base/clock.h"

#include <stdio.h>

/* log_quote() within quotes: a quote of the peer's cannot end the value. */
static const char *
value(struct slice s, char *out, size_t n)
{
	char text[201];
	size_t o = 0;

	(void)log_quote(s, text, sizeof(text));
	for (const char *p = text; *p != '\0' && o + 5 < n; p++) {
		if (*p == '"') {
			memcpy(out + o, "\\x22", 4);
			o += 4;
		} else {
			out[o++] = *p;
		}
	}
	/* Do not leave half a character behind where it was cut. */
	while (o > 0 && !slice_utf8_ok((struct slice){ out, o }))
		o--;
	out[o] = '\0';
	return out;
}

void
srv_access_tail(struct srv_rq *rq, const struct sml_reply *r)
{
	char user[80];
	char dev[120];
	char sid[80];
	char note[320];

	(void)snprintf(rq->tail, sizeof(rq->tail),
		       " user=\"%s\" dev=\"%s\" sid=\"%s\"%s work_us=%lld "
		       "note=\"%s\"",
		       value(r->user, user, sizeof(user)),
		       value(r->dev_id, dev, sizeof(dev)),
		       value(r->sid, sid, sizeof(sid)),
		       r->duplicate ? " dup=1" : "", (long long)rq->work_us,
		       value(r->note, note, sizeof(note)));
}

void
srv_access_log(const struct srv_rq *rq, const char *end)
{
	char path[100];
	char method[24];
	char note[100] = "";

	/* What a worker did not see tells its reason here. */
	if (rq->tail[0] == '\0' && rq->text != NULL)
		(void)snprintf(note, sizeof(note), " note=\"%.*s\"",
			       SLICE_ARG(slice_trim(slice_c(rq->text))));

	log_line(
	    rq->front->log, LOG_LVL_INFO,
	    "event=request peer=%s method=\"%s\" path=\"%s\" http=%d "
	    "in=%zu out=%zu ms=%lld%s%s%s%s",
	    rq->peer[0] == '\0' ? "-" : rq->peer,
	    value(slice_c(rq->method), method, sizeof(method)),
	    value(slice_c(rq->path), path, sizeof(path)), rq->http, rq->in_n,
	    rq->sent_n, (long long)(clk_mono_ms() - rq->began_ms),
	    end == NULL ? "" : " end=", end == NULL ? "" : end, rq->tail, note);
}
