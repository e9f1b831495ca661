#!/usr/bin/env python3
"""Mail among bad servers and bad phones: servers that stall, and strings that
want to become commands.

    test_hostile.py FUNICULAR [TEST...]
"""

import re
import shutil
import socket
import ssl
import sys
import tempfile
import threading
import unittest

import dovecot
import mailphone
from dovecot import Dovecot, message
from stand import Between, Site, Sink, until

FUNICULAR = sys.argv[1]


class Stalling:
    """Takes mail, up to a step that it never answers."""

    STEPS = ("greeting", "EHLO", "MAIL", "RCPT", "DATA", ".")

    def __init__(self):
        self.s = socket.create_server(("127.0.0.1", 0))
        self.port = self.s.getsockname()[1]
        self.step, self.reached, self.mails = None, threading.Event(), []
        self.conns = []
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                c, _ = self.s.accept()
            except OSError:
                return
            self.conns.append(c)
            threading.Thread(target=self.talk, args=(c,), daemon=True).start()

    def says(self, c, step, text):
        if step == self.step:
            self.reached.set()
            return
        c.sendall(text + b"\r\n")

    def talk(self, c):
        try:
            self.says(c, "greeting", b"220 here")
            lines = c.makefile("rb")
            for line in lines:
                word = line.split()[0].upper().decode("latin1")
                if word != "DATA":
                    self.says(c, word, b"250 fine")
                    continue
                self.says(c, "DATA", b"354 go on")
                text = b""
                for line in lines:
                    if line == b".\r\n":
                        break
                    text += line
                else:
                    return  # it broke within
                self.mails.append(text)
                self.says(c, ".", b"250 taken")
        except (OSError, IndexError):
            pass

    def hang_up(self):
        conns, self.conns = self.conns, []
        for c in conns:
            try:
                c.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


class TestStall(unittest.TestCase):
    def test_smtp_at_each_step(self):
        """Meanwhile others get their mail, and nothing is sent twice."""
        sink = Stalling()
        with Dovecot() as d:
            site = Site(FUNICULAR, d, sink).start()
            other = site.user("other")
            until("a look", lambda: site.state("other") == "ok")
            for i, step in enumerate(Stalling.STEPS):
                sink.step = step
                sink.reached.clear()
                user = "u%d" % i
                site.user(user)
                until("a look", lambda: site.state(user) == "ok")
                out = site.phone(user, db="mail/Outbox")
                out.sync(site.port)
                out.sync(site.port, [("Add", "o1", mailphone.letter(
                    "To: bob@example.org\r\nSubject: s%d\r\n\r\nx\r\n" % i))])
                until("it stalls at " + step, sink.reached.is_set)
                d.deliver("other", message("while %d" % i))

                def synced():
                    other.sync(site.port)
                    return "while %d" % i in other.subjects()
                until("others have theirs", synced)
                # And its writer may come again.
                out.sync(site.port)
                sink.hang_up()
                until("it is settled", lambda: site.done(user)[0]["reason"])
                (row,) = site.done(user)
                if step == ".":
                    self.assertEqual(row["state"], "failed")
                    self.assertIn("not known", row["reason"])
                else:
                    self.assertEqual(row["state"], "queued", step)
            site.stop()
        # Those that could not go before may have gone by now.
        sent = [re.search(rb"Subject: (s\d)", m)[1] for m in sink.mails]
        self.assertEqual(len(sent), len(set(sent)))
        self.assertIn(b"s5", sent)


class Chatter:
    """An IMAP server that always has news."""

    master = True
    answers = {
        "CAPABILITY": "* CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN IDLE\r\n",
        "LIST": '* LIST () "/" INBOX\r\n',
        "SELECT": "* 0 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n",
    }

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="fch-", dir="/tmp")
        dovecot.certificate(self.dir, "good", dovecot.HOST)
        self.ca = self.dir + "/good.pem"
        self.s = socket.create_server(("127.0.0.1", 0))
        self.tls_port = self.s.getsockname()[1]
        self.waits, self.lines = 0, []
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        c.load_cert_chain(self.ca, self.dir + "/good.key")
        while True:
            try:
                s, _ = self.s.accept()
            except OSError:
                return
            over = threading.Event()
            self.lines.append(over)
            threading.Thread(target=self.talk, args=(
                c.wrap_socket(s, server_side=True), over),
                daemon=True).start()

    def talk(self, s, over):
        try:
            s.sendall(b"* OK hello\r\n")
            lines = s.makefile("rb")
            for line in lines:
                tag, _, rest = line.decode().strip().partition(" ")
                word = rest.split(" ")[0]
                if word == "IDLE":
                    self.waits += 1
                    s.sendall(b"+ idling\r\n* %d EXISTS\r\n" % self.waits)
                    lines.readline()
                s.sendall((self.answers.get(word, "") + tag +
                           " OK done\r\n").encode())
        except OSError:
            pass
        over.set()

    def close(self):
        self.s.close()
        shutil.rmtree(self.dir)


class TestNews(unittest.TestCase):
    def test_news_without_end(self):
        imap = Chatter()
        self.addCleanup(imap.close)
        site = Site(FUNICULAR, imap).start()
        self.addCleanup(site.stop)
        site.user("eve")
        until("the line is let go", lambda: imap.lines and
              imap.lines[0].is_set())
        self.assertLess(imap.waits, 150)
        self.assertEqual(site.state("eve"), "ok")
        self.assertEqual(len(imap.lines), 1)


# ---- strings -----------------------------------------------------------------

SET = r"[0-9:,*]+"
QUOTED = r'"(?:[^"\\\r\n]|\\["\\])*"'
COMMAND = re.compile((
    r"F\d+ (?:CAPABILITY|LOGIN .*|AUTHENTICATE PLAIN [A-Za-z0-9+/=]+|"
    r"ID \(\"name\" \"Funicular\"\)|ENABLE QRESYNC|NOTIFY NONE|NOOP|IDLE|"
    r"LIST \"\" \"\*\"(?: RETURN \(SPECIAL-USE\))?|"
    r"(?:SELECT|EXAMINE) (?:{q})(?: \(CONDSTORE\))?|CREATE (?:{q})|"
    r"STATUS (?:{q}) \([A-Z ]+\)|"
    r"UID FETCH {s} \([A-Z0-9 .\[\]()<>-]+\)(?: \(CHANGEDSINCE \d+"
    r"(?: VANISHED)?\))?|"
    r"UID SEARCH {s}(?: SINCE \d+-[A-Z][a-z]+-\d+)?|"
    r"UID SEARCH HEADER Message-ID (?:{q})|"
    r"UID STORE {s} [+-]FLAGS\.SILENT \([A-Za-z \\$]+\)|"
    r"UID (?:MOVE|COPY) {s} (?:{q})|UID EXPUNGE {s}|"
    r"APPEND (?:{q}) \([A-Za-z \\$]*\) (?:{q})|"
    r"NOTIFY SET STATUS \(selected \([A-Za-z ]+\)\) \(mailboxes \((?:{q}| )+\) "
    r"\([A-Za-z ]+\)\))|DONE|F0 LOGOUT").format(s=SET, q=QUOTED))


def imap_commands(said):
    """Lines, with quoted strings in the place of literals."""
    at, line = 0, b""
    while at < len(said):
        end = said.find(b"\r\n", at)
        if end < 0:
            break
        line += said[at:end]
        at = end + 2
        m = re.search(rb"\{(\d+)\+?\}$", line)
        if m:
            line = line[:m.start()] + b'"x"'
            at += int(m[1])
            continue
        yield line.decode("latin1")
        line = b""


def smtp_commands(said):
    inside = False
    for line in bytes(said).split(b"\r\n"):
        if inside:
            inside = line != b"."
            if b"\n" in line or b"\r" in line:
                yield "bare CR or LF: %r" % line
        else:
            inside = line == b"DATA"
            yield line.decode("latin1")


NASTY = [
    "x\r\nF9 LOGOUT", "x\nF9 LOGOUT\n", 'x" F9 LOGOUT "', "x\\", '"', "{3}",
    "{3+}\r\nabc", "x\r\n.\r\nMAIL FROM:<eve@example.org>", "x\x7f", "\u00fc",
    "x\u2028y", "a>\r\nRCPT TO:<eve@example.org>", "<x> <y>", "*", "%", "~x",
    "&AOk-", "&", "../x", "x" * 3000,
]


class TestStrings(unittest.TestCase):
    def test_strings_of_phones_stay_in_their_place(self):
        sink = Sink()
        with Dovecot() as d:
            imap, smtp = Between(d.port), Between(sink.port)
            site = Site(FUNICULAR, d, smtp)
            site.text = re.sub(r"imap_port = \d+", "imap_port = %d" % imap.port,
                               site.text) + "imap_security = none\n"
            with open(site.conf, "w") as f:
                f.write(site.text)
            site.start()
            d.deliver("eve", message("one"))
            phone = site.user("eve", folders="Drafts, Sent, Trash")
            until("a look", lambda: site.state("eve") == "ok")
            phone.sync(site.port)
            self.letters(site, NASTY)
            self.moves(site, phone)
            until("all is done", lambda: len(site.done("eve")) >= 20 and all(
                r["state"] in ("done", "failed") for r in site.done("eve")))
            site.stop()
        n = 0
        for line in (c for s in imap.said for c in imap_commands(s)):
            self.assertRegex(line, "^(?:%s)$" % COMMAND.pattern)
            tag = re.match(r"F([1-9]\d*) ", line)
            n = int(line.startswith("F1 ")) or n + (tag is not None)
            if tag:
                self.assertEqual(int(tag[1]), n, line)
        self.assertGreater(n, 100)
        said = [c for s in smtp.said for c in smtp_commands(s)]
        self.assertGreater(len(said), 40)
        for line in said:
            self.assertRegex(line, r"^(?:EHLO [a-z.]+|MAIL FROM:<eve@example.org>"
                             r"(?: SIZE=\d+)?(?: BODY=8BITMIME)?|"
                             r"RCPT TO:<bob@example.org>|DATA|QUIT|)$")
        for m in sink.mails:
            self.assertEqual(m[2], ["bob@example.org"])
            self.assertTrue(all(re.match(
                rb"[!-9;-~]+[ \t]*:|[ \t]", line) for line in m[3].partition(
                    b"\r\n\r\n")[0].split(b"\r\n")), m[3][:2000])
        sink.close()

    @staticmethod
    def letters(site, strings):
        """Each of them in each place."""
        for i, s in enumerate(strings):
            for db, luid in (("mail/Outbox", "o"), ("mail/Drafts", "d")):
                p = site.phone("eve", dev="IMEI:%s%d" % (luid, i), db=db)
                text = (
                    "Message-ID: <%s>\r\nSubject: %s\r\nFrom: %s <eve@example"
                    ".org>\r\nTo: bob@example.org\r\nIn-Reply-To: %s\r\n"
                    "Content-Type: text/plain; name=\"%s\"\r\n"
                    "Content-Disposition: attachment; filename=%s\r\n"
                    "\r\n%s\r\n.\r\nF9 LOGOUT\r\n") % (
                        (s + "@%s%d" % (luid, i),) + (s,) * 6)
                p.sync(site.port)
                p.sync(site.port, [("Add", s[:60], mailphone.letter(text))])

    @staticmethod
    def moves(site, phone):
        for s in NASTY:
            for db in ("mail/" + s, "mail/../" + s):
                try:
                    site.phone("eve", dev="IMEI:1", db=db[:60]).sync(site.port)
                except (mailphone.Failed, AssertionError, IndexError):
                    pass
        phone.sync(site.port, [("Delete", s[:60]) for s in NASTY] +
                   [("Replace", s[:60], mailphone.flags(read=True))
                    for s in NASTY])
        phone.sync(site.port, [("Delete", phone.luid("one"))])


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0]] + sys.argv[2:], verbosity=2,
                  warnings="ignore")
