#include "tests/syncml/secrets.h"

static int
verify(struct sml_secrets *s, int64_t account, int64_t gen, struct slice hash,
       struct slice password, bool *ok, struct err *e)
{
	(void)s;
	(void)account;
	(void)gen;
	(void)e;
	*ok = hash.n > 0 && slice_eq(hash, password);
	return 0;
}

static int
unseal(struct sml_secrets *s, struct arena *a, struct slice sealed,
       struct slice *clear, struct err *e)
{
	(void)s;
	(void)e;
	*clear = arena_copy(a, sealed);
	return 0;
}

static int64_t
no_wait(struct sml_secrets *s, struct slice peer, struct slice user,
	struct slice dev)
{
	(void)s;
	(void)peer;
	(void)user;
	(void)dev;
	return 0;
}

static void
note(struct sml_secrets *s, struct slice peer, struct slice user,
     struct slice dev)
{
	(void)s;
	(void)peer;
	(void)user;
	(void)dev;
}

static unsigned
tries(struct sml_secrets *s, struct slice peer, struct slice user,
      struct slice dev)
{
	note(s, peer, user, dev);
	return 0;
}

struct sml_secrets
plain_secrets(void)
{
	return (struct sml_secrets){
		.verify = verify,
		.unseal = unseal,
		.node_key = SLICE_LIT("0123456789abcdef0123456789abcdef"),
		.wait_ms = no_wait,
		.failed = note,
		.passed = note,
		.tries = tries,
	};
}
