/*
 * One session of one device, as the server's engine sees it while it handles
 * one message. The state lives in the store between messages (session_state.c
 * turns it into bytes and back); a process keeps nothing.
 *
 * Private to the engine: server.c, session_*.c, cmd_*.c, apply*.c, outgoing*.c.
 */
#ifndef SYNCML_SESSION_H
#define SYNCML_SESSION_H

#include "syncml/devinf.h"
#include "syncml/filter.h"
#include "syncml/msg.h"
#include "syncml/server.h"
#include "syncml/session_report.h"

/* Package that the client is sending (protocol: packages 1, 3, 5). */
enum sml_phase { SML_IN_INIT = 0, SML_IN_SYNC, SML_IN_MAP, SML_IN_END };

/* How far our package 4 is, for one database. */
enum sml_stage {
	SML_OUT_WAIT = 0, /* package 3 is not complete */
	SML_OUT_PROBE,    /* items in doubt, before an Add can take a LUID of
			     theirs that is free again */
	SML_OUT_PENDING,  /* debts, unsettled offers, items in doubt */
	SML_OUT_WALK,     /* what enters or leaves the filter */
	SML_OUT_CHANGES,  /* what changed since the cursor */
	SML_OUT_DONE,
};

/* Where items are looked for that enter or leave a filter; in this order. */
enum sml_walk {
	SML_WALK_NONE = 0,
	SML_WALK_ALL,  /* other terms: everywhere */
	SML_WALK_ENDS, /* the window's beginning moved: items that end there */
	SML_WALK_STARTS, /* its end did: items that begin there */
};

struct sml_counts {
	int64_t added, replaced, deleted, failed;
};

/* One alerted database of the session. */
struct sml_ds {
	int64_t link;            /* store_link id */
	int64_t collection;      /* as alerted */
	struct slice server_uri; /* as the client wrote it */
	struct slice client_uri;
	int asked;       /* alert code of the client */
	int type;        /* 200 to 205: what is really done */
	int reply;       /* alert code that we answer with */
	bool forced;     /* 508: the client did not ask for this type */
	int why;         /* enum sml_why_forced */
	bool first;      /* its link had no map yet */
	bool resumed;    /* it goes on with a sync that broke */
	bool alert_sent; /* our Alert went out */
	bool refused;    /* the client refused our Alert */
	bool opened;     /* our first Sync element went out */
	bool sync_seen;  /* the client's Sync came */
	bool in_done;    /* its package 3 was complete */
	struct slice client_last; /* of its Alert; of the first, if resumed */
	int64_t added_before;     /* in the sessions that this one resumes */
	/* It only fetches mails that it names, so much of each: they are owed
	   to it (SML_WHY_WANTED), and all else stays as it is. */
	bool fetches;
	struct pim_mail_cut cut;
	struct slice client_next, server_last, server_next;
	int64_t gen; /* generation of the map that this sync works on */
	int64_t sync_no;
	int64_t doubt_from; /* INT64_MAX: nothing in doubt */
	int64_t bound;      /* package 4 reads up to this change number */
	enum sml_stage stage;
	int64_t pend_after;
	struct store_cursor cursor[STORE_MEMBERS_MAX];
	size_t cursor_n;
	int form_seen;    /* form of the items that it sends */
	bool plain_seen;  /* ... of SIF, which is Base64 otherwise, are not */
	bool wants_cdata; /* its items came in CDATA */
	bool full;        /* the device said 420: no more Adds */
	int64_t max_obj;  /* its MaxObjSize for this database; -1: not said */
	int64_t free_id;  /* Adds that still fit in; -1: not said */
	int64_t held_at_start; /* LIVE rows when its first Delete came; -1 */
	int64_t noted;         /* its Deletes that are not decided yet */
	int64_t decided;       /* and those that are: the brake counts all */
	struct sml_counts in, out;
	int64_t matched, conflicts, held_back;
	struct slice filter; /* session_filter.c's words; empty: none */
	bool no_soft;        /* it refused a Delete with SftDel */
	int walk, walk_to;   /* enum sml_walk: now, and the last one */
	size_t walk_col;     /* which of the cursors' collections */
	int64_t walk_ms, walk_after;
};

struct sml_filter_uses {
	bool ready;
	struct sml_filter_use now, was; /* was: what the device was filled by */
};

/* A command that we sent and whose Status has not come. */
struct sml_sent {
	int64_t msgid, cmdid;
	int ds;
	int64_t item;
	int64_t revision;
	uint64_t form;
	char what; /* 'A'dd, 'R'eplace, 'D'elete, 'L' (alert), 'C'hunk, 'S'ync
		    */
	bool assumed; /* the client went on past it: counts as done, but an
			 error for it is heard still */
};

/* Of a map row, instead of a status: why it is as it is. Below 0: the device
   has the item without its pictures, since it takes no more than so many octets
   (-reason); once that is delivered the row is a DEBT. */
enum sml_why {
	SML_WHY_NOTED = 1,   /* DELETING: the device's Delete, not decided */
	SML_WHY_SHARED = 2,  /* its LUID is another item's */
	SML_WHY_ASSUMED = 3, /* DELETING: no Status, but it went on */
	SML_WHY_GONE = 4,    /* DELETING: gone there; the row goes, too, when
				the device has shown that this session ended */
	/* LIVE: sent over a Delete that it may have taken; DELETING: and no
	   Status came. */
	SML_WHY_UNHEARD = 5,
	SML_WHY_WANTED = 7, /* DEBT: a mail that the device asked for */
	SML_WHY_MOVED = 8,  /* DEBT: a mail that lies in another folder now */
	SML_WHY_REUSED = 6, /* LIVE: its LUID was that of an item which the
			       device deleted, and had not yet shown that the
			       session ended in which it told */
};

/* A Status that waits for room. */
struct sml_status {
	int64_t msgref;
	struct slice cmdref;
	struct slice cmd;
	struct slice target_ref, source_ref;
	int code;
	struct slice anchor_next; /* of an Alert; .p NULL: none */
	struct slice text;        /* Item/Data, or empty */
	struct sml_chal chal;
};

/* A large object on its way in. */
struct sml_incoming {
	bool active;
	int ds;
	enum sml_tag cmd;
	struct slice luid;
	struct slice type, format;
	int64_t size; /* announced; -1: it was not */
	int64_t got;
	int64_t last_n;    /* octets of the last piece */
	int64_t resumed;   /* octets that an earlier session got; -1 */
	int64_t resumed_n; /* of its last piece */
	/* Not active: the object was refused with this code, in this message;
	   what follows of it is refused as well. */
	int refused;
	int64_t refused_msgid;
};

/* A large object on its way out; its bytes are the link's 'o' chunks. */
struct sml_outgoing {
	bool active;
	int ds;
	int64_t item, revision;
	uint64_t form;
	struct slice luid; /* of a Replace */
	bool add;
	int form_kind; /* enum pim_form */
	bool b64;
	int64_t total, offset;
	int64_t acked; /* up to here it has them for certain */
	/* The message with its first piece after a resume; 0: none; -1: it is
	   the next piece. */
	int64_t resumed;
	int64_t waits_msgid; /* the chunk that waits for its 213 */
	unsigned restarts;   /* by Alert 223 */
};

/* A Get that is not answered yet (its Results may not have fitted). */
struct sml_get {
	int64_t msgref;
	struct slice cmdref;
};

/* A sync that did not end, as its link remembers it (Alert 225). */
struct sml_open {
	int type;     /* 200 to 205; 0: none */
	bool done;    /* it ended, if the device got our last answer */
	bool in_done; /* all of the device's changes came */
	int64_t since_ms;
	int64_t added; /* items of the client */
	int64_t doubt_from;
	struct slice last; /* the client's Last when it began */
	struct sml_incoming inc;
	struct sml_outgoing og;
};

/* Who we are, for a device that asks. */
struct sml_own {
	enum sml_auth scheme; /* SML_AUTH_NONE: it does not ask */
	bool done;            /* it believes us for the rest of the session */
	unsigned tries;
	struct slice nonce; /* the device's last challenge */
};

struct sml_session {
	int version; /* 10, 11, 12 */
	struct sml_doc doc;
	struct slice sid, dev_uri, server_uri;
	struct slice respuri; /* with its token; empty: none is sent */
	int64_t out_msgid;
	int64_t peer_msg, peer_obj; /* its MaxMsgSize, MaxObjSize; -1: none */
	bool auth_every;            /* 200 and credentials in every message */
	enum sml_auth scheme;       /* that it began with */
	int64_t cred;               /* id of the credential that fitted */
	struct sml_own own;
	enum sml_phase in;
	bool out_init_done; /* package 2 is out, with Final */
	bool out_sync_done; /* package 4 is out, with Final */
	bool get_sent;      /* we asked for its DevInf */
	bool suspended;
	bool unknown;     /* it asked for a database that is not here */
	bool done;        /* package 5 was complete: all is settled */
	bool mail_waited; /* an answer waited for news: no other one does */
	unsigned idle_rounds;
	struct sml_ds ds[SML_LINKS_MAX];
	size_t ds_n;
	struct sml_sent *sent;
	size_t sent_n, sent_cap;
	struct sml_status *status; /* queue, oldest first */
	size_t status_n, status_cap;
	struct sml_incoming inc;
	struct sml_outgoing og;
	struct sml_get get[SML_GETS_MAX];
	size_t get_n;
	/* The one that was answered last: a device that refuses our message
	   until it knows who we are has not read the Results in it. */
	struct sml_get told;
	bool chunk_lost; /* an Alert 223 is due for this object */
	struct slice lost_luid;
};

/* An Alert with credentials of its own. */
struct sml_alert_cred {
	const struct sml_cmd *cmd;
	struct sml_login login;
	bool session; /* they are what the session begins with */
};

/* A mail folder that devices may see as an item. */
struct sml_dir {
	int64_t item, revision, collection;
	struct slice name, role;
	struct slice guid; /* our id of it */
	struct slice luid; /* a device's, in the database dir_link */
};

/* Everything that one message is handled with. */
struct sml_ctx {
	const struct sml_server *srv;
	const struct sml_request *rq;
	struct arena *a;
	/* Memory for one step of a message (a batch of operations, a page of
	   package 4, a command being written): whoever ends a step resets it.
	   Nothing that the session keeps may live here. */
	struct arena *scratch;
	const struct sml_msg *msg;
	int64_t msgid; /* the client's */
	int64_t now;
	struct store_tx *tx;
	struct sml_session s;
	struct store_session row;
	bool fresh;      /* the session starts with this message */
	bool was_closed; /* it had ended before this message */
	bool late;       /* it was superseded: Status and Map count, no more */
	int64_t late_no[SML_LINKS_MAX];  /* sync_no of its databases */
	size_t ds_before, status_before; /* how many, before this message */
	bool login_wanted;               /* no session takes it as it is */
	enum sml_auth scheme_due; /* what its session asks for; NONE: nothing */
	/* Credentials in Alerts: looked at outside of the transaction. */
	bool alerts_wanted, alerts_read;
	struct sml_alert_cred alert_cred[SML_CREDS_MAX];
	size_t alert_cred_n;
	struct store_device dev_before; /* dev as the store had it */
	bool own_read;
	struct slice own_secret; /* .p NULL: cannot be known */
	size_t refused;          /* arena_refused() before this message */
	struct store_account acc;
	struct store_device dev;
	bool dev_dirty;
	struct store_collection *col;
	size_t col_n;
	struct store_link *link;
	size_t link_n, link_cap;
	bool *link_dirty;          /* link_cap of them */
	struct sml_devinf *devinf; /* of the device; NULL: not known or read */
	bool devinf_read;
	struct pim_view view[SML_LINKS_MAX];
	bool view_ready[SML_LINKS_MAX];
	struct sml_filter_uses filter[SML_LINKS_MAX];
	int hdr_code; /* Status of SyncHdr */
	struct sml_chal hdr_chal;
	struct slice hdr_text;
	int64_t og_before; /* where the object on its way out was */
	bool next_wanted;  /* the client asked for the next message (222) */
	bool said;         /* the client's message held more than Status */
	struct store_story *story;
	size_t story_n, story_cap;
	struct sml_report report;
	unsigned items_in, items_out;
	struct store_mail_folder *folder; /* of the account, once read */
	size_t folder_n;
	bool folder_read;
	struct sml_dir *dir; /* of the account, once read */
	size_t dir_n;
	bool dirs_read;
	int64_t dir_link;    /* the link of their LUIDs; 0: not read */
	size_t effects;      /* written by this message: somebody has work */
	unsigned mail_words; /* enum sml_mail_word, of this message */
	bool mail_waits;     /* its answer may wait for news */
	unsigned tries;      /* of this message so far, this one counted */
	int64_t came_ms;     /* when the first of them began */
	bool again; /* the store failed, and the next try may go well */
	struct err e;
};

/* ---- server.c ---- */
/* ERR_NOMEM if any allocation of this message failed, wherever. */
int sml_memory_came(struct sml_ctx *c);

/* ---- server_find.c: which session does a message belong to? ---- */
struct sml_place {
	int64_t account; /* 0: not known without credentials */
	bool by_token;
	bool duplicate; /* the session's last message again, word for word */
	struct slice token_hash;
};
int sml_place_find(struct sml_ctx *c, struct sml_place *out);
/* The token is that of a session that lives, and the credentials name another
   account than its own. */
int sml_token_foreign(struct sml_ctx *c, const struct sml_place *at,
		      const struct sml_login_in *in, bool *foreign);
/* Value for RespURI's query, and the hash under which it is stored. */
struct slice sml_token_new(struct sml_ctx *c, struct slice *hash);
struct slice sml_body_hash(struct sml_ctx *c);
/* A stored session that has not expired. */
bool sml_session_live(const struct sml_ctx *c, const struct store_session *s);

/* ---- server_enter.c: which session a message belongs to ---- */
enum sml_entry {
	SML_ENTER_GO,
	SML_ENTER_DUPLICATE, /* send the stored answer */
	SML_ENTER_STALE,     /* older than the last one: changes nothing */
	SML_ENTER_GAP,       /* out of order: the session ends */
	SML_ENTER_EXPIRED,   /* no such session any more */
	SML_ENTER_LATE,      /* superseded: hears Status and Map only */
	SML_ENTER_DISABLED,
	SML_ENTER_UNPROVEN, /* it wants proof in each message */
	SML_ENTER_CROWDED,  /* the account has too many open sessions */
};
/* Load account, device, databases, links; continue the session or start it. */
int sml_session_enter(struct sml_ctx *c, const struct sml_place *at,
		      const struct sml_login *login, enum sml_entry *how);

/* ---- server_session.c: one message inside a transaction ---- */
/* Do what the message says and make the answer. */
int sml_session_run(struct sml_ctx *c, struct slice *answer);
/* Put everything that changed into the transaction. */
int sml_session_leave(struct sml_ctx *c, const struct slice *answer);

/* ---- session_auth.c: proof inside a session, both ways ---- */
/* What a message brings along; cred: the header's or an Alert's. */
struct sml_login_in sml_proof(const struct sml_ctx *c,
			      const struct sml_cred *cred);
/* Look at the credentials in Alerts that were not looked at yet. */
int sml_alert_creds(struct sml_ctx *c);
/* Are there any? */
bool sml_alert_creds_due(const struct sml_ctx *c);
/* Use up their nonces; ERR_AUTH of one is its own affair. */
int sml_alert_commit(struct sml_ctx *c);
/* Before an Alert is obeyed; *go false: its Status is queued, that was all. */
int sml_alert_enter(struct sml_ctx *c, const struct sml_cmd *cmd, bool *go);
/* After it: its Status carries the next nonce. */
int sml_alert_leave(struct sml_ctx *c, const struct sml_cmd *cmd);
/* What the device says about our header: believed, or challenged. */
int sml_own_statuses(struct sml_ctx *c);
/* Our Cred for the header that is being written, where one is due. */
int sml_own_cred(struct sml_ctx *c, struct sml_hdr *h);
/* The transport header of an answer; empty: the session has none. */
int sml_own_mac(struct sml_ctx *c, struct slice body, struct slice *out);

/* ---- session_push.c: notices that the session answers ---- */
/* With the end of each message. */
int sml_push_leave(struct sml_ctx *c);

/* ---- session_state.c ---- */
int sml_state_save(struct arena *a, const struct sml_session *s,
		   struct slice *out, struct err *e);
int sml_state_load(struct arena *a, struct slice bytes, struct sml_session *s,
		   struct err *e);

int sml_open_save(struct arena *a, const struct sml_open *open,
		  struct slice *out, struct err *e);
/* What does not read back is none. */
void sml_open_load(struct arena *a, struct slice bytes, struct sml_open *open);

/* ---- session_resume.c: a sync that broke or was suspended goes on ---- */
/* Is there one that an Alert 225 with this Last means? */
bool sml_resumable(const struct sml_ctx *c, const struct store_link *l,
		   const struct sml_open *open, struct slice last, bool fits);
/* A slow sync broke, and the device goes on with its old anchors: what it told
   the new map alone joins the old one. */
int sml_stage_keep(struct sml_ctx *c, const struct store_link *l);
/* Its large objects go on as well. */
int sml_resume_objects(struct sml_ctx *c, struct sml_ds *ds,
		       const struct sml_open *open);
/* Note in the links what of this session is not ended. */
int sml_open_note(struct sml_ctx *c);

/* ---- session_story.c: what a person reads about the session ---- */
void sml_tell(struct sml_ctx *c, char who, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* One line that says how the session went. */
struct slice sml_verdict(struct sml_ctx *c);
const char *sml_type_name(int alert);

/* ---- session_status.c: Statuses that we owe ---- */
/* Queue one; NoResp (of command or header) drops it. */
/* A URI to be sent back; one that no peer can mean is left out. */
static inline struct slice
sml_short_uri(struct slice uri)
{
	return uri.n > SML_LOCURI_BYTES_MAX ? SLICE_LIT("") : uri;
}

int sml_status_add(struct sml_ctx *c, const struct sml_cmd *cmd,
		   const struct slice *target, const struct slice *source,
		   int code);
/* The one queued last, to be completed; NULL after a NoResp. */
struct sml_status *sml_status_last(struct sml_ctx *c);
/* Same code for a command and all that is inside it. */
int sml_status_all(struct sml_ctx *c, const struct sml_cmd *cmd, int code);

/* ---- session_sent.c: what became of the commands that we sent ---- */
int sml_sent_add(struct sml_ctx *c, struct sml_sent s);
/* All Statuses of the message, in one batch. */
int sml_sent_statuses(struct sml_ctx *c);
/* The client went on past them: they count as done. */
int sml_sent_assume(struct sml_ctx *c);
/* No more of the large object on its way out: how it ended, by its Status. */
int sml_object_ended(struct sml_ctx *c, int code);
/* The client lost the end of it (Alert 223), or all. */
int sml_object_lost(struct sml_ctx *c);

/* ---- session_map.c ---- */
/* Take what a Map says; queue its Status. */
int sml_map_take(struct sml_ctx *c, const struct sml_cmd *cmd);
int sml_cmd_map(struct sml_ctx *c, const struct sml_cmd *cmd);
/* A row the device must be sent anew, under its LUID or (none) as an Add. */
void sml_map_owe(struct store_map *m, bool keep_luid, int reason);
/* It is gone from the device, if the session ends well for it. */
void sml_map_gone(struct store_map *m, int64_t sync_no);
/*
 * It deleted the row's item, which stays and goes out as a new one. Should the
 * device turn out to have come from a backup, it has the old one, too: *ghost,
 * a row without an item, keeps the LUID until the device has shown that this
 * session ended. Put it behind the row. false: there is none.
 */
bool sml_map_back(struct sml_ctx *c, struct store_map *m, int64_t sync_no,
		  struct store_map *ghost);
/* The device has not shown that the session ended which moved this row. */
bool sml_map_open(struct sml_ctx *c, const struct sml_ds *ds,
		  const struct store_map *m);
/* The device holds this now. */
void sml_map_holds(struct store_map *m, int64_t revision, uint64_t form,
		   int64_t sync_no);

/* ---- session_find.c: sort once, then find by item id ---- */
void sml_maps_sort(struct store_map *m, size_t n);
struct store_map *sml_map_find(struct store_map *m, size_t n, int64_t item);
void sml_items_sort(struct store_item *it, size_t n);
struct store_item *sml_item_find(struct store_item *it, size_t n, int64_t id);

/* ---- session_alert.c ---- */
/* 206-210 ask for the same as 200, 202-205, after our notification. */
int sml_base_type(int code);
int sml_cmd_alert(struct sml_ctx *c, const struct sml_cmd *cmd);
/* Package 3 of this database is complete: anchors, generations, deletes. */
int sml_ds_complete(struct sml_ctx *c, struct sml_ds *ds);
/* Package 4 of it is out. */
int sml_ds_sent(struct sml_ctx *c, struct sml_ds *ds);

/* ---- session_delete.c: when package 3 is complete ---- */
/* The Deletes that were noted; those of a session that broke count too. */
int sml_deletes_decide(struct sml_ctx *c, struct sml_ds *ds);
/* A new map comes: those noted in the one in force, but for items that the
   device has in the new one. */
int sml_deletes_carry(struct sml_ctx *c, struct sml_ds *ds,
		      const struct store_link *l);
/* Refresh from client: what it did not send goes, unless the brake holds. */
int sml_refresh_done(struct sml_ctx *c, struct sml_ds *ds,
		     const struct store_collection *col);

/* ---- session_link.c ---- */
struct store_link *sml_link(struct sml_ctx *c, int64_t id);
void sml_link_touch(struct sml_ctx *c, const struct store_link *l);
struct store_link *sml_link_new(struct sml_ctx *c, int64_t collection,
				struct slice client_db);
/*
 * Phones that keep events and tasks in one send both to either of our
 * databases: serve the link by a combined one that takes this kind as well.
 * false: there is none, or the device has another database for it.
 */
bool sml_link_widen(struct sml_ctx *c, struct sml_ds *ds, unsigned kind);
const struct store_collection *sml_collection(const struct sml_ctx *c,
					      int64_t id);
/* By LocURI of the client; NULL: no such database. */
const struct store_collection *sml_collection_uri(const struct sml_ctx *c,
						  struct slice uri);
struct sml_ds *sml_ds_uri(struct sml_ctx *c, struct slice target,
			  struct slice source);
/* The name of a database in a LocURI: without base URL, "./" and "?...". */
struct slice sml_uri_name(struct slice uri);

/* ---- session_filter.c ---- */
/* What an Alert's item asks for, with the administrator's window: words for
   ds->filter. Returns its Status: 200, or why it is refused. */
int sml_filter_ask(struct sml_ctx *c, const struct store_link *l,
		   const struct sml_item *it, int code, struct slice *words);
/* Of mail: how much of it, as the filter's fields say; false: they are not
   understood. *said: there are any. */
bool sml_mail_fields(struct sml_ctx *c, const struct sml_filter *in,
		     struct pim_mail_cut *cut, bool *said);
/* ... from what its Alert asks for, within what the link says. */
struct pim_mail_cut sml_mail_cut(struct sml_ctx *c, const struct store_link *l,
				 const struct sml_item *it);
/* What else an Alert for mail begins: a look at the mailbox, and what it asks
   for by name. */
int sml_mail_ask(struct sml_ctx *c, struct sml_ds *ds,
		 const struct sml_item *it);
bool sml_filter_on(const struct sml_ds *ds);
/* The device is filled by what it was filled by before. */
void sml_filter_same(struct sml_ctx *c, struct sml_ds *ds);
/* How much of a mail this database's device gets. */
int sml_filter_cut(struct sml_ctx *c, const struct sml_ds *ds,
		   struct pim_mail_cut *cut);
/* Not less of a mail than now was what the device was filled by; false: it
   was, or nobody knows. */
bool sml_filter_was_cut(struct sml_ctx *c, const struct sml_ds *ds,
			struct pim_mail_cut *cut);
/* The device may hold items outside of any filter from now on. */
void sml_filter_unknown(struct store_link *l);
/* Package 4 begins: find out what has to be walked. */
int sml_filter_start(struct sml_ctx *c, struct sml_ds *ds);
/* The next items of the walk, and that they are dealt with. */
int sml_filter_page(struct sml_ctx *c, struct sml_ds *ds, size_t limit,
		    struct store_change **ch, size_t *n);
void sml_filter_moved(struct sml_ds *ds, const struct store_item *last,
		      bool end);
struct sml_unit;
/* Decide unit->what by the item's dates; then by its content. */
int sml_filter_dates(struct sml_ctx *c, const struct sml_ds *ds,
		     struct sml_unit *unit);
int sml_filter_steps(struct sml_ctx *c, const struct sml_ds *ds,
		     struct sml_unit *unit);
/* Is the item (with its body) inside? */
int sml_filter_shows(struct sml_ctx *c, const struct sml_ds *ds,
		     const struct store_item *it, struct slice luid,
		     bool *shows);
/* Leave only those items that the device could have been asked to keep. */
int sml_filter_unsent(struct sml_ctx *c, const struct sml_ds *ds,
		      struct store_item **it, size_t *n);

/* ---- session_view.c ---- */
/* Can items of these kinds be written in this form? */
bool sml_form_fits(enum pim_form form, unsigned kinds);
/* The quirk rules (PIM_RULE_x) of the device. */
uint32_t sml_rules(const struct sml_ctx *c);
const struct pim_view *sml_view(struct sml_ctx *c, struct sml_ds *ds);
/*
 * The view for an item that the device holds in this form. What it sent itself
 * (form 0) shows properties that it can hold, whatever its CTCap lists: they
 * belong to the view, and to its id, from then on.
 */
const struct pim_view *sml_view_of(struct arena *a, const struct pim_view *view,
				   const struct pim_item *held, uint64_t form);
/* The same without what makes an item large; NULL: no memory. */
const struct pim_view *sml_view_lean(struct arena *a,
				     const struct pim_view *view);
/* The view in which it got what it holds: that of sml_view_of(), or the lean
   one. NULL: no memory. */
const struct pim_view *sml_view_held(struct arena *a,
				     const struct pim_view *view,
				     const struct pim_item *held,
				     uint64_t form);
const struct sml_devinf *sml_peer_devinf(struct sml_ctx *c);
/* The kinds that a database shows, and the member that takes one kind. */
int64_t sml_member_for(struct sml_ctx *c, const struct sml_ds *ds,
		       unsigned kind);

/* ---- session_devinf.c ---- */
int sml_cmd_put(struct sml_ctx *c, const struct sml_cmd *cmd);
int sml_cmd_get(struct sml_ctx *c, const struct sml_cmd *cmd);
/* How much of ours is told, where the client's messages are small. */
enum sml_devinf_part {
	SML_DEVINF_ALL = 0,
	SML_DEVINF_NO_CAPS, /* without the lists of properties */
	SML_DEVINF_ALERTED, /* this session's databases, preferred type only */
	SML_DEVINF_ONE,     /* one of them */
	SML_DEVINF_PARTS,
};
struct sml_devinf *sml_own_devinf(struct sml_ctx *c, enum sml_devinf_part part);

/* ---- apply.c, session_chunk.c: the client's changes (apply.h) ---- */
int sml_cmd_sync(struct sml_ctx *c, const struct sml_cmd *cmd);
/* Has the item something that the device does not know? What it sent itself and
   was merged without a trace is a later revision than the item's. */
bool sml_edited_elsewhere(const struct store_map *row,
			  const struct store_item *head);
/* The client went on to something else: drop the half object, Alert 223. */
int sml_chunk_broken(struct sml_ctx *c);

/* ---- session_mail.c ---- */
/* What a folder is for. */
int sml_mail_role(struct sml_ctx *c, int64_t collection,
		  enum store_mail_role *role);
/* The id by which a device of 1.2 knows a mail's folder; empty: none, its
   database is one folder. */
int sml_mail_parent(struct sml_ctx *c, const struct sml_ds *ds,
		    int64_t collection, struct slice *parent);
/* "ROOT/I", "/Inbox", "mail/Sent", or a folder's id of either side: which of
   the database's folders? 0: none. */
int sml_mail_folder(struct sml_ctx *c, const struct sml_ds *ds,
		    struct slice parent, int64_t *collection);
/* "ROOT/I"; empty: it has no fixed id. */
struct slice sml_mail_fixed(struct arena *a, enum store_mail_role role);

/* ---- session_folder.c: folders as items ---- */
/* Does the device want them, in this database? */
bool sml_takes_folders(struct sml_ctx *c, const struct sml_ds *ds);
/* Of a combined database, what is for this device. */
bool sml_shows_member(struct sml_ctx *c, const struct sml_ds *ds,
		      int64_t collection);
/* Read them, once in a message. */
int sml_dirs(struct sml_ctx *c, const struct sml_ds *ds);
/* Our id of a folder's item, and back (0: no folder's). */
int sml_dir_guid(struct sml_ctx *c, const struct sml_ds *ds, int64_t item,
		 struct slice *guid);
int sml_dir_item(struct sml_ctx *c, const struct sml_ds *ds, struct slice guid,
		 int64_t *item);
/* The folder under a device's own id of it, or ours; 0: none. */
int sml_dir_named(struct sml_ctx *c, const struct sml_ds *ds, struct slice id,
		  int64_t *collection);

/* ---- reply.c ---- */
struct sml_out { /* a message being filled */
	struct buf b;
	size_t limit;         /* bytes that it may have */
	size_t reserve;       /* kept free for its end and an Alert 222 */
	size_t reserve_close; /* ... for its end alone */
	size_t base;          /* bytes of the header and its Status */
	size_t refused;       /* bytes of the command that did not fit last */
	int64_t cmdid;        /* the last one used */
	size_t commands;      /* beside Status */
	bool full;            /* something did not fit */
};
/* Bytes that are left for commands. */
size_t sml_out_room(const struct sml_out *o);
/* Append a command, which gets its CmdID; false: no room (o->full is set). */
bool sml_out_cmd(struct sml_ctx *c, struct sml_out *o, struct sml_cmd *cmd);
/* Is there room in a message of its own for the least Results of a Get? */
bool sml_results_fit(struct sml_ctx *c);
/* The whole answer of a message inside a session. */
int sml_reply(struct sml_ctx *c, struct slice *out);
/* An answer outside of any session: Statuses of one code, and Final. */
int sml_reply_refuse(struct sml_ctx *c, int code, const struct sml_chal *chal,
		     struct slice text, struct slice *out);

/* ---- outgoing.c: package 4 ---- */
/* As much as fits; *done when every database is through. */
int sml_out_changes(struct sml_ctx *c, struct sml_out *o, bool *done);

/* ---- ids on the wire ---- */
/* Our id of an item: its number in base 36, short and permanent. */
struct slice sml_wire_id(struct arena *a, int64_t item);
bool sml_wire_item(struct slice id, int64_t *item);

#endif
