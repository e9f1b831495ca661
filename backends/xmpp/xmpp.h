/*
 * The outlet over XMPP: as an ordinary account of any server (STARTTLS, SCRAM),
 * or as an external component of one's own (XEP-0114). docs/xmpp.md tells what
 * goes over the line.
 */
#ifndef BACKENDS_XMPP_XMPP_H
#define BACKENDS_XMPP_XMPP_H

#include "backends/outlet.h"
#include "base/clock.h"
#include "base/random.h"

#include <netinet/in.h>

enum im_type { IM_CHAT, IM_HEADLINE, IM_NORMAL };

struct im_conf {
	const char *jid;    /* who sends: our account, or any name of the
			       component's domain */
	const char *server; /* "host:port"; "": what the domain's SRV records
			       say, else the domain and the standard port */
	const char *secret; /* the account's password, the component's secret */
	const char *ca_file; /* PEM; "": those that the system trusts */
	bool component;
	bool allow_plain; /* without TLS on a line that is not loopback */
	enum im_type type;
	const struct clk *clk;
	struct rnd *rnd;
	/* For tests; 0: the values of docs/xmpp.md. */
	int64_t retry_ms;       /* first pause before a new try */
	int64_t answer_ms;      /* how long an answer may take */
	struct sockaddr_in dns; /* whom to ask for SRV; port 0: the system's */
};

/* ERR_CONFIG: what conf says cannot work. Opens nothing. */
int im_check(const struct im_conf *conf, struct err *e);

/*
 * conf   borrowed for the call (clk, rnd: until the close)
 * calls  the table is copied
 *
 * Returns at once; state() tells when the line is up. ERR_CONFIG as above.
 */
int im_open(const struct im_conf *conf, const struct outlet_calls *calls,
	    struct outlet **out, struct err *e);

/* "chat", "headline", "normal"; false: neither. */
bool im_type_of(struct slice word, enum im_type *out);

#endif
