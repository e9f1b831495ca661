"""A database that is not as it should be: what the daemon says, and how it ends
or goes on. Sentences are those that docs/scaling.md lists."""

import os
import re
import signal
import subprocess

from cluster import Database, check, until
from harness import Site, same
from phone import Phone, Session, card, post
import server as postgres

CONFIG, BUSY = 5, 6  # exit statuses, see funicular(1)
PASSWORD = "correct-horse"
START_S = 60


class Starts:
    def __init__(self, binary, room):
        self.binary, self.room, self.n = binary, room, 0
        self.db = Database()
        self.root("SELECT 1")

    def root(self, text, db="postgres"):
        return self.db.sql(text, db, user="postgres")

    def site(self, uri, **conf):
        self.n += 1
        return Site(self.binary, os.path.join(self.room, "s%d" % self.n),
                    store=uri, key_file=os.path.join(self.room, "key"),
                    **conf)

    def refused(self, what, uri, code, *words):
        """A start that fails: by that status, with one sentence."""
        site = self.site(uri)
        site.write_conf()
        p = subprocess.run(
            [self.binary, "--config", site.conf_path, "serve"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, timeout=START_S)
        said = p.stdout.strip()
        print("  %s: exit %d: %s" % (what, p.returncode, said), flush=True)
        same(what + ": exit status", p.returncode, code)
        for word in words:
            check(word in said, "%s: no %r in: %s", what, word, said)
        check(len(said.split("\n")) == 1, "%s: not one sentence: %s", what,
              said)
        check(PASSWORD not in said and "wrong-horse" not in said,
              "a password is shown: %s", said)
        return said

    def hba(self, line):
        path = self.db.server.dir + "/data/pg_hba.conf"
        with open(path) as f:
            rest = f.read()
        with open(path, "w") as f:
            f.write(line + "\n" + rest)
        self.root("SELECT pg_reload_conf()")
        until(lambda: line.split()[2] in self.root(
            "SELECT string_agg(user_name::text, ' ') FROM "
            "pg_hba_file_rules"), "the rule is read")

    # -- starts --------------------------------------------------------

    def password(self):
        self.root("CREATE ROLE locked LOGIN PASSWORD '%s'" % PASSWORD)
        self.root("CREATE DATABASE locked OWNER locked")
        self.hba("local all locked scram-sha-256")
        words = self.db.uri("locked").replace("user=" + postgres.USER,
                                              "user=locked")
        path = os.path.join(self.room, "pass")
        for text, good in (("wrong-horse", False), (PASSWORD, True)):
            with open(path, "w") as f:
                f.write("*:*:*:locked:%s\n" % text)
            os.chmod(path, 0o600)
            uri = words + " passfile=" + path
            if good:
                site = self.site(uri).start()
                site.secrets = [PASSWORD]
                site.stop()
                site.check_log()
            else:
                self.refused("wrong password", uri, CONFIG,
                             "refuses the password", "passfile")
        said = self.refused("wrong password in the URI",
                            words + " password=wrong-horse", CONFIG,
                            "refuses the password")
        check("wrong-horse" not in said, "shown: %s", said)
        self.refused("nobody of that name", words.replace(
            "user=locked", "user=nobody_here"), CONFIG, "pg_hba.conf")

    def database(self):
        self.refused("no such database", self.db.uri("not_there"), CONFIG,
                     "there is no such database", "createdb")
        self.db.create("foreign_one")
        self.db.sql("CREATE TABLE theirs (a int)", "foreign_one")
        self.refused("another program's database",
                     self.db.uri("foreign_one"), CONFIG, "another program")

    def gone(self):
        self.refused("no server", "postgres:host=%s/nowhere dbname=x" %
                     self.room, BUSY, "no connection to the database")
        self.refused("nobody listens", "postgres:host=127.0.0.1 port=1 "
                     "dbname=x connect_timeout=2", BUSY,
                     "no connection to the database")

    def schema(self):
        """A role that may read and write, but make no table."""
        uri = self.db.create("rights")
        self.root("CREATE ROLE worker LOGIN")
        self.root("REVOKE CREATE ON SCHEMA public FROM PUBLIC", "rights")
        worker = uri.replace("user=" + postgres.USER, "user=worker")
        self.refused("no schema, and no right to make it", worker, CONFIG,
                     "funicular migrate")
        self.site(uri).start().stop()
        self.db.sql("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN "
                    "SCHEMA public TO worker", "rights")
        site = self.site(worker).start()
        site.add_user("anna")
        site.stop()
        newest = int(self.db.sql("SELECT max(number) FROM migration",
                                 "rights"))
        self.db.sql("UPDATE migration SET number = 0 WHERE number = %d" %
                    newest, "rights")
        self.refused("a migration is missing", worker, CONFIG,
                     "has schema %d" % (newest - 1), "needs %d" % newest, "funicular migrate")
        self.db.sql("UPDATE migration SET number = %d WHERE number = 0" %
                    newest, "rights")
        self.db.sql("INSERT INTO migration VALUES (9999, 'of the future', 0)",
                    "rights")
        self.refused("a newer schema", uri, CONFIG, "newer program")

    # -- while it runs ---------------------------------------------------

    def messages(self, site, phone, n, size=0):
        """Syncs until one is not answered by 200; that answer, or None."""
        for i in range(n):
            s = phone.session()
            a = s.send(site.port, phone.begin(s))
            if a.http != 200:
                return a
            text = card("Voll%d-%d" % (phone.sid, i))
            if size:
                # What PostgreSQL cannot compress.
                note = os.urandom(size // 2).hex()
                text = text.replace("END:", "NOTE:%s&#13;\nEND:" % note)
            a = s.send(site.port, s.sync([
                ("Add", "%d-%d" % (phone.sid, i), text)]))
            if a.http != 200:
                return a
            phone.finish(s, site.port)
        return None

    def away(self):
        """The server goes and comes back: 503 with Retry-After meanwhile."""
        site = self.site(self.db.create("away")).start()
        site.add_user("anna", "geheim-anna")
        phone = Phone("away-1", "anna", "geheim-anna")
        check(self.messages(site, phone, 2) is None, "syncs")
        self.db.end(signal.SIGINT)
        s = Session("away-1", 77, "anna", "geheim-anna")
        message = s.alert(200, phone.anchor, "n77")
        a = self.raw(site, message)
        same("HTTP status without a database", a[0], 503)
        check(int(a[1].get("Retry-After", 0)) > 0, "Retry-After: %r", a[1])
        same("/healthz", site.get("/healthz", site.admin_port)[0], 503)
        print("  server gone: HTTP 503, Retry-After %s; %s" % (
            a[1]["Retry-After"], last_line(site, "database")), flush=True)
        self.db.again()
        until(lambda: self.raw(site, message)[0] == 200, "it goes on")
        until(lambda: site.get("/healthz", site.admin_port)[0] == 200,
              "/healthz")
        site.stop()
        site.check_log()

    def raw(self, site, message):
        import http.client
        c = http.client.HTTPConnection("127.0.0.1", site.port, timeout=60)
        c.request("POST", "/sync", message.encode(), {
            "Content-Type": "application/vnd.syncml+xml"})
        r = c.getresponse()
        r.read()
        headers = dict(r.getheaders())
        c.close()
        return r.status, headers

    def replica(self):
        """A start at a replica; and a running daemon that finds the new
        primary by itself."""
        server = self.db.server
        data = server.dir + "/replica"
        server.run("pg_basebackup", "-h", server.dir, "-p",
                   str(postgres.PORT), "-U", "postgres", "-D", data, "-R",
                   "--checkpoint=fast", "--no-sync")
        port = postgres.PORT + 1
        p = server.daemon(signal.SIGQUIT, server.bin + "/postgres", "-D",
                          data, "-p", str(port))
        server.wait(p, lambda: os.path.exists("%s/.s.PGSQL.%d" % (
            server.dir, port)))
        uri = self.db.create("twins")
        self.site(uri).start().stop()
        lsn = self.root("SELECT pg_current_wal_lsn()")
        words = uri.replace("port=%d" % postgres.PORT, "port=%d" % port)

        def there():
            return self.root("SELECT replay_lsn >= '%s' FROM "
                             "pg_stat_replication" % lsn) == "t"

        until(there, "the replica has it all")
        self.refused("a read-only replica", words, BUSY, "read-only",
                     "primary")
        self.failover(uri.replace(
            "port=%d" % postgres.PORT, "port=%d,%d" % (
                postgres.PORT, port)).replace(
            "host=" + server.dir, "host=%s,%s" % (server.dir, server.dir)))

    def failover(self, uri):
        server = self.db.server
        self.root("ALTER SYSTEM SET synchronous_standby_names = '*'")
        self.root("SELECT pg_reload_conf()")
        until(lambda: self.root("SELECT sync_state FROM pg_stat_replication")
              == "sync", "the replica is a synchronous one")
        site = self.site(uri).start()
        site.add_user("anna", "geheim-anna")
        phone = Phone("twins-1", "anna", "geheim-anna")
        check(self.messages(site, phone, 5) is None, "syncs")
        anchor = phone.anchor
        self.db.end(signal.SIGKILL)
        server.run("pg_ctl", "promote", "-D", server.dir + "/replica", "-w")
        s = Session("twins-1", 77, "anna", "geheim-anna")
        message = s.alert(200, anchor, "n77")
        until(lambda: self.raw(site, message)[0] == 200, "the new primary")
        a = post(site.port, "/sync", message)
        check("<Data>200</Data>" in a.body and "<Data>508</Data>" not in
              a.body, "the anchors do not fit: %s", a.body)
        same("items", len(site.json("item", "list", "anna", "contacts")), 5)
        site.stop()
        print("  the primary is killed, the synchronous replica promoted: "
              "the daemon goes on, 5 of 5 syncs are there", flush=True)

    def full(self):
        """A disk without room."""
        room = self.db.server.dir + "/small"
        os.mkdir(room)
        p = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m",
                            "tmpfs", room], check=False,
                           stderr=subprocess.PIPE, text=True)
        if p.returncode != 0:
            print("  full disk: not tried, no mount here: " +
                  p.stderr.strip(), flush=True)
            return
        try:
            self.fill(room)
        finally:
            self.db.stop()
            subprocess.run(["umount", room], check=False)

    def fill(self, room):
        who = self.db.server.who
        os.chown(room, who.pw_uid, who.pw_gid)
        os.chmod(room, 0o700)
        self.root("CREATE TABLESPACE small LOCATION '%s'" % room)
        self.root("CREATE DATABASE narrow OWNER %s TABLESPACE small" %
                  postgres.USER)
        site = self.site(self.db.uri("narrow")).start()
        site.add_user("anna", "geheim-anna")
        phone = Phone("full-1", "anna", "geheim-anna")
        a = self.messages(site, phone, 200, 200000)
        check(a is not None, "the disk was not full")
        same("HTTP status when the disk is full", a.http, 503)
        print("  full disk after %d syncs: HTTP 503; %s" % (
            phone.sid, last_line(site, "room")), flush=True)
        check("no room on the database's disk" in site.log_tail(),
              "the log does not tell: %s", site.log_tail())
        subprocess.run(["mount", "-o", "remount,size=200m", room],
                       check=True)
        until(lambda: self.messages(site, phone, 1) is None, "it goes on")
        have = [i for i in site.json("item", "list", "anna", "contacts")]
        check(len(have) >= phone.sid - 3, "items: %d after %d syncs",
              len(have), phone.sid)
        site.command("check")
        site.stop()
        site.check_log()


def last_line(site, word):
    lines = [x for x in site.log_tail(20000).split("\n") if word in x and
             re.match("(error|warning|info) ", x)]
    return lines[-1] if lines else "(nothing in the log)"


def starts(binary, room, names=()):
    os.makedirs(room, exist_ok=True)
    s = Starts(binary, room)
    try:
        for part in (s.password, s.database, s.gone, s.schema, s.away,
                     s.replica):
            if not names or part.__name__ in names:
                part()
    finally:
        s.db.stop()
    s = Starts(binary, room)
    try:
        s.full()
    finally:
        s.db.stop()
