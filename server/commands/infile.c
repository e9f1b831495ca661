#include "server/commands/infile.h"

#include "server/commands/call.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { FILE_BYTES_MAX = 256 << 20, FIRST_BYTES = 65536 };

/* Room for more; false: too large or memory is short. */
static bool
grow(struct srv_infile *f, size_t *cap)
{
	size_t more = *cap == 0 ? FIRST_BYTES : 2 * *cap;
	char *p;

	if (f->text.n < *cap)
		return true;
	if (more > FILE_BYTES_MAX)
		return false;
	p = realloc(f->heap, more);
	if (p == NULL)
		return false;
	f->heap = p;
	*cap = more;
	return true;
}

static int
read_all(int fd, const char *path, struct srv_infile *f)
{
	char text[ERR_REASON_BYTES];
	size_t cap = 0;
	ssize_t r;

	do {
		if (!grow(f, &cap))
			return srv_call_refuse(SRV_EXIT_FAILED,
					       "%s is too large (at most 128 "
					       "MB): cut it in parts",
					       path);
		r = read(fd, f->heap + f->text.n, cap - f->text.n);
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return srv_call_refuse(
			    SRV_EXIT_FAILED, "cannot read %s: %s", path,
			    err_reason(errno, text, sizeof(text)));
		f->text.n += (size_t)r;
	} while (r != 0);
	f->text.p = f->heap;
	return SRV_EXIT_OK;
}

int
srv_infile_open(const char *path, struct srv_infile *f)
{
	bool in = strcmp(path, "-") == 0;
	char text[ERR_REASON_BYTES];
	int fd, code;

	*f = (struct srv_infile){ 0 };
	fd = in ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return srv_call_refuse(errno == ENOENT ? SRV_EXIT_NOTFOUND
						       : SRV_EXIT_FAILED,
				       "cannot open %s: %s", path,
				       err_reason(errno, text, sizeof(text)));
	code = read_all(fd, path, f);
	if (!in)
		(void)close(fd);
	return code;
}

void
srv_infile_close(struct srv_infile *f)
{
	free(f->heap);
	*f = (struct srv_infile){ 0 };
}

enum pim_form
srv_infile_form(const char *path)
{
	static const struct {
		const char *end;
		enum pim_form form;
	} ends[] = {
		{ ".vcf", PIM_VCARD30 }, { ".vcard", PIM_VCARD30 },
		{ ".ics", PIM_ICAL20 },  { ".ical", PIM_ICAL20 },
		{ ".vcs", PIM_VCAL10 },  { ".txt", PIM_TEXT },
		{ ".vnt", PIM_VNOTE },
	};
	struct slice s = slice_c(path);

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		size_t n = strlen(ends[i].end);

		if (s.n > n &&
		    slice_is_nocase(slice_from(s, s.n - n), ends[i].end))
			return ends[i].form;
	}
	return PIM_FORM_NONE;
}
