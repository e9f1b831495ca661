"""SyncEvolution as a phone: one Device is one client with databases of its own.

It runs without a desktop (--daemon=no --keyring=no, own HOME and XDG
directories) on its file backend: one directory per database, one file per item.
"""

import os
import re
import signal
import subprocess
import time

from harness import Failure, check

# name of the database -> (format of its files, name at the server)
DATABASES = {
    "contacts": ("text/vcard", "contacts"),
    "calendar": ("text/calendar", "calendar"),
    "tasks": ("text/calendar", "tasks"),
    "notes": ("text/plain", "notes"),
}
RUN_S = 240


class Result:
    """What a sync did, read from SyncEvolution's own session report."""

    def __init__(self, code, output, status_path):
        self.code, self.output, self.values = code, output, {}
        if os.path.exists(status_path):
            with open(status_path, errors="replace") as f:
                for line in f:
                    key, sep, value = line.partition(" = ")
                    if sep:
                        self.values[key] = value.strip()

    def number(self, key):
        return int(self.values.get(key, "0").split(",")[0])

    def status(self, db=None):
        key = "source-%s-status" % db if db else "status"
        return self.number(key)

    def mode(self, db):
        return self.values.get("source-%s-mode" % db)

    def moved(self, db):
        """{'local-added': 1, ...}: only what is not 0."""
        prefix = "source-%s-stat-" % db
        out = {}
        for key in self.values:
            m = re.match(re.escape(prefix) +
                         r"((?:local|remote)-(?:added|updated|removed))"
                         r"-total$", key)
            if m and self.number(key):
                out[m[1]] = self.number(key)
        return out


class Device:
    def __init__(self, site, shim, room, user, password, dbs=None,
                 dev_id=None, version="1.2", wbxml=True, auth="basic",
                 props=()):
        self.site, self.shim, self.room = site, shim, room
        self.dbs = list(dbs or DATABASES)
        self.dev_id = dev_id or "e2e-" + os.path.basename(room)
        self.runs = 0
        # A file's change is told by its time stamp, in whole seconds: each
        # write of the tests gets one that was never used before.
        self.clock = int(time.time()) + 1000
        for db in self.dbs:
            os.makedirs(self.dir(db))
        self.configure(user, password, version, wbxml, auth, props)

    def dir(self, db):
        return os.path.join(self.room, "items", db)

    def configure(self, user, password, version, wbxml, auth, props):
        args = [
            "--configure", "--template", "none", "syncURL=" + self.site.url,
            "username=" + user, "password=" + password,
            "deviceId=" + self.dev_id, "SyncMLVersion=" + version,
            "enableWBXML=%d" % wbxml, "clientAuthType=" + auth,
            "dumpData=0", "printChanges=0", "preventSlowSync=0",
            "maxlogdirs=0", "RetryInterval=2", "RetryDuration=60",
            "loglevel=4",
        ]
        for db in self.dbs:
            fmt, uri = DATABASES[db]
            args += ["%s/backend=file" % db,
                     "%s/database=file://%s" % (db, self.dir(db)),
                     "%s/databaseFormat=%s" % (db, fmt),
                     "%s/uri=%s" % (db, uri), "%s/sync=two-way" % db]
        self.command("configure", *args, *props, "peer@phone", *self.dbs)

    def set(self, *props):
        """Change the client's configuration: "contacts/uri=x", ..."""
        self.command("set", "--configure", *props, "peer@phone", *self.dbs)

    # -- running it ----------------------------------------------------

    def start(self, name, *args):
        """-> (process, path of its output)"""
        env = {
            "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8",
            "HOME": self.room, "LD_PRELOAD": self.shim,
            "XDG_CONFIG_HOME": os.path.join(self.room, "config"),
            "XDG_DATA_HOME": os.path.join(self.room, "data"),
            "XDG_CACHE_HOME": os.path.join(self.room, "cache"),
        }
        path = os.path.join(self.room, name + ".out")
        with open(path, "ab") as out:
            p = subprocess.Popen(
                ["syncevolution", "--daemon=no", "--keyring=no", *args],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=env,
                # A background job's ignored SIGINT would make it deaf.
                preexec_fn=lambda: signal.signal(signal.SIGINT,
                                                 signal.SIG_DFL),
                start_new_session=True)
        return p, path

    def finish(self, process, path):
        try:
            process.wait(RUN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise Failure("SyncEvolution hangs, see " + path)
        with open(path, errors="replace") as f:
            return process.returncode, f.read()

    def command(self, name, *args):
        code, output = self.finish(*self.start(name, *args))
        check(code == 0, "syncevolution %s: exit %d\n%s", name, code,
              output[-2000:])

    def sync_start(self, mode="two-way", dbs=None):
        self.runs += 1
        self.log = os.path.join(self.room, "run%02d" % self.runs)
        return self.start("run%02d" % self.runs, "--run", "-q",
                          "logdir=" + self.log, "sync=" + mode, "peer@phone",
                          *(dbs or self.dbs))

    def sync_finish(self, process, path):
        code, output = self.finish(process, path)
        logs = os.listdir(self.log) if os.path.isdir(self.log) else []
        status = os.path.join(self.log, logs[0] if logs else ".",
                              "status.ini")
        return Result(code, output, status)

    def sync(self, mode="two-way", dbs=None, ok=True, moved=None):
        """One sync. ok: it must succeed. moved: {db: {...}} expected of
        every database, nothing where it is left out."""
        r = self.sync_finish(*self.sync_start(mode, dbs))
        if ok:
            check(r.code == 0 and r.status() == 200,
                  "%s: sync failed (exit %d, status %s), see %s\n%s",
                  self.dev_id, r.code, r.values.get("status"), self.log,
                  r.output[-2000:])
        if moved is not None:
            for db in dbs or self.dbs:
                check(r.moved(db) == moved.get(db, {}),
                      "%s: %s moved %r, expected %r, see %s", self.dev_id,
                      db, r.moved(db), moved.get(db, {}), self.log)
        return r

    # -- its items -----------------------------------------------------

    def put(self, db, name, text):
        """Write an item, new or changed."""
        path = os.path.join(self.dir(db), str(name))
        data = text if isinstance(text, bytes) else text.encode()
        with open(path, "wb") as f:
            f.write(data)
        self.clock += 1
        os.utime(path, (self.clock, self.clock))

    def delete(self, db, name):
        os.unlink(os.path.join(self.dir(db), str(name)))

    def names(self, db):
        return sorted(os.listdir(self.dir(db)))

    def get(self, db, name):
        path = os.path.join(self.dir(db), str(name))
        with open(path, newline="", encoding="utf-8") as f:
            return f.read()

    def all(self, db):
        return {n: self.get(db, n) for n in self.names(db)}

    def find(self, db, part):
        """The one item whose text holds `part`."""
        hits = [n for n, t in self.all(db).items() if part in t]
        check(len(hits) == 1, "%s: %d items of %s hold %r", self.dev_id,
              len(hits), db, part)
        return hits[0]

    def edit(self, db, part, old, new):
        """Replace text in the one item that holds `part`."""
        name = self.find(db, part)
        text = self.get(db, name)
        check(old in text, "%s: item %s of %s holds no %r", self.dev_id,
              name, db, old)
        self.put(db, name, text.replace(old, new))
