/*
 * An XMPP client on libstrophe, which shares no line of code with the outlet.
 *
 *	client JID PASSWORD HOST PORT CAFILE [receipts]
 *
 * In: lines; each is sent to the server as it is. "quit": leave politely.
 * Out: "up", "down", and each message, presence and iq that comes, as XML in
 * one line. With `receipts` what asks for one gets it.
 */
#include <ctype.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strophe.h>
#include <unistd.h>

struct client {
	xmpp_ctx_t *ctx;
	xmpp_conn_t *conn;
	int receipts, up, over;
	char in[1048576];
	size_t in_n;
};

static void
show(xmpp_ctx_t *ctx, xmpp_stanza_t *st)
{
	char *text;
	size_t n;

	if (xmpp_stanza_to_text(st, &text, &n) != XMPP_EOK)
		return;
	for (size_t i = 0; i < n; i++)
		putchar(text[i] == '\n' ? ' ' : text[i]);
	putchar('\n');
	(void)fflush(stdout);
	xmpp_free(ctx, text);
}

static void
receipt(struct client *c, xmpp_stanza_t *st)
{
	xmpp_stanza_t *msg, *r;

	if (!c->receipts || xmpp_stanza_get_id(st) == NULL ||
	    xmpp_stanza_get_child_by_name(st, "request") == NULL)
		return;
	msg = xmpp_message_new(c->ctx, "chat", xmpp_stanza_get_from(st), NULL);
	r = xmpp_stanza_new(c->ctx);
	(void)xmpp_stanza_set_name(r, "received");
	(void)xmpp_stanza_set_ns(r, "urn:xmpp:receipts");
	(void)xmpp_stanza_set_id(r, xmpp_stanza_get_id(st));
	(void)xmpp_stanza_add_child(msg, r);
	(void)xmpp_stanza_release(r);
	xmpp_send(c->conn, msg);
	(void)xmpp_stanza_release(msg);
}

static int
on_stanza(xmpp_conn_t *conn, xmpp_stanza_t *st, void *arg)
{
	struct client *c = arg;

	(void)conn;
	show(c->ctx, st);
	if (strcmp(xmpp_stanza_get_name(st), "message") == 0)
		receipt(c, st);
	return 1;
}

static void
on_conn(xmpp_conn_t *conn, xmpp_conn_event_t event, int error,
	xmpp_stream_error_t *stream_error, void *arg)
{
	struct client *c = arg;

	(void)error;
	(void)stream_error;
	if (event == XMPP_CONN_CONNECT) {
		xmpp_stanza_t *p = xmpp_presence_new(c->ctx);

		xmpp_handler_add(conn, on_stanza, NULL, NULL, NULL, c);
		xmpp_send(conn, p);
		(void)xmpp_stanza_release(p);
		c->up = 1;
		puts("up");
	} else {
		c->over = 1;
		puts("down");
	}
	(void)fflush(stdout);
}

static void
do_line(struct client *c, char *line)
{
	if (strcmp(line, "quit") == 0)
		xmpp_disconnect(c->conn);
	else
		xmpp_send_raw(c->conn, line, strlen(line));
}

/* What stdin has got; its end is a quit. */
static void
take_input(struct client *c)
{
	struct pollfd p = { STDIN_FILENO, POLLIN, 0 };
	char *end;
	ssize_t n;

	if (!c->up || poll(&p, 1, 0) <= 0)
		return;
	n = read(STDIN_FILENO, c->in + c->in_n, sizeof(c->in) - 1 - c->in_n);
	if (n <= 0) {
		xmpp_disconnect(c->conn);
		c->up = 0;
		return;
	}
	c->in_n += (size_t)n;
	c->in[c->in_n] = '\0';
	while ((end = strchr(c->in, '\n')) != NULL) {
		*end++ = '\0';
		do_line(c, c->in);
		c->in_n -= (size_t)(end - c->in);
		memmove(c->in, end, c->in_n + 1);
	}
}

int
main(int argc, char **argv)
{
	static struct client c;

	if (argc < 6)
		return 2;
	xmpp_initialize();
	c.ctx = xmpp_ctx_new(NULL, NULL);
	c.conn = xmpp_conn_new(c.ctx);
	c.receipts = argc > 6;
	(void)xmpp_conn_set_flags(c.conn, XMPP_CONN_FLAG_MANDATORY_TLS);
	xmpp_conn_set_cafile(c.conn, argv[5]);
	xmpp_conn_set_jid(c.conn, argv[1]);
	xmpp_conn_set_pass(c.conn, argv[2]);
	if (xmpp_connect_client(c.conn, argv[3],
				(unsigned short)strtoul(argv[4], NULL, 10),
				on_conn, &c) != XMPP_EOK)
		return 1;
	while (!c.over) {
		take_input(&c);
		xmpp_run_once(c.ctx, 5);
	}
	(void)xmpp_conn_release(c.conn);
	xmpp_ctx_free(c.ctx);
	xmpp_shutdown();
	return 0;
}
