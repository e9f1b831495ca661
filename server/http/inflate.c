#include "server/http/inflate.h"

#include "base/buf.h"

#define ZLIB_CONST
#include <zlib.h>

enum { WINDOW_GZIP_OR_ZLIB = 15 + 32, WINDOW_BARE = -15, STEP = 16384 };

/* "deflate" means zlib (RFC 9110), but many send it without the wrapper. */
static int
window_of(struct slice in)
{
	unsigned a = in.n > 1 ? (unsigned char)in.p[0] : 0;
	unsigned b = in.n > 1 ? (unsigned char)in.p[1] : 0;

	if ((a == 0x1F && b == 0x8B) ||
	    ((a & 0x0F) == 8 && a < 0x80 && (a * 256 + b) % 31 == 0))
		return WINDOW_GZIP_OR_ZLIB;
	return WINDOW_BARE;
}

static int
run(z_stream *z, struct buf *b, struct err *e)
{
	int rc = Z_OK;

	while (rc == Z_OK) {
		size_t had = b->n;
		size_t room = b->max - b->n < STEP ? b->max - b->n : STEP;

		if (room == 0)
			return err_set(e, ERR_LIMIT, "inflate",
				       "more than %zu bytes", b->max - 1);
		z->next_out = (void *)buf_room(b, room);
		if (z->next_out == NULL)
			return err_set(e, ERR_NOMEM, "inflate",
				       "out of memory");
		z->avail_out = (uInt)room;
		rc = inflate(z, Z_NO_FLUSH);
		buf_cut(b, had + room - z->avail_out);
	}
	if (rc != Z_STREAM_END || z->avail_in > 0)
		return err_set(e, ERR_PARSE, "inflate", "damaged: zlib says %d",
			       rc);
	if (b->n == b->max)
		return err_set(e, ERR_LIMIT, "inflate", "more than %zu bytes",
			       b->max - 1);
	return 0;
}

int
srv_inflate(struct arena *a, struct slice in, size_t max_bytes,
	    struct slice *out, struct err *e)
{
	struct buf b = { .a = a, .max = max_bytes + 1 };
	z_stream z = { 0 };
	int rc;

	if (in.n > UINT32_MAX || inflateInit2(&z, window_of(in)) != Z_OK)
		return err_set(e, ERR_NOMEM, "inflate", "cannot start zlib");
	z.next_in = (const Bytef *)in.p;
	z.avail_in = (uInt)in.n;
	rc = run(&z, &b, e);
	(void)inflateEnd(&z);
	if (rc == 0)
		*out = buf_slice(&b);
	return rc;
}
