/*
 * Preload shim for the Debian 12 build of the SyncEvolution 2.0 client.
 *
 * That build hands its two libcurl callbacks over as C++ lambda objects through
 * the varargs of curl_easy_setopt(), so libcurl never gets a function pointer
 * and every HTTP sync ends in SIGSEGV before its first byte. This puts in place
 * the callbacks that its source text asks for, and changes nothing else.
 */
#include <dlfcn.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

enum { OPT_WRITEFUNCTION = 20011, OPT_READFUNCTION = 20012 };

typedef size_t (*member_fn)(void *self, void *buf, size_t size);
typedef int (*setopt_fn)(void *handle, int option, ...);
typedef size_t (*callback_fn)(void *buf, size_t size, size_t n, void *self);

int curl_easy_setopt(void *handle, int option, ...);

/* ISO C has no cast from object to function pointer; POSIX's dlsym() needs
   one. */
static void
find(void *scope, const char *symbol, void *fn)
{
	void *p = dlsym(scope, symbol);

	memcpy(fn, &p, sizeof p);
}

static size_t
on_write(void *buf, size_t size, size_t n, void *self)
{
	member_fn fn;

	find(RTLD_DEFAULT, "_ZN7SyncEvo18CurlTransportAgent9writeDataEPvm",
	     &fn);
	return fn == NULL ? 0 : fn(self, buf, size * n);
}

static size_t
on_read(void *buf, size_t size, size_t n, void *self)
{
	member_fn fn;

	find(RTLD_DEFAULT, "_ZN7SyncEvo18CurlTransportAgent8readDataEPvm", &fn);
	return fn == NULL ? 0 : fn(self, buf, size * n);
}

int
curl_easy_setopt(void *handle, int option, ...)
{
	callback_fn cb = option == OPT_WRITEFUNCTION ? on_write : on_read;
	setopt_fn real;
	va_list ap;
	void *arg;

	va_start(ap, option);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (option == OPT_WRITEFUNCTION || option == OPT_READFUNCTION)
		memcpy(&arg, &cb, sizeof arg);
	find(RTLD_NEXT, "curl_easy_setopt", &real);
	return real(handle, option, arg);
}
