/*
 * Device information (DevInf 1.0, 1.1, 1.2) as structs. One form for all
 * versions: the flat CTCap of 1.0 and 1.1 is read into the nested one of 1.2.
 */
#ifndef SYNCML_DEVINF_H
#define SYNCML_DEVINF_H

#include "pim/pim.h"
#include "syncml/node.h"

struct sml_ctype {
	struct slice type, version;
	bool pref;
};

struct sml_ctcap {
	struct slice type, version;
	struct pim_caps caps;
	bool field_level;
};

struct sml_datastore {
	struct slice source_ref, display;
	int64_t max_guid_size;     /* -1: not said */
	struct sml_ctype *rx, *tx; /* the preferred one first */
	size_t rx_n, tx_n;
	struct sml_ctcap *ctcap; /* 1.2: its own; else those that fit */
	size_t ctcap_n;
	unsigned sync_types; /* bit n: SyncType n, 1 to 7 */
	bool hierarchical;
	/* 1.2, writing: it takes filters, with these keywords and all the
	   properties of its CTCap. */
	bool filters;
	const struct slice *keyword;
	size_t keyword_n;
	int64_t max_mem, max_id; /* -1: not said */
};

struct sml_devinf {
	int version; /* 10, 11, 12 */
	struct slice man, mod, oem, fwv, swv, hwv, devid, devtyp;
	bool utc, large_objs, number_of_changes;
	struct sml_datastore *stores;
	size_t store_n;
};

int sml_devinf_read(struct arena *a, const struct sml_node *root,
		    struct sml_devinf **out, struct err *e);

/* As elements, in the grammar of d->version. NULL: memory is short.
   without_caps leaves the property lists away (small MaxMsgSize). */
struct sml_node *sml_devinf_node(struct arena *a, const struct sml_devinf *d,
				 bool without_caps);

/* DevInf node to XML text and back: the form in which the store keeps it. */
int sml_devinf_text(struct arena *a, const struct sml_node *root,
		    struct slice *out, struct err *e);
int sml_devinf_parse(struct arena *a, struct slice text,
		     struct sml_devinf **out, struct err *e);

/* The datastore that a LocURI of an Alert names (compared loosely: "./",
   case, options behind '?'); NULL: none. */
const struct sml_datastore *sml_devinf_store(const struct sml_devinf *d,
					     struct slice uri);

#endif
