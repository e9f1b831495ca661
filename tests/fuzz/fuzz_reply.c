/*
 * What people answer to a reminder, and what their events say: an answer means
 * a moment that is still to come and less than a good year away, or none; a
 * line of a reminder is UTF-8, short, and without control characters.
 */
#include "server/alarms/reply.h"
#include "server/alarms/words.h"
#include "tests/fuzz/fuzz.h"

static void
is_soon(const struct srv_reply *r, int64_t now)
{
	if (r->kind != SRV_REPLY_SNOOZE && r->kind != SRV_REPLY_MUTE)
		return;
	FUZZ_CHECK(r->at_ms > now);
	FUZZ_CHECK(r->at_ms - now <= INT64_C(367) * 86400 * 1000);
}

static void
is_line(struct slice s, size_t max)
{
	FUZZ_CHECK(s.p != NULL && s.n <= max && slice_utf8_ok(s));
	for (size_t i = 0; i < s.n; i++) {
		FUZZ_CHECK((unsigned char)s.p[i] >= ' ' && s.p[i] != 0x7f);
		FUZZ_CHECK(i == 0 || s.p[i] != ' ' || s.p[i - 1] != ' ');
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const char *const zone[] = { "Europe/Berlin", "Pacific/Apia",
					    "nowhere" };
	struct slice in = { (const char *)data, n };
	struct arena *a = arena_new(16 << 20);
	int64_t now = INT64_C(1772440200000); /* 2026-03-02T08:30:00Z */

	FUZZ_CHECK(a != NULL);
	for (size_t i = 0; i < 3; i++) {
		struct srv_reply r =
		    srv_reply_read(in, slice_c(zone[i]), (int)i * 8, now);

		is_soon(&r, now);
	}
	is_line(srv_say_line(a, in, 60), 60);
	arena_free(&a);
	return 0;
}
