#include "tests/crash/site.h"

#include "base/buf.h"
#include "tests/crash/base.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WAIT_MS = 60000, LISTEN_FD = 3, HEAD_MAX = 4096 };

void
site_die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)fputs("crash: ", stderr);
	(void)vfprintf(stderr, fmt, ap);
	(void)fputs("\n", stderr);
	va_end(ap);
	exit(2);
}

/* ---- directories ----------------------------------------------------------
 */

static void
path_in(char out[300], const char *dir, const char *name)
{
	(void)snprintf(out, 300, "%s/%s", dir, name);
}

void
site_copy_file(const char *from, const char *to)
{
	char buf[65536];
	int in = open(from, O_RDONLY | O_CLOEXEC);
	int out;
	ssize_t n;

	if (in < 0 && errno == ENOENT) {
		(void)unlink(to);
		return;
	}
	out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (in < 0 || out < 0)
		site_die("copy %s to %s: errno %d", from, to, errno);
	while ((n = read(in, buf, sizeof(buf))) > 0)
		if (write(out, buf, (size_t)n) != n)
			site_die("write %s: errno %d", to, errno);
	(void)close(in);
	(void)close(out);
}

static void
remove_all(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *de;
	char path[600];

	while (d != NULL && (de = readdir(d)) != NULL) {
		(void)snprintf(path, sizeof(path), "%s/%s", dir, de->d_name);
		(void)unlink(path);
	}
	if (d != NULL)
		(void)closedir(d);
	(void)rmdir(dir);
}

static void
map_control(struct site *s)
{
	char path[300];
	int fd;

	path_in(path, s->dir, "control");
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, sizeof(*s->control)) != 0)
		site_die("cannot make %s", path);
	s->control = mmap(NULL, sizeof(*s->control), PROT_READ | PROT_WRITE,
			  MAP_SHARED, fd, 0);
	(void)close(fd);
	if (s->control == MAP_FAILED)
		site_die("cannot map %s", path);
}

static void
make_socket(struct site *s)
{
	struct sockaddr_in sa = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(sa);

	s->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (s->listen_fd < 0 ||
	    bind(s->listen_fd, (struct sockaddr *)&sa, n) != 0 ||
	    listen(s->listen_fd, 128) != 0 ||
	    getsockname(s->listen_fd, (struct sockaddr *)&sa, &n) != 0)
		site_die("cannot listen: errno %d", errno);
	s->port = ntohs(sa.sin_port);
}

/* All but the database. */
static void
site_make(struct site *s, const char *program, const char *dir)
{
	char path[300], uri[400];
	FILE *f;

	*s =
	    (struct site){ .program = program, .conn = -1, .wait_ms = WAIT_MS };
	(void)snprintf(s->dir, sizeof(s->dir), "%s", dir);
	remove_all(dir);
	if (mkdir(dir, 0700) != 0)
		site_die("cannot make %s", dir);
	path_in(path, dir, "conf");
	base_uri(dir, uri, sizeof(uri));
	f = fopen(path, "we");
	if (f == NULL ||
	    fprintf(f,
		    "listen = 127.0.0.1:0\nadmin_listen =\n"
		    "store = %s\nstate_dir = %s\nkey_file = %s/key\n"
		    "allow_root = yes\nconnections_per_address = 2000\n",
		    uri, dir, dir) < 0 ||
	    fclose(f) != 0)
		site_die("cannot write %s", path);
	map_control(s);
	make_socket(s);
}

void
site_new(struct site *s, const char *program, const char *dir)
{
	site_make(s, program, dir);
	base_new(dir);
}

static void
copy_key(const char *from, const char *to)
{
	char a[300], b[300];

	path_in(a, from, "key");
	path_in(b, to, "key");
	site_copy_file(a, b);
}

void
site_snapshot(const struct site *s, const char *to)
{
	(void)mkdir(to, 0700);
	copy_key(s->dir, to);
	base_copy(s->dir, to, true);
}

void
site_clone(struct site *s, const char *from, const char *program,
	   const char *dir)
{
	site_make(s, program, dir);
	copy_key(from, dir);
	base_copy(from, dir, false);
}

void
site_forget(struct site *s)
{
	if (s->conn >= 0)
		(void)close(s->conn);
	if (s->listen_fd >= 0)
		(void)close(s->listen_fd);
	s->conn = s->listen_fd = -1;
	s->pid = 0;
}

void
site_remove(struct site *s)
{
	site_kill(s);
	site_forget(s);
	if (s->control != NULL)
		(void)munmap(s->control, sizeof(*s->control));
	s->control = NULL;
	remove_all(s->dir);
	base_remove(s->dir);
}

/* ---- life and death -------------------------------------------------------
 */

static _Noreturn void
become_daemon(struct site *s, int ready)
{
	char conf[300], path[300], pid[16];
	int log;

	path_in(conf, s->dir, "conf");
	path_in(path, s->dir, "log");
	log = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	(void)snprintf(pid, sizeof(pid), "%d", (int)getpid());
	path_in(path, s->dir, "control");
	if (log < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 ||
	    dup2(ready, STDOUT_FILENO) < 0 || dup2(log, STDERR_FILENO) < 0)
		_exit(120);
	if (s->listen_fd == LISTEN_FD)
		(void)fcntl(LISTEN_FD, F_SETFD, 0);
	else if (dup2(s->listen_fd, LISTEN_FD) < 0)
		_exit(121);
	(void)setenv("LISTEN_FDS", "1", 1);
	(void)setenv("LISTEN_PID", pid, 1);
	(void)setenv("FUNICULAR_CRASH", path, 1);
	(void)execl(s->program, s->program, "--config", conf, "serve",
		    (char *)NULL);
	_exit(122);
}

void
site_start(struct site *s)
{
	char line[256];
	size_t n = 0;
	int p[2];

	s->control->die_at = s->control->die_at_write = 0;
	if (pipe2(p, O_CLOEXEC) != 0)
		site_die("pipe");
	s->pid = fork();
	if (s->pid < 0)
		site_die("fork");
	if (s->pid == 0)
		become_daemon(s, p[1]);
	(void)close(p[1]);
	while (n < sizeof(line)) {
		ssize_t r = read(p[0], line + n, sizeof(line) - n);

		if (r <= 0)
			break;
		n += (size_t)r;
		if (memchr(line, '\n', n) != NULL)
			break;
	}
	(void)close(p[0]);
	if (n == 0 || strncmp(line, "funicular: ready", 16) != 0)
		site_die("the daemon does not start, see %s/log", s->dir);
}

void
site_hang_up(struct site *s)
{
	if (s->conn >= 0)
		(void)close(s->conn);
	s->conn = -1;
}

void
site_kill(struct site *s)
{
	if (s->pid > 0) {
		(void)kill(s->pid, SIGKILL);
		(void)waitpid(s->pid, NULL, 0);
	}
	s->pid = 0;
	site_hang_up(s);
}

bool
site_died(struct site *s)
{
	int rc;

	/* It closed its connection, so its end is near or it lives. */
	if (s->control->died_in[0] == '\0')
		return false;
	if (waitpid(s->pid, &rc, 0) != s->pid || !WIFSIGNALED(rc) ||
	    WTERMSIG(rc) != SIGKILL)
		site_die("the daemon ended by itself, see %s/log", s->dir);
	s->pid = 0;
	s->control->died_in[0] = '\0';
	site_hang_up(s);
	return true;
}

bool
site_stop(struct site *s)
{
	int rc = 0;

	site_hang_up(s);
	if (s->pid <= 0)
		return false;
	(void)kill(s->pid, SIGTERM);
	(void)waitpid(s->pid, &rc, 0);
	s->pid = 0;
	return WIFEXITED(rc) && WEXITSTATUS(rc) == 0;
}

unsigned
site_descriptors(const struct site *s)
{
	char path[64];
	unsigned n = 0;
	DIR *d;

	(void)snprintf(path, sizeof(path), "/proc/%d/fd", (int)s->pid);
	d = opendir(path);
	if (d == NULL)
		site_die("cannot read %s", path);
	while (readdir(d) != NULL)
		n++;
	(void)closedir(d);
	return n - 2; /* "." and ".." */
}

const char *
site_trouble(const struct site *s)
{
	static char line[400];
	const char *found = NULL;
	char path[300];
	FILE *f;

	path_in(path, s->dir, "log");
	f = fopen(path, "re");
	while (f != NULL && found == NULL &&
	       fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, "error ", 6) == 0 ||
		    strstr(line, "Sanitizer") != NULL ||
		    strstr(line, "runtime error") != NULL ||
		    strstr(line, "ssertion") != NULL)
			found = line;
	if (f != NULL)
		(void)fclose(f);
	return found;
}

/* ---- bytes ----------------------------------------------------------------
 */

static bool
connect_to(struct site *s)
{
	struct sockaddr_in sa = { .sin_family = AF_INET,
				  .sin_port = htons((uint16_t)s->port),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	if (s->conn >= 0)
		return true;
	s->conn = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	/* Small pieces go out at once. */
	if (s->conn >= 0 &&
	    setsockopt(s->conn, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 },
		       sizeof(int)) == 0 &&
	    connect(s->conn, (struct sockaddr *)&sa, sizeof(sa)) == 0)
		return true;
	site_hang_up(s);
	return false;
}

static bool
send_all(struct site *s, struct slice b)
{
	while (b.n > 0) {
		ssize_t n = send(s->conn, b.p, b.n, MSG_NOSIGNAL);

		if (n <= 0)
			return false;
		b = slice_from(b, (size_t)n);
	}
	return true;
}

/* More bytes of the reply; false: there are none. */
static bool
read_more(struct site *s, struct buf *b)
{
	struct pollfd p = { s->conn, POLLIN, 0 };
	char part[16384];
	ssize_t n;

	if (poll(&p, 1, s->wait_ms) <= 0)
		return false;
	n = recv(s->conn, part, sizeof(part), 0);
	if (n <= 0)
		return false;
	buf_add(b, (struct slice){ part, (size_t)n });
	return buf_ok(b);
}

static struct slice
header(struct slice head, const char *name)
{
	struct slice line;

	while (slice_split(&head, '\n', &line))
		if (slice_starts_nocase(line, name))
			return slice_trim(slice_from(line, strlen(name)));
	return (struct slice){ NULL, 0 };
}

static int
read_reply(struct site *s, struct arena *a, enum site_cut cut,
	   struct site_reply *out)
{
	struct buf b = BUF_IN(a);
	size_t end;
	uint32_t n = 0, status = 0;

	do {
		if (!read_more(s, &b) || cut == CUT_REPLY)
			return -1;
		end = slice_find_str(buf_slice(&b), "\r\n\r\n");
	} while (end == SIZE_MAX);
	if (!slice_u32(slice_sub(buf_slice(&b), 9, 3), &status) ||
	    !slice_u32(
		header(slice_sub(buf_slice(&b), 0, end), "Content-Length:"),
		&n))
		site_die("an odd reply: %.*s", (int)end, b.p);
	while (b.n < end + 4 + n)
		if (!read_more(s, &b))
			return -1;
	*out = (struct site_reply){ .status = (int)status };
	(void)slice_u32(
	    header(slice_sub(buf_slice(&b), 0, end), "Retry-After:"),
	    &out->retry_after_s);
	out->type = header(slice_sub(buf_slice(&b), 0, end), "Content-Type:");
	out->body = slice_sub(buf_slice(&b), end + 4, n);
	return 0;
}

int
site_post(struct site *s, struct arena *a, struct slice url, const char *type,
	  struct slice body, enum site_cut cut, struct site_reply *out)
{
	char head[HEAD_MAX];
	/* Whatever port the URL was made with: the path counts. */
	size_t path = slice_find_str(url, "/sync");
	struct slice h;
	int n, rc = -1;

	if (path == SIZE_MAX)
		site_die("an odd URL: %.*s", SLICE_ARG(url));
	n = snprintf(head, sizeof(head),
		     "POST %.*s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n"
		     "Content-Type: %s\r\nContent-Length: %zu\r\n\r\n",
		     SLICE_ARG(slice_from(url, path)), s->port, type, body.n);
	h = (struct slice){ head, (size_t)n };
	if (cut == CUT_HALF)
		body.n /= 2;
	if (connect_to(s) && send_all(s, h) && send_all(s, body) &&
	    cut != CUT_HALF && cut != CUT_SENT)
		rc = read_reply(s, a, cut, out);
	if (rc != 0 || cut != CUT_NEVER)
		site_hang_up(s);
	return rc;
}
