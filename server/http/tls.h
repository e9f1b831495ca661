/*
 * Certificate, key and priority string, read and tried before a listener gets
 * them, so that a mistake is one plain sentence and not a dead port.
 */
#ifndef SERVER_HTTP_TLS_H
#define SERVER_HTTP_TLS_H

#include "server/conf.h"

struct srv_tls {
	char *cert, *key; /* PEM; freed by srv_tls_free */
	int64_t expires_s;
};

/* Both files; ERR_CONFIG when one cannot be used or they do not belong
   together. */
int srv_tls_load(const struct srv_conf *conf, struct srv_tls *out,
		 struct err *e);
/* Wipes the key. */
void srv_tls_free(struct srv_tls *t);

#endif
