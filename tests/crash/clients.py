"""funicular-client, killed at every message: the program itself, its directories
and its state file.

The sync runs once, behind a proxy. Before each message reaches the daemon, and
before each reply reaches the client, both stand still: what lies on the disk then
is what a kill would leave, so it is copied. From each copy the client goes on as a
new process.
"""

import glob
import json
import os
import re
import shutil
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "e2e"))
from harness import Failure, Site, check, same  # noqa: E402
import proxy  # noqa: E402

DBS = {"contacts": "vcf", "calendar": "ics", "tasks": "ics", "notes": "txt"}
VOLATILE = ("PRODID", "REV", "DTSTAMP", "LAST-MODIFIED", "UID", "VERSION",
            "CREATED", "")
KEY = re.compile(r"K(\d{5})")


def text(key, a, b):
    """(database, text) of an item; a and b are what two users edit."""
    db = list(DBS)[key % 4]
    long = "".join("line %d of %d" % (i, key) for i in
                   range(1200 if key % 90 == 7 else 1))
    if db == "notes":
        return db, "K%05d v%d v%d\r\n%s\r\n" % (key, a, b, long)
    if db == "contacts":
        return db, ("BEGIN:VCARD\r\nVERSION:3.0\r\nN:K%05d;Zo\u00eb;;;\r\n"
                    "FN:Zo\u00eb K%05d\r\nTEL;TYPE=CELL:+4930%05d%d\r\n"
                    "TITLE:v%d\r\nNOTE:%s\r\nEND:VCARD\r\n" % (
                        key, key, key, a, b, long))
    kind = "VEVENT" if db == "calendar" else "VTODO"
    when = ("DTSTART:202603%02dT100000Z\r\nDTEND:202603%02dT110000Z\r\n" % (
        key % 28 + 1, key % 28 + 1) if db == "calendar" else "")
    return db, ("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//example//crash//E"
                "N\r\nBEGIN:%s\r\nUID:u%d\r\nDTSTAMP:20260101T000000Z\r\n%s"
                "SUMMARY:K%05d\r\nLOCATION:v%d\r\nDESCRIPTION:v%d\r\n"
                "END:%s\r\nEND:VCALENDAR\r\n" % (
                    kind, key, when, key, a, b, kind))


def facts(item):
    """An item's lines, whatever their order, without those that may differ."""
    item = re.sub(r"\r?\n[ \t]", "", item).replace("\r", "")
    return tuple(sorted(
        line for line in item.split("\n")
        if re.split("[:;]", line, 1)[0] not in VOLATILE))


class Device:
    def __init__(self, home, program, secret, *options):
        self.home, self.program, self.secret = home, program, secret
        self.options = options
        for db in DBS:
            os.makedirs(os.path.join(home, db), exist_ok=True)

    def path(self, key):
        """The file that holds this item; a new one if none does."""
        for name in glob.glob(os.path.join(self.home, "*", "*")):
            with open(name, newline="") as f:
                if "K%05d" % key in f.read():
                    return name
        db = text(key, 0, 0)[0]
        return os.path.join(self.home, db, "k%d.%s" % (key, DBS[db]))

    def put(self, key, a, b, path=None):
        with open(path or self.path(key), "w", newline="") as f:
            f.write(text(key, a, b)[1])

    def sync(self, url):
        """(types, items moved) of a sync that must go through."""
        args = [self.program, "--home", self.home, "--json", "--user", "anna",
                "--retries", "0", "--send-size", "10000"]
        for db in DBS:
            args += ["--db", "%s=%s" % (os.path.join(self.home, db), db)]
        p = subprocess.run(
            args + list(self.options) + [url], stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, timeout=120,
            env=dict(os.environ, FUNICULAR_PASSWORD=self.secret))
        check(p.returncode == 0, "client: exit %d: %s%s", p.returncode,
              p.stdout[-500:], p.stderr[-2000:])
        dbs = json.loads(p.stdout)["databases"]
        return ({d["type"] for d in dbs},
                sum(sum(d[way].values()) for d in dbs
                    for way in ("sent", "received")))

    def holds(self):
        """key -> list of what is there under it"""
        out = {}
        for db in DBS:
            for name in os.listdir(os.path.join(self.home, db)):
                if name.startswith("."):
                    continue
                with open(os.path.join(self.home, db, name), newline="") as f:
                    item = f.read()
                found = KEY.search(item)
                check(found, "%s holds a strange file %s", self.home, name)
                out.setdefault(int(found[1]), []).append((db, facts(item)))
        return out


class Figures:
    def __init__(self):
        self.points = self.failed = self.lost = self.doubled = self.slow = 0
        self.wrong = 0


def compare(figures, who, has, model):
    lost = [k for k in model if k not in has]
    doubled = [k for k in has if len(has[k]) > 1]
    wrong = [k for k in has if k not in model or
             has[k][0] != (lambda t: (t[0], facts(t[1])))(
                 text(k, *model[k]))]
    figures.lost += len(lost)
    figures.doubled += len(doubled)
    figures.wrong += len(wrong)
    check(not lost and not doubled and not wrong,
          "%s: lost %s, doubled %s, wrong %s", who, lost[:5], doubled[:5],
          wrong[:5])


class Line(proxy.CuttingProxy):
    """One address for all daemons: the client knows its server by its URL."""

    def __init__(self):
        super().__init__(0)
        self.server.handle_error = lambda *_: None


def prepare(site, line, client, room, items):
    """(device A about to sync, what must become of all)"""
    site.start()
    line.port_behind = site.port
    site.command("user", "add", "anna", "--no-password")
    secret = [site.json("device", "add", "anna", name)["secret"]
              for name in "abc"]
    a = Device(os.path.join(room, "a"), client, secret[0], "--device-id",
               "crash-a", "--max-msg-size", "10000")
    b = Device(os.path.join(room, "b"), client, secret[1], "--device-id",
               "crash-b")
    model = {k: (0, 0) for k in range(items)}
    for k in model:
        a.put(k, 0, 0, os.path.join(a.home, text(k, 0, 0)[0], "k%d.%s" % (
            k, DBS[text(k, 0, 0)[0]])))
    a.sync(line.url)
    b.sync(line.url)
    for k in range(items):
        what = (k // 4 * 37 + 11) % 100
        edited_a = what < 25 or 66 <= what < 70
        edited_b = 33 <= what < 58 or (66 <= what < 70 and k % 4 != 3)
        if edited_a:
            a.put(k, 1, 0)
        if edited_b:
            b.put(k, 0, 1)
        model[k] = (int(edited_a), int(edited_b))
        if 25 <= what < 33:
            os.remove(a.path(k))
            del model[k]
        if 58 <= what < 66:
            os.remove(b.path(k))
            del model[k]
    for k in range(items, items + items * 34 // 100):
        (a if k % 8 < 4 else b).put(k, 0, 0)
        model[k] = (0, 0)
    b.sync(line.url)
    return a, model, secret[2]


def state_files(site):
    return os.path.join(site.room, "state")


def point(figures, site, line, snapshot, a, model, secret):
    """Go on from one copy."""
    room = snapshot + "-run"
    mine = Site(site.binary, os.path.join(room, "site"), log_level="info")
    shutil.copytree(os.path.join(snapshot, "state"), state_files(mine))
    shutil.copytree(os.path.join(snapshot, "a"), os.path.join(room, "a"))
    device = Device(os.path.join(room, "a"), a.program, a.secret, *a.options)
    second = Device(os.path.join(room, "c"), a.program, secret,
                    "--device-id", "crash-c")
    mine.start()
    line.port_behind = mine.port
    try:
        types, _ = device.sync(line.url)
        again, moved = device.sync(line.url)
        figures.slow += (types | again) != {"two-way"}
        same("types of the syncs", types | again, {"two-way"})
        same("items moved by one more sync", moved, 0)
        second.sync(line.url)
        compare(figures, "the client", device.holds(), model)
        compare(figures, "a second one", second.holds(), model)
        mine.command("check")
    finally:
        mine.stop()
    mine.check_log()
    check(not re.search("^error ", mine.log_tail(10 ** 9), re.M),
          "errors in the log: %s", mine.log_tail())
    shutil.rmtree(room)


def walk(site, line, a, room):
    """The sync itself; the copies made on its way."""
    snapshots = []

    def stands_still(n, when):
        to = os.path.join(room, "%03d-%s" % (n, when))
        shutil.copytree(state_files(site), os.path.join(to, "state"))
        shutil.copytree(a.home, os.path.join(to, "a"))
        snapshots.append(to)
        return False

    line.count, line.lose = 0, stands_still
    types, moved = a.sync(line.url)
    line.lose = lambda n, when: False
    same("type of the sync", types, {"two-way"})
    print("the client's sync: %d messages, %d items moved" % (
        line.count, moved))
    return snapshots


def points(figures, site, line, snapshots, every, todo):
    since = time.monotonic()
    for n, snapshot in enumerate(snapshots):
        # Both moments of a message are taken in turn.
        if n % every == (n // every) % every:
            figures.points += 1
            try:
                point(figures, site, line, snapshot, *todo)
            except (Failure, subprocess.TimeoutExpired) as e:
                figures.failed += 1
                print("FAILED: client killed at %s: %s" % (
                    os.path.basename(snapshot), e))
            if figures.points % 10 == 0:
                print("client: %d points, %d failed; %.0f s" % (
                    figures.points, figures.failed,
                    time.monotonic() - since))
            sys.stdout.flush()
        shutil.rmtree(snapshot)


def run(funicular, client, room, items, every):
    """Returns Figures."""
    figures, since = Figures(), time.monotonic()
    site = Site(funicular, os.path.join(room, "site"), log_level="info")
    with Line() as line:
        a, model, secret = prepare(site, line, client, room, items)
        snapshots = walk(site, line, a, room)
        site.stop()
        compare(figures, "the client", a.holds(), model)
        points(figures, site, line, snapshots, every, (a, model, secret))
    print("client killed: %d points: lost %d, doubled %d, wrong %d, slow syncs "
          "%d; %d points failed; %.0f s" % (
              figures.points, figures.lost, figures.doubled, figures.wrong,
              figures.slow, figures.failed, time.monotonic() - since))
    check(figures.points > 0, "no point was tried")
    return figures
