/*
 * The key file and what is derived from it. Used by secrets.c only.
 */
#ifndef SERVER_SECRETS_KEY_H
#define SERVER_SECRETS_KEY_H

#include "base/err.h"

enum { SRV_KEY_BYTES = 32 };

/*
 * Read the key file, or make one (mode 0600, complete or not at all, also when
 * two processes start at once). ERR_CONFIG when others may read it or it is
 * not 64 hex digits; ERR_IO.
 */
int srv_key_load(const char *path, unsigned char key[static SRV_KEY_BYTES],
		 struct err *e);

#endif
