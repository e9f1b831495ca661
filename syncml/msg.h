/*
 * A SyncML message as structs: what the engine and the client work with.
 * Reading is lenient (any order of children, unknown elements skipped, the
 * last of two wins), writing follows the DTD's order.
 */
#ifndef SYNCML_MSG_H
#define SYNCML_MSG_H

#include "syncml/node.h"

struct sml_anchor {
	bool present;
	struct slice last, next;
};

struct sml_meta {
	struct slice type, format, version, mark, next_nonce;
	struct slice emi;
	struct sml_anchor anchor;
	int64_t size;              /* -1: absent */
	int64_t max_msg_size;      /* -1: absent */
	int64_t max_obj_size;      /* -1: absent */
	int64_t free_mem, free_id; /* of Mem; -1: absent */
	bool field_level;
};

struct sml_cred {
	bool present;
	struct sml_meta meta;
	struct slice data;
	bool opaque; /* raw octets (WBXML) */
};

struct sml_filter {
	bool present;
	struct slice type;            /* Meta/Type: content type filtered */
	struct slice record_type;     /* grammar */
	struct slice record;          /* expression */
	const struct sml_node *field; /* Item of Field, or NULL */
	struct slice filter_type;
};

struct sml_item {
	struct slice target, source;           /* LocURI */
	struct slice target_name, source_name; /* LocName */
	struct slice target_parent, source_parent;
	bool has_target, has_source;
	struct sml_filter filter; /* of Target */
	struct sml_meta meta;
	struct slice data;
	bool has_data;
	bool data_opaque;
	/* Reading: the Data element, where there is one: for sml_read_devinf()
	   and sml_kid(). Writing: if it holds elements, or is one other than
	   Data (a DevInf, an Anchor), they are written instead of data. */
	const struct sml_node *data_node;
	bool more;
};

struct sml_chal {
	bool present;
	struct slice type, format, next_nonce; /* as on the wire: base64 */
};

/* Any command; which members matter depends on the tag. */
struct sml_cmd {
	enum sml_tag tag; /* SML_ADD ... */
	struct slice cmdid;
	struct slice msgref, cmdref, cmd; /* Status, Results */
	struct slice data;                /* Alert and Status code, Search */
	struct slice target, source;      /* Sync, Map: LocURI */
	struct slice *target_refs, *source_refs;
	size_t target_ref_n, source_ref_n;
	struct sml_meta meta;
	struct sml_cred cred;
	struct sml_chal chal;
	bool noresp, archive, sftdel;
	int64_t number_of_changes; /* -1: absent */
	struct sml_item *items;    /* Items; MapItems use target and source */
	size_t item_n;
	struct sml_cmd *kids; /* of Sync, Atomic, Sequence */
	size_t kid_n;
};

struct sml_hdr {
	struct slice verdtd, verproto, sid;
	struct slice msgid;
	struct slice target, source; /* LocURI */
	struct slice source_name;    /* LocName of Source: the user for MD5 */
	struct slice respuri;
	bool noresp;
	struct sml_cred cred;
	struct sml_meta meta;
};

struct sml_msg {
	struct sml_doc doc;
	struct sml_hdr hdr;
	struct sml_cmd *cmds;
	size_t cmd_n;
	size_t cmd_total; /* commands in all depths, Status and Map items not */
	bool final;
};

/*
 * Bytes to message. ERR_PARSE also when SyncHdr or SyncBody are missing;
 * missing fields of the header are left empty for the engine to answer.
 */
int sml_msg_read(struct arena *a, enum sml_enc enc, struct slice body,
		 const struct sml_limits *lim, struct sml_msg **out,
		 struct err *e);
/* The charset parameter of a Content-Type; empty: none. */
struct slice sml_charset_of(struct slice content_type);
/* The same of XML from a client that may not know better: what does not read is
   cleaned and read once more. 1: that helped, and *e says what was wrong. */
int sml_msg_read_mended(struct arena *a, struct slice content_type,
			struct slice body, struct sml_msg **out, struct err *e);

/* One message to bytes, whole: for small ones and the tests. */
int sml_msg_write(struct arena *a, const struct sml_msg *m, struct buf *out,
		  struct err *e);

/* Parts, for those who count bytes: each stands alone (see sml_write). */
void sml_hdr_write(struct arena *a, struct buf *out, const struct sml_doc *doc,
		   const struct sml_hdr *h);
void sml_cmd_write(struct arena *a, struct buf *out, const struct sml_doc *doc,
		   const struct sml_cmd *c);
/*
 * A Sync in parts, so that it can be filled until the message is full: open
 * (with target, source, meta, number_of_changes), its commands, close.
 */
void sml_sync_open(struct arena *a, struct buf *out, const struct sml_doc *doc,
		   const struct sml_cmd *sync);
void sml_sync_close(struct buf *out, const struct sml_doc *doc);

/* An empty command or meta with its "absent" members set. */
struct sml_cmd sml_cmd_none(enum sml_tag tag);
struct sml_meta sml_meta_none(void);
struct sml_item sml_item_none(void);

#endif
