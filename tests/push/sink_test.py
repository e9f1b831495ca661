#!/usr/bin/env python3
"""Notices to a gateway of the test's own, by POST: faults of the gateway, death
of the daemon in the middle, and what the commands say."""

import http.server
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, os.pardir, "server"))
sys.path.insert(0, os.path.join(HERE, os.pardir, "nodes"))
sys.path.insert(0, HERE)

import daemon  # noqa: E402
import kannel  # noqa: E402
import phone  # noqa: E402

PROGRAM = None
CONF = """
store = sqlite:%(dir)s/site.db
state_dir = %(dir)s
key_file = %(dir)s/key
server_id = groupsrv
post_url = http://127.0.0.1:%(port)d/notice/{to}
alarm_poll = 1
"""


class Sink:
    """Keeps what comes; answers as it is told, or not at all."""

    def __init__(self):
        self.seen, self.codes = [], []
        self.go_on = threading.Event()
        self.go_on.set()
        sink = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                sink.seen.append((self.path, dict(self.headers), body))
                sink.go_on.wait(daemon.LIMIT * 4)
                self.send_response(sink.codes.pop(0) if sink.codes else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0),
                                                      Handler)
        self.server.daemon_threads = True
        # Whoever is killed does not say goodbye.
        self.server.handle_error = lambda *args: None
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever,
                         daemon=True).start()

    def close(self):
        self.go_on.set()
        self.server.shutdown()
        self.server.server_close()

    def wait(self, n, limit=daemon.LIMIT):
        kannel.wait_for("%d notices" % n, lambda: len(self.seen) >= n, limit)
        return self.seen

    def ids(self):
        return [h["X-Funicular-Id"] for _, h, _ in self.seen]


class Sick:
    """A gateway that answers each request as `ways` says, the last one for
    good: some bytes, a function of the request, or None: nothing, until it is
    let go."""

    def __init__(self, *ways):
        self.ways, self.seen = list(ways), []
        self.go_on = threading.Event()
        self.s = socket.socket()
        self.s.bind(("127.0.0.1", 0))
        self.s.listen(20)
        self.port = self.s.getsockname()[1]
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                c, _ = self.s.accept()
            except OSError:
                return
            threading.Thread(target=self.one, args=(c,), daemon=True).start()

    def one(self, c):
        with c:
            asked = c.recv(65536)
            way = self.ways.pop(0) if len(self.ways) > 1 else self.ways[0]
            self.seen.append(asked)
            if way is None:
                self.go_on.wait(daemon.LIMIT * 4)
            else:
                c.sendall(way(asked) if callable(way) else way)

    def close(self):
        self.go_on.set()
        self.s.close()


def echo(asked):
    """Its error page tells what it was asked."""
    return b"HTTP/1.0 500 Oops\r\n\r\nno: " + asked.partition(b"\r")[0]


class SickTest(unittest.TestCase):
    """Who is sick keeps nobody else waiting, and learns nothing that a log then
    has."""

    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="funicular-sick-")
        self.addCleanup(shutil.rmtree, self.dir, True)
        self.post = Sink()
        self.addCleanup(self.post.close)
        self.kannel = Sick(echo, b"HTTP/1.0 202 Ok\r\n\r\n0: Accepted", None)
        self.addCleanup(self.kannel.close)
        self.ppg = Sick(b"\0\xffgarbage\r\n" * 99,
                        b"HTTP/1.0 202 Ok\r\n\r\n<pap><push-response>"
                        b"<response-result code=\"1001\"/></pap>")
        self.addCleanup(self.ppg.close)
        text = CONF
        for name, port in (("kannel", self.kannel.port),
                           ("ppg", self.ppg.port)):
            text += "%s_url = http://127.0.0.1:%d/x\n%s_user = me\n" % (
                name, port, name)
        for name in ("kannel", "ppg", "post"):
            path = os.path.join(self.dir, name)
            with open(path, "w", encoding="utf-8") as f:
                f.write(name + "/s3cret\n")
            os.chmod(path, 0o600)
            text += "%s_secret_file = %s\n" % (name, path)
        self.d = daemon.Daemon(
            [PROGRAM, "--config"], text % {"dir": self.dir,
                                           "port": self.post.port},
            args=["CONF", "serve", "--allow-root"])
        self.addCleanup(self.d.close)
        self.run_("user", "add", "anna", "--password-stdin", text="geheim\n")
        self.phones = [phone.Phone("IMEI:%d" % i, "anna", "geheim")
                       for i in range(4)]
        for p, to in zip(self.phones, (None, "kannel:+491", "ppg:+492",
                                       "post:drei")):
            p.sync([self.d.port()])
            if to:
                self.run_("push", "set", "anna", p.dev, "to", to, "gap", "0")

    def run_(self, *args, text=None):
        p = subprocess.run([PROGRAM, "--config", self.d.conf, *args],
                           input=text, stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE, text=True, check=False)
        self.assertEqual(p.returncode, 0, "%s: %s" % (args, p.stderr))
        return p.stdout

    def report(self):
        return json.loads(self.run_("report", "notices", "--json"))

    def adds(self, name):
        began = time.monotonic()
        n = len(self.post.seen)
        self.phones[0].sync([self.d.port()], [("Add", name,
                                               phone.card(name))])
        self.post.wait(n + 1)
        return time.monotonic() - began

    def test_each_for_itself(self):
        took = [self.adds("Bert")]
        # Tried again by each one's own time.
        kannel.wait_for("repeats", lambda: len(self.kannel.seen) >= 2 and
                        len(self.ppg.seen) >= 2)
        kannel.wait_for("all are sent", lambda: [
            r["state"] for r in self.report()] == ["sent"] * 3)
        for r in self.report():
            self.assertEqual(r["attempts"], r["channel"] != "post")
        self.assertEqual(len({a.partition(b" HTTP")[0]
                              for a in self.kannel.seen}), 1)
        for p in self.phones[1:]:
            p.sync([self.d.port()])
        # And while one says nothing at all.
        took.append(self.adds("Carl"))
        kannel.wait_for("Carl at Kannel", lambda: len(self.kannel.seen) >= 3)
        self.assertEqual(len(self.kannel.seen), 3)
        for p in self.phones[2:]:
            p.sync([self.d.port()])
        took.append(self.adds("Dora"))
        kannel.wait_for("two are sent", lambda: [
            r["state"] for r in self.report()].count("sent") == 7)
        print("beside sick gateways: %s ms from the edit to the POST" % [
            int(t * 1000) for t in took])
        self.assertLess(max(took), 4)
        said = "\n".join(self.d.lines) + json.dumps(self.report())
        self.assertIn("event=outlet channel=ppg up=no", said)
        for word in ("s3cret", "password=k", "Bearer"):
            self.assertNotIn(word, said)


class SinkTest(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="funicular-sink-")
        self.addCleanup(shutil.rmtree, self.dir, True)
        self.sink = Sink()
        self.addCleanup(self.sink.close)
        self.start()
        self.addCleanup(lambda: self.d.close())
        self.run_("user", "add", "anna", "--password-stdin", text="geheim\n")
        self.one = phone.Phone("IMEI:1", "anna", "geheim")
        self.two = phone.Phone("IMEI:2", "anna", "geheim")
        self.one.sync([self.d.port()], [("Add", "1", phone.card("A"))])
        self.two.sync([self.d.port()])

    def start(self):
        self.d = daemon.Daemon(
            [PROGRAM, "--config"], CONF % {"dir": self.dir,
                                           "port": self.sink.port},
            args=["CONF", "serve", "--allow-root"])

    def call(self, *args, text=None):
        return subprocess.run([PROGRAM, "--config", self.d.conf, *args],
                              input=text, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, check=False)

    def run_(self, *args, text=None):
        p = self.call(*args, text=text)
        self.assertEqual(p.returncode, 0, "%s: %s" % (args, p.stderr))
        return p.stdout

    def wake(self, *ways):
        self.run_("push", "set", "anna", "IMEI:2", "to", "post:zwei", *ways)

    def one_adds(self, name):
        self.one.sync([self.d.port()], [("Add", "x" + name,
                                         phone.card(name))])

    def metrics(self):
        url = "http://127.0.0.1:%d/metrics" % self.d.admin_port()
        with urllib.request.urlopen(url) as r:
            return r.read().decode()

    def wait_state(self, state):
        kannel.wait_for("state %s" % state, lambda: [
            r for r in json.loads(self.run_("report", "notices", "--json"))
            if r["state"] == state])

    def test_what_comes(self):
        self.wake()
        self.one_adds("Bert")
        (path, head, body), = self.sink.wait(1)
        self.assertEqual(path, "/notice/zwei")
        self.assertEqual(head["Content-Type"],
                         "application/vnd.syncml.ds.notification")
        self.assertEqual(head["X-Wap-Application-Id"],
                         "x-wap-application:push.syncml")
        self.assertEqual(kannel.san(body)["syncs"], [(206, 7, "contacts")])
        self.wait_state("sent")
        self.assertEqual(len(self.sink.seen), 1)

    def test_gateway_stumbles(self):
        self.sink.codes = [503]
        self.wake()
        self.one_adds("Bert")
        self.sink.wait(2)
        self.wait_state("sent")
        for name, n in (("notices", 1), ("notices_sent", 1),
                        ("notice_failures", 1)):
            self.assertIn("funicular_%s_total %d\n" % (name, n),
                          self.metrics())
        self.assertEqual(len(set(self.sink.ids())), 1)
        self.assertEqual(len({b for _, _, b in self.sink.seen}), 1)

    def test_gateway_refuses(self):
        self.sink.codes = [410]
        self.wake()
        self.one_adds("Bert")
        self.wait_state("failed")
        self.assertEqual(len(self.sink.seen), 1)

    def test_killed_while_it_sends(self):
        """Given, not answered, dead: once more, under the same id."""
        self.sink.go_on.clear()
        self.wake()
        self.one_adds("Bert")
        self.sink.wait(1)
        self.d.term(signal.SIGKILL)
        self.d.proc.wait(daemon.LIMIT)
        self.d.close()
        self.sink.go_on.set()
        self.start()
        self.sink.wait(2, 90)
        self.wait_state("sent")
        self.assertEqual(len(set(self.sink.ids())), 1)

    def test_administrators_write_too(self):
        path = os.path.join(self.dir, "new.vcf")
        with open(path, "w", encoding="utf-8") as f:
            f.write("BEGIN:VCARD\r\nVERSION:3.0\r\nN:Doe;Jo\r\nFN:Jo Doe\r\n"
                    "END:VCARD\r\n")
        self.wake()
        self.run_("import", "anna", "contacts", path)
        self.sink.wait(1)

    def test_commands(self):
        def refused(*args, says):
            p = self.call("push", *args)
            self.assertNotEqual(p.returncode, 0, args)
            self.assertIn(says, p.stderr)

        refused("test", "anna", "IMEI:2", says="is not woken")
        refused("set", "anna", "IMEI:9", "to", "post:x", says="no device")
        refused("set", "eve", "IMEI:2", "to", "post:x", says="eve")
        refused("set", "anna", "IMEI:2", "to", "pigeon:x", says="no way out")
        refused("set", "anna", "IMEI:2", "to", "kannel:anna",
                says="no phone number")
        refused("set", "anna", "IMEI:2", "to", "xmpp:anna", says="no address")
        refused("set", "anna", "IMEI:2", "to", says="usage")
        refused("set", "anna", "IMEI:2", "gap", "60", says="is not woken")
        self.wake("gap", "5", "quiet", "22:00-07:00", "form", "1.1")
        for key, value in (("form", "telex"), ("gap", "1000000"), ("gap", "x"), ("day", "10001"),
                           ("sync", "205"), ("sync", "211"), ("ui", "loud"), ("mail", "some"),
                           ("quiet", "25:00-1"), ("mailbox", "anna"),
                           ("server", "x" * 256)):
            refused("set", "anna", "IMEI:2", key, value,
                    says="%s takes" % key)
        refused("set", "anna", "IMEI:2", "colour", "red", says="no setting")
        refused("set", "anna", "IMEI:2", "form", "emn", says="mailbox")
        row, = json.loads(self.run_("push", "list", "anna", "--json"))
        self.assertEqual(row["to"], "post:zwei")
        self.assertEqual(row["ways"],
                         "gap 5; quiet 22:00-07:00; form 1.1")
        self.assertEqual((row["secret"], row["nonce"]), (False, False))
        self.run_("push", "set", "anna", "IMEI:2", "quiet", "")
        secret = self.run_("push", "secret", "anna", "IMEI:2",
                           "--generate").strip()
        self.assertEqual(len(secret), 26)
        self.assertIn("session 1", self.run_("push", "test", "anna",
                                             "IMEI:2"))
        self.sink.wait(1)
        row, = json.loads(self.run_("push", "list", "anna", "--json"))
        self.assertEqual((row["secret"], row["notices"], row["waits"]),
                         (True, 1, "contacts"))
        self.run_("push", "secret", "anna", "IMEI:2", "--none")
        self.run_("push", "set", "anna", "IMEI:2", "to", "off")
        self.assertEqual(json.loads(self.run_("push", "list", "anna",
                                              "--json")), [])
        self.one_adds("Bert")
        self.assertEqual(len(self.sink.seen), 1)

    @unittest.skipUnless(shutil.which("g++") and os.path.exists(
        "/usr/include/synthesis/san.h"), "libsynthesis-dev is not installed")
    def test_libsynthesis_reads_it(self):
        judge = os.path.join(self.dir, "judge")
        subprocess.run(["g++", "-std=c++11", "-o", judge,
                        os.path.join(HERE, "judge.cpp"), "-lsynthesissdk",
                        "-lsmltk", "-lsynthesis"], check=True)
        cal = phone.Phone("IMEI:2", "anna", "geheim")
        cal.sid = 50
        s = phone.Session("IMEI:2", 50, "anna", "geheim", "calendar", "./K")
        s.send(self.d.port(), s.alert(201, "", "k1"))
        s.send(self.d.port(), s.sync([]))
        s.send(self.d.port(), s.map({}))
        self.wake("server", "http://sync.example.org/")
        self.run_("push", "secret", "anna", "IMEI:2", "--password-stdin",
                  text="srvsecret\n")
        want = [[0, 206, 7, "contacts"], [0, 206, 6, "calendar"]]
        for i, form in enumerate(("san", "1.1", "1.0")):
            self.run_("push", "set", "anna", "IMEI:2", "form", form)
            self.run_("push", "test", "anna", "IMEI:2")
            body = self.sink.wait(i + 1)[i][2]
            p = subprocess.run([judge, "http://sync.example.org/", "srvsecret",
                                "", body.hex()], stdout=subprocess.PIPE,
                               text=True, check=False)
            got = json.loads([x for x in p.stdout.split("\n")
                              if x.startswith("{")][0])
            with self.subTest(form=form):
                self.assertEqual(got["rc"], 0)
                self.assertEqual(got["session"], i + 1)
                self.assertEqual(got["server"], "http://sync.example.org/")
                self.assertEqual(got["digest_ok"], form == "san")
                self.assertEqual(got["version"],
                                 {"san": 12, "1.0": 10}.get(form, 11))
                # Of a message (which it takes as WBXML only) it keeps no
                # content types.
                self.assertEqual(got["syncs"], want if form == "san" else [
                    [rc, code, 0, uri] for rc, code, _, uri in want])

    def test_new_address_while_it_waits(self):
        hour = time.gmtime().tm_hour
        self.wake("quiet", "%02d:00-%02d:00" % ((hour - 1) % 24,
                                                (hour + 2) % 24))
        self.one_adds("Bert")
        self.wait_state("queued")
        self.run_("push", "set", "anna", "IMEI:2", "to", "post:drei", "quiet",
                  "")
        (path, _, _), = self.sink.wait(1)
        self.assertEqual(path, "/notice/drei")


def main():
    global PROGRAM
    PROGRAM = sys.argv.pop(1)
    unittest.main(verbosity=2)


if __name__ == "__main__":
    main()
