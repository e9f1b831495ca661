/*
 * Numbers inside a BLOB: eight bytes each, big endian.
 */
#ifndef BACKENDS_PACK_H
#define BACKENDS_PACK_H

#include <stdint.h>

static inline void
store_pack(unsigned char *p, uint64_t v)
{
	for (int i = 7; i >= 0; i--) {
		p[i] = (unsigned char)(v & 0xff);
		v >>= 8;
	}
}

static inline uint64_t
store_unpack(const unsigned char *p)
{
	uint64_t v = 0;

	for (int i = 0; i < 8; i++)
		v = v << 8 | p[i];
	return v;
}

#endif
