/*
 * The database of a directory of the crash proof: a file in it, or, where
 * tests/postgres/server.py has started a server (FUNICULAR_TEST_POSTGRES), a
 * database there that is called as the directory is.
 */
#ifndef TESTS_CRASH_BASE_H
#define TESTS_CRASH_BASE_H

#include <stdbool.h>
#include <stddef.h>

/* What `store` in the configuration says. */
void base_uri(const char *dir, char *out, size_t n);
/* An empty one. */
void base_new(const char *dir);
/* `to` has what `from` has at this moment. used: by a daemon, which loses its
   connections on PostgreSQL. */
void base_copy(const char *from, const char *to, bool used);
void base_remove(const char *dir);

#endif
