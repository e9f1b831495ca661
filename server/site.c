#include "server/site.h"

#include "backends/copy.h"
#include "base/buf.h"
#include "server/secrets.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

/* The site's word that names its key file. */
#define KEY_MARK "key_mark"

enum { SITE_ARENA_BYTES = 32 << 20, SITE_RULES_MAX = 1 << 20 };

/*
 * Make a directory and those above it, private to us. Those that are there
 * stay as they are.
 */
static int
make_dir(struct arena *a, const char *path, struct err *e)
{
	char *p = arena_cstr(a, slice_c(path));

	if (p == NULL)
		return err_set(e, ERR_NOMEM, "site.open", "out of memory");
	for (char *s = p + 1; p[0] != '\0'; s++) {
		char c = *s;

		if (c != '/' && c != '\0')
			continue;
		*s = '\0';
		if (mkdir(p, 0700) != 0 && errno != EEXIST)
			return err_errno(e, ERR_CONFIG, errno, "site.open",
					 "cannot make the directory %s (make "
					 "it for the daemon's user, or change "
					 "state_dir)",
					 p);
		*s = c;
		if (c == '\0')
			break;
	}
	return 0;
}

/* The file's text with a NUL behind, in the arena. */
static int
read_rules(struct arena *a, const char *path, const char **out, struct err *e)
{
	struct buf b = { .a = a, .max = SITE_RULES_MAX };
	FILE *f = fopen(path, "re");
	char part[4096];
	size_t n;
	bool bad;

	if (f == NULL)
		return err_errno(e, ERR_CONFIG, errno, "site.open",
				 "cannot read rules_file %s", path);
	while ((n = fread(part, 1, sizeof(part), f)) > 0)
		buf_add(&b, (struct slice){ part, n });
	bad = ferror(f) != 0;
	(void)fclose(f);
	buf_byte(&b, 0);
	if (bad || !buf_ok(&b))
		return err_set(e, ERR_CONFIG, "site.open",
			       "cannot read rules_file %s: %s", path,
			       bad ? "reading failed" : "larger than 1 MB");
	*out = buf_slice(&b).p;
	return 0;
}

static int
load_rules(struct srv_site *s, struct err *e)
{
	const char *text = NULL;
	struct err why = { 0 };

	if (s->conf.rules_file[0] != '\0' &&
	    read_rules(s->a, s->conf.rules_file, &text, e) != 0)
		return -1;
	if (pim_rules_load(s->a, text, &s->rules, &why) == 0)
		return 0;
	if (text == NULL)
		return err_set(e, why.code, why.where, "%s", why.msg);
	return err_set(e, ERR_CONFIG, "site.open", "rules_file %s: %s",
		       s->conf.rules_file, why.msg);
}

/*
 * Secrets that one key closed no other opens, and nodes with two keys do not
 * believe each other's challenges: the site remembers the key that it was made
 * with.
 */
static int
fit_key(struct srv_site *s, bool new_key, struct err *e)
{
	struct slice mine = srv_secrets_mark(s->secrets);
	struct slice sites;

	if (new_key && store_site_forget(s->store, KEY_MARK, e) != 0)
		return -1;
	if (s->store->v->site_init(s->store, s->a, KEY_MARK, mine, &sites, e) !=
	    0)
		return -1;
	if (slice_eq(sites, mine))
		return 0;
	return err_set(e, ERR_CONFIG, "site.open",
		       "the key in key_file %.80s is not this site's: copy the "
		       "file of another node or of a backup; where it is lost, "
		       "run `funicular migrate --new-key`",
		       s->conf.key_file);
}

/* A site that is not there yet is made; secrets before any row needs them. */
static int
open_parts(struct srv_site *s, bool new_key, struct err *e)
{
	if (make_dir(s->a, s->conf.state_dir, e) != 0 ||
	    load_rules(s, e) != 0 ||
	    srv_secrets_open(s->conf.key_file, (size_t)s->conf.hash_parallel,
			     s->clk, &s->secrets, e) != 0)
		return -1;
	if (store_open(s->conf.store, true, &s->store, e) != 0)
		return -1;
	if (store_copy_usable(s->store, e) != 0)
		return -1;
	return fit_key(s, new_key, e);
}

int
srv_site_open_as(struct srv_site *site, const char *conf_path, bool new_key,
		 struct err *e)
{
	*site = (struct srv_site){ .clk = &clk_system };
	site->a = arena_new(SITE_ARENA_BYTES);
	if (site->a == NULL)
		return err_set(e, ERR_NOMEM, "site.open", "out of memory");
	if (srv_conf_load(site->a, conf_path, &site->conf, e) != 0 ||
	    open_parts(site, new_key, e) != 0) {
		srv_site_close(site);
		return -1;
	}
	return 0;
}

int
srv_site_open(struct srv_site *site, const char *conf_path, struct err *e)
{
	return srv_site_open_as(site, conf_path, false, e);
}

void
srv_site_close(struct srv_site *site)
{
	if (site->store != NULL)
		site->store->v->close(&site->store);
	srv_secrets_close(&site->secrets);
	arena_free(&site->a);
	*site = (struct srv_site){ 0 };
}
