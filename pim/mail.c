/*
 * The head of a mail: made from its bytes, written as a small text, compared
 * and merged. Of a mail only its flags ever change, so that a merge is a choice
 * for each of them.
 */
#include "base/clock.h"
#include "base/digest.h"
#include "pim/calendar_time.h"
#include "pim/mail_int.h"
#include "pim/mime_int.h"

const char *const pim_mail_flag_names[PIM_MAIL_FLAG_N] = { "read", "replied",
							   "forwarded",
							   "flagged", "draft" };

struct pim_item *
pim_mail_new(struct arena *a, enum pim_kind kind)
{
	struct pim_item *it = ARENA_NEW(a, struct pim_item);

	if (it == NULL)
		return NULL;
	it->kind = kind;
	if (kind == PIM_MAIL)
		it->mail = ARENA_NEW(a, struct pim_mail);
	else
		it->folder = ARENA_NEW(a, struct pim_folder);
	return it->mail == NULL && it->folder == NULL ? NULL : it;
}

/* ---- from the bytes --------------------------------------------------------
 */

/* "Anna <Anna@Example.com>" to "anna@example.com". */
static struct slice
address(struct arena *a, struct slice value)
{
	struct pim_addresses l = { .s = value };
	struct slice s;
	char *p;

	if (!pim_mime_address(&l, &s))
		s = SLICE_LIT("");
	p = arena_alloc(a, s.n + 1);
	for (size_t i = 0; p != NULL && i < s.n; i++)
		p[i] = slice_lower(s.p[i]);
	return p == NULL ? (struct slice){ NULL, 0 }
			 : pim_mime_words(a, (struct slice){ p, s.n });
}

static struct slice
message_id(struct slice value)
{
	size_t at = slice_find(value, '<');

	if (at != SIZE_MAX) {
		value = slice_from(value, at + 1);
		value = slice_sub(value, 0, slice_find(value, '>'));
	}
	return slice_utf8_cut(slice_trim(value), PIM_MAIL_WORD_MAX);
}

static int
attachments(struct arena *a, struct pim_mail *m)
{
	struct pim_part *part;
	size_t n;

	if (pim_mime_parts(a, m->bytes, &part, &n) < 0)
		return -1;
	for (size_t i = 0; i < n && m->attach_n < PIM_MAIL_ATTACH_MAX; i++) {
		if (!part[i].attached)
			continue;
		m->attach[m->attach_n++] =
		    (struct pim_attach){ part[i].name,
					 slice_utf8_cut(part[i].type,
							PIM_MAIL_WORD_MAX),
					 part[i].size };
	}
	return 0;
}

/* The fields that the head tells, in one walk over the header. */
static bool
fields(struct arena *a, struct pim_mail *m)
{
	struct slice rest = slice_sub(m->bytes, 0, PIM_MAIL_HEADER_MAX);
	struct slice from = SLICE_LIT("");
	struct slice name;
	struct slice value;

	m->message_id = m->to = m->subject = from;
	while (pim_mime_field(&rest, &name, &value)) {
		struct slice *to = NULL;

		if (slice_is_nocase(name, "Message-ID"))
			to = &m->message_id;
		else if (slice_is_nocase(name, "From") && from.n == 0)
			from = value;
		else if (slice_is_nocase(name, "To"))
			to = &m->to;
		else if (slice_is_nocase(name, "Subject"))
			to = &m->subject;
		else if (slice_is_nocase(name, "Date") && m->date_ms == 0)
			m->date_ms = pim_mime_date(value);
		if (to == NULL || to->n > 0)
			continue;
		*to = pim_mime_words(a, value);
		if (to->p == NULL)
			return false;
	}
	m->message_id = message_id(m->message_id);
	m->from = address(a, from);
	return m->from.p != NULL;
}

int
pim_mail_item(struct arena *a, struct slice bytes, int64_t size,
	      struct pim_item **out, struct err *e)
{
	struct pim_item *it = pim_mail_new(a, PIM_MAIL);

	if (it == NULL)
		return pim_nomem(e, "pim.mail");
	it->mail->bytes = bytes;
	it->mail->size = size;
	it->mail->held = (int64_t)bytes.n;
	it->mail->said = PIM_MAIL_FLAGS;
	if (!fields(a, it->mail) || attachments(a, it->mail) < 0)
		return pim_nomem(e, "pim.mail");
	it->mail->created_ms = it->mail->date_ms;
	*out = it;
	return 0;
}

int
pim_mail_flagged(struct arena *a, const struct pim_item *it, unsigned flags,
		 struct pim_item **out, struct err *e)
{
	struct pim_item *copy = pim_mail_new(a, PIM_MAIL);

	if (copy == NULL)
		return pim_nomem(e, "pim.mail");
	*copy->mail = *it->mail;
	copy->mail->flags = flags & PIM_MAIL_FLAGS;
	copy->mail->said = PIM_MAIL_FLAGS;
	*out = copy;
	return 0;
}

/* ---- the head as text
 * --------------------------------------------------------- */

static void
put_word(struct buf *b, const char *name, struct slice value)
{
	if (value.n > 0)
		buf_printf(b, "%s: %.*s\n", name, SLICE_ARG(value));
}

static void
put_time(struct buf *b, const char *name, int64_t ms)
{
	char iso[17];

	if (ms == 0)
		return;
	clk_iso_basic(ms, iso);
	buf_printf(b, "%s: %s\n", name, iso);
}

static void
put_mail(struct buf *b, const struct pim_mail *m)
{
	buf_str(b, "flags:");
	for (size_t i = 0; i < PIM_MAIL_FLAG_N; i++) {
		if ((m->flags & (1u << i)) != 0)
			buf_printf(b, " %s", pim_mail_flag_names[i]);
	}
	buf_str(b, "\n");
	put_time(b, "received", m->received_ms);
	put_time(b, "created", m->created_ms);
	put_time(b, "modified", m->modified_ms);
	put_time(b, "date", m->date_ms);
	put_word(b, "message-id", m->message_id);
	put_word(b, "from", m->from);
	put_word(b, "to", m->to);
	put_word(b, "subject", m->subject);
	buf_printf(b, "size: %lld\nheld: %lld\n", (long long)m->size,
		   (long long)m->held);
	for (size_t i = 0; i < m->attach_n; i++)
		buf_printf(b, "attached: %lld %.*s %.*s\n",
			   (long long)m->attach[i].size,
			   SLICE_ARG(m->attach[i].type.n > 0 ? m->attach[i].type
							     : SLICE_LIT("?")),
			   SLICE_ARG(m->attach[i].name));
}

int
pim_mail_canon(const struct pim_item *it, struct buf *out, struct err *e)
{
	if (it->kind == PIM_MAIL) {
		put_mail(out, it->mail);
	} else {
		put_word(out, "name", it->folder->name);
		put_word(out, "role", it->folder->role);
		put_time(out, "created", it->folder->created_ms);
	}
	return buf_ok(out) ? 0 : pim_nomem(e, "pim.mail");
}

static unsigned
flags_of(struct slice words)
{
	unsigned flags = 0;
	struct slice word;

	while (slice_word(&words, " ", &word)) {
		for (size_t i = 0; i < PIM_MAIL_FLAG_N; i++) {
			if (slice_is(word, pim_mail_flag_names[i]))
				flags |= 1u << i;
		}
	}
	return flags;
}

static int64_t
time_of(struct slice s)
{
	struct pim_time t;

	return pim_time_parse(s, &t) ? t.wall * 1000 : 0;
}

static void
take_attached(struct pim_mail *m, struct slice value)
{
	struct pim_attach *at = &m->attach[m->attach_n];
	struct slice size;

	if (m->attach_n == PIM_MAIL_ATTACH_MAX ||
	    !slice_split(&value, ' ', &size) || !slice_i64(size, &at->size) ||
	    !slice_split(&value, ' ', &at->type))
		return;
	at->name = value.p == NULL ? SLICE_LIT("") : value;
	m->attach_n++;
}

static bool
take_mail(struct pim_mail *m, struct slice name, struct slice value)
{
	static const struct {
		const char *name;
		size_t at;
	} times[] = {
		{ "received", offsetof(struct pim_mail, received_ms) },
		{ "created", offsetof(struct pim_mail, created_ms) },
		{ "modified", offsetof(struct pim_mail, modified_ms) },
		{ "date", offsetof(struct pim_mail, date_ms) },
	};

	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		if (!slice_is(name, times[i].name))
			continue;
		memcpy((char *)m + times[i].at, &(int64_t){ time_of(value) },
		       sizeof(int64_t));
		return true;
	}
	if (slice_is(name, "flags"))
		m->flags = flags_of(value);
	else if (slice_is(name, "message-id"))
		m->message_id = value;
	else if (slice_is(name, "from"))
		m->from = value;
	else if (slice_is(name, "to"))
		m->to = value;
	else if (slice_is(name, "subject"))
		m->subject = value;
	else if (slice_is(name, "size"))
		return slice_i64(value, &m->size);
	else if (slice_is(name, "held"))
		return slice_i64(value, &m->held);
	else if (slice_is(name, "attached"))
		take_attached(m, value);
	else
		return false;
	return true;
}

static bool
take_folder(struct pim_folder *f, struct slice name, struct slice value)
{
	if (slice_is(name, "name"))
		f->name = value;
	else if (slice_is(name, "role"))
		f->role = value;
	else if (slice_is(name, "created"))
		f->created_ms = time_of(value);
	else
		return false;
	return true;
}

int
pim_mail_parse(struct arena *a, enum pim_kind kind, struct slice canon,
	       struct pim_item **out, struct err *e)
{
	struct pim_item *it = pim_mail_new(a, kind);
	struct slice line;

	if (it == NULL)
		return pim_nomem(e, "pim.parse");
	if (it->mail != NULL)
		it->mail->said = PIM_MAIL_FLAGS;
	while (slice_split(&canon, '\n', &line)) {
		size_t colon = slice_find(line, ':');
		struct slice name = slice_sub(line, 0, colon);
		struct slice value = slice_trim(
		    slice_from(line, colon == SIZE_MAX ? line.n : colon + 1));

		if (line.n == 0)
			continue;
		if (colon == SIZE_MAX ||
		    !(kind == PIM_MAIL ? take_mail(it->mail, name, value)
				       : take_folder(it->folder, name, value)))
			return err_set(e, ERR_PARSE, "pim.parse",
				       "not a stored %s", pim_kind_name(kind));
	}
	*out = it;
	return 0;
}

/* ---- identity
 * -------------------------------------------------------------------- */

/* Nothing but flags: an update that leaves the rest alone. */
static bool
is_bare(const struct pim_mail *m)
{
	return m->message_id.n == 0 && m->from.n == 0 && m->subject.n == 0 &&
	       m->date_ms == 0;
}

static uint64_t
mix(uint64_t h, uint64_t v)
{
	h ^= v + 0x9E3779B97F4A7C15u + (h << 6) + (h >> 2);
	return h * 0xFF51AFD7ED558CCDu;
}

static uint64_t
letter_hash(const struct pim_mail *m)
{
	return mix(
	    mix(mix(PIM_MAIL, digest_u64(m->from)), digest_u64(m->subject)),
	    (uint64_t)m->date_ms);
}

uint64_t
pim_mail_hash(const struct pim_item *it)
{
	const struct pim_mail *m = it->mail;
	uint64_t h = PIM_FOLDER;

	if (it->kind == PIM_FOLDER)
		return mix(mix(h, digest_u64(it->folder->name)),
			   digest_u64(it->folder->role));
	h = m->message_id.n > 0 ? digest_u64(m->message_id) : letter_hash(m);
	h = mix(mix(h, (uint64_t)m->size), m->flags);
	/* More of it has come: news for the devices. */
	h = mix(h, (uint64_t)m->held);
	return h == 0 ? 1 : h;
}

int
pim_mail_identify(struct arena *a, const struct pim_item *it,
		  struct pim_ids *out, struct err *e)
{
	(void)a;
	(void)e;
	out->h_content = pim_mail_hash(it);
	if (it->kind == PIM_FOLDER) {
		out->uid = it->folder->name;
		out->h_uid = out->h_identity =
		    mix(PIM_FOLDER, digest_u64(out->uid));
		return 0;
	}
	out->uid = it->mail->message_id;
	if (out->uid.n > 0)
		out->h_uid = digest_u64(out->uid);
	if (!is_bare(it->mail))
		out->h_identity = letter_hash(it->mail);
	out->span =
	    (struct pim_span){ it->mail->received_ms != 0,
			       it->mail->received_ms, it->mail->received_ms };
	return 0;
}

int
pim_mail_score(const struct pim_item *x, const struct pim_item *y)
{
	const struct pim_mail *m = x->mail;
	const struct pim_mail *n = y->mail;

	if (x->kind == PIM_FOLDER)
		return slice_eq(x->folder->name, y->folder->name) ? 100 : 0;
	/* Nothing contradicts the id that led to it. */
	if (is_bare(m) || is_bare(n))
		return 60;
	if (m->message_id.n > 0 && n->message_id.n > 0)
		return slice_eq(m->message_id, n->message_id) ? 100 : 0;
	return letter_hash(m) == letter_hash(n) ? 80 : 0;
}

struct slice
pim_mail_title(struct arena *a, const struct pim_item *it)
{
	if (it->kind == PIM_FOLDER)
		return it->folder->name;
	return arena_printf(a, "%.*s: %.*s", SLICE_ARG(it->mail->from),
			    SLICE_ARG(it->mail->subject));
}

/* ---- merging
 * ------------------------------------------------------------------------ */

int
pim_mail_merge(struct arena *a, const struct pim_merge *in,
	       struct pim_merged *out, struct err *e)
{
	const struct pim_mail *inc = in->incoming->mail;
	unsigned now;
	unsigned was;
	unsigned changed;
	unsigned flags;
	unsigned known;

	out->item = NULL;
	if (in->current->kind == PIM_FOLDER) {
		struct pim_item *same = pim_mail_new(a, PIM_FOLDER);

		if (same == NULL)
			return pim_nomem(e, "pim.merge");
		*same->folder = *in->current->folder;
		out->item = same;
		out->differs_incoming =
		    pim_mail_hash(in->current) != pim_mail_hash(in->incoming);
		return 0;
	}
	now = in->current->mail->flags;
	was = in->base_n > 0 ? in->base[0]->mail->flags : 0;
	/* Without a base: what either of them set is set. */
	changed = in->base_n > 0 ? inc->flags ^ was : inc->flags;
	if (in->replace)
		changed = inc->flags ^ now;
	changed &= inc->said;
	flags = (now & ~changed) | (inc->flags & changed);
	if (pim_mail_flagged(a, in->current, flags, &out->item, e) < 0)
		return -1;
	out->differs_current = flags != now;
	/* What it did not speak of is as it was told, if it was. */
	known = (inc->flags & inc->said) |
		((in->base_n > 0 ? was : flags) & ~inc->said);
	out->differs_incoming = ((flags ^ known) & PIM_MAIL_FLAGS) != 0;
	return 0;
}
