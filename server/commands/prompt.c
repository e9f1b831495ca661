#include "server/commands/prompt.h"

#include "base/random.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <termios.h>
#include <unistd.h>

enum { CTRL_C = 3 };

/* One line without its end, read byte by byte so that nothing behind it is
   taken away; -1: nothing there, or too long. */
static ssize_t
read_line(int fd, char *p, size_t max)
{
	size_t n = 0;
	ssize_t r;
	char c;

	while ((r = read(fd, &c, 1)) != 0) {
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0 || c == CTRL_C)
			return -1;
		if (c == '\n')
			break;
		if (n == max)
			return -1;
		p[n++] = c;
	}
	if (r == 0 && n == 0)
		return -1;
	while (n > 0 && p[n - 1] == '\r')
		n--;
	return (ssize_t)n;
}

static int
keep(struct srv_call *c, const char *p, ssize_t n, const char *from,
     struct slice *out)
{
	struct slice s = { p, n < 0 ? 0 : (size_t)n };

	if (n <= 0)
		return srv_call_refuse(SRV_EXIT_FAILED,
				       "no password in %s (one line, 1 to %d "
				       "bytes)",
				       from, SRV_PASSWORD_BYTES_MAX);
	if (!slice_utf8_ok(s) || slice_find(s, '\0') != SIZE_MAX)
		return srv_call_refuse(SRV_EXIT_FAILED,
				       "the password in %s is not UTF-8 text",
				       from);
	*out = arena_copy(c->a, s);
	if (out->p == NULL)
		return srv_call_refuse(SRV_EXIT_FAILED, "out of memory");
	return SRV_EXIT_OK;
}

static int
from_fd(struct srv_call *c, int fd, const char *from, struct slice *out)
{
	char text[SRV_PASSWORD_BYTES_MAX];
	ssize_t n = read_line(fd, text, sizeof(text));
	int code = keep(c, text, n, from, out);

	explicit_bzero(text, sizeof(text));
	return code;
}

static int
from_file(struct srv_call *c, const char *path, struct slice *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char text[ERR_REASON_BYTES];
	int code;

	if (fd < 0)
		return srv_call_refuse(SRV_EXIT_FAILED, "cannot open %s: %s",
				       path,
				       err_reason(errno, text, sizeof(text)));
	code = from_fd(c, fd, path, out);
	(void)close(fd);
	return code;
}

/* Without echo. Control-C ends the line as a character, so that the terminal
   is never left mute. */
static int
ask_hidden(struct srv_call *c, int tty, const char *question, struct slice *out)
{
	struct termios old, mute;
	int code;

	if (tcgetattr(tty, &old) < 0)
		return srv_call_refuse(SRV_EXIT_FAILED,
				       "the terminal does not answer");
	mute = old;
	mute.c_lflag &= (tcflag_t) ~(ECHO | ISIG);
	mute.c_lflag |= ICANON;
	mute.c_cc[VEOL] = CTRL_C;
	/* Mute first: what is typed as soon as the question shows counts. */
	if (tcsetattr(tty, TCSAFLUSH, &mute) < 0)
		return srv_call_refuse(SRV_EXIT_FAILED,
				       "the terminal does not answer");
	if (write(tty, question, strlen(question)) < 0)
		code = SRV_EXIT_FAILED;
	else
		code = from_fd(c, tty, "what was typed", out);
	(void)tcsetattr(tty, TCSAFLUSH, &old);
	if (write(tty, "\n", 1) < 0)
		return SRV_EXIT_FAILED;
	return code;
}

static int
from_terminal(struct srv_call *c, const char *user, struct slice *out)
{
	struct slice question = arena_printf(c->a, "Password for %s: ", user);
	struct slice again = { NULL, 0 };
	int tty, code;

	tty = question.p == NULL
		  ? -1
		  : open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (tty < 0)
		return srv_call_usage(c, "there is no terminal to ask for the "
					 "password: use --password-stdin, "
					 "--password-file or --generate");
	code = ask_hidden(c, tty, arena_cstr(c->a, question), out);
	if (code == SRV_EXIT_OK)
		code = ask_hidden(c, tty, "Once more: ", &again);
	(void)close(tty);
	if (code == SRV_EXIT_OK && !slice_eq(*out, again))
		return srv_call_refuse(SRV_EXIT_FAILED,
				       "the two passwords differ, nothing was "
				       "changed");
	return code;
}

int
srv_prompt_password(struct srv_call *c, const char *user, struct slice *out,
		    bool *generated)
{
	const char *file = srv_call_text(c, "--password-file");
	bool in = srv_call_flag(c, "--password-stdin");
	bool make = srv_call_flag(c, "--generate");
	struct err e = { 0 };

	*generated = false;
	if ((file != NULL) + in + make > 1)
		return srv_call_usage(c, "only one of --password-file, "
					 "--password-stdin and --generate");
	if (file != NULL)
		return from_file(c, file, out);
	if (in)
		return from_fd(c, STDIN_FILENO, "standard input", out);
	if (!make)
		return from_terminal(c, user, out);
	*generated = true;
	return srv_prompt_secret(c->a, out, &e) < 0 ? srv_fail(&e)
						    : SRV_EXIT_OK;
}

int
srv_prompt_secret(struct arena *a, struct slice *out, struct err *e)
{
	/* RFC 4648; without 0, 1, 8 and 9, which are mistaken for letters. */
	static const char set[] = "abcdefghijklmnopqrstuvwxyz234567";
	unsigned char raw[26];
	char text[sizeof(raw) + 1] = { 0 };

	rnd_system.fill(&rnd_system, raw, sizeof(raw));
	for (size_t i = 0; i < sizeof(raw); i++)
		text[i] = set[raw[i] % 32];
	*out = arena_copy(a, slice_c(text));
	explicit_bzero(raw, sizeof(raw));
	explicit_bzero(text, sizeof(text));
	if (out->p == NULL)
		return err_set(e, ERR_NOMEM, "prompt.secret", "out of memory");
	return 0;
}

int
srv_prompt_sure(const struct srv_call *c, const char *fmt, ...)
{
	char answer[16];
	va_list ap;
	ssize_t n;

	if (srv_call_flag(c, "--yes"))
		return SRV_EXIT_OK;
	if (!isatty(STDIN_FILENO))
		return srv_call_usage(c, "this cannot be undone: say --yes, or "
					 "run it in a terminal");
	va_start(ap, fmt);
	(void)vfprintf(stderr, fmt, ap);
	va_end(ap);
	(void)fputs(" Type yes to go on: ", stderr);
	n = read_line(STDIN_FILENO, answer, sizeof(answer));
	if (n == 3 && memcmp(answer, "yes", 3) == 0)
		return SRV_EXIT_OK;
	return srv_call_refuse(SRV_EXIT_FAILED, "nothing was changed");
}
