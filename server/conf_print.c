#include "server/conf.h"

enum { SAMPLE_WIDTH = 76 };

/* Words of `text`, wrapped, each line behind `lead`. */
static void
wrap(struct buf *out, const char *lead, const char *text)
{
	struct slice rest = slice_c(text);
	struct slice word;
	size_t col = 0;

	while (slice_split(&rest, ' ', &word)) {
		if (word.n == 0)
			continue;
		if (col > 0 && col + 1 + word.n > SAMPLE_WIDTH) {
			buf_str(out, "\n");
			col = 0;
		}
		if (col == 0) {
			buf_str(out, lead);
			col = strlen(lead);
		} else {
			buf_str(out, " ");
			col++;
		}
		buf_add(out, word);
		col += word.n;
	}
	buf_str(out, "\n");
}

/* "Number of bytes from 4096 to 4000000." */
static void
range(struct buf *out, const struct srv_conf_key *k)
{
	static const char *const kind[] = {
		[SRV_CONF_TEXT] = "Text",
		[SRV_CONF_LIST] = "List with blanks between",
		[SRV_CONF_BOOL] = "yes or no",
		[SRV_CONF_INT] = "Number",
		[SRV_CONF_BYTES] = "Size (kB, MB, GB may follow)",
		[SRV_CONF_SECONDS] = "Time (s, min, h, d may follow)",
		[SRV_CONF_LEVEL] = "debug, info, warning or error",
	};

	buf_str(out, kind[k->type]);
	if (k->type == SRV_CONF_INT || k->type == SRV_CONF_BYTES ||
	    k->type == SRV_CONF_SECONDS)
		buf_printf(out, ", %lld to %lld%s%s", (long long)k->min,
			   (long long)k->max, k->unit[0] == '\0' ? "" : " ",
			   k->unit);
	buf_str(out, k->reload ? "; a reload takes a change over."
			       : "; a change needs a restart.");
}

void
srv_conf_sample(struct buf *out)
{
	const char *group = "";

	wrap(out, "# ",
	     "Configuration of Funicular. Every key stands here with its "
	     "default; take the # away to change it. Check a change with "
	     "`funicular serve --check-config`; `systemctl reload funicular` "
	     "takes over what can change while it runs. Printed by `funicular "
	     "serve --print-config`.");
	for (size_t i = 0; i < srv_conf_key_n; i++) {
		const struct srv_conf_key *k = &srv_conf_keys[i];
		char kind[200];
		struct buf b = { .a = out->a, .max = sizeof(kind) };

		if (strcmp(group, k->group) != 0)
			buf_printf(out, "\n\n# ---- %s ----\n", k->group);
		group = k->group;
		buf_str(out, "\n");
		wrap(out, "# ", k->help);
		range(&b, k);
		buf_byte(&b, 0);
		if (buf_ok(&b))
			wrap(out, "# ", b.p);
		else
			out->bad = true;
		buf_printf(out, "#%s =%s%s\n", k->name,
			   k->def[0] == '\0' ? "" : " ", k->def);
	}
}

/* Text for troff: a backslash, a leading dot and a hyphen mean something. */
static void
troff(struct buf *out, const char *s)
{
	for (; *s != '\0'; s++) {
		if (*s == '\\')
			buf_str(out, "\\e");
		else if (*s == '-')
			buf_str(out, "\\-");
		else
			buf_byte(out, (unsigned char)*s);
		/* Long priority strings may break here. */
		if (*s == ':' && s[1] != ' ')
			buf_str(out, "\\:");
	}
}

static void
man_key(struct buf *out, const struct srv_conf_key *k)
{
	buf_str(out, ".TP\n.B ");
	troff(out, k->name);
	buf_str(out, "\n");
	troff(out, k->help);
	buf_str(out, "\n.br\n");
	range(out, k);
	buf_str(out, " Default: ");
	if (k->def[0] == '\0') {
		buf_str(out, "empty");
	} else {
		buf_str(out, "\\fB");
		troff(out, k->def);
		buf_str(out, "\\fR");
	}
	buf_str(out, ".\n");
}

static const char man_head[] =
    ".TH FUNICULAR.CONF 5 \"\" \"Funicular\" \"File formats\"\n"
    ".ad l\n"
    ".SH NAME\n"
    "funicular.conf \\- configuration of the Funicular sync server\n"
    ".SH DESCRIPTION\n"
    "One setting per line,\n"
    ".IR \"key \" = \" value\" .\n"
    "Lines that start with # or ; are comments; so is what follows a blank\n"
    "and a semicolon. There are no sections and no quotes. A list may go on\n"
    "in further lines that start with a blank. No line is longer than 197\n"
    "characters. Every key has a default that works.\n"
    ".PP\n"
    "The file is looked for in this order: the option\n"
    ".BR \\-\\-config ,\n"
    "the environment variable\n"
    ".BR FUNICULAR_CONF ,\n"
    ".IR /etc/funicular/funicular.conf .\n"
    "On SIGHUP the daemon reads it again, takes over the keys marked so, and\n"
    "names the others that were changed in its log. A file with a mistake\n"
    "changes nothing.\n";

static const char man_tail[] = ".SH FILES\n"
			       ".I /etc/funicular/funicular.conf\n"
			       ".SH SEE ALSO\n"
			       ".BR funicular (1)\n";

void
srv_conf_man(struct buf *out)
{
	const char *group = "";

	buf_str(out, man_head);
	for (size_t i = 0; i < srv_conf_key_n; i++) {
		const struct srv_conf_key *k = &srv_conf_keys[i];

		if (strcmp(group, k->group) != 0) {
			buf_str(out, ".SH ");
			for (const char *p = k->group; *p != '\0'; p++)
				buf_byte(out, *p >= 'a' && *p <= 'z'
						  ? (unsigned char)(*p - 32)
						  : (unsigned char)*p);
			buf_str(out, "\n");
		}
		group = k->group;
		man_key(out, k);
	}
	buf_str(out, man_tail);
}
