#include "tests/bench/contacts.h"

#include <stdint.h>
#include <stdio.h>

static const char *const given[] = {
	"Anna",  "Bernd",  "Carla",  "David",         "Elif",
	"Frank", "Greta",  "Henrik", "Ines",          "Jakob",
	"Karin", "Lukas",  "Marta",  "Nils",          "Olga",
	"Paul",  "Rosa",   "Stefan", "Tanja",         "Uwe",
	"Vera",  "Walter", "Yusuf",  "J\xC3\xBCrgen", "Zo\xC3\xAB",
};
static const char *const head[] = { "Acker",  "Berg",        "Brand", "Eichen",
				    "Feld",   "Gold",        "Hof",   "Kirch",
				    "Linden", "M\xC3\xBChl", "Neu",   "Rosen",
				    "Stein",  "Wald",        "Winter" };
static const char *const tail[] = { "mann", "bauer", "er",   "feld", "stein",
				    "kamp", "horst", "berg", "hof",  "au" };
static const char *const firm[] = { "Optik",    "Bau",    "Verlag",  "Druck",
				    "Apotheke", "Reisen", "Elektro", "Holz" };
static const char *const role[] = { "Leitung", "Einkauf", "Vertrieb",
				    "Buchhaltung", "Werkstatt" };

#define PICK(list, r) list[(r) % (sizeof(list) / sizeof((list)[0]))]

/* SplitMix64: the same contact for the same number, everywhere. */
static uint64_t
mix(uint64_t x)
{
	x += 0x9E3779B97F4A7C15u;
	x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
	x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
	return x ^ (x >> 31);
}

size_t
bench_contact(unsigned i, unsigned v, char out[BENCH_CONTACT_MAX])
{
	uint64_t r = mix(i);
	const char *g = PICK(given, r);
	const char *a = PICK(head, r >> 8), *b = PICK(tail, r >> 16);
	const char *c = PICK(head, r >> 24), *second = PICK(given, r >> 52);
	unsigned n = (unsigned)(r >> 32);
	int w = snprintf(
	    out, BENCH_CONTACT_MAX,
	    "BEGIN:VCARD\r\nVERSION:3.0\r\nN:%s%s;%s;%s;;\r\nFN:%s %s %s%s\r\n"
	    "TEL;TYPE=CELL:+49170%07u\r\nTEL;TYPE=HOME,VOICE:+4930%07u\r\n"
	    "EMAIL;TYPE=INTERNET:%c.%u@example.org\r\n"
	    "ORG:%s%s %s;%s\r\n"
	    "ADR;TYPE=HOME:;;%sstra\xC3\x9F"
	    "e %u;%s%s;;%05u;Deutschland\r\n"
	    "BDAY:%u-%02u-%02u\r\n"
	    "NOTE:Kunde Nr. %u seit %u%s\r\nEND:VCARD\r\n",
	    a, b, g, second, g, second, a, b, n % 10000000, (n / 7) % 10000000,
	    (char)('a' + n % 26), i, c, b, PICK(firm, r >> 40),
	    PICK(role, r >> 44), c, n % 180 + 1, PICK(head, r >> 48), "stadt",
	    n % 90000 + 10000, 1940 + n % 65, n % 12 + 1, n % 28 + 1, i,
	    1990 + n % 30, v == 0 ? "" : ", ruft gern abends an");

	return w < 0 ? 0 : (size_t)w;
}
