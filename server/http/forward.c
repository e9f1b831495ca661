#include "server/http/forward.h"

enum { HOPS_MAX = 32, HOST_BYTES_MAX = 255 };

void
srv_forward_push(struct srv_forward_lines *l, struct slice value)
{
	if (l->n == SRV_FORWARD_LINES_MAX) {
		memmove(l->line, l->line + 1,
			(SRV_FORWARD_LINES_MAX - 1) * sizeof(l->line[0]));
		l->n--;
	}
	l->line[l->n++] = value;
}

/*
 * Cut the last comma-separated element off. Commas inside quotes do not count;
 * quotes are matched from the right, where the believable part is.
 */
static bool
cut_last(struct slice *rest, struct slice *el)
{
	bool quoted = false;
	size_t i = rest->n;

	if (rest->p == NULL)
		return false;
	while (i > 0) {
		if (rest->p[i - 1] == '"')
			quoted = !quoted;
		else if (rest->p[i - 1] == ',' && !quoted)
			break;
		i--;
	}
	*el = slice_trim(slice_from(*rest, i));
	*rest = i == 0 ? (struct slice){ NULL, 0 } : slice_sub(*rest, 0, i - 1);
	return true;
}

/* The last element over all lines, or the empty slice. */
static struct slice
last_of(const struct srv_forward_lines *l)
{
	struct slice el = { NULL, 0 };
	struct slice rest;

	if (l->n == 0)
		return el;
	rest = l->line[l->n - 1];
	if (!cut_last(&rest, &el))
		el = (struct slice){ NULL, 0 };
	return el;
}

/* The value of a parameter ("for", "proto", "host") of a Forwarded element. */
static struct slice
param(struct slice el, const char *name)
{
	struct slice part;

	while (slice_split(&el, ';', &part)) {
		size_t eq = slice_find(part, '=');
		struct slice v;

		if (eq == SIZE_MAX ||
		    !slice_is_nocase(slice_trim(slice_sub(part, 0, eq)), name))
			continue;
		v = slice_trim(slice_from(part, eq + 1));
		if (v.n >= 2 && v.p[0] == '"' && v.p[v.n - 1] == '"')
			v = slice_sub(v, 1, v.n - 2);
		return v;
	}
	return (struct slice){ NULL, 0 };
}

bool
srv_forward_host_ok(struct slice h)
{
	if (h.n == 0 || h.n > HOST_BYTES_MAX)
		return false;
	for (size_t i = 0; i < h.n; i++) {
		char c = h.p[i];

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		    (c >= '0' && c <= '9') || c == '.' || c == '-' ||
		    c == '_' || c == ':' || c == '[' || c == ']')
			continue;
		return false;
	}
	return true;
}

/* Our own constants, so that nothing of the peer's stays in the result. */
static struct slice
proto_of(struct slice v)
{
	if (slice_is_nocase(v, "https"))
		return SLICE_LIT("https");
	if (slice_is_nocase(v, "http"))
		return SLICE_LIT("http");
	return (struct slice){ NULL, 0 };
}

/*
 * From the right: each hop was written by the one to its right, so it counts
 * while that one is believed. `*el` is the last element that counted.
 */
static void
walk(const struct srv_nets *trusted, const struct srv_forward_in *in,
     struct srv_forward *out, struct slice *el_out)
{
	unsigned hops = 0;

	for (size_t i = in->hops.n; i > 0; i--) {
		struct slice rest = in->hops.line[i - 1];
		struct slice el;

		while (cut_last(&rest, &el)) {
			struct srv_addr a;
			struct slice who = in->kind == SRV_FORWARD_RFC7239
					       ? param(el, "for")
					       : el;

			if (++hops > HOPS_MAX || !srv_addr_parse(who, &a))
				return;
			out->client = a;
			*el_out = el;
			if (!srv_nets_have(trusted, &a))
				return;
		}
	}
}

void
srv_forward_find(const struct srv_nets *trusted, const struct srv_addr *peer,
		 const struct srv_forward_in *in, struct srv_forward *out)
{
	struct slice el = { NULL, 0 };
	struct slice host = in->host_header;

	*out = (struct srv_forward){ .client = *peer };
	if (!srv_nets_have(trusted, peer))
		return;
	out->trusted = true;
	walk(trusted, in, out, &el);
	if (in->kind == SRV_FORWARD_RFC7239) {
		struct slice h = param(el, "host");

		out->proto = proto_of(param(el, "proto"));
		if (h.n > 0)
			host = h;
	} else {
		out->proto = proto_of(last_of(&in->proto));
		if (in->host.n > 0)
			host = last_of(&in->host);
	}
	if (srv_forward_host_ok(host))
		out->host = host;
}
