/*
 * Request bodies with Content-Encoding gzip or deflate (Funambol's clients).
 */
#ifndef SERVER_HTTP_INFLATE_H
#define SERVER_HTTP_INFLATE_H

#include "base/arena.h"
#include "base/err.h"

/*
 * gzip, zlib or bare deflate, told apart by their first bytes.
 *
 * max_bytes  of the result: beyond it ERR_LIMIT
 *
 * ERR_PARSE: damaged, cut off, or something follows the end.
 */
int srv_inflate(struct arena *a, struct slice in, size_t max_bytes,
		struct slice *out, struct err *e);

#endif
