#!/usr/bin/env python3
"""From a mail that its server delivers to the phone that has read it, and
answered: Dovecot with its LMTP and its LDA, the daemon, Kannel and its fake SMS
centre, a phone, and a server that takes mail. Exit status 77 where Kannel is
not installed.

    arrive.py FUNICULAR
"""

import base64
import calendar
import hashlib
import json
import os
import sqlite3
import subprocess
import sys
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
for room in ("mail", "server", "nodes"):
    sys.path.insert(0, os.path.join(HERE, os.pardir, room))
sys.path.insert(0, HERE)

import kannel  # noqa: E402
import mailphone  # noqa: E402
from dovecot import Dovecot, message  # noqa: E402
from stand import Site, Sink, until  # noqa: E402

PROGRAM = None
LDA = "/usr/lib/dovecot/dovecot-lda"
EMAIL_TYPE = 0x306
CONF = """server_id = groupsrv
kannel_url = %s
kannel_user = tester
kannel_secret_file = %s
ppg_url = %s
ppg_user = ppguser
ppg_secret_file = %s
ppg_host = ppg.example.org
"""


def secret_file(room, name, text):
    path = os.path.join(room, name)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text + "\n")
    os.chmod(path, 0o600)
    return path


class Arrive(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.k = kannel.Kannel()
        cls.addClassCleanup(cls.k.stop)
        cls.k.start()
        cls.d = Dovecot().start()
        cls.addClassCleanup(cls.d.close)
        cls.sink = Sink()
        cls.addClassCleanup(cls.sink.close)
        cls.site = Site(PROGRAM, cls.d, cls.sink, CONF % (
            cls.k.sendsms(), secret_file(cls.d.dir, "kannel", "foobar"),
            cls.k.wappush(), secret_file(cls.d.dir, "ppg", "ppgpass")))
        cls.site.start()
        cls.addClassCleanup(cls.site.stop)

    def setUp(self):
        self.user = self.id().rsplit(".", 1)[-1].replace("test_", "")
        self.user = self.user.replace("_", "-")
        self.sink.mails.clear()
        self.number = "+49%d" % (1000 + len(self.k.messages()))

    def account(self, *ways, dev="IMEI:1", out="kannel"):
        """Its phone, synced, which is told."""
        p = self.site.user(self.user)
        until("the first look", lambda: self.site.state(self.user) == "ok")
        p.sync(self.site.port)
        self.site.command("push", "set", self.user, dev, "to",
                          "%s:%s" % (out, self.number), "server", "groupsrv",
                          *ways)
        self.site.command("push", "secret", self.user, dev,
                          "--password-stdin", stdin="srvsecret\n")
        return p

    def lda(self, raw):
        """As an MTA's pipe does."""
        subprocess.run([LDA, "-c", self.d.dir + "/dovecot.conf", "-d",
                        self.user, "-f", "bob@example.org"], input=raw,
                       check=True)

    def sms(self):
        """Units that reached this phone: [(content type, app, body)]"""
        parts = [(udh, data) for to, kind, udh, data in self.k.messages()
                 if to == self.number and kind == "udh"]
        return [kannel.wsp(kannel.join([p])) for p in parts]

    def wait_sms(self, n):
        until("%d SMS" % n, lambda: len(self.sms()) >= n)
        return self.sms()[n - 1]

    def san(self, n):
        """The n-th message, which is a notification that this phone takes."""
        kind, app, body = self.wait_sms(n)
        self.assertEqual((kind, app), ("application/vnd.syncml.ds.notification",
                                       "push.syncml"))
        got = kannel.san(body)

        def b64md5(b):
            return base64.b64encode(hashlib.md5(b).digest())
        self.assertEqual(got["digest"], hashlib.md5(
            b64md5(b"groupsrv:srvsecret") + b"::" +
            b64md5(got["trigger"])).digest())
        self.assertEqual((got["version"], got["server_began"],
                          got["server"]), (12, 1, "groupsrv"))
        return got

    def answer(self, phone, san, ops=()):
        """As the notification says."""
        (code, kind, uri), = san["syncs"]
        self.assertEqual((code, kind, uri), (206, EMAIL_TYPE, "mail"))
        self.assertEqual(uri, phone.db)
        phone.sync(self.site.port, ops, kind=code,
                   sid="%X" % san["session"])

    def report(self):
        return [r for r in json.loads(self.site.command(
            "report", "notices", "--json")) if r["account"] == self.user]

    def flags(self, subject, folder="INBOX"):
        c = self.d.client(self.user)
        try:
            if c.select(folder, True)[0] != "OK":
                return None
            found = c.search(None, "SUBJECT", '"%s"' % subject)[1][0].split()
            return c.fetch(found[0], "(FLAGS)")[1][0].decode() if found else ""
        finally:
            c.logout()

    def legs(self, no):
        """When the mirror had it, it was queued, and Kannel had it."""
        with sqlite3.connect(self.site.room + "/db") as db:
            return db.execute(
                "SELECT (SELECT max(i.created_ms) FROM item i WHERE"
                " i.account_id = n.account_id AND i.created_ms <= n.event_ms),"
                " n.queued_ms, d.sent_ms FROM notice n JOIN account a USING"
                " (account_id) JOIN delivery d ON d.account_id = n.account_id"
                " AND d.delivery_id = n.delivery_id WHERE CAST(a.user AS TEXT) = ? AND"
                " n.notice_no = ?", (self.user, no)).fetchone()

    def timed(self, name, deliver, n):
        began = time.time() * 1000
        deliver()
        taken = time.time() * 1000
        san = self.san(n)
        there = time.time() * 1000
        until("marked", lambda: self.legs(n)[2])
        legs = [began, taken] + list(self.legs(n)) + [there]
        print("%s: %s" % (name, ", ".join("%s %.0f ms" % (what, b - a)
                                          for what, a, b in (
            ("delivered", legs[0], legs[1]),
            ("in the mirror", legs[1], legs[2]),
            ("notice queued", legs[2], legs[3]),
            ("Kannel has it", legs[3], legs[4]),
            ("at the SMS centre", legs[4], legs[5]),
            ("all", legs[0], legs[5])))))
        return san

    def test_mail_to_reply(self):
        phone = self.account("gap", "0")
        san = self.timed("LMTP", lambda: self.d.deliver(
            self.user, message("first")), 1)
        self.assertEqual(san["session"], 1)
        self.answer(phone, san)
        self.assertEqual(phone.subjects(), ["first"])
        self.assertEqual([c[0] for c in phone.changes], ["Add"])
        # Its user reads it; the server of the mail hears that.
        phone.sync(self.site.port, [
            ("Replace", phone.luid("first"), mailphone.flags(read=True))])
        self.assertEqual(phone.codes, ["200"])
        until("read", lambda: "\\Seen" in self.flags("first"))
        # He answers, with the same device.
        out = self.site.phone(self.user, db="mail/Outbox")
        out.sid = 500
        out.sync(self.site.port)
        out.sync(self.site.port, [("Add", "o1", mailphone.letter(
            "To: bob@example.org\r\nSubject: Re: first\r\n"
            "Message-ID: <re@phone.example.org>\r\n\r\nYes\r\n"))])
        until("filed", lambda: self.flags("Re: first", "Sent"))
        self.assertEqual([m[2] for m in self.sink.mails],
                         [["bob@example.org"]])
        out.sync(self.site.port)
        self.assertEqual(out.got, {})
        # None of that woke it; the next mail does, and comes by LDA.
        san = self.timed("LDA", lambda: self.lda(message("second")), 2)
        self.assertEqual(san["session"], 2)
        self.answer(phone, san)
        self.assertEqual([c[0] for c in phone.changes], ["Add"])
        self.assertEqual(phone.subjects(), ["first", "second"])
        # Read by another program, moved, deleted: not worth an SMS.
        c = self.d.client(self.user)
        c.select()
        c.store("2", "+FLAGS", "\\Seen")
        c.copy("1", "Trash")
        c.store("1", "+FLAGS", "\\Deleted")
        c.expunge()
        c.logout()
        san = self.timed("LMTP", lambda: self.d.deliver(
            self.user, message("third")), 3)
        self.assertEqual(san["session"], 3)
        self.answer(phone, san)
        self.assertEqual(phone.subjects(), ["second", "third"])
        self.assertIn("<read>true</read>", phone.got[phone.luid("second")])
        self.assertEqual(len(self.sms()), 3)
        self.assertEqual(len(self.sink.mails), 1)
        rows = self.report()
        self.assertEqual([(r["answer"], r["state"], r["collection"])
                          for r in rows], [("number", "sent", "mail")] * 3)
        for r in rows:
            self.assertIsNotNone(r["answer_ms"])

    def emn(self, n):
        kind, app, body = self.wait_sms(n)
        self.assertEqual((kind, app), ("application/vnd.wap.emn+wbxml",
                                       "emn.ua"))
        return kannel.emn(body)

    def check_emn(self, out):
        box = "mailat:%s@example.com" % self.user
        phone = self.account("gap", "0", "form", "emn", "mailbox", box,
                             out=out)
        before = int(time.time())
        self.d.deliver(self.user, message("one"))
        got = self.emn(1)
        self.assertEqual(got["mailbox"], box)
        came = calendar.timegm(time.strptime(got["timestamp"],
                                             "%Y%m%d%H%M%S"))
        self.assertTrue(before <= came <= time.time(), got)
        # It knows no number: its user's mail program comes by itself.
        phone.sync(self.site.port)
        self.assertEqual(phone.subjects(), ["one"])
        self.site.command("push", "set", self.user, "IMEI:1", "mailbox",
                          "imap://%s@example.com/INBOX" % self.user)
        self.d.deliver(self.user, message("two"))
        self.assertEqual(self.emn(2)["mailbox"],
                         "imap://%s@example.com/INBOX" % self.user)
        phone.sync(self.site.port, kind=206)
        self.assertEqual(phone.subjects(), ["one", "two"])
        self.assertEqual([r["answer"] for r in self.report()],
                         ["type", "sync"])

    def test_emn(self):
        self.check_emn("kannel")
        (udh, data), = [(m[2], m[3]) for m in self.k.messages()
                        if m[0] == self.number][:1]
        self.assertEqual(udh.hex(), "0605040b84c002")
        self.assertEqual(data[:9].hex(), "0106060302030aaf89")

    def test_emn_by_proxy(self):
        self.check_emn("ppg")


def main():
    global PROGRAM
    why = kannel.missing()
    if why:
        print(why)
        sys.exit(77)
    PROGRAM = sys.argv.pop(1)
    unittest.main(verbosity=2, warnings="ignore")


if __name__ == "__main__":
    main()
