"""SQL, and what else a database could take for more than text, in every string
that a phone controls: on both stores it is kept as it was sent, or refused, and
the schema is untouched."""

import html
import os
import re
import sqlite3

from cluster import Database, check
from harness import Site, same
from phone import Phone, Session, card, post, xml

HOSTILE = [
    "'; DROP TABLE item; --",
    "\"; DROP TABLE \"item\"; --",
    "') OR ('1'='1",
    "\\'; DELETE FROM account; --",
    "'||(SELECT hash FROM credential)||'",
    "$1 $2 :1 ?1 @a",
    "$$; TRUNCATE item; $$",
    "%s%n%d%%",
    "{1,NULL,\"x\"}",
    "\\x27 E'\\047' U&'\\0027'",
    "0x27 char(39)",
    "NULL",
    "/* */ -- #",
    "\u02bc\uff07\u2019 OR 1=1",
    "\u00bf' \u00bf\\'",
    "\u202e\u200b'\ufeff",
    "a\tb'c",
    "(9223372036854775808,-1)",
]
DEVINF = """<Put><CmdID>7</CmdID><Meta><Type>application/vnd.syncml-devinf+xml\
</Type></Meta><Item><Source><LocURI>./devinf12</LocURI></Source><Data><DevInf>\
<VerDTD>1.2</VerDTD><Man>{v}</Man><Mod>{v}</Mod><OEM>{v}</OEM><FwV>{v}</FwV>\
<SwV>{v}</SwV><HwV>{v}</HwV><DevID>{v}</DevID><DevTyp>phone</DevTyp><DataStore>\
<SourceRef>{v}</SourceRef><DisplayName>{v}</DisplayName><Rx-Pref><CTType>\
text/x-vcard</CTType><VerCT>2.1</VerCT></Rx-Pref><Tx-Pref><CTType>text/x-vcard\
</CTType><VerCT>2.1</VerCT></Tx-Pref><SyncCap><SyncType>1</SyncType><SyncType>2\
</SyncType></SyncCap></DataStore></DevInf></Data></Item></Put>"""
FIELDS = ("NOTE", "TITLE", "ORG", "URL", "NICKNAME", "X-SECRET", "UID")


class Sqlite:
    name = "sqlite"

    def __init__(self, room):
        self.path = os.path.join(room, "state", "funicular.db")

    def rows(self, sql):
        db = sqlite3.connect(self.path)
        try:
            return db.execute(sql).fetchall()
        finally:
            db.close()

    def schema(self):
        return self.rows("SELECT type, name, tbl_name, sql FROM sqlite_master "
                         "ORDER BY 1, 2")

    def column(self, table, column):
        return {bytes(r[0]) if isinstance(r[0], bytes) else
                str(r[0]).encode() for r in self.rows(
                    'SELECT "%s" FROM %s' % (column, table))}


class Postgres:
    name = "postgres"

    def __init__(self, db):
        self.db = db

    def schema(self):
        return self.db.sql(
            "SELECT table_name, column_name, data_type, is_nullable FROM "
            "information_schema.columns WHERE table_schema = 'public' "
            "ORDER BY 1, 2; SELECT indexdef FROM pg_indexes WHERE "
            "schemaname = 'public' ORDER BY 1; SELECT proname FROM pg_proc "
            "WHERE pronamespace = 'public'::regnamespace ORDER BY 1; "
            "SELECT rolname FROM pg_roles ORDER BY 1", "strings")

    def column(self, table, column):
        kind = self.db.sql(
            "SELECT data_type FROM information_schema.columns WHERE "
            "table_name = '%s' AND column_name = '%s'" % (table, column),
            "strings")
        value = "encode(\"%s\", 'hex')" if kind == "bytea" else \
            "encode(convert_to(\"%s\", 'UTF8'), 'hex')"
        out = self.db.sql("SELECT DISTINCT " + value % column + " FROM " +
                          table, "strings")
        return {bytes.fromhex(x) for x in out.split("\n")}


def stored(place, where, sent):
    """Each of these is there, byte for byte."""
    have = place.column(*where)
    for text in sent:
        check(text.encode() in have, "%s: %s.%s does not hold %r but %r",
              place.name, where[0], where[1], text, sorted(have)[:40])


def value(text):
    """As the value of a vCard property: escaped, on one line."""
    return xml(text.replace("\\", "\\\\").replace(";", "\\;"))


def contact(v, n):
    """One that has it in every field."""
    lines = "".join("%s:%s&#13;\n" % (f, value(v)) for f in FIELDS)
    return ("BEGIN:VCARD&#13;\nVERSION:2.1&#13;\nN:K%03d;%s&#13;\n%s"
            "END:VCARD&#13;\n" % (n, value(v), lines))


def own_words(v, n):
    """What this device says where a device chooses the words."""
    return {"dev": "dev%d %s" % (n, v), "sid": ("s%d %s" % (n, v)),
            "own": "./C%d %s" % (n, v), "next": "n%d %s" % (n, v),
            "luid": "l%d %s" % (n, v)}


def one_device(site, user, v, n):
    """A whole sync of a device all of whose words are hostile, and a second
    one that shows its anchor."""
    w = own_words(v, n)
    text = contact(v, n)
    for i, (code, last) in enumerate(((201, ""), (200, w["next"]))):
        s = Session(w["dev"], w["sid"] + str(i), user, "geheim-x",
                    own=w["own"])
        a = s.send(site.port, s.alert(code, last, w["next"] + "a" * i,
                                      DEVINF.format(v=xml(v))))
        same("login of %r" % v, a.statuses("SyncHdr"), ["212"])
        same("alert of %r" % v, a.statuses("Alert"), ["200"])
        luid = w["luid"] + "b" * i
        a = s.send(site.port, s.sync([("Add" if i == 0 else "Replace",
                                       w["luid"], text),
                                      ("Add", luid + "c", card(
                                          "M%03d%d" % (n, i)))]))
        check(a.http == 200 and set(a.statuses("Add")) <= {"200", "201"},
              "items of %r: %s", v, a.body)
        new = {guid: "in%d-%s %s" % (i, guid, v) for guid, _ in a.adds()}
        a = s.send(site.port, s.map(new))
        check(a.http == 200 and set(a.statuses("Map")) <= {"200"},
              "maps of %r: %s", v, a.body)
    return w


def refused(site, user, v):
    """Names of databases, filters, users, types: known to nobody."""
    for db in (v, "contacts/" + v, "contacts?FN&EQ;" + v,
               "contacts?" + v, "contacts?%s&EQ;x" % v, "contacts?/dr(%s)" % v,
               "contacts?FN&CON;%s&AND;NOTE&NEQ;%s" % (v, v)):
        s = Session("filter", "f", user, "geheim-x", db=db)
        a = s.send(site.port, s.alert(201, "", "n"))
        check(a.http == 200 and a.statuses("Alert")[0] in (
            "200", "404", "406", "422"), "database %r: %d %s", db, a.http,
            a.body)
        if a.statuses("Alert")[0] == "200":
            a = s.send(site.port, s.sync([]))
            check(a.http == 200 and "<Data>500</Data>" not in a.body,
                  "filter %r: %s", db, a.body)
    a = post(site.port, "/sync?s=" + re.sub(r"[^!-~]|[%#]", "", v), "<x/>")
    check(a.http in (200, 400, 404), "token: %d", a.http)


def wrong_login(site, user, v, n):
    """The password is looked at: it is an address without earlier tries."""
    for name, password in ((v + "x", "x"), (user, v)):
        s = Session("login" + v, "1", name, password)
        a = post(site.port, "/sync", s.alert(201, "", "n"),
                 "127.0.1.%d" % (n + 1))
        check(a.http == 200 and set(a.statuses("SyncHdr")) == {"401"},
              "user %r: %s", name, a.body)


def compare(site, user):
    """A device with plain words gets all of it, each text as it was sent."""
    p = Phone("plain", user, "geheim-x")
    p.sync([site.port])
    got = {re.search(r"(?m)^N[^:\n]*:([KM]\d+)", t)[1]: html.unescape(t)
           for t in p.got.values()}
    for n, v in enumerate(HOSTILE):
        text = got["K%03d" % n]
        text = re.sub(r"=\r?\n|\r?\n[ \t]", "", text)
        for field in ("NOTE", "TITLE"):
            line = re.search(r"(?m)^%s[^:\n]*:(.*?)\r?$" % field, text)
            check(line, "%s of %r is not there: %s", field, v, text)
            same("%s of %r" % (field, v), plain(line), v)
    same("contacts", len(got), 3 * len(HOSTILE))


def plain(line):
    said = line[1]
    if "QUOTED-PRINTABLE" in line[0]:
        import quopri
        said = quopri.decodestring(said.encode()).decode()
    return re.sub(r"\\([\\;,])", r"\1", said)


def on(site, place):
    site.start()
    try:
        before = place.schema()
        check(len(before) > 10, "no schema: %r", before)
        user = "o'neil\"; DROP TABLE account; --"
        for name in [user] + HOSTILE[:5]:
            site.add_user(name, "geheim-x")
        words = [one_device(site, user, v, n)
                 for n, v in enumerate(HOSTILE)]
        compare(site, user)
        for v in HOSTILE:
            refused(site, user, v)
        for n, v in enumerate(HOSTILE):
            wrong_login(site, user, v, n)
        for key, where in (("dev", ("device", "dev_id")),
                           ("luid", ("map", "luid")),
                           ("own", ("link", "client_db"))):
            stored(place, where, [w[key] for w in words])
        stored(place, ("link", "a_client"), [w["next"] for w in words])
        stored(place, ("link", "n_client"), [w["next"] + "a" for w in words])
        stored(place, ("session", "sid"), [w["sid"] + "1" for w in words])
        stored(place, ("account", "user"), [user] + HOSTILE[:5])
        stored(place, ("device", "man"), HOSTILE)
        stored(place, ("device", "swv"), HOSTILE)
        stories(site, user, words)
        same("the schema", place.schema(), before)
        site.command("check")
        site.stop()
        site.check_log()
        with open(site.log_path, errors="replace") as f:
            bad = re.search("^error .*", f.read(), re.M)
        check(not bad, "the log: %s", bad and bad[0])
        print("  %s: %d hostile words in %d places: kept as sent, or refused"
              % (place.name, len(HOSTILE), 24 + len(FIELDS)), flush=True)
    finally:
        if site.process:
            site.process.kill()
            site.process.wait()


def stories(site, user, words):
    """Commands read all of it back."""
    devices = {d["device"] for d in site.json("device", "list", user)}
    for w in words:
        check(w["dev"].replace("\t", "\\t") in devices or
              w["dev"] in devices, "no device %r in %r", w["dev"], devices)
    text = "".join(site.command("session", "show", user, str(s["id"]))
                   for s in site.json("session", "list", user)[:60])
    check(len(text) > 1000, "no stories: %s", text)


def strings(binary, room):
    where = os.path.join(room, "sqlite")
    on(Site(binary, where, log_level="info"), Sqlite(where))
    db = Database()
    try:
        uri = db.create("strings")
        on(Site(binary, os.path.join(room, "postgres"), store=uri,
                log_level="info"), Postgres(db))
    finally:
        db.stop()
