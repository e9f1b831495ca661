#!/usr/bin/env python3
"""SIGKILL of the daemon at every point of a notice's way, from the mail that
comes to the session that answers: is every device woken, and how often? Exit
status 77 where Kannel is not installed.

    kills.py [--all] [--seed N] BUILD

Each message comes once, but for what the kill found between the sending and the
writing down of that: it comes again, octet by octet. Two parts; without --all a
sample of the first one, and a small second one:

 1. one mail at Dovecot, one phone behind Kannel, each point; the phone comes
    with the number that it was given, and has the mail;
 2. many devices of an account, woken by an import, one kill after the other.
"""

import argparse
import http.client
import json
import os
import random
import re
import sqlite3
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
for room in ("mail", "server", "nodes"):
    sys.path.insert(0, os.path.join(HERE, os.pardir, room))
sys.path.insert(0, HERE)

import kannel  # noqa: E402
import phone as cards  # noqa: E402
from arrive import secret_file  # noqa: E402
from daemon import Failed  # noqa: E402
from dovecot import Dovecot, message  # noqa: E402
from ports import free_port  # noqa: E402
from sink_test import Sink  # noqa: E402
from stand import PASSWORD, Site, until  # noqa: E402

# May the message be there already, and nobody know?
POINTS = (("changing", "never"), ("changed", "never"), ("claiming", "never"),
          ("claimed", "never"), ("giving", "never"), ("given", "maybe"),
          ("confirmed", "always"), ("marking", "always"), ("marked", "never"),
          ("answering", "never"), ("answered", "never"))
SAMPLE = ("changed", "claimed", "marking", "answered")
NUMBER = "+49123"
MANY = tuple(p for p in POINTS if p[0][-5:] != "ering" and
             p[0] not in ("changing", "changed", "answered"))


class Struck(Site):
    """Of which the daemon may have a point at which it dies."""

    def armed(self, point, n=1):
        try:
            self.start({"FUNICULAR_STRIKE": "%s:%d" % (point, n)})
        except Failed as e:
            # What was left over is sent at once: it may die before it is
            # ready.
            if e.code != -9:
                raise
            self.daemon, self.said = None, e.text

    def died(self, sure=True):
        """How many messages were given, and not written down; None: nothing
        is left that could reach that point."""
        if self.daemon is not None:
            until("it is struck", lambda: self.daemon.proc.poll() is not None
                  or not sure and not self.queued())
            code = self.daemon.wait() if sure else self.daemon.stop()
            self.said = "\n".join(self.daemon.lines)
            assert code == -9 or not sure and code == 0, (
                "it ended with %d: %s" % (code, self.said))
            self.kill()
            if code == 0:
                return None
        else:
            with sqlite3.connect(self.room + "/db") as db:
                db.execute("DELETE FROM lease")
        return int(re.findall(r"struck at \w+, (-?\d+) under way",
                              self.said)[-1])

    def waits(self, user):
        return [r["waits"] for r in self.json("push", "list", user)
                if r["waits"]]

    def queued(self):
        with sqlite3.connect(self.room + "/db") as db:
            return db.execute("SELECT count(*) FROM delivery WHERE state = 1"
                              ).fetchone()[0]


# ---- one ---------------------------------------------------------------------

class One:
    def __init__(self, build, d, k):
        self.d, self.k, self.seen = d, k, 0
        self.site = Struck(build + "/tests/alarms/funicular-struck", d, None,
                           "kannel_url = %s\nkannel_user = tester\n"
                           "kannel_secret_file = %s\nserver_id = groupsrv\n"
                           % (k.sendsms(), secret_file(d.dir, "k", "foobar")))
        self.site.start()
        self.phone = self.site.user("anna")
        until("the first look", lambda: self.site.state("anna") == "ok")
        self.phone.sync(self.site.port)
        self.site.command("push", "set", "anna", "IMEI:1", "to",
                          "kannel:" + NUMBER, "gap", "0")
        self.site.stop()

    def new(self):
        """Notifications since the last round."""
        return [kannel.wsp(kannel.join([(udh, data)]))[2]
                for _, _, udh, data in self.k.messages()[self.seen:]]

    def come(self, san):
        (code, _, _), = san["syncs"]
        self.phone.sync(self.site.port, kind=code, sid="%X" % san["session"])

    def round(self, point):
        in_session = point.startswith("answer")
        name = "mail-" + point
        self.seen = len(self.k.messages())
        self.site.armed(point)
        self.d.deliver("anna", message(name))
        if in_session:
            until("an SMS", self.new)
            until("written down", lambda: not self.site.queued())
            try:
                self.come(kannel.san(self.new()[0]))
                raise AssertionError("not struck: " + point)
            except (OSError, http.client.HTTPException):
                pass
        self.site.died()
        self.site.start()
        until("an SMS", self.new)
        until("written down", lambda: not self.site.queued())
        # What was given to Kannel before this is at the SMS centre before it.
        self.site.command("push", "test", "anna", "IMEI:1")
        until("the test", lambda: len(set(self.new())) > 1)
        sans = self.new()[:-1]
        assert len(set(sans)) == 1, "%s: %r" % (point, sans)
        self.come(kannel.san(sans[0]))
        assert name in self.phone.subjects(), "%s: %r" % (
            point, self.phone.subjects())
        assert not self.site.waits("anna"), point
        rows = json.loads(self.site.command("report", "notices", "--json"))
        for r in rows[:2]:
            assert r["state"] == "sent" and r["answer"] != "none", r
        self.site.stop()
        return len(sans)

    def all(self, points):
        print("one mail, killed at each point: how often its SMS came")
        for point, again in POINTS:
            if point not in points:
                continue
            n = self.round(point)
            print("  %-10s %d" % (point, n), flush=True)
            assert n == 1 or again != "never", "twice: " + point
            assert n == 2 or again != "always", "once: " + point


# ---- many --------------------------------------------------------------------

class Many:
    def __init__(self, build, room, n):
        self.build, self.room, self.sink = build, room, Sink()
        self.site = Struck.__new__(Struck)
        self.site.program = build + "/tests/alarms/funicular-struck"
        self.site.room = room
        self.site.port = free_port()
        self.site.text = (
            "listen = 127.0.0.1:%d\nstore = sqlite:%s/db\nstate_dir = %s\n"
            "key_file = %s/key\nserver_id = groupsrv\nalarm_poll = 1\n"
            "post_url = http://127.0.0.1:%d/{to}\n" % (
                self.site.port, room, room, room, self.sink.port))
        self.site.conf = room + "/funicular.conf"
        with open(self.site.conf, "w") as f:
            f.write(self.site.text)
        self.site.start()
        self.site.command("user", "add", "anna", "--password-stdin",
                          stdin=PASSWORD + "\n")
        self.phones = []
        for i in range(n):
            p = cards.Phone("IMEI:%d" % i, "anna", PASSWORD)
            p.sync([self.site.port])
            self.phones.append(p)
        with sqlite3.connect(room + "/db") as db:
            db.execute(
                "INSERT INTO push_device SELECT account_id, device_id, 'post',"
                " dev_id, 'gap 0' || char(10), x'', 0, 0, 0, 0, 0 FROM device")
            db.execute("UPDATE account SET push = 1")
        self.site.stop()

    def card(self, name):
        path = self.room + "/%s.vcf" % name
        with open(path, "w", newline="") as f:
            f.write("BEGIN:VCARD\r\nVERSION:3.0\r\nN:%s;X\r\nFN:X %s\r\n"
                    "END:VCARD\r\n" % (name, name))
        self.site.command("import", "anna", "contacts", path)

    def by_device(self):
        out = {}
        for path, head, body in self.sink.seen:
            out.setdefault(path[1:].replace("%3A", ":"), []).append(
                (head["X-Funicular-Id"], body))
        return out

    def come(self, p):
        san = kannel.san(self.by_device()[p.dev][0][1])
        (code, _, _), = san["syncs"]
        p.sid += 1
        s = cards.Session(p.dev, "%X" % san["session"], p.user, p.password)
        s.send(self.site.port, s.alert(code, p.anchor, "n%d" % p.sid))
        s.send(self.site.port, s.sync([]))
        before = len(p.got)
        p.finish(s, self.site.port)
        assert len(p.got) == before + 1, "%s has nothing new" % p.dev

    def round(self, i, rng, kills):
        done, may = [], 0
        self.sink.seen.clear()
        self.card("Name%d" % i)
        for _ in range(kills):
            point, _ = rng.choice(MANY)
            n = rng.randrange(1, len(self.phones)) if point == "confirmed" \
                else 1
            self.site.armed(point, n)
            under_way = self.site.died(sure=False)
            if under_way is None:
                break
            may += max(under_way, 0)
            done.append(point)
        self.site.start()
        until("all are told", lambda: len(self.by_device()) == len(
            self.phones) and not self.site.queued())
        for p in self.phones:
            self.come(p)
        assert not self.site.waits("anna")
        self.site.stop()
        again = 0
        for dev, got in self.by_device().items():
            assert len(set(got)) == 1, "%s: %r" % (dev, got)
            again += len(got) - 1
        print("%d devices, killed %d times (%s): each one told, %d of them "
              "again with the same octets, %d were between sending and writing "
              "down" % (len(self.phones), len(done), ", ".join(done), again,
                        may), flush=True)
        assert again <= may

    def close(self):
        self.sink.close()


def main():
    p = argparse.ArgumentParser(usage=__doc__)
    p.add_argument("build")
    p.add_argument("--all", action="store_true")
    p.add_argument("--seed", type=int, default=1)
    args = p.parse_args()
    why = kannel.missing()
    if why:
        print(why)
        sys.exit(77)
    began = time.monotonic()
    rng = random.Random(args.seed)
    k = kannel.Kannel()
    try:
        k.start()
        with Dovecot() as d:
            One(args.build, d, k).all([x for x, _ in POINTS] if args.all
                                      else SAMPLE)
    finally:
        k.stop()
    with tempfile.TemporaryDirectory(prefix="funicular-kills-") as room:
        m = Many(args.build, room, 40 if args.all else 10)
        for i in range(8 if args.all else 1):
            m.round(i, rng, 4 if args.all else 2)
        m.close()
    print("%.0f s" % (time.monotonic() - began))


main()
