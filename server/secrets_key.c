#include "server/secrets_key.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HEX_BYTES = 2 * SRV_KEY_BYTES };

static const char where[] = "secrets.key";

static int
check_mode(int fd, const char *path, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_errno(e, ERR_IO, errno, where, "%s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_CONFIG, where,
			       "key file %s is not an ordinary file", path);
	/* A file that is handed to us by somebody else (a credential of
	   systemd) may be readable through its group, since that is how we
	   read it. */
	if ((st.st_mode & 037) != 0 ||
	    ((st.st_mode & 040) != 0 && st.st_uid == geteuid()))
		return err_set(e, ERR_CONFIG, where,
			       "key file %s can be read by others (mode %04o): "
			       "run `chmod 600 %s`",
			       path, (unsigned)st.st_mode & 07777, path);
	return 0;
}

static int
read_hex(int fd, const char *path, unsigned char key[static SRV_KEY_BYTES],
	 struct err *e)
{
	char text[HEX_BYTES + 16];
	size_t n = 0, got = 0;
	const char *end;
	ssize_t r;

	do {
		r = read(fd, text + n, sizeof(text) - n);
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return err_errno(e, ERR_IO, errno, where, "%s", path);
		n += (size_t)r;
	} while (r != 0 && n < sizeof(text));
	if (sodium_hex2bin(key, SRV_KEY_BYTES, text, n, " \t\r\n", &got,
			   &end) != 0 ||
	    got != SRV_KEY_BYTES || end != text + n) {
		sodium_memzero(text, sizeof(text));
		return err_set(e, ERR_CONFIG, where,
			       "key file %s does not hold %d hex digits: "
			       "restore it from a backup (a new key cannot "
			       "open what the old one closed)",
			       path, HEX_BYTES);
	}
	sodium_memzero(text, sizeof(text));
	return 0;
}

static int
write_all(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t w = write(fd, p, n);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return -1;
		p += w;
		n -= (size_t)w;
	}
	return 0;
}

/* The directory's entry must be on disk too, or the key is gone with it. */
static int
sync_dir(const char *path)
{
	char dir[PATH_MAX];
	const char *slash = strrchr(path, '/');
	int n = slash == NULL ? 1 : slash == path ? 1 : (int)(slash - path);
	int fd, rc;

	(void)snprintf(dir, sizeof(dir), "%.*s", n, slash == NULL ? "." : path);
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	rc = fsync(fd);
	(void)close(fd);
	return rc;
}

static int
write_hex(int fd)
{
	unsigned char key[SRV_KEY_BYTES];
	char text[HEX_BYTES + 2];
	int rc;

	randombytes_buf(key, sizeof(key));
	(void)sodium_bin2hex(text, sizeof(text), key, sizeof(key));
	text[HEX_BYTES] = '\n';
	rc = write_all(fd, text, HEX_BYTES + 1);
	sodium_memzero(key, sizeof(key));
	sodium_memzero(text, sizeof(text));
	return rc < 0 ? rc : fsync(fd);
}

/* Written aside and linked into place: the name never shows half a key, and
   of two processes one wins and both use its key. */
static int
make_key(const char *path, struct err *e)
{
	char tmp[PATH_MAX];
	int n = snprintf(tmp, sizeof(tmp), "%s.XXXXXX", path);
	int fd, rc, why;

	if (n < 0 || (size_t)n >= sizeof(tmp))
		return err_set(e, ERR_CONFIG, where, "key file: name too long");
	fd = mkostemp(tmp, O_CLOEXEC);
	if (fd < 0)
		return err_errno(e, ERR_IO, errno, where,
				 "cannot create key file %s", path);
	rc = write_hex(fd);
	if (rc == 0 && link(tmp, path) < 0 && errno != EEXIST)
		rc = -1;
	if (rc == 0)
		rc = sync_dir(path);
	why = errno;
	(void)close(fd);
	(void)unlink(tmp);
	if (rc < 0)
		return err_errno(e, ERR_IO, why, where,
				 "cannot create key file %s", path);
	return 0;
}

int
srv_key_load(const char *path, unsigned char key[static SRV_KEY_BYTES],
	     struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int rc;

	if (fd < 0 && errno == ENOENT) {
		if (make_key(path, e) < 0)
			return -1;
		fd = open(path, O_RDONLY | O_CLOEXEC);
	}
	if (fd < 0)
		return err_errno(e, ERR_IO, errno, where,
				 "cannot open key file %s", path);
	rc = check_mode(fd, path, e);
	if (rc == 0)
		rc = read_hex(fd, path, key, e);
	(void)close(fd);
	return rc;
}
