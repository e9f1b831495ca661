/*
 * Items with pictures for devices that have no room for them: they get the
 * rest, keep their copy true, and take no picture from anybody.
 */
#include "tests/syncml/raw.h"

enum { SMALL = 3000, LARGE = 60000 };

static struct phone one, two;

/* A property of n octets in Base64. */
static const char *
base64(const char *name, size_t n)
{
	struct buf b = BUF_IN(bench.a);

	buf_str(&b, name);
	while (b.n < n)
		buf_str(&b, "QUJD");
	buf_str(&b, "\r\n");
	return arena_cstr(bench.a, buf_slice(&b));
}

static const char *
picture(void)
{
	return base64("PHOTO;ENCODING=b;TYPE=JPEG:", 9000);
}

static bool
holds(const struct phone_item *it, const char *text)
{
	return it != NULL && slice_find_str(it->body, text) != SIZE_MAX;
}

/* The desktop holds what it is given, the phone has small messages. */
static void
start(const char *body)
{
	phone_init(&one, &bench, "IMEI:1");
	phone_init(&two, &bench, "IMEI:2");
	two.max_msg = SMALL;
	two.no_obj = true;
	(void)phone_add(&one, body);
	assert_true(phone_sync(&one, 201));
	assert_true(phone_sync(&two, 201));
}

/* A sync in which the phone is told nothing. */
static void
quiet(struct phone *p, int alert)
{
	assert_true(phone_sync(p, alert));
	assert_int_equal(p->got_add + p->got_replace + p->got_delete, 0);
	assert_int_equal(p->bad_status, 0);
}

static const char *
mine(const struct phone_item *it, const char *was, const char *is)
{
	size_t at = slice_find_str(it->body, was);

	assert_true(at != SIZE_MAX);
	return arena_printf(bench.a, "%.*s%s%.*s",
			    SLICE_ARG(slice_sub(it->body, 0, at)), is,
			    SLICE_ARG(slice_from(it->body, at + strlen(was))))
	    .p;
}

/* S-LARGE-21: the contact comes without its picture; an edit of it, on either
   side, leaves the picture where it is. */
static void
edits_keep_the_picture(void **state)
{
	struct phone_item *it;

	(void)state;
	start(card(&bench, "Anna", "+491", picture()));
	assert_int_equal(phone_live(&two), 1);
	it = phone_find(&two, "Anna");
	assert_true(holds(it, "+491") && !holds(it, "PHOTO"));
	quiet(&two, 200);
	phone_edit(it, mine(it, "+491", "+492"), &two);
	quiet(&two, 200);
	quiet(&two, 200);
	assert_true(phone_sync(&one, 200));
	assert_int_equal(one.got_replace, 1);
	assert_true(holds(phone_find(&one, "+492"), "QUJDQUJD"));
	it = phone_find(&one, "Anna");
	phone_edit(it, mine(it, "+492", "+493"), &one);
	assert_true(phone_sync(&one, 200));
	assert_true(phone_sync(&two, 200));
	assert_int_equal(two.got_replace, 1);
	it = phone_find(&two, "+493");
	assert_true(it != NULL && !holds(it, "PHOTO"));
	quiet(&two, 200);
	quiet(&one, 200);
	phone_delete(it);
	quiet(&two, 200);
	assert_true(phone_sync(&one, 200));
	assert_int_equal(phone_live(&one), 0);
}

/* S-LARGE-21: nothing is doubled by a slow sync, and nothing sent. */
static void
slow_sync_doubles_nothing(void **state)
{
	(void)state;
	start(card(&bench, "Anna", "+491", picture()));
	for (int i = 0; i < 3; i++) {
		quiet(&two, 201);
		assert_int_equal(phone_live(&two), 1);
		assert_int_equal(items_stored(), 1);
	}
	quiet(&two, 200);
	quiet(&one, 200);
	assert_true(holds(phone_find(&one, "Anna"), "QUJDQUJD"));
}

/* S-LARGE-21: who can take more later gets the picture, once. */
static void
more_room_brings_it(void **state)
{
	(void)state;
	start(card(&bench, "Anna", "+491", picture()));
	two.max_msg = SMALL + 500;
	quiet(&two, 200);
	two.max_msg = LARGE;
	assert_true(phone_sync(&two, 200));
	assert_int_equal(two.got_replace, 1);
	assert_true(holds(phone_find(&two, "Anna"), "QUJDQUJD"));
	two.max_msg = SMALL;
	quiet(&two, 200);
	two.max_msg = LARGE;
	quiet(&two, 200);
}

/* It has a picture, and another one is too large for it: it keeps the one it
   has, which does not win over the new one when its user edits the rest. */
static void
an_older_picture_stays(void **state)
{
	struct phone_item *it;

	(void)state;
	start(card(&bench, "Anna", "+491",
		   base64("PHOTO;ENCODING=b;TYPE=JPEG:", 1000)));
	it = phone_find(&two, "Anna");
	assert_true(holds(it, "QUJDQUJD"));
	phone_edit(phone_find(&one, "Anna"),
		   card(&bench, "Anna", "+491",
			base64("PHOTO;ENCODING=b;TYPE=JPEG:R0lG", 9000)),
		   &one);
	assert_true(phone_sync(&one, 200));
	quiet(&two, 200);
	phone_edit(it, mine(it, "+491", "+492"), &two);
	quiet(&two, 200);
	assert_true(phone_sync(&one, 200));
	assert_true(holds(phone_find(&one, "+492"), "R0lGQUJD"));
	two.max_msg = LARGE;
	assert_true(phone_sync(&two, 200));
	assert_true(holds(phone_find(&two, "+492"), "R0lGQUJD"));
	quiet(&two, 200);
	quiet(&one, 200);
}

/* One that joins pieces, and says how much it takes of one item. */
static void
by_max_obj_size(void **state)
{
	static const int most[] = { 3000, 3000, 90000, 3000 };
	struct raw r;

	(void)state;
	phone_init(&one, &bench, "IMEI:1");
	(void)phone_add(&one, card(&bench, "Anna", "+491", picture()));
	assert_true(phone_sync(&one, 201));
	open_raw(&r, "IMEI:3", "0");
	r.max_msg = LARGE;
	for (int i = 0; i < 4; i++) {
		const struct sml_cmd *s;

		r.max_obj = most[i];
		ask(&r,
		    i == 0   ? "1"
		    : i == 1 ? "2"
		    : i == 2 ? "3"
			     : "4",
		    i == 0 ? 201 : 200,
		    i == 0 ? NULL : arena_printf(bench.a, "n%d", i - 1).p,
		    arena_printf(bench.a, "n%d", i).p);
		s = sync_of(r.m);
		assert_int_equal(s->kid_n, i == 0 || i == 2 ? 1 : 0);
		if (s->kid_n == 1)
			assert_int_equal(
			    slice_find_str(s->kids[0].items[0].data, "PHOTO") !=
				SIZE_MAX,
			    i == 2);
		answer_all(&r, i == 0 ? 201 : 200);
		if (i == 0) {
			map_open(&r, "contacts");
			map_item(&r, s->kids[0].items[0].source, "a");
			map_close(&r);
		}
		(void)post(&r, FINAL);
		assert_true(r.m->final);
	}
}

/* What is too large without pictures, too, waits as a whole; the addresses of
   pictures and small ones are no reason. */
static void
what_stays(void **state)
{
	const char *note = base64("NOTE:", 9000);

	(void)state;
	start(card(&bench, "Anna", "+491",
		   arena_printf(bench.a, "%s%s", note, picture()).p));
	(void)phone_add(&one, card(&bench, "Bert", "+492", note));
	(void)phone_add(
	    &one,
	    card(&bench, "Carl", "+493",
		 arena_printf(bench.a,
			      "PHOTO;VALUE=uri:http://example.org/c.jpg\r\n%s",
			      base64("SOUND;ENCODING=b:", 8000))
		     .p));
	assert_true(phone_sync(&one, 200));
	assert_true(phone_sync(&two, 200));
	assert_int_equal(phone_live(&two), 1);
	assert_true(holds(phone_find(&two, "Carl"), "example.org/c.jpg"));
	assert_true(!holds(phone_find(&two, "Carl"), "SOUND"));
	quiet(&two, 200);
	two.max_msg = LARGE;
	assert_true(phone_sync(&two, 200));
	assert_int_equal(phone_live(&two), 3);
	assert_true(holds(phone_find(&two, "Anna"), "QUJDQUJD"));
}

/* The attachment of an event. */
static void
events(void **state)
{
	struct phone_item *it;

	(void)state;
	phone_init(&one, &bench, "IMEI:1");
	phone_init(&two, &bench, "IMEI:2");
	one.db = two.db = "calendar";
	one.type = two.type = "text/calendar";
	two.max_msg = SMALL;
	two.no_obj = true;
	(void)phone_add(
	    &one,
	    arena_printf(bench.a,
			 "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\n"
			 "UID:e1\r\nSUMMARY:Team\r\nDTSTART:20260301T090000Z"
			 "\r\nDTEND:20260301T100000Z\r\n%sEND:VEVENT\r\n"
			 "END:VCALENDAR\r\n",
			 base64("ATTACH;ENCODING=BASE64;VALUE=BINARY:", 9000))
		.p);
	assert_true(phone_sync(&one, 201));
	assert_true(phone_sync(&two, 201));
	it = phone_find(&two, "Team");
	assert_true(it != NULL && !holds(it, "ATTACH"));
	phone_edit(it, mine(it, "Team", "Group"), &two);
	quiet(&two, 200);
	assert_true(phone_sync(&one, 200));
	it = phone_find(&one, "Group");
	assert_true(holds(it, "QUJDQUJD"));
	quiet(&two, 201);
	quiet(&one, 200);
}

/* Broken off at each message: in the end it has it once, without picture. */
static void
broken_on_its_way(void **state)
{
	(void)state;
	for (int msg = 1; msg < 5; msg++) {
		phone_init(&one, &bench, "IMEI:1");
		phone_init(&two, &bench, "IMEI:2");
		two.max_msg = SMALL;
		two.no_obj = true;
		(void)phone_add(&one, card(&bench, "Anna", "+491", picture()));
		assert_true(phone_sync(&one, 201));
		two.lose_reply_of = msg;
		(void)phone_sync(&two, 201);
		two.lose_reply_of = 0;
		assert_true(phone_sync(&two, 200));
		assert_true(phone_sync(&two, 200));
		assert_int_equal(phone_live(&two), 1);
		assert_int_equal(items_stored(), 1);
		quiet(&two, 200);
		two.max_msg = LARGE;
		assert_true(phone_sync(&two, 200));
		assert_true(holds(phone_find(&two, "Anna"), "QUJDQUJD"));
		bench_close(&bench);
		bench_open(&bench);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(edits_keep_the_picture),
		T(slow_sync_doubles_nothing),
		T(more_room_brings_it),
		T(an_older_picture_stays),
		T(by_max_obj_size),
		T(what_stays),
		T(events),
		T(broken_on_its_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
