#!/usr/bin/env python3
"""SIGKILL at every point of a reminder's way, against a real XMPP server: how
often does each pop-up come?

    kills.py [--all] [--seed N] BUILD

Each comes once, but for what the kill found between the sending and the
writing down of that: it comes again, with the same id. Four parts; without
--all the first one, and a small second one:

 1. one reminder, each point;
 2. many reminders at once, one kill after the other at random points;
 3. the same while the XMPP server is killed, too, and the person is offline;
 4. two nodes on PostgreSQL, of which the one that sends is killed;
 5. how long it takes until a node sends what another process wrote, with and
    without listen=on.
"""

import argparse
import os
import random
import re
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", d)
                for d in ("xmpp", "e2e", "nodes", "postgres")]
sys.dont_write_bytecode = True
import prosody  # noqa: E402
from harness import Failure, Site, until  # noqa: E402
from lines import Client  # noqa: E402

SENDER = "reminder@" + prosody.COMPONENT
ALICE = "alice@" + prosody.DOMAIN
# May the server have it already, and nobody know?
POINTS = (("claiming", "never"), ("claimed", "never"), ("giving", "never"),
          ("given", "maybe"), ("confirmed", "always"), ("marking", "always"),
          ("marked", "never"))
LIMIT_S = 90
LEAD_S = 3  # at least; an import takes about one


def utc(seconds):
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(seconds))


def calendar(name, n, due):
    out = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//kills//EN"]
    for i in range(n):
        out += ["BEGIN:VEVENT", "UID:%s-%d@example.org" % (name, i),
                "DTSTAMP:20260101T000000Z", "SUMMARY:%s %d" % (name, i),
                "DTSTART:" + utc(due + 3600), "DTEND:" + utc(due + 7200),
                "BEGIN:VALARM", "ACTION:DISPLAY", "DESCRIPTION:x",
                "TRIGGER;VALUE=DATE-TIME:" + utc(due), "END:VALARM",
                "END:VEVENT"]
    return "\r\n".join(out + ["END:VCALENDAR", ""])


class World:
    def __init__(self, build, room, server, **conf):
        self.build, self.room, self.server = build, room, server
        secret = os.path.join(room, "secret")
        with open(secret, "w") as f:
            f.write(prosody.SECRET + "\n")
        os.chmod(secret, 0o600)
        self.conf = dict(
            conf, log_level="info", xmpp_jid=SENDER, xmpp_component="yes",
            xmpp_secret_file=secret, alarm_poll="1", alarm_per_minute="1000",
            xmpp_server="127.0.0.1:%d" % server.component_port)
        self.alice = None
        self.old = []  # lines of clients that are gone

    def site(self, name, **conf):
        return Site(self.build + "/tests/alarms/funicular-struck",
                    os.path.join(self.room, name), **dict(self.conf, **conf))

    def online(self):
        self.alice = Client(self.build + "/tests/xmpp/xmpp_client",
                            ALICE + "/pc", prosody.PASSWORD,
                            self.server.port, self.server.ca)

    def offline(self):
        self.alice.close()
        self.old += self.alice.lines
        self.alice = None

    def user(self, site):
        site.command("user", "add", "anna", "--no-password")
        site.command("user", "set", "anna", "jid", ALICE)

    def remind(self, site, name, n):
        began = time.monotonic()
        site.command("alarm", "sent", "anna", "--json")
        # On a busy machine each command takes longer.
        lead = max(LEAD_S, 2 + int(6 * (time.monotonic() - began)))
        due = int(time.time()) + lead + n // 100
        path = os.path.join(self.room, name + ".ics")
        with open(path, "w", newline="") as f:
            f.write(calendar(name, n, due))
        site.command("import", "anna", "calendar", path)
        if time.time() > due:
            raise AssertionError("this machine is too slow for the test")

    def came(self, name):
        """{title: [id, ...]}"""
        found = {}
        lines = self.old + (list(self.alice.lines) if self.alice else [])
        for line in lines:
            m = re.search(r"<summary>(%s \d+)<" % name, line)
            i = re.search(r"^<message\b[^>]*\bid=[\"']([^\"']+)", line)
            if m and i:
                found.setdefault(m[1], []).append(i[1])
        return found

    def judged(self, site, name, n):
        """(once, again) when all have come and nothing more is queued."""
        until(lambda: len(self.came(name)) == n,
              "%d pop-ups of %s, see %s" % (n, name, site.log_path), LIMIT_S)
        until(lambda: '"queued"' not in
              site.command("alarm", "sent", "anna", "--json"),
              "an empty outbox", LIMIT_S)
        # What was sent before it is there before it.
        site.command("alarm", "test", "anna")
        self.alice.message(text="eminder")
        came = self.came(name)
        for title, ids in came.items():
            assert len(set(ids)) == 1, "%s under %r" % (title, ids)
        again = sum(len(ids) - 1 for ids in came.values())
        return len(came), again


def struck(site):
    """It has died; how many were under way."""
    try:
        code = site.process.wait(LIMIT_S)
    except subprocess.TimeoutExpired:
        raise AssertionError("nothing struck it, see " + site.log_path)
    assert code == -9, "it ended with %d: %s" % (code, site.log_tail())
    site.process = None
    with open(site.log_path, errors="replace") as f:
        return int(re.findall(r"struck at \w+, (-?\d+) under way",
                              f.read())[-1])


def armed(site, point, n):
    site.env = dict(os.environ, FUNICULAR_STRIKE="%s:%d" % (point, n))
    try:
        site.start()
    except Failure:
        # What was left over is sent at once: it may die before it is ready.
        if site.process.poll() != -9:
            raise
    return site


def unarmed(site):
    site.env = None
    return site.start()


def each_point(w):
    site = w.site("one")
    armed(site, "never", 1)
    w.user(site)
    site.stop()
    print("one reminder, killed at each point: how often it came")
    for point, again in POINTS:
        armed(site, point, 1)
        name = "One-" + point
        w.remind(site, name, 1)
        struck(site)
        unarmed(site)
        _, more = w.judged(site, name, 1)
        print("  %-10s %d" % (point, 1 + more), flush=True)
        assert more == 0 or again != "never", "twice: " + point
        assert more == 1 or again != "always", "once: " + point
        site.stop()


def many(w, rng, n, kills, title):
    name = "Many-%d" % rng.randrange(10 ** 6)
    site = w.site(name)
    armed(site, "never", 1)
    w.user(site)
    w.remind(site, name, n)
    site.stop()
    done, may = [], 0
    for _ in range(kills):
        point, again = rng.choice(POINTS)
        times = {"confirmed": rng.randrange(1, max(2, n // 4))}.get(point, 1)
        armed(site, point, times)
        try:
            may += max(struck(site), 0)
            done.append(point)
        except AssertionError:
            # Nothing is left that could reach this point.
            site.stop()
            break
    unarmed(site)
    once, again = w.judged(site, name, n)
    site.stop()
    print("%s: %d reminders, killed %d times (%s): %d came, %d of them again "
          "with the same id, %d were between sending and writing down" % (
              title, n, len(done), ", ".join(done), once, again, may),
          flush=True)
    assert once == n and again <= may


def xmpp_killed(w, n):
    """Nobody is there, so that what the server has it keeps; then it dies,
    while it is given them."""
    name = "Away"
    site = w.site("away")
    unarmed(site)
    w.user(site)
    w.offline()
    w.remind(site, name, n)
    folder = "%s/data/%s/offline" % (w.server.dir,
                                     prosody.DOMAIN.replace(".", "%2e"))
    path = folder + "/alice.list"

    def kept():
        try:
            with open(path, errors="replace") as f:
                return f.read().count("item(") >= n // 10
        except OSError:
            return False
    until(kept, "some that are kept", LIMIT_S)
    w.server.kill()
    w.server.start()
    until(lambda: '"queued"' not in
          site.command("alarm", "sent", "anna", "--json"),
          "an empty outbox", LIMIT_S)
    w.online()
    once, again = w.judged(site, name, n)
    site.stop()
    print("XMPP server killed among %d reminders to somebody who is offline: "
          "%d came, %d of them again with the same id" % (n, once, again),
          flush=True)
    assert once == n


def two_nodes(w, n):
    from cluster import Database
    db = Database()
    try:
        conf = {"store": db.create("kills") + " listen=on",
                "key_file": os.path.join(w.room, "shared-key")}
        a, b = w.site("node-a", **conf), w.site("node-b", **conf)
        armed(a, "confirmed", n // 3)
        w.user(a)
        until(lambda: "channel=xmpp up=yes" in a.log_tail(20000),
              "node a with the line", LIMIT_S)
        unarmed(b)
        w.remind(b, "Nodes", n)
        may = struck(a)
        began = time.monotonic()
        once, again = w.judged(b, "Nodes", n)
        print("two nodes, the one that sends killed among %d reminders: %d "
              "came, %d of them again with the same id (%d were under way), "
              "the last after %.0f s" % (n, once, again, may,
                                         time.monotonic() - began), flush=True)
        assert once == n and again <= may
        b.stop()
    finally:
        db.stop()


def heard(w):
    from cluster import Database
    db = Database()
    try:
        for listen in ("on", "off"):
            site = w.site("heard-" + listen, alarm_poll="10",
                          store=db.create("heard_" + listen) +
                          " listen=" + listen)
            unarmed(site)
            w.user(site)
            site.command("alarm", "test", "anna")
            w.alice.message(text="eminder")
            late = []
            for _ in range(5):
                began = time.monotonic()
                site.command("alarm", "test", "anna")
                w.alice.message(text="eminder")
                late.append(time.monotonic() - began)
            print("a message that another process wrote, listen=%s: there "
                  "after %s s, its command included" % (
                      listen, ", ".join("%.1f" % x for x in sorted(late))),
                  flush=True)
            assert listen == "off" or max(late) < 8, late
            site.stop()
            # The address is given back.
            site.env = None
    finally:
        db.stop()


def main():
    p = argparse.ArgumentParser(usage=__doc__)
    p.add_argument("build")
    p.add_argument("--all", action="store_true")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--heard", action="store_true", help="only the last part")
    args = p.parse_args()
    rng = random.Random(args.seed)
    with tempfile.TemporaryDirectory(prefix="funicular-kills-") as room, \
            prosody.Prosody() as server:
        w = World(args.build, room, server)
        w.online()
        if args.heard:
            heard(w)
            return
        each_point(w)
        many(w, rng, 100, 3, "many at once")
        if args.all:
            for _ in range(5):
                many(w, rng, 400, 6, "many at once")
            xmpp_killed(w, 400)
            two_nodes(w, 300)
            heard(w)
        w.alice.close()


main()
