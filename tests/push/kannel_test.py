#!/usr/bin/env python3
"""From one phone's edit to the SMS that wakes the other one, with Kannel and
its fake SMS centre, and what both phones do then. Exit status 77 where Kannel
is not installed."""

import base64
import hashlib
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, os.pardir, "server"))
sys.path.insert(0, os.path.join(HERE, os.pardir, "nodes"))
sys.path.insert(0, HERE)

import daemon  # noqa: E402
import kannel  # noqa: E402
import phone  # noqa: E402

PROGRAM = None
NONCE = b"n0nce-1234"
# The worked example of the reference: server id groupsrv, secret srvsecret,
# session 42, two databases.
EXAMPLE = bytes.fromhex(
    "0605040b84c002010603ceaf8576fce1909d48df6ee13853862e910735031800000000"
    "2a0867726f75707372762060000007062e2f6361726460000006052e2f63616c")
CONF = """
store = sqlite:%(dir)s/site.db
state_dir = %(dir)s
key_file = %(dir)s/key
server_id = groupsrv
kannel_url = %(sendsms)s
kannel_user = tester
kannel_secret_file = %(dir)s/kannel-secret
ppg_url = %(wappush)s
ppg_user = ppguser
ppg_secret_file = %(dir)s/ppg-secret
ppg_host = ppg.example.org
alarm_poll = 1
"""


class Woken(phone.Session):
    """A session that challenges the server, as one with proof both ways does:
    the nonce is for the next notice."""

    def status(self):
        chal = ("<Chal><Meta><Type xmlns='syncml:metinf'>syncml:auth-md5</Type>"
                "<Format xmlns='syncml:metinf'>b64</Format><NextNonce "
                "xmlns='syncml:metinf'>%s</NextNonce></Meta></Chal>" %
                base64.b64encode(NONCE).decode())
        return super().status().replace(
            "<Cmd>SyncHdr</Cmd>", "<Cmd>SyncHdr</Cmd>" + chal, 1)


class Phone(phone.Phone):
    def __init__(self, dev, db="./card", own="./C"):
        super().__init__(dev, "anna", "geheim")
        self.db, self.own, self.kind = db, own, None

    def session(self):
        self.sid += 1
        return Woken(self.dev, self.sid, self.user, self.password, self.db,
                     self.own)

    def begin(self, s):
        return s.alert(self.kind or (200 if self.anchor else 201),
                       self.anchor, "n%d" % self.sid)


class Site:
    """A daemon that is started, killed and started again on one database."""

    def __init__(self, k):
        import tempfile
        self.dir = tempfile.mkdtemp(prefix="funicular-push-")
        self.k, self.d = k, None
        for name, text in (("kannel-secret", "foobar"),
                           ("ppg-secret", "ppgpass")):
            path = os.path.join(self.dir, name)
            with open(path, "w", encoding="utf-8") as f:
                f.write(text + "\n")
            os.chmod(path, 0o600)
        self.start()

    def start(self):
        self.d = daemon.Daemon(
            [PROGRAM, "--config"], CONF % {
                "dir": self.dir, "sendsms": self.k.sendsms(),
                "wappush": self.k.wappush()},
            args=["CONF", "serve", "--allow-root"])

    def end(self, sig):
        self.d.term(sig)
        self.d.proc.wait(daemon.LIMIT)
        self.d.close()

    def stop(self):
        self.d.close()
        import shutil
        shutil.rmtree(self.dir, ignore_errors=True)

    def run(self, *args, text=None):
        p = subprocess.run([PROGRAM, "--config", self.d.conf, *args],
                           input=text, stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE, text=True, check=False)
        assert p.returncode == 0, "%s: %s %s" % (args, p.stdout, p.stderr)
        return p.stdout

    def port(self):
        return self.d.port()

    def report(self):
        return json.loads(self.run("report", "notices", "--json"))

    def sql(self, text):
        db = sqlite3.connect(os.path.join(self.dir, "site.db"), timeout=10)
        with db:
            db.execute(text)
        db.close()


class KannelTest(unittest.TestCase):
    def setUp(self):
        self.k = kannel.Kannel()
        self.addCleanup(self.k.stop)
        self.k.start()
        self.site = Site(self.k)
        self.addCleanup(self.site.stop)
        self.site.run("user", "add", "anna", "--password-stdin",
                      text="geheim\n")
        self.one, self.two = Phone("IMEI:1"), Phone("IMEI:2")
        self.one.sync([self.site.port()], [("Add", "1", phone.card("A"))])
        self.two.sync([self.site.port()])
        self.assertEqual(len(self.two.got), 1)

    def wake(self, *ways):
        self.site.run("push", "set", "anna", "IMEI:2", "to",
                      "kannel:+49123", *ways)

    def one_adds(self, name):
        self.one.sync([self.site.port()],
                      [("Add", "x" + name, phone.card(name))])

    def sans(self):
        out = []
        for to, kind, udh, data in self.k.messages():
            self.assertEqual((to, kind), ("+49123", "udh"))
            out.append(kannel.san(kannel.wsp(kannel.join([(udh, data)]))[2]))
        return out

    def test_worked_example(self):
        cal = Phone("IMEI:2", "./cal", "./K")
        cal.sid = 100
        cal.sync([self.site.port()])
        self.wake("server", "groupsrv")
        self.site.run("push", "secret", "anna", "IMEI:2", "--password-stdin",
                      text="srvsecret\n")
        self.site.sql("UPDATE push_device SET last_no = 41")
        self.site.run("push", "test", "anna", "IMEI:2")
        (to, kind, udh, data), = self.k.wait_messages(1)
        self.assertEqual((to, kind), ("+49123", "udh"))
        self.assertEqual((udh + data).hex(), EXAMPLE.hex())
        # And by a phone's own reading, with the formula of its own.
        content, app, body = kannel.wsp(kannel.join([(udh, data)]))
        self.assertEqual(content, "application/vnd.syncml.ds.notification")
        self.assertEqual(app, "push.syncml")
        got = kannel.san(body)
        self.assertEqual(got["syncs"], [(206, 7, "./card"), (206, 6, "./cal")])
        self.assertEqual((got["version"], got["ui"], got["server_began"],
                          got["session"], got["server"]),
                         (12, 1, 1, 42, "groupsrv"))

        def b64md5(b):
            return base64.b64encode(hashlib.md5(b).digest())
        want = hashlib.md5(b64md5(b"groupsrv:srvsecret") + b":" + NONCE + b":" +
                           b64md5(got["trigger"])).digest()
        self.assertEqual(got["digest"], want)

    def test_edit_to_sync(self):
        self.wake("gap", "0")
        times = []
        for i in range(5):
            began = time.monotonic()
            self.one_adds("Bert%d" % i)
            self.k.wait_messages(i + 1)
            times.append(time.monotonic() - began)
            san = self.sans()[i]
            self.assertEqual(san["syncs"], [(206, 7, "./card")])
            # The phone takes the number for its SessionID, as it shall.
            self.two.sid = "%X" % san["session"]
            s = Woken(self.two.dev, self.two.sid, "anna", "geheim", "./card",
                      "./C")
            before = len(self.two.got)
            s.send(self.site.port(), s.alert(206, self.two.anchor,
                                             "w%d" % i))
            s.send(self.site.port(), s.sync([]))
            self.two.sid = 500 + i
            self.two.finish(s, self.site.port())
            self.two.anchor = "w%d" % i
            self.assertEqual(len(self.two.got), before + 1)
        print("edit to SMS: %s ms" % ", ".join(
            "%d" % (t * 1000) for t in times))
        rows = self.site.report()
        self.assertEqual([r["answer"] for r in rows], ["number"] * 5)
        self.assertEqual([r["state"] for r in rows], ["sent"] * 5)
        print("queued to taken by Kannel: %s ms; taken to session: %s ms" % (
            [r["send_ms"] for r in rows], [r["answer_ms"] for r in rows]))

    def test_other_ways_to_answer(self):
        self.wake("gap", "0")
        self.one_adds("Bert")
        self.k.wait_messages(1)
        self.two.kind = 206
        self.two.sync([self.site.port()])
        self.one_adds("Carl")
        self.k.wait_messages(2)
        self.two.kind = None
        self.two.sync([self.site.port()])
        self.assertEqual([r["answer"] for r in self.site.report()],
                         ["sync", "type"])
        self.assertEqual(len(self.two.got), 3)

    def test_gateway_is_down(self):
        self.wake()
        self.k.stop_one("smsbox")
        self.one_adds("Bert")
        self.site.d.wait_log("event=outlet channel=kannel up=no")
        self.k.start_box()
        self.k.wait_messages(1)
        kannel.wait_for("the report", lambda: self.site.report()[0]["state"] ==
                        "sent")
        self.assertGreater(self.site.report()[0]["attempts"], 0)
        self.assertEqual(len(self.sans()), 1)

    def test_killed_and_started_again(self):
        self.wake()
        self.k.stop_one("smsbox")
        self.one_adds("Bert")
        kannel.wait_for("a row", self.site.report)
        self.site.end(signal.SIGKILL)
        self.k.start_box()
        self.site.start()
        # What the dead one had leased is free after half a minute.
        self.k.wait_messages(1, 90)
        kannel.wait_for("the report", lambda: self.site.report()[0]["state"] ==
                        "sent")
        self.assertEqual([s["session"] for s in self.sans()], [1])

    def test_old_phone_in_two_parts(self):
        self.wake("form", "1.1", "server", "http://sync.example.org/sync")
        self.one_adds("Bert")
        self.k.wait_messages(2)
        parts = [(udh, data) for _, _, udh, data in self.k.messages()]
        self.assertEqual(len(parts), 2)
        content, app, body = kannel.wsp(kannel.join(parts))
        self.assertEqual(content, "application/vnd.syncml+wbxml")
        self.assertEqual(body[:5].hex(), "029f536a00")
        for text in (b"IMEI:2", b"http://sync.example.org/sync", b"206",
                     b"./card", b"text/x-vcard"):
            self.assertIn(text, body)

    def test_text_for_people(self):
        self.wake("form", "text")
        self.one_adds("Bert")
        (to, kind, _, data), = self.k.wait_messages(1)
        self.assertEqual((to, kind), ("+49123", "ucs-2"))
        self.assertEqual(data.decode("utf-16-be"), "New to sync: Contacts")

    def test_push_proxy_gateway(self):
        self.site.run("push", "set", "anna", "IMEI:2", "to", "ppg:+49123")
        self.one_adds("Bert")
        self.k.wait_messages(1)
        parts = [(udh, data) for _, _, udh, data in self.k.messages()]
        raw = b"".join(d for _, d in parts)
        content, app, body = kannel.wsp(kannel.join(parts))
        self.assertEqual(content, "application/vnd.syncml.ds.notification")
        self.assertIn(app, ("push.syncml", "x-wap-application:push.syncml"))
        self.assertEqual(kannel.san(body)["syncs"], [(206, 7, "./card")])
        # Kannel copies HTTP's header into the SMS: nothing of ours is there.
        self.assertLess(len(raw), 140)
        for word in (b"ppgpass", b"ppguser", b"uthorization", b"curl"):
            self.assertNotIn(word, raw)
        kannel.wait_for("the report", lambda: self.site.report()[0]["state"] ==
                        "sent")

    def test_wrong_password(self):
        path = os.path.join(self.site.dir, "kannel-secret")
        self.site.end(signal.SIGTERM)
        with open(path, "w", encoding="utf-8") as f:
            f.write("wrong\n")
        self.site.start()
        self.wake()
        self.one_adds("Bert")
        line = self.site.d.wait_log("event=outlet channel=kannel up=no")
        self.assertIn("403", line)
        self.assertEqual(self.k.messages(), [])
        for text in self.site.d.lines:
            self.assertFalse(re.search("password=|wrong$", text), text)
        self.assertEqual(self.site.report()[0]["state"], "queued")


def main():
    global PROGRAM
    why = kannel.missing()
    if why:
        print(why)
        sys.exit(77)
    PROGRAM = sys.argv.pop(1)
    unittest.main(verbosity=2)


if __name__ == "__main__":
    main()
