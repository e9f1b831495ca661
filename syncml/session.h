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
#include "syncml/msg.h"
#include "syncml/server.h"

/* Package that the client is sending (protocol: packages 1, 3, 5). */
enum sml_phase { SML_IN_INIT = 0, SML_IN_SYNC, SML_IN_MAP, SML_IN_END };

/* How far our package 4 is, for one database. */
enum sml_stage {
	SML_OUT_WAIT = 0, /* package 3 is not complete */
	SML_OUT_PENDING,  /* debts, unsettled offers, items in doubt */
	SML_OUT_CHANGES,  /* what changed since the cursor */
	SML_OUT_DONE,
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
	bool alert_sent; /* our Alert went out */
	bool refused;    /* the client refused our Alert */
	bool opened;     /* our first Sync element went out */
	bool sync_seen;  /* the client's Sync came */
	bool in_done;    /* its package 3 was complete */
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
	bool wants_cdata; /* its items came in CDATA */
	bool full;        /* the device said 420: no more Adds */
	int64_t max_obj;  /* its MaxObjSize for this database; -1: not said */
	int64_t free_id;  /* Adds that still fit in; -1: not said */
	int64_t held_at_start; /* LIVE rows when its first Delete came; -1 */
	struct sml_counts in, out;
	int64_t matched, conflicts, held_back;
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
	int64_t waits_msgid; /* the chunk that waits for its 213 */
};

struct sml_session {
	int version; /* 10, 11, 12 */
	struct sml_doc doc;
	struct slice sid, dev_uri, server_uri;
	struct slice respuri; /* with its token; empty: none is sent */
	int64_t out_msgid;
	int64_t peer_msg, peer_obj; /* its MaxMsgSize, MaxObjSize; -1: none */
	bool auth_every;            /* 200 and credentials in every message */
	enum sml_phase in;
	bool out_init_done; /* package 2 is out, with Final */
	bool out_sync_done; /* package 4 is out, with Final */
	bool get_sent;      /* we asked for its DevInf */
	bool suspended;
	bool done; /* package 5 was complete: all is settled */
	unsigned idle_rounds;
	struct sml_ds ds[SML_LINKS_MAX];
	size_t ds_n;
	struct sml_sent *sent;
	size_t sent_n, sent_cap;
	struct sml_status *status; /* queue, oldest first */
	size_t status_n, status_cap;
	struct sml_incoming inc;
	struct sml_outgoing og;
	/* A Get that is not answered yet (its Results may not have fitted). */
	bool results_due;
	int64_t results_msgref;
	struct slice results_cmdref;
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
	size_t ds_before, status_before; /* how many, before this message */
	bool login_wanted; /* the session is gone; there are credentials */
	size_t refused;    /* arena_refused() before this message */
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
	int hdr_code; /* Status of SyncHdr */
	struct sml_chal hdr_chal;
	struct slice hdr_text;
	bool chunk_lost; /* an Alert 223 is due for this object */
	struct slice lost_source, lost_target;
	bool next_wanted; /* the client asked for the next message (222) */
	bool said;        /* the client's message held more than Status */
	struct store_story *story;
	size_t story_n, story_cap;
	unsigned items_in, items_out;
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
/* Value for RespURI's query, and the hash under which it is stored. */
struct slice sml_token_new(struct sml_ctx *c, struct slice *hash);
struct slice sml_body_hash(struct sml_ctx *c);
/* A stored session that takes this message as its next one, or as a repeat. */
bool sml_session_live(const struct sml_ctx *c, const struct store_session *s);

/* ---- server_session.c: one message inside a transaction ---- */
enum sml_entry {
	SML_ENTER_GO,
	SML_ENTER_DUPLICATE, /* send the stored answer */
	SML_ENTER_STALE,     /* older than the last one: changes nothing */
	SML_ENTER_GAP,       /* out of order: the session ends */
	SML_ENTER_EXPIRED,   /* no such session any more */
	SML_ENTER_DISABLED,
	SML_ENTER_CROWDED, /* the account has too many open sessions */
};
/* Load account, device, databases, links; continue the session or start it. */
int sml_session_enter(struct sml_ctx *c, const struct sml_place *at,
		      const struct sml_login *login, enum sml_entry *how);
/* Do what the message says and make the answer. */
int sml_session_run(struct sml_ctx *c, struct slice *answer);
/* Put everything that changed into the transaction. */
int sml_session_leave(struct sml_ctx *c, const struct slice *answer);

/* ---- session_state.c ---- */
int sml_state_save(struct arena *a, const struct sml_session *s,
		   struct slice *out, struct err *e);
int sml_state_load(struct arena *a, struct slice bytes, struct sml_session *s,
		   struct err *e);

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
/* Take what a Map says; queue its Status. */
int sml_map_take(struct sml_ctx *c, const struct sml_cmd *cmd);
int sml_cmd_map(struct sml_ctx *c, const struct sml_cmd *cmd);
/* A row the device must be sent anew, under its LUID or (none) as an Add. */
void sml_map_owe(struct store_map *m, bool keep_luid, int reason);
/* The device holds this now. */
void sml_map_holds(struct store_map *m, int64_t revision, uint64_t form,
		   int64_t sync_no);

/* ---- session_find.c: sort once, then find by item id ---- */
void sml_maps_sort(struct store_map *m, size_t n);
struct store_map *sml_map_find(struct store_map *m, size_t n, int64_t item);
void sml_items_sort(struct store_item *it, size_t n);
struct store_item *sml_item_find(struct store_item *it, size_t n, int64_t id);

/* ---- session_alert.c ---- */
int sml_cmd_alert(struct sml_ctx *c, const struct sml_cmd *cmd);
/* Package 3 of this database is complete: anchors, generations, deletes. */
int sml_ds_complete(struct sml_ctx *c, struct sml_ds *ds);
/* Package 4 of it is out. */
int sml_ds_sent(struct sml_ctx *c, struct sml_ds *ds);

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

/* ---- session_view.c ---- */
const struct pim_view *sml_view(struct sml_ctx *c, struct sml_ds *ds);
/*
 * The view for an item that the device holds in this form. What it sent itself
 * (form 0) shows properties that it can hold, whatever its CTCap lists: they
 * belong to the view, and to its id, from then on.
 */
const struct pim_view *sml_view_of(struct arena *a, const struct pim_view *view,
				   const struct pim_item *held, uint64_t form);
const struct sml_devinf *sml_peer_devinf(struct sml_ctx *c);
/* The kinds that a database shows, and the member that takes one kind. */
int64_t sml_member_for(struct sml_ctx *c, const struct sml_ds *ds,
		       unsigned kind);

/* ---- session_devinf.c ---- */
int sml_cmd_put(struct sml_ctx *c, const struct sml_cmd *cmd);
int sml_cmd_get(struct sml_ctx *c, const struct sml_cmd *cmd);
struct sml_devinf *sml_own_devinf(struct sml_ctx *c);

/* ---- apply.c: the client's changes ---- */
struct sml_op {
	const struct sml_cmd *cmd;
	const struct sml_item *item;
	enum sml_tag tag; /* SML_ADD, SML_REPLACE, SML_DELETE */
	struct slice luid;
	struct slice data; /* empty until a large object is whole */
	struct slice type, format;
	int code; /* its Status; 0: not decided yet */
	/* While it is worked on (apply_*.c): */
	struct pim_item *pim;
	struct slice canon;
	struct pim_ids ids;
	struct store_map *row;  /* under this LUID in this generation */
	struct store_map *hint; /* ... in another one */
};
int sml_cmd_sync(struct sml_ctx *c, const struct sml_cmd *cmd);

struct sml_cand_key {
	uint64_t hash;
	const struct store_candidate *cand;
};

/* What a batch of operations is decided with, and what it decided. */
struct sml_batch {
	struct sml_ctx *c;
	struct arena *a; /* lives as long as the batch */
	struct sml_ds *ds;
	const struct pim_view *view;
	const struct store_collection *col;
	bool slow; /* 201 or 203: items are matched, the base is not known */
	struct sml_op *op;
	size_t n;
	struct store_map *rows; /* by LUID, every generation */
	size_t rows_n;
	struct store_item *items; /* with bodies, sorted by id */
	size_t items_n;
	struct store_revision *revs; /* held and offered ones */
	size_t revs_n;
	struct store_revision *echoes; /* older ones that an op equals */
	size_t echoes_n;
	struct store_candidate *cand;
	size_t cand_n;
	struct sml_cand_key *key; /* candidates by hash, then by id */
	size_t key_n;
	struct store_map *cand_rows; /* of mapped candidates, sorted */
	size_t cand_rows_n;
	int64_t *taken; /* items that an op of this batch got */
	size_t taken_n;
	struct store_write *w;
	size_t w_n;
	struct store_map *m;
	size_t m_n;
	int64_t *drop;
	size_t drop_n;
};

/* apply_read.c: bytes to item; a refusal goes into op->code. */
int sml_op_read(struct sml_batch *b, struct sml_op *op);
/* apply_load.c: all that the decisions need, in a handful of calls. */
int sml_batch_load(struct sml_batch *b);
/* Candidates with this hash: from the returned one on, *n of them. */
const struct sml_cand_key *sml_batch_with_hash(const struct sml_batch *b,
					       uint64_t hash, size_t *n);
/* apply_match.c: the stored item that this one is; NULL: it is new. *row is
   that item's row in this generation, if it has one that may be taken. */
const struct store_candidate *
sml_batch_match(struct sml_batch *b, struct sml_op *op, struct store_map **row);
bool sml_batch_agrees(struct sml_batch *b, const struct sml_op *op,
		      const struct store_map *row);
/* apply_item.c: decide one operation. */
int sml_op_decide(struct sml_batch *b, struct sml_op *op);
/* apply_merge.c: an edit of an item that the server has. */
int sml_op_merge(struct sml_batch *b, struct sml_op *op,
		 const struct store_item *head, struct store_map *row,
		 bool known_base);
int sml_batch_parse(struct sml_batch *b, unsigned kind, struct slice body,
		    struct pim_item **out);
const struct store_revision *sml_batch_rev(const struct sml_batch *b,
					   int64_t item, int64_t revision);

/* ---- session_chunk.c: large objects coming in ---- */
/*
 * Takes a chunk. *ready: the object is whole, and op->data is it; else
 * op->code is the Status.
 */
int sml_chunk_in(struct sml_ctx *c, struct sml_ds *ds, struct sml_op *op,
		 bool *ready);
/* The client went on to something else: drop the half object, Alert 223. */
int sml_chunk_broken(struct sml_ctx *c);

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
/* The whole answer of a message inside a session. */
int sml_reply(struct sml_ctx *c, struct slice *out);
/* An answer outside of any session: Statuses of one code, and Final. */
int sml_reply_refuse(struct sml_ctx *c, int code, const struct sml_chal *chal,
		     struct slice text, struct slice *out);

/* ---- outgoing.c: package 4 ---- */
/* As much as fits; *done when every database is through. */
int sml_out_changes(struct sml_ctx *c, struct sml_out *o, bool *done);

/* ---- outgoing_item.c: one item of package 4 ---- */
struct sml_unit {
	char what;  /* 'A', 'R', 'D', or 0: nothing to send */
	bool probe; /* in doubt: sent whatever it holds */
	struct store_item item;
	bool mapped;
	struct store_map map;
	struct slice held_body; /* of what it holds, if that may be equal */
	const struct pim_view *view; /* how it is written */
};
enum sml_sent_how {
	SML_SENT,      /* it is in the message */
	SML_NOT_SENT,  /* nothing to send, or a debt now */
	SML_SENT_PART, /* a large object began: the message is full */
	SML_NO_ROOM,   /* not in this message */
	SML_SENT_FAILED,
};
/* Sync element that is being filled. */
struct sml_sync_out {
	struct sml_ds *ds;
	bool open;
	int64_t count; /* NumberOfChanges; -1: not to be told */
};
enum sml_sent_how sml_out_unit(struct sml_ctx *c, struct sml_out *o,
			       struct sml_sync_out *so, struct sml_unit *u);
/* The next piece of a large object that is on its way. */
enum sml_sent_how sml_out_piece(struct sml_ctx *c, struct sml_out *o,
				struct sml_sync_out *so);
/* Open the Sync element if it is not; false: no room. */
bool sml_sync_out_open(struct sml_ctx *c, struct sml_out *o,
		       struct sml_sync_out *so);
void sml_sync_out_close(struct sml_ctx *c, struct sml_out *o,
			struct sml_sync_out *so);

/* ---- ids on the wire ---- */
/* Our id of an item: its number in base 36, short and permanent. */
struct slice sml_wire_id(struct arena *a, int64_t item);
bool sml_wire_item(struct slice id, int64_t *item);

#endif
