#include "syncml/tags.h"

#include "syncml/codec.h"

struct tag_info {
	const char *name;
	enum sml_kind kind;
};

/* A name with its tag in each vocabulary; 0 where it has none. */
struct name_info {
	const char *name;
	enum sml_tag tag[3];
};

static const struct tag_info syncml_tags[] = {
	[SML_ADD] = { "Add", SML_KIND_BOX },
	[SML_ALERT] = { "Alert", SML_KIND_BOX },
	[SML_ARCHIVE] = { "Archive", SML_KIND_FLAG },
	[SML_ATOMIC] = { "Atomic", SML_KIND_BOX },
	[SML_CHAL] = { "Chal", SML_KIND_BOX },
	[SML_CMD] = { "Cmd", SML_KIND_TEXT },
	[SML_CMDID] = { "CmdID", SML_KIND_TEXT },
	[SML_CMDREF] = { "CmdRef", SML_KIND_TEXT },
	[SML_COPY] = { "Copy", SML_KIND_BOX },
	[SML_CRED] = { "Cred", SML_KIND_BOX },
	[SML_DATA] = { "Data", SML_KIND_TEXT },
	[SML_DELETE] = { "Delete", SML_KIND_BOX },
	[SML_EXEC] = { "Exec", SML_KIND_BOX },
	[SML_FINAL] = { "Final", SML_KIND_FLAG },
	[SML_GET] = { "Get", SML_KIND_BOX },
	[SML_ITEM] = { "Item", SML_KIND_BOX },
	[SML_LANG] = { "Lang", SML_KIND_TEXT },
	[SML_LOCNAME] = { "LocName", SML_KIND_TEXT },
	[SML_LOCURI] = { "LocURI", SML_KIND_TEXT },
	[SML_MAP] = { "Map", SML_KIND_BOX },
	[SML_MAPITEM] = { "MapItem", SML_KIND_BOX },
	[SML_META] = { "Meta", SML_KIND_BOX },
	[SML_MSGID] = { "MsgID", SML_KIND_TEXT },
	[SML_MSGREF] = { "MsgRef", SML_KIND_TEXT },
	[SML_NORESP] = { "NoResp", SML_KIND_FLAG },
	[SML_NORESULTS] = { "NoResults", SML_KIND_FLAG },
	[SML_PUT] = { "Put", SML_KIND_BOX },
	[SML_REPLACE] = { "Replace", SML_KIND_BOX },
	[SML_RESPURI] = { "RespURI", SML_KIND_TEXT },
	[SML_RESULTS] = { "Results", SML_KIND_BOX },
	[SML_SEARCH] = { "Search", SML_KIND_BOX },
	[SML_SEQUENCE] = { "Sequence", SML_KIND_BOX },
	[SML_SESSIONID] = { "SessionID", SML_KIND_TEXT },
	[SML_SFTDEL] = { "SftDel", SML_KIND_FLAG },
	[SML_SOURCE] = { "Source", SML_KIND_BOX },
	[SML_SOURCEREF] = { "SourceRef", SML_KIND_TEXT },
	[SML_STATUS] = { "Status", SML_KIND_BOX },
	[SML_SYNC] = { "Sync", SML_KIND_BOX },
	[SML_SYNCBODY] = { "SyncBody", SML_KIND_BOX },
	[SML_SYNCHDR] = { "SyncHdr", SML_KIND_BOX },
	[SML_SYNCML] = { "SyncML", SML_KIND_BOX },
	[SML_TARGET] = { "Target", SML_KIND_BOX },
	[SML_TARGETREF] = { "TargetRef", SML_KIND_TEXT },
	[SML_VERDTD] = { "VerDTD", SML_KIND_TEXT },
	[SML_VERPROTO] = { "VerProto", SML_KIND_TEXT },
	[SML_NUMBEROFCHANGES] = { "NumberOfChanges", SML_KIND_TEXT },
	[SML_MOREDATA] = { "MoreData", SML_KIND_FLAG },
	[SML_FIELD] = { "Field", SML_KIND_BOX },
	[SML_FILTER] = { "Filter", SML_KIND_BOX },
	[SML_RECORD] = { "Record", SML_KIND_BOX },
	[SML_FILTERTYPE] = { "FilterType", SML_KIND_TEXT },
	[SML_SOURCEPARENT] = { "SourceParent", SML_KIND_BOX },
	[SML_TARGETPARENT] = { "TargetParent", SML_KIND_BOX },
	[SML_MOVE] = { "Move", SML_KIND_BOX },
	[SML_CORRELATOR] = { "Correlator", SML_KIND_TEXT },
};

static const struct tag_info metinf_tags[] = {
	[SML_MI_ANCHOR & 0xFF] = { "Anchor", SML_KIND_BOX },
	[SML_MI_EMI & 0xFF] = { "EMI", SML_KIND_TEXT },
	[SML_MI_FORMAT & 0xFF] = { "Format", SML_KIND_TEXT },
	[SML_MI_FREEID & 0xFF] = { "FreeID", SML_KIND_TEXT },
	[SML_MI_FREEMEM & 0xFF] = { "FreeMem", SML_KIND_TEXT },
	[SML_MI_LAST & 0xFF] = { "Last", SML_KIND_TEXT },
	[SML_MI_MARK & 0xFF] = { "Mark", SML_KIND_TEXT },
	[SML_MI_MAXMSGSIZE & 0xFF] = { "MaxMsgSize", SML_KIND_TEXT },
	[SML_MI_MEM & 0xFF] = { "Mem", SML_KIND_BOX },
	[SML_MI_METINF & 0xFF] = { "MetInf", SML_KIND_BOX },
	[SML_MI_NEXT & 0xFF] = { "Next", SML_KIND_TEXT },
	[SML_MI_NEXTNONCE & 0xFF] = { "NextNonce", SML_KIND_TEXT },
	[SML_MI_SHAREDMEM & 0xFF] = { "SharedMem", SML_KIND_FLAG },
	[SML_MI_SIZE & 0xFF] = { "Size", SML_KIND_TEXT },
	[SML_MI_TYPE & 0xFF] = { "Type", SML_KIND_TEXT },
	[SML_MI_VERSION & 0xFF] = { "Version", SML_KIND_TEXT },
	[SML_MI_MAXOBJSIZE & 0xFF] = { "MaxObjSize", SML_KIND_TEXT },
	[SML_MI_FIELDLEVEL & 0xFF] = { "FieldLevel", SML_KIND_FLAG },
};

static const struct tag_info devinf_tags[] = {
	[SML_DI_CTCAP & 0xFF] = { "CTCap", SML_KIND_BOX },
	[SML_DI_CTTYPE & 0xFF] = { "CTType", SML_KIND_TEXT },
	[SML_DI_DATASTORE & 0xFF] = { "DataStore", SML_KIND_BOX },
	[SML_DI_DATATYPE & 0xFF] = { "DataType", SML_KIND_TEXT },
	[SML_DI_DEVID & 0xFF] = { "DevID", SML_KIND_TEXT },
	[SML_DI_DEVINF & 0xFF] = { "DevInf", SML_KIND_BOX },
	[SML_DI_DEVTYP & 0xFF] = { "DevTyp", SML_KIND_TEXT },
	[SML_DI_DISPLAYNAME & 0xFF] = { "DisplayName", SML_KIND_TEXT },
	[SML_DI_DSMEM & 0xFF] = { "DSMem", SML_KIND_BOX },
	[SML_DI_EXT & 0xFF] = { "Ext", SML_KIND_BOX },
	[SML_DI_FWV & 0xFF] = { "FwV", SML_KIND_TEXT },
	[SML_DI_HWV & 0xFF] = { "HwV", SML_KIND_TEXT },
	[SML_DI_MAN & 0xFF] = { "Man", SML_KIND_TEXT },
	[SML_DI_MAXGUIDSIZE & 0xFF] = { "MaxGUIDSize", SML_KIND_TEXT },
	[SML_DI_MAXID & 0xFF] = { "MaxID", SML_KIND_TEXT },
	[SML_DI_MAXMEM & 0xFF] = { "MaxMem", SML_KIND_TEXT },
	[SML_DI_MOD & 0xFF] = { "Mod", SML_KIND_TEXT },
	[SML_DI_OEM & 0xFF] = { "OEM", SML_KIND_TEXT },
	[SML_DI_PARAMNAME & 0xFF] = { "ParamName", SML_KIND_TEXT },
	[SML_DI_PROPNAME & 0xFF] = { "PropName", SML_KIND_TEXT },
	[SML_DI_RX & 0xFF] = { "Rx", SML_KIND_BOX },
	[SML_DI_RXPREF & 0xFF] = { "Rx-Pref", SML_KIND_BOX },
	[SML_DI_SHAREDMEM & 0xFF] = { "SharedMem", SML_KIND_FLAG },
	[SML_DI_SIZE & 0xFF] = { "Size", SML_KIND_TEXT },
	[SML_DI_SOURCEREF & 0xFF] = { "SourceRef", SML_KIND_TEXT },
	[SML_DI_SWV & 0xFF] = { "SwV", SML_KIND_TEXT },
	[SML_DI_SYNCCAP & 0xFF] = { "SyncCap", SML_KIND_BOX },
	[SML_DI_SYNCTYPE & 0xFF] = { "SyncType", SML_KIND_TEXT },
	[SML_DI_TX & 0xFF] = { "Tx", SML_KIND_BOX },
	[SML_DI_TXPREF & 0xFF] = { "Tx-Pref", SML_KIND_BOX },
	[SML_DI_VALENUM & 0xFF] = { "ValEnum", SML_KIND_TEXT },
	[SML_DI_VERCT & 0xFF] = { "VerCT", SML_KIND_TEXT },
	[SML_DI_VERDTD & 0xFF] = { "VerDTD", SML_KIND_TEXT },
	[SML_DI_XNAM & 0xFF] = { "XNam", SML_KIND_TEXT },
	[SML_DI_XVAL & 0xFF] = { "XVal", SML_KIND_TEXT },
	[SML_DI_UTC & 0xFF] = { "UTC", SML_KIND_FLAG },
	[SML_DI_SUPPORTNUMBEROFCHANGES & 0xFF] = { "SupportNumberOfChanges",
						   SML_KIND_FLAG },
	[SML_DI_SUPPORTLARGEOBJS & 0xFF] = { "SupportLargeObjs",
					     SML_KIND_FLAG },
	[SML_DI_PROPERTY & 0xFF] = { "Property", SML_KIND_BOX },
	[SML_DI_PROPPARAM & 0xFF] = { "PropParam", SML_KIND_BOX },
	[SML_DI_MAXOCCUR & 0xFF] = { "MaxOccur", SML_KIND_TEXT },
	[SML_DI_NOTRUNCATE & 0xFF] = { "NoTruncate", SML_KIND_FLAG },
	[SML_DI_FILTERRX & 0xFF] = { "Filter-Rx", SML_KIND_BOX },
	[SML_DI_FILTERCAP & 0xFF] = { "FilterCap", SML_KIND_BOX },
	[SML_DI_FILTERKEYWORD & 0xFF] = { "FilterKeyword", SML_KIND_TEXT },
	[SML_DI_FIELDLEVEL & 0xFF] = { "FieldLevel", SML_KIND_FLAG },
	[SML_DI_SUPPORTHIERARCHICALSYNC & 0xFF] = { "SupportHierarchicalSync",
						    SML_KIND_FLAG },
};

static const struct name_info by_name[] = {
	{ "Add", { SML_ADD, 0, 0 } },
	{ "Alert", { SML_ALERT, 0, 0 } },
	{ "Anchor", { 0, SML_MI_ANCHOR, 0 } },
	{ "Archive", { SML_ARCHIVE, 0, 0 } },
	{ "Atomic", { SML_ATOMIC, 0, 0 } },
	{ "CTCap", { 0, 0, SML_DI_CTCAP } },
	{ "CTType", { 0, 0, SML_DI_CTTYPE } },
	{ "Chal", { SML_CHAL, 0, 0 } },
	{ "Cmd", { SML_CMD, 0, 0 } },
	{ "CmdID", { SML_CMDID, 0, 0 } },
	{ "CmdRef", { SML_CMDREF, 0, 0 } },
	{ "Copy", { SML_COPY, 0, 0 } },
	{ "Correlator", { SML_CORRELATOR, 0, 0 } },
	{ "Cred", { SML_CRED, 0, 0 } },
	{ "DSMem", { 0, 0, SML_DI_DSMEM } },
	{ "Data", { SML_DATA, 0, 0 } },
	{ "DataStore", { 0, 0, SML_DI_DATASTORE } },
	{ "DataType", { 0, 0, SML_DI_DATATYPE } },
	{ "Delete", { SML_DELETE, 0, 0 } },
	{ "DevID", { 0, 0, SML_DI_DEVID } },
	{ "DevInf", { 0, 0, SML_DI_DEVINF } },
	{ "DevTyp", { 0, 0, SML_DI_DEVTYP } },
	{ "DisplayName", { 0, 0, SML_DI_DISPLAYNAME } },
	{ "EMI", { 0, SML_MI_EMI, 0 } },
	{ "Exec", { SML_EXEC, 0, 0 } },
	{ "Ext", { 0, 0, SML_DI_EXT } },
	{ "Field", { SML_FIELD, 0, 0 } },
	{ "FieldLevel", { 0, SML_MI_FIELDLEVEL, SML_DI_FIELDLEVEL } },
	{ "Filter", { SML_FILTER, 0, 0 } },
	{ "Filter-Rx", { 0, 0, SML_DI_FILTERRX } },
	{ "FilterCap", { 0, 0, SML_DI_FILTERCAP } },
	{ "FilterKeyword", { 0, 0, SML_DI_FILTERKEYWORD } },
	{ "FilterType", { SML_FILTERTYPE, 0, 0 } },
	{ "Final", { SML_FINAL, 0, 0 } },
	{ "Format", { 0, SML_MI_FORMAT, 0 } },
	{ "FreeID", { 0, SML_MI_FREEID, 0 } },
	{ "FreeMem", { 0, SML_MI_FREEMEM, 0 } },
	{ "FwV", { 0, 0, SML_DI_FWV } },
	{ "Get", { SML_GET, 0, 0 } },
	{ "HwV", { 0, 0, SML_DI_HWV } },
	{ "Item", { SML_ITEM, 0, 0 } },
	{ "Lang", { SML_LANG, 0, 0 } },
	{ "Last", { 0, SML_MI_LAST, 0 } },
	{ "LocName", { SML_LOCNAME, 0, 0 } },
	{ "LocURI", { SML_LOCURI, 0, 0 } },
	{ "Man", { 0, 0, SML_DI_MAN } },
	{ "Map", { SML_MAP, 0, 0 } },
	{ "MapItem", { SML_MAPITEM, 0, 0 } },
	{ "Mark", { 0, SML_MI_MARK, 0 } },
	{ "MaxGUIDSize", { 0, 0, SML_DI_MAXGUIDSIZE } },
	{ "MaxID", { 0, 0, SML_DI_MAXID } },
	{ "MaxMem", { 0, 0, SML_DI_MAXMEM } },
	{ "MaxMsgSize", { 0, SML_MI_MAXMSGSIZE, 0 } },
	{ "MaxObjSize", { 0, SML_MI_MAXOBJSIZE, 0 } },
	{ "MaxOccur", { 0, 0, SML_DI_MAXOCCUR } },
	{ "MaxSize", { 0, 0, SML_DI_SIZE } },
	{ "Mem", { 0, SML_MI_MEM, 0 } },
	{ "MetInf", { 0, SML_MI_METINF, 0 } },
	{ "Meta", { SML_META, 0, 0 } },
	{ "Mod", { 0, 0, SML_DI_MOD } },
	{ "MoreData", { SML_MOREDATA, 0, 0 } },
	{ "Move", { SML_MOVE, 0, 0 } },
	{ "MsgID", { SML_MSGID, 0, 0 } },
	{ "MsgRef", { SML_MSGREF, 0, 0 } },
	{ "Next", { 0, SML_MI_NEXT, 0 } },
	{ "NextNonce", { 0, SML_MI_NEXTNONCE, 0 } },
	{ "NoResp", { SML_NORESP, 0, 0 } },
	{ "NoResults", { SML_NORESULTS, 0, 0 } },
	{ "NoTruncate", { 0, 0, SML_DI_NOTRUNCATE } },
	{ "NumberOfChanges", { SML_NUMBEROFCHANGES, 0, 0 } },
	{ "OEM", { 0, 0, SML_DI_OEM } },
	{ "ParamName", { 0, 0, SML_DI_PARAMNAME } },
	{ "PropName", { 0, 0, SML_DI_PROPNAME } },
	{ "PropParam", { 0, 0, SML_DI_PROPPARAM } },
	{ "Property", { 0, 0, SML_DI_PROPERTY } },
	{ "Put", { SML_PUT, 0, 0 } },
	{ "Record", { SML_RECORD, 0, 0 } },
	{ "Replace", { SML_REPLACE, 0, 0 } },
	{ "RespURI", { SML_RESPURI, 0, 0 } },
	{ "Results", { SML_RESULTS, 0, 0 } },
	{ "Rx", { 0, 0, SML_DI_RX } },
	{ "Rx-Pref", { 0, 0, SML_DI_RXPREF } },
	{ "Search", { SML_SEARCH, 0, 0 } },
	{ "Sequence", { SML_SEQUENCE, 0, 0 } },
	{ "SessionID", { SML_SESSIONID, 0, 0 } },
	{ "SftDel", { SML_SFTDEL, 0, 0 } },
	{ "SharedMem", { 0, SML_MI_SHAREDMEM, SML_DI_SHAREDMEM } },
	{ "Size", { 0, SML_MI_SIZE, SML_DI_SIZE } },
	{ "Source", { SML_SOURCE, 0, 0 } },
	{ "SourceParent", { SML_SOURCEPARENT, 0, 0 } },
	{ "SourceRef", { SML_SOURCEREF, 0, SML_DI_SOURCEREF } },
	{ "Status", { SML_STATUS, 0, 0 } },
	{ "SupportHierarchicalSync", { 0, 0, SML_DI_SUPPORTHIERARCHICALSYNC } },
	{ "SupportLargeObjs", { 0, 0, SML_DI_SUPPORTLARGEOBJS } },
	{ "SupportNumberOfChanges", { 0, 0, SML_DI_SUPPORTNUMBEROFCHANGES } },
	{ "SwV", { 0, 0, SML_DI_SWV } },
	{ "Sync", { SML_SYNC, 0, 0 } },
	{ "SyncBody", { SML_SYNCBODY, 0, 0 } },
	{ "SyncCap", { 0, 0, SML_DI_SYNCCAP } },
	{ "SyncHdr", { SML_SYNCHDR, 0, 0 } },
	{ "SyncML", { SML_SYNCML, 0, 0 } },
	{ "SyncType", { 0, 0, SML_DI_SYNCTYPE } },
	{ "Target", { SML_TARGET, 0, 0 } },
	{ "TargetParent", { SML_TARGETPARENT, 0, 0 } },
	{ "TargetRef", { SML_TARGETREF, 0, 0 } },
	{ "Tx", { 0, 0, SML_DI_TX } },
	{ "Tx-Pref", { 0, 0, SML_DI_TXPREF } },
	{ "Type", { 0, SML_MI_TYPE, 0 } },
	{ "UTC", { 0, 0, SML_DI_UTC } },
	{ "ValEnum", { 0, 0, SML_DI_VALENUM } },
	{ "VerCT", { 0, 0, SML_DI_VERCT } },
	{ "VerDTD", { SML_VERDTD, 0, SML_DI_VERDTD } },
	{ "VerProto", { SML_VERPROTO, 0, 0 } },
	{ "Version", { 0, SML_MI_VERSION, 0 } },
	{ "XNam", { 0, 0, SML_DI_XNAM } },
	{ "XVal", { 0, 0, SML_DI_XVAL } },
};
static const struct tag_info *
info(enum sml_tag tag)
{
	static const struct {
		const struct tag_info *tags;
		size_t n;
	} page[] = {
		{ syncml_tags, sizeof(syncml_tags) / sizeof(syncml_tags[0]) },
		{ metinf_tags, sizeof(metinf_tags) / sizeof(metinf_tags[0]) },
		{ devinf_tags, sizeof(devinf_tags) / sizeof(devinf_tags[0]) },
	};
	unsigned p = (unsigned)tag >> 8;
	unsigned token = (unsigned)tag & 0xFFu;

	if (p >= sizeof(page) / sizeof(page[0]) || token >= page[p].n ||
	    page[p].tags[token].name == NULL)
		return NULL;
	return &page[p].tags[token];
}

const char *
sml_tag_name(enum sml_tag tag)
{
	const struct tag_info *i = info(tag);

	return i == NULL ? "?" : i->name;
}

enum sml_kind
sml_tag_kind(enum sml_tag tag)
{
	const struct tag_info *i = info(tag);

	return i == NULL ? SML_KIND_TEXT : i->kind;
}

enum sml_tag
sml_tag_token(enum sml_page page, unsigned token)
{
	enum sml_tag tag = (enum sml_tag)((unsigned)page << 8 | token);

	return info(tag) == NULL ? SML_UNKNOWN : tag;
}

static const struct name_info *
find(struct slice name)
{
	size_t lo = 0;
	size_t hi = sizeof(by_name) / sizeof(by_name[0]);

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int r = slice_cmp(name, slice_c(by_name[mid].name));

		if (r == 0)
			return &by_name[mid];
		if (r < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return NULL;
}

enum sml_tag
sml_tag_find(struct slice name, enum sml_page page)
{
	const struct name_info *i = find(name);

	if (i == NULL)
		return SML_UNKNOWN;
	if (i->tag[page] != SML_UNKNOWN)
		return i->tag[page];
	/* Nothing else occurs inside of DevInf, and MetInf elements hold
	   only each other; SyncML's hold both of them. */
	if (page != SML_PAGE_SYNCML)
		return SML_UNKNOWN;
	return i->tag[SML_PAGE_METINF] != SML_UNKNOWN ? i->tag[SML_PAGE_METINF]
						      : i->tag[SML_PAGE_DEVINF];
}
