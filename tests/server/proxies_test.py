"""The recipes of docs/admin-tls.md, run: nginx and HAProxy before the daemon.
Usage: proxies_test.py PROGRAM DOUBLE DOCS [unittest arguments]

Exits with 77 where neither proxy is installed.
"""

import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import unittest

from daemon import Client, Daemon, LIMIT, head, post
from ports import free_port

PROGRAM = DOUBLE = DOCS = ""
PATH = os.environ["PATH"] + ":/usr/sbin:/usr/local/sbin"
NGINX = shutil.which("nginx", path=PATH)
HAPROXY = shutil.which("haproxy", path=PATH)

# Where the client comes from; the proxies themselves are at 127.0.0.1.
PHONE = "127.0.0.2"


def recipe(name):
    """The indented block behind "NAME:" in the document."""
    with open(os.path.join(DOCS, "admin-tls.md"), encoding="utf-8") as f:
        block = re.search(r"\n%s:\n\n((?:    .*\n|\n)+)" % name, f.read())
    return re.sub(r"(?m)^    ", "", block[1])


class Proxy:
    def __init__(self, room, port):
        self.room, self.port = room, port
        self.proc = None

    def start(self, args):
        self.log = open(os.path.join(self.room, "proxy.log"), "w+")
        self.proc = subprocess.Popen(args, stdout=self.log, stderr=self.log,
                                     cwd=self.room)
        end = time.monotonic() + LIMIT
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return self
            except OSError:
                if self.proc.poll() is not None or time.monotonic() > end:
                    self.log.seek(0)
                    raise AssertionError("proxy: " + self.log.read())
                time.sleep(0.02)

    def stop(self):
        self.proc.terminate()
        self.proc.wait(LIMIT)
        self.log.close()


def nginx(room, port, daemon_port, crt, key):
    with open(os.path.join(room, "nginx.conf"), "w") as f:
        f.write("daemon off;\nmaster_process off;\npid %s/nginx.pid;\n"
                "error_log stderr;\nevents {}\nhttp {\naccess_log off;\n"
                % room)
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"):
            f.write("%s_temp_path %s/%s;\n" % (kind, room, kind))
        f.write("server {\nlisten 127.0.0.1:%d ssl;\nssl_certificate %s;\n"
                "ssl_certificate_key %s;\n%s}\n}\n" % (
                    port, crt, key, recipe("nginx").replace(
                        "127.0.0.1:8880", "127.0.0.1:%d" % daemon_port)))
    return Proxy(room, port).start([NGINX, "-e", "stderr", "-p", room, "-c",
                                    os.path.join(room, "nginx.conf")])


def haproxy(room, port, daemon_port, crt, key):
    pem = os.path.join(room, "sync.pem")
    with open(pem, "w") as out:
        for name in (crt, key):
            with open(name) as f:
                out.write(f.read())
    text = recipe("HAProxy").replace("127.0.0.1:8880",
                                     "127.0.0.1:%d" % daemon_port)
    text = text.replace("/etc/haproxy/sync.pem", pem)
    text = text.replace("bind :443", "bind 127.0.0.1:%d" % port)
    path = os.path.join(room, "haproxy.cfg")
    with open(path, "w") as f:
        f.write(text)
    return Proxy(room, port).start([HAPROXY, "-db", "-f", path])


class PhoneClient(Client):
    """Comes from another address than the proxy."""

    def __init__(self, port):
        ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        ctx.check_hostname = False
        ctx.verify_mode = ssl.CERT_NONE
        sock = socket.create_connection(("127.0.0.1", port), LIMIT,
                                        source_address=(PHONE, 0))
        self.sock = ctx.wrap_socket(sock, server_hostname="sync.example.org")
        self.left = b""


MESSAGE = """<SyncML><SyncHdr><VerDTD>1.2</VerDTD><VerProto>SyncML/1.2\
</VerProto><SessionID>1</SessionID><MsgID>1</MsgID><Target><LocURI>\
http://inside/sync</LocURI></Target><Source><LocURI>IMEI:1</LocURI></Source>\
<Cred><Meta><Type>syncml:auth-basic</Type></Meta><Data>YW5uYTpnZWhlaW0=</Data>\
</Cred></SyncHdr><SyncBody><Final/></SyncBody></SyncML>"""


class Recipes:
    """For each proxy; self.proxy starts it."""

    @classmethod
    def setUpClass(cls):
        cls.tmp = tempfile.TemporaryDirectory()
        cls.crt = os.path.join(cls.tmp.name, "crt")
        cls.key = os.path.join(cls.tmp.name, "key")
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes",
             "-keyout", cls.key, "-out", cls.crt, "-days", "2", "-subj",
             "/CN=sync.example.org"], check=True, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)

    @classmethod
    def tearDownClass(cls):
        cls.tmp.cleanup()

    def before(self, d):
        """The proxy in front of that daemon."""
        room = tempfile.mkdtemp(dir=self.tmp.name)
        p = self.proxy(room, free_port(), d.port(), self.crt, self.key)
        self.addCleanup(p.stop)
        return p.port

    def ask(self, port, request):
        with PhoneClient(port) as c:
            try:
                c.send(request)
            except (ssl.SSLError, OSError):
                pass # answered before all was sent
            return c.answer(head_only=request.startswith(b"HEAD"))

    def echo(self, port, more=()):
        request = post("echo", more=more).replace(
            b"Host: h\r\n", b"Host: sync.example.org\r\n")
        a = self.ask(port, request)
        self.assertEqual(a.status, 200, a.body)
        return dict(l.split("=", 1) for l in a.body.decode().splitlines())

    def test_address_and_url(self):
        with Daemon([DOUBLE], "trusted_proxies = 127.0.0.1\n") as d:
            port = self.before(d)
            got = self.echo(port)
            self.assertEqual((got["peer"], got["base"]),
                             (PHONE, "https://sync.example.org/sync"))
            d.wait_log("event=request peer=%s " % PHONE)
            # What the client says about itself does not count.
            got = self.echo(port, [("X-Forwarded-For", "6.6.6.6"),
                                   ("X-Forwarded-Host", "evil.example"),
                                   ("X-Forwarded-Proto", "http"),
                                   ("Forwarded", "for=6.6.6.6;host=evil")])
            self.assertEqual((got["peer"], got["base"]),
                             (PHONE, "https://sync.example.org/sync"))

    def test_not_trusted(self):
        """Without trusted_proxies the proxy is the client."""
        with Daemon([DOUBLE]) as d:
            got = self.echo(self.before(d))
            self.assertEqual((got["peer"], got["base"]), ("127.0.0.1", ""))

    def test_public_url(self):
        with Daemon([DOUBLE], "trusted_proxies = 127.0.0.1\n"
                    "public_url = https://other.example.org\n") as d:
            self.assertEqual(self.echo(self.before(d))["base"],
                             "https://other.example.org/sync")

    def test_sizes_and_refusals(self):
        with Daemon([DOUBLE], "trusted_proxies = 127.0.0.1\n"
                    "max_message = 500 kB\n") as d:
            port = self.before(d)
            self.assertEqual(self.ask(port, post("e" * 1000000)).status, 200)
            self.assertEqual(self.ask(port, post("e" * 1000001)).status, 413)
            self.assertEqual(self.ask(port, post("e", "/sync/x")).status, 404)
            a = self.ask(port, post("status 503"))
            self.assertEqual((a.status, a.get("Retry-After")), (503, "7"))
            self.assertEqual(self.ask(port, post("size 900000")).status, 200)
            a = self.ask(port, head("GET", "/sync", [("Host", "h")]))
            self.assertEqual(a.status, 200)

    def test_chunked(self):
        with Daemon([DOUBLE], "trusted_proxies = 127.0.0.1\n") as d:
            a = self.ask(self.before(d), head("POST", "/sync", [
                ("Host", "h"),
                ("Content-Type", "application/vnd.syncml+xml"),
                ("Transfer-Encoding", "chunked")])
                + b"5\r\necho \r\n2\r\nab\r\n0\r\n\r\n")
            self.assertEqual(a.status, 200)
            self.assertIn("body=echo ab\n", a.body.decode())

    def test_smuggling(self):
        """What the proxy lets through is one request, or none."""
        with Daemon([DOUBLE], "trusted_proxies = 127.0.0.1\n") as d:
            port = self.before(d)
            start = ("POST /sync HTTP/1.1\r\nHost: h\r\nContent-Type: "
                     "application/vnd.syncml+xml\r\n")
            for framing in (
                    "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
                    "Content-Length: 4\r\nContent-Length: 40\r\n",
                    "Transfer-Encoding: chunked, identity\r\n",
                    "Transfer-Encoding: xchunked\r\nContent-Length: 4\r\n"):
                with PhoneClient(port) as c:
                    c.send((start + framing + "\r\necho").encode()
                           + post("echo smuggled"))
                    try:
                        c.sock.settimeout(2)
                        got = c.ended()
                    except (socket.timeout, ssl.SSLError):
                        got = c.left
                self.assertNotIn(b"body=echo smuggled", got, framing)

    def test_resp_uri(self):
        """The daemon itself: devices come back to the proxy."""
        state = tempfile.mkdtemp(dir=self.tmp.name)
        conf = ("listen = 127.0.0.1:0\nadmin_listen = 127.0.0.1:0\n"
                "store = sqlite:%s/f.db\nstate_dir = %s\nkey_file = %s/key\n"
                "trusted_proxies = 127.0.0.1\n" % (state, state, state))
        with Daemon([PROGRAM], conf, args=("--config", "CONF", "serve",
                                           "--allow-root")) as d:
            subprocess.run(
                [PROGRAM, "--config", d.conf, "user", "add", "anna",
                 "--password-stdin"], input="geheim\n", text=True, check=True,
                stdout=subprocess.DEVNULL, timeout=60)
            port = self.before(d)
            a = self.ask(port, post(MESSAGE).replace(
                b"Host: h\r\n", b"Host: sync.example.org\r\n"))
            self.assertIn(b"<Data>212</Data>", a.body)
            self.assertRegex(a.body, rb"<RespURI>https://sync\.example\.org"
                             rb"/sync\?s=[\w-]+</RespURI>")
            d.wait_log("event=request peer=%s .*note=\"msg 1" % PHONE)


@unittest.skipUnless(NGINX, "needs nginx")
class Nginx(Recipes, unittest.TestCase):
    proxy = staticmethod(nginx)


@unittest.skipUnless(HAPROXY, "needs haproxy")
class Haproxy(Recipes, unittest.TestCase):
    proxy = staticmethod(haproxy)


if __name__ == "__main__":
    PROGRAM, DOUBLE, DOCS = (sys.argv.pop(1) for _ in range(3))
    if NGINX is None and HAPROXY is None:
        print("neither nginx nor haproxy is installed")
        sys.exit(77)
    unittest.main()
