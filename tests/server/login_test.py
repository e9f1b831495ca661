"""Logins at `funicular serve` itself, over HTTP. Usage: login_test.py PROGRAM
[unittest arguments]"""

import base64
import gzip
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import unittest

from daemon import LIMIT, Daemon, ask, post

PROGRAM = ""

MESSAGE = """<SyncML xmlns='SYNCML:SYNCML1.2'><SyncHdr><VerDTD>1.2</VerDTD>\
<VerProto>SyncML/1.2</VerProto><SessionID>7</SessionID><MsgID>%d</MsgID>\
<Target><LocURI>http://x/sync</LocURI></Target><Source><LocURI>%s</LocURI>\
<LocName>%s</LocName></Source>%s</SyncHdr><SyncBody><Alert><CmdID>1</CmdID>\
<Data>201</Data><Item><Target><LocURI>./contacts</LocURI></Target><Source>\
<LocURI>./c</LocURI></Source><Meta><Anchor xmlns='syncml:metinf'><Next>n1\
</Next></Anchor></Meta></Item></Alert><Final/></SyncBody></SyncML>"""

CRED = "<Cred><Meta><Type xmlns='syncml:metinf'>syncml:auth-%s</Type>" \
    "<Format xmlns='syncml:metinf'>b64</Format></Meta><Data>%s</Data></Cred>"


def b64(data):
    return base64.b64encode(data).decode()


def md5(*parts):
    return hashlib.md5(b":".join(parts)).digest()


def basic(user, password):
    return CRED % ("basic", b64(("%s:%s" % (user, password)).encode()))


def digest(user, password, nonce):
    inner = b64(md5(user.encode(), password.encode())).encode()
    return CRED % ("md5", b64(md5(inner, nonce)))


def message(user="anna", dev="IMEI:1", cred="", msgid=1):
    return (MESSAGE % (msgid, dev, user, cred)).encode()


def mac(user, password, nonce, body):
    inner = b64(md5(user.encode(), password.encode())).encode()
    return 'algorithm=MD5, username="%s", mac=%s' % (
        user, b64(md5(inner, nonce, b64(md5(body)).encode())))


def header_code(answer):
    m = re.search(rb"<Cmd>SyncHdr</Cmd>.*?<Data>(\d+)</Data>", answer.body,
                  re.S)
    return int(m[1])


def challenge(answer):
    """-> ("basic", b"") or ("md5", nonce) ..."""
    m = re.search(rb"<Chal>.*?auth-(\w+)<.*?</Chal>", answer.body, re.S)
    n = re.search(rb"<NextNonce[^>]*>([^<]*)<", answer.body)
    return m and m[1].decode(), base64.b64decode(n[1]) if n else b""


class Case(unittest.TestCase):
    def setUp(self):
        self.tmp = tempfile.TemporaryDirectory()
        where = self.tmp.name
        self.conf = (
            "listen = 127.0.0.1:0\nadmin_listen = 127.0.0.1:0\n"
            "store = sqlite:%s/f.db\nstate_dir = %s\nkey_file = %s/key\n"
            "server_id = here\n" % (where, where, where))
        path = os.path.join(where, "conf")
        with open(path, "w", encoding="utf-8") as f:
            f.write(self.conf)
        self.command = lambda *args, **more: subprocess.run(
            [PROGRAM, "--config", path] + list(args), check=True, timeout=60,
            text=True, capture_output=True, **more).stdout
        self.command("user", "add", "anna", "--password-stdin",
                     input="geheim\n")

    def tearDown(self):
        self.tmp.cleanup()

    def daemon(self, more=""):
        return Daemon([PROGRAM], self.conf + more, args=(
            "--config", "CONF", "serve", "--allow-root"))

    def secret(self, label):
        return json.loads(self.command("device", "add", "anna", label, "--md5",
                                       "--json"))["secret"]


class Challenges(Case):
    def test_md5_is_told_to_use_basic(self):
        """A phone set to MD5, a password that has none: it gets in."""
        with self.daemon() as d:
            a = ask(d.port(), post(message(cred=digest("anna", "geheim", b""))))
            self.assertEqual((header_code(a), challenge(a)[0]), (401, "md5"))
            nonce = challenge(a)[1]
            self.assertEqual(len(nonce), 24)
            a = ask(d.port(), post(message(
                cred=digest("anna", "geheim", nonce))))
            self.assertEqual((header_code(a), challenge(a)), (401,
                                                              ("basic", b"")))
            a = ask(d.port(), post(message(cred=basic("anna", "geheim"))))
            self.assertEqual(header_code(a), 212)

    def test_same_answer_for_nobody(self):
        """Byte by byte, whatever is wrong."""
        wrong = ([("anna", basic("anna", "x")), ("nobody", basic("nobody", "x"))]
                 + [(u, digest(u, "x", b"")) for u in ("anna", "nobody")])
        with self.daemon() as d:
            said = [ask(d.port(), post(message(user="u", dev="D%d" % i,
                                               cred=cred)))
                    for i, (_, cred) in enumerate(wrong)]
        for a in said:
            self.assertEqual(header_code(a), 401)
        bare = [re.sub(rb"D\d", b"D", re.sub(
            rb"<NextNonce.*?</NextNonce>", b"", a.body)) for a in said]
        self.assertEqual(bare[0], bare[1])
        self.assertEqual(bare[2], bare[3])

    def test_configured_first(self):
        for word in ("basic", "md5", "mac"):
            with self.daemon("auth_first = %s\n" % word) as d:
                a = ask(d.port(), post(message()))
                self.assertEqual(header_code(a), 407)
                self.assertEqual(challenge(a)[0].lower(), word)


class Mac(Case):
    def send(self, d, body, header, more=()):
        return ask(d.port(), post(body, more=[("X-SyncML-HMAC", header)] +
                                  list(more)))

    def test_both_ways(self):
        secret = self.secret("phone")
        with self.daemon("auth_first = mac\n") as d:
            a = ask(d.port(), post(message()))
            kind, nonce = challenge(a)
            self.assertEqual((header_code(a), kind), (407, "MAC"))
            self.assertIsNone(a.get("x-syncml-hmac"))
            body = message(msgid=2)
            good = mac("anna", secret, nonce, body)
            # What was sent is what it vouches for.
            a = self.send(d, body.replace(b"n1", b"n2"), good)
            self.assertEqual((header_code(a), challenge(a)[0]), (401, "MAC"))
            self.assertIsNone(a.get("x-syncml-hmac"))
            a = self.send(d, body, good)
            self.assertEqual((header_code(a), challenge(a)[0]), (200, "MAC"))
            self.assertEqual(a.get("x-syncml-hmac"),
                             mac("here", secret, b"", a.body))
            again = self.send(d, body, good)
            self.assertEqual(again.body, a.body)
            self.assertEqual(again.get("x-syncml-hmac"),
                             a.get("x-syncml-hmac"))
            # The body without its content coding is what counts.
            nonce = challenge(a)[1]
            body = message(msgid=3)
            a = self.send(d, gzip.compress(body),
                          mac("anna", secret, nonce, body),
                          [("Content-Encoding", "gzip")])
            self.assertEqual(header_code(a), 200)
            d.wait_log("")
            self.assertNotIn(secret, "\n".join(d.lines))

    def test_odd_headers(self):
        with self.daemon() as d:
            for odd in ("x", "mac=AAAA", 'username="%s"' % ("x" * 3000), "=,=",
                        'username="anna", mac=' + "A" * 22):
                a = self.send(d, message(), odd)
                self.assertEqual(header_code(a), 401, odd)
            a = self.send(d, message(), "x", [("x-syncml-hmac", "y")])
            self.assertEqual(a.status, 400)
            # Nothing said is nothing.
            a = self.send(d, message(), "")
            self.assertEqual(header_code(a), 407)


class Throttle(Case):
    WAIT_S = 16  # the delay after 10 wrong tries

    def log_in(self, d, dev, password):
        """-> (code, the log's reason for a refusal)"""
        before = len(d.lines)
        a = ask(d.port(), post(message(dev=dev, cred=basic("anna",
                                                           password))))
        code = header_code(a)
        return code, "" if code == 212 else \
            d.wait_log("event=login-refused", before)

    def until_refused(self, d):
        """Polls so slowly that WAIT_S is over first: each right password
        opens a session, and an account may have ten."""
        end, n = time.monotonic() + self.WAIT_S, 0
        while not self.refused_at(d, "new-%d" % n):
            n += 1
            self.assertLess(time.monotonic(), end)
            time.sleep(self.WAIT_S / 9)

    def guess(self, d):
        """Wrong passwords, each from another device, until the next one must
        wait long; how many were tried."""
        end = time.monotonic() + 60 + LIMIT
        looked = tries = 0
        while looked < 10:
            code, why = self.log_in(d, "guess-%d" % tries, "no%d" % tries)
            self.assertEqual(code, 401)
            looked += "too many wrong tries" not in why
            tries += 1
            self.assertLess(time.monotonic(), end)
        self.assertGreater(tries, 100)

    def refused_at(self, d, dev):
        """Even the right password, from a device not met before."""
        code, why = self.log_in(d, dev, "geheim")
        return code == 401 and "too many wrong tries" in why

    def test_shared_and_kept(self):
        with self.daemon() as one, self.daemon() as two:
            self.assertEqual(self.log_in(one, "known", "geheim")[0], 212)
            self.guess(one)
            # The other hears of it within a second or so.
            self.until_refused(two)
            # It knows too who was there with right credentials.
            self.assertEqual(self.log_in(two, "known", "geheim")[0], 212)
        with self.daemon() as three:
            self.assertTrue(self.refused_at(three, "new"))
            self.assertEqual(self.log_in(three, "known", "geheim")[0], 212)


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    unittest.main()
