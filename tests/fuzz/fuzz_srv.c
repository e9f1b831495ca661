/* A name server's answer: bounded, and nothing in it is run over. */
#include "backends/xmpp/srv.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct im_srv v[IM_SRV_MAX];
	struct rnd_seeded rnd;
	size_t n = 0;

	memset(v, 0x55, sizeof(v));
	(void)im_srv_read(data, size, v, &n);
	FUZZ_CHECK(n <= IM_SRV_MAX);
	rnd_seed(&rnd, size);
	im_srv_order(v, n, &rnd.r);
	for (size_t i = 0; i < n; i++) {
		FUZZ_CHECK(memchr(v[i].host, 0, sizeof(v[i].host)) != NULL);
		FUZZ_CHECK(v[i].port <= 65535);
		FUZZ_CHECK(i == 0 || v[i - 1].priority <= v[i].priority);
	}
	return 0;
}
