#!/usr/bin/env python3
"""What the outlets carry: 5,000 and 50,000 reminders to one client over
Prosody, as an account and as a component, and mails to a server of the tests'
own.

    outlets.py BUILD [COUNT...]

BUILD is a build without sanitizers. A line each: how many were confirmed, in
what time, and the outlet's memory before and at its most; for XMPP also what
the client has got, each once.
"""

import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "xmpp"))
sys.dont_write_bytecode = True
import prosody  # noqa: E402
from lines import Client, Drive  # noqa: E402
from ports import free_port  # noqa: E402

ALICE = "alice@" + prosody.DOMAIN
LIMIT_S = 600
LINE = "%-22s %7s %10s %8s %9s %9s  %s"


def figures(d, to, n):
    d.say("many\tm\t%s\t%d" % (to, n))
    return [int(x) for x in d.wait(lambda x: x.startswith("many"),
                                   LIMIT_S).split("\t")[1:]]


def row(name, f, note=""):
    n, sent, failed, ms, before, most = f
    print(LINE % (name, n, "%d/%d" % (sent, failed), "%.1f s" % (ms / 1000),
                  "%.0f /s" % (n * 1000 / max(ms, 1)),
                  "%.1f MB" % ((most - before) / 1024), note), flush=True)


def outlet(build, p, component):
    if component:
        d = Drive(build + "/tests/xmpp/outlet_drive", "xmpp", component=1,
                  jid="reminder@" + prosody.COMPONENT, secret=prosody.SECRET,
                  server="127.0.0.1:%d" % p.component_port, known=ALICE)
    else:
        d = Drive(build + "/tests/xmpp/outlet_drive", "xmpp", ca=p.ca,
                  jid="reminder@" + prosody.DOMAIN, known=ALICE,
                  secret=prosody.PASSWORD, server="127.0.0.1:%d" % p.port)
    d.up()
    return d


def xmpp(build, component, n):
    name = "component" if component else "account (TLS)"
    with prosody.Prosody() as p:
        alice = Client(build + "/tests/xmpp/xmpp_client", ALICE + "/pc",
                       prosody.PASSWORD, p.port, p.ca)
        d = outlet(build, p, component)
        f = figures(d, ALICE, n)
        alice.wait(lambda x: 'id="m-%d"' % (n - 1) in x, LIMIT_S)
        ids = re.findall(r'^<message [^>]*\bid="(m-\d+)"',
                         "\n".join(alice.lines), re.M)
        row(name, f, "arrived %d, twice %d" % (len(set(ids)),
                                               len(ids) - len(set(ids))))
        d.close()
        alice.close()


def smtp(build, n):
    sys.path.append("/usr/lib/python3/dist-packages")
    from aiosmtpd.controller import Controller

    class Box:
        async def handle_DATA(self, server, session, envelope):
            return "250 OK"
    server = Controller(Box(), hostname="127.0.0.1",
                        port=free_port())
    server.start()
    d = Drive(build + "/tests/xmpp/outlet_drive", "smtp", tls="none",
              server="127.0.0.1:%d" % server.port,
              **{"from": "reminder@example.org"})
    d.up()
    row("mail", figures(d, ALICE, n))
    d.close()
    server.stop()


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    build = sys.argv[1]
    counts = [int(x) for x in sys.argv[2:]] or [5000, 50000]
    print(LINE % ("outlet", "given", "sent/fail", "time", "speed", "memory",
                  ""))
    for n in counts:
        xmpp(build, False, n)
        xmpp(build, True, n)
    smtp(build, min(counts))


main()
