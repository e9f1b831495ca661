/* Addresses out of a field that names people (RFC 5322, 3.4). */
#include "pim/mime.h"

static void
skip_quoted(struct pim_addresses *l)
{
	for (l->at++; l->at < l->s.n && l->s.p[l->at] != '"'; l->at++)
		l->at += l->s.p[l->at] == '\\';
	l->at++;
}

static void
skip_comment(struct pim_addresses *l)
{
	int depth = 0;

	do {
		char c = l->s.p[l->at++];

		if (c == '\\')
			l->at++;
		depth += c == '(';
		depth -= c == ')';
	} while (depth > 0 && l->at < l->s.n);
	l->broken |= depth > 0;
}

static void
keep(struct pim_addresses *l, char c)
{
	if (l->had_angle && !l->angle)
		return; /* behind the brackets there is nothing */
	if (l->n == 0 && (c == ' ' || c == '\t' || c == '\r' || c == '\n'))
		return;
	if (l->n == PIM_ADDRESS_MAX)
		l->broken = true;
	else
		l->text[l->n++] = c;
}

static void
one(struct pim_addresses *l, char c)
{
	switch (c) {
	case '"':
		/* A name; but one that stands in the address is part of it, and
		   what it means is not what is left without it. */
		l->quoted |= l->n > 0 && !(l->had_angle && !l->angle);
		skip_quoted(l);
		l->quoted |= l->at < l->s.n && l->s.p[l->at] == '@';
		return;
	case '(':
		skip_comment(l);
		return;
	case '<':
		l->broken |= l->had_angle;
		l->angle = l->had_angle = true;
		l->quoted = false;
		l->n = 0;
		break;
	case '>':
		l->broken |= !l->angle;
		l->angle = false;
		break;
	case ':': /* the name of a group, or a route: not of the address */
		l->quoted = false;
		l->n = 0;
		break;
	default:
		keep(l, c);
	}
	l->at++;
}

bool
pim_mime_address(struct pim_addresses *l, struct slice *out)
{
	do {
		l->n = 0;
		l->angle = l->had_angle = l->quoted = false;
		while (l->at < l->s.n) {
			char c = l->s.p[l->at];

			if (!l->angle && (c == ',' || c == ';'))
				break;
			one(l, c);
		}
		l->broken |= l->angle || l->quoted;
		l->at++;
		*out = slice_trim((struct slice){ l->text, l->n });
	} while (out->n == 0 && l->at < l->s.n);
	return out->n > 0;
}
