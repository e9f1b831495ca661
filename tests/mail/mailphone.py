"""A phone that syncs mail, by hand: OMA DS Email objects in XML messages."""

import html
import os
import re
import sys
import xml.etree.ElementTree as ET

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)),
                             "..", "nodes"))
import phone as cards  # noqa: E402

EMAIL = "application/vnd.omads-email+xml"
FOLDER = "application/vnd.omads-folder+xml"
# It takes both, and says so.
DEVINF = """<Put><CmdID>90</CmdID><Meta><Type xmlns="syncml:metinf">\
application/vnd.syncml-devinf+xml</Type></Meta><Item><Source><LocURI>\
./devinf12</LocURI></Source><Data><DevInf xmlns="syncml:devinf"><VerDTD>1.2\
</VerDTD><DevID>%s</DevID><DevTyp>phone</DevTyp><DataStore><SourceRef>./%s\
</SourceRef><Rx-Pref><CTType>""" + EMAIL + """</CTType><VerCT>1.2</VerCT>\
</Rx-Pref><Rx><CTType>""" + FOLDER + """</CTType><VerCT>1.2</VerCT></Rx>\
<Tx-Pref><CTType>""" + EMAIL + """</CTType><VerCT>1.2</VerCT></Tx-Pref><Tx>\
<CTType>""" + FOLDER + """</CTType><VerCT>1.2</VerCT></Tx><SyncCap><SyncType>1\
</SyncType><SyncType>2</SyncType></SyncCap></DataStore></DevInf></Data></Item>\
</Put>"""
ADD = """<Add><CmdID>%d</CmdID><Meta><Type>%s</Type></Meta><Item><Source><LocURI>\
%s</LocURI></Source>%s<Data>%s</Data></Item></Add>"""
REPLACE = """<Replace><CmdID>%d</CmdID><Meta><Type>%s</Type></Meta><Item><Source>\
<LocURI>%s</LocURI></Source>%s<Data>%s</Data></Item></Replace>"""
DELETE = """<Delete><CmdID>%d</CmdID><Item><Source><LocURI>%s</LocURI></Source>\
</Item></Delete>"""
WANT = """<Filter><Meta><Type xmlns="syncml:metinf">\
application/vnd.omads-email+xml</Type></Meta><Field><Item><Meta><Type \
xmlns="syncml:metinf">application/vnd.syncml-devinf+xml</Type></Meta><Data>\
<Property xmlns="syncml:devinf"><PropName>emailitem</PropName><PropParam>\
<ParamName>%s</ParamName></PropParam></Property></Data></Item></Field><Record>\
<Item><Meta><Type xmlns="syncml:metinf">syncml:filtertype-cgi</Type></Meta>\
<Data>&amp;LUID;&amp;EQ;%s</Data></Item></Record><FilterType>INCLUSIVE\
</FilterType></Filter>"""
# It joins pieces.
LARGE = """<Meta><MaxObjSize xmlns="syncml:metinf">50000000</MaxObjSize></Meta>"""
MESSAGES_MAX = 2000


def esc(text):
    # XML makes LF of a CR that is not spelt out.
    return html.escape(text, quote=False).replace("\r", "&#13;")


def flags(**which):
    """An object that speaks of flags only: read=True."""
    return "<Email>%s</Email>" % "".join(
        "<%s>%s</%s>" % (k, "true" if v else "false", k)
        for k, v in which.items())


def letter(text):
    return "<Email><read>true</read><emailitem>%s</emailitem></Email>" % esc(
        text)


def merged(old, new):
    """What speaks of flags only leaves the message as it is."""
    if old is None or "<emailitem" in new:
        return new
    for name, value in re.findall(r"<(\w+)>(true|false)</", new):
        old = re.sub(r"(<%s>)(true|false)" % name, r"\g<1>" + value, old)
    return old


class Failed(Exception):
    pass


class Phone:
    """One database of it; `got`: what it holds, by its own ids."""

    def __init__(self, dev, user, password, db="mail"):
        self.dev, self.user, self.password = dev, user, password
        self.db, self.sid, self.anchor = db, 0, ""
        self.got, self.codes, self.changes = {}, [], []
        self.folders = False  # does it sync them?
        self.guids = {}
        self.parents = {}  # folders, as the server names them
        self.half = ""  # of an object that comes in pieces

    def fetch(self, port, luid, param="attachtype"):
        """Of one mail all, or (texttype) its text."""
        return self.sync(port, want=WANT % (param, esc(luid)))

    def sync(self, port, ops=(), kind=None, sid=None, want=""):
        """ops: ("Add", luid, object), ("Replace", ...), ("Delete", luid); a
        folder's id may follow an object. kind and sid: as a notice asked for
        it; want: a filter."""
        self.sid += 1
        s = cards.Session(self.dev, sid or self.sid, self.user, self.password,
                          db=self.db, own="./" + self.db)
        s.meta = LARGE
        alert = s.alert(kind or (200 if self.anchor else 201),
                        self.anchor, "n%d" % self.sid,
                        DEVINF % (esc(self.dev), esc(self.db))
                        if self.folders and not self.anchor else "")
        head, _, tail = alert.partition("<Alert>")
        s.send(port, head + "<Alert>" + tail.replace(
            "</Target>", want + "</Target>", 1))
        if s.answer.statuses("SyncHdr") != ["212"]:
            raise Failed("not let in: %s" % s.answer.body)
        if not set(s.answer.statuses("Alert")) <= {"200", "508"}:
            raise Failed("the alert: %s" % s.answer.body)
        a = s.send(port, s.message(
            "<Sync><CmdID>2</CmdID>" + s.names() + "".join(
                self.command(i + 3, op) for i, op in enumerate(ops)) +
            "</Sync>"))
        self.codes = [c for kind in ("Add", "Replace", "Delete")
                      for c in a.statuses(kind)]
        self.changes = []
        for op in ops:
            if op[0] == "Delete":
                self.got.pop(op[1], None)
        self.read(s, port)
        self.anchor = "n%d" % self.sid
        return self.codes

    def command(self, n, op):
        if op[0] == "Delete":
            return DELETE % (n, esc(op[1]))
        parent = "<SourceParent><LocURI>%s</LocURI></SourceParent>" % esc(
            op[3]) if len(op) > 3 else ""
        return (ADD if op[0] == "Add" else REPLACE) % (
            n, FOLDER if op[2].startswith("<Folder") else EMAIL, esc(op[1]),
            parent, esc(op[2]))

    def read(self, s, port):
        for _ in range(MESSAGES_MAX):
            if s.answer.http != 200:
                raise Failed("HTTP %d" % s.answer.http)
            new = self.take(s.answer.body)
            last = "<Final/>" in s.answer.body or "<Final></Final>" in \
                s.answer.body
            if last and not new and not s.answer.commands():
                return
            s.send(port, s.map(new))
        raise Failed("it does not end")

    def take(self, body):
        new = {}
        for cmd in ET.fromstring(re.sub(r' xmlns="[^"]*"', "", body)).iter():
            if cmd.tag not in ("Add", "Replace", "Delete"):
                continue
            for item in cmd.findall("Item"):
                source = item.findtext("Source/LocURI")
                target = item.findtext("Target/LocURI")
                data = self.half + (item.findtext("Data") or "")
                self.half = ""
                if item.find("MoreData") is not None:
                    self.half = data
                    continue
                if cmd.tag == "Delete":
                    self.got.pop(target, None)
                elif target is None:
                    target = "s%d-%s" % (self.sid, source)
                    new[source] = target
                    self.guids[target] = source
                if item.findtext("SourceParent/LocURI") is not None:
                    self.parents[target] = item.findtext(
                        "SourceParent/LocURI")
                if cmd.tag != "Delete":
                    self.got[target] = merged(self.got.get(target), data)
                self.changes.append((cmd.tag, target, data))
        return new

    def subjects(self):
        found = [re.search(r"^Subject: (.*)$", d or "", re.M)
                 for d in self.got.values()]
        return sorted(f[1].strip() for f in found if f)

    def luid(self, subject):
        for k, d in self.got.items():
            if re.search(r"^Subject: %s\s*$" % re.escape(subject), d or "",
                         re.M):
                return k
        raise Failed("no mail %r in %r" % (subject, self.got))
