/*
 * Limits of messages, objects and memory, each one below, at and above it.
 */
#include "tests/syncml/raw.h"

/* ---- messages that go out ------------------------------------------------ */

/* As many as fill a message of the largest size. */
static void
large_messages(void **state)
{
	enum { N = 120, NOTE = 10000 };
	static struct phone one, two;
	char *note = arena_alloc(bench.a, NOTE + 64);
	char name[32];

	(void)state;
	assert_non_null(note);
	(void)snprintf(note, NOTE + 64, "NOTE:%0*d\r\n", NOTE, 7);
	phone_init(&one, &bench, "IMEI:1");
	for (int i = 0; i < N; i++) {
		(void)snprintf(name, sizeof(name), "Name%d", i);
		(void)phone_add(&one, card(&bench, name, "+491", note));
	}
	one.per_msg = 20;
	assert_true(phone_sync(&one, 201));
	for (int more = -1; more <= 1; more++) {
		size_t most =
		    (size_t)(SML_MSG_BYTES_MAX + (more < 0 ? more : 0));

		(void)snprintf(name, sizeof(name), "IMEI:2%d", more + 1);
		phone_init(&two, &bench, arena_printf(bench.a, "%s", name).p);
		two.max_msg = SML_MSG_BYTES_MAX + more;
		assert_true(phone_sync(&two, 201));
		assert_int_equal(phone_live(&two), N);
		assert_true((size_t)two.largest <= most);
		assert_true((size_t)two.largest > most - 2 * NOTE);
	}
}

/* What we say that we take, in the first answer. */
static void
announced_size(void **state)
{
	struct raw r;

	(void)state;
	for (int more = -1; more <= 1; more++) {
		open_raw(&r, "IMEI:1", more < 0 ? "1" : more == 0 ? "2" : "3");
		bench.conf.max_msg_bytes = SML_MSG_BYTES_OWN + more;
		(void)post(&r, CRED | FINAL);
		assert_int_equal(r.m->hdr.meta.max_msg_size,
				 SML_MSG_BYTES_OWN + more);
	}
}

/* ---- objects that come in ------------------------------------------------ */

/* An object of n bytes in pieces; the Status of the last one. */
static int
object(struct raw *r, int n)
{
	enum { PIECE = 1000000 };
	struct buf b = BUF_IN(bench.a);
	struct slice rest;
	int code = 213;

	buf_str(&b, "BEGIN:VCARD\r\nVERSION:3.0\r\nN:X;;;;\r\nFN:X\r\nNOTE:");
	while (b.n < (size_t)n - 11)
		buf_byte(&b, 'x');
	buf_str(&b, "END:VCARD\r\n");
	assert_int_equal(b.n, n);
	rest = buf_slice(&b);
	open_raw(r, "IMEI:1", "1");
	bench.now += SML_SESSION_IDLE_MS + 1;
	alert(r, 201, "contacts", NULL, "n1");
	(void)post(r, FINAL | CRED);
	for (int first = 1; rest.n > 0 && code == 213; first = 0) {
		size_t part = rest.n < PIECE ? rest.n : (size_t)PIECE;

		if (first != 0)
			answer_all(r, 200);
		sync_open(r, "contacts");
		piece(r, "1", first != 0 ? n : 0, slice_sub(rest, 0, part),
		      part < rest.n);
		sync_close(r);
		rest = slice_from(rest, part);
		(void)post(r, 0);
		code = code_of(r->m, "Add");
	}
	return code;
}

static void
large_objects(void **state)
{
	struct raw r;

	(void)state;
	bench.conf.max_obj_bytes = SML_OBJ_BYTES_MAX;
	assert_int_equal(object(&r, SML_OBJ_BYTES_MAX - 1), 201);
	assert_int_equal(object(&r, SML_OBJ_BYTES_MAX), 201);
	assert_int_equal(object(&r, SML_OBJ_BYTES_MAX + 1), 416);
}

/* A note of n bytes in a card with this number. */
static const char *
with_note(const char *tel, size_t n, char fill)
{
	struct buf b = BUF_IN(bench.a);

	buf_str(&b, "NOTE:");
	while (b.n < n)
		buf_byte(&b, (unsigned char)fill);
	buf_str(&b, "\r\n");
	return card(&bench, "A", tel, arena_cstr(bench.a, buf_slice(&b)));
}

/* Two edits of one object that meet: what takes the most memory. */
static void
large_object_merged(void **state)
{
	/* The phone sends it in one message. */
	enum { N = 7000000 };
	static struct phone one, two;
	struct phone_item *it;

	(void)state;
	bench.conf.max_obj_bytes = N + 200;
	assert_true(N * (int64_t)SML_ARENA_OBJECTS > SML_ARENA_BYTES_MAX);
	phone_init(&one, &bench, "IMEI:1");
	phone_init(&two, &bench, "IMEI:2");
	one.max_msg = two.max_msg = SML_MSG_BYTES_MAX;
	it = phone_add(&one, with_note("+1", N, 'x'));
	assert_true(phone_sync(&one, 201));
	assert_true(phone_sync(&two, 201));
	phone_edit(it, with_note("+2", N, 'x'), &one);
	phone_edit(phone_find(&two, "FN:A"), with_note("+1", N, 'y'), &two);
	assert_true(phone_sync(&one, 200));
	assert_true(phone_sync(&two, 200));
	assert_true(phone_sync(&one, 200));
	assert_int_equal(one.bad_status + two.bad_status, 0);
	assert_non_null(phone_find(&one, "+2"));
	assert_non_null(phone_find(&one, "yyy"));
	assert_non_null(phone_find(&two, "+2"));
}

/* ---- memory -------------------------------------------------------------- */

static void
memory_of_a_request(void **state)
{
	enum { HEAD = 64 }; /* what the arena spends on a block */

	(void)state;
	for (int more = -1; more <= 1; more++) {
		struct arena *a = arena_new(SML_ARENA_BYTES_MAX);
		size_t used;

		assert_non_null(a);
		used = arena_used(a);
		assert_true(
		    (arena_alloc(a, (size_t)(SML_ARENA_BYTES_MAX + more)) !=
		     NULL) == (more <= 0));
		assert_true(arena_used(a) - used <=
			    (size_t)SML_ARENA_BYTES_MAX + HEAD);
		arena_free(&a);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(large_messages),      T(announced_size),
		T(large_objects),       T(large_object_merged),
		T(memory_of_a_request),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
