/* The forms that items travel in: names, detection, the seal of a view. */
#include "base/digest.h"
#include "pim/core.h"
#include "pim/sif.h"

struct form_def {
	struct slice mime, version;
};

static const struct form_def forms[] = {
	[PIM_FORM_NONE] = { SLICE_INIT(""), SLICE_INIT("") },
	[PIM_VCARD21] = { SLICE_INIT("text/x-vcard"), SLICE_INIT("2.1") },
	[PIM_VCARD30] = { SLICE_INIT("text/vcard"), SLICE_INIT("3.0") },
	[PIM_VCARD40] = { SLICE_INIT("text/vcard"), SLICE_INIT("4.0") },
	[PIM_VCAL10] = { SLICE_INIT("text/x-vcalendar"), SLICE_INIT("1.0") },
	[PIM_ICAL20] = { SLICE_INIT("text/calendar"), SLICE_INIT("2.0") },
	[PIM_TEXT] = { SLICE_INIT("text/plain"), SLICE_INIT("1.0") },
	[PIM_VNOTE] = { SLICE_INIT("text/x-vnote"), SLICE_INIT("1.1") },
	[PIM_EMAIL] = { SLICE_INIT("application/vnd.omads-email+xml"),
			SLICE_INIT("1.2") },
	[PIM_RFC822] = { SLICE_INIT("message/rfc822"), SLICE_INIT("1.0") },
	[PIM_OFOLDER] = { SLICE_INIT("application/vnd.omads-folder+xml"),
			  SLICE_INIT("1.2") },
	[PIM_SIFC] = { SLICE_INIT("text/x-s4j-sifc"), SLICE_INIT("1.0") },
	[PIM_SIFE] = { SLICE_INIT("text/x-s4j-sife"), SLICE_INIT("1.0") },
	[PIM_SIFT] = { SLICE_INIT("text/x-s4j-sift"), SLICE_INIT("1.0") },
	[PIM_SIFN] = { SLICE_INIT("text/x-s4j-sifn"), SLICE_INIT("1.0") },
};

enum { FORM_N = sizeof(forms) / sizeof(forms[0]), JUNK_BYTES = 4096 };

struct slice
pim_form_mime(enum pim_form form)
{
	return (size_t)form < FORM_N ? forms[form].mime : forms[0].mime;
}

struct slice
pim_form_version(enum pim_form form)
{
	return (size_t)form < FORM_N ? forms[form].version : forms[0].version;
}

/* Mail, and SIF. */
static enum pim_form
other_form(struct slice mime)
{
	if (slice_is_nocase(mime, "application/vnd.omads-email+xml") ||
	    slice_is_nocase(mime, "application/vnd.omads-email"))
		return PIM_EMAIL;
	if (slice_is_nocase(mime, "application/vnd.omads-folder+xml") ||
	    slice_is_nocase(mime, "application/vnd.omads-folder"))
		return PIM_OFOLDER;
	/* Phones before the standard one have names of their own. */
	if (slice_is_nocase(mime, "message/rfc822") ||
	    slice_is_nocase(mime, "message/x-rfc822") ||
	    slice_is_nocase(mime, "text/message"))
		return PIM_RFC822;
	for (enum pim_form sif = PIM_SIFC; sif <= PIM_SIFN; sif++) {
		if (slice_eq_nocase(mime, forms[sif].mime))
			return sif;
	}
	return PIM_FORM_NONE;
}

enum pim_form
pim_form_of(struct slice mime, struct slice version)
{
	size_t semi = slice_find(mime, ';');

	mime = slice_trim(slice_sub(mime, 0, semi));
	version = slice_trim(version);
	if (slice_is_nocase(mime, "text/x-vcard") ||
	    slice_is_nocase(mime, "text/vcard") ||
	    slice_is_nocase(mime, "text/directory")) {
		if (slice_starts(version, "2"))
			return PIM_VCARD21;
		if (slice_starts(version, "3"))
			return PIM_VCARD30;
		if (slice_starts(version, "4"))
			return PIM_VCARD40;
		return slice_is_nocase(mime, "text/x-vcard") ? PIM_VCARD21
							     : PIM_VCARD30;
	}
	if (slice_is_nocase(mime, "text/x-vcalendar") ||
	    slice_is_nocase(mime, "text/calendar")) {
		if (slice_starts(version, "1"))
			return PIM_VCAL10;
		if (slice_starts(version, "2"))
			return PIM_ICAL20;
		return slice_is_nocase(mime, "text/calendar") ? PIM_ICAL20
							      : PIM_VCAL10;
	}
	if (slice_is_nocase(mime, "text/plain"))
		return PIM_TEXT;
	if (slice_is_nocase(mime, "text/x-vnote"))
		return PIM_VNOTE;
	return other_form(mime);
}

enum pim_form
pim_form_for(enum pim_form form, enum pim_kind kind)
{
	if (form == PIM_SIFE && kind == PIM_TODO)
		return PIM_SIFT;
	return form == PIM_SIFT && kind == PIM_EVENT ? PIM_SIFE : form;
}

enum pim_form
pim_form_default(unsigned kinds)
{
	if (kinds & PIM_CONTACT)
		return PIM_VCARD21;
	if (kinds & (PIM_EVENT | PIM_TODO))
		return PIM_VCAL10;
	if (kinds & PIM_MAIL)
		return PIM_EMAIL;
	return kinds & PIM_NOTE ? PIM_TEXT : PIM_FORM_NONE;
}

const char *
pim_kind_name(enum pim_kind kind)
{
	switch (kind) {
	case PIM_CONTACT:
		return "contact";
	case PIM_EVENT:
		return "event";
	case PIM_TODO:
		return "todo";
	case PIM_NOTE:
		return "note";
	case PIM_MAIL:
		return "mail";
	case PIM_FOLDER:
		return "folder";
	}
	return "item";
}

/* Does a line of s, from its start on, begin one of our objects? */
static bool
begins_object(struct slice s)
{
	static const char *const names[] = { "BEGIN:VCARD", "BEGIN:VCALENDAR",
					     "BEGIN:VNOTE", "BEGIN:VEVENT",
					     "BEGIN:VTODO", "BEGIN:VJOURNAL" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (slice_starts_nocase(s, names[i]))
			return true;
	}
	return false;
}

static bool
has_object(struct slice body)
{
	struct slice look = slice_sub(body, 0, JUNK_BYTES);
	struct slice line;

	while (slice_split(&look, '\n', &line)) {
		if (begins_object(slice_trim(line)))
			return true;
	}
	return false;
}

enum pim_form
pim_detect(struct slice body, struct slice meta_type)
{
	enum pim_form said = pim_form_of(meta_type, SLICE_LIT(""));
	struct slice s = body;

	if (slice_starts(s, "\xEF\xBB\xBF"))
		s = slice_from(s, 3);
	s = slice_trim(s);
	/* A message may hold anything, from its first line on. */
	if (said == PIM_EMAIL || said == PIM_OFOLDER || said == PIM_RFC822)
		return said;
	if (begins_object(s))
		return pim_lines_form(s, said);
	if (slice_starts(s, "<Email"))
		return PIM_EMAIL;
	if (said == PIM_TEXT)
		return PIM_TEXT;
	if (slice_starts(s, "<") &&
	    (said != PIM_FORM_NONE || slice_trim(meta_type).n == 0 ||
	     slice_find_str(meta_type, "xml") != SIZE_MAX))
		return pim_sif_root(s);
	if (pim_is_sif(said))
		return PIM_FORM_NONE;
	if (said != PIM_FORM_NONE)
		return has_object(body) ? pim_lines_form(body, said)
					: PIM_FORM_NONE;
	/* Neither ours by its looks nor by its type: text, unless it is
	   mark-up, binary, or said to be something else. */
	if (slice_trim(meta_type).n > 0 || slice_starts(s, "<") ||
	    (s.n > 0 && memchr(s.p, 0, s.n) != NULL))
		return PIM_FORM_NONE;
	return PIM_TEXT;
}

static uint64_t
mix(uint64_t h, uint64_t v)
{
	h ^= v + 0x9E3779B97F4A7C15u + (h << 6) + (h >> 2);
	return h * 0xFF51AFD7ED558CCDu;
}

static uint64_t
mix_slices(uint64_t h, const struct slice *s, size_t n)
{
	h = mix(h, n);
	for (size_t i = 0; i < n; i++)
		h = mix(h, digest_u64(s[i]));
	return h;
}

static uint64_t
mix_cap(uint64_t h, const struct pim_cap *c)
{
	h = mix(h, digest_u64(c->name));
	h = mix(h, c->max_occur);
	h = mix(h, c->max_bytes);
	h = mix(h, c->no_truncate);
	h = mix_slices(h, c->values, c->value_n);
	h = mix(h, c->param_n);
	for (size_t i = 0; i < c->param_n; i++) {
		h = mix(h, digest_u64(c->params[i].name));
		h = mix_slices(h, c->params[i].values, c->params[i].value_n);
	}
	return h;
}

void
pim_view_seal(struct pim_view *view)
{
	uint64_t h = mix(0, PIM_CONVERTER_VERSION);

	h = mix(h, (uint64_t)view->form);
	h = mix(h, view->rules);
	h = mix(h, view->utc);
	h = mix(h, digest_u64(view->zone));
	h = mix(h, (uint64_t)view->mail.parts);
	h = mix(h, (uint64_t)view->mail.bytes);
	h = mix(h, (uint64_t)view->mail.attach);
	h = mix(h, view->lean);
	h = mix(h, view->caps == NULL ? 0 : view->caps->prop_n + 1);
	for (size_t i = 0; view->caps != NULL && i < view->caps->prop_n; i++)
		h = mix_cap(h, &view->caps->props[i]);
	view->id = h == 0 ? 1 : h;
}
