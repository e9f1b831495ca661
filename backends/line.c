#include "backends/line.h"

#include "backends/loopback.h"
#include "base/clock.h"

#include <errno.h>
#include <gnutls/x509.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define PRIORITY "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"

enum { HOST_MAX = 256, PORT_MAX = 6 };

static int
broken(struct err *e, const char *why)
{
	return err_set(e, ERR_UNAVAILABLE, "xmpp.line", "%s", why);
}

int
tls_line_await(const struct tls_line *l, short events, const struct tls_wait *w,
	       struct err *e)
{
	for (;;) {
		struct pollfd p[2] = { { l->fd, events, 0 },
				       { w->wake, POLLIN, 0 } };
		int64_t left = w->until_ms - clk_mono_ms();

		if (left <= 0)
			return broken(e, "the server does not answer in time");
		if (poll(p, 2, left > 60000 ? 60000 : (int)left) < 0 &&
		    errno != EINTR)
			return err_errno(e, ERR_IO, errno, "xmpp.line", "poll");
		if (p[1].revents != 0 && w->give_up(w->ctx))
			return broken(e, "the outlet is closed");
		if (p[0].revents != 0)
			return 0;
	}
}

/* ---- a connection -------------------------------------------------------- */

static int
take_apart(const char *server, const char *def_port, char *host, char *port,
	   struct err *e)
{
	struct slice s = slice_c(server), p = slice_c(def_port);
	size_t colon = SIZE_MAX;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == ':')
			colon = i;
	}
	if (s.n > 0 && s.p[0] == '[') {
		size_t end = slice_find(s, ']');

		if (end != SIZE_MAX && end + 1 < s.n && s.p[end + 1] == ':')
			p = slice_from(s, end + 2);
		s = slice_sub(s, 1, end == SIZE_MAX ? 0 : end - 1);
	} else if (colon != SIZE_MAX && colon == slice_find(s, ':')) {
		p = slice_from(s, colon + 1);
		s = slice_sub(s, 0, colon);
	}
	if (s.n == 0 || s.n >= HOST_MAX || p.n == 0 || p.n >= PORT_MAX)
		return err_set(e, ERR_CONFIG, "xmpp.line",
			       "\"%.100s\" is no server", server);
	(void)snprintf(host, HOST_MAX, "%.*s", SLICE_ARG(s));
	(void)snprintf(port, PORT_MAX, "%.*s", SLICE_ARG(p));
	return 0;
}

static int
connect_to(struct tls_line *l, const struct addrinfo *ai,
	   const struct tls_wait *w, struct err *e)
{
	int on = 1, rc = 0;
	socklen_t n = sizeof(rc);

	l->fd = socket(ai->ai_family,
		       ai->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (l->fd < 0)
		return err_errno(e, ERR_IO, errno, "xmpp.line", "socket");
	(void)setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	l->loopback = loopback_is(ai->ai_addr);
	if (connect(l->fd, ai->ai_addr, ai->ai_addrlen) < 0)
		rc = errno;
	if (rc == EINPROGRESS) {
		if (tls_line_await(l, POLLOUT, w, e) < 0)
			return -1;
		if (getsockopt(l->fd, SOL_SOCKET, SO_ERROR, &rc, &n) < 0)
			rc = errno;
	}
	if (rc != 0)
		return err_errno(e, ERR_UNAVAILABLE, rc, "xmpp.line",
				 "no connection to the server");
	return 0;
}

int
tls_line_connect(struct tls_line *l, const char *server, const char *def_port,
		 const struct tls_wait *w, struct err *e)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *all = NULL;
	char host[HOST_MAX], port[PORT_MAX];
	int rc, done = -1;

	*l = (struct tls_line){ .fd = -1 };
	if (take_apart(server, def_port, host, port, e) < 0)
		return -1;
	rc = getaddrinfo(host, port, &hints, &all);
	if (rc != 0)
		return err_sys(e, ERR_UNAVAILABLE, rc, "xmpp.line",
			       "%.100s: %s", host, gai_strerror(rc));
	for (const struct addrinfo *ai = all; ai != NULL && done < 0;
	     ai = ai->ai_next) {
		tls_line_close(l);
		done = connect_to(l, ai, w, e);
	}
	freeaddrinfo(all);
	if (done < 0)
		tls_line_close(l);
	return done;
}

/* ---- TLS ----------------------------------------------------------------- */

static int
tls_failed(struct tls_line *l, int rc, struct err *e)
{
	gnutls_datum_t why = { NULL, 0 };
	unsigned status = gnutls_session_get_verify_cert_status(l->tls);

	if ((rc == GNUTLS_E_CERTIFICATE_ERROR ||
	     rc == GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR) &&
	    gnutls_certificate_verification_status_print(
		status, GNUTLS_CRT_X509, &why, 0) == 0) {
		(void)err_sys(e, ERR_AUTH, rc, "xmpp.tls",
			      "the server's certificate does not fit: %.150s",
			      (const char *)why.data);
		gnutls_free(why.data);
		return -1;
	}
	return err_sys(e, ERR_UNAVAILABLE, rc, "xmpp.tls", "TLS: %s",
		       gnutls_strerror(rc));
}

int
tls_line_trust(const char *ca_file, gnutls_certificate_credentials_t *out,
	       struct err *e)
{
	int rc = gnutls_certificate_allocate_credentials(out);

	if (rc < 0) {
		*out = NULL;
		return err_set(e, ERR_NOMEM, "xmpp.tls", "no memory");
	}
	rc = ca_file[0] == '\0' ? gnutls_certificate_set_x509_system_trust(*out)
				: gnutls_certificate_set_x509_trust_file(
				      *out, ca_file, GNUTLS_X509_FMT_PEM);
	if (rc > 0 || (rc == 0 && ca_file[0] == '\0'))
		return 0;
	gnutls_certificate_free_credentials(*out);
	*out = NULL;
	return err_sys(e, ERR_CONFIG, rc, "xmpp.tls",
		       "no certificates to trust can be read from "
		       "\"%.100s\"",
		       ca_file);
}

static int
prepare(struct tls_line *l, const char *host,
	gnutls_certificate_credentials_t trust, struct err *e)
{
	int rc = gnutls_init(&l->tls, GNUTLS_CLIENT | GNUTLS_NONBLOCK |
					  GNUTLS_NO_SIGNAL);

	if (rc >= 0)
		rc = gnutls_priority_set_direct(l->tls, PRIORITY, NULL);
	if (rc >= 0)
		rc = gnutls_credentials_set(l->tls, GNUTLS_CRD_CERTIFICATE,
					    trust);
	if (rc >= 0)
		rc = gnutls_server_name_set(l->tls, GNUTLS_NAME_DNS, host,
					    strlen(host));
	if (rc < 0)
		return err_sys(e, ERR_UNAVAILABLE, rc, "xmpp.tls", "TLS: %s",
			       gnutls_strerror(rc));
	gnutls_session_set_verify_cert(l->tls, host, 0);
	gnutls_transport_set_int(l->tls, l->fd);
	return 0;
}

int
tls_line_tls_by(struct tls_line *l, const char *host,
		gnutls_certificate_credentials_t trust,
		const struct tls_wait *w, struct err *e)
{
	int rc;

	if (prepare(l, host, trust, e) < 0)
		return -1;
	while ((rc = gnutls_handshake(l->tls)) < 0) {
		short events =
		    gnutls_record_get_direction(l->tls) == 1 ? POLLOUT : POLLIN;

		if (gnutls_error_is_fatal(rc))
			return tls_failed(l, rc, e);
		if (rc == GNUTLS_E_AGAIN && tls_line_await(l, events, w, e) < 0)
			return -1;
	}
	return 0;
}

int
tls_line_tls(struct tls_line *l, const char *domain, const char *ca_file,
	     const struct tls_wait *w, struct err *e)
{
	if (tls_line_trust(ca_file, &l->cred, e) < 0)
		return -1;
	return tls_line_tls_by(l, domain, l->cred, w, e);
}

/* ---- bytes --------------------------------------------------------------- */

static enum tls_io
tls_result(ssize_t rc, size_t *n)
{
	if (rc > 0) {
		*n = (size_t)rc;
		return TLS_IO_DONE;
	}
	if (rc == 0 || rc == GNUTLS_E_PREMATURE_TERMINATION)
		return TLS_IO_END;
	return gnutls_error_is_fatal((int)rc) ? TLS_IO_BROKEN : TLS_IO_AGAIN;
}

static enum tls_io
plain_result(ssize_t rc, size_t *n)
{
	if (rc > 0) {
		*n = (size_t)rc;
		return TLS_IO_DONE;
	}
	if (rc == 0)
		return TLS_IO_END;
	return errno == EAGAIN || errno == EINTR ? TLS_IO_AGAIN : TLS_IO_BROKEN;
}

enum tls_io
tls_line_read(struct tls_line *l, char *p, size_t cap, size_t *n)
{
	enum tls_io io;

	*n = 0;
	if (l->tls == NULL)
		return plain_result(recv(l->fd, p, cap, 0), n);
	io = tls_result(gnutls_record_recv(l->tls, p, cap), n);
	l->want_write =
	    io == TLS_IO_AGAIN && gnutls_record_get_direction(l->tls) == 1;
	return io;
}

/* A write that GnuTLS took in part has to be repeated with the same bytes: the
   caller keeps them in front until they are gone. */
enum tls_io
tls_line_write(struct tls_line *l, struct slice s, size_t *n)
{
	enum { PIECE = 16384 };

	*n = 0;
	s = slice_sub(s, 0, PIECE);
	if (l->tls == NULL)
		return plain_result(send(l->fd, s.p, s.n, MSG_NOSIGNAL), n);
	return tls_result(gnutls_record_send(l->tls, s.p, s.n), n);
}

bool
tls_line_pending(const struct tls_line *l)
{
	return l->tls != NULL && gnutls_record_check_pending(l->tls) > 0;
}

void
tls_line_close(struct tls_line *l)
{
	if (l->tls != NULL) {
		(void)gnutls_bye(l->tls, GNUTLS_SHUT_WR);
		gnutls_deinit(l->tls);
	}
	if (l->cred != NULL)
		gnutls_certificate_free_credentials(l->cred);
	if (l->fd >= 0)
		(void)close(l->fd);
	*l = (struct tls_line){ .fd = -1 };
}
