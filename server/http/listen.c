#include "server/http/listen.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

enum { LISTEN_BACKLOG = 1024 };

static const char *const scheme_text[] = { "http", "https", "https-old" };

static uint16_t
port_of(const struct sockaddr_storage *sa)
{
	struct sockaddr_in in;
	struct sockaddr_in6 in6;

	if (sa->ss_family == AF_INET6) {
		memcpy(&in6, sa, sizeof(in6));
		return ntohs(in6.sin6_port);
	}
	memcpy(&in, sa, sizeof(in));
	return ntohs(in.sin_port);
}

static void
describe(struct srv_listen *l)
{
	char host[SRV_ADDR_TEXT_BYTES] = "?";
	struct srv_addr a;
	bool v6 = l->sa.ss_family == AF_INET6;

	if (srv_addr_of((const struct sockaddr *)&l->sa, &a)) {
		(void)srv_addr_text(&a, host);
		l->loopback = srv_addr_loopback(&a);
	}
	(void)snprintf(l->text, sizeof(l->text), "%s://%s%s%s:%u",
		       l->scheme == SRV_HTTP ? "http" : "https", v6 ? "[" : "",
		       host, v6 ? "]" : "", port_of(&l->sa));
}

static void
set_addr(struct srv_listen *l, const struct srv_addr *a, bool v6, uint16_t port)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
				  .sin_port = htons(port) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6,
				    .sin6_port = htons(port) };

	if (v6) {
		memcpy(&in6.sin6_addr, a->b, 16);
		memcpy(&l->sa, &in6, sizeof(in6));
		l->sa_n = sizeof(in6);
	} else {
		memcpy(&in.sin_addr, a->b + 12, 4);
		memcpy(&l->sa, &in, sizeof(in));
		l->sa_n = sizeof(in);
	}
	l->fd = -1;
	describe(l);
}

static enum srv_scheme
cut_scheme(struct slice *word, enum srv_scheme deflt)
{
	size_t at = slice_find_str(*word, "://");

	if (at == SIZE_MAX)
		return deflt;
	for (size_t i = 0; i < 3; i++) {
		if (slice_is(slice_sub(*word, 0, at), scheme_text[i])) {
			*word = slice_from(*word, at + 3);
			return (enum srv_scheme)i;
		}
	}
	return deflt; /* the rest does not parse as an address either */
}

/* One word gives one address, or two where it is "*". */
static int
parse_word(struct slice word, enum srv_scheme deflt, struct srv_listens *out,
	   struct err *e)
{
	static const struct srv_addr any6 = { { 0 } };
	struct slice whole = word;
	enum srv_scheme scheme = cut_scheme(&word, deflt);
	size_t colon = word.n;
	struct srv_addr a;
	uint32_t port;

	while (colon > 0 && word.p[colon - 1] != ':')
		colon--;
	if (colon > 1 && slice_u32(slice_from(word, colon), &port) &&
	    port <= 65535 && out->n + 2 <= SRV_LISTEN_MAX) {
		struct slice host = slice_sub(word, 0, colon - 1);
		bool v6 = host.p[0] == '[' || host.p[0] == '*';

		if (slice_is(host, "*")) {
			a = any6;
		} else if (!srv_addr_parse(host, &a) ||
			   (!v6 && slice_find(host, ':') != SIZE_MAX)) {
			goto wrong;
		}
		out->l[out->n].scheme = scheme;
		set_addr(&out->l[out->n++], &a, v6, (uint16_t)port);
		if (slice_is(host, "*")) {
			memcpy(a.b + 10, "\xFF\xFF", 2);
			out->l[out->n].scheme = scheme;
			set_addr(&out->l[out->n++], &a, false, (uint16_t)port);
		}
		return 0;
	}
wrong:
	return err_set(e, ERR_CONFIG, "listen",
		       "cannot listen on \"%.*s\": it must be a numeric "
		       "address and a port (127.0.0.1:8880, [::1]:8880, "
		       "https://*:8443)",
		       (int)(whole.n > 60 ? 60 : whole.n), whole.p);
}

int
srv_listen_parse(struct arena *a, const char *text, enum srv_scheme deflt,
		 struct srv_listens *out, struct err *e)
{
	struct slice rest = slice_c(text);
	struct slice word;

	out->n = 0;
	out->l = ARENA_ARRAY(a, SRV_LISTEN_MAX, struct srv_listen);
	if (out->l == NULL)
		return err_set(e, ERR_NOMEM, "listen", "out of memory");
	while (slice_word(&rest, " \t,", &word)) {
		if (parse_word(word, deflt, out, e) != 0)
			return -1;
	}
	return 0;
}

static int
open_one(struct srv_listen *l, struct err *e)
{
	int on = 1;
	int fd = socket(l->sa.ss_family,
			SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return err_errno(e, ERR_IO, errno, "listen",
				 "cannot listen on %s", l->text);
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (l->sa.ss_family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on,
				 sizeof(on));
	if (bind(fd, (const struct sockaddr *)&l->sa, l->sa_n) != 0 ||
	    listen(fd, LISTEN_BACKLOG) != 0) {
		int sys = errno;
		const char *mend = "";
		char text[ERR_REASON_BYTES];

		(void)close(fd);
		if (sys == EADDRINUSE)
			mend = "; is Funicular running already? Stop the other "
			       "program or change `listen` or `admin_listen`";
		else if (sys == EACCES)
			mend = "; a port below 1024 needs systemd's socket "
			       "activation (funicular.socket)";
		else if (sys == EADDRNOTAVAIL)
			mend = "; this machine does not have the address";
		return err_sys(e, ERR_CONFIG, sys, "listen",
			       "cannot listen on %s: %s%s", l->text,
			       err_reason(sys, text, sizeof(text)), mend);
	}
	l->fd = fd;
	l->sa_n = sizeof(l->sa);
	if (getsockname(fd, (struct sockaddr *)&l->sa, &l->sa_n) == 0)
		describe(l); /* port 0 became a true one */
	return 0;
}

/* A machine without IPv6 still serves the other addresses. */
static bool
lacks_v6(const struct srv_listen *l, const struct err *e)
{
	return l->sa.ss_family == AF_INET6 &&
	       (e->sys == EAFNOSUPPORT ||
		(e->sys == EADDRNOTAVAIL && l->loopback));
}

int
srv_listen_open(struct srv_listens *ls, struct err *e)
{
	size_t open_n = 0;
	struct err why = { 0 };

	for (size_t i = 0; i < ls->n; i++) {
		struct srv_listen *l = &ls->l[i];

		if (l->given || open_one(l, &why) == 0) {
			open_n++;
			continue;
		}
		if (lacks_v6(l, &why))
			continue;
		open_n = 0;
		break;
	}
	if (open_n > 0 || ls->n == 0)
		return 0;
	srv_listen_close(ls);
	return err_sys(e, why.code, why.sys, why.where, "%s", why.msg);
}

void
srv_listen_close(struct srv_listens *ls)
{
	for (size_t i = 0; i < ls->n; i++) {
		if (ls->l[i].fd >= 0)
			(void)close(ls->l[i].fd);
		ls->l[i].fd = -1;
	}
}

/* Put one passed socket where its name says. */
static int
place(int fd, const char *name, enum srv_scheme deflt, struct srv_listens *pub,
      struct srv_listens *admin, struct err *e)
{
	bool is_admin = strcmp(name, "admin") == 0;
	struct srv_listens *to = is_admin ? admin : pub;
	struct srv_listen *l;

	if (to->n == SRV_LISTEN_MAX)
		return err_set(e, ERR_CONFIG, "listen",
			       "systemd passed too many sockets");
	l = &to->l[to->n];
	*l = (struct srv_listen){ .fd = fd, .given = true, .scheme = deflt };
	if (is_admin)
		l->scheme = SRV_HTTP;
	for (size_t i = 0; i < 3; i++)
		if (strcmp(name, scheme_text[i]) == 0)
			l->scheme = (enum srv_scheme)i;
	l->sa_n = sizeof(l->sa);
	if (getsockname(fd, (struct sockaddr *)&l->sa, &l->sa_n) != 0 ||
	    sd_is_socket(fd, AF_UNSPEC, SOCK_STREAM, 1) <= 0 ||
	    (l->sa.ss_family != AF_INET && l->sa.ss_family != AF_INET6))
		return err_set(e, ERR_CONFIG, "listen",
			       "systemd passed \"%.60s\", which is no "
			       "listening TCP socket",
			       name);
	describe(l);
	to->n++;
	return 0;
}

int
srv_listen_given(struct arena *a, enum srv_scheme deflt,
		 struct srv_listens *pub, struct srv_listens *admin,
		 struct err *e)
{
	struct srv_listens p = {
		ARENA_ARRAY(a, SRV_LISTEN_MAX, struct srv_listen), 0
	};
	struct srv_listens m = {
		ARENA_ARRAY(a, SRV_LISTEN_MAX, struct srv_listen), 0
	};
	char **names = NULL;
	int n = sd_listen_fds_with_names(1, &names);
	int rc = p.l == NULL || m.l == NULL ? -1 : 0;

	if (rc != 0)
		(void)err_set(e, ERR_NOMEM, "listen", "out of memory");
	for (int i = 0; i < n; i++) {
		if (rc == 0)
			rc = place(SD_LISTEN_FDS_START + i,
				   names == NULL ? "" : names[i], deflt, &p, &m,
				   e);
		if (names != NULL)
			free(names[i]);
	}
	free(names);
	if (rc != 0 || n <= 0)
		return rc;
	if (p.n > 0)
		*pub = p;
	if (m.n > 0)
		*admin = m;
	return 0;
}
