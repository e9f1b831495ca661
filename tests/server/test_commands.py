#!/usr/bin/env python3
"""The administrator's commands: the real program on a store of its own.

usage: test_commands.py FUNICULAR SEED
"""

import json
import os
import pty
import re
import select
import shutil
import sqlite3
import stat
import subprocess
import sys
import tempfile
import unittest

FUNICULAR = SEED = None

OK, FAILED, USAGE, NOTFOUND, FINDINGS, CONFIG, UNAVAILABLE = range(7)

CARD = ("BEGIN:VCARD\r\nVERSION:3.0\r\nUID:%s\r\nN:%s;%s;;;\r\nFN:%s %s\r\n"
        "TEL;TYPE=CELL:%s\r\nEND:VCARD\r\n")
EVENT = ("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//T//T//EN\r\n"
         "BEGIN:VEVENT\r\nUID:%s\r\nDTSTAMP:20260101T000000Z\r\n"
         "DTSTART:20260301T090000Z\r\nDTEND:20260301T100000Z\r\n"
         "SUMMARY:%s\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n")
ZONED = ("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//T//T//EN\r\n"
         "BEGIN:VTIMEZONE\r\nTZID:Europe/Berlin\r\nBEGIN:STANDARD\r\n"
         "DTSTART:19701025T030000\r\nRRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU"
         "\r\nTZOFFSETFROM:+0200\r\nTZOFFSETTO:+0100\r\nEND:STANDARD\r\n"
         "BEGIN:DAYLIGHT\r\nDTSTART:19700329T020000\r\n"
         "RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU\r\nTZOFFSETFROM:+0100\r\n"
         "TZOFFSETTO:+0200\r\nEND:DAYLIGHT\r\nEND:VTIMEZONE\r\n"
         "BEGIN:VEVENT\r\nUID:%s\r\nDTSTAMP:20260101T000000Z\r\n"
         "DTSTART;TZID=Europe/Berlin:20260301T090000\r\n"
         "DTEND;TZID=Europe/Berlin:20260301T100000\r\n"
         "RRULE:FREQ=WEEKLY;COUNT=60\r\n"
         "SUMMARY:%s\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n")
TODO = ("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//T//T//EN\r\n"
        "BEGIN:VTODO\r\nUID:%s\r\nDTSTAMP:20260101T000000Z\r\n"
        "SUMMARY:%s\r\nEND:VTODO\r\nEND:VCALENDAR\r\n")


def card(n, tel="+49 30 1000"):
    return CARD % ("uid-%d" % n, "Last%d" % n, "First%d" % n, "First%d" % n,
                   "Last%d" % n, tel + str(n))


class Site(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="funicular-commands-")
        self.conf = self.path("funicular.conf")
        self.write("funicular.conf",
                   "store = sqlite:%s\nstate_dir = %s\nkey_file = %s\n"
                   % (self.path("db"), self.path("state"),
                      self.path("state/key")))

    def tearDown(self):
        shutil.rmtree(self.dir)

    def path(self, name):
        return os.path.join(self.dir, name)

    def write(self, name, text):
        with open(self.path(name), "wb") as f:
            f.write(text if isinstance(text, bytes) else text.encode())
        return self.path(name)

    def read(self, name):
        with open(self.path(name), "rb") as f:
            return f.read().decode()

    def call(self, *args, stdin=""):
        return subprocess.run([FUNICULAR, "--config", self.conf, *args],
                              input=stdin.encode(), stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=120)

    def run_(self, *args, code=OK, stdin=""):
        """Run it, check the exit code, give what it printed."""
        p = self.call(*args, stdin=stdin)
        self.assertEqual(p.returncode, code, "%s: %s%s" % (
            " ".join(args), p.stdout.decode(), p.stderr.decode()))
        if code != OK:
            self.assertIn(b"funicular:", p.stderr)
        else:
            self.assertEqual(p.stderr, b"")
        return p.stdout.decode()

    def refused(self, *args, code, says, stdin=""):
        p = self.call(*args, stdin=stdin)
        self.assertEqual(p.returncode, code, p.stderr.decode())
        self.assertIn(says, p.stderr.decode())
        self.assertEqual(p.stdout, b"")

    def json(self, *args, code=OK, stdin=""):
        p = self.call(*args, "--json", stdin=stdin)
        self.assertEqual(p.returncode, code, p.stderr.decode())
        return json.loads(p.stdout.decode())

    def anna(self):
        self.run_("user", "add", "anna", "--password-stdin",
                  "--zone", "Europe/Berlin", stdin="s3cret\n")

    def items(self, collection, *more):
        return self.json("item", "list", "anna", collection, *more)


class User(Site):
    def test_add_and_show(self):
        self.anna()
        u = self.json("user", "show", "Anna")
        self.assertEqual(u["user"], "anna")
        self.assertEqual(u["zone"], "Europe/Berlin")
        self.assertEqual(u["state"], "enabled")
        self.assertIsNone(u["quota_bytes"])
        self.assertEqual([(c["kind"], c["md5"]) for c in u["credentials"]],
                         [("password", False)])
        self.assertRegex(self.run_("user", "show", "anna"),
                         r"time zone +Europe/Berlin\n")
        self.refused("user", "add", "ANNA", "--generate", code=FAILED,
                  says="already")

    def test_default_databases(self):
        self.anna()
        c = {x["name"]: x for x in self.json("collection", "list", "anna")}
        self.assertEqual(set(c), {"contacts", "calendar", "tasks", "notes",
                                  "caltask"})
        self.assertEqual(c["caltask"]["shows"], ["calendar", "tasks"])
        self.assertEqual(c["caltask"]["kinds"], ["event", "todo"])
        for name, alias in (("contacts", "card addressbook scard contact card3"),
                            ("calendar", "cal event events scal"),
                            ("tasks", "task todo stask todos"),
                            ("notes", "note memo memos snote"),
                            ("caltask", "agenda caltodo calendar+tasks")):
            for a in alias.split():
                self.assertIn(a, c[name]["aliases"])
        names = [n.lower() for x in c.values()
                 for n in [x["name"]] + x["aliases"]]
        self.assertEqual(len(names), len(set(names)))

    def test_passwords(self):
        f = self.write("pw", "from file\n")
        self.run_("user", "add", "f", "--password-file", f)
        self.run_("user", "add", "n", "--no-password")
        self.assertEqual(self.json("user", "show", "n")["credentials"], [])
        made = self.run_("user", "add", "g", "--generate").strip()
        self.assertRegex(made, r"^[a-z2-7]{26}$")
        again = self.json("user", "passwd", "g", "--generate", "--md5")
        self.assertRegex(again["password"], r"^[a-z2-7]{26}$")
        self.assertNotEqual(again["password"], made)
        self.assertEqual([c["md5"] for c in
                          self.json("user", "show", "g")["credentials"]],
                         [True])
        self.run_("user", "passwd", "g", "--password-stdin", stdin="x\n")
        self.assertEqual([c["md5"] for c in
                          self.json("user", "show", "g")["credentials"]],
                         [False])

    def test_bad_passwords(self):
        for text in ("", "\n", "x" * 1025 + "\n"):
            self.refused("user", "add", "b", "--password-stdin", code=FAILED,
                      says="password", stdin=text)
        p = subprocess.run([FUNICULAR, "--config", self.conf, "user", "add",
                            "b", "--password-stdin"], input=b"\xff\n",
                           stderr=subprocess.PIPE)
        self.assertEqual(p.returncode, FAILED)
        self.assertIn(b"UTF-8", p.stderr)
        self.refused("user", "add", "b", "--password-file", "/nonexistent/f",
                  code=FAILED, says="cannot open")
        self.refused("user", "add", "b", "--password-stdin", "--generate",
                  code=USAGE, says="only one")
        self.refused("user", "add", "b", "--no-password", "--md5", code=USAGE,
                  says="--no-password")
        self.assertEqual(self.json("user", "list"), [])

    def test_never_in_argv(self):
        p = self.call("user", "add", "b", "--password", "secret")
        self.assertEqual(p.returncode, USAGE)
        p = self.call("user", "add", "b", "secret")
        self.assertEqual(p.returncode, USAGE)

    def test_no_terminal(self):
        p = subprocess.run([FUNICULAR, "--config", self.conf, "user", "add",
                            "b"], stdin=subprocess.DEVNULL,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                           start_new_session=True)
        self.assertEqual(p.returncode, USAGE)
        self.assertIn(b"--password-stdin", p.stderr)

    def terminal(self, answers, *args):
        """Run it on a terminal: (prompt, answer) pairs; what it showed."""
        pid, fd = pty.fork()
        if pid == 0:
            os.execv(FUNICULAR, [FUNICULAR, "--config", self.conf, *args])
        seen = b""
        left = list(answers)
        while True:
            if not select.select([fd], [], [], 60)[0]:
                os.kill(pid, 9)
                self.fail("the program hangs: %r" % seen)
            try:
                more = os.read(fd, 4096)
            except OSError:
                more = b""
            if not more:
                break
            seen += more
            if left and left[0][0].encode() in seen:
                os.write(fd, left.pop(0)[1].encode())
        os.close(fd)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), seen.decode()

    def test_terminal(self):
        code, seen = self.terminal([("Password for t: ", "Geheim1\n"),
                                    ("Once more: ", "Geheim1\n")],
                                   "user", "add", "t")
        self.assertEqual(code, OK, seen)
        self.assertNotIn("Geheim1", seen)
        code, seen = self.terminal([("Password for t: ", "Geheim1\n"),
                                    ("Once more: ", "Geheim2\n")],
                                   "user", "passwd", "t")
        self.assertEqual(code, FAILED)
        self.assertIn("differ", seen)
        code, seen = self.terminal([("Password for t: ", "Ge\x03")],
                                   "user", "passwd", "t")
        self.assertEqual(code, FAILED)
        code, seen = self.terminal([("Type yes", "no\n")],
                                   "user", "remove", "t", "--erase")
        self.assertEqual(code, FAILED)
        self.assertEqual(len(self.json("user", "list")), 1)
        code, seen = self.terminal([("Type yes", "yes\n")],
                                   "user", "remove", "t", "--erase")
        self.assertEqual(code, OK, seen)
        self.assertEqual(self.json("user", "list"), [])

    def test_names(self):
        for name, says in (("a:b", "colon"), (" a", "blank"), ("", "bytes"),
                           ("x" * 256, "bytes"), ("a\tb", "control")):
            self.refused("user", "add", name, "--generate", code=USAGE,
                      says=says)
        self.run_("user", "add", "jürgen", "--no-password")
        self.run_("user", "add", "--no-password", "--", "-x")
        self.assertEqual({u["user"] for u in self.json("user", "list")},
                         {"jürgen", "-x"})
        p = subprocess.run([FUNICULAR.encode(), b"--config",
                            self.conf.encode(), b"user", b"add", b"\xff",
                            b"--no-password"], stderr=subprocess.PIPE)
        self.assertEqual(p.returncode, USAGE)

    def test_set(self):
        self.anna()
        self.run_("user", "set", "anna", "--quota-bytes", "5M",
                  "--quota-items=20", "--zone", "UTC")
        u = self.json("user", "show", "anna")
        self.assertEqual((u["quota_bytes"], u["quota_items"], u["zone"]),
                         (5000000, 20, "UTC"))
        self.run_("user", "set", "anna", "--quota-bytes", "0", "--name",
                  "Annabel")
        self.assertIsNone(self.json("user", "show", "annabel")["quota_bytes"])
        self.refused("user", "show", "anna", code=NOTFOUND, says="no user")
        for bad in ("-1", "x", "1.5", "", "9999999999G"):
            self.refused("user", "set", "annabel", "--quota-bytes", bad,
                      code=USAGE, says="whole number")
        self.refused("user", "set", "annabel", "--zone", "Mars/Base",
                  code=USAGE, says="Europe/Berlin")
        self.refused("user", "set", "annabel", code=USAGE, says="what shall")

    def test_disable_and_remove(self):
        self.anna()
        self.run_("user", "disable", "anna")
        self.assertEqual(self.json("user", "list")[0]["state"], "disabled")
        self.run_("user", "enable", "anna")
        self.assertEqual(self.json("user", "list")[0]["state"], "enabled")
        says = self.run_("user", "remove", "anna")
        self.assertIn("nothing was erased", says)
        self.assertEqual(self.json("user", "list")[0]["state"], "disabled")
        self.refused("user", "remove", "anna", "--erase", code=USAGE,
                  says="--yes")
        self.run_("user", "remove", "anna", "--erase", "--yes")
        self.assertEqual(self.json("user", "list"), [])
        self.refused("user", "remove", "anna", code=NOTFOUND, says="no user")

    def test_table(self):
        self.anna()
        self.run_("user", "add", "b", "--no-password", "--quota-items", "7")
        lines = self.run_("user", "list").rstrip("\n").split("\n")
        self.assertEqual(len(lines), 3)
        self.assertEqual(lines[0].split()[0], "USER")
        at = lines[0].index("ZONE")
        self.assertEqual(lines[1][at:at + 13], "Europe/Berlin")
        self.assertEqual(lines[2][at:at + 3], "UTC")


class Device(Site):
    def setUp(self):
        super().setUp()
        self.anna()

    def seed(self):
        subprocess.run([SEED, "sqlite:" + self.path("db"), "anna"],
                       check=True)

    def test_add(self):
        secret = self.run_("device", "add", "anna", "Anna's phone").strip()
        self.assertRegex(secret, r"^[a-z2-7]{26}$")
        other = self.json("device", "add", "anna", "car", "--md5",
                          "--device-id", "IMEI:9")
        self.assertRegex(other["secret"], r"^[a-z2-7]{26}$")
        self.assertNotEqual(other["secret"], secret)
        got = {d["label"]: d for d in self.json("device", "list", "anna")}
        self.assertEqual(got["car"]["device"], "IMEI:9")
        self.assertEqual(got["Anna's phone"]["state"], "not yet seen")
        self.assertTrue(self.json("device", "show", "anna", "car")["md5"])
        self.assertFalse(self.json("device", "show", "anna",
                                   "Anna's phone")["md5"])
        self.refused("device", "add", "anna", "car", code=FAILED,
                  says="already")
        self.refused("device", "add", "nobody", "x", code=NOTFOUND,
                  says="no user")
        self.refused("device", "add", "anna", "", code=USAGE, says="label")
        # neither the secret nor its like is in any file
        for root, _, files in os.walk(self.dir):
            for f in files:
                with open(os.path.join(root, f), "rb") as x:
                    self.assertNotIn(other["secret"].encode(), x.read())

    def test_forget_waiting(self):
        self.run_("device", "add", "anna", "car")
        self.refused("device", "forget", "anna", "car", code=USAGE,
                  says="--yes")
        self.refused("device", "disable", "anna", "car", code=NOTFOUND,
                  says="not logged in yet")
        self.run_("device", "forget", "anna", "car", "--yes")
        self.assertEqual(self.json("device", "list", "anna"), [])
        self.refused("device", "forget", "anna", "car", "--yes", code=NOTFOUND,
                  says="no device")

    def test_known_device(self):
        self.seed()
        dev = self.json("device", "list", "anna")[0]["device"]
        self.assertEqual(dev, "IMEI:004400\x1b[2J")
        # nothing of it steers the terminal
        self.assertNotIn("\x1b", self.run_("device", "list", "anna"))
        self.run_("device", "set", "anna", dev, "--label", "old phone",
                  "--rules", "alarm-utc no-empty")
        d = self.json("device", "show", "anna", "old phone")
        self.assertEqual(d["rules"], ["alarm-utc", "no-empty"])
        self.assertEqual(d["model"], "E 61")
        self.assertEqual(d["devinf"], "<DevInf/>")
        self.assertIn("<DevInf/>", self.run_("device", "show", "anna",
                                             "old phone", "--devinf"))
        for wrong in (["--newest", "0"], ["--parts", "half"],
                      ["--bytes", "64m"], ["--past", "x"], []):
            self.refused("device", "set", "anna", dev, "--db", "mail", *wrong,
                         code=USAGE, says=(wrong or ["--past"])[0])
        self.refused("device", "set", "anna", dev, "--newest", "50",
                     code=USAGE, says="--db")
        self.refused("device", "set", "anna", dev, "--db", "none", "--newest",
                     "50", "--parts", "text", "--bytes", "64k",
                     "--attachments", "none", code=NOTFOUND,
                     says="has not synced")
        self.refused("device", "set", "anna", dev, "--rules", "no-such-rule",
                  code=USAGE, says="no-such-rule")
        self.run_("device", "disable", "anna", "old phone")
        self.assertEqual(self.json("device", "show", "anna", dev)["state"],
                         "disabled")
        self.run_("device", "enable", "anna", "old phone")
        self.run_("device", "forget", "anna", "old phone", "--yes")
        self.assertEqual(self.json("device", "list", "anna"), [])

    def test_session(self):
        self.seed()
        rows = self.json("session", "list", "anna")
        self.assertEqual(len(rows), 2)
        self.assertEqual({r["state"] for r in rows}, {"ok", "open"})
        self.assertEqual(len(self.json("session", "list", "anna", "--limit",
                                       "1")), 1)
        self.refused("session", "list", "anna", "--device", "nix",
                  code=NOTFOUND, says="no device")
        dev = self.json("device", "list", "anna")[0]["device"]
        self.assertEqual(len(self.json("session", "list", "anna", "--device",
                                       dev)), 2)
        closed = [r for r in rows if r["state"] == "ok"][0]
        story = self.run_("session", "show", "anna", str(closed["id"]))
        self.assertNotIn("\x1b", story)
        lines = story.rstrip("\n").split("\n")
        self.assertEqual(len(lines), 5)
        self.assertRegex(lines[1], r"^2026-01-02T03:04:05\.679Z +192\.0\.2\.7"
                                   r" +-> msg 1: hello$")
        self.assertRegex(lines[2], r" = +contacts: slow, no anchor$")
        self.assertRegex(lines[3], r" <- msg 1: 212")
        self.assertRegex(lines[4], r" == ok: contacts slow")
        s = self.json("session", "show", "anna", str(closed["id"]))
        self.assertEqual([x["who"] for x in s["story"]],
                         ["device", "decision", "server"])
        self.refused("session", "show", "anna", "999", code=NOTFOUND,
                  says="no session")
        self.refused("session", "show", "anna", "x", code=USAGE, says="number")

    def test_history(self):
        self.seed()
        self.assertEqual(self.items("contacts"), [])
        item = self.items("contacts", "--deleted")[0]
        self.assertTrue(item["deleted"])
        i = str(item["id"])
        h = self.json("item", "show", "anna", i, "--history")
        self.assertEqual([(r["revision"], r["state"]) for r in h],
                         [(3, "current, deleted"), (2, "aside"), (1, "old")])
        self.assertIn("FN:Item Seed", self.run_("item", "show", "anna", i,
                                                "--revision", "1"))
        self.refused("item", "show", "anna", i, "--revision", "9",
                  code=NOTFOUND, says="no revision")


class Collection(Site):
    def setUp(self):
        super().setUp()
        self.anna()

    def one(self, name):
        return [c for c in self.json("collection", "list", "anna")
                if c["name"] == name][0]

    def test_add_set_remove(self):
        self.run_("collection", "add", "anna", "work", "--kinds",
                  "event,todos", "--aliases", "job office", "--policy",
                  "server", "--read-only", "yes", "--display", "My work")
        c = self.one("work")
        self.assertEqual(c["kinds"], ["event", "todo"])
        self.assertEqual(c["aliases"], ["job", "office"])
        self.assertEqual((c["policy"], c["read_only"], c["display"]),
                         ("server", True, "My work"))
        self.run_("collection", "set", "anna", "JOB", "--policy",
                  "duplicate", "--read-only", "no", "--name", "labour",
                  "--aliases", "")
        c = self.one("labour")
        self.assertEqual((c["policy"], c["read_only"], c["aliases"]),
                         ("duplicate", False, []))
        self.run_("collection", "remove", "anna", "labour")
        self.refused("collection", "remove", "anna", "labour", code=NOTFOUND,
                  says="no collection")

    def test_combined(self):
        self.run_("collection", "add", "anna", "all", "--combine",
                  "contacts,notes")
        c = self.one("all")
        self.assertEqual(c["shows"], ["contacts", "notes"])
        self.assertEqual(c["kinds"], ["contact", "note"])
        self.refused("collection", "add", "anna", "x", "--combine",
                  "caltask,notes", code=FAILED, says="cannot be shown")
        self.refused("collection", "add", "anna", "x", "--combine", "notes",
                  code=USAGE, says="two names")
        self.refused("collection", "add", "anna", "x", "--combine", "notes,nix",
                  code=NOTFOUND, says="nix")
        self.refused("collection", "remove", "anna", "notes", code=FAILED,
                  says="notes")

    def test_wrong(self):
        for args, says in ((["work"], "--kinds"),
                           (["work", "--kinds", "cake"], "--kinds"),
                           (["a b", "--kinds", "note"], "blanks"),
                           (["a/b", "--kinds", "note"], "blanks"),
                           (["x", "--kinds", "note", "--policy", "p"],
                            "newest"),
                           (["x", "--kinds", "note", "--read-only", "1"],
                            "yes or no")):
            self.refused("collection", "add", "anna", *args, code=USAGE,
                      says=says)
        self.refused("collection", "add", "anna", "Memo", "--kinds", "note",
                  code=FAILED, says="already")
        self.refused("collection", "set", "anna", "contacts", "--aliases",
                  "memo", code=FAILED, says="already")
        self.assertEqual(len(self.json("collection", "list", "anna")), 5)


class Items(Site):
    def setUp(self):
        super().setUp()
        self.anna()

    def imported(self, *args, code=OK):
        p = self.call("import", "anna", *args, "--json")
        self.assertEqual(p.returncode, code, p.stderr.decode())
        r = json.loads(p.stdout.decode())
        return tuple(r[k] for k in ("added", "updated", "unchanged",
                                    "refused"))

    def test_import_twice(self):
        f = self.write("a.vcf", "".join(card(i) for i in range(450)))
        self.assertEqual(self.imported("contacts", f, "--dry-run"),
                         (450, 0, 0, 0))
        self.assertEqual(self.items("contacts"), [])
        self.assertEqual(self.imported("contacts", f), (450, 0, 0, 0))
        self.assertEqual(self.imported("card", f), (0, 0, 450, 0))
        self.write("a.vcf", "".join(card(i, "+1 555 " if i == 7 else
                                         "+49 30 1000")
                                    for i in range(450)))
        self.assertEqual(self.imported("contacts", f), (0, 1, 449, 0))
        rows = self.items("contacts")
        self.assertEqual(len(rows), 450)
        changed = [r for r in rows if r["revision"] == 2]
        self.assertEqual([r["title"] for r in changed], ["First7 Last7"])
        h = self.json("item", "show", "anna", str(changed[0]["id"]),
                      "--history")
        self.assertEqual([(r["revision"], r["by"], r["state"]) for r in h],
                         [(2, "import", "current"), (1, "import", "old")])
        self.assertEqual(self.json("user", "show", "anna")["items"], 450)
        self.run_("check")

    def test_calendar_of_many_events(self):
        """One VCALENDAR, more events than a transaction takes."""
        events = "".join(
            "BEGIN:VEVENT\r\nUID:many-%d@example.org\r\n"
            "DTSTAMP:20260101T000000Z\r\nDTSTART:202602%02dT%02d0000Z\r\n"
            "SUMMARY:Meeting %d\r\nDESCRIPTION:%s\r\nEND:VEVENT\r\n" % (
                i, i % 28 + 1, i % 24, i, "long " * 100) for i in range(900))
        f = self.write("many.ics", "BEGIN:VCALENDAR\r\nVERSION:2.0\r\n"
                       "PRODID:-//test//EN\r\n%sEND:VCALENDAR\r\n" % events)
        self.assertEqual(self.imported("calendar", f), (900, 0, 0, 0))
        self.assertEqual(self.imported("calendar", f), (0, 0, 900, 0))

    def test_equal_cards_stay_two(self):
        twin = ("BEGIN:VCARD\r\nVERSION:3.0\r\nN:Twin;;;;\r\nFN:Twin\r\n"
                "END:VCARD\r\n")
        f = self.write("t.vcf", twin * 3)
        self.assertEqual(self.imported("contacts", f), (3, 0, 0, 0))
        self.assertEqual(self.imported("contacts", f), (0, 0, 3, 0))
        f = self.write("t.vcf", twin * 4)
        self.assertEqual(self.imported("contacts", f), (1, 0, 3, 0))

    def test_same_uid_in_one_file(self):
        f = self.write("s.vcf", card(1) + card(1) + card(1, "+7 "))
        self.assertEqual(self.imported("contacts", f), (1, 1, 1, 0))
        self.assertEqual(len(self.items("contacts")), 1)

    def test_kinds(self):
        f = self.write("m.ics", EVENT % ("e1", "Meeting") +
                       TODO % ("t1", "Wash up") + ZONED % ("e2", "Weekly"))
        self.assertEqual(self.imported("calendar", f, code=FAILED),
                         (2, 0, 0, 1))
        self.assertEqual(self.imported("caltask", f), (1, 0, 2, 0))
        self.assertEqual([r["title"] for r in self.items("tasks")],
                         ["Wash up"])
        self.assertEqual(len(self.items("caltask")), 3)
        n = self.write("n.txt", "Shopping\nmilk\n")
        self.assertEqual(self.imported("notes", n), (1, 0, 0, 0))
        self.assertEqual(self.imported("notes", n), (0, 0, 1, 0))

    def test_bad_files(self):
        f = self.write("bad.vcf", card(1) + "rubbish\r\n" + card(2))
        self.imported("contacts", f, code=self.call(
            "import", "anna", "contacts", f).returncode)
        self.assertEqual({r["title"] for r in self.items("contacts")},
                         {"First1 Last1", "First2 Last2"})
        empty = self.write("e.vcf", "")
        self.assertEqual(self.imported("contacts", empty), (0, 0, 0, 0))
        html = self.write("h.vcf", "<html>no</html>")
        self.assertEqual(self.imported("contacts", html, code=FAILED)[3], 1)
        self.refused("import", "anna", "contacts", self.path("nix"),
                  code=NOTFOUND, says="cannot open")
        self.refused("import", "anna", "nix", f, code=NOTFOUND,
                  says="no collection")
        self.refused("import", "anna", "contacts", code=USAGE, says="missing")

    def test_stdin(self):
        self.run_("import", "anna", "contacts", "-", stdin=card(5))
        self.assertEqual(len(self.items("contacts")), 1)

    def test_quota(self):
        self.run_("user", "set", "anna", "--quota-items", "2")
        f = self.write("q.vcf", "".join(card(i) for i in range(3)))
        self.assertEqual(self.imported("contacts", f, code=FAILED),
                         (2, 0, 0, 1))
        self.assertEqual(self.imported("contacts", f, code=FAILED),
                         (0, 0, 2, 1))

    def test_show_and_purge(self):
        self.run_("import", "anna", "contacts", self.write("a.vcf", card(1)))
        i = str(self.items("contacts")[0]["id"])
        text = self.run_("item", "show", "anna", i)
        self.assertRegex(text, r"collection +contacts\n")
        self.assertIn("FN:First1 Last1", text)
        it = self.json("item", "show", "anna", i)
        self.assertEqual((it["uid"], it["kind"]), ("uid-1", "contact"))
        self.assertIn("BEGIN:VCARD", it["body"])
        self.refused("item", "show", "anna", "x", code=USAGE, says="number")
        self.refused("item", "show", "anna", "99", code=NOTFOUND,
                  says="no item")
        self.refused("item", "purge", "anna", i, code=USAGE, says="--yes")
        self.run_("item", "purge", "anna", i, "--yes")
        self.refused("item", "purge", "anna", i, "--yes", code=NOTFOUND,
                  says="no item")
        self.assertEqual(self.items("contacts", "--deleted"), [])
        self.refused("collection", "remove", "anna", "nix", code=NOTFOUND,
                  says="no collection")

    def test_collection_with_items_stays(self):
        self.run_("import", "anna", "contacts", self.write("a.vcf", card(1)))
        self.refused("collection", "remove", "anna", "contacts", code=FAILED,
                  says="holds items")

    def test_list_limit(self):
        self.run_("import", "anna", "contacts", self.write(
            "a.vcf", "".join(card(i) for i in range(250))))
        self.assertEqual(len(self.items("contacts", "--limit", "210")), 210)
        self.assertEqual(len(self.items("contacts")), 250)
        self.refused("item", "list", "anna", "contacts", "--limit", "0",
                  code=USAGE, says="--limit")

    def test_export_round_trip(self):
        self.run_("import", "anna", "contacts", self.write(
            "a.vcf", "".join(card(i) for i in range(250))))
        self.run_("import", "anna", "caltask", self.write(
            "a.ics", ZONED % ("z1", "One") + ZONED % ("z2", "Two") +
            TODO % ("t1", "Wash up")))
        self.run_("import", "anna", "notes",
                  self.write("n.txt", "Shopping\nmilk\n"),
                  self.write("o.txt", "Ideas\nnone\n"))
        self.run_("collection", "add", "anna", "mail", "--kinds", "mail")
        out = self.path("out")
        self.run_("export", "anna", "-o", out)
        m = json.loads(self.read("out/manifest.json"))
        self.assertEqual(m["user"], "anna")
        files = {c["name"]: (c.get("file"), c.get("items"))
                 for c in m["collections"]}
        self.assertEqual(files, {"contacts": ("contacts.vcf", 250),
                                 "calendar": ("calendar.ics", 2),
                                 "tasks": ("tasks.ics", 1),
                                 "notes": ("notes", 2),
                                 "mail": (None, None),
                                 "caltask": (None, None)})
        for root, _, names in os.walk(out):
            for n in names:
                mode = os.stat(os.path.join(root, n)).st_mode
                self.assertEqual(stat.S_IMODE(mode), 0o600)
        self.refused("export", "anna", "-o", out, code=FAILED, says="already")
        # one VCALENDAR, the zone once
        ics = self.read("out/calendar.ics")
        self.assertEqual(ics.count("BEGIN:VCALENDAR"), 1)
        self.assertEqual(ics.count("END:VCALENDAR"), 1)
        self.assertEqual(ics.count("BEGIN:VTIMEZONE"), 1)
        self.assertEqual(ics.count("BEGIN:VEVENT"), 2)
        self.assertTrue(all(len(x) <= 75 for x in
                            ics.encode().split(b"\r\n")))
        notes = [self.path("out/notes/" + n)
                 for n in os.listdir(self.path("out/notes"))]
        # back into the same account: nothing new
        self.assertEqual(self.imported("contacts", out + "/contacts.vcf"),
                         (0, 0, 250, 0))
        self.assertEqual(self.imported("calendar", out + "/calendar.ics"),
                         (0, 0, 2, 0))
        self.assertEqual(self.imported("tasks", out + "/tasks.ics"),
                         (0, 0, 1, 0))
        self.assertEqual(self.imported("notes", *notes), (0, 0, 2, 0))
        # and into another one: all of it
        self.run_("user", "add", "b", "--no-password")
        self.run_("import", "b", "contacts", out + "/contacts.vcf")
        self.assertEqual(self.run_("export", "b", "contacts"),
                         self.run_("export", "anna", "contacts"))

    def test_export_one(self):
        self.run_("import", "anna", "contacts", self.write(
            "a.vcf", card(1) + card(2)))
        text = self.run_("export", "anna", "contacts")
        self.assertEqual(text.count("BEGIN:VCARD"), 2)
        self.run_("export", "anna", "contacts", "-o", self.path("x.vcf"))
        self.assertEqual(self.read("x.vcf"), text)
        self.run_("export", "anna", "contacts", "--format", "dir", "-o",
                  self.path("each"))
        self.assertEqual(len(os.listdir(self.path("each"))), 2)
        self.refused("export", "anna", "contacts", "--format", "ics",
                  code=USAGE, says="ics")
        self.refused("export", "anna", "contacts", "--format", "pdf",
                  code=USAGE, says="--format")
        self.refused("export", "anna", "notes", code=USAGE, says="-o DIR")
        self.refused("export", "anna", code=USAGE, says="-o DIR")
        self.refused("export", "anna", "contacts", "-o", "/nonexistent/x",
                  code=FAILED, says="cannot create")
        n = self.write("n.txt", "One\n"), self.write("m.txt", "Two\n")
        self.run_("import", "anna", "notes", *n)
        text = self.run_("export", "anna", "notes", "--format", "txt")
        self.assertEqual([t.strip() for t in text.split("\f")],
                         ["One", "Two"])


class Alarms(Site):
    """Reminders: settings, what is due, what was queued."""

    EVENT = ("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:%d\r\n"
             "SUMMARY:Event %d\r\nDTSTART:20%02d0301T080000Z\r\n"
             "BEGIN:VALARM\r\nACTION:DISPLAY\r\nTRIGGER:-PT10M\r\n"
             "END:VALARM\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n")

    def rows(self, *args):
        return json.loads(self.run_("alarm", *args, "--json"))

    def test_all(self):
        self.anna()
        f = self.write("a.ics", "".join(self.EVENT % (i, i, 60 + i)
                                        for i in range(3)))
        self.run_("import", "anna", "calendar", f)
        # nobody to be reminded: no rows
        self.assertEqual(self.rows("list", "anna"), [])
        self.refused("alarm", "test", "anna", code=FAILED, says="no address")
        # with an address they are there, those imported later too
        self.run_("user", "set", "anna", "jid", "Anna@Example.org/Home")
        self.run_("import", "anna", "calendar", self.write(
            "b.ics", self.EVENT % (3, 3, 63)))
        rows = self.rows("list", "anna")
        self.assertEqual([(r["due"], r["title"][:7]) for r in rows],
                         [("20%d-03-01T07:50:00Z" % (60 + i), "Event %d" % i)
                          for i in range(4)])
        self.assertEqual(self.rows("due"), [])
        self.assertEqual(
            [r["user"] for r in self.rows(
                "due", "--at", "2061-03-01T07:50:00Z")], ["anna", "anna"])
        self.run_("alarm", "again", "anna")
        self.assertEqual(self.rows("list", "anna"), rows)
        # rows that tell another time than the items: said, and mended
        self.assertIn("sound", self.run_("check"))
        db = sqlite3.connect(self.path("db"))
        with db:
            db.execute("UPDATE alarm_next SET due_ms = due_ms + 60000"
                       " WHERE item_id = ?", (rows[0]["item"],))
            db.execute("DELETE FROM alarm_next WHERE item_id = ?",
                       (rows[1]["item"],))
        db.close()
        found = self.json("check", code=FINDINGS)["findings"]
        self.assertEqual(len(found), 2, found)
        self.assertIn("item %d is 20600301T075000Z, and its row says "
                      "20600301T075100Z" % rows[0]["item"], found[0])
        self.assertIn("its row says none", found[1])
        self.run_("user", "add", "bert", "--no-password")
        self.assertIn("of 1 user ", self.run_("alarm", "again"))
        self.assertEqual(self.rows("list", "anna"), rows)
        self.assertIn("sound", self.run_("check"))
        self.assertEqual(
            json.loads(self.run_("user", "show", "anna", "--json"))[
                "settings"], {"jid": "Anna@Example.org/Home"})
        self.run_("user", "set", "anna", "reminders", "off")
        self.assertEqual(self.rows("list", "anna"), [])

    def test_queue(self):
        self.anna()
        self.run_("user", "set", "anna", "jid", "a@example.org,b@example.org")
        self.run_("alarm", "test", "anna")
        self.assertEqual(
            sorted((r["address"], r["state"])
                   for r in self.rows("sent", "anna")),
            [("a@example.org", "queued"), ("b@example.org", "queued")])

    def test_zone_and_settings(self):
        self.anna()
        self.run_("user", "set", "anna", "mail", "a@example.org")
        self.run_("import", "anna", "calendar", self.write(
            "a.ics", (self.EVENT % (1, 1, 60)).replace(
                "20600301T080000Z", "20600301T080000")))
        before = self.rows("list", "anna")[0]["due"]
        self.run_("user", "set", "anna", "--zone", "America/New_York")
        after = self.rows("list", "anna")[0]["due"]
        self.assertNotEqual(before, after)
        self.assertEqual(after, "2060-03-01T12:50:00Z")

    def test_refused(self):
        self.anna()
        self.run_("user", "add", "bert", "--no-password")
        self.run_("user", "set", "bert", "jid", "b@example.org")
        self.refused("user", "set", "anna", "jid", "b@example.org",
                     code=FAILED, says="another user's")
        self.refused("user", "set", "anna", "jid", "nobody", code=USAGE,
                     says="no address")
        self.refused("user", "set", "anna", "colour", "red", code=USAGE,
                     says="no setting")
        self.refused("user", "set", "anna", "jid", code=USAGE, says="value")
        self.refused("alarm", "due", "--at", "soon", code=USAGE, says="UTC")
        self.refused("alarm", "list", "eve", code=NOTFOUND, says="eve")


class Whole(Site):
    def test_backup_check_migrate(self):
        self.anna()
        self.run_("import", "anna", "contacts", self.write("a.vcf", card(1)))
        copy = self.path("copy.db")
        self.assertIn("key file", self.run_("backup", copy))
        self.refused("backup", copy, code=FAILED, says="there already")
        self.write("funicular.conf", self.read("funicular.conf").replace(
            self.path("db"), copy))
        self.assertEqual(len(self.items("contacts")), 1)
        self.assertIn("sound", self.run_("check"))
        self.assertEqual(self.json("check"), {"sound": True, "findings": []})
        self.assertTrue(self.json("migrate")["up_to_date"])
        self.assertIn("up to date", self.run_("migrate"))

    def test_another_key(self):
        """Refused by everything, until it is said to be the site's."""
        self.anna()
        self.assertEqual(self.json("migrate")["up_to_date"], True)
        key = self.path("state/key")
        with open(key) as f:
            was = f.read()
        os.rename(key, key + ".lost")
        for words in (["user", "list"], ["migrate"],
                      ["serve", "--allow-root"]):
            self.refused(*words, code=CONFIG, says="not this site's")
            self.refused(*words, code=CONFIG, says="--new-key")
        self.assertNotEqual(open(key).read(), was)
        self.assertIn("made anew", self.run_("migrate", "--new-key"))
        self.run_("user", "list")
        os.rename(key + ".lost", key)
        self.refused("user", "list", code=CONFIG, says="not this site's")

    def test_check_finds(self):
        self.anna()
        self.run_("import", "anna", "contacts", self.write("a.vcf", card(1)))
        db = sqlite3.connect(self.path("db"))
        db.execute("UPDATE account SET used_bytes = used_bytes + 1")
        db.commit()
        db.close()
        p = self.call("check")
        self.assertEqual(p.returncode, FINDINGS, p.stderr.decode())
        self.assertTrue(p.stdout)
        found = self.json("check", code=FINDINGS)
        self.assertFalse(found["sound"])
        self.assertTrue(found["findings"])

    def test_copy(self):
        self.anna()
        self.run_("import", "anna", "contacts", self.write("a.vcf", card(1)))
        here = "sqlite:" + self.path("db")
        there = "sqlite:" + self.path("there")
        stores = ("copy", "--from", here, "--to", there)
        self.assertEqual(self.json(*stores, "--ahead")["result"], "ahead")
        self.assertEqual(len(self.items("contacts")), 1)
        p = self.call(*stores)
        self.assertEqual(p.returncode, OK, p.stderr.decode())
        self.assertIn("1 accounts; 0 copied", p.stdout.decode())
        self.assertIn("the site is in " + there, p.stdout.decode())
        self.assertIn("sealed", p.stderr.decode())
        # Nothing is done on the old one any more.
        for args in (["user", "list"], ["serve", "--allow-root"]):
            self.refused(*args, code=CONFIG, says="has moved to " + there)
        self.refused(*stores, code=FAILED, says="has moved to")
        self.write("new.conf", self.read("funicular.conf").replace(
            here, there))
        old, self.conf = self.conf, self.path("new.conf")
        self.assertEqual(len(self.items("contacts")), 1)
        self.assertIn("sound", self.run_("check"))
        equal = self.json(*stores, "--check")
        self.assertEqual((equal["result"], equal["compared"]), ("equal", 1))
        self.run_("import", "anna", "contacts", self.write("b.vcf", card(2)))
        differs = self.json(*stores, "--check", code=FINDINGS)
        self.assertEqual(differs["result"], "differs")
        self.assertIn("account anna has been changed since",
                      differs["differences"][0])
        self.conf = old
        self.assertIn("open again", self.run_("copy", "--reopen", here))
        self.assertEqual(len(self.items("contacts")), 1)

    def test_copy_wrong(self):
        self.anna()
        here = "sqlite:" + self.path("db")
        there = "sqlite:" + self.path("there")
        for args in (["--from", here], ["--to", there],
                     ["--from", here, "--to", here],
                     ["--from", here, "--to", there, "--keep", "--check"],
                     ["--reopen", here, "--to", there], ["x"]):
            self.run_("copy", *args, code=USAGE)
        self.assertFalse(os.path.exists(self.path("there")))
        self.refused("copy", "--from", there, "--to", here, code=CONFIG,
                     says="no database")
        self.run_("backup", self.path("there"))
        self.refused("copy", "--from", here, "--to", there, code=FAILED,
                     says="holds accounts")
        self.refused("copy", "--from", here,
                     "--to", "postgres:host=/nonexistent password=s3cret",
                     code=UNAVAILABLE, says="nonexistent")
        p = self.call("copy", "--from", here,
                      "--to", "postgres:host=/nonexistent password=s3cret")
        self.assertNotIn(b"s3cret", p.stdout + p.stderr)

    def test_help(self):
        for name in ("user", "device", "collection", "item", "session",
                     "alarm", "report", "import", "export", "backup", "check", "copy",
                     "migrate"):
            text = self.run_(name, "--help")
            self.assertIn("usage: funicular %s" % name, text)
            self.assertIn("examples:", text)
            self.assertTrue(all(len(x) <= 79 for x in text.split("\n")),
                            [x for x in text.split("\n") if len(x) > 79])
        # help needs no site
        self.assertFalse(os.path.exists(self.path("db")))

    def test_wrong_use(self):
        for args in (["user"], ["user", "fly"], ["user", "show"],
                     ["user", "list", "x"], ["user", "list", "--fly"],
                     ["user", "add", "a", "--zone"],
                     ["user", "remove", "a", "--yes=1"],
                     ["device", "add", "anna"], ["backup"],
                     ["backup", "a", "b"], ["check", "x"],
                     ["session", "list", "anna", "--limit", "x"]):
            if args[:2] == ["session", "list"]:
                self.anna()
            self.run_(*args, code=USAGE)

    def test_no_verb_touches_nothing(self):
        self.run_("user", code=USAGE)
        self.assertFalse(os.path.exists(self.path("db")))

    def test_bad_configuration(self):
        self.write("funicular.conf", "nonsense = 1\n")
        self.run_("user", "list", code=CONFIG)

    def test_full_output(self):
        self.anna()
        with open("/dev/full", "w") as full:
            p = subprocess.run([FUNICULAR, "--config", self.conf, "user",
                                "list"], stdout=full, stderr=subprocess.PIPE)
        self.assertEqual(p.returncode, FAILED)
        self.assertIn(b"cannot write", p.stderr)


class Docs(Site):
    """The manual and the completion know every command and option."""

    TREE = os.path.dirname(os.path.dirname(os.path.dirname(
        os.path.abspath(__file__))))
    COMPLETION = os.path.join(TREE, "docs", "completion", "funicular.bash")

    def helps(self):
        for line in self.run_("--help").split("\n"):
            m = re.match(r"  ([a-z]+)  +\S", line)
            if m:
                yield m[1], self.run_(m[1], "--help")

    def test_all_there(self):
        with open(os.path.join(self.TREE, "docs", "man",
                               "funicular.1")) as f:
            man = f.read()
        with open(self.COMPLETION) as f:
            completion = f.read()
        n = 0
        for name, text in self.helps():
            use = text.split("\n\n")[0]
            verbs = set(re.findall(r"funicular %s ([a-z]+)" % name, use))
            for verb in verbs or {""}:
                self.assertIn((".It Cm %s %s" % (name, verb)).rstrip(),
                              man.replace(".Cm", ".It Cm"))
            for verb in verbs:
                self.assertRegex(completion, r"%s\) verbs=.*\b%s\b"
                                 % (name, verb))
            for option in set(re.findall(r"--([a-z][a-z0-9-]+)", text)):
                n += 1
                self.assertIn("Fl -%s" % option, man, name)
                self.assertIn("--%s" % option, completion, name)
        self.assertGreater(n, 40)

    def complete(self, *words):
        words = ["funicular", "--config", self.conf, *words]
        script = ("source \"$1\"; shift; COMP_WORDS=(\"$@\"); "
                  "COMP_CWORD=$(($# - 1)); _funicular; "
                  "printf '%s\\n' \"${COMPREPLY[@]}\"")
        env = dict(os.environ, PATH="%s:%s" % (
            os.path.dirname(FUNICULAR), os.environ["PATH"]))
        p = subprocess.run(["bash", "-c", script, "bash", self.COMPLETION,
                            *words], stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE, env=env)
        self.assertEqual(p.stderr, b"")
        return set(p.stdout.decode().split("\n")) - {""}

    def test_completion(self):
        self.anna()
        self.run_("device", "add", "anna", "Anna's phone")
        self.assertEqual(self.complete("us"), {"user"})
        self.assertEqual(self.complete("user", "d"), {"disable"})
        self.assertEqual(self.complete("user", "show", ""), {"anna"})
        self.assertEqual(self.complete("user", "add", "x", "--q"),
                         {"--quota-bytes", "--quota-items"})
        self.assertEqual(self.complete("item", "list", "anna", "ca"),
                         {"calendar", "caltask"})
        self.assertEqual(self.complete("export", "anna", "no"), {"notes"})
        self.assertEqual(self.complete("export", "anna", "--format", "v"),
                         {"vcf"})
        self.assertEqual(self.complete("device", "show", "anna", "A"),
                         {"Anna\\'s\\ phone"})
        self.assertIn(self.conf, self.complete(
            "import", "anna", "contacts", self.dir + "/f"))
        self.assertEqual(self.complete("collection", "set", "anna", "notes",
                                       "--policy", ""),
                         {"newest", "server", "client", "duplicate"})


if __name__ == "__main__":
    FUNICULAR, SEED = (os.path.abspath(x) for x in sys.argv[1:3])
    unittest.main(argv=[sys.argv[0]] + sys.argv[3:], verbosity=1)
