"""The HTTP front and the daemon's life, against the daemon with a service of
the tests' own (double.c). Usage: http_test.py PROGRAM [unittest arguments]"""

import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
import unittest
import warnings
import zlib

from daemon import Client, Daemon, Failed, LIMIT, XML, ask, head, post

PROGRAM = []
WBXML = "application/vnd.syncml+wbxml"


def daemon(conf="", **more):
    return Daemon(PROGRAM, conf, **more)


class Statuses(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.d = daemon("max_message = 50 kB\n")
        cls.p = cls.d.port()

    @classmethod
    def tearDownClass(cls):
        with cls.d:
            pass

    def status(self, request):
        a = ask(self.p, request)
        return None if a is None else a.status

    def test_every_path(self):
        for path in ("/sync", "/funambol/ds", "/syncml", "/rpc.php", "/sync/",
                     "/sync?", "/sync?a=b&s=T0k", "http://x.example/sync",
                     "http://x.example:80/sync?s=T0k"):
            a = ask(self.p, post("echo", path))
            self.assertEqual(a.status, 200, path)
            token = "T0k" if "T0k" in path else ""
            self.assertIn("token=%s\n" % token, a.body.decode())

    def test_answer_headers(self):
        for ctype in (XML, WBXML, XML + "; charset=utf-8",
                      "application/vnd.syncml-xml", "APPLICATION/vnd.SyncML+xml"):
            a = ask(self.p, post("echo", ctype=ctype))
            self.assertEqual(a.status, 200, ctype)
            self.assertEqual(a.get("Content-Type"), ctype)
            self.assertEqual(a.get("Cache-Control"), "private, no-store")
            self.assertEqual(int(a.get("Content-Length")), len(a.body))
            self.assertIsNone(a.get("Set-Cookie"))
            self.assertIsNone(a.get("Transfer-Encoding"))

    def test_token_forms(self):
        for query, token in (("s=a&s=b", "a"), ("xs=a", ""), ("s=", ""),
                             ("s=" + "a" * 135, "a" * 135),
                             ("s=" + "a" * 136, ""), ("&&s=q&", "q")):
            a = ask(self.p, post("echo", "/sync?" + query))
            self.assertIn("token=%s\n" % token, a.body.decode(), query)

    def test_other_paths(self):
        for path in ("/", "/synco", "/sync/x", "/Sync", "//sync", "/healthz",
                     "/metrics", "/sync%00", "/" + "a" * 3000, "*",
                     "/funambol", "/%73ync"):
            for method in ("GET", "POST", "DELETE"):
                a = ask(self.p, head(method, path, [
                    ("Host", "h"), ("Content-Length", "0")]))
                self.assertEqual(a.status, 404, path)
                self.assertTrue(a.get("Content-Type").startswith("text/plain"))

    def test_page(self):
        a = ask(self.p, head("GET", "/sync", [("Host", "h")]))
        self.assertEqual(a.status, 200)
        self.assertTrue(a.get("Content-Type").startswith("text/html"))
        text = a.body.decode()
        self.assertNotIn("http", text.lower().replace("https and", "").replace(
            "for http.", ""))
        self.assertNotRegex(text, r"(?i)<script|src=|href=|url\(|@import")
        self.assertIn("default-src 'none'", a.get("Content-Security-Policy"))
        self.assertIsNone(a.get("Strict-Transport-Security"))
        n = len(a.body)
        a = ask(self.p, head("HEAD", "/sync", [("Host", "h")]))
        self.assertEqual((a.status, a.body), (200, b""))
        self.assertEqual(int(a.get("Content-Length")), n)

    def test_methods(self):
        for method in ("PUT", "DELETE", "OPTIONS", "TRACE", "PATCH",
                       "PROPFIND", "CONNECT", "get", "FOO"):
            a = ask(self.p, head(method, "/sync", [("Host", "h")]))
            self.assertEqual(a.status, 405, method)
            self.assertEqual(a.get("Allow"), "GET, HEAD, POST")

    def test_types(self):
        for ctype in ("text/html", "application/vnd.syncml.dm+xml",
                      "application/vnd.syncml.dm+wbxml", "text/plain",
                      "application/vnd.syncml+xmlx", "application/json",
                      "application/vnd.syncml"):
            a = ask(self.p, post("echo", ctype=ctype))
            self.assertEqual(a.status, 415, ctype)
        for ctype in ("text/xml", "application/xml; charset=utf-8", ""):
            a = ask(self.p, post("echo", ctype=ctype))
            self.assertEqual(a.status, 200, ctype)
        a = ask(self.p, head("POST", "/sync", [("Host", "h"),
                                               ("Content-Length", 4)]) + b"echo")
        self.assertEqual(a.status, 200)

    def test_empty(self):
        self.assertEqual(self.status(post("")), 400)
        self.assertEqual(self.status(head("POST", "/sync", [
            ("Host", "h"), ("Content-Type", XML),
            ("Transfer-Encoding", "chunked")]) + b"0\r\n\r\n"), 400)
        self.assertEqual(self.status(head("POST", "/sync", [
            ("Host", "h"), ("Content-Type", XML)])), 411)

    def test_limit(self):
        """At the limit, and one byte above it, told and not told before."""
        self.assertEqual(self.status(post("e" * 100000)), 200)
        with Client(self.p) as c: # no byte of the body was sent
            c.send(head("POST", "/sync", [("Host", "h"), ("Content-Type", XML),
                                          ("Content-Length", 100001)]))
            a = c.answer()
            self.assertEqual(a.status, 413)
            self.assertEqual(a.get("Connection"), "close")
            self.assertEqual(c.ended(), b"")
        chunked = head("POST", "/sync", [
            ("Host", "h"), ("Content-Type", XML),
            ("Transfer-Encoding", "chunked")])

        def chunks(n):
            one = b"3e8\r\n" + b"e" * 1000 + b"\r\n"
            last = b"%x\r\n%s\r\n" % (n % 1000, b"e" * (n % 1000)) \
                if n % 1000 else b""
            return chunked + one * (n // 1000) + last + b"0\r\n\r\n"
        self.assertEqual(self.status(chunks(99999)), 200)
        self.assertEqual(self.status(chunks(100000)), 200)
        self.assertEqual(self.status(chunks(100001)), 413)

    def test_endless_chunks_are_cut(self):
        with Client(self.p) as c:
            c.send(head("POST", "/sync", [
                ("Host", "h"), ("Content-Type", XML),
                ("Transfer-Encoding", "chunked")]))
            sent = 0
            try:
                while sent < 100 << 20:
                    c.send(b"4000\r\n" + b"e" * 0x4000 + b"\r\n")
                    sent += 0x4000
            except (ConnectionResetError, BrokenPipeError):
                pass
            self.assertLess(sent, 50 << 20)

    def test_chunked_trailers_and_extensions(self):
        a = ask(self.p, head("POST", "/sync", [
            ("Host", "h"), ("Content-Type", XML),
            ("Transfer-Encoding", "Chunked")])
            + b"4;x=y\r\necho\r\n3\r\n ab\r\n0\r\nX-T: 1\r\n\r\n")
        self.assertEqual(a.status, 200)
        self.assertIn("body=echo ab\n", a.body.decode())

    def test_expect(self):
        with Client(self.p) as c:
            c.send(head("POST", "/sync", [
                ("Host", "h"), ("Content-Type", XML), ("Content-Length", 4),
                ("Expect", "100-continue")]))
            while b"\r\n\r\n" not in c.left:
                self.assertTrue(c._more())
            self.assertTrue(c.left.startswith(b"HTTP/1.1 100 "))
            c.send(b"echo")
            self.assertEqual(c.answer().status, 200)
            # A refused body is not asked for.
            c.send(head("POST", "/sync", [
                ("Host", "h"), ("Content-Type", "text/plain"),
                ("Content-Length", 4), ("Expect", "100-continue")]))
            while b"\r\n\r\n" not in c.left:
                self.assertTrue(c._more())
            self.assertTrue(c.left.startswith(b"HTTP/1.1 415 "))

    def test_keep_alive(self):
        """Good, refused and page requests on one connection."""
        with Client(self.p) as c:
            for i in range(5):
                c.send(post("echo %d" % i))
                self.assertIn("body=echo %d" % i, c.answer().body.decode())
                c.send(post("x" * 5000, path="/nowhere"))
                self.assertEqual(c.answer().status, 404)
                c.send(head("GET", "/sync", [("Host", "h")]))
                self.assertEqual(c.answer().status, 200)
                c.send(head("HEAD", "/sync", [("Host", "h")]))
                self.assertEqual(c.answer(head_only=True).status, 200)
                # The body of a GET is not the next request.
                c.send(head("GET", "/sync", [("Host", "h"),
                                             ("Content-Length", 26)])
                       + b"DELETE /sync HTTP/1.1\r\n\r\n\r")
                self.assertEqual(c.answer().status, 200)

    def test_pipelined(self):
        with Client(self.p) as c:
            c.send(b"".join(post("echo %d" % i) for i in range(20)))
            for i in range(20):
                self.assertIn("body=echo %d\n" % i, c.answer().body.decode())

    def test_http_1_0(self):
        with Client(self.p) as c:
            c.send(head("POST", "/sync", [("Content-Type", XML),
                                          ("Content-Length", 4)],
                        "HTTP/1.0") + b"echo")
            self.assertEqual(c.answer().status, 200)
            self.assertEqual(c.ended(), b"")
        with Client(self.p) as c:
            for _ in range(2):
                c.send(head("POST", "/sync", [
                    ("Content-Type", XML), ("Content-Length", 4),
                    ("Connection", "Keep-Alive")], "HTTP/1.0") + b"echo")
                self.assertEqual(c.answer().status, 200)

    def test_engine_status(self):
        for n in (400, 413, 415, 500):
            a = ask(self.p, post("status %d" % n))
            self.assertEqual((a.status, a.body), (n, b"so be it\n"))
        a = ask(self.p, post("status 503"))
        self.assertEqual((a.status, a.get("Retry-After")), (503, "7"))
        a = ask(self.p, post("size 0"))
        self.assertEqual((a.status, a.body), (200, b""))
        a = ask(self.p, post("size 3000000"))
        self.assertEqual((a.status, len(a.body)), (200, 3000000))
        # Nonsense of the engine does not get out.
        self.assertEqual(self.status(post("status 99")), 503)

    def test_header_size(self):
        pad = [("X-%d" % i, "y" * 90) for i in range(60)]
        self.assertEqual(self.status(post("echo", more=pad[:45])), 200)
        a = ask(self.p, post("echo", more=pad * 2))
        self.assertIn(None if a is None else a.status, (None, 431))
        self.assertEqual(self.status(post("echo")), 200)

    def test_content_coding(self):
        text = b"echo " + b"compressed " * 3000
        for name, window in (("gzip", 31), ("x-gzip", 31), ("deflate", 15),
                             ("deflate", -15), ("GZIP", 31)):
            z = zlib.compressobj(9, zlib.DEFLATED, window)
            body = z.compress(text) + z.flush()
            more = [("Content-Encoding", name)]
            a = ask(self.p, post(body, more=more))
            self.assertEqual(a.status, 200, name)
            self.assertIn("n=%d\n" % len(text), a.body.decode())
            self.assertEqual(self.status(post(body[:-3], more=more)), 400)
            self.assertEqual(self.status(post(body + b"x", more=more)), 400)
        bomb = zlib.compress(b"\0" * 20000000)
        self.assertLess(len(bomb), 50000)
        self.assertEqual(self.status(post(bomb, more=[
            ("Content-Encoding", "deflate")])), 413)
        self.assertEqual(self.status(post("echo", more=[
            ("Content-Encoding", "gzip")])), 400)
        self.assertEqual(self.status(post("echo", more=[
            ("Content-Encoding", "br")])), 415)
        self.assertEqual(self.status(post("echo", more=[
            ("Content-Encoding", "identity")])), 200)

    def test_all_memory(self):
        self.assertEqual(self.status(post("arena")), 200)
        self.assertEqual(self.status(post("echo")), 200)


class Framing(unittest.TestCase):
    """Requests that two programs in a row might read differently."""

    ATTACKS = [
        # Content-Length against Transfer-Encoding, both orders.
        "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n",
        # Lengths that differ, and lengths twice.
        "Content-Length: 4\r\nContent-Length: 5\r\n",
        "Content-Length: 5\r\nContent-Length: 4\r\n",
        "Content-Length: 4\r\nContent-Length: 4\r\n",
        "Content-Length: 4, 4\r\n",
        # Lengths that are no plain number.
        "Content-Length: +4\r\n",
        "Content-Length: -4\r\n",
        "Content-Length: 0x4\r\n",
        "Content-Length: 4 4\r\n",
        "Content-Length: 4a\r\n",
        "Content-Length:\r\n",
        "Content-Length: 18446744073709551620\r\n",
        "Content-Length: 99999999999999999999999\r\n",
        # Transfer codings other than exactly chunked.
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: chunked, chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
        "Transfer-Encoding: identity\r\n",
        "Transfer-Encoding: \x0bchunked\r\n",
        "Transfer-Encoding: chunked\x00\r\n",
        "Transfer-Encoding: gzip\r\nContent-Length: 4\r\n",
        # Names that are no tokens.
        "Content-Length : 4\r\n",
        "Transfer-Encoding : chunked\r\n",
        "Content-Length: 4\r\nTransfer-Encoding\t: chunked\r\n",
        "Content-Length: 4\r\nX Y: z\r\n",
        "Content-Length: 4\r\nnocolon\r\n",
        # Two hosts.
        "Content-Length: 4\r\nHost: other\r\n",
    ]

    @classmethod
    def setUpClass(cls):
        cls.d = daemon()
        cls.p = cls.d.port()

    @classmethod
    def tearDownClass(cls):
        with cls.d:
            pass

    def refused(self, request):
        """No 200, and the connection ends: nothing more is read as request."""
        with Client(self.p) as c:
            c.send(request)
            got = c.ended()
            self.assertNotIn(b" 200 ", got, request)
            self.assertNotIn(b"smuggled", got, request)
            if got:
                self.assertIn(got.split()[1], (b"400", b"413", b"501"))

    def test_attacks(self):
        start = "POST /sync HTTP/1.1\r\nHost: h\r\nContent-Type: %s\r\n" % XML
        for attack in self.ATTACKS:
            self.refused((start + attack + "\r\necho").encode("latin-1")
                         + post("echo smuggled"))

    def test_no_host(self):
        self.refused(head("POST", "/sync", [("Content-Type", XML),
                                            ("Content-Length", 4)]) + b"echo")

    def test_chunked_in_1_0(self):
        self.refused(head("POST", "/sync", [
            ("Host", "h"), ("Content-Type", XML),
            ("Transfer-Encoding", "chunked")], "HTTP/1.0")
            + b"4\r\necho\r\n0\r\n\r\n")

    def test_bad_chunks(self):
        start = head("POST", "/sync", [("Host", "h"), ("Content-Type", XML),
                                       ("Transfer-Encoding", "chunked")])
        for bad in (b"x\r\n", b"-4\r\necho\r\n0\r\n\r\n",
                    b"ffffffffffffffffff\r\n", b"4\r\nechoo\r\n0\r\n\r\n"):
            self.refused(start + bad)

    def test_garbage(self):
        for bad in (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 50,
                    b"\r\n\r\n\r\n" * 5 + b"garbage\r\n\r\n",
                    b"GET\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"):
            with Client(self.p) as c:
                c.send(bad)
                c.sock.shutdown(socket.SHUT_WR)
                self.assertNotIn(b" 200 ", c.ended())
        self.assertEqual(ask(self.p, post("echo")).status, 200)

    def test_client_leaves(self):
        """At every byte of a request."""
        request = post("echo")
        for n in range(0, len(request), 3):
            c = Client(self.p)
            c.send(request[:n])
            c.close()
        self.assertEqual(ask(self.p, post("echo")).status, 200)
        wait_metric(self.d, "funicular_connections", 0)


class Slow(unittest.TestCase):
    CONF = ("header_time = 1\nrequest_time = 1\nmin_rate = 1000\n"
            "request_time_max = 3\nkeepalive = 2\n")

    @classmethod
    def setUpClass(cls):
        cls.d = daemon(cls.CONF)
        cls.p = cls.d.port()

    @classmethod
    def tearDownClass(cls):
        with cls.d:
            pass

    def trickle(self, c, data, pause):
        """A byte every `pause` seconds until the server cuts; how long since
        it was there."""
        c.sock.settimeout(pause)
        for i in range(len(data)):
            try:
                c.send(data[i:i + 1])
                if not c._more():
                    break
            except socket.timeout:
                continue
            except (ConnectionResetError, BrokenPipeError):
                break
        return time.monotonic() - c.began

    def test_slow_first_line(self):
        with Client(self.p) as c:
            t = self.trickle(c, b"POST /" + b"a" * 3000, 0.1)
        self.assertTrue(0.9 < t < 10, t)

    def test_slow_headers(self):
        with Client(self.p) as c:
            c.send(b"POST /sync HTTP/1.1\r\nHost: h\r\nX: ")
            t = self.trickle(c, b"a" * 3000, 0.1)
        self.assertTrue(0.5 < t < 10, t)
        self.d.wait_log(r"event=request .* end=deadline")

    def test_slow_body(self):
        with Client(self.p) as c:
            c.send(head("POST", "/sync", [
                ("Host", "h"), ("Content-Type", XML),
                ("Content-Length", 30000)]))
            t = self.trickle(c, b"e" * 3000, 0.1)
        self.assertTrue(0.9 < t < 10, t)

    def test_slow_swallowed_body(self):
        with Client(self.p) as c:
            c.send(head("POST", "/nowhere", [("Host", "h"),
                                             ("Content-Length", 30000)]))
            t = self.trickle(c, b"e" * 3000, 0.1)
        self.assertTrue(0.9 < t < 10, t)

    def test_silent(self):
        with Client(self.p) as c:
            self.assertEqual(c.ended(), b"")
            self.assertTrue(0.9 < time.monotonic() - c.began < 10)

    def test_fast_enough_body(self):
        """Above min_rate a body may take longer than request_time."""
        with Client(self.p) as c:
            c.send(head("POST", "/sync", [
                ("Host", "h"), ("Content-Type", XML),
                ("Content-Length", 6000)]))
            began = time.monotonic()
            c.sock.settimeout(0.1)
            for i in range(20):
                c.send(b"e" * 300)
                if i == 19:
                    break
                try: # this is the pace: nothing must come yet
                    self.assertFalse(c._more() or True)
                except socket.timeout:
                    pass
            c.sock.settimeout(LIMIT)
            self.assertEqual(c.answer().status, 200)
            self.assertGreater(time.monotonic() - began, 1.5)

    def test_never_longer_than_max(self):
        with Client(self.p) as c:
            c.send(head("POST", "/sync", [
                ("Host", "h"), ("Content-Type", XML),
                ("Transfer-Encoding", "chunked")]))
            began = time.monotonic()
            c.sock.settimeout(0.1)
            try:
                while time.monotonic() - began < 20:
                    c.send(b"64\r\n" + b"e" * 100 + b"\r\n" * 1)
                    c.send(b"64\r\n" + b"e" * 100 + b"\r\n" * 1)
                    try:
                        if not c._more():
                            break
                    except socket.timeout:
                        pass
            except (ConnectionResetError, BrokenPipeError):
                pass
            self.assertTrue(2.5 < time.monotonic() - began < 15)

    def test_slow_reader(self):
        with Client(self.p) as c:
            c.send(post("size 30000000"))
            self.d.wait_log(r"out=30000000 .*end=deadline")
            self.assertLess(len(c.ended()), 30000000)

    def test_a_worker_has_no_deadline(self):
        go = os.path.join(self.d.dir, "go-late")
        with Client(self.p) as c, Client(self.p) as slow:
            c.send(post("wait " + go))
            t = self.trickle(slow, b"POST /" + b"a" * 3000, 0.1)
            self.assertGreater(t, 0.9)
            open(go, "w").close()
            self.assertEqual(c.answer().status, 200)

    def test_idle_connection_ends(self):
        with Client(self.p) as c:
            c.send(post("echo"))
            self.assertEqual(c.answer().status, 200)
            began = time.monotonic()
            self.assertEqual(c.ended(), b"")
            self.assertTrue(1 < time.monotonic() - began < 12)


class Busy(unittest.TestCase):
    def test_queue(self):
        with daemon("workers = 1\nqueue = 1\n") as d:
            go = os.path.join(d.dir, "go")
            a, b = Client(d.port()), Client(d.port())
            a.send(post("wait " + go))
            wait_metric(d, "funicular_workers_busy", 1)
            b.send(post("echo"))
            wait_metric(d, "funicular_queue", 1)
            full = ask(d.port(), post("echo"))
            self.assertEqual(full.status, 503)
            self.assertGreater(int(full.get("Retry-After")), 0)
            open(go, "w").close()
            self.assertEqual(a.answer().status, 200)
            self.assertEqual(b.answer().status, 200)
            a.close()
            b.close()
            self.assertEqual(metric(
                d, 'funicular_requests_total{result="busy"}'), 1)

    def test_body_memory(self):
        with daemon("body_memory = 1 MB\n") as d:
            part = head("POST", "/sync", [
                ("Host", "h"), ("Content-Type", XML),
                ("Content-Length", 600000)]) + b"e" * 500000
            with Client(d.port()) as hog:
                hog.send(part)
                wait_metric(d, "funicular_body_bytes", 500000)
                a = ask(d.port(), post("e" * 600000))
                self.assertEqual(a.status, 503)
                self.assertGreater(int(a.get("Retry-After")), 0)
                self.assertEqual(ask(d.port(), post("echo")).status, 200)
                hog.send(b"e" * 100000)
                self.assertEqual(hog.answer().status, 200)
            wait_metric(d, "funicular_body_bytes", 0)

    def test_connections(self):
        """Those above the limit wait or are refused; nobody else suffers."""
        with daemon("connections = 8\nkeepalive = 2\nheader_time = 2\n") as d:
            held = [Client(d.port()) for _ in range(40)]
            # The first ones time out, then the next get their turn.
            self.assertEqual(metric(d, "funicular_store_up"), 1)
            end = time.monotonic() + LIMIT
            while time.monotonic() < end:
                try:
                    a = ask(d.port(), post("echo"))
                except (ConnectionResetError, BrokenPipeError):
                    a = None
                if a is not None and a.status == 200:
                    break
            self.assertIsNotNone(a)
            self.assertLessEqual(metric(d, "funicular_connections"), 8)
            for c in held:
                c.close()

    def test_idle_ones_make_room(self):
        """With three quarters of the places taken, in a quarter of the time;
        below that they stay."""
        with daemon("connections = 8\nkeepalive = 4\nheader_time = 30\n") as d:
            def held(n):
                began = time.monotonic()
                found = [Client(d.port()) for _ in range(n)]
                for c in found:
                    c.send(post("echo"))
                    self.assertEqual(c.answer().status, 200)
                return found, began
            for n, low, high in ((6, 0.9, 3.5), (5, 3.5, 20)):
                clients, began = held(n)
                self.assertEqual(clients[0].ended(), b"")
                took = time.monotonic() - began
                self.assertTrue(low < took < high, (n, took))
                for c in clients:
                    c.close()
                wait_metric(d, "funicular_connections", 0)

    def test_parallel(self):
        with daemon() as d:
            wrong = []

            def client(i):
                try:
                    with Client(d.port()) as c:
                        for j in range(5):
                            text = "echo %d.%d %s" % (i, j, "x" * (i * 50))
                            c.send(post(text, "/sync?s=t%d" % i))
                            a = c.answer()
                            want = "token=t%d\npeer=127.0.0.1\nbase=\nn=%d\n" % (
                                i, len(text))
                            if a is None or not a.body.decode().startswith(want):
                                wrong.append((i, a and a.body))
                except OSError as e:
                    wrong.append((i, e))
            threads = [threading.Thread(target=client, args=(i,))
                       for i in range(200)]
            for t in threads:
                t.start()
            for t in threads:
                t.join()
            self.assertEqual(wrong, [])
            self.assertEqual(metric(d, "funicular_messages_total"), 1000)


class Stop(unittest.TestCase):
    def test_running_requests_finish(self):
        d = daemon("workers = 2\n")
        go = os.path.join(d.dir, "go")
        port = d.port()
        running, queued, third = Client(port), Client(port), Client(port)
        idle = Client(port)
        idle.send(post("echo"))
        self.assertEqual(idle.answer().status, 200)
        wait_metric(d, "funicular_workers_busy", 0)
        running.send(post("wait " + go))
        queued.send(post("wait " + go))
        wait_metric(d, "funicular_workers_busy", 2)
        third.send(post("echo"))
        wait_metric(d, "funicular_queue", 1)
        d.term()
        d.wait_log("event=stopping")
        self.assertEqual(idle.ended(), b"")
        refused(port)
        self.assertEqual(http_get(d.admin_port(), "/healthz").status, 503)
        self.assertIsNone(d.proc.poll())
        open(go, "w").close()
        for c in (running, queued):
            a = c.answer()
            self.assertEqual((a.status, a.body), (200, b"waited"))
            self.assertEqual(a.get("Connection"), "close")
        self.assertEqual(third.answer().status, 200)
        self.assertEqual(d.wait(), 0)
        self.assertEqual(sum("event=request" in l for l in d.lines), 4)
        self.assertIn("double: closed", d.lines[-1])
        for c in (running, queued, third, idle):
            c.close()
        d.close()

    def test_half_a_request_may_finish(self):
        d = daemon("stop_time = 20\n")
        c = Client(d.port())
        c.send(post("echo half")[:-2])
        wait_metric(d, "funicular_body_bytes", 9)
        d.term()
        d.wait_log("event=stopping")
        refused(d.port())
        c.send(b"lf")
        self.assertEqual(c.answer().status, 200)
        self.assertEqual(d.wait(), 0)
        c.close()
        d.close()

    def test_half_a_request_cannot_hold_it(self):
        d = daemon("stop_time = 0\n")
        c = Client(d.port())
        c.send(post("echo half")[:-2])
        wait_metric(d, "funicular_body_bytes", 9)
        began = time.monotonic()
        self.assertEqual(d.stop(), 0)
        self.assertLess(time.monotonic() - began, 10)
        self.assertEqual(c.ended(), b"")
        c.close()
        d.close()

    def test_int_and_twice(self):
        d = daemon()
        d.term(signal.SIGINT)
        self.assertEqual(d.wait(), 0)
        d.close()

    def test_while_clients_come_and_go(self):
        """The HTTP library aborts when its listening is ended by two threads
        at once, so it does none: whoever comes at that instant is answered or
        turned away, and the daemon ends well each time."""
        def come_and_go(port, busy):
            try:
                while ask(port, post("echo")) is not None:
                    busy.set()
            except OSError:
                pass

        for _ in range(100):
            with daemon() as d:
                crowd = []
                for busy in [threading.Event() for _ in range(6)]:
                    crowd.append((busy, threading.Thread(
                        target=come_and_go, args=(d.port(), busy))))
                for _, t in crowd:
                    t.start()
                for busy, _ in crowd:
                    self.assertTrue(busy.wait(LIMIT))
                self.assertEqual(d.stop(), 0)
                for _, t in crowd:
                    t.join(LIMIT)

    def test_a_client_that_left(self):
        """Its message runs to the end; nothing is left behind."""
        with daemon() as d:
            go = os.path.join(d.dir, "go")
            c = Client(d.port())
            c.send(post("wait " + go))
            wait_metric(d, "funicular_workers_busy", 1)
            c.close()
            open(go, "w").close()
            d.wait_log("event=request .*in=")
            wait_metric(d, "funicular_body_bytes", 0)


class Reload(unittest.TestCase):
    def base(self, d):
        body = ask(d.port(), post("echo")).body.decode()
        return re.search("base=(.*)", body).group(1)

    def test_takes_over(self):
        fixed = "listen = 127.0.0.1:0\nadmin_listen = 127.0.0.1:0\n"
        with daemon(fixed) as d:
            self.assertEqual(self.base(d), "")
            d.write(fixed + "public_url = https://sync.example.org/\n"
                    "paths = /other\nworkers = 9\nmax_message = 70000\n")
            d.term(signal.SIGHUP)
            d.wait_log("event=reload key=workers: was changed; that needs")
            d.wait_log("event=reload key=max_message")
            d.wait_log("event=reload: configuration read again")
            self.assertEqual(ask(d.port(), post("echo")).status, 404)
            body = ask(d.port(), post("echo", "/other?s=1")).body.decode()
            self.assertIn("base=https://sync.example.org/other\n", body)
            self.assertEqual(ask(d.port(), post("e" * 500000, "/other")).status,
                             200)
            n = len(d.lines)
            d.write(fixed + "paths = /third\n\nkeepalive = soon\n")
            d.term(signal.SIGHUP)
            line = d.wait_log("event=reload: nothing was changed", n)
            self.assertIn("line 5: keepalive = soon", line)
            self.assertEqual(ask(d.port(), post("echo", "/other")).status, 200)
            self.assertEqual(metric(d, "funicular_reloads_total"), 1)

    def test_running_request_keeps_its_settings(self):
        with daemon() as d:
            go = os.path.join(d.dir, "go")
            with Client(d.port()) as c:
                c.send(post("wait " + go))
                wait_metric(d, "funicular_workers_busy", 1)
                for i in range(20):
                    n = len(d.lines)
                    d.term(signal.SIGHUP)
                    d.wait_log("configuration read again", n)
                open(go, "w").close()
                self.assertEqual(c.answer().status, 200)

    def test_log_level(self):
        fixed = "listen = 127.0.0.1:0\nadmin_listen = 127.0.0.1:0\n"
        with daemon(fixed + "log_level = warning\n") as d:
            ask(d.port(), post("echo quiet"))
            wait_metric(d, "funicular_connections", 0) # it is over
            d.write(fixed + "log_level = debug\n")
            d.term(signal.SIGHUP)
            d.wait_log("configuration read again")
            ask(d.port(), post("echo loud"))
            d.wait_log("event=request")
            self.assertEqual(sum("event=request" in l for l in d.lines), 1)


class Proxies(unittest.TestCase):
    def echo(self, d, more, port=None):
        a = ask(port or d.port(), post("echo", more=more))
        self.assertEqual(a.status, 200)
        return dict(l.split("=", 1) for l in a.body.decode().splitlines())

    def test_untrusted(self):
        with daemon() as d:
            got = self.echo(d, [("X-Forwarded-For", "198.51.100.1"),
                                ("X-Forwarded-Proto", "https"),
                                ("X-Forwarded-Host", "evil"),
                                ("Forwarded", "for=1.1.1.1;proto=https")])
            self.assertEqual((got["peer"], got["base"]), ("127.0.0.1", ""))

    def test_trusted(self):
        with daemon("trusted_proxies = 127.0.0.0/8\n") as d:
            got = self.echo(d, [("X-Forwarded-For", "6.6.6.6, 198.51.100.1"),
                                ("x-forwarded-proto", "https"),
                                ("X-Forwarded-Host", "sync.example.org:444"),
                                ("Forwarded", "for=1.1.1.1;host=evil")])
            self.assertEqual(got["peer"], "198.51.100.1")
            self.assertEqual(got["base"], "https://sync.example.org:444/sync")
            got = self.echo(d, [("X-Forwarded-Proto", "https")])
            self.assertEqual((got["peer"], got["base"]),
                             ("127.0.0.1", "https://h/sync"))
            got = self.echo(d, [("X-Forwarded-Proto", "https"),
                                ("X-Forwarded-Host", "a/b?c")])
            self.assertEqual(got["base"], "")
            d.wait_log("event=request peer=198.51.100.1 ")

    def test_one_request_each(self):
        """Behind a proxy nobody's bytes become another one's request."""
        with daemon("trusted_proxies = 127.0.0.1\n") as d:
            for odd in (b"", b": z\r\n", b"\0Content-Length: 900\r\n",
                        b":\r\n", b"Content-: 900\r\n Length\r\n",
                        b"X: y\r\n Content-Length: 900\r\n"):
                with Client(d.port()) as c:
                    c.send(head("POST", "/sync", [
                        ("Host", "h"), ("Content-Type", XML)])[:-2]
                        + odd + b"Content-Length: 4\r\n\r\necho"
                        + post("echo smuggled") * 20)
                    got = c.ended()
                    self.assertEqual(got.count(b"HTTP/1.1 "), 1, (odd, got))
                    self.assertIn(b"Connection: close", got)

    def test_rfc7239(self):
        with daemon("trusted_proxies = 127.0.0.1\n"
                    "proxy_header = forwarded\n") as d:
            got = self.echo(d, [
                ("X-Forwarded-For", "6.6.6.6"),
                ("Forwarded", "for=6.6.6.6"),
                ("Forwarded", 'for="[2001:db8::1]:1";proto=https;host=s.x')])
            self.assertEqual((got["peer"], got["base"]),
                             ("2001:db8::1", "https://s.x/sync"))

    def test_ipv6(self):
        with daemon("listen = [::1]:0 127.0.0.1:0\n") as d:
            self.assertEqual(len(d.public), 2)
            a = ask(d.port(0), post("echo"), host="::1")
            self.assertIn("peer=::1\n", a.body.decode())
            self.assertEqual(ask(d.port(1), post("echo")).status, 200)


class Tls(unittest.TestCase):
    def cert(self, where, name):
        crt, key = os.path.join(where, name + ".crt"), os.path.join(
            where, name + ".key")
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes",
             "-keyout", key, "-out", crt, "-days", "2", "-subj",
             "/CN=" + name], check=True, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        return crt, key

    def setUp(self):
        import tempfile
        self.tmp = tempfile.TemporaryDirectory()
        self.crt, self.key = self.cert(self.tmp.name, "one")
        self.conf = "tls_cert = %s\ntls_key = %s\n" % (self.crt, self.key)
        self.addCleanup(self.tmp.cleanup)

    def wrap(self, low=None, high=None, ciphers=None):
        ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        ctx.check_hostname = False
        ctx.verify_mode = ssl.CERT_NONE
        if ciphers:
            ctx.set_ciphers(ciphers)
        if low is not None:
            ctx.minimum_version = low
        if high is not None:
            ctx.maximum_version = high
        return ctx.wrap_socket

    def old(self, version):
        """As a phone of 2004 speaks: nothing newer than `version`."""
        return self.wrap(version, version, "ALL:@SECLEVEL=0")

    def test_modern(self):
        V = ssl.TLSVersion
        warnings.simplefilter("ignore", DeprecationWarning) # old on purpose
        with daemon("listen = 127.0.0.1:0\n" + self.conf) as d:
            self.assertTrue(d.public[0].startswith("https://"))
            for v in (V.TLSv1_2, V.TLSv1_3):
                a = ask(d.port(), post("echo"), wrap=self.wrap(v, v))
                self.assertEqual(a.status, 200)
            a = ask(d.port(), head("GET", "/sync", [("Host", "h")]),
                    wrap=self.wrap())
            self.assertIn("max-age=", a.get("Strict-Transport-Security"))
            for v in (ssl.TLSVersion(0x301), ssl.TLSVersion(0x302)):
                with self.assertRaises((ssl.SSLError, ConnectionError)):
                    ask(d.port(), post("echo"), wrap=self.old(v))
            # Plain bytes at a TLS port end, and harm nobody.
            with Client(d.port()) as c:
                c.send(post("echo"))
                self.assertNotIn(b"HTTP/", c.ended())
            d.wait_log("event=tls: the certificate .* expires within")
            self.assertGreater(
                metric(d, "funicular_tls_certificate_expires_seconds"),
                time.time())

    def test_old_phones(self):
        V = ssl.TLSVersion
        warnings.simplefilter("ignore", DeprecationWarning) # old on purpose
        with daemon("listen = https://127.0.0.1:0 https-old://127.0.0.1:0 "
                    "http://127.0.0.1:0\n" + self.conf) as d:
            for v in (V.TLSv1, V.TLSv1_1, V.TLSv1_2):
                a = ask(d.port(1), post("echo"), wrap=self.old(v))
                self.assertEqual(a.status, 200, v)
            with self.assertRaises((ssl.SSLError, ConnectionError)):
                ask(d.port(0), post("echo"), wrap=self.old(V.TLSv1))
            self.assertEqual(ask(d.port(2), post("echo")).status, 200)

    @unittest.skipUnless(shutil.which("gnutls-cli"), "needs gnutls-cli")
    def test_oldest_ciphers(self):
        """What phones before 2006 offer: RSA key exchange, 3DES or AES."""
        with daemon("listen = https://127.0.0.1:0 https-old://127.0.0.1:0\n"
                    + self.conf) as d:
            for cipher in ("3DES-CBC", "AES-128-CBC"):
                offer = "NONE:+VERS-TLS1.0:+RSA:+%s:+SHA1:+COMP-NULL" % cipher
                for n in (0, 1):
                    r = subprocess.run(
                        ["gnutls-cli", "--insecure", "--priority", offer,
                         "127.0.0.1", "-p", str(d.port(n))],
                        stdin=subprocess.DEVNULL, capture_output=True,
                        text=True, timeout=LIMIT, check=False)
                    self.assertEqual("(TLS1.0-X.509)-(RSA)-(%s)" % cipher
                                     in r.stdout, n == 1, r.stdout)

    def test_a_handshake_has_a_deadline(self):
        with daemon("header_time = 1\n" + self.conf) as d:
            with Client(d.port()) as c:
                began = time.monotonic()
                c.send(b"\x16\x03\x01")
                c.ended()
                self.assertTrue(0.9 < time.monotonic() - began < 10)

    def fingerprint(self, port):
        with Client(port, wrap=self.wrap()) as c:
            return c.sock.getpeercert(True)

    def test_new_certificate(self):
        with daemon("workers = 2\n" + self.conf) as d:
            port = d.port()
            go = os.path.join(d.dir, "go")
            first = self.fingerprint(port)
            busy = Client(port, wrap=self.wrap())
            idle = Client(port, wrap=self.wrap())
            idle.send(post("echo"))
            self.assertEqual(idle.answer().status, 200)
            wait_metric(d, "funicular_workers_busy", 0)
            busy.send(post("wait " + go))
            wait_metric(d, "funicular_workers_busy", 1)
            two = self.cert(self.tmp.name, "two")
            os.replace(two[0], self.crt)
            n = len(d.lines)
            d.term(signal.SIGHUP) # the key does not fit yet
            d.wait_log("nothing was changed: tls_key .* is not the key of", n)
            self.assertEqual(self.fingerprint(port), first)
            os.replace(two[1], self.key)
            n = len(d.lines)
            d.term(signal.SIGHUP)
            d.wait_log("configuration read again", n)
            self.assertNotEqual(self.fingerprint(port), first)
            self.assertEqual(ask(port, post("echo"),
                                 wrap=self.wrap()).status, 200)
            self.assertEqual(idle.ended(), b"")
            open(go, "w").close()
            a = busy.answer()
            self.assertEqual((a.status, a.get("Connection")), (200, "close"))
            busy.close()
            idle.close()
            for _ in range(5):
                n = len(d.lines)
                d.term(signal.SIGHUP)
                d.wait_log("configuration read again", n)
            self.assertEqual(ask(port, post("echo"),
                                 wrap=self.wrap()).status, 200)


class Start(unittest.TestCase):
    def fails(self, conf, code, text, **more):
        with self.assertRaises(Failed) as caught:
            daemon(conf, **more)
        self.assertEqual(caught.exception.code, code, caught.exception.text)
        self.assertRegex(caught.exception.text, text)
        # One sentence, and nothing else.
        said = [l for l in caught.exception.text.splitlines()
                if not re.match("(<.>|warning |info )", l)]
        self.assertEqual(len(said), 1, said)

    def test_mistakes(self):
        for conf, text in (
                ("lissen = 1\n", 'line [23]: "lissen" is no key'),
                ("listen = localhost\n", 'cannot listen on "localhost"'),
                ("listen = 127.0.0.1\n", 'cannot listen on "127.0.0.1"'),
                ("listen = 127.0.0.1:70000\n", "cannot listen on"),
                ("listen = ftp://127.0.0.1:80\n", "cannot listen on"),
                ("listen = ::1:80\n", "cannot listen on"),
                ("listen =\n", "listen is empty"),
                ("listen = 192.0.2.77:0\nallow_plain = yes\n",
                 "does not have the address"),
                ("listen = 0.0.0.0:0\n", "allow_plain"),
                ("listen = *:0\n", "allow_plain"),
                ("listen = https://127.0.0.1:0\n", "needs tls_cert"),
                ("admin_listen = https://127.0.0.1:0\n", "plain HTTP only"),
                ("tls_cert = /nowhere\ntls_key = /nowhere\n",
                 "cannot read tls_cert /nowhere: No such file"),
                ("trusted_proxies = 10.0.0.0/40\n",
                 '"10.0.0.0/40" is no address or network'),
                ("connections = 100000\n", "LimitNOFILE")):
            limits = None
            if "connections" in conf:
                import resource

                def limits():
                    resource.setrlimit(resource.RLIMIT_NOFILE, (500, 500))
            self.fails(conf, 5, text, preexec=limits)

    def test_bad_tls_files(self):
        import tempfile
        with tempfile.TemporaryDirectory() as tmp:
            bad = os.path.join(tmp, "bad.pem")
            with open(bad, "w") as f:
                f.write("not a certificate\n")
            self.fails("tls_cert = %s\ntls_key = %s\n" % (bad, bad), 5,
                       "tls_cert .* cannot be used")
            self.fails("tls_cert = %s\ntls_key = %s\n"
                       "tls_priority = NORMAL:+FOO\n" % (bad, bad), 5,
                       "tls_priority is no priority string")

    def test_in_use(self):
        with daemon() as d:
            self.fails("listen = 127.0.0.1:%d\n" % d.port(), 5,
                       "is Funicular running already")
            self.fails("admin_listen = 127.0.0.1:%d\n" % d.admin_port(), 5,
                       "is Funicular running already")

    def test_service_fails(self):
        self.fails("", 1, "it failed", env={"DOUBLE_FAILS": "1"})

    @unittest.skipUnless(os.geteuid() == 0, "only root can be refused as root")
    def test_root(self):
        self.fails("", 5, "running as root", args=("CONF",))
        with daemon("allow_root = yes\n", args=("CONF",)):
            pass

    def test_plain_warns(self):
        with daemon("listen = 0.0.0.0:0\nallow_plain = yes\n") as d:
            d.wait_log("event=plain .*readable")

    def test_star(self):
        with daemon("listen = *:0\nallow_plain = yes\n") as d:
            self.assertEqual(len(d.public), 2)
            self.assertIn("[::]", d.public[0])

    def test_no_admin(self):
        with daemon("admin_listen =\n") as d:
            self.assertEqual(d.admin, "")
            self.assertNotIn("admin", d.ready)

    def test_socket_activation(self):
        sock = socket.socket()
        sock.bind(("127.0.0.1", 0))
        sock.listen(5)
        port = sock.getsockname()[1]

        def pass_on():
            os.dup2(sock.fileno(), 3)
            os.set_inheritable(3, True)
            os.environ["LISTEN_FDS"] = "1"
            os.environ["LISTEN_PID"] = str(os.getpid())
            os.environ["LISTEN_FDNAMES"] = "http"
        with daemon("listen = 192.0.2.1:80\n", preexec=pass_on) as d:
            self.assertEqual(d.port(), port)
            self.assertEqual(ask(port, post("echo")).status, 200)
        sock.close()

    def test_notify(self):
        import tempfile
        with tempfile.TemporaryDirectory() as tmp:
            path = os.path.join(tmp, "notify")
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            sock.bind(path)
            sock.settimeout(LIMIT)

            def until(what):
                seen = ""
                while what not in seen:
                    seen = sock.recv(4096).decode()
                return seen
            d = daemon(env={"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "400000"})
            until("READY=1")
            until("WATCHDOG=1")
            until("WATCHDOG=1")
            d.term(signal.SIGHUP)
            self.assertIn("MONOTONIC_USEC=", until("RELOADING=1"))
            until("READY=1")
            d.term()
            until("STOPPING=1")
            self.assertEqual(d.wait(), 0)
            d.close()
            sock.close()


def http_get(port, path, method="GET"):
    return ask(port, head(method, path, [("Host", "h")]))


def parse_metrics(text):
    """A strict reading of the OpenMetrics text; {sample: value}."""
    lines = text.split("\n")
    assert lines[-2:] == ["# EOF", ""], lines[-3:]
    types, values = {}, {}
    family = None
    for line in lines[:-2]:
        if line.startswith("# HELP "):
            family = line.split()[2]
            assert family not in types, family
            assert len(line.split()) > 3, line
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split()
            assert name == family, line
            types[name] = kind
        else:
            m = re.fullmatch(
                r'([a-z_]+)(\{[a-z]+="[^"\\]*"\})? (-?[0-9.e+]+)', line)
            assert m, line
            suffix = {"counter": ("_total",), "gauge": ("",),
                      "info": ("_info",),
                      "histogram": ("_bucket", "_count", "_sum")}[types[family]]
            assert m.group(1) in [family + s for s in suffix], line
            sample = m.group(1) + (m.group(2) or "")
            assert sample not in values, line
            values[sample] = float(m.group(3))
    return values


def metric(d, name):
    a = http_get(d.admin_port(), "/metrics")
    assert a.get("Content-Type").startswith("application/openmetrics-text")
    return parse_metrics(a.body.decode())[name]


def wait_metric(d, name, want):
    """Until a gauge is `want`, or at least it where it counts bytes."""
    end = time.monotonic() + LIMIT
    while time.monotonic() < end:
        got = metric(d, name)
        if got == want or (want > 0 and "bytes" in name and got >= want):
            return
    raise AssertionError("%s is %s, not %s" % (name, got, want))


def refused(port):
    """Until connections are refused."""
    end = time.monotonic() + LIMIT
    while time.monotonic() < end:
        try:
            Client(port).close()
        except ConnectionRefusedError:
            return
        except ConnectionResetError:
            continue  # it was in the queue of a socket that closed
    raise AssertionError("still listens")


class Admin(unittest.TestCase):
    def test_health(self):
        import tempfile
        with tempfile.TemporaryDirectory() as tmp:
            down = os.path.join(tmp, "down")
            with daemon(env={"DOUBLE_DOWN": down}) as d:
                p = d.admin_port()
                a = http_get(p, "/healthz")
                self.assertEqual((a.status, a.body), (200, b"ok\n"))
                self.assertEqual(metric(d, "funicular_store_up"), 1)
                open(down, "w").close()
                a = http_get(p, "/healthz")
                self.assertEqual(a.status, 503)
                self.assertEqual(metric(d, "funicular_store_up"), 0)
                d.wait_log("event=unhealthy .*the store is away")
                os.unlink(down)
                self.assertEqual(http_get(p, "/healthz").status, 200)

    def test_only_here(self):
        with daemon() as d:
            p = d.admin_port()
            self.assertEqual(http_get(p, "/sync").status, 404)
            self.assertEqual(ask(p, post("echo")).status, 405)
            self.assertEqual(http_get(p, "/healthz", "HEAD").status, 200)
            self.assertEqual(http_get(d.port(), "/metrics").status, 404)
            self.assertEqual(http_get(d.port(), "/healthz").status, 404)

    def test_counts(self):
        with daemon() as d:
            ask(d.port(), post("echo"))
            ask(d.port(), post("twice"))
            ask(d.port(), post("status 500"))
            ask(d.port(), post("echo", "/x"))
            http_get(d.port(), "/sync")
            wait_metric(d, "funicular_connections", 0) # all are over
            v = parse_metrics(http_get(d.admin_port(),
                                       "/metrics").body.decode())
            for name, want in (
                    ('funicular_requests_total{result="ok"}', 2),
                    ('funicular_requests_total{result="failed"}', 1),
                    ('funicular_requests_total{result="refused"}', 1),
                    ('funicular_requests_total{result="page"}', 1),
                    ("funicular_messages_total", 2),
                    ("funicular_duplicate_messages_total", 1),
                    ("funicular_items_received_total", 9),
                    ("funicular_items_sent_total", 6),
                    ("funicular_sessions_began_total", 3),
                    ("funicular_message_seconds_count", 3),
                    ('funicular_message_seconds_bucket{le="+Inf"}', 3),
                    ("funicular_received_bytes_total", 4 + 5 + 10 + 4)):
                self.assertEqual(v[name], want, name)
            self.assertGreater(v["funicular_sent_bytes_total"], 100)
            self.assertGreater(v["process_resident_memory_bytes"], 1e6)
            self.assertGreater(v["process_cpu_seconds_total"], 0)
            self.assertLess(abs(v["process_start_time_seconds"]
                                - time.time()), 100)
            before = [v['funicular_message_seconds_bucket{le="%s"}' % b]
                      for b in ("0.001", "0.1", "1", "30", "+Inf")]
            self.assertEqual(before, sorted(before))

    def test_log(self):
        with daemon() as d:
            ask(d.port(), post("echo", "/sync?s=SECRETTOKEN"))
            d.wait_log('event=request peer=127.0.0.1 method="POST" '
                       'path="/sync" http=200 in=4 out=[0-9]+ ms=[0-9]+ '
                       r'user="anna" dev="IMEI:\\x221\\x22 x=y" sid="7" '
                       r'work_us=[0-9]+ note="msg 1\\x0a: done"$')
            ask(d.port(), head("GET", '/a"b\x1b[31m', [("Host", "h")]))
            d.wait_log(r'path="/a\\x22b\\x1b\[31m" http=404')
            ask(d.port(), post("echo", "/" + "x" * 500))
            self.assertNotIn("SECRET", "\n".join(d.lines))
            self.assertNotIn("\x1b", "\n".join(d.lines))


if __name__ == "__main__":
    PROGRAM = [sys.argv.pop(1)]
    unittest.main()
