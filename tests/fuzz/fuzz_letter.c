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
		if (slice_eq_nocase(slice_sub(s, i, what.n), what))
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

static bool
may_leave(struct slice name, bool keep_bcc)
{
	return well_formed(name) &&
	       (keep_bcc || !slice_is_nocase(name, "Bcc")) &&
	       !slice_is_nocase(name, "Sender") &&
	       !slice_is_nocase(name, "Return-Path") &&
	       !slice_starts_nocase(name, "Resent-");
}

/* A comment may stand in the middle of an address. */
static bool
is_ours(const struct mail_letter *l, struct slice from)
{
	return holds(from, slice_c(l->from)) ||
	       slice_find(from, '(') != SIZE_MAX;
}

/* Gives the body, with the empty line before it. */
static struct slice
check_head(const struct mail_letter *l, bool keep_bcc)
{
	struct slice rest = l->bytes;
	struct field f;
	unsigned from = 0, date = 0, id = 0;

	while (next_field(&rest, &f)) {
		FUZZ_CHECK(may_leave(f.name, keep_bcc));
		date += slice_is_nocase(f.name, "Date");
		id += slice_is_nocase(f.name, "Message-ID");
		if (!slice_is_nocase(f.name, "From"))
			continue;
		from++;
		FUZZ_CHECK(is_ours(l, f.value));
	}
	FUZZ_CHECK(from == 1 && date >= 1 && id >= 1);
	FUZZ_CHECK(slice_starts(rest, "\r\n"));
	return rest;
}

static void
check(const struct mail_letter *l, bool keep_bcc, struct slice given)
{
	struct field skip;
	struct slice body;

	check_recipients(l, given);
	check_lines(l->bytes);
	FUZZ_CHECK(strcmp(l->from, "ann@example.org") == 0 ||
		   strcmp(l->from, "a.n@example.net") == 0);
	while (next_field(&given, &skip))
		;
	body = check_head(l, keep_bcc);
	FUZZ_CHECK(given.n == 0 || slice_eq(body, given));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = fuzz_input(data, size), given;
	bool keep_bcc = (fuzz_byte(&in) & 1) != 0;
	struct arena *a = arena_new(64U << 20);
	struct store_mail_login login = {
		.addresses = SLICE_LIT("ann@example.org a.n@example.net"),
		.user = SLICE_LIT("ann"),
	};
	struct store_mail_effect f = { .written_ms = 1795284262000,
				       .message_id = SLICE_LIT("x@y") };
	struct mail_letter l;
	struct pim_item *it;
	struct err e = { .code = ERR_NONE };

	if (a == NULL)
		return 0;
	/* As a session writes it down: what it read, else one of its own. */
	FUZZ_CHECK(pim_mail_item(a, in, (int64_t)in.n, &it, &e) == 0);
	if (it->mail->message_id.n > 0)
		f.message_id = it->mail->message_id;
	given = mail_crlf(a, in);
	FUZZ_CHECK(given.p != NULL);
	if (mail_letter(a, &login, &f, in, keep_bcc, &l, &e) == 0)
		check(&l, keep_bcc, given);
	else
		FUZZ_CHECK(e.code == ERR_PARSE);
	fuzz_arena_end(&a);
	return 0;
}
