/*
 * Letters: what a phone gives, and what leaves by SMTP. The first byte chooses.
 * Whatever it gives, nobody gets the letter whom To, Cc and Bcc do not name, it
 * comes from the account, lines end with CR LF alone, the head is made of
 * fields, Bcc stays here, and the body is the phone's.
 */
#include "pim/mail.h"
#include "server/mail/inside.h"
#include "tests/fuzz/fuzz.h"

/* ---- a reader of heads, other than the one that is tested ---------------- */

struct field {
	struct slice name, value; /* the value with its line ends */
};

/* The next field of lines that end with CR LF; false: the head is over. */
static bool
next_field(struct slice *rest, struct field *f)
{
	size_t end = 0, colon;
	struct slice s = *rest;

	if (s.n == 0 || slice_starts(s, "\r\n"))
		return false;
	do {
		size_t lf = slice_find(slice_from(s, end), '\n');

		end = lf == SIZE_MAX ? s.n : end + lf + 1;
	} while (end < s.n && (s.p[end] == ' ' || s.p[end] == '\t'));
	*rest = slice_from(s, end);
	s = slice_sub(s, 0, end);
	colon = slice_find(s, ':');
	f->name = slice_trim(slice_sub(s, 0, colon == SIZE_MAX ? 0 : colon));
	f->value = colon == SIZE_MAX ? s : slice_from(s, colon + 1);
	return true;
}

static bool
holds(struct slice s, struct slice what)
{
	for (size_t i = 0; i + what.n <= s.n; i++) {
		if (memcmp(s.p + i, what.p, what.n) == 0)
			return true;
	}
	return false;
}

/* ---- what must hold ------------------------------------------------------ */

static bool
names(struct slice value, struct slice address)
{
	/* A comment may stand in the middle of an address. */
	return slice_find(value, '(') != SIZE_MAX || holds(value, address);
}

static void
check_recipients(const struct mail_letter *l, struct slice given)
{
	FUZZ_CHECK(l->to_n > 0 && l->to_n <= SUBMIT_RECIPIENTS_MAX);
	for (size_t i = 0; i < l->to_n; i++) {
		struct slice to = slice_c(l->to[i]), rest = given;
		struct field f;
		bool named = false;

		FUZZ_CHECK(submit_address_ok(to));
		while (next_field(&rest, &f)) {
			if (slice_is_nocase(f.name, "To") ||
			    slice_is_nocase(f.name, "Cc") ||
			    slice_is_nocase(f.name, "Bcc"))
				named |= names(f.value, to);
		}
		FUZZ_CHECK(named);
	}
}

static void
check_lines(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		FUZZ_CHECK(s.p[i] != '\0');
		FUZZ_CHECK(s.p[i] != '\n' || (i > 0 && s.p[i - 1] == '\r'));
		FUZZ_CHECK(s.p[i] != '\r' ||
			   (i + 1 < s.n && s.p[i + 1] == '\n'));
	}
}

static bool
well_formed(struct slice name)
{
	for (size_t i = 0; i < name.n; i++) {
		if (name.p[i] <= ' ' || name.p[i] >= 0x7f || name.p[i] == ':')
			return false;
	}
	return name.n > 0;
}

/* Gives the body, with the empty line before it. */
static struct slice
check_head(const struct mail_letter *l, bool keep_bcc)
{
	struct slice rest = l->bytes;
	struct field f;
	unsigned from = 0, date = 0, id = 0;

	while (next_field(&rest, &f)) {
		FUZZ_CHECK(well_formed(f.name));
		FUZZ_CHECK(keep_bcc || !slice_is_nocase(f.name, "Bcc"));
		FUZZ_CHECK(!slice_is_nocase(f.name, "Sender"));
		FUZZ_CHECK(!slice_is_nocase(f.name, "Return-Path"));
		FUZZ_CHECK(!slice_starts_nocase(f.name, "Resent-"));
		date += slice_is_nocase(f.name, "Date");
		id += slice_is_nocase(f.name, "Message-ID");
		if (slice_is_nocase(f.name, "From")) {
			struct slice own = slice_c(l->from);

			from++;
			FUZZ_CHECK(holds(f.value, own) ||
				   slice_find(f.value, '(') != SIZE_MAX ||
				   own.n == strlen("ann@example.org"));
		}
	}
	FUZZ_CHECK(from == 1 && date >= 1 && id >= 1);
	FUZZ_CHECK(slice_starts(rest, "\r\n"));
	return rest;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = fuzz_input(data, size), given;
	unsigned how = fuzz_byte(&in);
	bool keep_bcc = (how & 1) != 0;
	struct arena *a = arena_new(64U << 20);
	struct store_mail_login login = {
		.addresses = SLICE_LIT("ann@example.org a.n@example.net"),
		.user = SLICE_LIT("ann"),
	};
	struct store_mail_effect f = { .written_ms = 1795284262000,
				       .message_id = SLICE_LIT("x@y") };
	struct mail_letter l;
	struct pim_item *it;
	struct field skip;
	struct err e = { .code = ERR_NONE };

	if (a == NULL)
		return 0;
	/* As a session writes it down: what it read, else one of its own. */
	FUZZ_CHECK(pim_mail_item(a, in, (int64_t)in.n, &it, &e) == 0);
	if (it->mail->message_id.n > 0)
		f.message_id = it->mail->message_id;
	given = mail_crlf(a, in);
	FUZZ_CHECK(given.p != NULL);
	if (mail_letter(a, &login, &f, in, keep_bcc, &l, &e) == 0) {
		check_recipients(&l, given);
		check_lines(l.bytes);
		FUZZ_CHECK(strcmp(l.from, "ann@example.org") == 0 ||
			   strcmp(l.from, "a.n@example.net") == 0);
		while (next_field(&given, &skip))
			;
		in = check_head(&l, keep_bcc);
		FUZZ_CHECK(given.n == 0 || slice_eq(in, given));
	} else {
		FUZZ_CHECK(e.code == ERR_PARSE);
		FUZZ_CHECK(slice_utf8_ok(slice_c(e.msg)) || e.msg[0] != '\0');
	}
	fuzz_arena_end(&a);
	return 0;
}
