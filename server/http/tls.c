#include "server/http/tls.h"

#include <errno.h>
#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <sodium.h>
#include <stdlib.h>
#include <unistd.h>

enum { TLS_FILE_MAX = 1 << 20, TLS_CHAIN_MAX = 16 };

/* The whole file as a string, or NULL with *e filled. */
static char *
slurp(const char *key, const char *path, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *text = NULL;
	size_t n = 0;
	ssize_t got = -1;

	if (fd >= 0)
		text = calloc(1, TLS_FILE_MAX + 1);
	while (text != NULL && n < TLS_FILE_MAX &&
	       (got = read(fd, text + n, TLS_FILE_MAX - n)) > 0)
		n += (size_t)got;
	if (fd >= 0)
		(void)close(fd);
	if (text != NULL && got == 0)
		return text;
	if (n == TLS_FILE_MAX)
		errno = EFBIG;
	(void)err_errno(e, ERR_CONFIG, errno, "tls", "cannot read %s %s", key,
			path);
	free(text);
	return NULL;
}

static int
wrong(int rc, const char *what, const char *path, struct err *e)
{
	return err_sys(e, ERR_CONFIG, rc, "tls", "%s %s cannot be used: %s",
		       what, path, gnutls_strerror(rc));
}

static int
try_priority(const char *key, const char *text, struct err *e)
{
	gnutls_priority_t p = NULL;
	const char *at = text;
	int rc = gnutls_priority_init(&p, text, &at);

	if (rc == GNUTLS_E_SUCCESS) {
		gnutls_priority_deinit(p);
		return 0;
	}
	return err_sys(e, ERR_CONFIG, rc, "tls",
		       "%s is no priority string of GnuTLS; the mistake is at "
		       "\"%.60s\"",
		       key, at);
}

static int
expiry(const struct srv_conf *conf, struct srv_tls *t, struct err *e)
{
	gnutls_datum_t d = { (unsigned char *)t->cert,
			     (unsigned)strlen(t->cert) };
	gnutls_x509_crt_t crt[TLS_CHAIN_MAX];
	unsigned n = TLS_CHAIN_MAX;
	int rc =
	    gnutls_x509_crt_list_import(crt, &n, &d, GNUTLS_X509_FMT_PEM, 0);

	if (rc < 0)
		return wrong(rc, "tls_cert", conf->tls_cert, e);
	if (n > 0)
		t->expires_s = gnutls_x509_crt_get_expiration_time(crt[0]);
	for (unsigned i = 0; i < n; i++)
		gnutls_x509_crt_deinit(crt[i]);
	return 0;
}

static int
try_pair(const struct srv_conf *conf, struct srv_tls *t, struct err *e)
{
	gnutls_certificate_credentials_t cred = NULL;
	gnutls_datum_t c = { (unsigned char *)t->cert,
			     (unsigned)strlen(t->cert) };
	gnutls_datum_t k = { (unsigned char *)t->key,
			     (unsigned)strlen(t->key) };
	int rc = gnutls_certificate_allocate_credentials(&cred);

	if (rc < 0)
		return wrong(rc, "tls_cert", conf->tls_cert, e);
	rc = gnutls_certificate_set_x509_key_mem(cred, &c, &k,
						 GNUTLS_X509_FMT_PEM);
	gnutls_certificate_free_credentials(cred);
	if (rc == GNUTLS_E_CERTIFICATE_KEY_MISMATCH)
		return err_sys(e, ERR_CONFIG, rc, "tls",
			       "tls_key %s is not the key of tls_cert %s",
			       conf->tls_key, conf->tls_cert);
	if (rc < 0)
		return wrong(rc, "tls_key", conf->tls_key, e);
	return 0;
}

int
srv_tls_load(const struct srv_conf *conf, struct srv_tls *out, struct err *e)
{
	struct srv_tls t = { 0 };

	if (try_priority("tls_priority", conf->tls_priority, e) != 0 ||
	    try_priority("tls_priority_old", conf->tls_priority_old, e) != 0)
		return -1;
	t.cert = slurp("tls_cert", conf->tls_cert, e);
	t.key = t.cert == NULL ? NULL : slurp("tls_key", conf->tls_key, e);
	if (t.key == NULL || expiry(conf, &t, e) != 0 ||
	    try_pair(conf, &t, e) != 0) {
		srv_tls_free(&t);
		return -1;
	}
	*out = t;
	return 0;
}

void
srv_tls_free(struct srv_tls *t)
{
	if (t->key != NULL)
		sodium_memzero(t->key, strlen(t->key));
	free(t->key);
	free(t->cert);
	*t = (struct srv_tls){ 0 };
}
