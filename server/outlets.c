#include "server/outlets.h"

#include "backends/push/push.h"
#include "backends/smtp/smtp.h"
#include "backends/xmpp/xmpp.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SECRET_MAX = SRV_OUTLETS_SECRET };

int
srv_outlets_secret(const char *key, const char *path,
		   char out[static SECRET_MAX], struct err *e)
{
	struct stat st;
	ssize_t n = -1;
	int fd;

	out[0] = '\0';
	if (path[0] == '\0')
		return 0;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && fstat(fd, &st) == 0) {
		if ((st.st_mode & (S_IROTH | S_IWOTH | S_IWGRP)) != 0) {
			(void)close(fd);
			return err_set(e, ERR_CONFIG, "outlets",
				       "%s: others may read %s: chmod 600, "
				       "please",
				       key, path);
		}
		n = read(fd, out, SECRET_MAX - 1);
	}
	if (n < 0)
		(void)err_errno(e, ERR_CONFIG, errno, "outlets",
				"%s: cannot read %s", key, path);
	if (fd >= 0)
		(void)close(fd);
	if (n < 0)
		return -1;
	out[n] = '\0';
	out[strcspn(out, "\r\n")] = '\0';
	if (out[0] == '\0')
		return err_set(e, ERR_CONFIG, "outlets",
			       "%s: the first line of %s is empty", key, path);
	return 0;
}

/* ---- XMPP ---------------------------------------------------------------- */

static bool
xmpp_wanted(const struct srv_conf *conf)
{
	return conf->xmpp_jid[0] != '\0';
}

static int
xmpp_conf(const struct srv_conf *conf, struct im_conf *out,
	  char secret[static SECRET_MAX], struct err *e)
{
	*out = (struct im_conf){
		.jid = conf->xmpp_jid,
		.server = conf->xmpp_server,
		.secret = secret,
		.ca_file = conf->xmpp_ca_file,
		.component = conf->xmpp_component,
		.allow_plain = conf->xmpp_allow_plain,
	};
	if (!im_type_of(slice_c(conf->xmpp_message), &out->type))
		return err_set(e, ERR_CONFIG, "outlets",
			       "xmpp_message must be chat, headline or normal");
	if (srv_outlets_secret("xmpp_secret_file", conf->xmpp_secret_file,
			       secret, e) < 0)
		return -1;
	return im_check(out, e);
}

static int
xmpp_open(void *ctx, const struct outlet_calls *calls, struct outlet **out,
	  struct err *e)
{
	struct srv_outlets *o = ctx;
	char secret[SECRET_MAX];
	struct im_conf conf;
	int rc = xmpp_conf(o->conf, &conf, secret, e);

	conf.clk = o->clk;
	conf.rnd = o->rnd;
	if (rc == 0)
		rc = im_open(&conf, calls, out, e);
	sodium_memzero(secret, sizeof(secret));
	return rc;
}

/* ---- mail ---------------------------------------------------------------- */

static bool
smtp_wanted(const struct srv_conf *conf)
{
	return conf->smtp_server[0] != '\0';
}

static int
smtp_conf(const struct srv_conf *conf, struct smtp_conf *out,
	  char secret[static SECRET_MAX], struct err *e)
{
	*out = (struct smtp_conf){
		.server = conf->smtp_server,
		.from = conf->smtp_from,
		.user = conf->smtp_user,
		.secret = secret,
		.ca_file = conf->smtp_ca_file,
		.helo = conf->smtp_helo,
		.allow_plain = conf->smtp_allow_plain,
	};
	if (!smtp_tls_of(slice_c(conf->smtp_tls), &out->tls))
		return err_set(e, ERR_CONFIG, "outlets",
			       "smtp_tls must be starttls, implicit or none");
	if (srv_outlets_secret("smtp_secret_file", conf->smtp_secret_file,
			       secret, e) < 0)
		return -1;
	return smtp_check(out, e);
}

static int
smtp_open_outlet(void *ctx, const struct outlet_calls *calls,
		 struct outlet **out, struct err *e)
{
	struct srv_outlets *o = ctx;
	char secret[SECRET_MAX];
	struct smtp_conf conf;
	int rc = smtp_conf(o->conf, &conf, secret, e);

	conf.clk = o->clk;
	if (rc == 0)
		rc = smtp_open(&conf, calls, out, e);
	sodium_memzero(secret, sizeof(secret));
	return rc;
}

/* ---- gateways that wake devices ------------------------------------------ */

static const char *
gate_url(const struct srv_conf *conf, enum push_kind kind)
{
	return kind == PUSH_KANNEL ? conf->kannel_url
	       : kind == PUSH_PPG  ? conf->ppg_url
				   : conf->post_url;
}

static int
gate_conf(const struct srv_conf *c, enum push_kind kind, struct push_conf *out,
	  char secret[static SECRET_MAX], struct err *e)
{
	const char *file = c->post_secret_file;
	const char *key = "post_secret_file";

	*out = (struct push_conf){
		.kind = kind,
		.url = gate_url(c, kind),
		.user = "",
		.secret = secret,
		.from = "",
		.ca_file = c->push_ca_file,
		.allow_plain = c->push_allow_plain,
	};
	if (kind == PUSH_KANNEL) {
		out->user = c->kannel_user;
		out->from = c->kannel_from;
		file = c->kannel_secret_file;
		key = "kannel_secret_file";
	} else if (kind == PUSH_PPG) {
		out->user = c->ppg_user;
		out->from = c->ppg_host;
		file = c->ppg_secret_file;
		key = "ppg_secret_file";
	}
	if (srv_outlets_secret(key, file, secret, e) < 0)
		return -1;
	return push_check(out, e);
}

static int
gate_open(struct srv_outlets *o, enum push_kind kind,
	  const struct outlet_calls *calls, struct outlet **out, struct err *e)
{
	char secret[SECRET_MAX];
	struct push_conf conf;
	int rc = gate_conf(o->conf, kind, &conf, secret, e);

	if (rc == 0)
		rc = push_open(&conf, calls, out, e);
	sodium_memzero(secret, sizeof(secret));
	return rc;
}

#define GATE(name, kind)                                                       \
	static bool name##_wanted(const struct srv_conf *conf)                 \
	{                                                                      \
		return gate_url(conf, kind)[0] != '\0';                        \
	}                                                                      \
	static int name##_open(void *ctx, const struct outlet_calls *calls,    \
			       struct outlet **out, struct err *e)             \
	{                                                                      \
		return gate_open(ctx, kind, calls, out, e);                    \
	}
GATE(kannel, PUSH_KANNEL)
GATE(ppg, PUSH_PPG)
GATE(post, PUSH_POST)

/* ---- people's mail ------------------------------------------------------- */

int
srv_outlets_submitter(const struct srv_conf *conf, bool (*give_up)(void *ctx),
		      void *ctx, struct submitter **out, struct err *e)
{
	char secret[SECRET_MAX];
	struct smtp_conf mail;
	int rc;

	*out = NULL;
	if (!smtp_wanted(conf))
		return err_set(e, ERR_CONFIG, "outlets",
			       "no server takes mail: set smtp_server");
	rc = smtp_conf(conf, &mail, secret, e);
	if (rc == 0)
		rc = smtp_submitter(&mail, give_up, ctx, out, e);
	sodium_memzero(secret, sizeof(secret));
	return rc;
}

/* ---- all of them --------------------------------------------------------- */

const struct srv_outlet_kind srv_outlet_kinds[] = {
	{ "xmpp", xmpp_wanted, xmpp_open },
	{ "smtp", smtp_wanted, smtp_open_outlet },
	{ "kannel", kannel_wanted, kannel_open },
	{ "ppg", ppg_wanted, ppg_open },
	{ "post", post_wanted, post_open },
};
const size_t srv_outlet_kind_n =
    sizeof(srv_outlet_kinds) / sizeof(srv_outlet_kinds[0]);

int
srv_outlets_check(const struct srv_conf *conf, struct err *e)
{
	char secret[SECRET_MAX];
	struct im_conf im;
	struct smtp_conf mail;
	struct push_conf gate;
	int rc = 0;

	if (xmpp_wanted(conf))
		rc = xmpp_conf(conf, &im, secret, e);
	if (rc == 0 && smtp_wanted(conf))
		rc = smtp_conf(conf, &mail, secret, e);
	for (int k = 0; rc == 0 && k < PUSH_KIND_N; k++) {
		if (gate_url(conf, (enum push_kind)k)[0] != '\0')
			rc = gate_conf(conf, (enum push_kind)k, &gate, secret,
				       e);
	}
	sodium_memzero(secret, sizeof(secret));
	return rc;
}
