#!/usr/bin/env python3
"""Mail from one end to the other: Dovecot, the daemon, a server that takes mail,
and phones.

    test_mail.py FUNICULAR [TEST...]
"""

import email
import email.policy
import os
import re
import sys
import threading
import time
import unittest

import dovecot
import kills
import mailphone
from dovecot import Dovecot, message
from stand import Between, Site, Sink, until

FUNICULAR = sys.argv[1]


class Base(unittest.TestCase):
    capability, more = "", ""

    @classmethod
    def server(cls):
        return Dovecot(capability=cls.capability)

    @classmethod
    def setUpClass(cls):
        cls.d = cls.server().start()
        cls.sink = Sink()
        cls.site = Site(FUNICULAR, cls.d, cls.sink, cls.more).start()

    @classmethod
    def tearDownClass(cls):
        said = "\n".join(cls.site.daemon.lines[-40:])
        if os.environ.get("TEST_SAY"):
            print(said, cls.d.log())
        cls.site.stop()
        cls.sink.close()
        cls.d.close()

    def setUp(self):
        self.user = self.id().rsplit(".", 1)[-1].replace("test_", "")
        self.user = self.user.replace("_", "-")
        self.sink.mails.clear()
        self.sink.hook = None

    def account(self, first=(), **keys):
        """Its phone, once the first look is over."""
        for m in first:
            self.d.deliver(self.user, m)
        phone = self.site.user(self.user, **keys)
        try:
            until("the first look",
                  lambda: self.site.state(self.user) == "ok")
        except AssertionError as e:
            raise AssertionError("\n".join(
                [str(e), str(self.site.json("mail", "show", self.user))] +
                self.site.daemon.lines[-40:] + [self.d.log()])) from e
        return phone

    def look(self):
        """Once more, now, and to its end."""
        before = self.site.json("mail", "show", self.user).get("last")
        time.sleep(1.1 if before else 0)  # its times are of whole seconds
        self.site.command("mail", "set", self.user, "on", "yes")
        until("a look", lambda: self.site.json(
            "mail", "show", self.user).get("last") != before)

    def has(self, phone, *subjects):
        def synced():
            phone.sync(self.site.port)
            return phone.subjects() == sorted(subjects)
        until("%s instead of %s" % (subjects, phone.subjects()), synced)

    def at_server(self, folder="INBOX"):
        return Dovecot.mails(self.d, self.user, folder)

    def move(self, c, folder):
        """The first one, as any client can."""
        uid = c.uid("SEARCH", "1")[1][0].decode()
        if "MOVE" in c.capabilities:
            c.uid("MOVE", uid, self.d.name(folder))
            return
        c.uid("COPY", uid, self.d.name(folder))
        c.uid("STORE", uid, "+FLAGS", "\\Deleted")
        c.expunge()

    def failed(self):
        return [r for r in self.site.done(self.user) if r["state"] == "failed"]


class TestWay(Base):
    def test_there_and_back(self):
        phone = self.account([message("one"), message("two")],
                             folders="Sent, Trash")
        self.has(phone, "one", "two")
        self.d.deliver(self.user, message("three"))
        self.has(phone, "one", "two", "three")
        # The new one alone was sent.
        self.assertEqual([c[0] for c in phone.changes], ["Add"])
        phone.sync(self.site.port, [
            ("Replace", phone.luid("one"), mailphone.flags(read=True)),
            ("Delete", phone.luid("two"))])
        self.assertEqual(phone.codes, ["200", "200"])
        until("read", lambda: self.at_server() == {
            "one": {"\\Seen"}, "three": set()})
        until("in the trash", lambda: "two" in self.at_server("Trash"))
        # And what was read elsewhere comes to the phone.
        c = self.d.client(self.user)
        c.select()
        # By name: where there is no MOVE, "two" may still be going.
        (three,) = c.search(None, "SUBJECT", "three")[1]
        c.store(three, "+FLAGS", "\\Seen \\Flagged")

        def told():
            phone.sync(self.site.port)
            return "<flagged>true</flagged>" in phone.got[phone.luid("three")]
        until("flags", told)
        self.assertEqual([r["state"] for r in self.site.done(self.user)],
                         ["done", "done"])

    def test_flags_from_both_sides(self):
        phone = self.account([message("one")])
        self.has(phone, "one")
        self.site.stop()
        c = self.d.client(self.user)
        c.select()
        c.store("1", "+FLAGS", "\\Flagged")
        self.site.start()
        phone.sync(self.site.port, [
            ("Replace", phone.luid("one"), mailphone.flags(read=True))])
        until("both", lambda: self.at_server() == {
            "one": {"\\Seen", "\\Flagged"}})

        def told():
            phone.sync(self.site.port)
            text = phone.got[phone.luid("one")]
            return "<read>true" in text and "<flagged>true" in text
        luid = phone.luid("one")
        phone.got[luid] = mailphone.merged(phone.got[luid],
                                           mailphone.flags(read=True))
        until("both at the phone", told)

    def test_moved_by_others(self):
        phone = self.account([message("one"), message("two")],
                             folders="Archive")
        c = self.d.client(self.user)
        c.create(self.d.name("Archive"))
        self.look()
        self.has(phone, "one", "two")
        other = self.site.phone(self.user, dev="IMEI:1", db="mail/Archive")
        self.has(other)
        c.select()
        self.move(c, "Archive")
        self.look()
        self.has(phone, "two")
        self.has(other, "one")
        # No byte of it was fetched a second time: it is the same mail.
        self.assertIn("<emailitem>", other.got[other.luid("one")])

    def test_other_folders(self):
        """Nobody asks for a look: the line tells of folders that are not open,
        or else they are looked at each imap_poll."""
        c = self.d.client(self.user)
        c.create(self.d.name("Archive"))
        c.create(self.d.name("R&APw-ckblick"))
        phone = self.account([message("one"), message("two")],
                             folders="Archive, R\u00fcckblick")
        other = self.site.phone(self.user, dev="IMEI:2", db="mail/Archive")
        third = self.site.phone(self.user, dev="IMEI:3",
                                db="mail/R\u00fcckblick")
        self.has(phone, "one", "two")
        self.has(other)
        c.append(self.d.name("Archive"), None, None, message("here"))
        c.append(self.d.name("R&APw-ckblick"), None, None, message("there"))
        self.has(other, "here")
        self.has(third, "there")
        c.select(self.d.name("Archive"))
        c.store("1", "+FLAGS", "\\Seen")
        c.select()
        self.move(c, "Archive")
        self.has(phone, "two")
        self.has(other, "here", "one")

        def told():
            other.sync(self.site.port)
            return "<read>true" in other.got[other.luid("here")]
        until("read", told)
        c.select(self.d.name("Archive"))
        c.store("1", "+FLAGS", "\\Deleted")
        c.expunge()
        self.has(other, "one")

    def test_moved_in_one_database(self):
        """Who sees both folders keeps it, and is told where it lies."""
        for subject in ("one", "two"):
            self.d.deliver(self.user, message(subject))
        c = self.d.client(self.user)
        c.create(self.d.name("Sent"))  # not every server has it
        self.account(folders="Sent")
        self.site.command("collection", "add", self.user, "all", "--combine",
                          "mail, mail/Sent, mail/Outbox")
        phone = self.site.phone(self.user, db="all")
        self.has(phone, "one", "two")
        luid = phone.luid("one")
        self.assertEqual(phone.parents[luid], "ROOT/I")
        c.select()
        c.store("1", "+FLAGS", "\\Seen")
        self.move(c, "Sent")

        def moved():
            phone.sync(self.site.port)
            return phone.changes
        self.assertEqual([x[:2] for x in until("moved", moved)],
                         [("Replace", luid)])
        self.assertEqual(phone.parents[luid], "ROOT/S")
        self.assertIn("<read>true", phone.got[luid])
        self.assertEqual(phone.subjects(), ["one", "two"])
        phone.sync(self.site.port, [
            ("Replace", luid, mailphone.flags(flagged=True))])
        until("flagged there", lambda: "\\Flagged" in self.at_server(
            "Sent").get("one", ()))

    def test_folders(self):
        """As items, for devices that want them."""
        self.d.deliver(self.user, message("one"))
        c = self.d.client(self.user)
        c.create(self.d.name("Archive"))
        c.append(self.d.name("Archive"), None, None, message("old"))
        self.account(folders="Sent, Archive")
        self.site.command("collection", "add", self.user, "all", "--combine",
                          "mail, mail/Sent, mail/Archive, mail/Outbox")
        phone = self.site.phone(self.user, db="all")
        phone.folders = True

        def dirs():
            return {re.search("<name>(.*?)</name>", d)[1]: k
                    for k, d in phone.got.items() if "<Folder>" in d}

        def came():
            phone.sync(self.site.port)
            return phone.subjects() == ["old", "one"]
        first = until("all", came) and dirs()
        self.assertEqual(sorted(first), ["Archive", "Inbox", "Outbox", "Sent"])
        self.assertIn("<role>inbox</role>", phone.got[first["Inbox"]])
        self.assertEqual(phone.guids[first["Inbox"]], "ROOT/I")
        for subject, folder in (("one", "Inbox"), ("old", "Archive")):
            self.assertEqual(phone.parents[phone.luid(subject)],
                             phone.guids[first[folder]])
        # A folder comes before what lies in it.
        kinds = ["<Folder>" in x[2] for x in phone.changes]
        self.assertEqual(kinds, sorted(kinds, reverse=True))
        phone.sync(self.site.port)
        self.assertEqual(phone.changes, [])
        # It moves mail by its own ids of folders, and makes none.
        phone.sync(self.site.port, [
            ("Replace", phone.luid("one"), mailphone.flags(read=True),
             first["Archive"]),
            ("Add", "f1", "<Folder><name>Mine</name></Folder>"),
            ("Replace", first["Sent"], "<Folder><name>Gone</name></Folder>"),
            ("Delete", first["Archive"])])
        self.assertEqual(sorted(phone.codes), ["200", "403", "403", "403"])
        until("moved", lambda: "one" in self.at_server("Archive"))
        phone.sync(self.site.port)
        self.assertEqual(sorted(dirs()), sorted(first))
        self.assertNotIn("f1", phone.got)
        phone.sync(self.site.port)
        self.assertEqual(phone.changes, [])
        # One that tells of itself anew has no folder twice.
        phone.anchor = ""
        phone.sync(self.site.port, [
            ("Add", k, d) for k, d in phone.got.items() if "<Folder>" in d])
        self.assertEqual(sorted(dirs()), sorted(first))
        self.assertEqual(sum("<Folder>" in d for d in phone.got.values()), 4)
        # Others hear of mails alone.
        other = self.site.phone(self.user, dev="IMEI:2", db="all")
        self.has(other, "old", "one")
        self.assertEqual(len(other.got), 2)
        c.create("More")
        self.site.command("mail", "set", self.user, "folders",
                          "Sent, Archive, More")
        self.site.command("collection", "set", self.user, "all", "--combine",
                          "mail/More")
        phone.sync(self.site.port)
        self.assertIn("More", dirs())

    def test_other_uidvalidity(self):
        phone = self.account([message("m%d" % i) for i in range(30)])
        names = ["m%d" % i for i in range(30)]
        self.has(phone, *names)
        c = self.d.client(self.user)
        c.select()
        c.store("5", "+FLAGS", "\\Seen")
        self.look()
        phone.sync(self.site.port)
        self.site.stop()
        self.d.other_uidvalidity(self.user)
        self.site.start()
        self.look()
        phone.sync(self.site.port)
        self.assertEqual(phone.changes, [])
        self.assertEqual(phone.subjects(), sorted(names))
        # And it goes on from there.
        self.d.deliver(self.user, message("after"))
        self.has(phone, "after", *names)
        phone.sync(self.site.port, [
            ("Replace", phone.luid("m3"), mailphone.flags(read=True))])
        until("read", lambda: "\\Seen" in self.at_server()["m3"])

    def test_gone_and_window(self):
        phone = self.account([message("m%d" % i) for i in range(6)], count="4")
        self.has(phone, "m2", "m3", "m4", "m5")
        c = self.d.client(self.user)
        c.select()
        c.store("4", "+FLAGS", "\\Deleted")
        c.expunge()
        self.look()
        # Who compares all of the window fills it up at once, too.
        self.has(phone, "m2", "m4", "m5", *(
            [] if self.d.qresync else ["m1"]))
        self.site.command("mail", "set", self.user, "count", "100")
        self.has(phone, "m0", "m1", "m2", "m4", "m5")
        self.site.command("mail", "set", self.user, "count", "2")
        self.has(phone, "m4", "m5")
        self.assertEqual(len(self.at_server()), 5)

    def test_drafts(self):
        self.account(folders="Drafts")
        phone = self.site.phone(self.user, db="mail/Drafts")
        phone.sync(self.site.port)
        phone.sync(self.site.port, [("Add", "d1", mailphone.letter(
            "To: bob@example.org\r\nSubject: a draft\r\n\r\nso far\r\n"))])
        self.assertEqual(phone.codes, ["201"])
        until("there", lambda: self.at_server("Drafts"))
        self.assertIn("\\Draft", self.at_server("Drafts")["a draft"])
        self.look()
        # It is the one that the phone has, and not another one.
        phone.sync(self.site.port)
        self.assertEqual([c for c in phone.changes if c[0] == "Add"], [])
        self.assertEqual(self.failed(), [])
        phone.sync(self.site.port, [("Delete", "d1")])
        until("gone", lambda: not self.at_server("Drafts"))

    def test_draft_before_the_first_look(self):
        """Of a folder that nobody has seen yet, and that may not be there."""
        self.d.kill()
        try:
            self.site.user(self.user, folders="Drafts")
            phone = self.site.phone(self.user, db="mail/Drafts")
            phone.sync(self.site.port)
            phone.sync(self.site.port, [("Add", "d1", mailphone.letter(
                "To: bob@example.org\r\nSubject: early\r\n\r\nx\r\n"))])
        finally:
            self.d.start()
        self.site.command("mail", "set", self.user, "on", "yes")
        until("there", lambda: self.at_server("Drafts"))
        self.look()
        phone.sync(self.site.port)
        self.assertEqual([c for c in phone.changes if c[0] == "Add"], [])
        self.assertEqual(len(self.at_server("Drafts")), 1)

    def test_remove(self):
        phone = self.account([message("one")])
        self.has(phone, "one")
        self.site.command("mail", "remove", self.user)
        self.has(phone)
        self.assertEqual(list(self.at_server()), ["one"])


class TestOld(TestWay):
    """A server without IDLE's friends: everything is compared."""
    capability, more = dovecot.OLD, "imap_poll = 10\n"

    def behind(self, *subjects):
        """An account whose line goes through our hands: (the way, a client of
        its mailbox)."""
        way = Between(self.d.port)
        self.addCleanup(way.close)
        for x in subjects:
            self.d.deliver(self.user, message(x))
        self.site.command("user", "add", self.user, "--password-stdin",
                          stdin="x\n")
        c = self.d.client(self.user)
        c.create("Sent")
        for k, v in (("host", "127.0.0.1"), ("port", str(way.port)),
                     ("security", "none"), ("folders", "Sent")):
            self.site.command("mail", "set", self.user, k, v)
        self.site.command("mail", "set", self.user, "password",
                          "--password-stdin", stdin=self.d.password + "\n")
        until("the first look", lambda: self.site.state(self.user) == "ok")
        c.select()
        return way, c

    def at_sent(self, way, then):
        """In the next look, when it comes to the folder Sent."""
        def meanwhile(_way, piece):
            if b'SELECT "Sent"' in piece:
                way.event = None
                then()
        way.event = meanwhile

    def test_while_it_looks(self):
        """Flags that change once INBOX was looked at, and before its line
        waits for news: there is no number that tells of them."""
        way, c = self.behind("one")
        phone = self.site.phone(self.user)
        phone.password = "x"
        self.has(phone, "one")
        self.at_sent(way, lambda: c.store("1", "+FLAGS", "\\Flagged"))
        self.d.deliver(self.user, message("two"))
        self.has(phone, "one", "two")

        def told():
            phone.sync(self.site.port)
            return "<flagged>true</flagged>" in phone.got[phone.luid("one")]
        until("flags", told)

    def test_moved_while_it_looks(self):
        """From a folder that was looked at to one that was not yet."""
        way, c = self.behind("one", "copied")
        self.site.command("collection", "add", self.user, "all", "--combine",
                          "mail, mail/Sent, mail/Outbox")
        phone = self.site.phone(self.user, db="all")
        phone.password = "x"
        self.has(phone, "copied", "one")
        luid = phone.luid("one")

        def then():
            c.uid("COPY", "2", "Sent")  # a copy stays one
            self.move(c, "Sent")
        self.at_sent(way, then)
        self.d.deliver(self.user, message("two"))
        seen = []

        def came():
            phone.sync(self.site.port)
            seen.extend(phone.changes)
            return phone.subjects() == ["copied", "copied", "one", "two"]
        until("all", came)
        self.assertEqual([x[0] for x in seen if x[1] == luid], ["Replace"])
        self.assertEqual(phone.parents[luid], "ROOT/S")
        # And nothing comes after it.
        self.look()
        phone.sync(self.site.port)
        self.assertEqual(phone.changes, [])


class TestRest(Base):
    """Little of each mail, and the rest when it is asked for."""

    def letter(self, subject):
        m = email.message.EmailMessage(email.policy.SMTP)
        m["From"], m["To"] = "bob@example.org", "alice@example.org"
        m["Subject"] = subject
        m["Message-ID"] = "<%s@example.org>" % subject
        m.set_content("first line\n" + "and more\n" * 500 + "the end\n")
        m.add_attachment(os.urandom(30000), maintype="image",
                         subtype="png", filename="picture.png")
        return m.as_bytes()

    def text(self, phone, subject):
        return phone.got[phone.luid(subject)]

    def test_rest(self):
        phone = self.account(cap="6000")
        phone.sync(self.site.port)
        self.window("headers")
        letters = {s: self.letter(s) for s in ("one", "two", "three")}
        for raw in letters.values():
            self.d.deliver(self.user, raw)
        self.has(phone, "one", "two", "three")
        for s in letters:
            self.assertNotIn("first line", self.text(phone, s))
            self.assertIn("x-funambol-body", self.text(phone, s))
        # In the sync that asks for it, although the mirror has not got it.
        self.d.deliver(self.user, message("new"))
        phone.fetch(self.site.port, phone.luid("one"))
        self.assertEqual([c[0] for c in phone.changes], ["Replace"])
        whole = letters["one"].decode().partition("\r\n\r\n")[2]
        got = self.text(phone, "one").replace("\r", "")
        self.assertIn(whole.replace("\r", "").strip(), got)
        self.assertNotIn("x-funambol-body", got)
        # The text alone, and what else there is.
        phone.fetch(self.site.port, phone.luid("two"), "texttype")
        self.assertIn("the end", self.text(phone, "two"))
        self.assertNotIn("Content-Disposition", self.text(phone, "two"))
        self.has(phone, "one", "two", "three", "new")
        # A flag takes nothing of it away.
        c = self.d.client(self.user)
        c.select()
        (n,) = c.search(None, "SUBJECT", "one")[1]
        c.store(n, "+FLAGS", "\\Flagged")

        def flagged():
            phone.sync(self.site.port)
            return "<flagged>true" in self.text(phone, "one")
        until("flagged", flagged)
        self.assertIn("Content-Disposition", self.text(phone, "one"))
        # What is shown more of comes by itself, once.
        self.window("text")
        phone.sync(self.site.port)
        self.assertEqual(sorted(c[1] for c in phone.changes), sorted(
            [phone.luid("three"), phone.luid("new")]))
        self.assertIn("and more", self.text(phone, "three"))
        self.assertNotIn("Content-Disposition", self.text(phone, "three"))
        self.assertIn("Content-Disposition", self.text(phone, "one"))
        phone.sync(self.site.port)
        self.assertEqual(phone.changes, [])
        self.assertEqual([(r["what"], r["state"])
                          for r in self.site.done(self.user)],
                         [("fetch", "done")])

    def window(self, parts):
        self.site.command("device", "set", self.user, "IMEI:1", "--db",
                          "mail", "--parts", parts)


class TestWait(Base):
    """A server without IDLE: who asks for mail waits for a look."""
    capability = dovecot.PLAIN
    WAIT_S = 6  # mail_wait
    STALE_S = 3  # SRV_MAIL_STALE_MS

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.gate, cls.blocked = threading.Event(), 0
        cls.gate.set()
        cls.slow = Between(cls.d.tls_port, cls.pass_on)
        text = cls.site.text.replace("imap_port = %d" % cls.d.tls_port,
                                     "imap_port = %d" % cls.slow.port)
        cls.site.configure(text + "imap_poll = 1 d\nmail_wait = %d\n" %
                           cls.WAIT_S)

    @classmethod
    def tearDownClass(cls):
        cls.gate.set()
        cls.slow.close()
        super().tearDownClass()

    def setUp(self):
        super().setUp()
        self.gate.set()

    @classmethod
    def pass_on(cls, _way, _piece):
        cls.blocked += 1
        cls.gate.wait()
        cls.blocked -= 1

    def stale(self):
        """The last look is so long ago that a device starts one."""
        now = time.monotonic()
        until("stale", lambda: time.monotonic() - now > self.STALE_S)

    def synced_in(self, phone):
        began = time.monotonic()
        phone.sync(self.site.port)
        return time.monotonic() - began

    def test_at_once(self):
        phone = self.account([message("one")])
        self.has(phone, "one")
        self.d.deliver(self.user, message("two"))
        self.stale()
        began = time.monotonic()
        self.assertLess(self.synced_in(phone), self.WAIT_S)
        self.assertEqual(phone.subjects(), ["one", "two"])
        # Not once more within some seconds.
        self.d.deliver(self.user, message("three"))
        phone.sync(self.site.port)
        if time.monotonic() - began < self.STALE_S:
            self.assertEqual(phone.subjects(), ["one", "two"])

    def test_not_longer(self):
        """A server that says nothing; and nobody else stands behind it."""
        phone = self.account([message("one")])
        self.has(phone, "one")
        self.d.deliver(self.user, message("two"))
        self.stale()
        self.gate.clear()
        took = []
        t = threading.Thread(target=lambda: took.append(self.synced_in(phone)))
        t.start()
        began = time.monotonic()
        other = mailphone.cards.Phone("IMEI:2", self.user, phone.password)
        other.sync([self.site.port],
                   [("Add", "c1", mailphone.cards.card("Anna"))])
        self.assertLess(time.monotonic() - began, self.WAIT_S / 2)
        t.join()
        self.assertEqual(phone.subjects(), ["one"])
        self.assertGreaterEqual(took[0], self.WAIT_S)
        self.assertLess(took[0], self.WAIT_S + 2)
        # What the look found comes with the next sync.
        self.gate.set()
        until("looked", lambda: "two" in self.mirrored())
        phone.sync(self.site.port)
        self.assertEqual(phone.subjects(), ["one", "two"])

    def mirrored(self):
        return self.site.command("item", "list", self.user, "mail")

    def test_away(self):
        """Nothing to wait for."""
        phone = self.account([message("one")])
        self.has(phone, "one")
        self.stale()
        self.d.kill()
        try:
            phone.sync(self.site.port)
            until("away", lambda: self.site.state(self.user) == "away")
            self.assertLess(self.synced_in(phone), self.WAIT_S / 2)
        finally:
            self.d.start()

    def test_ends_with_it(self):
        """The daemon stops while an answer waits."""
        phone = self.account([message("one")])
        self.has(phone, "one")
        self.stale()
        self.gate.clear()
        answers = []

        def sync():
            try:
                phone.sync(self.site.port)
            except OSError:
                answers.append("gone")
            except mailphone.Failed as e:
                answers.append(str(e))
        t = threading.Thread(target=sync)
        t.start()
        until("it looks", lambda: self.blocked > 0)
        self.site.stop()
        t.join()
        self.site.start()
        # Its first answer came; nobody was there for its next message.
        self.assertEqual(answers, ["gone"])


class TestSending(Base):
    more = ("mail_archive = archive@example.org\nmail_day_messages = 4\n"
            "mail_day_recipients = 8\n")

    def send(self, phone, luid, text):
        phone.sync(self.site.port, [("Add", luid, mailphone.letter(text))])
        return phone.codes

    def outbox(self, **keys):
        self.account(**keys)
        phone = self.site.phone(self.user, db="mail/Outbox")
        phone.sync(self.site.port)
        return phone

    def test_once_and_filed(self):
        phone = self.outbox()
        text = ("To: Bob <bob@example.org>, \"x, y\" <carol@example.org>\r\n"
                "Bcc: dave@example.org\r\nMessage-ID: <r1@phone.example.org>\r\n"
                "Subject: reply\r\n\r\nHi\r\n.\r\n.dot\r\n")
        self.assertEqual(self.send(phone, "o1", text), ["201"])
        until("filed", lambda: "reply" in self.at_server("Sent"))
        helo, sender, to, content = self.sink.mails[0]
        self.assertEqual((helo, sender), ("example.org",
                                          self.user + "@example.org"))
        self.assertEqual(to, ["bob@example.org", "carol@example.org",
                              "dave@example.org", "archive@example.org"])
        mail = email.message_from_bytes(content, policy=email.policy.default)
        self.assertEqual(mail["From"], self.user + "@example.org")
        self.assertEqual(mail["Message-ID"], "<r1@phone.example.org>")
        self.assertIsNone(mail["Bcc"])
        self.assertIsNotNone(mail["Date"])
        self.assertTrue(content.endswith(b"Hi\r\n.\r\n.dot\r\n"))
        # Repeated since its status was lost: nothing leaves.
        phone.sync(self.site.port)
        self.assertIn("o1", [c[1] for c in phone.changes if c[0] == "Delete"])
        self.send(phone, "o1", text)
        self.look()
        self.assertEqual(len(self.sink.mails), 1)
        self.assertEqual(len(self.at_server("Sent")), 1)

    def test_nobody_is_added(self):
        phone = self.outbox()
        self.send(phone, "o1", (
            "To: bob@example.org\r\nSubject: trick\rBcc: eve@example.org\r\n"
            "Resent-To: eve@example.org\r\nResent-Bcc: eve@example.org\r\n"
            "Apparently-To: eve@example.org\r\n"
            "From: eve@example.org\r\nFrom:\r\n"
            "From: " + self.user + "@example.org\r\n"
            "Sender: eve@example.org\r\n"
            "X-A: =?utf-8?Q?=0D=0ABcc:_eve@example.org?=\r\n"
            "Comments: (to: eve@example.org)\r\n\r\n"
            "Bcc: eve@example.org\r\n"))
        until("sent", lambda: self.sink.mails)
        helo, sender, to, content = self.sink.mails[0]
        self.assertEqual(to, ["bob@example.org", "archive@example.org"])
        self.assertEqual(sender, self.user + "@example.org")
        head = content.partition(b"\r\n\r\n")[0]
        self.assertNotIn(b"\nFrom: eve", head)
        self.assertNotIn(b"Sender", head)
        self.assertNotIn(b"Resent", head)

    def test_wrong_recipients(self):
        phone = self.outbox()
        for i, to in enumerate((
                "bob@example.org> RCPT TO:<eve@example.org", "nobody", "",
                "a b@example.org", "bob@example.org\x01", "@example.org",
                "<bob@example.org>, <<eve@example.org>", "nobody@example.org")):
            self.send(phone, "o%d" % i,
                      "To: %s\r\nSubject: s\r\n\r\nx\r\n" % to.replace(
                          "\x01", "\u00fc"))
        until("all failed", lambda: len(self.failed()) >= 8)
        for m in self.sink.mails:
            self.assertNotIn("eve", " ".join(m[2]))

    def test_share_of_the_day(self):
        phone = self.outbox()
        for i in range(6):
            self.send(phone, "o%d" % i, "To: bob@example.org\r\nSubject: s%d"
                      "\r\n\r\nx\r\n" % i)
        until("four", lambda: len(self.sink.mails) >= 4)
        until("two wait", lambda: len([
            r for r in self.site.done(self.user) if "share" in r["reason"]
            and r["state"] == "queued"]) == 2)
        self.look()
        self.assertEqual(len(self.sink.mails), 4)

    def test_refused_and_later(self):
        phone = self.outbox()
        self.sink.hook = lambda server: "554 5.7.1 not this"
        self.send(phone, "o1", "To: bob@example.org\r\nSubject: s\r\n\r\nx\r\n")
        until("failed", self.failed)
        self.assertIn("not this", self.failed()[0]["reason"])
        self.sink.hook = lambda server: "451 4.7.1 later"
        self.send(phone, "o2", "To: bob@example.org\r\nSubject: s\r\n\r\nx\r\n")
        until("waits", lambda: any(
            "later" in r["reason"] and r["state"] == "queued"
            for r in self.site.done(self.user)))
        # What failed stays where its writer sees it.
        phone.sync(self.site.port)
        self.assertEqual(phone.changes, [])

    def test_doubt(self):
        """All went out and no answer came: not once more."""
        phone = self.outbox()
        self.sink.hook = lambda server: server.transport.abort()
        self.send(phone, "o1", "To: bob@example.org\r\nSubject: s\r\n\r\nx\r\n")
        until("failed", self.failed)
        self.assertIn("not known", self.failed()[0]["reason"])
        self.look()
        self.assertEqual(len(self.sink.mails), 1)


class TestTrouble(Base):
    def test_wrong_password(self):
        self.d.deliver(self.user, message("one"))
        self.site.command("user", "add", self.user, "--password-stdin",
                          stdin="x\n")
        self.site.command("mail", "set", self.user, "host", "localhost")
        self.site.command("mail", "set", self.user, "port",
                          str(self.d.tls_port))
        self.site.command("mail", "set", self.user, "password",
                          "--password-stdin", stdin="wr0ng-word\n")
        until("refused", lambda: self.site.state(self.user) == "refused")
        show = self.site.json("mail", "show", self.user)
        self.assertIn("login", show["why"])
        said = self.site.command("mail", "check", self.user, fails=True)
        self.assertIn("login", said)
        self.assertNotIn("wr0ng-word", said)
        # An hour later, and not before: accounts get locked.
        self.assertGreater(
            time.mktime(time.strptime(show["next"], "%Y-%m-%dT%H:%M:%SZ")),
            time.time() - 3600 * 24 + 3000)
        self.site.command("mail", "set", self.user, "password",
                          "--password-stdin", stdin=self.d.password + "\n")
        until("let in", lambda: self.site.state(self.user) == "ok")
        phone = self.site.phone(self.user)
        phone.password = "x"
        self.has(phone, "one")

    def test_server_away(self):
        phone = self.account([message("one")])
        self.has(phone, "one")
        self.d.kill()
        try:
            until("away", lambda: self.site.state(self.user) == "away")
            began = time.monotonic()
            phone.sync(self.site.port, [
                ("Replace", phone.luid("one"), mailphone.flags(read=True))])
            cards = mailphone.cards.Phone("IMEI:1", self.user,
                                          phone.password)
            cards.sync([self.site.port],
                       [("Add", "c1", mailphone.cards.card("Anna"))])
            self.assertLess(time.monotonic() - began, 5)
        finally:
            self.d.start()
        self.site.command("mail", "set", self.user, "on", "yes")
        until("back", lambda: self.site.state(self.user) == "ok")
        until("read", lambda: self.at_server() == {"one": {"\\Seen"}})

    def test_bad_mails(self):
        raw = [
            b"Subject: \xff\xfe eight\r\nFrom: \xe4\xf6@example.org\r\n\r\nx",
            b"no header at all",
            b"",
            b"\r\n\r\n",
            b"Subject: nul\0inside\r\n\r\nbo\0dy\r\n",
            b"Subject: mime\r\nContent-Type: multipart/mixed; boundary=b\r\n"
            b"\r\n--b\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b",
            b"Subject: " + b"x" * 100000 + b"\r\n\r\n",
            b"Message-ID: <" + b"i" * 5000 + b">\r\nSubject: long\r\n\r\n",
            b"Content-Type: text/plain; charset=\"nonsense\"\r\n"
            b"Content-Transfer-Encoding: base64\r\nSubject: ==?\r\n\r\n!!!!",
        ]
        room = "%s/mail/%s/new" % (self.d.dir, self.user)
        self.d.deliver(self.user, message("good"))
        for i, text in enumerate(raw):
            path = "%s/%d.M%d.x" % (room, time.time(), i)
            with open(path, "wb") as f:
                f.write(text)
            os.chmod(path, 0o666)
        phone = self.account()

        def synced():
            phone.sync(self.site.port)
            return "good" in phone.subjects()
        until("the good one", synced)
        self.look()
        # None is fetched again and again, none is missing.
        phone.sync(self.site.port)
        self.assertEqual(phone.changes, [])
        self.assertGreaterEqual(len(phone.got), len(raw))

    def put_big(self, user):
        big = message("big") + b"x" * 76 + b"\r\n"
        big += (b"y" * 76 + b"\r\n") * (50000000 // 78)
        self.d.deliver(user, message("small"))
        name = "%s/mail/%s/new/%d.M1.x" % (self.d.dir, user, time.time())
        with open(name, "wb") as f:
            f.write(big)
        os.chmod(name, 0o666)
        return big

    def test_fifty_megabytes(self):
        big = self.put_big(self.user)
        phone = self.account()
        self.has(phone, "big", "small")
        text = phone.got[phone.luid("big")]
        self.assertLess(len(text), 700000)
        self.assertIn("<XVal>%d</XVal>" % len(big), text[-500:])
        # And somebody wants all of it.
        self.put_big("wants-all")
        self.site.user("wants-all", cap="50000000")
        until("the look", lambda: self.site.state("wants-all") == "ok")
        print("50 MB: the daemon had %d kB at most" % self.site.peak_kb())
        self.assertLess(self.site.peak_kb(), 600000)


class TestKilled(unittest.TestCase):
    def test_at_every_point(self):
        """A mail is read, another deleted, a reply sent; the daemon dies at the
        n-th piece of what it says and hears, for every n."""
        with Dovecot() as d:
            w = kills.Walk(d, FUNICULAR, kills.One)
            n = 1
            while w.killed_at(n):
                n += 1
            w.close()
            print("killed at %d points, in doubt at %d: %s" % (
                n - 1, len(w.doubts), w.doubts))
            self.assertGreater(n, 20)
            # Only what the server had to itself alone can be in doubt.
            self.assertLess(len(w.doubts), 6)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0]] + sys.argv[2:], verbosity=2,
                  warnings="ignore")
