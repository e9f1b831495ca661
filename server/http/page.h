/*
 * The page that a person sees who opens the device address in a browser.
 */
#ifndef SERVER_HTTP_PAGE_H
#define SERVER_HTTP_PAGE_H

#include "base/slice.h"

#include <stdbool.h>

struct MHD_Response;

extern const char srv_page_type[];

struct slice srv_page_html(void);

/* No scripts, no frames, nothing from elsewhere; over TLS: stay on TLS. */
void srv_page_headers(struct MHD_Response *r, bool tls);

#endif
