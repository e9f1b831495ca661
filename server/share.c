#include "server/share.h"

#include "base/clock.h"

void
srv_share_begin(struct srv_share *sh)
{
	memset(sh->mine, 0, sizeof(sh->mine));
	sh->taken_mono = INT64_MIN;
}

int64_t
srv_share_wait_ms(const struct srv_share *sh)
{
	int64_t ms = sh->taken_mono == INT64_MIN
			 ? 0
			 : sh->taken_mono + SRV_SHARE_RENEW_MS - clk_mono_ms();

	return ms < 0 ? 0 : ms;
}

bool
srv_share_due(const struct srv_share *sh)
{
	return srv_share_wait_ms(sh) == 0;
}

int
srv_share_take(struct srv_share *sh, bool *moved, struct err *e)
{
	bool had[STORE_BUCKETS];

	memcpy(had, sh->mine, sizeof(had));
	/* What a dead run of this node still holds. */
	if (sh->before.n > 0 &&
	    sh->buckets(sh->store, sh->before, 0, sh->mine, e) < 0)
		return -1;
	sh->before = SLICE_LIT("");
	if (sh->buckets(sh->store, sh->node, SRV_SHARE_LEASE_MS, sh->mine, e) <
	    0)
		return -1;
	sh->taken_mono = clk_mono_ms();
	*moved = memcmp(had, sh->mine, sizeof(had)) != 0;
	return 0;
}

bool
srv_share_lost(struct srv_share *sh)
{
	if (sh->taken_mono == INT64_MIN ||
	    clk_mono_ms() - sh->taken_mono < SRV_SHARE_LEASE_MS)
		return false;
	srv_share_begin(sh);
	return true;
}

void
srv_share_give_back(struct srv_share *sh)
{
	if (sh->taken_mono != INT64_MIN)
		(void)sh->buckets(sh->store, sh->node, 0, sh->mine, NULL);
	srv_share_begin(sh);
}
