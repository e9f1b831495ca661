#include "server/engine.h"

#include "server/secrets.h"

enum {
	DAY_MS = 24 * 60 * 60 * 1000,
	/* Answers and states of ended sessions; large objects in pieces. */
	SESSION_DAYS = 1,
	CHUNK_DAYS = 7,
	/* Rounds of one housekeeping: the rest waits for the next one. */
	PRUNE_ROUNDS_MAX = 10000,
};

static const char PRUNE_LEASE[] = "prune";

static struct srv_engine *
engine_of(struct sml_secrets *s)
{
	return (
	    struct srv_engine *)(void *)((char *)s -
					 offsetof(struct srv_engine, counting));
}

static struct sml_secrets *
inner(struct sml_secrets *s)
{
	return &engine_of(s)->site.secrets->s;
}

static int
on_verify(struct sml_secrets *s, int64_t account, int64_t cred_gen,
	  struct slice hash, struct slice password, bool *ok, struct err *e)
{
	return inner(s)->verify(inner(s), account, cred_gen, hash, password, ok,
				e);
}

static int
on_unseal(struct sml_secrets *s, struct arena *a, struct slice sealed,
	  struct slice *clear, struct err *e)
{
	return inner(s)->unseal(inner(s), a, sealed, clear, e);
}

static int64_t
on_wait(struct sml_secrets *s, struct slice peer, struct slice user,
	struct slice dev_id)
{
	int64_t ms = inner(s)->wait_ms(inner(s), peer, user, dev_id);

	if (ms > 0)
		srv_logins_count(engine_of(s)->logins, peer, user,
				 STORE_AUTH_HELD);
	return ms;
}

static void
on_failed(struct sml_secrets *s, struct slice peer, struct slice user,
	  struct slice dev_id)
{
	srv_metrics_add(&engine_of(s)->metrics->auth_failed, 1);
	srv_logins_count(engine_of(s)->logins, peer, user, STORE_AUTH_WRONG);
	inner(s)->failed(inner(s), peer, user, dev_id);
}

static void
on_passed(struct sml_secrets *s, struct slice peer, struct slice user,
	  struct slice dev_id)
{
	srv_logins_count(engine_of(s)->logins, peer, user, STORE_AUTH_RIGHT);
	inner(s)->passed(inner(s), peer, user, dev_id);
}

static unsigned
on_tries(struct sml_secrets *s, struct slice peer, struct slice user,
	 struct slice dev_id)
{
	return inner(s)->tries(inner(s), peer, user, dev_id);
}

static enum sml_auth
auth_first(const char *word)
{
	return strcmp(word, "mac") == 0   ? SML_AUTH_MAC
	       : strcmp(word, "md5") == 0 ? SML_AUTH_MD5
					  : SML_AUTH_BASIC;
}

static bool
on_again(void *ctx, unsigned tries)
{
	struct srv_engine *eng = ctx;

	return srv_patience_wait(&eng->patience, tries);
}

/* Something was committed that somebody sleeps for. */
static void
on_wake(void *ctx, enum store_wake what, int64_t account, int64_t due_ms)
{
	struct srv_engine *eng = ctx;

	(void)account;
	if (what == STORE_WAKE_MAIL)
		srv_mail_due(eng->mail, due_ms);
	else if (eng->alarms != NULL)
		srv_alarms_due(eng->alarms, due_ms);
}

static void
on_listen(void *ctx, bool up, const char *why)
{
	struct srv_engine *eng = ctx;

	log_line(eng->log, up ? LOG_LVL_INFO : LOG_LVL_WARN,
		 "event=listen up=%s%s%s", up ? "yes" : "no",
		 why == NULL ? "" : ": ", why == NULL ? "" : why);
}

static void
on_mail(void *ctx, int64_t account, unsigned words)
{
	srv_mail_poke(ctx, account, words);
}

static bool
on_hold(void *ctx, const struct sml_reply *reply, struct srv_later *later)
{
	struct srv_engine *eng = ctx;

	return reply->mail != 0 && srv_mail_hold(eng->mail, reply->mail, later);
}

static void
on_close(void *ctx)
{
	struct srv_engine *eng = ctx;

	if (eng->mail != NULL)
		(void)eng->site.store->v->hear(eng->site.store, NULL, NULL);
	srv_mail_free(&eng->mail);
	srv_mail_env_close(&eng->mail_env);
	srv_alarms_free(&eng->alarms);
	if (eng->logins != NULL) {
		(void)srv_logins_share(eng->logins, eng->site.store, NULL);
		srv_house_give_back(&eng->house, PRUNE_LEASE);
		srv_house_close(&eng->house);
	}
	srv_logins_free(&eng->logins);
	srv_site_close(&eng->site);
}

/* Reminders, where the configuration has a way out for them. */
static int
open_alarms(struct srv_engine *eng, struct err *e)
{
	struct srv_alarms_in in = {
		.store = eng->site.store,
		.clk = eng->site.clk,
		.rnd = &rnd_system,
		.log = eng->log,
		.node = slice_c(eng->house.id),
		.before = slice_c(eng->house.before),
		.poll_ms = eng->site.conf.alarm_poll_s * 1000,
		.minute_max = eng->site.conf.alarm_minute_max,
		.archive = slice_c(eng->site.conf.mail_archive),
		.push_day_max = eng->site.conf.push_day_max,
		.secrets = &eng->site.secrets->s,
		.server_id = slice_c(eng->site.conf.server_id),
		.metrics = eng->metrics,
	};

	if (srv_outlets_check(&eng->site.conf, e) < 0)
		return -1;
	eng->outlets =
	    (struct srv_outlets){ &eng->site.conf, eng->site.clk, &rnd_system };
	for (size_t i = 0; i < srv_outlet_kind_n; i++) {
		const struct srv_outlet_kind *k = &srv_outlet_kinds[i];

		if (k->wanted(&eng->site.conf))
			in.channel[in.channel_n++] =
			    (struct srv_alarms_channel){ k->name, k->open,
							 &eng->outlets };
	}
	if (in.channel_n == 0)
		return 0;
	return srv_alarms_new(&in, &eng->alarms, e) < 0
		   ? -1
		   : srv_alarms_start(eng->alarms, e);
}

static int
open_mail(struct srv_engine *eng, struct err *e)
{
	eng->mail_env = (struct srv_mail_env){
		.store = eng->site.store,
		.clk = eng->site.clk,
		.log = eng->log,
		.conf = &eng->site.conf,
		.secrets = eng->site.secrets,
		.submitter = srv_outlets_submitter,
	};
	const struct store_ear ear = { on_wake, on_listen, eng };

	if (srv_mail_env_open(&eng->mail_env, e) < 0 ||
	    srv_mail_start(&eng->mail_env, slice_c(eng->house.id),
			   slice_c(eng->house.before), &eng->mail, e) < 0)
		return -1;
	eng->server.mail = on_mail;
	eng->server.mail_ctx = eng->mail;
	/* From here on words come, for either of them. */
	return eng->site.store->v->hear(eng->site.store, &ear, e);
}

static int
open_site(struct srv_engine *eng, struct err *e)
{
	const struct srv_conf *c = &eng->site.conf;

	eng->logins = srv_logins_new(eng->site.clk);
	if (eng->logins == NULL)
		return err_set(e, ERR_NOMEM, "engine.open", "out of memory");
	eng->shared_ms = clk_mono_ms();
	srv_house_open(&eng->house, eng->site.store, eng->site.clk, &rnd_system,
		       c->node_name, c->state_dir);
	if (eng->house.before[0] != '\0')
		srv_house_give_back_of(&eng->house, eng->house.before,
				       PRUNE_LEASE);
	eng->counting = (struct sml_secrets){
		.verify = on_verify,
		.unseal = on_unseal,
		.node_key = eng->site.secrets->s.node_key,
		.wait_ms = on_wait,
		.failed = on_failed,
		.passed = on_passed,
		.tries = on_tries,
	};
	eng->conf = (struct sml_server_conf){
		.max_msg_bytes = c->max_msg_bytes,
		.max_obj_bytes = c->max_obj_bytes,
		.session_idle_ms = c->session_idle_s * 1000,
		.auth_first = auth_first(c->auth_first),
		.man = SLICE_LIT("Funicular"),
		.mod = SLICE_LIT("Funicular"),
		.devid = slice_c(c->server_id),
	};
	eng->server = (struct sml_server){
		.store = eng->site.store,
		.clk = eng->site.clk,
		.rnd = &rnd_system,
		.log = eng->log,
		.secrets = &eng->counting,
		.rules = eng->site.rules,
		.conf = &eng->conf,
		.again = on_again,
		.again_ctx = eng,
	};
	if (srv_house_beat(&eng->house, e) != 0)
		return -1;
	/* What was counted before this start. */
	if (srv_secrets_share(eng->site.secrets, eng->site.store, e) != 0)
		return -1;
	return open_alarms(eng, e) < 0 ? -1 : open_mail(eng, e);
}

static int
on_open(void *ctx, struct err *e)
{
	struct srv_engine *eng = ctx;

	if (srv_site_open(&eng->site, eng->conf_path, e) != 0)
		return -1;
	if (open_site(eng, e) == 0)
		return 0;
	on_close(eng);
	return -1;
}

static int
on_tick(void *ctx, struct err *e)
{
	struct srv_engine *eng = ctx;
	int64_t now = clk_mono_ms();

	if (srv_house_beat(&eng->house, e) != 0)
		return -1;
	if (now - eng->shared_ms >= SRV_LOGINS_SHARE_MS) {
		eng->shared_ms = now;
		if (srv_logins_share(eng->logins, eng->site.store, e) != 0)
			return -1;
	}
	return srv_secrets_share(eng->site.secrets, eng->site.store, e);
}

static void
on_message(void *ctx, struct arena *a, const struct sml_request *rq,
	   struct sml_reply *out)
{
	struct srv_engine *eng = ctx;

	sml_server_handle(&eng->server, a, rq, out);
	if (out->http == 200)
		srv_patience_works(&eng->patience);
	else if (out->http == 503)
		srv_house_doubt(&eng->house);
}

static int
on_health(void *ctx, struct err *e)
{
	enum { HEALTH_ARENA_BYTES = 65536 };
	struct srv_engine *eng = ctx;
	struct arena *a;
	struct slice *value = NULL;
	int rc;

	/* Reading may work while nothing can be written. */
	if (srv_house_stuck(&eng->house))
		return err_set(e, ERR_UNAVAILABLE, "engine.health",
			       "nothing can be written to it");
	a = arena_new(HEALTH_ARENA_BYTES);
	if (a == NULL)
		return err_set(e, ERR_NOMEM, "engine.health", "out of memory");
	rc = eng->site.store->v->site_get(eng->site.store, a, "epoch", &value,
					  e);
	arena_free(&a);
	return rc;
}

/* One node of the site prunes at a time. */
static int
lease(struct srv_engine *eng, int64_t *leased, bool *ours, struct err *e)
{
	int64_t now = clk_mono_ms();

	if (*leased != INT64_MIN && now - *leased < SRV_HOUSE_RENEW_MS)
		return 0;
	*leased = now;
	return srv_house_lease(&eng->house, PRUNE_LEASE, ours, e);
}

static int
on_prune(void *ctx, int64_t history_days, const atomic_bool *stop,
	 int64_t *rows, struct err *e)
{
	struct srv_engine *eng = ctx;
	struct store *s = eng->site.store;
	int64_t now = eng->site.clk->now_ms(eng->site.clk);
	int64_t ticked = clk_mono_ms();
	int64_t leased = INT64_MIN;
	bool ours = false;
	int64_t n = 1;

	*rows = 0;
	for (int i = 0; i < PRUNE_ROUNDS_MAX && n > 0; i++) {
		if (lease(eng, &leased, &ours, e) != 0)
			return -1;
		/* Another node does it. */
		if (!ours)
			return 0;
		if (atomic_load(stop))
			return 0;
		if (s->v->prune(s, now - history_days * DAY_MS,
				now - SESSION_DAYS * (int64_t)DAY_MS,
				now - CHUNK_DAYS * (int64_t)DAY_MS, &n, e) != 0)
			return -1;
		*rows += n;
		/* A long one must not keep the seconds from being kept. */
		if (clk_mono_ms() - ticked >= SRV_TICK_MS) {
			(void)on_tick(eng, NULL);
			ticked = clk_mono_ms();
		}
	}
	return 0;
}

struct srv_service
srv_engine_service(struct srv_engine *eng)
{
	return (struct srv_service){
		.ctx = eng,
		.open = on_open,
		.close = on_close,
		.handle = on_message,
		.hold = on_hold,
		.healthy = on_health,
		.tick = on_tick,
		.prune = on_prune,
	};
}
