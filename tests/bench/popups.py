#!/usr/bin/env python3
"""Reminders from the store to the messenger: the daemon, Prosody, and a client
of libstrophe for each person.

    popups.py BUILD [--future 10000] [--spread 400] [--once 50000]
              [--people 50]

BUILD is a build without sanitizers. Three parts:

 1. so many alarms in the years to come: what the daemon costs while nothing
    is due;
 2. with these in the store, alarms spread over 20 seconds: how late they come;
 3. so many alarms due at one instant, a thousand for each person: how long it
    takes until all of them have arrived, and what the daemon's memory is.

Each pop-up has to arrive once.
"""

import argparse
import os
import random
import re
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "xmpp"), os.path.join(HERE, "..",
                                                               "e2e")]
sys.dont_write_bytecode = True
import prosody  # noqa: E402
from harness import Site, until  # noqa: E402
from lines import Client  # noqa: E402

EACH = 1000  # of one person in a minute; alarm_per_minute goes no further
LIMIT_S = 900
TICK = os.sysconf("SC_CLK_TCK")


def utc(seconds):
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(seconds))


def calendar(name, dues):
    out = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//bench//alarms//EN"]
    for n, due in enumerate(dues):
        out += ["BEGIN:VEVENT", "UID:%s-%d@example.org" % (name, n),
                "DTSTAMP:20260101T000000Z", "SUMMARY:Meeting %s %d" % (name,
                                                                      n),
                "LOCATION:Room %d" % n, "DTSTART:" + utc(due + 3600),
                "DTEND:" + utc(due + 7200), "BEGIN:VALARM", "ACTION:DISPLAY",
                "DESCRIPTION:Meeting", "TRIGGER;VALUE=DATE-TIME:" + utc(due),
                "END:VALARM", "END:VEVENT"]
    return "\r\n".join(out + ["END:VCALENDAR", ""])


def load(site, room, user, name, dues):
    path = os.path.join(room, name + ".ics")
    with open(path, "w", newline="") as f:
        f.write(calendar(name, dues))
    site.command("import", user, "calendar", path)


def stat(site):
    """CPU seconds and the most memory ever (MB) of the daemon."""
    pid = site.process.pid
    with open("/proc/%d/stat" % pid) as f:
        fields = f.read().rpartition(")")[2].split()
    with open("/proc/%d/status" % pid) as f:
        most = re.search(r"VmHWM:\s*(\d+)", f.read())[1]
    return (int(fields[11]) + int(fields[12])) / TICK, int(most) / 1024


def popups(clients, name):
    """[(title, when)] of all that arrived."""
    found = []
    for c in clients:
        with c.more:
            pairs = list(zip(c.lines, c.times))
        for line, at in pairs:
            m = re.search(r"<summary>Meeting (%s\S* \d+)<" % name, line)
            if m and line.startswith("<message"):
                found.append((m[1], at))
    return found


def arrived(clients, name, n):
    until(lambda: len(popups(clients, name)) >= n or time.sleep(0.2),
          "%d pop-ups" % n, LIMIT_S)
    got = popups(clients, name)
    return got, len(got) - len(set(t for t, _ in got))


def idle(site, n):
    before, _ = stat(site)
    began = time.monotonic()
    until(lambda: time.monotonic() - began > 15 or time.sleep(0.5),
          "a quarter of a minute", 60)
    cost = (stat(site)[0] - before) / (time.monotonic() - began)
    print("%d alarms to come, none due: %.2f %% of one processor"
          % (n, cost * 100), flush=True)


def spread(site, room, people, clients, n):
    rng = random.Random(1)
    names, due = [], {}
    for i, user in enumerate(people):
        # Importing takes a while; the first is due behind it.
        name = "spread%d" % i
        count = n // len(people)
        dues = [int(time.time()) + 25 + rng.randrange(20)
                for _ in range(count)]
        for k, d in enumerate(dues):
            due["%s %d" % (name, k)] = d
        load(site, room, user, name, dues)
        names.append(name)
    if time.time() > min(due.values()):
        print("(some were due before all were imported)")
    got, twice = arrived(clients, "spread", len(due))
    late = sorted(at - due[t] for t, at in got)
    print("%d alarms over 20 s: lateness p50 %.3f s, p95 %.3f s, max %.3f s; "
          "twice: %d" % (len(got), late[len(late) // 2],
                         late[len(late) * 95 // 100], late[-1], twice),
          flush=True)


def once(site, room, people, clients, n):
    due = int(time.time()) + 20 + n // 400
    for i, user in enumerate(people):
        load(site, room, user, "once%d" % i, [due] * (n // len(people)))
    before, _ = stat(site)
    if time.time() > due:
        print("(due before all were imported)")
    got, twice = arrived(clients, "once", n // len(people) * len(people))
    late = sorted(at - due for _, at in got)
    cpu, most = stat(site)
    print("%d alarms at one instant: the last one came after %.1f s "
          "(%.0f /s), p50 %.1f s; twice: %d; daemon: %.1f s CPU, %.0f MB"
          % (len(got), late[-1], len(got) / late[-1], late[len(late) // 2],
             twice, cpu - before, most), flush=True)


def measure(args, room, server, site, people):
    for u in people:
        site.command("user", "add", u, "--no-password")
        site.command("user", "set", u, "jid", "%s@%s" % (u, prosody.DOMAIN))
    clients = [Client(args.build + "/tests/xmpp/xmpp_client",
                      "%s@%s/pc" % (u, prosody.DOMAIN), prosody.PASSWORD,
                      server.port, server.ca) for u in people]
    year = int(time.time()) + 365 * 86400
    for i, u in enumerate(people):
        load(site, room, u, "future%d" % i,
             [year + k * 3600 for k in range(args.future // len(people))])
    idle(site, args.future)
    spread(site, room, people, clients, args.spread)
    if args.once > 0:
        once(site, room, people, clients, args.once)
    for c in clients:
        c.kill()


def main():
    p = argparse.ArgumentParser(usage=__doc__)
    p.add_argument("build")
    p.add_argument("--future", type=int, default=10000)
    p.add_argument("--spread", type=int, default=400)
    p.add_argument("--once", type=int, default=50000)
    p.add_argument("--people", type=int, default=50)
    args = p.parse_args()
    people = ["user%d" % i for i in range(args.people)]
    with tempfile.TemporaryDirectory(prefix="funicular-bench-") as room, \
            prosody.Prosody(users=people) as server:
        secret = os.path.join(room, "secret")
        with open(secret, "w") as f:
            f.write(prosody.SECRET + "\n")
        os.chmod(secret, 0o600)
        site = Site(args.build + "/server/funicular",
                    os.path.join(room, "site"), log_level="warning",
                    xmpp_jid="reminder@" + prosody.COMPONENT,
                    xmpp_component="yes", xmpp_secret_file=secret,
                    xmpp_server="127.0.0.1:%d" % server.component_port,
                    alarm_per_minute=EACH).start()
        try:
            measure(args, room, server, site, people)
        finally:
            site.stop()


main()
