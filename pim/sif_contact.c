/* SIF-C and vCard. */
#include "pim/sif_int.h"

#define WORK "WORK"
#define HOME "HOME"

/* ---- what is one property each
 * ----------------------------------------------- */

static const struct sif_row rows[] = {
	SIF_ROW("FileAs", "X-EVOLUTION-FILE-AS"),
	SIF_ROW("NickName", "NICKNAME"),
	SIF_ROW("JobTitle", "TITLE"),
	SIF_ROW("Profession", "ROLE"),
	SIF_ROW("Categories", "CATEGORIES"),
	SIF_ROW("AssistantName", "X-ASSISTANT"),
	SIF_ROW("Children", "X-CHILDREN"),
	SIF_ROW("ManagerName", "X-MANAGER"),
	SIF_ROW("Spouse", "X-SPOUSE"),
	SIF_ROW("WebPage", "URL"),
	{ SLICE_INIT("HomeWebPage"), SLICE_INIT("URL"), SIF_VALUE,
	  SLICE_INIT(HOME) },
	{ SLICE_INIT("BusinessWebPage"), SLICE_INIT("URL"), SIF_VALUE,
	  SLICE_INIT(WORK) },
	SIF_ROW("InternetFreeBusyAddress", "FBURL"),
	{ SLICE_INIT("HomeLabel"), SLICE_INIT("LABEL"), SIF_VALUE,
	  SLICE_INIT(HOME) },
	{ SLICE_INIT("BusinessLabel"), SLICE_INIT("LABEL"), SIF_VALUE,
	  SLICE_INIT(WORK) },
	{ SLICE_INIT("OtherLabel"), SLICE_INIT("LABEL"), SIF_VALUE,
	  SLICE_INIT("OTHER") },
	SIF_ROW("YomiFirstName", "X-PHONETIC-FIRST-NAME"),
	SIF_ROW("YomiLastName", "X-PHONETIC-LAST-NAME"),
	SIF_OWN("YomiCompanyName", "YOMICOMPANYNAME"),
	SIF_OWN("BillingInformation", "BILLINGINFORMATION"),
	SIF_OWN("Companies", "COMPANIES"),
	SIF_OWN("ComputerNetworkName", "COMPUTERNETWORKNAME"),
	SIF_OWN("Folder", "FOLDER"),
	SIF_OWN("Gender", "GENDER"),
	SIF_OWN("Hobby", "HOBBY"),
	SIF_OWN("IMAddress", "IMADDRESS"),
	SIF_OWN("Importance", "IMPORTANCE"),
	SIF_OWN("Initials", "INITIALS"),
	SIF_OWN("Language", "LANGUAGE"),
	SIF_OWN("MailingAddress", "MAILINGADDRESS"),
	SIF_OWN("Mileage", "MILEAGE"),
	SIF_OWN("OrganizationalIDNumber", "ORGANIZATIONALIDNUMBER"),
	{ SLICE_INIT("Anniversary"), SLICE_INIT("X-ANNIVERSARY"), SIF_DAY,
	  SLICE_INIT("") },
	{ SLICE_INIT("Birthday"), SLICE_INIT("BDAY"), SIF_DAY, SLICE_INIT("") },
	SIF_ROW("Body", "NOTE"),
};

enum { ROW_N = sizeof(rows) / sizeof(rows[0]) };

/* Told only by some: not sent where there is nothing to say. */
static const struct sif_row rare_rows[] = {
	SIF_ROW("Uid", "UID"),
	SIF_ROW("Timezone", "TZ"),
	SIF_ROW("Revision", "REV"),
	SIF_OWN("OtherEmail2Address", "OTHEREMAIL2ADDRESS"),
	SIF_OWN("OtherEmail3Address", "OTHEREMAIL3ADDRESS"),
};

enum { RARE_N = sizeof(rare_rows) / sizeof(rare_rows[0]) };

/* ---- structured values
 * ---------------------------------------------------------------- */

static const struct slice name_els[] = {
	SLICE_INIT("LastName"), SLICE_INIT("FirstName"),
	SLICE_INIT("MiddleName"), SLICE_INIT("Title"), SLICE_INIT("Suffix")
};
static const struct slice org_els[] = { SLICE_INIT("CompanyName"),
					SLICE_INIT("Department"),
					SLICE_INIT("OfficeLocation") };

#define ADDRESS(kind)                                                          \
	{                                                                      \
		SLICE_INIT(kind "AddressPostOfficeBox"),                       \
		    SLICE_INIT(kind "AddressExtended"),                        \
		    SLICE_INIT(kind "AddressStreet"),                          \
		    SLICE_INIT(kind "AddressCity"),                            \
		    SLICE_INIT(kind "AddressState"),                           \
		    SLICE_INIT(kind "AddressPostalCode"),                      \
		    SLICE_INIT(kind "AddressCountry")                          \
	}

enum { NAME_N = 5, ORG_N = 3, ADR_N = 7, ADR_KINDS = 3 };

enum type_bit { /* TYPE of TEL, EMAIL, ADR as far as SIF tells them apart */
		T_CELL = 1 << 0,
		T_WORK = 1 << 1,
		T_HOME = 1 << 2,
		T_FAX = 1 << 3,
		T_PAGER = 1 << 4,
		T_CAR = 1 << 5,
		T_PREF = 1 << 6,
		T_CALLBACK = 1 << 7,
		T_RADIO = 1 << 8,
		T_TELEX = 1 << 9,
		T_ASSISTANT = 1 << 10,
		T_DC = 1 << 11,
		T_ODD = 1 << 12, /* another one: nowhere to put it */
};

static const struct {
	unsigned bits;
	struct slice el[ADR_N];
} addresses[ADR_KINDS] = { { T_WORK, ADDRESS("Business") },
			   { T_HOME, ADDRESS("Home") },
			   { 0, ADDRESS("Other") } };

static void
read_parts(struct sif_in *in, const char *prop, const struct slice *el,
	   size_t n, const char *type)
{
	struct buf b = BUF_IN(in->a);
	struct pim_prop *p;
	uint32_t told = 0;
	size_t filled = 0;

	for (size_t k = 0; k < n; k++) {
		const struct sif_el *x = sif_find(in, el[k]);
		struct slice s = SLICE_LIT("");

		if (x != NULL) {
			told |= 1u << k;
			s = pim_escape(in->a, slice_trim(x->el.text));
		}
		if (s.p == NULL)
			in->nomem = true;
		filled += s.n;
		if (k > 0)
			buf_byte(&b, ';');
		buf_add(&b, s);
	}
	if (told == 0)
		return;
	in->nomem = in->nomem || !buf_ok(&b);
	p = sif_add(in, slice_c(prop),
		    filled == 0 && !slice_is(slice_c(prop), "N")
			? SLICE_LIT("")
			: buf_slice(&b));
	if (p == NULL)
		return;
	p->told = told;
	if (type != NULL)
		sif_param(in, p, "TYPE", slice_c(type));
}

static void
write_parts(struct sif_out *o, const struct pim_prop *p, const struct slice *el,
	    size_t n)
{
	struct slice rest = p == NULL ? (struct slice){ NULL, 0 } : p->value;

	for (size_t k = 0; k < n; k++) {
		struct slice part = SLICE_LIT("");

		(void)pim_split(&rest, ';', &part);
		sif_put(o, el[k], sif_plain(o, part));
	}
}

/* ---- types
 * ----------------------------------------------------------------------------
 */

static const struct {
	const char *name;
	unsigned bits;
} type_words[] = {
	/* The first of a bit is the one that is written. */
	{ "CELL", T_CELL },
	{ WORK, T_WORK },
	{ HOME, T_HOME },
	{ "FAX", T_FAX },
	{ "PAGER", T_PAGER },
	{ "CAR", T_CAR },
	{ "PREF", T_PREF },
	{ "X-FUNAMBOL-CALLBACK", T_CALLBACK },
	{ "X-FUNAMBOL-RADIO", T_RADIO },
	{ "X-FUNAMBOL-TELEX", T_TELEX },
	{ "X-FUNAMBOL-ASSISTANT", T_ASSISTANT },
	{ "X-DC", T_DC },
	{ "X-CELL", T_CELL },
	{ "X-EVOLUTION-CALLBACK", T_CALLBACK },
	{ "X-EVOLUTION-RADIO", T_RADIO },
	{ "X-EVOLUTION-TELEX", T_TELEX },
	{ "X-EVOLUTION-ASSISTANT", T_ASSISTANT },
	{ "VOICE", 0 },
	{ "MSG", 0 },
	{ "INTERNET", 0 },
	{ "OTHER", 0 },
	{ "DOM", 0 },
	{ "INTL", 0 },
	{ "POSTAL", 0 },
	{ "PARCEL", 0 },
};

enum { TYPE_WORD_N = sizeof(type_words) / sizeof(type_words[0]) };

static unsigned
bits_of(const struct pim_prop *p)
{
	unsigned bits = 0;

	for (const struct pim_param *q = p->params; q != NULL; q = q->next) {
		size_t i = 0;

		if (!slice_is(q->name, "TYPE") || q->value.n == 0)
			continue;
		while (i < TYPE_WORD_N &&
		       !slice_is_nocase(q->value, type_words[i].name))
			i++;
		bits |= i < TYPE_WORD_N ? type_words[i].bits : T_ODD;
	}
	return bits;
}

static void
add_types(struct sif_in *in, struct pim_prop *p, unsigned bits)
{
	unsigned done = 0;

	for (size_t i = 0; i < TYPE_WORD_N; i++) {
		unsigned bit = type_words[i].bits;

		if (bit == 0 || (bits & bit) == 0 || (done & bit) != 0)
			continue;
		sif_param(in, p, "TYPE", slice_c(type_words[i].name));
		done |= bit;
	}
}

/* ---- telephones
 * ------------------------------------------------------------------------ */

static const struct {
	const char *front, *back;
	unsigned bits;
	int always; /* so many elements are there, if empty */
	bool voice; /* says so beside */
} phones[] = {
	{ "Mobile", "TelephoneNumber", T_CELL, 1, false },
	{ "Business", "TelephoneNumber", T_WORK, 2, true },
	{ "Home", "TelephoneNumber", T_HOME, 2, true },
	{ "Other", "TelephoneNumber", 0, 1, true },
	{ "Business", "FaxNumber", T_WORK | T_FAX, 1, false },
	{ "Home", "FaxNumber", T_HOME | T_FAX, 1, false },
	{ "Other", "FaxNumber", T_FAX, 1, false },
	{ "Pager", "Number", T_PAGER, 1, false },
	{ "Car", "TelephoneNumber", T_CAR, 1, true },
	{ "CompanyMain", "TelephoneNumber", T_WORK | T_PREF, 1, false },
	{ "Primary", "TelephoneNumber", T_PREF, 1, true },
	{ "Callback", "TelephoneNumber", T_CALLBACK, 1, false },
	{ "Radio", "TelephoneNumber", T_RADIO, 1, false },
	{ "Telex", "Number", T_TELEX, 1, false },
	{ "Assistant", "TelephoneNumber", T_ASSISTANT, 1, false },
	{ "MobileBusiness", "TelephoneNumber", T_CELL | T_WORK, 1, false },
	{ "MobileHome", "TelephoneNumber", T_CELL | T_HOME, 1, false },
	{ "MobileDC", "TelephoneNumber", T_CELL | T_DC, 0, false },
	{ "DCOnly", "TelephoneNumber", T_DC, 0, false },
};

enum {
	PHONE_N = sizeof(phones) / sizeof(phones[0]),
	PHONE_EACH = 9, /* "Home9TelephoneNumber" */
	PHONE_EL_BYTES = 48
};

static struct slice
phone_el(size_t row, int k, char out[static PHONE_EL_BYTES])
{
	char number[2] = { (char)('0' + k), 0 };

	(void)snprintf(out, PHONE_EL_BYTES, "%s%s%s", phones[row].front,
		       k == 1 ? "" : number, phones[row].back);
	return slice_c(out);
}

static void
read_phones(struct sif_in *in)
{
	char name[PHONE_EL_BYTES];

	for (size_t i = 0; i < PHONE_N; i++) {
		for (int k = 1; k <= PHONE_EACH; k++) {
			const struct sif_el *el =
			    sif_find(in, phone_el(i, k, name));
			struct pim_prop *p;

			if (el == NULL && k > phones[i].always)
				break;
			if (el == NULL)
				continue;
			p = sif_add(in, SLICE_LIT("TEL"),
				    pim_escape(in->a, slice_trim(el->el.text)));
			add_types(in, p, phones[i].bits);
			if (phones[i].voice)
				sif_param(in, p, "TYPE", SLICE_LIT("VOICE"));
		}
	}
}

struct phone_slots {
	const struct pim_prop *of[PHONE_N][PHONE_EACH];
	int n[PHONE_N];
};

static void
place_phone(struct phone_slots *s, const struct pim_prop *p, unsigned bits)
{
	for (size_t i = 0; i < PHONE_N; i++) {
		if (phones[i].bits != bits || s->n[i] == PHONE_EACH)
			continue;
		s->of[i][s->n[i]++] = p;
		return;
	}
}

static bool
is_row(unsigned bits)
{
	for (size_t i = 0; i < PHONE_N; i++) {
		if (phones[i].bits == bits)
			return true;
	}
	return false;
}

static void
write_phones(struct sif_out *o, const struct pim_comp *card)
{
	struct phone_slots s = { .n = { 0 } };
	char name[PHONE_EL_BYTES];

	/* Preferred ones of a kind that has no element of its own come first
	   of their kind. */
	for (int pass = 0; pass < 2; pass++) {
		for (const struct pim_prop *p = pim_prop_find(card, "TEL");
		     p != NULL; p = pim_prop_more(p)) {
			unsigned bits = bits_of(p);
			bool pref = (bits & T_PREF) != 0 && !is_row(bits);

			if (p->value.n > 0 && pref == (pass == 0))
				place_phone(&s, p,
					    pref ? bits & ~(unsigned)T_PREF
						 : bits);
		}
	}
	for (size_t i = 0; i < PHONE_N; i++) {
		for (int k = 1; k <= s.n[i] || k <= phones[i].always; k++)
			sif_put(o, phone_el(i, k, name),
				k <= s.n[i]
				    ? sif_plain(o, s.of[i][k - 1]->value)
				    : SLICE_LIT(""));
	}
}

/* ---- mail addresses
 * -------------------------------------------------------------------- */

static const struct {
	const char *el, *type_el, *type_prop;
	unsigned bits;
} mails[] = {
	{ "Email1Address", "Email1AddressType", "X-FUNAMBOL-EMAIL1ADDRESSTYPE",
	  0 },
	{ "Email2Address", "Email2AddressType", "X-FUNAMBOL-EMAIL2ADDRESSTYPE",
	  T_HOME },
	{ "Email3Address", "Email3AddressType", "X-FUNAMBOL-EMAIL3ADDRESSTYPE",
	  T_WORK },
	{ "MobileEmailAddress", NULL, NULL, T_CELL },
};

enum { MAIL_N = sizeof(mails) / sizeof(mails[0]), MAIL_ANY = 3 };

static void
read_mails(struct sif_in *in)
{
	for (size_t i = 0; i < MAIL_N; i++) {
		struct slice type = SLICE_LIT("");
		struct pim_prop *p;

		if (mails[i].type_el != NULL)
			type = sif_text(in, mails[i].type_el);
		if (type.n > 0 && !slice_is_nocase(type, "SMTP"))
			(void)sif_add(in, slice_c(mails[i].type_prop),
				      pim_escape(in->a, type));
		if (!sif_has(in, mails[i].el))
			continue;
		p = sif_add(in, SLICE_LIT("EMAIL"),
			    pim_escape(in->a, sif_text(in, mails[i].el)));
		sif_param(in, p, "TYPE", SLICE_LIT("INTERNET"));
		/* Phones know no CELL beside an address. */
		if (mails[i].bits == T_CELL)
			sif_param(in, p, "TYPE", SLICE_LIT("X-CELL"));
		else
			add_types(in, p, mails[i].bits);
	}
}

/* The element that is this address's own, else the next one left over. */
static size_t
mail_slot(const struct pim_prop *const of[MAIL_N], const struct pim_prop *p,
	  bool own)
{
	unsigned bits = bits_of(p) & ~(unsigned)T_PREF;

	for (size_t i = 0; i < MAIL_N; i++) {
		if (of[i] != NULL)
			continue;
		if (own ? mails[i].bits == bits : i < MAIL_ANY)
			return i;
	}
	return MAIL_N;
}

static void
write_mails(struct sif_out *o, const struct pim_comp *card)
{
	const struct pim_prop *of[MAIL_N] = { NULL };
	const struct pim_prop *first = pim_prop_find(card, "EMAIL");

	for (int pass = 0; pass < 2; pass++) {
		for (const struct pim_prop *p = first; p != NULL;
		     p = pim_prop_more(p)) {
			size_t i = mail_slot(of, p, pass == 0);
			bool placed = false;

			for (size_t k = 0; k < MAIL_N; k++)
				placed = placed || of[k] == p;
			if (!placed && i < MAIL_N && p->value.n > 0)
				of[i] = p;
		}
	}
	for (size_t i = 0; i < MAIL_N; i++) {
		struct slice type;

		sif_put(o, slice_c(mails[i].el),
			of[i] == NULL ? SLICE_LIT("")
				      : sif_plain(o, of[i]->value));
		if (mails[i].type_el == NULL || of[i] == NULL)
			continue;
		type = pim_prop_value(card, mails[i].type_prop);
		sif_put(o, slice_c(mails[i].type_el),
			type.n > 0 ? sif_plain(o, type) : SLICE_LIT("SMTP"));
	}
}

/* ---- the picture
 * ----------------------------------------------------------------------- */

static void
read_photo(struct sif_in *in)
{
	const struct sif_el *el = sif_find(in, SLICE_LIT("Photo"));
	struct slice type;
	struct pim_prop *p;

	if (el == NULL)
		return;
	p = sif_add(in, SLICE_LIT("PHOTO"), pim_dense(in->a, el->el.text));
	if (p == NULL || p->value.n == 0)
		return;
	sif_param(in, p, "ENCODING", SLICE_LIT("b"));
	type = pim_clean_name(in->a, pim_xml_attr(&el->el, "TYPE"));
	if (type.n > 0)
		sif_param(in, p, "TYPE", type);
}

static void
write_photo(struct sif_out *o, const struct pim_comp *card)
{
	const struct pim_prop *p = pim_prop_find(card, "PHOTO");
	struct slice type = SLICE_LIT("");
	struct slice value = SLICE_LIT("");

	/* An address of a picture is none: the device keeps what it has. */
	if (p != NULL && !pim_param_has(p, "ENCODING", "b"))
		return;
	if (p != NULL) {
		type = pim_param_get(p, "TYPE");
		value = p->value;
	}
	sif_put_raw(o, SLICE_LIT("Photo"), "TYPE", type, value);
}

/* ---- the card
 * -------------------------------------------------------------------------- */

int
sif_contact_read(struct sif_in *in, struct pim_item **out, struct err *e)
{
	static const char *const adr_type[ADR_KINDS] = { WORK, HOME, NULL };

	in->comp->name = SLICE_LIT("VCARD");
	read_parts(in, "N", name_els, NAME_N, NULL);
	/* Outlook's name for the whole. */
	if (sif_text(in, "Subject").n > 0)
		(void)sif_add(in, SLICE_LIT("FN"),
			      pim_escape(in->a, sif_text(in, "Subject")));
	read_parts(in, "ORG", org_els, ORG_N, NULL);
	read_phones(in);
	read_mails(in);
	for (size_t i = 0; i < ADR_KINDS; i++)
		read_parts(in, "ADR", addresses[i].el, ADR_N, adr_type[i]);
	sif_read_rows(in, rows, ROW_N);
	sif_read_rows(in, rare_rows, RARE_N);
	sif_read_class(in);
	read_photo(in);
	sif_read_others(in, NULL, 0);
	if (in->nomem)
		return pim_nomem(e, "pim.sif");
	return pim_card_read(in->a, PIM_VCARD30, in->comp, out, e);
}

static const struct pim_prop *
address_of(const struct pim_comp *card, unsigned bits)
{
	const struct pim_prop *p = pim_prop_find(card, "ADR");

	while (p != NULL &&
	       ((bits_of(p) & ~(unsigned)T_PREF) != bits || p->value.n == 0))
		p = pim_prop_more(p);
	return p;
}

void
sif_contact_write(struct sif_out *o, const struct pim_item *it)
{
	const struct pim_comp *card = it->root;
	struct slice fn = sif_plain(o, pim_prop_value(card, "FN"));

	sif_put_c(o, "SIFVersion", "1.1");
	write_parts(o, pim_prop_find(card, "N"), name_els, NAME_N);
	sif_put(o, SLICE_LIT("Subject"), fn);
	write_parts(o, pim_prop_find(card, "ORG"), org_els, ORG_N);
	write_phones(o, card);
	write_mails(o, card);
	for (size_t i = 0; i < ADR_KINDS; i++)
		write_parts(o, address_of(card, addresses[i].bits),
			    addresses[i].el, ADR_N);
	/* Clients list people by it: never empty where there is a name. */
	if (pim_prop_value(card, "X-EVOLUTION-FILE-AS").n == 0) {
		sif_put(o, rows[0].el, fn);
		sif_write_rows(o, card, rows + 1, ROW_N - 1);
	} else {
		sif_write_rows(o, card, rows, ROW_N);
	}
	for (size_t i = 0; i < RARE_N; i++) {
		char name[PHONE_EL_BYTES];

		(void)snprintf(name, sizeof(name), "%.*s",
			       SLICE_ARG(rare_rows[i].prop));
		if (pim_prop_value(card, name).n > 0)
			sif_write_rows(o, card, &rare_rows[i], 1);
	}
	sif_write_class(o, card);
	write_photo(o, card);
	sif_write_others(o, card);
}
