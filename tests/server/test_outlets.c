/* What the configuration says of outlets, and the files with their secrets. */
#include "server/outlets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/funicular-outlets-XXXXXX";
static char good[64], bare[64], open_to_all[64];

static void
write_file(char *path, size_t n, const char *name, const char *text,
	   mode_t mode)
{
	FILE *f;

	(void)snprintf(path, n, "%s/%s", folder, name);
	f = fopen(path, "we");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static int
setup(void **state)
{
	(void)state;
	if (mkdtemp(folder) == NULL)
		return -1;
	write_file(good, sizeof(good), "good", "pencil\nsecond line\n", 0600);
	write_file(bare, sizeof(bare), "bare", "\npencil\n", 0600);
	write_file(open_to_all, sizeof(open_to_all), "open", "pencil\n", 0644);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	(void)unlink(good);
	(void)unlink(bare);
	(void)unlink(open_to_all);
	return rmdir(folder);
}

struct row {
	const char *conf; /* %s: a file */
	const char *file;
	const char *says; /* NULL: fine */
};

static const struct row rows[] = {
	{ "", NULL, NULL },
	{ "xmpp_jid = a@example.org\nxmpp_secret_file = %s\n", good, NULL },
	{ "xmpp_jid = a@example.org\n", NULL, "no secret for a@example.org" },
	{ "xmpp_jid = a@example.org\nxmpp_secret_file = %s\n", bare,
	  "is empty" },
	{ "xmpp_jid = a@example.org\nxmpp_secret_file = %s\n", open_to_all,
	  "others may read" },
	{ "xmpp_jid = a@example.org\nxmpp_secret_file = %s\n",
	  "/nonexistent/secret", "cannot read" },
	{ "xmpp_jid = example.org\nxmpp_secret_file = %s\n", good,
	  "is no account" },
	{ "xmpp_jid = example.org\nxmpp_component = yes\n"
	  "xmpp_secret_file = %s\n",
	  good, NULL },
	{ "xmpp_jid = a@example.org/x\nxmpp_secret_file = %s\n", good,
	  "is no XMPP address" },
	{ "xmpp_jid = a@example.org\nxmpp_message = loud\n"
	  "xmpp_secret_file = %s\n",
	  good, "xmpp_message must be" },
	{ "smtp_server = mail.example.org\nsmtp_from = a@example.org\n", NULL,
	  NULL },
	{ "smtp_server = mail.example.org\n", NULL, "is no mail address" },
	{ "smtp_server = mail.example.org\nsmtp_from = a@example.org\n"
	  "smtp_user = a\n",
	  NULL, "no password for a" },
	{ "smtp_server = mail.example.org\nsmtp_from = a@example.org\n"
	  "smtp_user = a\nsmtp_secret_file = %s\n",
	  good, NULL },
	{ "smtp_server = mail.example.org/x\nsmtp_from = a@example.org\n", NULL,
	  "is no server" },
	{ "smtp_server = mail.example.org\nsmtp_from = a@example.org\n"
	  "smtp_tls = perhaps\n",
	  NULL, "smtp_tls must be" },
};

static void
test_configurations(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct arena *a = arena_new(1 << 20);
		struct srv_conf conf;
		struct err e = { 0 };
		struct slice text = slice_c(rows[i].conf);
		size_t at = slice_find(text, '%');
		int rc;

		assert_non_null(a);
		if (at != SIZE_MAX)
			text = arena_printf(a, "%.*s%s\n", (int)at, text.p,
					    rows[i].file);
		assert_int_equal(srv_conf_parse(a, "test", text, &conf, &e), 0);
		rc = srv_outlets_check(&conf, &e);
		if ((rc == 0) != (rows[i].says == NULL) ||
		    (rc < 0 && strstr(e.msg, rows[i].says) == NULL))
			fail_msg("row %zu: %d %s", i, rc, e.msg);
		if (rc < 0)
			assert_int_equal(e.code, ERR_CONFIG);
		arena_free(&a);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_configurations),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
