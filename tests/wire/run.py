#!/usr/bin/env python3
"""Play the conversations of this folder against the daemon (see README.md)."""

import argparse
import base64
import http.client
import os
import re
import sys
import traceback
import xml.etree.ElementTree as ET

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, os.pardir, "e2e"))
import harness  # noqa: E402
from harness import Failure, check  # noqa: E402

TYPE = "application/vnd.syncml+xml"
STEPS = ("conf", "account", "device", "repeat", "session", "header", "message",
         "raw", "again", "expect", "take", "keep")
MESSAGES_MAX = 400  # of one take


def big_card():
    head = "BEGIN:VCARD\r\nVERSION:2.1\r\nN:Gross;Karl\r\nNOTE:"
    tail = "\r\nEND:VCARD\r\n"
    text = "".join(chr(97 + n * 7 % 26) for n in range(30000))
    return head + text[:30000 - len(head) - len(tail)] + tail


CARD = big_card()


def strip(xml):
    """An element tree without namespaces."""
    root = ET.fromstring(xml)
    for e in root.iter():
        e.tag = e.tag.split("}")[-1]
    return root


class Answer:
    def __init__(self, status, content_type, body):
        self.status, self.type, self.body = status, content_type, body
        self.root = strip(body) if TYPE in content_type else None

    def at(self, path):
        check(self.root is not None, "the answer is no SyncML: %r",
              self.body[:200])
        start = self.root if path.startswith("SyncHdr") else \
            self.root.find("SyncBody")
        return start.findall(path)

    def text(self, path):
        found = self.at(path)
        return (found[0].text or "").strip() if found else None

    def statuses(self, command):
        return [(s.findtext("Data") or "").strip() for s in self.at("Status")
                if (s.findtext("Cmd") or "").strip() == command]

    @property
    def final(self):
        return bool(self.at("Final"))


class Talk:
    """One conversation."""

    def __init__(self, site, name, out):
        self.site, self.name, self.out = site, name, out
        self.user = self.password = ""
        self.vars, self.accounts = {}, set()
        self.header = ""
        self.answer = self.before = None
        self.sent = (TYPE, b"", "/sync")
        self.device("IMEI:490000000000001")

    # -- steps ---------------------------------------------------------

    def account(self, name):
        self.user, self.password = self.fill(name), "geheim"
        if self.user not in self.accounts:
            self.site.add_user(self.user, self.password)
            self.accounts.add(self.user)

    def device(self, name):
        self.device_id = self.fill(name)
        self.session("1")

    def session(self, sid):
        self.sid, self.msgid = sid.strip(), 0
        self.resp_uri = None
        self.answer = None
        self.took, self.sizes, self.objects = [], [], []

    def set_header(self, text):
        self.header = self.fill(text)

    def fill(self, text):
        def value(m):
            word, _, args = m[1].partition(":")
            if word == "fill":
                return "x" * int(args)
            if word == "part":
                a, b = args.split(":")
                return CARD[int(a):int(b)]
            if word == "whole":
                return CARD
            if word == "size":
                return str(len(CARD))
            known = dict(self.vars, url=self.site.url,
                         device=self.device_id if hasattr(self, "device_id")
                         else "", msgid=self.msgid)
            check(word in known, "unknown placeholder %s", m[0])
            return str(known[word])

        return re.sub(r"\{([a-z]+(?::[\w:]+)?)\}", value, text)

    def message(self, words, body):
        options = dict(w.split("=", 1) if "=" in w else (w, "")
                       for w in words.split())
        self.msgid = int(options.get("id", self.msgid + 1))
        version = options.get("version", "1.2")
        user = self.user + ":" + self.password
        cred = ""
        if "cred" in options or (self.msgid == 1 and
                                 "nocred" not in options):
            data = base64.b64encode(options.get("cred", user).encode())
            cred = "<Cred><Meta><Format xmlns='syncml:metinf'>b64</Format>" \
                "<Type xmlns='syncml:metinf'>syncml:auth-basic</Type></Meta>" \
                "<Data>%s</Data></Cred>" % data.decode()
        target = self.site.url
        if self.resp_uri and "plain" not in options:
            target = self.resp_uri
        meta = "<Meta>%s</Meta>" % self.header if self.header else ""
        text = (
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>"
            "<SyncML xmlns='SYNCML:SYNCML%s'><SyncHdr><VerDTD>%s</VerDTD>"
            "<VerProto>SyncML/%s</VerProto><SessionID>%s</SessionID>"
            "<MsgID>%d</MsgID><Target><LocURI>%s</LocURI></Target>"
            "<Source><LocURI>%s</LocURI></Source>%s%s</SyncHdr>"
            "<SyncBody>%s%s</SyncBody></SyncML>" % (
                version, version, version, self.sid, self.msgid,
                target.replace("&", "&amp;"), self.device_id, cred, meta,
                self.fill(body), "" if "nofinal" in options else "<Final/>"))
        self.post(TYPE, text.encode(), target)

    def raw(self, content_type, body):
        self.post(content_type or TYPE, self.fill(body).encode(),
                  self.site.url)

    def post(self, content_type, body, url):
        self.sent = (content_type, body, url)
        self.note(">", body)
        m = re.match(r"http://([^/]+)(/.*)$", url)
        check(m and m[1] == "127.0.0.1:%d" % self.site.port,
              "RespURI leads elsewhere: %s", url)
        c = http.client.HTTPConnection(m[1], timeout=60)
        try:
            c.request("POST", m[2], body, {"Content-Type": content_type})
            r = c.getresponse()
            self.before = self.answer
            self.answer = Answer(r.status, r.getheader("Content-Type", ""),
                                 r.read())
        finally:
            c.close()
        self.note("<", self.answer.body)
        if self.answer.root is not None:
            uri = self.answer.text("SyncHdr/RespURI")
            if uri:
                self.resp_uri = uri

    def note(self, who, body):
        with open(os.path.join(self.out, self.name + ".talk"), "ab") as f:
            f.write(("%s %d bytes\n" % (who, len(body))).encode() + body +
                    b"\n\n")

    def take(self):
        """What a patient phone does: a Status for everything, Alert 222
        where more is to come."""
        for _ in range(MESSAGES_MAX):
            self.collect()
            if self.answer.final:
                return
            self.message("", self.thanks(222))
        raise Failure("no Final after %d messages" % MESSAGES_MAX)

    def keep(self, name, path):
        value = self.answer.text(path)
        check(value is not None, "nothing at %s", path)
        self.vars[name] = value

    def collect(self):
        self.sizes.append(len(self.answer.body))
        for sync in self.answer.at("Sync"):
            for command in sync:
                if command.tag not in ("Add", "Replace", "Delete"):
                    continue
                for item in command.findall("Item"):
                    self.collect_item(command.tag, item)

    def collect_item(self, tag, item):
        text = item.findtext("Data") or ""
        if self.objects and self.objects[-1][1]:
            self.objects[-1] = (self.objects[-1][0] + text,
                                item.find("MoreData") is not None)
        else:
            self.objects.append((text, item.find("MoreData") is not None))
        if not self.objects[-1][1]:
            self.took.append(tag)

    def thanks(self, alert=None):
        """A Status for each command of the last answer."""
        out, n = [], 0
        server_msg = self.answer.text("SyncHdr/MsgID")
        refs = [("0", "SyncHdr", None)]
        for e in self.answer.root.find("SyncBody"):
            if e.tag in ("Status", "Final"):
                continue
            refs.append((e.findtext("CmdID"), e.tag, None))
            if e.tag == "Sync":
                for k in e:
                    if k.findtext("CmdID") and k.tag != "Meta":
                        more = k.find("Item/MoreData") is not None
                        refs.append((k.findtext("CmdID"), k.tag,
                                     "213" if more else None))
        for cmd, tag, code in refs:
            n += 1
            out.append("<Status><CmdID>%d</CmdID><MsgRef>%s</MsgRef>"
                       "<CmdRef>%s</CmdRef><Cmd>%s</Cmd><Data>%s</Data>"
                       "</Status>" % (n, server_msg, cmd, tag, code or
                                      ("201" if tag == "Add" else "200")))
        if alert:
            out.append("<Alert><CmdID>%d</CmdID><Data>%d</Data><Item><Target>"
                       "<LocURI>%s</LocURI></Target><Source><LocURI>%s"
                       "</LocURI></Source></Item></Alert>" % (
                           n + 1, alert, self.site.url, self.device_id))
        return "".join(out)

    # -- patterns ------------------------------------------------------

    def expect(self, line):
        line = self.fill(line)
        word, _, rest = line.partition(" ")
        getattr(self, "expect_" + word)(rest.strip())

    def expect_http(self, rest):
        check(self.answer.status == int(rest), "HTTP status %d, expected %s",
              self.answer.status, rest)

    def expect_header(self, rest):
        self.expect_status("SyncHdr " + rest)

    def expect_status(self, rest):
        command, *codes = rest.split()
        got = self.answer.statuses(command)
        if len(codes) == 3 and codes[1] == "x":
            codes = [codes[0]] * int(codes[2])
        check(got == codes, "Status of %s: %s, expected %s", command,
              " ".join(got) or "none", " ".join(codes) or "none")

    def expect_count(self, rest):
        path, n = rest.split()
        got = len(self.answer.at(path))
        check(got == int(n), "%d times %s, expected %s", got, path, n)

    def expect_text(self, rest):
        path, _, value = rest.partition(" ")
        got = self.answer.text(path)
        check(got == value.strip(), "%s is %r, expected %r", path, got, value)

    def expect_has(self, rest):
        path, _, pattern = rest.partition(" ")
        texts = [(e.text or "") for e in self.answer.at(path)]
        check(any(re.search(pattern, t) for t in texts),
              "no %s matches %r: %r", path, pattern, texts)

    def expect_final(self, rest):
        check(self.answer.final, "no Final")

    def expect_not(self, rest):
        check(rest == "final", "unknown pattern: not %s", rest)
        check(not self.answer.final, "there is a Final")

    def expect_same(self, rest):
        check(self.before is not None and
              self.before.body == self.answer.body, "other bytes")

    def expect_match(self, rest):
        text = self.answer.body.decode(errors="replace")
        check(re.search(rest, text), "no match: %r", rest)

    def expect_bytes(self, rest):
        op, n = rest.split()
        got = max(self.sizes or [len(self.answer.body)])
        ok = got <= int(n) if op == "<=" else got >= int(n)
        check(ok and op in ("<=", ">="), "%d bytes, expected %s", got, rest)

    def expect_took(self, rest):
        tag, n = rest.split()
        got = self.took.count(tag)
        check(got == int(n), "%d times %s, expected %s", got, tag, n)

    def expect_object(self, rest):
        got = max([len(t.encode()) for t, _ in self.objects] or [0])
        check(got == int(rest), "largest item has %d bytes, expected %s", got,
              rest)


def parse(path):
    """-> [(line number, keyword, rest of the line, block)]"""
    steps, preface = [], True
    with open(path, encoding="utf-8") as f:
        for n, line in enumerate(f, 1):
            preface = preface and bool(line.strip())
            if preface:
                continue
            word, _, rest = line.strip().partition(" ")
            if line[0] not in " \t\n#" and word in STEPS:
                steps.append((n, word, rest, []))
            elif steps and line[0] in " \t":
                steps[-1][3].append(line.strip())
            elif line.strip() and line[0] != "#":
                raise ValueError("%s:%d: no step: %s" % (path, n, word))
    return steps


def one_step(talk, word, rest, block):
    body = "".join(block)
    if word == "account":
        talk.account(rest)
    elif word == "device":
        talk.device(rest)
    elif word == "session":
        talk.session(rest)
    elif word == "header":
        talk.set_header(rest + body)
    elif word == "message":
        talk.message(talk.fill(rest), body)
    elif word == "raw":
        talk.raw(rest, body)
    elif word == "again":
        talk.post(*talk.sent)
    elif word == "take":
        talk.take()
    elif word == "keep":
        talk.keep(*rest.split())
    elif word == "expect":
        for line in block + ([rest] if rest else []):
            talk.expect(line)


def play(site, path, out, steps):
    name = os.path.basename(path)[:-4]
    talk = Talk(site, name, out)
    rounds, at = [None], 0
    for i, (n, word, rest, _) in enumerate(steps):
        if word == "repeat":
            key, first, last = rest.split()
            rounds, at = list(range(int(first), int(last) + 1)), i
            talk.key = key
    for turn in rounds:
        if turn is not None:
            talk.vars[talk.key] = turn
        for i, (n, word, rest, block) in enumerate(steps):
            if word in ("repeat", "conf") or (i < at and turn != rounds[0]):
                continue
            try:
                one_step(talk, word, rest, block)
            except Failure as e:
                turned = "" if turn is None else " (%s = %d)" % (talk.key,
                                                                turn)
                raise Failure("%s:%d%s: %s" % (path, n, turned, e))


def run(args, path, number):
    name = os.path.basename(path)[:-4]
    steps = parse(path)
    conf = dict(s[2].split(" ", 1) for s in steps if s[1] == "conf")
    site = harness.Site(args.funicular,
                        os.path.join(args.out, "site-" + name), **conf)
    said = ""
    try:
        site.start()
        play(site, path, args.out, steps)
    except Failure as e:
        said = str(e)
    except Exception:
        said = traceback.format_exc()
    finally:
        try:
            site.stop()
            site.check_log()
        except Failure as e:
            said += "\n" + str(e)
    print("%s %s" % ("FAIL" if said else "ok  ", name), flush=True)
    if said:
        print("  %s\n  both sides: %s\n  daemon: %s" % (
            said.replace("\n", "\n  "),
            os.path.join(args.out, name + ".talk"), site.log_path))
    return not said


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--funicular", required=True)
    p.add_argument("--out", required=True)
    p.add_argument("file", nargs="*", help="conversations; all by default")
    args = p.parse_args()
    args.funicular = os.path.abspath(args.funicular)
    args.out = os.path.abspath(args.out)
    os.makedirs(args.out, exist_ok=True)
    files = args.file or sorted(os.path.join(HERE, n) for n in
                                os.listdir(HERE) if n.endswith(".txt") and
                                n != "CMakeLists.txt")
    for name in files:
        talk = os.path.join(args.out, os.path.basename(name)[:-4] + ".talk")
        if os.path.exists(talk):
            os.unlink(talk)
    passed = [run(args, f, n) for n, f in enumerate(files)]
    print("%d of %d conversations passed" % (sum(passed), len(passed)))
    return 0 if passed and all(passed) else 1


if __name__ == "__main__":
    sys.exit(main())
