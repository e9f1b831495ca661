"""The daemon under test, and what a case may ask of it.

A Site is one daemon with a database, ports and directories of its own, so any
number of test runs can go on side by side. Nothing here waits for a time: each
wait has a condition and a last moment.
"""

import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)),
                             os.pardir, "server"))
from ports import free_port  # noqa: E402

START_S = 30  # sanitizer builds on a busy machine take their time
STOP_S = 60


class Failure(Exception):
    """A case failed: what was expected, and what came."""


def check(ok, text, *args):
    if not ok:
        raise Failure(text % args if args else text)


def same(what, got, want):
    check(got == want, "%s: got %r, expected %r", what, got, want)


def until(condition, what, seconds=START_S):
    """Poll a condition; its true value is returned."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Failure("not within %d s: %s" % (seconds, what))
        time.sleep(0.02)


class Site:
    """One daemon. conf: further lines of the configuration."""

    def __init__(self, binary, room, **conf):
        self.binary = binary
        self.room = room
        self.conf = conf
        self.env = None  # of the daemon; None: ours
        self.process = None
        self.port, self.admin_port = free_port(), free_port()
        self.secrets = []  # what must never be in the log
        shutil.rmtree(room, ignore_errors=True)
        os.makedirs(room)
        self.log_path = os.path.join(room, "daemon.log")
        self.conf_path = os.path.join(room, "funicular.conf")

    # -- life ----------------------------------------------------------

    def write_conf(self):
        state = os.path.join(self.room, "state")
        conf = {
            "listen": "127.0.0.1:%d" % self.port,
            "admin_listen": "127.0.0.1:%d" % self.admin_port,
            "store": "sqlite:%s/funicular.db" % state,
            "state_dir": state,
            "key_file": "%s/key" % state,
            "allow_root": "yes",
            "log_level": "debug",
        }
        conf.update(self.conf)
        with open(self.conf_path, "w") as f:
            for key, value in conf.items():
                f.write("%s = %s\n" % (key, value))

    def start(self):
        """Start and wait until it says that it is ready."""
        self.write_conf()
        seen = 0
        if os.path.exists(self.log_path):
            seen = os.path.getsize(self.log_path)
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [self.binary, "--config", self.conf_path, "serve"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=self.env, start_new_session=True)
        # One that is killed on purpose may have been ready before.
        ready = until(lambda: self.ready_line(seen) or
                      (self.process.poll() is not None and
                       (self.ready_line(seen) or True)),
                      "daemon ready, see " + self.log_path)
        if ready is True:
            raise Failure("the daemon ended with %d: %s" % (
                self.process.returncode, self.log_tail()))
        self.port, self.admin_port = int(ready[1]), int(ready[2])
        return self

    def ready_line(self, seen):
        with open(self.log_path, errors="replace") as f:
            f.seek(seen)
            return re.search(r"ready at http://127\.0\.0\.1:(\d+)/\S*?, admin "
                             r"at http://127\.0\.0\.1:(\d+)\n", f.read())

    def stop(self, sig=signal.SIGTERM):
        """End the daemon; after SIGTERM its exit status must be 0 (the
        sanitizers report leaks by another one)."""
        if self.process is None:
            return
        p, self.process = self.process, None
        if p.poll() is None:
            p.send_signal(sig)
        try:
            p.wait(STOP_S)
        except subprocess.TimeoutExpired:
            p.kill()
            p.wait()
            raise Failure("the daemon does not stop, see " + self.log_path)
        if sig == signal.SIGTERM:
            check(p.returncode == 0, "the daemon ended with %d: %s",
                  p.returncode, self.log_tail())

    def restart(self, sig=signal.SIGTERM):
        """Another daemon on the same ports and database."""
        self.stop(sig)
        self.start()

    def check_log(self, texts=()):
        """No password, no secret and no item's text is in the log, and no
        line that tells of a bug of ours."""
        with open(self.log_path, errors="replace") as f:
            log = f.read()
        for secret in self.secrets:
            check(secret not in log, "the log holds the secret %s", secret)
        for text in texts:
            check(text not in log, "the log holds an item's text: %s", text)
        bug = re.search(r"^.*(?:invariant|runtime error|Sanitizer).*$", log,
                        re.M)
        check(not bug, "the log tells of a bug: %s", bug and bug[0])

    def log_tail(self, n=3000):
        with open(self.log_path, errors="replace") as f:
            return f.read()[-n:]

    # -- copies of its database ----------------------------------------

    def stop_nodes(self):
        """All that use the database."""
        self.stop()

    def backup(self, path):
        self.command("backup", path)

    def restore(self, path):
        live = os.path.join(self.room, "state", "funicular.db")
        for suffix in ("", "-wal", "-shm"):
            if os.path.exists(live + suffix):
                os.rename(live + suffix, live + suffix + ".old")
        shutil.copy(path, live)

    # -- talking to it -------------------------------------------------

    @property
    def url(self):
        return "http://127.0.0.1:%d/sync" % self.port

    def get(self, path, port=None):
        c = http.client.HTTPConnection("127.0.0.1", port or self.port,
                                       timeout=STOP_S)
        try:
            c.request("GET", path)
            r = c.getresponse()
            return r.status, r.read()
        finally:
            c.close()

    def command(self, *args, stdin="", status=0):
        """Run an administrator's command; its standard output is returned."""
        p = subprocess.run(
            [self.binary, "--config", self.conf_path, *args], input=stdin,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            timeout=120)
        check(p.returncode == status, "funicular %s: exit %d, %s%s",
              " ".join(args), p.returncode, p.stdout[-500:], p.stderr[-500:])
        return p.stdout

    def json(self, *args):
        return json.loads(self.command(*args, "--json"))

    def add_user(self, name, password="geheim"):
        self.command("user", "add", name, "--password-stdin",
                     stdin=password + "\n")
        self.secrets.append(password)
        return name

    def md5_secret(self, user, label):
        """A generated device secret that also works with MD5."""
        secret = self.json("device", "add", user, label, "--md5")["secret"]
        self.secrets.append(secret)
        return secret
