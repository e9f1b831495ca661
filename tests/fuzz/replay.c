/*
 * A fuzz target without the fuzzer: run it over every file of the folders
 * that are named, so that the corpora are part of the ordinary tests.
 */
#include "tests/fuzz/fuzz.h"

#include <dirent.h>

enum { INPUT_MAX = 1 << 20 };

static bool
replay_file(const char *dir, const char *name, uint8_t *room)
{
	char path[4096];
	uint8_t *tight;
	FILE *f;
	size_t n;

	if (snprintf(path, sizeof(path), "%s/%s", dir, name) >=
	    (int)sizeof(path))
		return false;
	f = fopen(path, "rb");
	if (f == NULL)
		return false;
	n = fread(room, 1, INPUT_MAX, f);
	(void)fclose(f);
	/* Its memory ends where it ends, for the sanitizer. */
	tight = malloc(n == 0 ? 1 : n);
	if (tight == NULL)
		return false;
	memcpy(tight, room, n);
	(void)LLVMFuzzerTestOneInput(tight, n);
	free(tight);
	return true;
}

static unsigned
replay_dir(const char *dir, uint8_t *room)
{
	DIR *d = opendir(dir);
	unsigned n = 0;

	if (d == NULL)
		return 0;
	for (const struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
		if (e->d_name[0] != '.' && replay_file(dir, e->d_name, room))
			n++;
	}
	(void)closedir(d);
	return n;
}

int
main(int argc, char **argv)
{
	uint8_t *room = malloc(INPUT_MAX);
	unsigned n = 0;

	if (room == NULL)
		return 1;
	for (int i = 1; i < argc; i++)
		n += replay_dir(argv[i], room);
	free(room);
	(void)printf("%u inputs\n", n);
	return n > 0 ? 0 : 1;
}
