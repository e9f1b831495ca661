#!/usr/bin/env python3
"""funicular-client against the daemon: every sync type, encoding, version and
way to log in, large objects in small messages, two devices that exchange
items, lost replies, kills, and what the program promises about its exit codes.

usage: test_client_e2e.py FUNICULAR FUNICULAR-CLIENT [case...]
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "e2e"))
from harness import Failure, Site, check, same, until  # noqa: E402
import proxy  # noqa: E402



class CuttingProxy(proxy.CuttingProxy):
    """Clients that are killed or give up are what it is for: no traces."""

    def __init__(self, *args):
        super().__init__(*args)
        self.server.handle_error = lambda *_: None


PASSWORD = "geheim & <privat>"


def card(i, note="hello", extra=""):
    return ("BEGIN:VCARD\r\nVERSION:3.0\r\nN:Smith%s;Anna;;;\r\n"
            "FN:Anna Smith%s\r\nTEL;TYPE=CELL:+4930%s\r\nNOTE:%s\r\n"
            "%sEND:VCARD\r\n" % (i, i, i, note, extra))


def event(i, summary):
    return ("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//y//EN\r\n"
            "BEGIN:VEVENT\r\nUID:e%s\r\nDTSTAMP:20260101T000000Z\r\n"
            "DTSTART:20260301T1%s0000Z\r\nDTEND:20260301T1%s3000Z\r\n"
            "SUMMARY:%s\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n" % (
                i, i, i, summary))


class Device:
    """A home directory with one or more databases in it."""

    def __init__(self, world, name, *options, dbs=("contacts",), user=None,
                 password=PASSWORD):
        self.world, self.name, self.options = world, name, list(options)
        self.home = os.path.join(world.room, name)
        self.dbs, self.password = dbs, password
        self.user = user or world.user
        for db in dbs:
            os.makedirs(os.path.join(self.home, db.split(":")[0]))

    def dir(self, db="contacts"):
        return os.path.join(self.home, db)

    def put(self, name, text, db="contacts"):
        with open(os.path.join(self.dir(db), name), "w", newline="") as f:
            f.write(text)

    def remove(self, name, db="contacts"):
        os.remove(os.path.join(self.dir(db), name))

    def files(self, db="contacts"):
        out = {}
        for name in sorted(os.listdir(self.dir(db))):
            if not name.startswith("."):
                with open(os.path.join(self.dir(db), name), newline="") as f:
                    out[name] = f.read()
        return out

    def find(self, text, db="contacts"):
        """The file whose content has this text."""
        names = [n for n, t in self.files(db).items() if text in t]
        same("files with %r on %s" % (text, self.name), len(names), 1)
        return names[0]

    def edit(self, what, to, db="contacts"):
        name = self.find(what, db)
        self.put(name, self.files(db)[name].replace(what, to), db)

    def command(self, *options, url=None):
        args = [self.world.client, "--home", self.home, "--json"]
        if self.user:
            args += ["--user", self.user]
        for db in self.dbs:
            args += ["--db", "%s=%s" % (self.dir(db.split(":")[0]), db)]
        return args + self.options + list(options) + [
            url or self.world.site.url]

    def env(self):
        return dict(os.environ, FUNICULAR_PASSWORD=self.password)

    def sync(self, *options, status=0, url=None):
        p = subprocess.run(self.command(*options, url=url), env=self.env(),
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                           text=True, timeout=300)
        check(p.returncode == status, "client %s: exit %d, expected %d: %s%s",
              self.name, p.returncode, status, p.stdout[-800:],
              p.stderr[-2000:])
        check("Sanitizer" not in p.stderr and
              "runtime error" not in p.stderr, "%s", p.stderr[-4000:])
        out = json.loads(p.stdout) if p.stdout.startswith("{") else {}
        out["stdout"], out["stderr"] = p.stdout, p.stderr
        for db in out.get("databases", []):
            out[db["name"]] = db
        return out


def counts(r, db="contacts"):
    s, t = r[db]["sent"], r[db]["received"]
    return (s["add"], s["replace"], s["delete"],
            t["add"], t["replace"], t["delete"])


QUIET = (0, 0, 0, 0, 0, 0)


def facts(text):
    """An item as a set of lines, whatever order and volatile lines it has."""
    text = re.sub(r"\r?\n[ \t]", "", text).replace("\r", "")
    out = set()
    for line in text.split("\n"):
        head, colon, value = line.partition(":")
        name, *params = head.upper().split(";")
        if name not in ("", "PRODID", "REV", "DTSTAMP", "LAST-MODIFIED",
                        "UID", "VERSION"):
            out.add(";".join([name] + sorted(params)) + colon + value)
    return frozenset(out)


def same_items(a, b, db="contacts"):
    x = sorted(sorted(facts(t)) for t in a.files(db).values())
    y = sorted(sorted(facts(t)) for t in b.files(db).values())
    for text, one, other in ((a.name, x, y), (b.name, y, x)):
        for item in one:
            check(item in other, "only %s has %.600s", text, item)
    same("number of items", len(x), len(y))


class World:
    def __init__(self, funicular, client, room):
        self.client, self.room, self.user = client, room, "anna"
        self.site = Site(funicular, os.path.join(room, "site"))
        self.n = 0

    def start(self):
        self.site.start()
        self.site.command("user", "add", "anna", "--password-stdin", "--md5",
                          stdin=PASSWORD + "\n")

    def fresh_user(self):
        """A case of its own account: no items of other cases."""
        self.n += 1
        name = "user%d" % self.n
        self.site.command("user", "add", name, "--password-stdin", "--md5",
                          stdin=PASSWORD + "\n")
        self.user = name
        return name

    def device(self, name, *options, **more):
        return Device(self, "%s-%d" % (name, self.n), *options, **more)


# ---- cases --------------------------------------------------------------


def case_exchange(w):
    """Two devices, all encodings and versions, all edits in both ways."""
    for encoding in ("wbxml", "xml"):
        for version in ("1.2", "1.1", "1.0"):
            for auth in ("basic", "md5"):
                w.fresh_user()
                o = ("--encoding", encoding, "--syncml", version, "--auth",
                     auth)
                a, b = w.device("a", *o), w.device("b", *o)
                for i in range(6):
                    a.put("c%d.vcf" % i, card(i, "a & b <c> \u00fc\u20ac"))
                r = a.sync()
                same("first sync", r["contacts"]["type"], "slow")
                same("upload", counts(r), (6, 0, 0, 0, 0, 0))
                same("download", counts(b.sync()), (0, 0, 0, 6, 0, 0))
                same_items(a, b)
                a.edit("+49300", "+49300111")
                a.remove("c1.vcf")
                a.put("new.vcf", card(77))
                b.edit("+49302", "+49302222")
                b.remove(b.find("Smith3"))
                b.put("mine.vcf", card(88))
                r = a.sync()
                same("type", r["contacts"]["type"], "two-way")
                same("a sends", counts(r), (1, 1, 1, 0, 0, 0))
                same("b both ways", counts(b.sync()), (1, 1, 1, 1, 1, 1))
                same("a gets", counts(a.sync()), (0, 0, 0, 1, 1, 1))
                same_items(a, b)
                same("a quiet", counts(a.sync()), QUIET)
                same("b quiet", counts(b.sync()), QUIET)


def case_types(w):
    """The one-way and refresh types do what they say."""
    w.fresh_user()
    a, b = w.device("a"), w.device("b")
    for i in range(4):
        a.put("c%d.vcf" % i, card(i))
    a.sync()
    b.sync()
    b.put("b1.vcf", card(11))
    a.put("a1.vcf", card(12))
    same("from client", counts(b.sync("--mode", "one-way-from-client")),
         (1, 0, 0, 0, 0, 0))
    b.put("b2.vcf", card(13))
    r = b.sync("--mode", "one-way-from-server")
    same("from server", counts(r), QUIET)
    a.sync()
    r = b.sync("--mode", "one-way-from-server")
    same("from server", counts(r), (0, 0, 0, 1, 0, 0))
    same("kept back", counts(b.sync())[0], 1)
    a.sync()
    same_items(a, b)
    # Refresh from the server: local edits go, but not without a trace.
    b.edit("+493012", "+493099")
    b.put("only-here.vcf", card(14))
    r = b.sync("--mode", "refresh-from-server")
    same("type", r["contacts"]["type"], "refresh-from-server")
    same_items(a, b)
    trash = os.listdir(os.path.join(b.dir(), ".funicular/trash"))
    same("copies of what was only here", len(trash), 2)
    same("quiet", counts(b.sync()), QUIET)
    # Refresh from the client: the server becomes what a has.
    a.edit("+493012", "+493055")
    r = a.sync("--mode", "refresh-from-client")
    same("type", r["contacts"]["type"], "refresh-from-client")
    same("a quiet", counts(a.sync()), QUIET)
    b.sync()
    same_items(a, b)
    # A slow sync of both doubles nothing.
    n = len(a.files())
    a.sync("--mode", "slow")
    b.sync("--mode", "slow")
    a.sync()
    same("items after slow syncs", (len(a.files()), len(b.files())), (n, n))


def case_large(w):
    """Objects larger than a message, both ways, in both encodings."""
    for encoding in ("wbxml", "xml"):
        for version in ("1.2", "1.1"):
            w.fresh_user()
            o = ("--encoding", encoding, "--syncml", version,
                 "--max-msg-size", "6000", "--send-size", "6000")
            a, b = w.device("a", *o), w.device("b", *o)
            a.put("big.vcf", card(1, "\u00e4<&" * 9000))
            a.put("photo.vcf", card(2, extra="PHOTO;ENCODING=b;TYPE=JPEG:" +
                                    "QUJD" * 6000 + "\r\n"))
            for i in range(3, 30):
                a.put("c%d.vcf" % i, card(i))
            r = a.sync("--wire", os.path.join(a.home, "wire"))
            same("sent", counts(r)[0], 29)
            check(r["messages"] > 12, "only %d messages", r["messages"])
            for name in os.listdir(os.path.join(a.home, "wire")):
                if "client" in name and not name.startswith("0001"):
                    size = os.path.getsize(os.path.join(a.home, "wire", name))
                    check(size <= 6000, "%s has %d bytes", name, size)
            r = b.sync()
            same("received", counts(r)[3], 29)
            same_items(a, b)
            # Readers of XML fold line ends.
            end = "\r" if encoding == "wbxml" else "\n"
            b.edit("+49301" + end, "+49301999" + end)
            b.sync()
            a.sync()
            same_items(a, b)


def case_many_databases(w):
    """Several databases in one session."""
    w.fresh_user()
    dbs = ("contacts", "calendar:ical20", "notes:text")
    a, b = w.device("a", dbs=dbs), w.device("b", dbs=dbs)
    a.put("c.vcf", card(1))
    a.put("e.ics", event(1, "Meeting"), "calendar")
    a.put("n.txt", "Milk\nBread\n", "notes")
    r = a.sync()
    same("sent", [counts(r, d)[0] for d in ("contacts", "calendar", "notes")],
         [1, 1, 1])
    b.sync()
    for db in ("contacts", "calendar"):
        same_items(a, b, db)
    same("note", list(b.files("notes").values())[0].replace("\r", "").strip(),
         "Milk\nBread")
    # One database that is not there fails alone.
    c = w.device("c", dbs=("contacts", "nonsense:text"))
    r = c.sync(status=5)
    same("good one", r["contacts"]["ok"], True)
    same("bad one", r["nonsense"]["ok"], False)
    check("404" in r["nonsense"]["error"], "%s", r["nonsense"]["error"])


def case_lost_messages(w):
    """Each message lost once, on its way there or back: the client sends the
    same bytes again, and nothing is lost or doubled."""
    for when in ("request", "reply"):
        for at in range(1, 7):
            w.fresh_user()
            a, b = w.device("a"), w.device("b")
            for i in range(5):
                a.put("c%d.vcf" % i, card(i))
            with CuttingProxy(w.site.port,
                              lambda n, x: n == at and x == when) as p:
                a.sync("--retries", "2", url=p.url)
                a.put("d.vcf", card(9))
                a.edit("+49301", "+49301999")
                a.sync(url=p.url)
                same("lost", p.lost, [(at, when)])
            b.sync()
            same_items(a, b)


def case_given_up(w):
    """The client gives up after a lost reply and comes back later: no slow
    sync, nothing doubled, wherever it was."""
    for at in range(1, 4):
        w.fresh_user()
        a, b = w.device("a"), w.device("b")
        state = {"lose": 0}

        def lose(n, x):
            state["n"] = state.get("n", 0) + (x == "reply")
            # From then on: libcurl itself tries a kept connection again.
            return x == "reply" and 0 < state["lose"] <= state["n"]
        # One address all along: the state belongs to it.
        with CuttingProxy(w.site.port, lose) as p:
            for i in range(5):
                a.put("c%d.vcf" % i, card(i))
            a.sync(url=p.url)
            b.sync()
            a.put("d.vcf", card(9))
            a.edit("+49302", "+49302555")
            b.edit("+49301", "+49301999")
            b.put("e.vcf", card(10))
            b.remove(b.find("Smith4"))
            b.sync()
            state.update(n=0, lose=at)
            a.sync("--retries", "0", url=p.url, status=4)
            state["lose"] = 0
            r = a.sync(url=p.url)
            same("lost reply %d" % at, r["contacts"]["type"], "two-way")
            same("quiet", counts(a.sync(url=p.url)), QUIET)
        b.sync()
        same_items(a, b)


def case_killed(w):
    """SIGKILL while message n is on its way, n = 1, 2, ...: the next sync
    brings both devices together, item by item, with none twice."""
    for at in range(1, 9):
        w.fresh_user()
        a, b = w.device("a", "--max-msg-size", "4000"), w.device("b")
        for i in range(30):
            b.put("b%d.vcf" % i, card(100 + i))
        b.sync()
        for i in range(5):
            a.put("a%d.vcf" % i, card(i))
        process = []

        def lose(n, x):
            if x == "reply" and n == at:
                process[0].kill()
                process[0].wait()
            return False
        with CuttingProxy(w.site.port, lose) as p:
            process.append(subprocess.Popen(
                a.command(url=p.url), env=a.env(), stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL))
            until(lambda: process[0].poll() is not None, "client ends", 60)
            killed = process[0].returncode == -signal.SIGKILL
            a.sync(url=p.url)
            b.sync()
            same("one more", counts(a.sync(url=p.url)), QUIET)
            same_items(a, b)
            same("items", len(a.files()), 35)
        if not killed:
            check(at > 3, "it was never killed")
            break


def case_suspend(w):
    """SIGINT ends the session politely; the next one goes on."""
    w.fresh_user()
    a, b = w.device("a", "--max-msg-size", "4000"), w.device("b")
    for i in range(60):
        b.put("b%d.vcf" % i, card(100 + i))
    b.sync()
    process = []

    def lose(n, x):
        if n == 4 and x == "reply":
            process[0].send_signal(signal.SIGINT)
        return False
    with CuttingProxy(w.site.port, lose) as p:
        process.append(subprocess.Popen(
            a.command("-v", url=p.url), env=a.env(), stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True))
        out, err = process[0].communicate(timeout=60)
        same("exit", process[0].returncode, 6)
        check("Alert 224" in err, "no Alert 224: %s", err[-1000:])
        a.sync(url=p.url)
        same("quiet", counts(a.sync(url=p.url)), QUIET)
    same_items(a, b)


def case_exit_codes(w):
    w.fresh_user()
    a = w.device("a")
    a.put("c.vcf", card(1))
    a.sync(status=4, url="http://127.0.0.1:1/sync", *("--retries", "0"))
    a.sync("--mode", "sideways", status=2)
    right, a.password = a.password, "wrong"
    a.sync(status=3)
    a.sync("--auth", "md5", status=3)
    a.password = right
    r = a.sync("--dry-run")
    check("add     c.vcf" in r["stdout"], "%s", r["stdout"])
    same("dry run sent nothing", a.sync()["contacts"]["sent"]["add"], 1)
    # Password on standard input, and from a file.
    p = subprocess.run(a.command("--password-file", "-"),
                       input=PASSWORD + "\n", text=True,
                       stdout=subprocess.DEVNULL)
    same("password on stdin", p.returncode, 0)
    # The directory is gone, or suspiciously empty.
    for i in range(20):
        a.put("x%d.vcf" % i, card(100 + i))
    a.sync()
    for name in a.files():
        a.remove(name)
    r = a.sync(status=7)
    check("--allow-empty" in r["stderr"], "%s", r["stderr"])
    a.sync("--allow-empty")
    shutil.rmtree(a.dir())
    a.sync(status=7)


def case_mac(w):
    """By MAC: what the other device gets is what was sent, lost replies
    included; the server's answers are signed too."""
    user = w.fresh_user()
    secrets = [w.site.md5_secret(user, n) for n in ("a", "b")]
    a, b = [w.device(n, "--auth", "mac", password=s)
            for n, s in zip("ab", secrets)]
    for i in range(30):
        a.put("c%d.vcf" % i, card(i))
    wire = os.path.join(w.room, "mac-wire")
    os.makedirs(wire)
    same("up", a.sync("--wire", wire)["contacts"]["sent"]["add"], 30)
    sent = b"".join(open(os.path.join(wire, n), "rb").read()
                    for n in sorted(os.listdir(wire)) if "client" in n)
    check(b"Cred" not in sent and secrets[0].encode() not in sent,
          "credentials in the body")
    same("down", b.sync()["contacts"]["received"]["add"], 30)
    same_items(a, b)
    # The nonce of the last session opens the next at once.
    r = a.sync("-v")
    check("logging in" not in r["stdout"] + r["stderr"], "%s", r["stderr"])
    # A lost answer: the same message with the same header again.
    a.edit("+493029", "+49999")
    with CuttingProxy(w.site.port,
                      lambda n, when: n == 2 and when == "reply") as p:
        a.sync("--retries", "2", url=p.url)
        same("lost", p.lost, [(2, "reply")])
    b.sync()
    same_items(a, b)
    # Whose password is wrong gets in no way, nor one without a secret.
    a.password = secrets[1]
    a.sync(status=3)
    c = w.device("c", "--auth", "mac", password="wrong")
    c.sync(status=3)
    # Asked for it, and then done without being asked.
    d = w.device("d", password=w.site.md5_secret(user, "d"))
    d.sync("--auth", "mac")
    d.sync()


def case_profile(w):
    """Settings in a file, the command line is the directory alone."""
    w.fresh_user()
    home = os.path.join(w.room, "profile-home")
    os.makedirs(os.path.join(home, ".funicular"))
    os.makedirs(os.path.join(home, "cards"))
    with open(os.path.join(home, ".funicular/profile"), "w") as f:
        f.write("# of the test\nurl = %s\nuser = %s\n"
                "password-file = .funicular/password\n"
                "db = cards=contacts:vcard30\nencoding = xml\n" % (
                    w.site.url, w.user))
    with open(os.path.join(home, ".funicular/password"), "w") as f:
        f.write(PASSWORD + "\n")
    with open(os.path.join(home, "cards/x.vcf"), "w") as f:
        f.write(card(1))
    p = subprocess.run([w.client, home], stdout=subprocess.PIPE, text=True,
                       stderr=subprocess.PIPE)
    same("exit", (p.returncode, p.stderr), (0, ""))
    check("contacts: slow, sent +1 ~0 -0" in p.stdout, "%s", p.stdout)


def case_fake_phone(w):
    """What a phone with few fields drops, the server keeps."""
    w.fresh_user()
    a = w.device("a")
    phone = w.device("phone", "--fake-phone", "nokia")
    rich = ("NICKNAME:Annie\r\nROLE:Chief\r\nX-JABBER:anna@example.org\r\n"
            "ORG:Example;Research\r\nURL:http://example.org/\r\n")
    a.put("c.vcf", card(1, "A long note " * 20, rich))
    a.sync()
    phone.sync()
    on_phone = list(phone.files().values())[0]
    check("ROLE" not in on_phone and "JABBER" not in on_phone and
          "Research" not in on_phone, "the phone kept too much: %s", on_phone)
    check("VERSION:2.1" in on_phone, "%s", on_phone)
    phone.edit("+49301", "+4930777")
    r = phone.sync()
    same("the edit goes out", counts(r)[1], 1)
    a.sync()
    text = list(a.files().values())[0]
    unfolded = re.sub(r"\r?\n[ \t]", "", text)
    check("+4930777" in text, "the edit is lost: %s", text)
    for kept in ("ROLE:Chief", "anna@example.org", "ORG:Example;Research",
                 "Annie", "A long note " * 19):
        check(kept in unfolded, "%r is lost: %s", kept, text)
    same("phone quiet", counts(phone.sync()), QUIET)


def case_holds(w):
    """Very much is deleted at once: held back, and decided by a person."""
    w.fresh_user()
    a, b = w.device("a"), w.device("b")
    for i in range(30):
        a.put("c%d.vcf" % i, card(i))
    a.sync()
    b.sync()

    def clear(device):
        for name in device.files():
            os.unlink(os.path.join(device.dir("contacts"), name))
        device.sync("--allow-empty")

    def holds():
        return w.site.json("hold", "list", w.user)

    def decide(how):
        (row,) = holds()
        same("items that wait", row["items"], 30)
        w.site.command("hold", how, w.user, str(row["session"]))
        same("nothing waits any more", holds(), [])

    clear(a)
    same("b loses nothing", counts(b.sync()), QUIET)
    decide("refuse")
    same("a gets them back", counts(a.sync())[3], 30)
    same_items(a, b)
    clear(a)
    b.edit("Anna Smith7\r", "Annie Smith7\r")
    b.sync()
    decide_edited(w, holds)
    same("b loses all but what it edited", counts(b.sync())[5], 29)
    same("a gets the edited one", counts(a.sync())[3], 1)
    same_items(a, b)
    w.site.command("collection", "set", w.user, "contacts", "--brake", "no")
    for i in range(30, 60):
        a.put("c%d.vcf" % i, card(i))
    a.sync()
    b.sync()
    clear(a)
    same("without a brake nothing is held", holds(), [])
    same("b loses them", counts(b.sync())[5], 31)


def decide_edited(w, holds):
    """What was edited after the hold stays, whatever is decided."""
    (row,) = holds()
    text = w.site.command("hold", "allow", w.user, str(row["session"]))
    check("29 items deleted" in text and "1 items go back" in text, "%s", text)


CASES = {name[5:]: f for name, f in sorted(globals().items())
         if name.startswith("case_")}


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    names = sys.argv[3:] or list(CASES)
    failed = 0
    with tempfile.TemporaryDirectory(prefix="fc-e2e-") as room:
        w = World(os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2]),
                  room)
        w.start()
        for name in names:
            try:
                CASES[name](w)
                print("ok     %s" % name)
            except (Failure, subprocess.TimeoutExpired) as e:
                failed += 1
                print("FAILED %s: %s" % (name, e))
            sys.stdout.flush()
        try:
            w.site.stop()
            w.site.check_log([PASSWORD])
        except Failure as e:
            failed += 1
            print("FAILED daemon: %s" % e)
    sys.exit(1 if failed else 0)


main()
