"""A phone by hand: messages as text, so that a test can send two of them at the
same instant to different nodes, and one of them twice."""

import base64
import html
import http.client
import re

from cluster import check

TYPE = "application/vnd.syncml+xml"
LIMIT_S = 60

HEAD = """<SyncML><SyncHdr><VerDTD>1.2</VerDTD><VerProto>SyncML/1.2</VerProto>\
<SessionID>%s</SessionID><MsgID>%d</MsgID><Target><LocURI>http://h/sync\
</LocURI></Target><Source><LocURI>%s</LocURI></Source>%s</SyncHdr><SyncBody>"""
CRED = """<Cred><Meta><Type>syncml:auth-basic</Type></Meta><Data>%s</Data>\
</Cred>"""
ALERT = """<Alert><CmdID>1</CmdID><Data>%d</Data><Item><Target><LocURI>%s\
</LocURI></Target><Source><LocURI>%s</LocURI></Source><Meta><Anchor>%s<Next>%s\
</Next></Anchor></Meta></Item></Alert>"""
COMMAND = """<%s><CmdID>%d</CmdID><Meta><Type>text/x-vcard</Type></Meta><Item>\
<Source><LocURI>%s</LocURI></Source><Data>%s</Data></Item></%s>"""
END = "<Final/></SyncBody></SyncML>"
# What a server's message holds that wants a Status.
ASKED = re.compile(r"<(Alert|Sync|Add|Replace|Delete|Get|Put)><CmdID>(\d+)<")


def xml(text):
    """Characters of mark-up as text."""
    return html.escape(str(text), quote=False)


def card(name, tel="1", title="one"):
    return ("BEGIN:VCARD&#13;\nVERSION:2.1&#13;\nN:%s;Zoe&#13;\nTEL;CELL:%s"
            "&#13;\nTITLE:%s&#13;\nEND:VCARD&#13;\n" % (name, tel, title))


class Answer:
    def __init__(self, http_status, body):
        self.http, self.body = http_status, body

    def statuses(self, cmd):
        """The codes for commands of that name, in their order."""
        return re.findall(r"<Cmd>%s</Cmd>(?:(?!</Status>).)*?<Data>(\d+)"
                          r"</Data>" % cmd, self.body, re.S)

    def uri(self):
        found = re.search(r"<RespURI>([^<]*)</RespURI>", self.body)
        return found and found[1]

    def msg_id(self):
        return re.search(r"<MsgID>(\d+)</MsgID>", self.body)[1]

    def commands(self):
        return ASKED.findall(self.body)

    def pieces(self):
        """CmdIDs of those that hold a part of a large object, and not its
        end."""
        return {n for n, text in re.findall(
            r"<(?:Add|Replace)><CmdID>(\d+)</CmdID>(.*?)</(?:Add|Replace)>",
            self.body, re.S) if "<MoreData" in text}

    def adds(self):
        """[(server's id, text)]"""
        return re.findall(r"<Add>.*?<Source><LocURI>([^<]*)</LocURI>.*?<Data>"
                          r"(.*?)</Data>.*?</Add>", self.body, re.S)


def post(port, path, body, source=None, headers=None):
    c = http.client.HTTPConnection(
        "127.0.0.1", port, timeout=LIMIT_S,
        source_address=(source, 0) if source else None)
    try:
        c.request("POST", path, body.encode(),
                  dict({"Content-Type": TYPE}, **(headers or {})))
        r = c.getresponse()
        return Answer(r.status, r.read().decode())
    finally:
        c.close()


class Session:
    """Messages of one session. Each step makes the bytes; send() takes them to
    a port."""

    def __init__(self, dev, sid, user, password, db="contacts", own="./C"):
        self.dev, self.sid, self.msg = dev, sid, 0
        self.db, self.own = db, own
        self.cred = CRED % base64.b64encode(
            ("%s:%s" % (user, password)).encode()).decode()
        self.path = "/sync"
        self.answer = None
        self.meta = ""  # of the header, in the first message

    def message(self, commands):
        """The next message; the first one has credentials."""
        self.msg += 1
        return (HEAD % (xml(self.sid), self.msg, xml(self.dev),
                        (self.cred + self.meta) if self.msg == 1 else "") +
                self.status() + commands + END)

    def status(self):
        """For all that the last answer held."""
        if self.answer is None:
            return ""
        out, ref = [], self.answer.msg_id()
        pieces = self.answer.pieces()
        for i, (cmd, n) in enumerate([("SyncHdr", "0")] +
                                     self.answer.commands()):
            out.append("<Status><CmdID>%d</CmdID><MsgRef>%s</MsgRef><CmdRef>"
                       "%s</CmdRef><Cmd>%s</Cmd><Data>%d</Data></Status>" % (
                           900 + i, ref, n, cmd, 213 if n in pieces else
                           201 if cmd == "Add" else 200))
        return "".join(out)

    def send(self, port, body):
        self.take(post(port, self.path, body))
        return self.answer

    def take(self, answer):
        self.answer = answer
        uri = answer.uri()
        if uri:
            self.path = "/sync" + uri[uri.index("?"):]

    # -- steps ---------------------------------------------------------

    def alert(self, code, last, next_, more=""):
        old = "<Last>%s</Last>" % xml(last) if last else ""
        return self.message(more + ALERT % (
            code, xml(self.db), xml(self.own), old, xml(next_)))

    def sync(self, items):
        """items: [(command, LUID, text)]"""
        return self.message(
            "<Sync><CmdID>2</CmdID>" + self.names() + "".join(
                COMMAND % (cmd, 3 + i, xml(luid), text, cmd)
                for i, (cmd, luid, text) in enumerate(items)) + "</Sync>")

    def map(self, luids):
        """luids: {server's id: ours}"""
        if not luids:
            return self.message("")
        return self.message(
            "<Map><CmdID>2</CmdID>" + self.names() + "".join(
                "<MapItem><Target><LocURI>%s</LocURI></Target><Source><LocURI>"
                "%s</LocURI></Source></MapItem>" % (guid, xml(luid))
                for guid, luid in luids.items()) + "</Map>")

    def names(self):
        return ("<Target><LocURI>%s</LocURI></Target><Source><LocURI>%s"
                "</LocURI></Source>" % (xml(self.db.split("?")[0]),
                                        xml(self.own)))


class Phone:
    """Its anchor, and the items that the server sent."""

    def __init__(self, dev, user, password):
        self.dev, self.user, self.password = dev, user, password
        self.sid, self.anchor, self.got = 0, "", {}

    def session(self):
        self.sid += 1
        return Session(self.dev, self.sid, self.user, self.password)

    def begin(self, s):
        """The first message: two-way, or slow where it never synced."""
        return s.alert(200 if self.anchor else 201, self.anchor,
                       "n%d" % self.sid)

    def sync(self, ports, items=()):
        """A whole one, each message to the next port; {command: codes}"""
        s = self.session()
        s.send(ports[0], self.begin(s))
        check(s.answer.statuses("SyncHdr") == ["212"], "not let in: %s",
              s.answer.body)
        answer = s.send(ports[1 % len(ports)], s.sync(items))
        codes = {c: answer.statuses(c) for c in ("Add", "Replace")}
        self.finish(s, ports[2 % len(ports)])
        return codes

    def finish(self, s, port):
        new = {}
        for guid, text in s.answer.adds():
            luid = "s%d-%s" % (self.sid, guid)
            new[guid], self.got[luid] = luid, text
        for luid, text in re.findall(
                r"<Replace>.*?<Target><LocURI>([^<]*)</LocURI>.*?<Data>(.*?)"
                r"</Data>.*?</Replace>", s.answer.body, re.S):
            self.got[luid] = text
        answer = s.send(port, s.map(new))
        check(answer.http == 200 and not set(answer.statuses("Map")) - {"200"},
              "the end: %s", answer.body)
        self.anchor = "n%d" % self.sid
