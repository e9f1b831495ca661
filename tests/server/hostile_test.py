"""Hostile requests against `funicular serve`: what each is answered, and what
the log says about it. docs/hostile-input.md is the table of them all.
Usage: hostile_test.py PROGRAM DOUBLE [unittest arguments]

PROGRAM is the daemon, DOUBLE the one with the tests' own service (double.c).
"""

import base64
import os
import re
import socket
import struct
import subprocess
import sys
import tempfile
import time
import unittest
import zlib

from daemon import Client, Daemon, LIMIT, XML, ask, head, post

PROGRAM = DOUBLE = ""
WBXML = "application/vnd.syncml+wbxml"
HERE = os.path.dirname(os.path.abspath(__file__))

# What must never be in a log.
PASSWORD = "Sesam-0effne-dich"
WRONG = "falsches-Passwort"
BODY = "Geheimnis-im-Eintrag"


def limit(name):
    """A constant of syncml/limits.h."""
    with open(os.path.join(HERE, "..", "..", "syncml", "limits.h")) as f:
        return int(re.search(r"\b%s = (\d+)," % name, f.read())[1])


HEADERS_MAX = limit("SML_HTTP_HEADERS_MAX")
HEAD_BYTES_MAX = limit("SML_HTTP_HEAD_BYTES_MAX")
HEADER_COST = limit("SML_HTTP_HEADER_COST")

BASE = [("Host", "h"), ("Content-Type", XML)]
ECHO = BASE + [("Content-Length", "4")]


def weight(headers, path="/sync"):
    return len(path) + sum(len(k) + len(v) + HEADER_COST for k, v in headers)


def padding(n, total):
    """n headers that make the request's head weigh `total`."""
    names = ["X%02d" % i for i in range(n)]
    left = total - weight(ECHO) - sum(len(k) + HEADER_COST for k in names)
    sizes = [left // n] * n
    sizes[0] += left % n
    return [(k, "y" * s) for k, s in zip(names, sizes)]


class Head(unittest.TestCase):
    """Headers, arguments, cookies, trailers: at the limit the answer still
    comes, above it nothing is handled."""

    @classmethod
    def setUpClass(cls):
        cls.d = Daemon([DOUBLE])
        cls.p = cls.d.port()

    @classmethod
    def tearDownClass(cls):
        with cls.d:
            pass

    def status(self, request):
        a = ask(self.p, request)
        return None if a is None else a.status

    def test_count(self):
        for more in (-1, 0, 1):
            n = HEADERS_MAX + more - len(ECHO)
            headers = ECHO + [("X%d" % i, "y") for i in range(n)]
            got = self.status(head("POST", "/sync", headers) + b"echo")
            self.assertEqual(got, 200 if more <= 0 else 431)
        self.d.wait_log(r'peer=127.0.0.1 method="POST" path="/sync" http=431 '
                        r'.* note="The request.s headers are too many')

    def test_bytes(self):
        for n in (1, 5, 20, HEADERS_MAX - len(ECHO)):
            for more in (-1, 0, 1):
                pad = padding(n, HEAD_BYTES_MAX + more)
                self.assertEqual(weight(ECHO + pad), HEAD_BYTES_MAX + more)
                got = self.status(head("POST", "/sync", ECHO + pad) + b"echo")
                self.assertEqual(got, 200 if more <= 0 else 431, (n, more))
                # The page's answer has the most headers.
                if more <= 0:
                    self.assertEqual(self.status(head(
                        "GET", "/sync", [("Host", "h")] + pad)), 200)

    def test_far_too_much(self):
        for request in (
                head("POST", "/sync", ECHO + [("X", "y" * 20000)]) + b"echo",
                head("POST", "/sync", ECHO + [("X", "y")] * 3000) + b"echo",
                head("POST", "/" + "a" * 20000, ECHO) + b"echo"):
            self.assertIn(self.status(request), (None, 414, 431))
        self.d.wait_log("http=0 .*end=malformed")
        self.assertEqual(self.status(post("echo")), 200)

    def test_arguments(self):
        room = HEADERS_MAX - len(ECHO)
        for n in (room - 1, room, room + 1):
            got = self.status(post("echo", "/sync?" + "&".join("a" * n)))
            self.assertEqual(got, 200 if n <= room else 431, n)
        # The library gives up: the connection ends, long before its deadline.
        for n in (200, 3000):
            self.assertIsNone(self.status(post("echo", "/sync?" + "&a" * n)))
        self.d.wait_log("event=request peer=127.0.0.1 .*end=deadline")

    def test_cookies(self):
        for n, want in ((10, 200), (200, 431), (1000, 431)):
            cookie = "; ".join("a%d=b" % i for i in range(n))
            got = self.status(post("echo", more=[("Cookie", cookie)]))
            self.assertEqual(got, want, n)

    def test_trailers(self):
        start = head("POST", "/sync", BASE + [("Transfer-Encoding", "chunked")])
        room = HEADERS_MAX - len(BASE) - 1
        for n in (room - 1, room, room + 1, 300, 3000):
            got = self.status(start + b"4\r\necho\r\n0\r\n" + b"".join(
                b"T%d: x\r\n" % i for i in range(n)) + b"\r\n")
            if n <= room:
                self.assertEqual(got, 200, n)
            else:
                self.assertIn(got, (431, None), n)

    def descriptors(self):
        return len(os.listdir("/proc/%d/fd" % self.d.proc.pid))

    def test_the_answer_survives_the_body(self):
        """Refused at its headers, sent to its end: no reset takes the answer
        away, and the connection does not stay."""
        self.assertEqual(self.status(post("echo")), 200)
        before = self.descriptors()
        for n in (1000001, 3000000):
            for _ in range(20):
                a = ask(self.p, post("e" * n))
                self.assertEqual(a.status, 413)
                self.assertEqual(a.get("Connection"), "close")
        with Client(self.p) as c:
            c.send(head("POST", "/sync", BASE + [
                ("Content-Length", "50000000")]))
            self.assertEqual(c.answer().status, 413)
            self.assertEqual(c.ended(), b"")
            c.send(b"e" * 100000)
        end = time.monotonic() + LIMIT
        while self.descriptors() > before:
            self.assertLess(time.monotonic(), end)
            time.sleep(0.02)

    def test_odd_requests(self):
        for request, want in (
                (b"POST /sync\r\n\r\n", (None, 400)),
                (b"POST  /sync  HTTP/1.1\r\nHost: h\r\n\r\n", (None, 400, 404,
                                                              411, 415)),
                (b"POST /sync HTTP/9.9\r\nHost: h\r\n\r\n", (None, 400, 411,
                                                             415, 505)),
                (b"POST /sync HTTP/1.1 x\r\nHost: h\r\n\r\n", (None, 400, 411,
                                                               415, 505)),
                (b"\x00" * 100 + b"\r\n\r\n", (None, 400)),
                (b"POST /sync HTTP/1.1\r\nHost: h\r\n obs: fold\r\n"
                 b"Content-Length: 4\r\n\r\necho", (None, 400, 415)),
                (b"POST /sync HTTP/1.1\nHost: h\n\n", (None, 400, 411, 415))):
            with Client(self.p) as c:
                c.send(request)
                c.sock.shutdown(socket.SHUT_WR)
                a = c.answer()
                self.assertIn(None if a is None else a.status, want, request)
        self.assertEqual(self.status(post("echo")), 200)

    def test_cut_at_every_byte(self):
        """Ended or reset in the middle: nothing is handled, nothing stays."""
        n = len(self.d.lines)
        path = "/funambol/ds" # nobody else uses it here
        whole = post("echo cut", path)
        for i in range(0, len(whole), 5):
            for reset in (False, True):
                c = Client(self.p)
                c.send(whole[:i])
                if reset:
                    c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                      struct.pack("ii", 1, 0))
                c.close()
        self.d.wait_log('path="%s" http=0 .*end=aborted' % path, n)
        self.assertEqual(self.status(post("echo", path)), 200)
        self.d.wait_log('path="%s" http=200' % path, n)
        self.assertEqual(sum('path="%s" http=200' % path in l
                             for l in self.d.lines), 1)


def message(body="<Final/>", cred=(PASSWORD,), sid="1", msg="1", dev="IMEI:1",
            ver="1.2"):
    text = "" if cred is None else base64.b64encode(
        ("anna:" + cred[0]).encode()).decode()
    return ("<SyncML><SyncHdr><VerDTD>%s</VerDTD><VerProto>SyncML/%s</VerProto>"
            "<SessionID>%s</SessionID><MsgID>%s</MsgID><Target><LocURI>"
            "http://h/sync</LocURI></Target><Source><LocURI>%s</LocURI>"
            "</Source>%s</SyncHdr><SyncBody>%s</SyncBody></SyncML>" % (
                ver, ver, sid, msg, dev, "" if cred is None else
                "<Cred><Meta><Type>syncml:auth-basic</Type></Meta><Data>%s"
                "</Data></Cred>" % text, body))


ALERT = ("<Alert><CmdID>1</CmdID><Data>201</Data><Item><Target><LocURI>contacts"
         "</LocURI></Target><Source><LocURI>./C</LocURI></Source><Meta><Anchor>"
         "<Next>1</Next></Anchor></Meta></Item></Alert><Final/>")


def adds(*cards):
    return ("<Sync><CmdID>1</CmdID><Target><LocURI>contacts</LocURI></Target>"
            "<Source><LocURI>./C</LocURI></Source>" + "".join(
                "<Add><CmdID>%d</CmdID><Meta><Type>text/x-vcard</Type></Meta>"
                "<Item><Source><LocURI>%d</LocURI></Source><Data>%s</Data>"
                "</Item></Add>" % (i, i, card)
                for i, card in enumerate(cards, 2)) + "</Sync><Final/>")


CARD = "BEGIN:VCARD\nVERSION:2.1\nN:%s\nEND:VCARD\n"


class Whole(unittest.TestCase):
    """One daemon, all of it, and at the end a look into its log."""

    @classmethod
    def setUpClass(cls):
        cls.tmp = tempfile.TemporaryDirectory()
        state = os.path.join(cls.tmp.name, "state")
        cls.d = Daemon([PROGRAM], (
            "listen = 127.0.0.1:0\nadmin_listen = 127.0.0.1:0\n"
            "store = sqlite:%s/f.db\nstate_dir = %s\nkey_file = %s/key\n"
            "max_message = 50 kB\nlog_level = debug\n" % (state, state, state)),
            args=("--config", "CONF", "serve", "--allow-root"))
        cls.p = cls.d.port()
        subprocess.run(
            [PROGRAM, "--config", cls.d.conf, "user", "add", "anna",
             "--password-stdin"], input=PASSWORD + "\n", text=True, check=True,
            stdout=subprocess.DEVNULL, timeout=60)

    @classmethod
    def tearDownClass(cls):
        with cls.d:
            pass
        cls.tmp.cleanup()

    # What is posted, HTTP's status, and what the line in the log says.
    ROWS = [
        # Media types against bytes.
        ("no XML", post("hello " + BODY), 400, "neither XML nor WBXML"),
        ("JSON", post('{"a": 1}'), 400, "neither XML nor WBXML"),
        ("XML said to be WBXML", post(message(), ctype=WBXML), 200, "msg 1"),
        ("WBXML said to be XML", post(b"\x02\xa4\x01\x6a\x00\x6d\x01"), 400,
         "no SyncHdr"),
        ("HTML", post("<html/>", ctype="text/html"), 415, "takes application"),
        ("text/xml", post(message(sid="71"), ctype="text/xml"), 200, "msg 1"),
        ("no type", post(message(sid="72"), ctype=""), 200, "msg 1"),
        ("HTML said to be XML", post("<html/>", ctype="text/xml"), 400,
         "root element"),
        ("DM", post("<SyncML/>", ctype="application/vnd.syncml.dm+xml"), 415,
         "takes application"),
        # XML.
        ("cut off", post(message()[:-20]), 400, "not well-formed"),
        ("entity", post('<!DOCTYPE SyncML [<!ENTITY x "%s">]>' % BODY
                        + message("&x;")), 400, "DOCTYPE with declarations"),
        ("file entity", post('<!DOCTYPE SyncML [<!ENTITY x SYSTEM "file:///etc/'
                             'passwd">]>' + message("&x;")), 400, "DOCTYPE"),
        ("undeclared entity", post(message("&x;")), 400, "not well-formed|ref"),
        ("NUL", post(message().replace("<Final/>", "\0")), 200, "msg 1"),
        ("NUL behind it", post(message() + "\0"), 200, "msg 1"),
        ("a line before it", post("\n<?xml version='1.0'?>" + message()), 200,
         "msg 1"),
        ("NUL in a tag", post(message().replace("<Final/>", "<Fi\0nal/>")),
         400, "not well-form"),
        ("invalid UTF-8", post(message("<Final>\udcff</Final>").encode(
            "utf-8", "surrogateescape")), 200, "msg 1"),
        ("control characters", post(message(sid="\x01" "7")), 200, "msg 1"),
        ("BOM", post(b"\xef\xbb\xbf" + message().encode()), 200, "msg 1"),
        ("UTF-16", post(("\ufeff" + message(sid="16")).encode("utf-16-le")),
         200, "msg 1"),
        ("UTF-7", post('<?xml version="1.0" encoding="UTF-7"?>' + message()),
         400, "an encoding that is not read"),
        ("an unknown encoding", post('<?xml version="1.0" encoding="x-no"?>'
                                     + message()), 400, "not well-formed"),
        ("40 deep", post(message("<Atomic>" * 40 + "</Atomic>" * 40)), 413,
         "more than 32 elements"),
        # WBXML.
        ("WBXML cut off", post(b"\x02\xa4\x01\x6a\x00\x6d\x6c", ctype=WBXML),
         400, "ends too early"),
        ("WBXML extension", post(b"\x02\xa4\x01\x6a\x00\x6d\xc0", ctype=WBXML),
         400, "extension token"),
        ("WBXML length", post(b"\x02\xa4\x01\x6a\x00\x6d\x4f\xc3\x8f\xff\xff"
                              b"\xff\x7f", ctype=WBXML), 400, "past the end"),
        ("WBXML charset", post(b"\x02\xa4\x01\x88\x77\x00\x6d", ctype=WBXML),
         400, "charset"),
        ("WBXML version", post(b"\x07\xa4\x01\x6a\x00\x6d", ctype=WBXML), 400,
         "neither XML nor WBXML|version"),
        # HTTP around it.
        ("no gzip", post(message(), more=[("Content-Encoding", "gzip")]), 400,
         "not compressed as"),
        ("gzip bomb", post(zlib.compress(b"<" * 20000000), more=[
            ("Content-Encoding", "deflate")]), 413, "too large"),
        ("brotli", post(message(), more=[("Content-Encoding", "br")]), 415,
         "must be gzip"),
        ("PUT", head("PUT", "/sync", [("Host", "h")]), 405, "takes GET"),
        ("TRACE", head("TRACE", "/sync", [("Host", "h")]), 405, "takes GET"),
        ("path", post(message(), "/../../etc/passwd"), 404, "Nothing is here"),
        ("no length", head("POST", "/sync", BASE), 411, "Content-Length"),
        ("empty", post(""), 400, "empty"),
        ("two lengths", head("POST", "/sync", ECHO + [("Content-Length", "5")]),
         400, "contradict"),
        ("length and chunked", head("POST", "/sync", ECHO + [
            ("Transfer-Encoding", "chunked")]), 400, "contradict"),
        ("too large", head("POST", "/sync", BASE + [
            ("Content-Length", "100001")]), 413, "too large"),
        # Messages: test_hostile.c has the others.
        ("no credentials", post(message(cred=None)), 200, "no credentials|"
         "without credentials|credentials"),
        ("wrong password", post(message(cred=(WRONG,))), 200, "password|wrong"),
        ("wrong version", post(message(ver="7.0")), 200, "unknown protocol"),
        ("MsgID a word", post(message(msg="one")), 200, "without MsgID"),
        ("SessionID of 10 kB", post(message(sid="s" * 10000)), 400,
         "SessionID has 10000 bytes"),
        ("Source of 50 kB", post(message(dev="d" * 50000)), 200,
         "without MsgID"),
    ]

    def test_rows(self):
        for name, request, want, says in self.ROWS:
            n = len(self.d.lines)
            a = ask(self.p, request)
            self.assertEqual(a and a.status, want, name)
            self.d.wait_log(r'event=request peer=127\.0\.0\.1 .* http=%d .*'
                            r'note="[^"]*(%s)' % (want, says), n)
            self.assertLess(len(a.body), 3000, name)
        self.good_sync()

    def good_sync(self):
        a = ask(self.p, post(message(ALERT, sid="77", dev="IMEI:good")))
        self.assertIn(b"<Data>212</Data>", a.body)
        path = "/sync?s=" + re.search(rb"\?s=([\w-]+)", a.body)[1].decode()
        a = ask(self.p, post(message(adds(
            CARD % (BODY + "1"), "no vCard " + BODY, CARD % (BODY + "2"),
            CARD.replace("END:VCARD", "") % "x\x7f\t" + BODY),
            cred=None, sid="77", msg="2", dev="IMEI:good"), path))
        codes = re.findall(rb"<Cmd>Add</Cmd>.*?<Data>(\d+)</Data>", a.body)
        self.assertEqual(codes[:3], [b"201", b"415", b"201"])
        return path

    def test_an_item_that_cannot_be_read(self):
        """It has its own Status; the others of its message are taken."""
        self.good_sync()

    def test_control_characters(self):
        """No byte of a peer makes a line, or writes on a terminal."""
        n = len(self.d.lines)
        evil = "IMEI:1&#10;error event=forged peer=x&#13;&#27;[31m\u009b\u2028"
        evil = evil.replace("&#27;", "\\").replace("&#13;", "&#9;")
        for request in (
                post(message(dev=evil)), post(message(dev=evil, cred=(WRONG,))),
                post(message(), "/x\x1b[31m%0aforged"),
                post(message(ALERT.replace("contacts", "x&#10;forged"))),
                head("POST\x1b[31m", "/sync", ECHO) + b"echo"):
            if isinstance(request, str):
                request = request.encode()
            try:
                ask(self.p, request)
            except ConnectionError:
                pass
        self.d.wait_log("event=login-refused", n)
        for line in self.d.lines:
            self.assertNotRegex(line, r"^(error )?event=forged")
            self.assertNotRegex(line, r"[\x00-\x08\x0a-\x1f\x7f]")

    def test_values_are_cut(self):
        """At 200 bytes, whatever their place."""
        n = len(self.d.lines)
        ask(self.p, post(message(dev="D" * 255)))
        ask(self.p, post(message(dev="\u00e4" * 127, cred=(WRONG,))))
        ask(self.p, post(message(), "/" + "P" * 3000))
        ask(self.p, post(message(sid="S" * 64)))
        self.d.wait_log('sid="SSS', n)
        for line in self.d.lines:
            self.assertLess(len(line.encode()), 1100)
            for m in re.finditer(r'"([^"]*)"', line):
                self.assertLessEqual(len(m[1].encode()), 320, line)
            self.assertNotRegex(line, "D{201}|P{201}")

    def test_wrong_credentials(self):
        """Of each kind; none of them, nor the right ones, are in the log."""
        n = len(self.d.lines)
        for cred in (WRONG, "", WRONG * 50, "\u00e4" + WRONG, PASSWORD + "x"):
            a = ask(self.p, post(message(cred=(cred,), sid="9")))
            self.assertEqual(a.status, 200)
            self.assertNotIn(b"<Data>212</Data>", a.body)
        for data in ("%%%", base64.b64encode(b"no-colon").decode(), "=" * 99):
            ask(self.p, post(message(sid="9").replace(
                base64.b64encode(("anna:" + PASSWORD).encode()).decode(),
                data)))
        self.d.wait_log("event=login-refused peer=127.0.0.1 .*user=.*dev=", n)

    def test_zz_nothing_secret_is_in_the_log(self):
        """Runs last of all: its log is that of the whole hostile run."""
        path = self.good_sync()
        last = "/the-last-one"
        ask(self.p, post(message(), last))
        self.d.wait_log('path="%s"' % last)
        log = "\n".join(self.d.lines)
        self.assertGreater(log.count("event=request"), len(self.ROWS))
        secrets = [PASSWORD, WRONG, BODY, path.split("=")[1], "BEGIN:VCARD"]
        for s in list(secrets):
            for user in ("", "anna:"):
                secrets.append(base64.b64encode(
                    (user + s).encode()).decode().rstrip("="))
        answer = ask(self.p, post(message(cred=None))).body.decode()
        secrets += re.findall(r"<NextNonce[^>]*>([^<]+)<", answer)
        for s in secrets:
            self.assertNotIn(s, log)


if __name__ == "__main__":
    PROGRAM, DOUBLE = sys.argv.pop(1), sys.argv.pop(1)
    unittest.main()
