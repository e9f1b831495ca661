#include "base/random.h"

#include <sodium.h>
#include <string.h>

static void
system_fill(struct rnd *r, void *p, size_t n)
{
	(void)r;
	randombytes_buf(p, n);
}

struct rnd rnd_system = { system_fill };

static void
seeded_fill(struct rnd *r, void *p, size_t n)
{
	struct rnd_seeded *s = (struct rnd_seeded *)r;
	unsigned char seed[randombytes_SEEDBYTES] = { 0 };

	memcpy(seed, &s->seed, sizeof(s->seed));
	memcpy(seed + sizeof(s->seed), &s->count, sizeof(s->count));
	s->count++;
	randombytes_buf_deterministic(p, n, seed);
}

void
rnd_seed(struct rnd_seeded *r, uint64_t seed)
{
	*r = (struct rnd_seeded){ .r = { seeded_fill }, .seed = seed };
}

void
rnd_text(struct rnd *r, char *out, size_t n)
{
	static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				  "abcdefghijklmnopqrstuvwxyz0123456789";
	size_t i = 0;

	/* 248 = 4 * 62: larger bytes would favour the first letters. */
	while (i + 1 < n) {
		unsigned char b;

		r->fill(r, &b, 1);
		if (b < 248)
			out[i++] = set[b % 62];
	}
	out[i] = '\0';
}
