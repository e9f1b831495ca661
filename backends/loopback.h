/*
 * Is an address one of this machine's own? What goes there crosses no network,
 * so it may go without TLS.
 */
#ifndef BACKENDS_LOOPBACK_H
#define BACKENDS_LOOPBACK_H

#include <stdbool.h>
#include <sys/socket.h>

/* 127.0.0.0/8, ::1, ::ffff:127.0.0.0/104 */
bool loopback_is(const struct sockaddr *sa);

#endif
