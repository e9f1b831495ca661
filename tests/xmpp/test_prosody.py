#!/usr/bin/env python3
"""The XMPP outlet against a real server: Prosody on loopback, with clients of
libstrophe.

    test_prosody.py [--ejabberd] DRIVE CLIENT [TEST...]

With --ejabberd what both servers can do is asked of that one.
"""

import socket
import struct
import sys
import threading
import unittest

import lines
import prosody
from ejabberd import Ejabberd
from lines import CLIENT, Drive, Client
from ports import free_port

EJABBERD = sys.argv[1:2] == ["--ejabberd"]
if EJABBERD:
    del sys.argv[1]
DRIVE, XMPP_CLIENT = sys.argv[1:3]
ALICE, BOB = "alice@example.org", "bob@example.org"
ALARM = "{urn:funicular:alarm:1}"
COMMANDS = "http://jabber.org/protocol/commands"
FORM = "jabber:x:data"


def body(e):
    return e.find(CLIENT + "body").text


class Mute:
    """Between an outlet and the server: once it is mute, what the server says
    is lost, as on a line that breaks behind the last message."""

    def __init__(self, port):
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        self.to = port
        self.mute = False
        self.dropped = threading.Event()
        self.pairs = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                near = self.server.accept()[0]
                far = socket.create_connection(("127.0.0.1", self.to))
            except OSError:
                return
            self.pairs += [near, far]
            for a, b, back in ((near, far, False), (far, near, True)):
                threading.Thread(target=self._pass, args=(a, b, back),
                                 daemon=True).start()

    def _pass(self, a, b, back):
        try:
            while True:
                data = a.recv(65536)
                if not data:
                    break
                if back and self.mute:
                    self.dropped.set()
                    continue
                b.sendall(data)
        except OSError:
            pass

    def cut(self):
        for s in self.pairs:
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.pairs = []
        self.mute = False

    def close(self):
        self.server.close()
        self.cut()


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.p = (Ejabberd() if EJABBERD else prosody.Prosody()).start()

    @classmethod
    def tearDownClass(cls):
        cls.p.close()

    def setUp(self):
        self.all = []

    def tearDown(self):
        for x in self.all:
            code = x.close()
            if not self._outcome.success:
                continue
            self.assertEqual(code, 0, x.err)
            # What the sanitizers say.
            self.assertNotIn("ERROR", x.err)

    def outlet(self, component=False, wait=True, port=None, **options):
        options.setdefault("retry", 100)
        options.setdefault("known", [ALICE])
        if component:
            d = Drive(DRIVE, "xmpp", jid="reminder@" + prosody.COMPONENT,
                      server="127.0.0.1:%d" % (port or
                                               self.p.component_port),
                      secret=prosody.SECRET, component=1, **options)
        else:
            options.setdefault("ca", self.p.ca)
            options.setdefault("secret", prosody.PASSWORD)
            d = Drive(DRIVE, "xmpp", jid="reminder@" + prosody.DOMAIN,
                      server="127.0.0.1:%d" % (port or self.p.port),
                      **options)
        self.all.append(d)
        if wait:
            d.up()
        return d

    def client(self, jid=ALICE, **options):
        c = Client(XMPP_CLIENT, jid + "/pc", prosody.PASSWORD, self.p.port,
                   self.p.ca, **options)
        self.all.append(c)
        return c


class Names:
    """A name server that has SRV records for whatever it is asked."""

    def __init__(self, *ports):
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", 0))
        self.port = self.sock.getsockname()[1]
        self.ports = ports
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                q, who = self.sock.recvfrom(512)
            except OSError:
                return
            out = q[:2] + b"\x81\x80" + struct.pack(
                ">HHHH", 1, len(self.ports), 0, 0) + q[12:]
            for n, port in enumerate(self.ports):
                data = struct.pack(">HHH", n, 0, port) + b"\x09localhost\x00"
                out += b"\xc0\x0c" + struct.pack(">HHIH", 33, 1, 60,
                                                 len(data)) + data
            self.sock.sendto(out, who)

    def close(self):
        self.sock.close()


class Talk:
    """Both manners of a line do the same."""

    def address(self):
        return "reminder@" + (prosody.COMPONENT if self.component
                              else prosody.DOMAIN)

    def test_popup_receipt_and_answer(self):
        alice, d = self.client(), self.outlet(self.component)
        self.assertTrue(d.send(
            "a1", ALICE, "Dentist\nin 10 minutes", uid="u-1", alarm="al-1",
            recurrence="20260301T080000Z", summary="Dentist", place="Main St",
            zone="Europe/Berlin", due=1772350000000, start=1772350600000))
        self.assertEqual(d.settled("a1"), ["sent", "a1"])
        m = alice.message("a1")
        self.assertEqual(m.get("type"), "chat")
        self.assertEqual(body(m), "Dentist in 10 minutes")
        a = m.find(ALARM + "alarm")
        self.assertEqual(
            dict(a.attrib),
            {"kind": "event", "uid": "u-1", "alarm": "al-1",
             "recurrence": "20260301T080000Z", "zone": "Europe/Berlin",
             "due": "2026-03-01T07:26:40Z", "start": "2026-03-01T07:36:40Z"})
        self.assertEqual(a.find(ALARM + "summary").text, "Dentist")
        self.assertEqual(a.find(ALARM + "place").text, "Main St")
        self.assertEqual(d.heard("receipt", "a1")[2], ALICE)

        alice.say("<message type='chat' id='r1' to='%s'><thread>a1</thread>"
                  "<body>10</body><request xmlns='urn:xmpp:receipts'/>"
                  "</message>" % m.get("from"))
        self.assertEqual(d.heard("text")[2:6], [ALICE, "r1", "a1", "10"])
        back = alice.message(text="you said: 10")
        self.assertEqual(back.find(CLIENT + "thread").text, "a1")
        alice.wait(lambda x: "<received" in x and 'id="r1"' in x)
        # An answer that names what it answers (XEP-0461), with a quotation.
        alice.say("<message type='chat' id='r2' to='%s'><body>&gt; Dentist&#10;"
                  "ok</body><reply xmlns='urn:xmpp:reply:0' to='x' id='a1'/>"
                  "</message>" % self.address())
        self.assertEqual(d.heard("text")[2:6], [ALICE, "r2", "a1", "ok"])

    def test_offline_user(self):
        d = self.outlet(self.component)
        self.assertTrue(d.send("o1", ALICE, "while you were away"))
        self.assertEqual(d.settled("o1"), ["sent", "o1"])
        alice = self.client()
        m = alice.message("o1")
        self.assertIsNotNone(m.find("{urn:xmpp:delay}delay"))
        d.heard("receipt", "o1")

    def test_late_ones_are_marked(self):
        alice, d = self.client(), self.outlet(self.component)
        d.send("l1", ALICE, "late", written=1772350000000)
        mark = alice.message("l1").find("{urn:xmpp:delay}delay")
        self.assertEqual(mark.get("stamp"), "2026-03-01T07:26:40Z")
        d.send("l2", ALICE, "in time")
        self.assertIsNone(alice.message("l2").find("{urn:xmpp:delay}delay"))

    def test_unknown_user(self):
        d = self.outlet(self.component)
        d.send("n1", "nobody@example.org", "hello")
        self.assertEqual(d.settled("n1")[:3], ["failed", "n1", "bad"])
        d.send("n2", "no address", "hello")
        self.assertEqual(d.settled("n2")[:3], ["failed", "n2", "good"])
        if EJABBERD:
            return  # what others say comes too late
        # This server has no way to others, and says so: not-allowed.
        d.send("n3", "x@other.invalid", "hello")
        self.assertEqual(d.settled("n3")[:3], ["failed", "n3", "good"])

    def test_text_never_leaves_its_element(self):
        alice, bob = self.client(), self.client(BOB)
        d = self.outlet(self.component)
        evil = ("</body></message><message to='%s'><body>got you</body>"
                "</message>" % BOB)
        attr = "x' onclick='y\" z\n&lt;<>&"
        d.send("e1", ALICE, evil + "\x00\x01\x08\x1b\x7f\x9f]]>", uid=attr,
               summary=evil, place=evil, lang=attr, zone=attr)
        self.assertEqual(d.settled("e1"), ["sent", "e1"])
        m = alice.message("e1")
        self.assertEqual(body(m), evil + "]]>")
        self.assertNotIn("onclick", m.get("lang") or "")
        a = m.find(ALARM + "alarm")
        self.assertEqual(a.find(ALARM + "summary").text, evil)
        self.assertEqual(a.get("uid"), attr.replace("\n", " "))
        d.send("e2", BOB, "the end")
        bob.message("e2")
        self.assertEqual(bob.count(lambda x: "got you" in x), 0)

    def test_long_text_is_cut(self):
        alice, d = self.client(), self.outlet(self.component)
        d.send("t1", ALICE, "\u00e4" * 4000, uid="u" * 3000,
               summary="s" * 3000)
        m = alice.message("t1")
        self.assertEqual(body(m), "\u00e4" * 2048)
        a = m.find(ALARM + "alarm")
        self.assertEqual(len(a.get("uid")), 512)
        self.assertEqual(len(a.find(ALARM + "summary").text), 1024)

    def ask(self, who, ident, node, form=None, action=None):
        to = self.address() + ("" if self.component else "/funicular")
        x = "" if form is None else "<x xmlns='%s' type='submit'>%s</x>" % (
            FORM, "".join("<field var='%s'><value>%s</value></field>" % f
                          for f in form.items()))
        who.say("<iq type='set' id='%s' to='%s'><command xmlns='%s' node='%s'"
                "%s sessionid='s-1'>%s</command></iq>" % (
                    ident, to, COMMANDS, node,
                    "" if action is None else " action='%s'" % action, x))
        return who.iq(ident)

    def test_commands(self):
        alice, bob = self.client(), self.client(BOB)
        d = self.outlet(self.component)
        to = self.address() + ("" if self.component else "/funicular")
        alice.say("<iq type='get' id='d1' to='%s'><query xmlns='%s' "
                  "node='%s'/></iq>" % (
                      to, "http://jabber.org/protocol/disco#items", COMMANDS))
        nodes = [i.get("node") for i in alice.iq("d1")[0]]
        self.assertEqual(nodes, ["snooze", "dismiss", "agenda", "upcoming",
                                 "mute"])
        alice.say("<iq type='get' id='d2' to='%s'><query xmlns='%s'/></iq>" % (
            to, "http://jabber.org/protocol/disco#info"))
        features = [f.get("var") for f in alice.iq("d2")[0]]
        self.assertIn(COMMANDS, features)

        c = self.ask(alice, "c1", "snooze")[0]
        self.assertEqual((c.get("status"), c.get("sessionid")),
                         ("executing", "s-1"))
        fields = c.findall("{%s}x/{%s}field" % (FORM, FORM))
        self.assertEqual([f.get("var") for f in fields], ["time", "alarm"])
        c = self.ask(alice, "c2", "snooze", {"time": "1h", "alarm": "a1"})[0]
        self.assertEqual(c.get("status"), "completed")
        self.assertEqual(c[0].text, "you said: snooze")
        self.assertEqual(d.heard("command")[2:], [
            ALICE, "", "a1", "snooze", "time=1h", "alarm=a1"])
        c = self.ask(alice, "c3", "dismiss")[0]
        self.assertEqual(c.get("status"), "completed")
        c = self.ask(alice, "c4", "snooze", action="cancel")[0]
        self.assertEqual(c.get("status"), "canceled")

        def refused(who, ident, *args, **more):
            e = self.ask(who, ident, *args, **more)
            self.assertEqual(e.get("type"), "error")
            return e.find(CLIENT + "error")[0].tag.split("}")[1]
        self.assertEqual(refused(alice, "c5", "reboot"), "item-not-found")
        self.assertEqual(refused(alice, "c6", "snooze", action="prev"),
                         "bad-request")
        self.assertEqual(refused(bob, "c7", "dismiss"), "forbidden")

    def test_strangers(self):
        bob, d = self.client(BOB), self.outlet(self.component)
        for n in range(40):
            bob.say("<message type='chat' id='b%d' to='%s'><body>hi</body>"
                    "</message>" % (n, self.address()))
        bob.message(text="I do not know you")
        # The line lives, and somebody who is known gets through.
        alice = self.client()
        alice.say("<message type='chat' id='k1' to='%s'><body>today</body>"
                  "</message>" % self.address())
        alice.message(text="you said: today")
        self.assertEqual(bob.count(lambda x: "do not know you" in x), 1)
        asked = d.count(lambda x: x.startswith("in\ttext\t" + BOB))
        self.assertGreater(asked, 10)
        self.assertLess(asked, 30)

    def test_subscriptions(self):
        alice, bob = self.client(), self.client(BOB)
        d = self.outlet(self.component)
        for who in alice, bob:
            who.say("<presence type='subscribe' to='%s'/>" % self.address())

        def sees(e):
            return (e.tag == CLIENT + "presence" and
                    e.get("from").startswith(self.address()) and
                    e.get("type") is None)
        alice.stanza(sees)
        d.wait(lambda x: x.startswith("in\tcontact\t" + BOB))
        d.send("p2", BOB, "the end")
        bob.message("p2")
        self.assertEqual(bob.count(lambda x: x.startswith("<presence") and
                                   self.address() in x and
                                   "type=" not in x), 0)

    def test_large_stanza(self):
        """What is too large to be looked at does not break the line."""
        bob, d = self.client(BOB), self.outlet(self.component)
        bob.say("<message type='chat' id='big' to='%s'><body>%s</body>"
                "</message>" % (self.address(), "x" * 200000))
        alice = self.client()
        alice.say("<message type='chat' id='k2' to='%s'><body>help</body>"
                  "</message>" % self.address())
        alice.message(text="you said: help")
        self.assertEqual(d.count(lambda x: "\tbig\t" in x), 0)
        self.assertEqual(d.count(lambda x: x.startswith("state\tdown")), 0)

    def test_server_killed_before_it_confirmed(self):
        d = self.outlet(self.component)
        self.p.pause()
        self.assertTrue(d.send("k1", ALICE, "before the end"))
        self.p.kill()
        self.assertEqual(d.settled("k1")[:3], ["failed", "k1", "bad"])
        d.down()
        self.assertFalse(d.send("k1", ALICE, "nobody is there"))
        self.p.start()
        d.up()
        alice = self.client()
        self.assertTrue(d.send("k1", ALICE, "once more"))
        self.assertEqual(d.settled("k1"), ["sent", "k1"])
        self.assertEqual(body(alice.message("k1")), "once more")

    def test_confirmation_lost(self):
        """The repeat carries the same id."""
        alice = self.client()
        mute = Mute(self.p.component_port if self.component else self.p.port)
        d = self.outlet(self.component, port=mute.port)
        mute.mute = True
        self.assertTrue(d.send("c1", ALICE, "first"))
        first = alice.message("c1")
        self.assertTrue(mute.dropped.wait(lines.LIMIT_S))
        self.assertEqual(d.count(lambda x: x == "sent\tc1"), 0)
        mute.cut()
        self.assertEqual(d.settled("c1")[:3], ["failed", "c1", "bad"])
        d.up()
        self.assertTrue(d.send("c1", ALICE, "again"))
        self.assertEqual(d.settled("c1"), ["sent", "c1"])
        self.assertEqual(alice.message("c1").get("id"), first.get("id"))
        mute.close()

    def test_silent_server(self):
        d = self.outlet(self.component, answer=1500)
        self.p.pause()
        try:
            self.assertTrue(d.send("s1", ALICE, "is anybody there?"))
            self.assertEqual(d.settled("s1")[:3], ["failed", "s1", "bad"])
            self.assertIn("does not answer", d.down())
        finally:
            self.p.resume()
        d.up()

    def test_close_settles_all(self):
        d = self.outlet(self.component)
        self.p.pause()
        try:
            self.assertTrue(d.send("z1", ALICE, "too late"))
            d.say("close")
            self.assertEqual(d.settled("z1")[:3], ["failed", "z1", "bad"])
            d.wait(lambda x: x == "closed")
        finally:
            self.p.resume()

    def test_many(self):
        alice, d = self.client(receipts=False), self.outlet(self.component)
        d.say("many\tm\t%s\t2000" % ALICE)
        self.assertEqual(d.wait(lambda x: x.startswith("many")).split(
            "\t")[1:4], ["2000", "2000", "0"])
        alice.message("m-1999")
        ids = [x.split('id="', 1)[1].split('"')[0] for x in alice.lines
               if x.startswith("<message ")]
        self.assertEqual(ids, ["m-%d" % n for n in range(2000)])


class Account(Talk, Case):
    component = False

    def test_found_by_its_name(self):
        """The first server of the domain is away, the second is there."""
        names = Names(free_port(), self.p.port)
        d = Drive(DRIVE, "xmpp", jid="reminder@" + prosody.DOMAIN,
                  dns=names.port, ca=self.p.ca, secret=prosody.PASSWORD,
                  retry=100, known=[ALICE])
        self.all.append(d)
        d.up()
        alice = self.client()
        self.assertTrue(d.send("n1", ALICE, "found"))
        self.assertEqual(body(alice.message("n1")), "found")
        names.close()

    def test_wrong_password(self):
        d = self.outlet(wait=False, secret="wrong")
        self.assertIn("refuses the login: not-authorized", d.down())
        self.assertFalse(d.send("w1", ALICE, "hello"))

    def test_certificate_of_another(self):
        """Signed by somebody whom we trust, for another host."""
        self.p.kill()
        self.p.configure(cert="wrong")
        self.p.start()
        try:
            d = self.outlet(wait=False, ca=self.p.wrong_ca)
            self.assertIn("certificate does not fit", d.down())
            self.assertIn("name", d.lines[-1])
            d = self.outlet(wait=False)
            self.assertIn("certificate does not fit", d.down())
        finally:
            self.p.kill()
            self.p.configure()
            self.p.start()

    def test_no_tls_on_loopback(self):
        self.p.kill()
        self.p.configure(tls=False)
        self.p.start()
        try:
            d = self.outlet()
            d.send("p1", ALICE, "plain")
            self.assertEqual(d.settled("p1"), ["sent", "p1"])
        finally:
            self.p.kill()
            self.p.configure()
            self.p.start()

    def test_types(self):
        alice = self.client()
        for kind in "headline", "normal":
            d = self.outlet(type=kind)
            d.send("t-" + kind, ALICE, "hello")
            got = alice.message("t-" + kind).get("type")
            self.assertEqual(got or "normal", kind)
            d.close()
            self.all.remove(d)


class Component(Talk, Case):
    component = True

    def test_wrong_secret(self):
        d = Drive(DRIVE, "xmpp", jid="reminder@" + prosody.COMPONENT,
                  server="127.0.0.1:%d" % self.p.component_port,
                  secret="wrong", component=1, retry=100)
        self.all.append(d)
        self.assertIn("not-authorized", d.down())


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[3:], warnings="ignore")
