#!/usr/bin/env python3
"""The mail outlet against python3-aiosmtpd (which shares no code with it): with
STARTTLS and implicit TLS, logins, refusals, and a server that goes away.

    test_smtp.py DRIVE [TEST...]
"""

import email
import email.policy
import shutil
import socket
import ssl
import sys
import tempfile
import threading
import unittest

import lines
import prosody
from lines import Drive
from ports import free_port

sys.path.append("/usr/lib/python3/dist-packages")
from aiosmtpd.controller import Controller  # noqa: E402
from aiosmtpd.smtp import AuthResult, LoginPassword  # noqa: E402

DRIVE = sys.argv[1]
FROM, ALICE = "reminder@example.org", "alice@example.org"
PASSWORD = "correct horse"


class Box:
    """Takes mails, and refuses some of them."""

    def __init__(self):
        self.mails = []
        self.more = threading.Condition()
        self.lose = 0  # so many times the line breaks before the answer

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("nobody@"):
            return "550 5.1.1 no such user here"
        if address.startswith("full@"):
            return "452 4.2.2 mailbox full"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if b"refuse this" in envelope.content:
            return "554 5.7.1 not this"
        with self.more:
            self.mails.append((session.host_name, envelope.mail_from,
                               envelope.rcpt_tos, envelope.content))
            self.more.notify_all()
        if self.lose > 0:
            self.lose -= 1
            server.transport.abort()
        return "250 OK"

    def mail(self, n):
        with self.more:
            self.more.wait_for(lambda: len(self.mails) > n, lines.LIMIT_S)
            helo, sender, to, content = self.mails[n]
        return helo, sender, to, email.message_from_bytes(
            content, policy=email.policy.default)


def check(server, session, envelope, mechanism, data):
    ok = isinstance(data, LoginPassword) and data.login == b"reminder" and \
        data.password == PASSWORD.encode()
    return AuthResult(success=ok, handled=False)


class Mail(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.dir = tempfile.mkdtemp(prefix="funicular-smtp-")
        prosody.certificate(cls.dir, "good", "localhost")
        prosody.certificate(cls.dir, "wrong", "other.example.net")
        cls.ca = cls.dir + "/good.pem"

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.dir, ignore_errors=True)

    def setUp(self):
        self.all, self.box, self.server = [], Box(), None

    def tearDown(self):
        for d in self.all:
            self.assertEqual(d.close(), 0, d.err)
            self.assertNotIn("ERROR", d.err)
        if self.server is not None:
            self.server.stop()

    def serve(self, cert="good", implicit=False, port=None, login=False):
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain("%s/%s.pem" % (self.dir, cert),
                            "%s/%s.key" % (self.dir, cert))
        more = {"ssl_context": tls} if implicit else {
            "tls_context": tls, "require_starttls": True}
        if login:
            more.update(authenticator=check, auth_required=True)
        if cert is None:
            more = {}
        port = port or free_port()
        self.server = Controller(self.box, hostname="127.0.0.1", port=port,
                                 **more)
        self.server.start()
        return port

    def outlet(self, port, **options):
        options.setdefault("ca", self.ca)
        d = Drive(DRIVE, "smtp", server="localhost:%d" % port,
                  **dict({"from": FROM}, **options))
        self.all.append(d)
        d.up()
        return d

    def test_a_mail(self):
        d = self.outlet(self.serve())
        text = "Dentist at 9:00\n.\n..\nFrom me\n\u00e4\u20ac"
        self.assertTrue(d.send("m1", ALICE, text, subject="Dentist",
                               lang="en"))
        self.assertEqual(d.settled("m1"), ["sent", "m1"])
        helo, sender, to, m = self.box.mail(0)
        self.assertEqual((helo, sender, to), ("example.org", FROM, [ALICE]))
        self.assertEqual(m["Message-ID"], "<m1@example.org>")
        self.assertEqual((m["From"], m["To"]), (FROM, ALICE))
        self.assertEqual(m["Subject"], "Dentist")
        self.assertEqual(m["Content-Language"], "en")
        self.assertEqual(m["Auto-Submitted"], "auto-generated")
        self.assertIsNotNone(m["Date"].datetime)
        self.assertEqual(m.get_content().replace("\r\n", "\n"), text + "\n")

    def test_implicit_tls(self):
        d = self.outlet(self.serve(implicit=True), tls="implicit")
        d.send("i1", ALICE, "hello")
        self.assertEqual(d.settled("i1"), ["sent", "i1"])

    def test_subjects(self):
        d = self.outlet(self.serve())
        wanted = ["\u00dcbergabe \u2013 " + "\u65e5\u672c\u8a9e" * 30,
                  "=?UTF-8?B?aGFsbG8=?=", "x" * 300, "a: b; c", ""]
        for n, subject in enumerate(wanted):
            d.send("s%d" % n, ALICE, "text", subject=subject)
            self.assertEqual(d.settled("s%d" % n), ["sent", "s%d" % n])
            m = self.box.mail(n)[3]
            cut = subject.encode()[:400].decode(errors="ignore")
            self.assertEqual(m["Subject"], cut)
        for _, _, _, content in self.box.mails:
            for line in content.split(b"\r\n"):
                self.assertLessEqual(len(line), 78)
                line.decode("ascii")

    def test_nothing_leaves_its_header(self):
        d = self.outlet(self.serve())
        d.send("h1", ALICE, "text\r\n.\r\nQUIT",
               subject="hi\r\nBcc: bob@example.org\r\n\r\nbody\x00\x07",
               lang="en\r\nBcc: bob@example.org")
        self.assertEqual(d.settled("h1"), ["sent", "h1"])
        _, _, to, m = self.box.mail(0)
        self.assertEqual(to, [ALICE])
        self.assertIsNone(m["Bcc"])
        self.assertIsNone(m["Content-Language"])
        self.assertEqual(m["Subject"].split(),
                         ["hi", "Bcc:", "bob@example.org", "body"])
        self.assertEqual(m.get_content().replace("\r\n", "\n"),
                         "text\n.\nQUIT\n")
        for bad in ("a@b> RCPT TO:<bob@example.org", "a@b\r\nDATA", "a b@c",
                    "nothing", "a@b@c", "@", "\u00e4@example.org", "a@b,c@d",
                    "x" * 400 + "@example.org"):
            d.send("bad", bad, "text")
            self.assertEqual(d.settled("bad")[:3], ["failed", "bad", "good"])
        self.assertEqual(len(self.box.mails), 1)

    def test_refusals(self):
        d = self.outlet(self.serve())
        for ident, to, text, how in (
                ("r1", "nobody@example.org", "x", "good"),
                ("r2", "full@example.org", "x", "bad"),
                ("r3", ALICE, "x", None)):
            d.send(ident, to, text)
            got = d.settled(ident)
            if how is None:
                self.assertEqual(got, ["sent", ident])
            else:
                self.assertEqual(got[:3], ["failed", ident, how])
                self.assertIn("refused", got[3])
        self.assertEqual(d.count(lambda x: x.startswith("state\tdown")), 0)

    def test_login(self):
        port = self.serve(login=True)
        d = self.outlet(port, user="reminder", secret=PASSWORD)
        d.send("l1", ALICE, "hello")
        self.assertEqual(d.settled("l1"), ["sent", "l1"])
        d = self.outlet(port, user="reminder", secret="wrong")
        d.send("l2", ALICE, "hello")
        self.assertEqual(d.settled("l2")[:3], ["failed", "l2", "bad"])
        self.assertIn("Login denied", d.down())

    def test_certificate_of_another(self):
        d = self.outlet(self.serve("wrong"), ca=self.dir + "/wrong.pem")
        d.send("c1", ALICE, "hello")
        self.assertEqual(d.settled("c1")[:3], ["failed", "c1", "bad"])
        d.down()
        self.assertEqual(self.box.mails, [])

    def test_no_tls_offered(self):
        self.server = Controller(self.box, hostname="127.0.0.1",
                                 port=free_port())
        self.server.start()
        d = self.outlet(self.server.port)
        d.send("n1", ALICE, "hello")
        self.assertEqual(d.settled("n1")[:3], ["failed", "n1", "bad"])
        self.assertEqual(self.box.mails, [])
        # Plain goes to loopback, and nowhere else.
        d = self.outlet(self.server.port, tls="none")
        d.send("n2", ALICE, "hello")
        self.assertEqual(d.settled("n2"), ["sent", "n2"])
        d = Drive(DRIVE, "smtp", server="192.0.2.1:25", tls="none",
                  **{"from": FROM})
        self.all.append(d)
        d.up()
        d.send("n3", ALICE, "hello")
        self.assertIn("smtp_allow_plain", d.settled("n3")[3])

    def test_answer_lost(self):
        """The mail is there and the 250 is not: again, under the same id."""
        d = self.outlet(self.serve())
        self.box.lose = 1
        d.send("a1", ALICE, "hello")
        self.assertEqual(d.settled("a1")[:3], ["failed", "a1", "bad"])
        d.down()
        d.up()
        d.send("a1", ALICE, "hello")
        self.assertEqual(d.settled("a1"), ["sent", "a1"])
        self.assertEqual([self.box.mail(n)[3]["Message-ID"] for n in (0, 1)],
                         ["<a1@example.org>"] * 2)

    def test_server_away(self):
        port = free_port()
        d = self.outlet(port)
        d.send("w1", ALICE, "hello")
        self.assertEqual(d.settled("w1")[:3], ["failed", "w1", "bad"])
        d.down()
        self.serve(port=port)
        d.up()
        d.send("w1", ALICE, "hello")
        self.assertEqual(d.settled("w1"), ["sent", "w1"])

    def test_close_while_the_server_is_silent(self):
        with socket.create_server(("127.0.0.1", 0)) as silent:
            d = self.outlet(silent.getsockname()[1])
            d.send("q1", ALICE, "one")
            d.send("q2", ALICE, "two")
            silent.accept()
            d.say("close")
            for ident in "q1", "q2":
                self.assertEqual(d.settled(ident)[:3],
                                 ["failed", ident, "bad"])
            d.wait(lambda x: x == "closed")

    def test_many(self):
        d = self.outlet(self.serve())
        d.say("many\tm\t%s\t300" % ALICE)
        self.assertEqual(d.wait(lambda x: x.startswith("many")).split(
            "\t")[1:4], ["300", "300", "0"])
        self.assertEqual(len(self.box.mails), 300)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[2:], warnings="ignore")
