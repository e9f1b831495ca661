/*
 * A TCP connection that may change to TLS, for the XMPP stream and the IMAP
 * line. It never blocks but for looking up a name; who waits is told by a
 * descriptor when to give up.
 */
#ifndef BACKENDS_LINE_H
#define BACKENDS_LINE_H

#include "base/err.h"
#include "base/slice.h"

#include <gnutls/gnutls.h>

struct tls_line {
	int fd; /* -1: none */
	gnutls_session_t tls;
	gnutls_certificate_credentials_t cred; /* NULL: none of its own */
	bool loopback;
	bool want_write; /* TLS wants to write before it can read */
};

/* Who waits: until the time (clk_mono_ms), or until give_up says so. */
struct tls_wait {
	int64_t until_ms;
	int wake; /* readable: ask give_up; -1: nobody gives up */
	bool (*give_up)(void *ctx);
	void *ctx;
};

/* "host:port", "[::1]:port", "host"; def_port where there is none. */
int tls_line_connect(struct tls_line *l, const char *server,
		     const char *def_port, const struct tls_wait *w,
		     struct err *e);

/* Until the socket is ready for `events` of poll(). */
int tls_line_await(const struct tls_line *l, short events,
		   const struct tls_wait *w, struct err *e);

/* Certificates that may vouch (PEM; "": those that the system trusts), to be
   freed by who asked. */
int tls_line_trust(const char *ca_file, gnutls_certificate_credentials_t *out,
		   struct err *e);

/* TLS 1.2 at least, with a certificate for `host` that one of `trust` vouches
   for; trust outlives the line. */
int tls_line_tls_by(struct tls_line *l, const char *host,
		    gnutls_certificate_credentials_t trust,
		    const struct tls_wait *w, struct err *e);

/* TLS 1.2 at least, with a certificate for `domain` that the file (""; the
   system) vouches for. */
int tls_line_tls(struct tls_line *l, const char *domain, const char *ca_file,
		 const struct tls_wait *w, struct err *e);

enum tls_io { TLS_IO_DONE, TLS_IO_AGAIN, TLS_IO_END, TLS_IO_BROKEN };

enum tls_io tls_line_read(struct tls_line *l, char *p, size_t cap, size_t *n);
enum tls_io tls_line_write(struct tls_line *l, struct slice s, size_t *n);

/* Bytes that came already, which poll() does not know of. */
bool tls_line_pending(const struct tls_line *l);

void tls_line_close(struct tls_line *l);

#endif
