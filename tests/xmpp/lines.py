"""Programs that are talked to by lines. Nothing here sleeps for luck: what is
waited for is a line, and the wait has an end."""

import os
import subprocess
import threading
import time
import xml.etree.ElementTree as ET

LIMIT_S = float(os.environ.get("TEST_LIMIT", "30"))


class Lines:
    """A program; what it prints is kept."""

    def __init__(self, *argv, env=None):
        self.lines = []
        self.times = []  # when each came
        self.used = set()
        self.more = threading.Condition()
        self.proc = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, errors="replace", env=env)
        self.err = ""
        self.threads = [threading.Thread(target=t, daemon=True)
                        for t in (self._read, self._read_err)]
        for t in self.threads:
            t.start()

    def _read(self):
        for line in self.proc.stdout:
            with self.more:
                self.times.append(time.time())
                self.lines.append(line.rstrip("\n"))
                self.more.notify_all()
        with self.more:
            self.times.append(time.time())
            self.lines.append("")
            self.more.notify_all()

    def _read_err(self):
        self.err = self.proc.stderr.read()

    def say(self, line):
        self.proc.stdin.write(line + "\n")
        self.proc.stdin.flush()

    def wait(self, want, limit=LIMIT_S):
        """The first line for which want(line) holds and that nobody else
        has waited for."""
        last = time.monotonic() + limit
        seen = 0
        with self.more:
            while True:
                while seen < len(self.lines):
                    seen += 1
                    if seen not in self.used and want(self.lines[seen - 1]):
                        self.used.add(seen)
                        return self.lines[seen - 1]
                left = last - time.monotonic()
                if left <= 0 or (self.lines and self.lines[-1] == ""):
                    raise AssertionError("it never came; there was:\n%s\n%s"
                                         % ("\n".join(self.lines[-30:]),
                                            self.err))
                self.more.wait(left)

    def count(self, want):
        with self.more:
            return len([line for line in self.lines if want(line)])

    def close(self):
        """Its end by itself; the exit status."""
        try:
            self.proc.stdin.close()
            code = self.proc.wait(LIMIT_S)
        except (OSError, subprocess.TimeoutExpired):
            self.proc.kill()
            code = self.proc.wait(LIMIT_S)
        for t in self.threads:
            t.join(LIMIT_S)
        return code

    def kill(self):
        self.proc.kill()
        self.proc.wait(LIMIT_S)


def quote(text):
    return "".join("\\x%02x" % ord(c) if ord(c) < 32 or c in "\\\x7f" else c
                   for c in text)


class Drive(Lines):
    """An outlet (drive.c)."""

    def __init__(self, program, kind, **options):
        args = []
        for key, value in options.items():
            for v in value if isinstance(value, (list, tuple)) else [value]:
                args.append("%s=%s" % (key, v))
        super().__init__(program, kind, *args)

    def up(self):
        self.wait(lambda x: x == "state\tup")

    def down(self):
        return self.wait(lambda x: x.startswith("state\tdown"))

    def send(self, ident, to, text, **fields):
        """False: it was not taken."""
        self.say("\t".join(["send", ident, quote(to), quote(text)] +
                           ["%s=%s" % (k, quote(str(v)))
                            for k, v in fields.items()]))
        line = self.wait(lambda x: x.startswith("took\t%s\t" % ident))
        return line.endswith("\t1")

    def settled(self, ident):
        """["sent", id] or ["failed", id, "good"|"bad", why]"""
        return self.wait(lambda x: x.split("\t")[0] in ("sent", "failed") and
                         x.split("\t")[1] == ident).split("\t")

    def heard(self, kind, ident=None):
        """["in", kind, from, id, about, text, field...]"""
        return self.wait(lambda x: x.startswith("in\t%s\t" % kind) and
                         ident in (None, x.split("\t")[3])).split("\t")


CLIENT = "{jabber:client}"


class Client(Lines):
    """A user's client (client.c)."""

    def __init__(self, program, jid, password, port, ca, receipts=True):
        super().__init__(program, jid, password, "127.0.0.1", str(port), ca,
                         *(["receipts"] if receipts else []))
        self.wait(lambda x: x == "up")

    def stanza(self, want, limit=LIMIT_S):
        """The next one for which want(element) holds."""
        found = []

        def ok(line):
            if not line.startswith("<"):
                return False
            # libstrophe leaves out the namespace that all have.
            found.append(ET.fromstring("<s xmlns='jabber:client'>%s</s>"
                                       % line)[0])
            return want(found[-1])
        self.wait(ok, limit)
        return found[-1]

    def message(self, ident=None, text=""):
        """With this id, with this in its body."""
        return self.stanza(lambda e: e.tag == CLIENT + "message" and
                           e.find(CLIENT + "body") is not None and
                           ident in (None, e.get("id")) and
                           text in e.find(CLIENT + "body").text)

    def iq(self, ident):
        return self.stanza(lambda e: e.tag == CLIENT + "iq" and
                           e.get("id") == ident)
