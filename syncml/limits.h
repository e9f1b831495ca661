/*
 * Every limit on what a peer may make us do, in one place, each with its
 * reason. Those marked (conf) can be lowered or raised in the configuration.
 */
#ifndef SYNCML_LIMITS_H
#define SYNCML_LIMITS_H

enum {
	/* Headers, trailers, cookies and arguments of one HTTP request; phones
	   send about 10 headers, below 1 kB. */
	SML_HTTP_HEADERS_MAX = 64,
	/* Their bytes with the URL's, and for each of them what the HTTP
	   library spends on it. It holds them as long as a connection lives:
	   10,000 connections shall stay below 128 MB. */
	SML_HTTP_HEAD_BYTES_MAX = 8192,
	SML_HTTP_HEADER_COST = 64,
	/* One message on the wire (conf): 1 MB holds 1,000 contacts; phones
	   send 2.7 to 200 kB. */
	SML_MSG_BYTES_MAX = 1000000,
	/* What we announce as our MaxMsgSize by default (conf). */
	SML_MSG_BYTES_OWN = 500000,
	/* Text after string tables and entities were resolved: 8 times the
	   largest message is beyond any honest sender. */
	SML_EXPANDED_BYTES_MAX = 8000000,
	/* That text may be so many times as long as the document, once it is
	   beyond the first bytes: honest string tables save names, not texts.
	 */
	SML_EXPANSION_RATIO_MAX = 20,
	SML_EXPANSION_FREE_BYTES = 65536,
	/* Elements inside each other: SyncML needs about 12. */
	SML_DEPTH_MAX = 32,
	/* Elements of one document. */
	SML_NODES_MAX = 400000,
	/* WBXML string table. */
	SML_STRTBL_BYTES_MAX = 65536,
	/* Commands of one message (Status and MapItem not counted). */
	SML_COMMANDS_MAX = 20000,
	/* Messages of one session: 50,000 items at 10 a message. */
	SML_MESSAGES_MAX = 10000,
	/* One item, assembled (conf): a photo of 10 MB. */
	SML_OBJ_BYTES_MAX = 10000000,
	/* Arena of one request, and that of its steps where objects are not
	   larger. */
	SML_ARENA_BYTES_MAX = 96000000,
	/* A step may take so many times the largest object: two edits of one
	   that meet take 17 times its size. */
	SML_ARENA_OBJECTS = 18,
	/* SessionID, MsgID, CmdID, device ids, anchors, LocURIs. */
	SML_SID_BYTES_MAX = 64,
	SML_CMDID_BYTES_MAX = 32,
	SML_DEVID_BYTES_MAX = 255,
	SML_ANCHOR_BYTES_MAX = 255,
	SML_LOCURI_BYTES_MAX = 1024,
	/* DevInf as stored. */
	SML_DEVINF_BYTES_MAX = 262144,
	/* A session ends when its device is silent for so long. */
	SML_SESSION_IDLE_MS = 15 * 60 * 1000,
	SML_SESSION_LIFE_MS = 24 * 60 * 60 * 1000,
	/* Open sessions of one account (a device has one). Above it the one
	   that was silent longest, and so long, gives way; else the new one. */
	SML_SESSIONS_MAX = 10,
	SML_SESSION_YIELD_MS = 2 * 60 * 1000,
	/* Commands sent whose Status has not come: beyond it the oldest count
	   as done, since the client has gone on past them. */
	SML_OUTSTANDING_MAX = 4000,
	/* Those that count as done, but an error for them is still heard. */
	SML_ASSUMED_MAX = 1000,
	/* Gets of a client that wait for their Results. */
	SML_GETS_MAX = 8,
	/* Statuses waiting for room in the next message. */
	SML_STATUS_QUEUE_MAX = 25000,
	/* Candidates looked at for one item in a slow sync: what begins alike
	   is among them. */
	SML_CANDIDATES_MAX = 100,
	/* Bodies that are compared for one message: each may be read, and
	   written as the device has it. */
	SML_CANDIDATE_BYTES_MAX = 8000000,
	/* Exchanges in which nobody says anything new, then the session ends.
	 */
	SML_IDLE_ROUNDS_MAX = 20,
	/* Credentials in the Alerts of one message that are looked at: each
	   may cost a slow hash. */
	SML_CREDS_MAX = 4,
	/* A message whose store call failed is tried again so often, and so
	   long (server/patience.h): a database that is started again is back
	   within some seconds, a phone waits for half a minute at least. */
	SML_TRIES_MAX = 14,
	SML_PATIENCE_MS = 8000,
	/* Databases of one account, and alerts of one session. */
	SML_LINKS_MAX = 16,
	/* Databases that a binary notification can count; more are named by
	   none, which means all. */
	SML_NOTIFY_SYNCS_MAX = 15,
};

#endif
