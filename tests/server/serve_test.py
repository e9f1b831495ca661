"""`funicular serve` itself: the command line, a new site, the engine behind
HTTP. Usage: serve_test.py PROGRAM DOCS [unittest arguments]"""

import os
import re
import signal
import subprocess
import sys
import tempfile
import unittest

from daemon import Daemon, XML, ask, head, post

PROGRAM = ""
DOCS = ""

MESSAGE = """<SyncML><SyncHdr><VerDTD>1.1</VerDTD><VerProto>SyncML/1.1\
</VerProto><SessionID>1</SessionID><MsgID>1</MsgID><Target><LocURI>\
http://x/sync</LocURI></Target><Source><LocURI>IMEI:1</LocURI></Source>\
</SyncHdr><SyncBody><Final/></SyncBody></SyncML>"""


def run(*args, env=None):
    return subprocess.run([PROGRAM] + list(args), capture_output=True,
                          text=True, timeout=60, check=False,
                          env=dict(os.environ, **(env or {})))


def conf(where):
    return ("listen = 127.0.0.1:0\nadmin_listen = 127.0.0.1:0\n"
            "store = sqlite:%s/state/deep/f.db\nstate_dir = %s/state/deep\n"
            "key_file = %s/state/deep/key\n" % (where, where, where))


class CommandLine(unittest.TestCase):
    def test_help(self):
        r = run("--help")
        self.assertEqual(r.returncode, 0)
        names = re.findall(r"^  ([a-z]+) +\S", r.stdout, re.M)
        self.assertIn("serve", names)
        for name in names:
            one = run(name, "--help")
            self.assertEqual((one.returncode, one.stderr), (0, ""), name)
            self.assertIn("usage: funicular", one.stdout)
            self.assertEqual(run("help", name).stdout, one.stdout)
            self.assertLess(max(len(l) for l in one.stdout.splitlines()), 80)
        self.assertEqual(run("help").stdout, r.stdout)

    def test_version(self):
        self.assertRegex(run("--version").stdout, r"^funicular \d+\.\d+\.\d+\n$")

    def test_mistakes(self):
        for args in ((), ("nope",), ("help", "nope"), ("serve", "--nope"),
                     ("--config",), ("serve", "extra")):
            r = run(*args)
            self.assertEqual(r.returncode, 2, args)
            self.assertEqual(r.stdout, "")
            self.assertTrue(r.stderr, args)

    def test_full_disk(self):
        with open("/dev/full", "w") as full:
            r = subprocess.run([PROGRAM, "--help"], stdout=full,
                               stderr=subprocess.PIPE, text=True, check=False)
        self.assertEqual(r.returncode, 1)
        self.assertIn("cannot write", r.stderr)

    def test_printed_files(self):
        for option, name in (("--print-config", "funicular.conf"),
                             ("--print-man", "man/funicular.conf.5")):
            with open(os.path.join(DOCS, name), encoding="utf-8") as f:
                self.assertEqual(run("serve", option).stdout, f.read())

    def test_check_config(self):
        with tempfile.TemporaryDirectory() as tmp:
            path = os.path.join(tmp, "c")
            for text, code, says in (
                    (conf(tmp), 0, "is fine"),
                    (conf(tmp) + "bad = 1\n", 5, 'line 6: "bad" is no key'),
                    ("listen = 0.0.0.0:0\n", 5, "allow_plain"),
                    ("tls_cert = /x\ntls_key = /y\n", 5, "tls_cert /x")):
                with open(path, "w", encoding="utf-8") as f:
                    f.write(text)
                for r in (run("--config", path, "serve", "--check-config"),
                          run("serve", "--config=" + path, "--check-config"),
                          run("serve", "--check-config",
                              env={"FUNICULAR_CONF": path})):
                    self.assertEqual(r.returncode, code, r.stderr)
                    self.assertIn(says, r.stdout + r.stderr)
            # A look makes nothing.
            self.assertEqual(os.listdir(tmp), ["c"])


class Site(unittest.TestCase):
    def daemon(self, tmp, more=""):
        return Daemon([PROGRAM], conf(tmp) + more, args=(
            "--config", "CONF", "serve", "--allow-root"))

    def test_new_site(self):
        with tempfile.TemporaryDirectory() as tmp:
            with self.daemon(tmp) as d:
                a = ask(d.port(), post(MESSAGE))
                self.assertEqual((a.status, a.get("Content-Type")), (200, XML))
                self.assertIn(b"<Data>407</Data>", a.body)
                a = ask(d.port(), post("not XML at all"))
                self.assertIn(a.status, (400, 415))
                a = ask(d.admin_port(), head("GET", "/healthz",
                                             [("Host", "h")]))
                self.assertEqual((a.status, a.body), (200, b"ok\n"))
                state = os.path.join(tmp, "state", "deep")
                self.assertEqual(os.stat(state).st_mode & 0o777, 0o700)
                self.assertEqual(os.stat(os.path.join(state, "key")).st_mode
                                 & 0o777, 0o600)
                # Two daemons of one site may run side by side.
                with self.daemon(tmp) as twin:
                    self.assertEqual(ask(twin.port(), post(MESSAGE)).status,
                                     200)
            # What is there is taken up again.
            with self.daemon(tmp) as d:
                self.assertEqual(ask(d.port(), post(MESSAGE)).status, 200)

    def test_wrong_password_counts(self):
        with tempfile.TemporaryDirectory() as tmp, self.daemon(tmp) as d:
            cred = ("<Cred><Meta><Type>syncml:auth-basic</Type></Meta>"
                    "<Data>YTpi</Data></Cred></SyncHdr>")
            ask(d.port(), post(MESSAGE.replace("</SyncHdr>", cred)))
            a = ask(d.admin_port(), head("GET", "/metrics", [("Host", "h")]))
            self.assertIn(b"\nfunicular_auth_failures_total 1\n", a.body)

    def test_mends(self):
        """What cannot work is one sentence, and the right exit code."""
        with tempfile.TemporaryDirectory() as tmp:
            path = os.path.join(tmp, "c")
            blocked = os.path.join(tmp, "blocked")
            open(blocked, "w").close()
            for more, says in (
                    ("state_dir = %s/x\n" % blocked, "cannot make the directory"),
                    ("store = mysql:x\n", 'no store is called "mysql"'),
                    ("store = sqlite:%s/x.db\n" % blocked, "blocked"),
                    ("rules_file = /nowhere\n", "rules_file /nowhere")):
                key = more.split(" ")[0]
                text = "".join(l + "\n" for l in conf(tmp).splitlines()
                               if not l.startswith(key + " ")) + more
                with open(path, "w", encoding="utf-8") as f:
                    f.write(text)
                r = run("--config", path, "serve", "--allow-root")
                self.assertIn(r.returncode, (5, 6), r.stderr)
                said = [l for l in r.stderr.splitlines()
                        if l.startswith("funicular: ")]
                self.assertEqual(len(said), 1, r.stderr)
                self.assertIn(says, said[0])

    def test_reload_and_kill(self):
        with tempfile.TemporaryDirectory() as tmp:
            with self.daemon(tmp) as d:
                d.term(signal.SIGHUP)
                d.wait_log("configuration read again")
                self.assertEqual(ask(d.port(), post(MESSAGE)).status, 200)
            d = self.daemon(tmp)
            d.proc.kill()
            d.wait()
            d.close()
            with self.daemon(tmp) as d:
                self.assertEqual(ask(d.port(), post(MESSAGE)).status, 200)


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    DOCS = sys.argv.pop(1)
    unittest.main()
