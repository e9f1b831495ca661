#!/usr/bin/env python3
"""A Maildir, funicular-client, the daemon and Dovecot: mail from one end to the
other and back.

    maildir_e2e.py FUNICULAR FUNICULAR_CLIENT
"""

import os
import subprocess
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.append(os.path.join(HERE, "..", "mail"))
from dovecot import Dovecot, message  # noqa: E402
from stand import PASSWORD, Site, Sink, until  # noqa: E402

FUNICULAR, CLIENT = sys.argv[1:3]


class Maildir:
    """One directory of funicular-client's."""

    def __init__(self, room, name):
        self.path = os.path.join(room, name)
        for part in ("tmp", "new", "cur"):
            os.makedirs(os.path.join(self.path, part))

    def names(self):
        return sorted(part + "/" + n for part in ("new", "cur")
                      for n in os.listdir(os.path.join(self.path, part)))

    def read(self, name):
        with open(os.path.join(self.path, name), "rb") as f:
            return f.read()

    def write(self, name, text):
        with open(os.path.join(self.path, name), "wb") as f:
            f.write(text)

    def rename(self, old, new):
        os.rename(os.path.join(self.path, old), os.path.join(self.path, new))

    def of(self, subject):
        found = [n for n in self.names()
                 if b"Subject: " + subject.encode() in self.read(n)]
        return found[0] if len(found) == 1 else None


class Test(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.d = Dovecot().start()
        cls.sink = Sink()
        cls.site = Site(FUNICULAR, cls.d, cls.sink).start()

    @classmethod
    def tearDownClass(cls):
        cls.site.stop()
        cls.sink.close()
        cls.d.close()

    def setUp(self):
        self.sink.mails.clear()
        self.user = self.id().rsplit(".", 1)[-1].replace("test_", "")
        room = os.path.join(self.d.dir, "client-" + self.user)
        self.inbox = Maildir(room, "Maildir")
        self.outbox = Maildir(room, "Outbox")

    def account(self, *first, **keys):
        for subject in first:
            self.d.deliver(self.user, message(subject))
        self.site.user(self.user, **keys)
        until("the first look", lambda: self.site.state(self.user) == "ok")

    def sync(self):
        r = subprocess.run(
            [CLIENT, "--user", self.user,
             "--db", self.inbox.path + "=mail:maildir",
             "--db", self.outbox.path + "=mail/Outbox:maildir",
             "http://127.0.0.1:%d/sync" % self.site.port],
            capture_output=True, text=True, timeout=60,
            env=dict(os.environ, FUNICULAR_PASSWORD=PASSWORD))
        self.assertEqual(r.returncode, 0, r.stdout + r.stderr)
        return r.stdout

    def has(self, *subjects):
        def synced():
            self.sync()
            return all(self.inbox.of(s) for s in subjects) and \
                len(self.inbox.names()) == len(subjects)
        until("%s in the Maildir" % (subjects,), synced)

    def flags(self):
        c = self.d.client(self.user)
        c.select("INBOX", True)
        rows = c.fetch("1:*", "(FLAGS)")[1]
        c.logout()
        return [r.decode() for r in rows if r]

    def test_both_ways(self):
        self.account("one", "two")
        self.has("one", "two")
        self.assertTrue(all(n.startswith("new/")
                            for n in self.inbox.names()))
        before = self.inbox.names()
        self.sync()
        self.assertEqual(self.inbox.names(), before)
        # read here, seen there
        old = self.inbox.of("one")
        self.inbox.rename(old, "cur/" + old[4:] + ":2,S")
        self.sync()
        until("\\Seen", lambda: sum("\\Seen" in f for f in self.flags()) == 1)
        # flagged there, F here
        c = self.d.client(self.user)
        c.select()
        c.store("1:*", "+FLAGS", "\\Flagged")
        c.logout()

        def flagged():
            self.sync()
            return self.inbox.names() and \
                all("F" in n.partition(":2,")[2] for n in self.inbox.names())
        until("F in names", flagged)
        self.assertIn("S", self.inbox.of("one").partition(":2,")[2])
        # thrown away here, gone there
        old = self.inbox.of("two")
        self.inbox.rename(old, old + "T")
        self.sync()
        until("gone", lambda: len(self.flags()) == 1)

    def test_held_back(self):
        """Very much thrown away at once goes when a person has decided."""
        names = ["mail%02d" % i for i in range(16)]
        self.account(*names)
        self.has(*names)
        for name in self.inbox.names()[1:]:
            self.inbox.rename(name, "cur/" + name[4:] + ":2,T")
        self.sync()
        (row,) = self.site.json("hold", "list", self.user)
        self.assertEqual(row["items"], 15)
        self.assertEqual(len(self.flags()), 16)
        self.site.command("hold", "allow", self.user, str(row["session"]))
        until("gone at the server", lambda: len(self.flags()) == 1)
        self.assertEqual(self.site.json("hold", "list", self.user), [])

    def test_sent(self):
        self.account()
        self.outbox.write("new/1.host", b"From: sent@example.org\n"
                          b"To: bob@example.org\nSubject: Hello\n\nText\n")
        self.sync()
        until("sent", lambda: len(self.sink.mails) == 1)

        def gone():
            self.sync()
            return self.outbox.names() == []
        until("taken out of the outbox", gone)
        self.sync()
        self.assertEqual(len(self.sink.mails), 1)
        self.assertIn(b"Subject: Hello", self.sink.mails[0][3])

    def test_large(self):
        """More than a message of SyncML holds, both ways."""
        lines = b"".join(b"%060d\n" % i for i in range(20000))
        self.d.deliver(self.user, message("large", lines.decode().replace(
            "\n", "\r\n")))
        self.account(cap="4000000")
        self.has("large")
        got = self.inbox.read(self.inbox.of("large")).replace(b"\r\n", b"\n")
        self.assertTrue(got.rstrip().endswith(lines.rstrip()))
        self.outbox.write("new/1.host", b"From: large@example.org\n"
                          b"To: bob@example.org\nSubject: Much\n\n" + lines)
        self.sync()
        until("sent", lambda: len(self.sink.mails) == 1)
        self.assertIn(lines.strip(),
                      self.sink.mails[0][3].replace(b"\r\n", b"\n"))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[3:])
