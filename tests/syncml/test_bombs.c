/*
 * Small documents that cost other readers gigabytes, minutes or the process.
 * Each is refused; printed are the processor time and the memory that it took.
 */
#include "tests/syncml/raw.h"

#include <libxml/xmlmemory.h>
#include <malloc.h>
#include <stdlib.h>
#include <time.h>

#ifdef __clang__
enum { SLOWER = __has_feature(address_sanitizer) ? 10 : 1 };
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SLOWER = 10 };
#else
enum { SLOWER = 1 };
#endif

enum { TIME_US = 10000, MEMORY = 1 << 20, WIRE = SML_MSG_BYTES_MAX };

/* ---- what libxml2 takes ----------------------------------------------------
 */

static size_t xml_now, xml_most;

static void
xml_free(void *p)
{
	xml_now -= malloc_usable_size(p);
	free(p);
}

static void *
counted(void *p)
{
	xml_now += malloc_usable_size(p);
	if (xml_now > xml_most)
		xml_most = xml_now;
	return p;
}

static void *
xml_malloc(size_t n)
{
	return counted(malloc(n));
}

static void *
xml_realloc(void *p, size_t n)
{
	xml_now -= malloc_usable_size(p);
	return counted(realloc(p, n));
}

static char *
xml_strdup(const char *s)
{
	return counted(strdup(s));
}

/* ---- the documents ---------------------------------------------------------
 */

static struct buf b;

static void
fill(const char *part, size_t upto)
{
	while (b.n < upto)
		buf_str(&b, part);
}

static void
hex(const char *text)
{
	for (; text[0] != '\0' && text[1] != '\0'; text += 2) {
		char pair[3] = { text[0], text[1], '\0' };

		buf_byte(&b, (unsigned char)strtoul(pair, NULL, 16));
	}
}

#define H12 "02a4016a00"

static void
wb_null(void)
{
	hex("00100041c300");
}

static void
wb_entity(void)
{
	hex("02a4016a006d02888080800001");
}

static void
wb_nested(void)
{
	hex(H12 "6d");
	fill("\x6A", 200000);
}

static void
wb_nested_unknown(void)
{
	hex(H12 "6d");
	fill("\x70", 200000);
}

/* 50,000 bytes of string table, and 25,000 times all of it: 1.2 GB. */
static void
wb_strings(void)
{
	size_t n;

	hex("02a4016a8386506d4f");
	b.n -= 2;
	n = b.n + 50000;
	fill("A", n);
	hex("6d4f");
	while (b.n < 100000)
		buf_add(&b, (struct slice){ "\x83\0", 2 });
	hex("0101");
}

static void
wb_strings_unknown(void)
{
	size_t n;

	hex("02a4016a838650");
	n = b.n + 50000;
	fill("A", n);
	hex("6d70");
	while (b.n < 100000)
		buf_add(&b, (struct slice){ "\x83\0", 2 });
	hex("0101");
}

static void
wb_lengths(void)
{
	hex(H12 "6d4fc38fffffff7f");
}

static void
wb_table_length(void)
{
	hex("02a4016a8fffffff7f");
}

static void
wb_number(void)
{
	hex(H12 "6d4fc3");
	fill("\xFF", WIRE);
}

static void
wb_siblings(void)
{
	hex(H12 "6d6b");
	fill("\x46\x01", WIRE);
}

static void
wb_pages(void)
{
	hex(H12 "6d");
	while (b.n < WIRE)
		buf_add(&b, (struct slice){ "\0\x07", 2 });
}

static void
wb_attributes(void)
{
	hex(H12 "ed");
	fill("\x05", WIRE);
}

static void
wb_open_string(void)
{
	hex(H12 "6d4f03");
	fill("x", WIRE);
}

static void
xml_laughs(void)
{
	buf_str(&b, "<!DOCTYPE SyncML [<!ENTITY l0 'lol'>");
	for (int i = 1; i < 10; i++)
		buf_printf(&b,
			   "<!ENTITY l%d '&l%d;&l%d;&l%d;&l%d;&l%d;&l%d;&l%d;"
			   "&l%d;&l%d;&l%d;'>",
			   i, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1,
			   i - 1, i - 1, i - 1);
	buf_str(&b, "]><SyncML>&l9;</SyncML>");
}

static void
xml_quadratic(void)
{
	buf_str(&b, "<!DOCTYPE SyncML [<!ENTITY a '");
	fill("a", 50000);
	buf_str(&b, "'>]><SyncML>");
	fill("&a;", 200000);
	buf_str(&b, "</SyncML>");
}

static void
xml_parameter(void)
{
	buf_str(&b, "<!DOCTYPE SyncML [<!ENTITY % p '<!ENTITY a \"b\">'>%p;"
		    "%p;]><SyncML/>");
}

static void
xml_file(void)
{
	buf_str(&b, "<!DOCTYPE SyncML [<!ENTITY f SYSTEM 'file:///etc/passwd'>"
		    "]><SyncML>&f;</SyncML>");
}

static void
xml_external(void)
{
	buf_str(&b, "<!DOCTYPE SyncML SYSTEM 'http://dtd.example/x.dtd'>"
		    "<SyncML>&f;</SyncML>");
}

static void
xml_deep(void)
{
	buf_str(&b, "<SyncML>");
	fill("<Item>", WIRE);
}

static void
xml_deep_unknown(void)
{
	buf_str(&b, "<SyncML>");
	fill("<a>", WIRE);
}

static void
xml_attributes(void)
{
	buf_str(&b, "<SyncML");
	for (int i = 0; b.n < WIRE; i++)
		buf_printf(&b, " a%d=''", i);
}

static void
xml_namespaces(void)
{
	buf_str(&b, "<SyncML");
	for (int i = 0; b.n < WIRE; i++)
		buf_printf(&b, " xmlns:a%d='x'", i);
}

static void
xml_name(void)
{
	buf_str(&b, "<SyncML><");
	fill("aaaaaaaaaaaaaaaa", WIRE);
}

static void
xml_value(void)
{
	buf_str(&b, "<SyncML a='");
	fill("aaaaaaaaaaaaaaaa", WIRE);
}

static void
xml_comment(void)
{
	buf_str(&b, "<SyncML><!--");
	fill("aaaaaaaaaaaaaaaa", WIRE);
}

static void
xml_instruction(void)
{
	buf_str(&b, "<SyncML><?x ");
	fill("aaaaaaaaaaaaaaaa", WIRE);
}

static void
xml_section(void)
{
	buf_str(&b, "<SyncML><![CDATA[");
	fill("]]]]]]]]]]]]]]]]", WIRE);
}

static void
xml_sections(void)
{
	buf_str(&b, "<SyncML><Data>");
	fill("<![CDATA[]]>", WIRE);
}

static void
xml_characters(void)
{
	buf_str(&b, "<SyncML><Data>");
	fill("&#65;", WIRE);
}

static void
xml_doctype(void)
{
	buf_str(&b, "<!DOCTYPE SyncML PUBLIC '");
	fill("aaaaaaaaaaaaaaaa", WIRE);
}

static void
xml_siblings(void)
{
	buf_str(&b, "<SyncML>");
	fill("<x/>", WIRE);
}

static void
xml_utf16(void)
{
	buf_str(&b, "\xFF\xFE");
	while (b.n < WIRE)
		buf_add(&b, (struct slice){ "<\0a\0>\0", 6 });
}

/* `times`: what is as large as a message can be, and has to be read to its
   end, may take more than a bomb's time and memory. */
static const struct bomb {
	const char *name;
	void (*make)(void);
	int time_times, memory_times;
} bombs[] = {
	{ "WBXML: 6 bytes, a NULL elsewhere", wb_null, 1, 1 },
	{ "WBXML: an entity beyond Unicode", wb_entity, 1, 1 },
	{ "WBXML: 200,000 deep", wb_nested, 1, 1 },
	{ "WBXML: 200,000 deep, unknown", wb_nested_unknown, 1, 1 },
	{ "WBXML: 1.2 GB of string table", wb_strings, 1, 4 },
	{ "WBXML: the same, unknown", wb_strings_unknown, 1, 1 },
	{ "WBXML: opaque data of 4 GB", wb_lengths, 1, 1 },
	{ "WBXML: string table of 4 GB", wb_table_length, 1, 1 },
	{ "WBXML: a number of 1 MB", wb_number, 1, 1 },
	{ "WBXML: 500,000 elements", wb_siblings, 10, 96 },
	{ "WBXML: 500,000 page switches", wb_pages, 1, 1 },
	{ "WBXML: 1 MB of attributes", wb_attributes, 1, 1 },
	{ "WBXML: a string without end", wb_open_string, 1, 1 },
	{ "XML: billion laughs", xml_laughs, 1, 1 },
	{ "XML: quadratic blow-up", xml_quadratic, 1, 1 },
	{ "XML: parameter entities", xml_parameter, 1, 1 },
	{ "XML: an entity that is a file", xml_file, 1, 1 },
	{ "XML: an entity of a DTD elsewhere", xml_external, 1, 1 },
	{ "XML: 160,000 deep", xml_deep, 1, 1 },
	{ "XML: 330,000 deep, unknown", xml_deep_unknown, 1, 1 },
	{ "XML: 100,000 attributes", xml_attributes, 1, 1 },
	{ "XML: 70,000 namespaces", xml_namespaces, 1, 1 },
	{ "XML: a name of 1 MB", xml_name, 1, 1 },
	{ "XML: a value of 1 MB", xml_value, 1, 1 },
	{ "XML: a comment of 1 MB", xml_comment, 10, 4 },
	{ "XML: an instruction of 1 MB", xml_instruction, 10, 4 },
	{ "XML: brackets in a section", xml_section, 10, 4 },
	{ "XML: 80,000 empty sections", xml_sections, 10, 4 },
	{ "XML: 200,000 character references", xml_characters, 10, 4 },
	{ "XML: a public id of 1 MB", xml_doctype, 10, 4 },
	{ "XML: 250,000 elements", xml_siblings, 10, 4 },
	{ "XML: UTF-16", xml_utf16, 1, 1 },
};

static int64_t
cpu_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void
set_off(const struct bomb *bomb, struct slice body)
{
	struct arena *a = arena_new(SML_ARENA_BYTES_MAX);
	struct sml_request rq = {
		.content_type = SLICE_LIT("application/vnd.syncml+xml"),
		.body = body,
		.peer = SLICE_LIT("192.0.2.7"),
	};
	struct sml_reply out;
	int64_t began;
	int64_t us;
	size_t memory;

	assert_non_null(a);
	xml_most = xml_now;
	memory = xml_now;
	began = cpu_us();
	sml_server_handle(&bench.srv, a, &rq, &out);
	us = cpu_us() - began;
	memory = xml_most - memory + arena_used(a);
	print_message("%-36s %7zu bytes: %d, %6.2f ms, %6zu kB: %.*s\n",
		      bomb->name, body.n, out.http, (double)us / 1000,
		      memory / 1024, SLICE_ARG(out.note));
	assert_true(out.http == 400 || out.http == 413);
	assert_true(out.note.n > 0 && out.body.n < 400);
	assert_true(us < (int64_t)TIME_US * bomb->time_times * SLOWER);
	assert_true(memory < (size_t)MEMORY * (size_t)bomb->memory_times);
	arena_free(&a);
}

static void
bombs_go_off(void **state)
{
	struct raw r;

	(void)state;
	for (size_t i = 0; i < sizeof(bombs) / sizeof(bombs[0]); i++) {
		b = BUF_IN(bench.a);
		bombs[i].make();
		assert_true(buf_ok(&b));
		set_off(&bombs[i], buf_slice(&b));
	}
	open_raw(&r, "IMEI:1", "1");
	first_sync(&r, 1, "n1");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(bombs_go_off),
	};

	if (xmlMemSetup(xml_free, xml_malloc, xml_realloc, xml_strdup) != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
