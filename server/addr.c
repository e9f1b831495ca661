#include "server/addr.h"

#include <arpa/inet.h>
#include <netinet/in.h>

static const unsigned char mapped[12] = { 0, 0, 0, 0, 0,    0,
					  0, 0, 0, 0, 0xFF, 0xFF };

static bool
is_v4(const struct srv_addr *a)
{
	return memcmp(a->b, mapped, sizeof(mapped)) == 0;
}

/* Is it a port, or nothing: up to five digits. */
static bool
port_ok(struct slice s)
{
	if (s.n == 0 || s.n > 5)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return true;
}

static bool
parse_plain(struct slice s, struct srv_addr *out)
{
	char text[SRV_ADDR_TEXT_BYTES];
	size_t zone = slice_find(s, '%');

	if (zone != SIZE_MAX)
		s.n = zone;
	if (s.n == 0 || s.n >= sizeof(text) || memchr(s.p, 0, s.n) != NULL)
		return false;
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	if (inet_pton(AF_INET6, text, out->b) == 1)
		return true;
	memcpy(out->b, mapped, sizeof(mapped));
	return inet_pton(AF_INET, text, out->b + 12) == 1;
}

bool
srv_addr_parse(struct slice s, struct srv_addr *out)
{
	size_t at;

	s = slice_trim(s);
	if (s.n >= 2 && s.p[0] == '"' && s.p[s.n - 1] == '"')
		s = slice_trim(slice_sub(s, 1, s.n - 2));
	if (s.n > 0 && s.p[0] == '[') {
		struct slice after;

		at = slice_find(s, ']');
		if (at == SIZE_MAX)
			return false;
		after = slice_from(s, at + 1);
		if (after.n > 0 &&
		    (after.p[0] != ':' || !port_ok(slice_from(after, 1))))
			return false;
		return slice_find(s, ':') < at &&
		       parse_plain(slice_sub(s, 1, at - 1), out);
	}
	at = slice_find(s, ':');
	if (at != SIZE_MAX &&
	    slice_find(slice_from(s, at + 1), ':') == SIZE_MAX) {
		/* One colon only: IPv4 with a port. */
		if (!port_ok(slice_from(s, at + 1)))
			return false;
		s.n = at;
	}
	return parse_plain(s, out);
}

bool
srv_addr_of(const struct sockaddr *sa, struct srv_addr *out)
{
	if (sa == NULL)
		return false;
	if (sa->sa_family == AF_INET) {
		struct sockaddr_in in;

		memcpy(&in, sa, sizeof(in));
		memcpy(out->b, mapped, sizeof(mapped));
		memcpy(out->b + 12, &in.sin_addr, 4);
		return true;
	}
	if (sa->sa_family == AF_INET6) {
		struct sockaddr_in6 in6;

		memcpy(&in6, sa, sizeof(in6));
		memcpy(out->b, &in6.sin6_addr, 16);
		return true;
	}
	return false;
}

const char *
srv_addr_text(const struct srv_addr *a, char out[static SRV_ADDR_TEXT_BYTES])
{
	const char *p;

	if (is_v4(a))
		p = inet_ntop(AF_INET, a->b + 12, out, SRV_ADDR_TEXT_BYTES);
	else
		p = inet_ntop(AF_INET6, a->b, out, SRV_ADDR_TEXT_BYTES);
	if (p == NULL)
		out[0] = '\0';
	return out;
}

bool
srv_addr_same(const struct srv_addr *a, const struct srv_addr *b)
{
	return memcmp(a->b, b->b, sizeof(a->b)) == 0;
}

bool
srv_addr_loopback(const struct srv_addr *a)
{
	static const unsigned char one[16] = { 0, 0, 0, 0, 0, 0, 0, 0,
					       0, 0, 0, 0, 0, 0, 0, 1 };

	return (is_v4(a) && a->b[12] == 127) ||
	       memcmp(a->b, one, sizeof(one)) == 0;
}

bool
srv_addr_any(const struct srv_addr *a)
{
	static const unsigned char zero[16];

	return memcmp(a->b, zero, sizeof(zero)) == 0 ||
	       (is_v4(a) && memcmp(a->b + 12, zero, 4) == 0);
}

static bool
net_parse(struct slice s, struct srv_net *out)
{
	size_t slash = slice_find(s, '/');
	uint32_t bits = 128;
	unsigned most;

	if (!parse_plain(slice_sub(s, 0, slash == SIZE_MAX ? s.n : slash),
			 &out->a))
		return false;
	most = is_v4(&out->a) ? 32 : 128;
	if (slash != SIZE_MAX) {
		struct slice digits = slice_from(s, slash + 1);

		if (!slice_u32(digits, &bits) || bits > most)
			return false;
		bits += 128 - most;
	}
	out->bits = bits;
	return true;
}

int
srv_nets_parse(struct arena *a, const char *text, struct srv_nets *out,
	       struct err *e)
{
	struct slice rest = slice_c(text);
	struct slice word;
	struct srv_net *net;
	size_t n = 0;

	net = ARENA_ARRAY(a, rest.n / 2 + 1, struct srv_net);
	if (net == NULL)
		return err_set(e, ERR_NOMEM, "addr.nets", "out of memory");
	while (slice_word(&rest, " \t,", &word)) {
		if (!net_parse(word, &net[n]))
			return err_set(e, ERR_CONFIG, "addr.nets",
				       "\"%.*s\" is no address or network "
				       "(like 192.0.2.7 or 10.0.0.0/8)",
				       (int)(word.n > 60 ? 60 : word.n),
				       word.p);
		n++;
	}
	*out = (struct srv_nets){ net, n };
	return 0;
}

static bool
net_has(const struct srv_net *net, const struct srv_addr *a)
{
	size_t whole = net->bits / 8;
	unsigned rest = net->bits % 8;
	unsigned mask = 0xFFU & (0xFF00U >> rest);

	if (memcmp(net->a.b, a->b, whole) != 0)
		return false;
	return rest == 0 || ((net->a.b[whole] ^ a->b[whole]) & mask) == 0;
}

bool
srv_nets_have(const struct srv_nets *nets, const struct srv_addr *a)
{
	for (size_t i = 0; i < nets->n; i++)
		if (net_has(&nets->net[i], a))
			return true;
	return false;
}
