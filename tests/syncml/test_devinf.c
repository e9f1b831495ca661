/* Device information: three grammars, one form. */
#include "tests/syncml/wire.h"

static struct sml_devinf *
parse(struct arena *a, const char *text)
{
	struct sml_devinf *d;
	struct err e;

	if (sml_devinf_parse(a, slice_c(text), &d, &e) < 0)
		fail_msg("%s: %s", e.where, e.msg);
	return d;
}

static const struct pim_cap *
cap_of(const struct sml_ctcap *c, const char *name)
{
	for (size_t i = 0; i < c->caps.prop_n; i++) {
		if (slice_is(c->caps.props[i].name, name))
			return &c->caps.props[i];
	}
	fail_msg("no property %s", name);
	return NULL;
}

static void
check_store(const struct sml_datastore *s, int version)
{
	const struct pim_cap *tel;

	t_assert_text(s->display, "A & B");
	assert_int_equal(s->max_guid_size, 64);
	assert_int_equal(s->max_mem, 65536);
	assert_int_equal(s->max_id, 500);
	assert_int_equal(s->sync_types, 0xFE);
	assert_int_equal(s->hierarchical, version == 12);
	assert_int_equal(s->rx_n, 2);
	assert_true(s->rx[0].pref);
	assert_false(s->rx[1].pref);
	t_assert_text(s->rx[1].type, "text/plain");
	assert_int_equal(s->tx_n, 1);
	assert_int_equal(s->ctcap_n, 1);
	assert_int_equal(s->ctcap[0].caps.prop_n, 3);
	assert_true(slice_eq(s->ctcap[0].type, s->rx[0].type));
	assert_true(slice_eq(s->ctcap[0].version, s->rx[0].version));
	assert_int_equal(cap_of(s->ctcap, "NOTE")->max_bytes,
			 version == 10 ? 0 : 255);
	assert_int_equal(cap_of(s->ctcap, "NOTE")->max_occur,
			 version == 12 ? 2 : 0);
	assert_int_equal(cap_of(s->ctcap, "NOTE")->no_truncate, version == 12);
	tel = cap_of(s->ctcap, "TEL");
	assert_int_equal(tel->param_n, 2);
	t_assert_text(tel->params[0].name, "TYPE");
	assert_int_equal(tel->params[0].value_n, 2);
	t_assert_text(tel->params[0].values[1], "CELL");
	t_assert_text(tel->params[1].name, "CHARSET");
	assert_int_equal(tel->params[1].value_n, 0);
}

static void
test_round_trips(void **state)
{
	struct arena *a = *state;

	for (int version = 10; version <= 12; version++) {
		struct sml_node *n =
		    sml_devinf_node(a, t_devinf(a, version), false);
		struct sml_devinf *d;
		struct slice text;
		struct err e;

		assert_non_null(n);
		assert_int_equal(sml_devinf_text(a, n, &text, &e), 0);
		assert_int_equal(sml_devinf_parse(a, text, &d, &e), 0);
		assert_int_equal(d->version, version);
		t_assert_text(d->man, "Example");
		t_assert_text(d->mod, "Phone <1>");
		t_assert_text(d->oem, "O");
		t_assert_text(d->fwv, "F1");
		t_assert_text(d->swv, "S1");
		t_assert_text(d->hwv, "H1");
		t_assert_text(d->devid, "IMEI:350000000000001");
		t_assert_text(d->devtyp, "phone");
		assert_int_equal(d->utc, version > 10);
		assert_int_equal(d->large_objs, version > 10);
		assert_int_equal(d->number_of_changes, version > 10);
		assert_int_equal(d->store_n, 2);
		check_store(&d->stores[0], version);
		check_store(&d->stores[1], version);
	}
}

static void
test_without_caps(void **state)
{
	struct arena *a = *state;

	for (int version = 10; version <= 12; version++) {
		const struct sml_devinf *in = t_devinf(a, version);
		struct sml_devinf *d;
		struct slice text;
		struct err e;

		assert_int_equal(
		    sml_devinf_text(a, sml_devinf_node(a, in, true), &text, &e),
		    0);
		assert_int_equal(slice_find_str(text, "PropName"), SIZE_MAX);
		assert_int_equal(sml_devinf_parse(a, text, &d, &e), 0);
		assert_int_equal(d->store_n, 2);
		assert_int_equal(d->stores[0].rx_n, 2);
	}
}

/* The size of a property has another name since 1.2. */
static void
test_names_by_version(void **state)
{
	struct arena *a = *state;
	struct slice text;
	struct err e;

	assert_int_equal(
	    sml_devinf_text(a, sml_devinf_node(a, t_devinf(a, 12), false),
			    &text, &e),
	    0);
	assert_true(slice_find_str(text, "<MaxSize>255<") != SIZE_MAX);
	assert_true(slice_find_str(text, "<Size>") == SIZE_MAX);
	assert_int_equal(
	    sml_devinf_text(a, sml_devinf_node(a, t_devinf(a, 11), false),
			    &text, &e),
	    0);
	assert_true(slice_find_str(text, "<Size>255<") != SIZE_MAX);
	assert_true(slice_find_str(text, "MaxSize") == SIZE_MAX);
	/* 1.0: neither sizes nor flags that it does not know. */
	assert_int_equal(
	    sml_devinf_text(a, sml_devinf_node(a, t_devinf(a, 10), false),
			    &text, &e),
	    0);
	assert_true(slice_find_str(text, "Size>255") == SIZE_MAX);
	assert_true(slice_find_str(text, "DataType") == SIZE_MAX);
	assert_true(slice_find_str(text, "UTC") == SIZE_MAX);
	assert_true(slice_find_str(text, "<ParamName>HOME<") != SIZE_MAX);
}

#define DS(refs)                                                               \
	"<DataStore><SourceRef>./c</SourceRef><Rx-Pref><CTType>text/x-vcard"   \
	"</CTType><VerCT>2.1</VerCT></Rx-Pref><Tx><CTType>text/x-vcalendar"    \
	"</CTType></Tx>" refs "</DataStore>"

static void
test_flat_capabilities(void **state)
{
	struct arena *a = *state;
	const struct sml_devinf *d = parse(
	    a, "<DevInf><VerDTD>1.1</VerDTD>" DS(
		   "") "<CTCap>"
		       "<ValEnum>lost</ValEnum><Property/>"
		       "<CTType>text/x-vcard</CTType>"
		       "<ParamName>LOST</ParamName>"
		       "<PropName>VERSION</PropName><ValEnum>2.1</ValEnum>"
		       "<PropName>TEL</PropName><DataType>phonenum</DataType>"
		       "<Size>40</Size><DisplayName>x</DisplayName>"
		       "<ParamName>WORK</ParamName><ParamName>cell</ParamName>"
		       "<ParamName>ENCODING</ParamName><ValEnum>8BIT</ValEnum>"
		       "<Size>1</Size>"
		       "<PropName>CLASS</PropName><ValEnum>PUBLIC</ValEnum>"
		       "<ValEnum>PRIVATE</ValEnum>"
		       "<CTType>text/x-vcalendar</CTType>"
		       "<PropName>SUMMARY</PropName></CTCap>"
		       "<CTCap><CTType>text/plain</CTType></CTCap></DevInf>");
	const struct sml_datastore *s = &d->stores[0];
	const struct pim_cap *tel;

	/* Those that the database takes or gives. */
	assert_int_equal(s->ctcap_n, 2);
	t_assert_text(s->ctcap[0].version, "2.1");
	tel = cap_of(&s->ctcap[0], "TEL");
	assert_int_equal(tel->max_bytes, 40);
	assert_int_equal(tel->value_n, 0);
	assert_int_equal(tel->param_n, 2);
	t_assert_text(tel->params[0].name, "TYPE");
	assert_int_equal(tel->params[0].value_n, 2);
	t_assert_text(tel->params[0].values[0], "WORK");
	t_assert_text(tel->params[0].values[1], "cell");
	t_assert_text(tel->params[1].name, "ENCODING");
	t_assert_text(tel->params[1].values[0], "8BIT");
	assert_int_equal(cap_of(&s->ctcap[0], "CLASS")->value_n, 2);
	assert_int_equal(s->ctcap[1].caps.prop_n, 1);
}

static void
test_nested_capabilities(void **state)
{
	struct arena *a = *state;
	const struct sml_devinf *d = parse(
	    a,
	    "<DevInf><VerDTD>1.2</VerDTD>" DS(
		"<CTCap><CTType>text/x-vcard</CTType><VerCT>2.1</VerCT>"
		"<FieldLevel/>"
		"<Property><PropName>TEL</PropName><MaxSize>30</MaxSize>"
		"<MaxOccur>5</MaxOccur><NoTruncate/><ValEnum>v</ValEnum>"
		"<PropParam><ParamName>TYPE</ParamName><ValEnum>HOME</ValEnum>"
		"<ValEnum>WORK</ValEnum></PropParam></Property></CTCap>"
		"<CTCap><CTType>text/vcard</CTType><VerCT>3.0</VerCT></CTCap>"
		"<SyncCap><SyncType>1</SyncType><SyncType>7</SyncType>"
		"<SyncType>8</SyncType><SyncType>390001</SyncType>"
		"<SyncType>-1</SyncType><SyncType>x</SyncType></SyncCap>"
		"<SupportHierarchicalSync/>") "</DevInf>");
	const struct sml_datastore *s = &d->stores[0];
	const struct pim_cap *tel = cap_of(&s->ctcap[0], "TEL");

	assert_int_equal(s->ctcap_n, 2);
	assert_true(s->ctcap[0].field_level);
	assert_false(s->ctcap[1].field_level);
	t_assert_text(s->ctcap[1].version, "3.0");
	assert_int_equal(tel->max_bytes, 30);
	assert_int_equal(tel->max_occur, 5);
	assert_true(tel->no_truncate);
	assert_int_equal(tel->value_n, 1);
	assert_int_equal(tel->params[0].value_n, 2);
	assert_int_equal(s->sync_types, 1u << 1 | 1u << 7);
	assert_true(s->hierarchical);
	assert_int_equal(s->max_guid_size, -1);
	assert_int_equal(s->max_mem, -1);
}

static void
test_poor_ones(void **state)
{
	struct arena *a = *state;
	struct sml_devinf *d;
	struct err e;

	/* Nothing in it; wrong order; numbers that are none. */
	d = parse(a, "<DevInf/>");
	assert_int_equal(d->version, 11);
	assert_int_equal(d->store_n, 0);
	t_assert_text(d->man, "");
	d = parse(a, "<DevInf>" DS("<CTCap/>") "</DevInf>");
	assert_int_equal(d->version, 12);
	d = parse(a,
		  "<DevInf><DataStore><MaxGUIDSize> 40\n</MaxGUIDSize>"
		  "<SourceRef> Eri </SourceRef><DSMem><MaxID>x</MaxID></DSMem>"
		  "</DataStore><VerDTD>1.0</VerDTD></DevInf>");
	assert_int_equal(d->version, 10);
	assert_int_equal(d->stores[0].max_guid_size, 40);
	assert_int_equal(d->stores[0].max_id, -1);
	t_assert_text(d->stores[0].source_ref, "Eri");
	assert_int_equal(d->stores[0].rx_n, 0);
	assert_int_equal(sml_devinf_parse(a, SLICE_LIT("<SyncML/>"), &d, &e),
			 -1);
	assert_int_equal(e.code, ERR_PARSE);
	assert_null(d);
}

/* In Item/Data: elements, a WBXML document, XML text; or nothing. */
static void
test_forms_in_data(void **state)
{
	struct arena *a = *state;
	static const struct {
		struct slice text;
		int result; /* 1: there, 0: none, -1: refused */
	} rows[] = {
		{ SLICE_INIT(""), 0 },
		{ SLICE_INIT(" \r\n"), 0 },
		{ SLICE_INIT("\n<?xml version='1.0'?><DevInf/>"), 1 },
		{ SLICE_INIT("\n<DevInf><VerDTD>1.1</VerDTD></DevInf>\n"), 1 },
		{ SLICE_INIT("<SyncML/>"), -1 },
		{ SLICE_INIT("<DevInf>"), -1 },
		{ SLICE_INIT("\x02\x9F\x54\x6A\0\x4A\x28\x01"), 1 },
		{ SLICE_INIT("\x02\x9F\x53\x6A\0\x2D"), -1 },
		{ SLICE_INIT("\x02\x9F"), -1 },
		{ SLICE_INIT("hello"), -1 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sml_node data = { .tag = SML_DATA,
					 .text = rows[i].text };
		struct sml_node *root;
		struct err e;
		int r = sml_read_devinf(a, &data, &root, &e);

		assert_int_equal(r, rows[i].result < 0 ? -1 : 0);
		assert_int_equal(root != NULL, rows[i].result > 0);
	}
}

static void
test_no_data(void **state)
{
	struct sml_node *root;
	struct err e;

	assert_int_equal(sml_read_devinf(*state, NULL, &root, &e), 0);
	assert_null(root);
}

static void
test_store_by_uri(void **state)
{
	static const struct {
		const char *uri;
		int store; /* -1: none */
	} rows[] = {
		{ "./contacts", 0 },
		{ "contacts", 0 },
		{ "/Contacts/", 0 },
		{ "./contacts?a=b", 0 },
		{ "./C\\Calendar", 1 },
		{ "c\\calendar?x=2", 1 },
		{ "./contacts2", -1 },
		{ "./", -1 },
		{ "", -1 },
		{ "?x", -1 },
	};
	struct arena *a = *state;
	const struct sml_devinf *d = t_devinf(a, 12);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_ptr_equal(sml_devinf_store(d, slice_c(rows[i].uri)),
				 rows[i].store < 0 ? NULL
						   : &d->stores[rows[i].store]);
	assert_null(sml_devinf_store(NULL, SLICE_LIT("./contacts")));
}

/* Thousands of properties: linear. */
static void
test_many_properties(void **state)
{
	enum { N = 20000 };
	struct arena *a = *state;
	struct buf b = BUF_IN(a);
	const struct sml_devinf *d;

	buf_str(&b, "<DevInf>" DS("") "<CTCap><CTType>text/x-vcard</CTType>");
	for (int i = 0; i < N; i++)
		buf_printf(&b, "<PropName>X-%d</PropName>", i);
	for (int i = 0; i < N; i++)
		buf_printf(&b, "<ValEnum>%d</ValEnum>", i);
	buf_str(&b, "</CTCap></DevInf>");
	buf_byte(&b, 0);
	d = parse(a, buf_slice(&b).p);
	assert_int_equal(d->stores[0].ctcap[0].caps.prop_n, N);
	assert_int_equal(d->stores[0].ctcap[0].caps.props[N - 1].value_n, N);
	t_assert_text(d->stores[0].ctcap[0].caps.props[N - 1].values[N - 1],
		      "19999");
}

static void
test_memory_short_everywhere(void **state)
{
	struct arena *a = *state;

	for (int version = 11; version <= 12; version++) {
		const struct sml_devinf *in = t_devinf(a, version);
		struct slice text;
		struct err e;

		assert_int_equal(sml_devinf_text(a,
						 sml_devinf_node(a, in, false),
						 &text, &e),
				 0);
		for (int kind = 0; kind < 4; kind++) {
			size_t n = 1;

			for (;; n++) {
				struct arena *b =
				    arena_new(SML_ARENA_BYTES_MAX);
				struct sml_devinf *d;
				struct sml_node *node;
				bool ok;

				arena_fail_at(b, n, kind % 2 == 1);
				e.code = ERR_NOMEM;
				if (kind < 2) {
					ok = sml_devinf_parse(b, text, &d,
							      &e) == 0;
				} else {
					node = sml_devinf_node(b, in, false);
					ok = node != NULL;
				}
				arena_free(&b);
				if (ok)
					break;
				assert_int_equal(e.code, ERR_NOMEM);
			}
			assert_true(n > 20);
		}
	}
}

#define T(f) cmocka_unit_test_setup_teardown(f, t_setup, t_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_round_trips),
		T(test_without_caps),
		T(test_names_by_version),
		T(test_flat_capabilities),
		T(test_nested_capabilities),
		T(test_poor_ones),
		T(test_forms_in_data),
		T(test_no_data),
		T(test_store_by_uri),
		T(test_many_properties),
		T(test_memory_short_everywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
