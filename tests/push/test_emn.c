/* E-mail notifications, octet by octet. */
#include "server/push/emn.h"

#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

/* 2009-05-12T06:30:00Z */
enum { WHEN_S = 1242109800 };

static void
is(const char *mailbox, int64_t at_ms, const char *hex)
{
	struct arena *a = arena_new(1 << 20);
	struct buf b = BUF_IN(a);
	struct slice out;

	assert_non_null(a);
	assert_int_equal(srv_push_emn(a, slice_c(mailbox), at_ms, &out, NULL),
			 0);
	for (size_t i = 0; i < out.n; i++)
		buf_printf(&b, "%02x", (unsigned char)out.p[i]);
	buf_byte(&b, 0);
	assert_true(buf_ok(&b));
	assert_string_equal(b.p, hex);
	arena_free(&a);
}

/* The reference's own. */
static void
examples(void **state)
{
	(void)state;
	is("mailat:anna@example.com", WHEN_S * INT64_C(1000),
	   "020d6a00850703616e6e61406578616d706c65008505c306200905120630"
	   "01");
	is("imap://anna@example.com/INBOX", (WHEN_S + 15) * INT64_C(1000) + 999,
	   "020d6a00850903616e6e61406578616d706c650085032f494e424f580005"
	   "c3072009051206301501");
}

/* What would end the attribute, were it not escaped, stays in it. */
static void
mark_up(void **state)
{
	(void)state;
	is("mailat:a\"&<>'@b.org", WHEN_S * INT64_C(1000),
	   "020d6a0085070361"
	   "22263c3e27"
	   "4062008805c30620090512063001");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(examples),
		cmocka_unit_test(mark_up),
	};

	return cmocka_run_group_tests_name("emn", tests, NULL, NULL);
}
