/*
 * The service that the daemon really runs: the SyncML engine on an open site.
 */
#ifndef SERVER_ENGINE_H
#define SERVER_ENGINE_H

#include "server/alarms/alarms.h"
#include "server/house.h"
#include "server/logins.h"
#include "server/mail/mail.h"
#include "server/metrics.h"
#include "server/outlets.h"
#include "server/patience.h"
#include "server/service.h"
#include "server/site.h"

struct srv_engine {
	const char *conf_path; /* set by the caller, with the next two */
	struct srv_metrics *metrics;
	struct log *log;

	struct srv_site site;
	struct sml_server_conf conf;
	struct sml_server server;
	struct srv_patience patience;
	/* Between the protocol and the site's secrets: counts failed logins. */
	struct sml_secrets counting;
	struct srv_logins *logins;
	struct srv_house house;
	int64_t shared_ms; /* the logins, by the monotonic clock */
	/* Reminders; NULL where no way out is configured. */
	struct srv_outlets outlets; /* what the alarms open them with */
	struct srv_alarms *alarms;
	/* People's mail. */
	struct srv_mail_env mail_env;
	struct srv_mail *mail;
};

/* The service whose ctx is `eng`; `eng` must outlive it. */
struct srv_service srv_engine_service(struct srv_engine *eng);

#endif
