#!/usr/bin/env python3
"""The IMAP line against Dovecot, and against a server that lies.

    test_line.py DRIVE [TEST...]
"""

import os
import socket
import sys
import threading
import unittest

import dovecot
from dovecot import Dovecot, message

from lines import Lines
from ports import free_port

DRIVE = sys.argv[1]
TLS, STARTTLS, PLAIN = 1, 2, 3
FLAGS, FACTS, IDS, BYTES = range(4)
SEEN, ANSWERED, FORWARDED, FLAGGED, DRAFT, DELETED = (1, 2, 4, 8, 16, 32)
TOP = 0xffffffff


class Refused(Exception):
    pass


class Box:
    """The driver; a command gives the lines of its answer, in fields."""

    def __init__(self):
        self.p = Lines(DRIVE)
        self.at = 0

    def __call__(self, *words):
        self.p.say("\t".join(str(w) for w in words))
        end = self.p.wait(lambda s: s == "ok" or s.startswith("err "), 90)
        with self.p.more:
            rows = [r.split("\t") for r in self.p.lines[self.at:]]
            self.at = len(self.p.lines)
        if end != "ok":
            raise Refused(end)
        return rows[:-1]

    def open(self, port, tls=PLAIN, user="alice", secret="", master="",
             ca="", host="localhost", ms=20000):
        return self("open", host, port, tls, ca, user, master, secret, ms)

    def select(self, name="INBOX"):
        return [int(x) for x in self("select", name)[0][1:]]

    def fetch(self, part, low=1, high=TOP, since=0, start=0, cap=0, most=30000):
        return self("fetch", part, low, high, since, start, cap, most)

    def close(self):
        self.p.proc.stdin.close()
        rc = self.p.proc.wait(30)
        if rc != 0:
            raise AssertionError("it ended with %d: %s" % (rc, self.p.err))


class Real(unittest.TestCase):
    capability = ""

    @classmethod
    def setUpClass(cls):
        cls.d = Dovecot(capability=cls.capability).start()

    @classmethod
    def tearDownClass(cls):
        cls.d.close()

    def setUp(self):
        self.box = Box()
        self.addCleanup(self.box.close)
        self.user = self.id().rsplit(".", 1)[-1].replace("_", "-")

    def login(self, select=True):
        self.box.open(self.d.port, user=self.user, secret=self.d.password)
        return self.box.select() if select else None


class TestLogin(Real):
    def test_tls_in_all_manners(self):
        for port, tls in ((self.d.tls_port, TLS), (self.d.port, STARTTLS)):
            self.box.open(port, tls, ca=self.d.ca, secret=self.d.password)
            with self.assertRaisesRegex(Refused, "certificate does not fit"):
                self.box.open(port, tls, ca=self.d.wrong_ca,
                              secret=self.d.password)
            # The right one under a wrong name.
            with self.assertRaisesRegex(Refused, "certificate does not fit"):
                self.box.open(port, tls, ca=self.d.ca, host="127.0.0.1",
                              secret=self.d.password)

    def test_passwords(self):
        with self.assertRaisesRegex(Refused, "err not authenticated"):
            self.box.open(self.d.port, secret="wrong")
        with self.assertRaisesRegex(Refused, "err not authenticated"):
            self.box.open(self.d.port, secret="")
        self.box.open(self.d.port, user="carol", master=dovecot.MASTER,
                      secret=dovecot.MASTER_PASSWORD)
        self.d.deliver("carol", message())
        self.assertEqual(self.box.select()[2], 1)
        with self.assertRaisesRegex(Refused, "err not authenticated"):
            self.box.open(self.d.port, user="carol", master=dovecot.MASTER,
                          secret="guess")

    def test_nobody_there(self):
        with self.assertRaisesRegex(Refused, "err unavailable"):
            self.box.open(free_port(), secret="x")


class TestFolders(Real):
    def test_special_use_and_names(self):
        self.login(select=False)
        names = ("Über & Ünter", "日本語 📧", 'with "quotes" \\ and *')
        for name in names:
            self.box("create", name)
        rows = {r[1]: r for r in self.box("list")}
        self.assertEqual([rows[n][2] for n in
                          ("INBOX", "Sent", "Drafts", "Trash")],
                         ["1", "2", "3", "4"])
        for name in names:
            self.assertIn(name, rows)
            self.assertEqual(self.box("status", name)[0][3], "0")
            self.assertEqual(self.box.select(name)[2], 0)
        with self.assertRaisesRegex(Refused, "err not found"):
            self.box("status", "No such")
        with self.assertRaisesRegex(Refused, "err not found"):
            self.box.select("No such")

    def test_nothing_gets_out_of_its_place(self):
        self.login()
        for name in ('x" NOOP', "x\rF9 LOGOUT", "a\x01b"):
            try:
                self.box("status", name)
            except Refused as e:
                self.assertIn("err not found", str(e))
        self.assertEqual(self.box("search-id", 'a" OR ALL "b')[0][1:], [])
        self.assertEqual(self.box("search-id", "ü\x7f")[0][1:], [])
        self.assertEqual(len(self.box("list")), 4)


class TestMessages(Real):
    def test_the_whole_way(self):
        ids = ["m%d@example.org" % i for i in range(3)]
        for i in ids:
            self.d.deliver(self.user, message(ident=i, body="ü" * 500))
        validity, uidnext, exists, modseq = self.login()
        self.assertEqual((exists, uidnext), (3, 4))
        self.assertGreater(validity, 0)
        rows = self.box.fetch(FACTS)
        self.assertEqual([r[1] for r in rows], ["1", "2", "3"])
        self.assertTrue(all(int(r[4]) > 500 and int(r[5]) > 1e12
                            for r in rows))
        rows = self.box.fetch(IDS)
        self.assertEqual([bytes.fromhex(r[7]).split(b"<")[1].split(b">")[0]
                          for r in rows], [i.encode() for i in ids])
        size = int(rows[0][4])
        whole = self.box.fetch(BYTES, 1, 1, cap=size + 100)
        self.assertEqual(int(whole[0][6]), size)
        piece = self.box.fetch(BYTES, 1, 1, start=10, cap=20)
        self.assertEqual(bytes.fromhex(piece[0][7]),
                         bytes.fromhex(whole[0][7])[10:30])
        # Nothing was marked as read by looking.
        self.assertEqual([r[2] for r in self.box.fetch(FLAGS)], ["0"] * 3)
        self.box("store", 2, SEEN | FORWARDED | FLAGGED, 0)
        self.box("store", 2, ANSWERED, FLAGGED)
        self.assertEqual(self.box.fetch(FLAGS, 2, 2)[0][2],
                         str(SEEN | ANSWERED | FORWARDED))
        self.assertEqual(self.box("search", 0, 0)[0][1:], ["1", "2", "3"])
        self.assertEqual(self.box("search", 2, 0)[0][1:], ["2", "3"])
        self.assertEqual(self.box("search", 0, 4102444800000)[0][1:], [])
        self.assertEqual(self.box("search-id", ids[1])[0][1:], ["2"])
        self.box("move", 2, "Trash")
        self.assertEqual(self.box("search", 0, 0)[0][1:], ["1", "3"])
        self.box("expunge", 1)
        self.assertEqual(self.box("search", 0, 0)[0][1:], ["3"])
        self.assertEqual(self.box.select("Trash")[2], 1)
        self.assertEqual(self.box.fetch(FLAGS)[0][2],
                         str(SEEN | ANSWERED | FORWARDED))
        # Beyond the last one there is nothing, whatever n:* says.
        self.assertEqual(self.box.fetch(FLAGS, 5, TOP), [])

    def test_append(self):
        self.login()
        path = self.d.dir + "/append.eml"
        with open(path, "wb") as f:
            f.write(message(ident="draft@example.org"))
        uid = self.box("append", "Drafts", DRAFT | SEEN, path)[0][1]
        self.box.select("Drafts")
        if "UIDPLUS" in (self.capability or "UIDPLUS"):
            self.assertEqual(uid, "1")
        self.assertEqual(self.box.fetch(FLAGS)[0][2], str(DRAFT | SEEN))
        with self.assertRaisesRegex(Refused, "err not found"):
            self.box("append", "No such", 0, path)
        with open(path, "ab") as f:
            f.write(b"\0")
        with self.assertRaisesRegex(Refused, "NUL"):
            self.box("append", "Drafts", 0, path)

    def test_idle(self):
        self.login()
        self.box("idle")
        self.d.deliver(self.user, message())
        self.assertEqual(self.box("wait", 20000)[0][1], "1")
        self.box("done")
        self.assertEqual(self.box("search", 0, 0)[0][1:], ["1"])
        self.box("idle")
        self.assertEqual(self.box("done")[0][1], "0")


    def test_idle_and_other_folders(self):
        self.d.deliver(self.user, message())
        self.login()
        for name in ("Zürich", "Sent"):
            if name != "Sent":
                self.box("create", name)
        c = self.d.client(self.user)
        for name, wire in (("Zürich", "Z&APw-rich"), ("Sent", "Sent")):
            known = []
            for n in ("Zürich", "Sent"):
                _, _, uidnext, _, modseq = self.box("status", n)[0]
                known += [n, uidnext, modseq]
            # Nothing is news twice.
            self.assertEqual(self.box("idle", *known),
                             [["told", self.told]] * 2)
            self.assertEqual(self.box("wait", 300)[0][1], "0")
            c.append(wire, None, None, message())
            self.assertEqual(self.box("wait", self.told_ms)[0][1], self.told)
            self.box("done")
            # What came before we wait is told, too.
            self.box("idle", *known)
            self.assertEqual(self.box("done")[0][1], self.told)
            self.assertEqual(self.box("search", 0, 0)[0][1:], ["1"])
        c.select("Sent")
        _, _, uidnext, _, modseq = self.box("status", "Sent")[0]
        self.box("idle", "Sent", uidnext, modseq)
        c.store("1", "+FLAGS", "\\Flagged")
        self.assertEqual(self.box("wait", self.told_ms)[0][1], self.told)
        self.box("done")

    told, told_ms = "1", 20000


class TestChanges(Real):
    def test_only_what_changed(self):
        for _ in range(20):
            self.d.deliver(self.user, message())
        _, _, _, modseq = self.login()
        other = self.d.client(self.user)
        other.select()
        other.store("7", "+FLAGS", "\\Seen")
        other.store("3", "+FLAGS", "\\Deleted")
        other.expunge()
        _, _, exists, after = self.box.select()
        self.assertEqual(exists, 19)
        self.assertGreater(after, modseq)
        rows = self.box.fetch(FLAGS, since=modseq)
        self.assertEqual([r[1:3] for r in rows if r[0] == "msg"],
                         [["7", str(SEEN)]])
        self.assertEqual([r for r in rows if r[0] == "gone"],
                         [["gone", "3", "3"]])
        self.assertEqual(self.box.fetch(FLAGS, since=after), [])


class TestOldServer(TestMessages):
    capability = dovecot.OLD
    told, told_ms = "0", 300


class TestPoorServer(TestFolders):
    capability = dovecot.PLAIN


# ---- a server that lies ------------------------------------------------------

class Liar:
    """Says what it is told to: {command: answer}, or a function of the line."""

    def __init__(self, answers, greeting=b"* OK hello\r\n"):
        self.s = socket.socket()
        self.s.bind(("127.0.0.1", 0))
        self.s.listen(5)
        self.port = self.s.getsockname()[1]
        self.answers, self.greeting = answers, greeting
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                c, _ = self.s.accept()
            except OSError:
                return
            try:
                self.talk(c)
            except OSError:
                pass
            c.close()

    def talk(self, c):
        c.sendall(self.greeting)
        for line in c.makefile("rb"):
            tag, _, rest = line.strip().partition(b" ")
            word = rest.split(b" ")[0].decode("latin1")
            if word == "UID":
                word += " " + rest.split(b" ")[1].decode()
            answer = self.answers.get(word, b"")
            if answer is None:
                return
            if callable(answer):
                answer(c, tag)
                continue
            c.sendall(answer)
            c.sendall(tag + b" OK done\r\n")

    def close(self):
        self.s.close()


SELECTED = b"* 3 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT 4] x\r\n"


class TestLies(unittest.TestCase):
    def setUp(self):
        self.box = Box()
        self.addCleanup(self.box.close)

    def liar(self, **answers):
        say = {"SELECT": SELECTED}
        say.update({k.replace("_", " "): v for k, v in answers.items()})
        s = Liar(say)
        self.addCleanup(s.close)
        self.box.open(s.port, secret="x", ms=2000)
        self.box.select()
        return s

    def refused(self, why, *words):
        with self.assertRaisesRegex(Refused, why):
            self.box(*words)

    def test_nested_lists(self):
        """libetpan's end."""
        self.liar(UID_FETCH=b"* 1 FETCH (UID 1 BODYSTRUCTURE " +
                  b"(" * 100000 + b")" * 100000 + b" FLAGS (\\Seen))\r\n")
        self.assertEqual(self.box.fetch(FLAGS)[0][1:3], ["1", "1"])

    def test_a_line_without_end(self):
        def pour(c, _):
            while True:
                c.sendall(b"a" * 100000)
        for word in ("UID_FETCH", "UID_SEARCH", "STATUS"):
            for start in (b"* 1 FETCH (UID 1 BODYSTRUCTURE \"", b"* OK ",
                          b"* LIST (", b"* SEARCH 1", b"+ ", b"F",
                          b"* 1 FETCH (FLAGS ("):
                def answer(c, tag, start=start):
                    c.sendall(start)
                    pour(c, tag)
                self.liar(**{word: answer})
                with self.assertRaisesRegex(Refused, "more than|no sense"):
                    {"UID_FETCH": lambda: self.box.fetch(FLAGS, most=10),
                     "UID_SEARCH": lambda: self.box("search-id", "x"),
                     "STATUS": lambda: self.box("status", "x")}[word]()
        self.assertLess(int(self.box("memory")[0][1]), 400000)

    def test_sizes_that_lie(self):
        for size in (b"2000000000", b"99999999999999999999", b"-1", b""):
            self.liar(UID_FETCH=b"* 1 FETCH (UID 1 BODY[]<0> {" + size +
                      b"}\r\nabc)\r\n")
            with self.assertRaisesRegex(Refused, "longer|no sense"):
                self.box.fetch(BYTES, 1, 1, cap=1000, most=1)
        # Longer than asked for, and shorter than told.
        self.liar(UID_FETCH=b"* 1 FETCH (UID 1 BODY[]<0> {2000}\r\n" +
                  b"a" * 2000 + b")\r\n")
        with self.assertRaisesRegex(Refused, "longer"):
            self.box.fetch(BYTES, 1, 1, cap=1000, most=1)
        self.liar(UID_FETCH=b"* 1 FETCH (UID 1 BODY[]<0> {500}\r\nabc)\r\n")
        with self.assertRaisesRegex(Refused, "no sense|in time"):
            self.box.fetch(BYTES, 1, 1, cap=1000, most=1)

    def test_more_than_asked_for(self):
        rows = b"".join(b"* %d FETCH (UID %d FLAGS ())\r\n" % (i, i)
                        for i in range(1, 1000))
        self.liar(UID_FETCH=rows)
        with self.assertRaisesRegex(Refused, "more messages"):
            self.box.fetch(FLAGS, most=10)
        for answer in (b"* SEARCH 1" + b" 2" * 40000 + b"\r\n",
                       b"* SEARCH" + b" 7" * 1000000 + b"\r\n"):
            self.liar(UID_SEARCH=answer)
            self.refused("lists more|sends more", "search", 0, 0)
            self.refused("lists more|sends more", "search", 0, 0)
        self.liar(LIST=b'* LIST () "/" x\r\n' * 3000)
        self.refused("lists more", "list")
        # Others than those asked for are left out.
        self.liar(UID_FETCH=rows)
        self.assertEqual(len(self.box.fetch(FLAGS, 5, 7, most=2000)), 3)

    def test_news_among_answers(self):
        """What somebody else changes meanwhile is no answer, and is heard."""
        def fetch(c, tag):
            c.sendall(b"* 2 FETCH (FLAGS (\\Seen))\r\n"
                      b"* 3 FETCH (UID 3 FLAGS ())\r\n"
                      b"* 1 FETCH (UID 1 FLAGS ())\r\n"
                      b"* 2 FETCH (UID 2 FLAGS ())\r\n"
                      b"* 3 FETCH (UID 3 FLAGS (\\Seen))\r\n"
                      + tag + b" OK done\r\n")

        def idle(c, tag):
            c.sendall(b"+ idling\r\n")
            self.tag = tag

        def done(c, tag):
            c.sendall(self.tag + b" OK done\r\n")
        self.liar(UID_FETCH=fetch, IDLE=idle, **{"": done})  # no tag
        # By UID, each once, as it was last said.
        self.assertEqual([r[1:3] for r in self.box.fetch(FLAGS)],
                         [["1", "0"], ["2", "0"], ["3", str(SEEN)]])
        self.box("idle")
        self.assertEqual(self.box("done")[0][1], "1")
        # Bytes were asked for, and flags are none.
        self.assertEqual(self.box.fetch(BYTES, cap=10), [])

    def test_silence_and_hanging_up(self):
        self.liar(UID_FETCH=lambda c, tag: None)
        with self.assertRaisesRegex(Refused, "in time"):
            self.box.fetch(FLAGS)
        self.liar(UID_FETCH=None)
        with self.assertRaisesRegex(Refused, "hung up"):
            self.box.fetch(FLAGS)
        self.refused("hung up", "search", 0, 0)
        self.liar(UID_FETCH=lambda c, tag: (c.sendall(
            b"* BYE enough\r\n"), c.close(), c.shutdown(2)))
        with self.assertRaises(Refused):
            self.box.fetch(FLAGS)

    def test_bye_at_any_moment(self):
        """Before, within and instead of the answer to each command; and a line
        that ends in a wait."""
        ask = {
            "SELECT": lambda: self.box.select(),
            "STATUS": lambda: self.box("status", "x"),
            "LIST": lambda: self.box("list"),
            "CREATE": lambda: self.box("create", "x"),
            "UID_SEARCH": lambda: self.box("search", 0, 0),
            "UID_FETCH": lambda: self.box.fetch(BYTES, 1, 1, cap=10, most=1),
            "UID_STORE": lambda: self.box("store", 3, SEEN, 0),
            "UID_COPY": lambda: self.box("move", 3, "x"),
            "APPEND": lambda: self.box("append", "x", 0, self.dir + "/good.pem"),
            "IDLE": lambda: (self.box("idle"), self.box("wait", 3000),
                             self.box("done")),
            "NOTIFY": lambda: self.box("idle", "Sent", 1, 1),
        }
        for word, call in ask.items():
            for said in (b"* BYE enough\r\n", b"* BYE [UNAVAILABLE] {5}\r\n",
                         b"* 1 FETCH (UID 1 BODY[] {10}\r\n* BYE x\r\n",
                         b"+ go on\r\n* BYE now\r\n"):
                def bye(c, tag, said=said):
                    c.sendall(said)
                    c.shutdown(socket.SHUT_RDWR)
                if word == "SELECT":
                    s = Liar({"SELECT": bye})
                    self.addCleanup(s.close)
                    self.box.open(s.port, secret="x", ms=2000)
                else:
                    self.liar(**{word: bye, "CAPABILITY": b"* CAPABILITY "
                                 b"IMAP4rev1 IDLE NOTIFY\r\n"})
                with self.assertRaises(Refused, msg=(word, said)):
                    call()
                self.refused("hung up|goodbye|no sense", "list")

    def test_cut_anywhere(self):
        whole = (b"* 1 FETCH (UID 1 FLAGS (\\Seen $Forwarded) RFC822.SIZE 3 "
                 b"INTERNALDATE \"17-Jul-1996 02:44:25 -0700\" "
                 b"BODY[]<0> {3}\r\nabc)\r\n* VANISHED 1:3,9\r\n"
                 b"F99 OK [HIGHESTMODSEQ 12] done\r\n")
        for n in range(0, len(whole), 7):
            def cut(c, tag, n=n):
                c.sendall(whole[:n])
                c.shutdown(socket.SHUT_RDWR)
            self.liar(UID_FETCH=cut)
            with self.assertRaises(Refused):
                self.box.fetch(BYTES, 1, 1, cap=10, most=1)

    def test_nonsense(self):
        for junk in (b"\r\n", b"*\r\n", b"* \r\n", b"* 1\r\n", b"\0\0\0\r\n",
                     b"* 1 FETCH (UID)\r\n", b"* 1 FETCH UID 1\r\n",
                     b"* 1 FETCH (BODY[)\r\n", b"* VANISHED x\r\n",
                     b"F1 OK\r\n", b"+\r\nF0 OK x\r\n", b"* STATUS x (\r\n",
                     b"* 1 FETCH (UID 1 FLAGS (\\Seen\r\n",
                     b"\xff\xfe\xfd * OK\r\n"):
            self.liar(UID_FETCH=junk)
            try:
                self.box.fetch(FLAGS)
            except Refused:
                pass

    def test_told_what_was_not_asked(self):
        """Of any folder, in any command; and NOTIFY that is none."""
        noise = (b"* STATUS Sent (MESSAGES 9 UIDNEXT 99 UIDVALIDITY 1)\r\n"
                 b"* 2 EXPUNGE\r\n* 7 EXISTS\r\n* 1 RECENT\r\n* VANISHED 3\r\n"
                 b"* 1 FETCH (FLAGS (\\Seen))\r\n* FLAGS (\\Seen)\r\n"
                 b"* SEARCH\r\n* LIST () \"/\" x\r\n* CAPABILITY IMAP4rev1\r\n")
        self.liar(SELECT=noise + SELECTED, STATUS=noise + b"* STATUS x (UIDNEXT"
                  b" 5 MESSAGES 4 UIDVALIDITY 3)\r\n", LIST=noise,
                  UID_SEARCH=noise + b"* SEARCH 3 1\r\n" + noise,
                  UID_FETCH=noise + b"* 3 FETCH (UID 3 FLAGS ())\r\n" + noise,
                  UID_STORE=noise, UID_COPY=noise, APPEND=noise)
        self.assertEqual(self.box.select(), [7, 4, 3, 0])
        self.assertEqual(self.box("status", "x")[0][1:4], ["3", "5", "4"])
        self.assertEqual([r[1] for r in self.box("list")], ["x"])
        self.assertEqual(self.box("search", 0, 0)[0][1:], ["1", "3"])
        self.assertEqual(self.box.fetch(FLAGS)[0][1:3], ["3", "0"])
        self.box("store", 3, SEEN, 0)
        self.box("move", 3, "x")

    def test_notify_that_is_none(self):
        def plus(c, _):
            c.sendall(b"+ go\r\n")
        for answer in (lambda c, tag: c.sendall(tag + b" NO no\r\n"),
                       lambda c, tag: c.sendall(tag + b" BAD what\r\n")):
            self.liar(CAPABILITY=b"* CAPABILITY IMAP4rev1 IDLE NOTIFY\r\n",
                      NOTIFY=answer, IDLE=plus)
            self.assertEqual(self.box("idle", "Sent", 5, 0), [["told", "0"]])
        # It stands otherwise than we know; as we know; another one.
        for said, news in ((b"Sent (UIDNEXT 6)", "1"),
                           (b"Sent (UIDNEXT 5)", "0"),
                           (b"{4}\r\nSent (HIGHESTMODSEQ 2 UIDNEXT 5)", "1"),
                           (b"Trash (UIDNEXT 6)", "0")):
            self.liar(CAPABILITY=b"* CAPABILITY IMAP4rev1 IDLE NOTIFY\r\n",
                      NOTIFY=b"* STATUS " + said + b"\r\n", IDLE=plus)
            told = self.box("idle", "Sent", 5, 1)
            self.assertEqual(told, [["told", str(int(b"Sent" in said))]])
            self.assertEqual(self.box("wait", 100)[0][1], news)

    def test_starttls_stripped_or_stuffed(self):
        s = Liar({"CAPABILITY": b"* CAPABILITY IMAP4rev1\r\n"})
        self.addCleanup(s.close)
        ca = os.path.join(self.dir, "good.pem")
        with self.assertRaisesRegex(Refused, "no STARTTLS"):
            self.box.open(s.port, STARTTLS, ca=ca, secret="x")

        def stuffed(c, tag):
            c.sendall(tag + b" OK go\r\n* CAPABILITY IMAP4rev1\r\n")
        s = Liar({"CAPABILITY": b"* CAPABILITY IMAP4rev1 STARTTLS\r\n",
                  "STARTTLS": stuffed})
        self.addCleanup(s.close)
        with self.assertRaisesRegex(Refused, "in front of STARTTLS"):
            self.box.open(s.port, STARTTLS, ca=ca, secret="x")

    def test_not_without_tls(self):
        with self.assertRaisesRegex(Refused, "imap_allow_plain|in time|no con"):
            self.box.open(143, PLAIN, host="192.0.2.1", secret="x", ms=1000)

    def test_logins_that_fail_for_now(self):
        for code, want in ((b"[UNAVAILABLE] later", "una"),
                           (b"[AUTHENTICATIONFAILED] no", "not auth"),
                           (b"no", "not auth")):
            s = Liar({"LOGIN": lambda c, tag: c.sendall(
                tag + b" NO " + code + b"\r\n")})
            self.addCleanup(s.close)
            with self.assertRaisesRegex(Refused, "err " + want):
                self.box.open(s.port, secret="x")

    @classmethod
    def setUpClass(cls):
        import tempfile
        cls.dir = tempfile.mkdtemp(prefix="funicular-liar-")
        dovecot.certificate(cls.dir, "good", "localhost")

    @classmethod
    def tearDownClass(cls):
        import shutil
        shutil.rmtree(cls.dir)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0]] + sys.argv[2:], verbosity=2,
                  warnings="ignore")
