/*
 * Secrets without cryptography, for tests of what lies behind them: a password
 * is its own hash and its own sealed form, and nobody is ever throttled.
 */
#ifndef TESTS_SYNCML_SECRETS_H
#define TESTS_SYNCML_SECRETS_H

#include "syncml/server.h"

struct sml_secrets plain_secrets(void);

#endif
