/*
 * Contacts made up from a seed: names, numbers and addresses as people have
 * them, some 300 to 400 bytes of vCard 3.0 each.
 */
#ifndef TESTS_BENCH_CONTACTS_H
#define TESTS_BENCH_CONTACTS_H

#include <stddef.h>

enum { BENCH_CONTACT_MAX = 1024 };

/* Contact number i in its version v (another version: another note). */
size_t bench_contact(unsigned i, unsigned v, char out[BENCH_CONTACT_MAX]);

#endif
