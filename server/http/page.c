#include "server/http/page.h"

#include <microhttpd.h>

const char srv_page_type[] = "text/html; charset=utf-8";

/* The same for everybody: it tells nothing about the site or its users. */
static const char html[] =
    "<!DOCTYPE html>\n"
    "<html lang=\"en\">\n"
    "<head>\n"
    "<meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width\">\n"
    "<title>Funicular sync server</title>\n"
    "<style>\n"
    "body{font:1rem/1.5 sans-serif;max-width:36rem;margin:2rem auto;"
    "padding:0 1rem}\n"
    "th{text-align:left;padding-right:1.5rem;vertical-align:top}\n"
    "</style>\n"
    "</head>\n"
    "<body>\n"
    "<h1>This address is for your phone</h1>\n"
    "<p>Funicular keeps contacts, calendar, tasks and notes of phones and\n"
    "mail programs in step by SyncML (OMA Data Synchronization). There is\n"
    "nothing to see here in a browser.</p>\n"
    "<h2>Setting up a device</h2>\n"
    "<p>Make a sync profile in the device&rsquo;s settings (often called\n"
    "<i>Sync</i>, <i>Remote sync</i> or <i>Synchronisation</i>):</p>\n"
    "<table>\n"
    "<tr><th>Server address</th><td>the address of this page, as your\n"
    "browser shows it</td></tr>\n"
    "<tr><th>Version</th><td>1.2, or 1.1 where the device has nothing\n"
    "newer</td></tr>\n"
    "<tr><th>User, password</th><td>what your administrator gave you for\n"
    "this device</td></tr>\n"
    "<tr><th>Contacts</th><td>contacts</td></tr>\n"
    "<tr><th>Calendar</th><td>calendar</td></tr>\n"
    "<tr><th>Tasks</th><td>tasks</td></tr>\n"
    "<tr><th>Notes</th><td>notes</td></tr>\n"
    "<tr><th>Network authentication</th><td>none</td></tr>\n"
    "</table>\n"
    "<p>Where the device asks for a port apart from the address, take the\n"
    "one in the address, else 443 for https and 80 for http.</p>\n"
    "</body>\n"
    "</html>\n";

struct slice
srv_page_html(void)
{
	return SLICE_LIT(html);
}

void
srv_page_headers(struct MHD_Response *r, bool tls)
{
	(void)MHD_add_response_header(r, "Content-Security-Policy",
				      "default-src 'none'; "
				      "style-src 'unsafe-inline'; "
				      "frame-ancestors 'none'");
	(void)MHD_add_response_header(r, "X-Content-Type-Options", "nosniff");
	(void)MHD_add_response_header(r, "Referrer-Policy", "no-referrer");
	if (tls)
		(void)MHD_add_response_header(r, "Strict-Transport-Security",
					      "max-age=31536000");
}
