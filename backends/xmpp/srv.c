#include "backends/xmpp/srv.h"

#include <arpa/nameser.h>
#include <resolv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ANSWER_MAX = 16384, TRIES = 2, RDATA_MIN = 7 };

/* One record; false: it is not a whole SRV record. */
static bool
read_one(const ns_msg *m, const ns_rr *rr, struct im_srv *out)
{
	const unsigned char *p = ns_rr_rdata(*rr);
	int n;

	if (ns_rr_type(*rr) != ns_t_srv || ns_rr_class(*rr) != ns_c_in ||
	    ns_rr_rdlen(*rr) < RDATA_MIN)
		return false;
	out->priority = ns_get16(p);
	out->weight = ns_get16(p + 2);
	out->port = ns_get16(p + 4);
	n = dn_expand(ns_msg_base(*m), ns_msg_end(*m), p + 6, out->host,
		      (int)sizeof(out->host));
	return n >= 0 && n == ns_rr_rdlen(*rr) - 6;
}

int
im_srv_read(const unsigned char *answer, size_t len,
	    struct im_srv out[static IM_SRV_MAX], size_t *n)
{
	ns_msg m;
	ns_rr rr;

	*n = 0;
	if (len > ANSWER_MAX || ns_initparse(answer, (int)len, &m) < 0 ||
	    ns_msg_getflag(m, ns_f_rcode) != ns_r_noerror)
		return -1;
	for (int i = 0; i < ns_msg_count(m, ns_s_an) && *n < IM_SRV_MAX; i++) {
		if (ns_parserr(&m, ns_s_an, i, &rr) < 0)
			return -1;
		if (read_one(&m, &rr, &out[*n]))
			(*n)++;
	}
	return 0;
}

static int
by_priority(const void *x, const void *y)
{
	const struct im_srv *a = x;
	const struct im_srv *b = y;

	return (a->priority > b->priority) - (a->priority < b->priority);
}

/* RFC 2782: of one priority the next is drawn by weight, until none is left.
   Those of weight 0 have a small chance, too. */
static void
draw(struct im_srv *v, size_t n, struct rnd *rnd)
{
	for (; n > 1; v++, n--) {
		uint64_t sum = n;
		uint64_t r;
		size_t i = 0;
		struct im_srv first;

		for (size_t k = 0; k < n; k++)
			sum += v[k].weight;
		rnd->fill(rnd, &r, sizeof(r));
		for (r %= sum; r > v[i].weight; i++)
			r -= (uint64_t)v[i].weight + 1;
		first = v[i];
		memmove(v + 1, v, i * sizeof(*v));
		v[0] = first;
	}
}

void
im_srv_order(struct im_srv *v, size_t n, struct rnd *rnd)
{
	if (n == 0)
		return;
	qsort(v, n, sizeof(*v), by_priority);
	for (size_t i = 0, k; i < n; i = k) {
		for (k = i; k < n && v[k].priority == v[i].priority; k++)
			;
		draw(v + i, k - i, rnd);
	}
}

int
im_srv_find(const char *domain, const struct sockaddr_in *dns, struct rnd *rnd,
	    struct im_srv out[static IM_SRV_MAX], size_t *n, struct err *e)
{
	struct __res_state state = { 0 };
	unsigned char *answer = malloc(ANSWER_MAX);
	char name[NS_MAXDNAME];
	int len;

	*n = 0;
	if (answer == NULL || res_ninit(&state) != 0) {
		free(answer);
		return err_set(e, ERR_NOMEM, "xmpp.srv", "no memory");
	}
	state.retrans = IM_SRV_TIMEOUT_S;
	state.retry = TRIES;
	if (dns != NULL) {
		state.nsaddr_list[0] = *dns;
		state.nscount = 1;
	}
	(void)snprintf(name, sizeof(name), "_xmpp-client._tcp.%s", domain);
	len = res_nquery(&state, name, ns_c_in, ns_t_srv, answer, ANSWER_MAX);
	if (len > 0 && len <= ANSWER_MAX)
		(void)im_srv_read(answer, (size_t)len, out, n);
	res_nclose(&state);
	free(answer);
	if (*n == 1 && out[0].host[0] == '\0')
		return err_set(e, ERR_CONFIG, "xmpp.srv",
			       "%.100s says that it has no XMPP server",
			       domain);
	im_srv_order(out, *n, rnd);
	return 0;
}
