"""TLS to PostgreSQL, with certificates of a throw-away authority: which daemon
connects, and what one is told that may not."""

import os
import subprocess

import server as postgres
from cluster import Database, until
from ports import free_port
from harness import same
from phone import Phone, card
from starts import CONFIG, Starts

HOST = "db.example.org"


def openssl(*args):
    subprocess.run(["openssl", *args], check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)


class Tls(Starts):
    def __init__(self, binary, room):
        self.binary, self.room, self.n = binary, room, 0
        self.db = Database(port=free_port(), listen_addresses="127.0.0.1")

    def authority(self, name):
        """Its certificate and key."""
        path = os.path.join(self.room, name)
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                "-subj", "/CN=" + name, "-keyout", path + ".key", "-out",
                path + ".crt")
        return path

    def certificate(self, ca, host):
        """Into the server's folder, as it asks for it."""
        data, who = self.db.server.dir + "/data/", self.db.server.who
        ask, ext = (os.path.join(self.room, x) for x in ("ask", "ext"))
        with open(ext, "w") as f:
            f.write("subjectAltName=DNS:%s\n" % host)
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj",
                "/CN=" + host, "-keyout", data + "server.key", "-out", ask)
        openssl("x509", "-req", "-in", ask, "-days", "2", "-CA", ca + ".crt",
                "-CAkey", ca + ".key", "-CAcreateserial", "-extfile", ext,
                "-out", data + "server.crt")
        for name in ("server.key", "server.crt"):
            os.chmod(data + name, 0o600)
            if who:
                os.chown(data + name, who.pw_uid, who.pw_gid)

    def speaks(self, on):
        self.root("ALTER SYSTEM SET ssl = '%s'" % on)
        self.root("SELECT pg_reload_conf()")
        until(lambda: self.root("SHOW ssl") == on, "ssl is " + on)

    def uri(self, host, ca, mode="verify-full"):
        return ("postgres:host=%s hostaddr=127.0.0.1 port=%d user=%s "
                "dbname=safe sslmode=%s sslrootcert=%s.crt" % (
                    host, self.db.server.port, postgres.USER, mode, ca))

    def run(self):
        ours, theirs = self.authority("ours"), self.authority("theirs")
        self.certificate(ours, HOST)
        self.db.create("safe")
        self.refused("no TLS there", self.uri(HOST, ours), CONFIG,
                     "speaks no TLS", "ssl = on")
        self.speaks("on")
        self.good(self.uri(HOST, ours))
        no = "does not prove"
        self.refused("a wrong host name", self.uri("other.example.org", ours),
                     CONFIG, no, "host=", '"%s"' % HOST)
        self.refused("somebody else's authority", self.uri(HOST, theirs),
                     CONFIG, no, "sslrootcert=")
        self.refused("no authority", self.uri(HOST, ours + "-gone"), CONFIG,
                     no, "sslrootcert=")

    def good(self, uri):
        """A sync, and not a line of it in the clear."""
        site = self.site(uri).start()
        site.add_user("anna", "geheim-anna")
        phone = Phone("tls-1", "anna", "geheim-anna")
        same("the Add", phone.sync([site.port], [("Add", "1", card("Sicher"))])
             ["Add"], ["201"])
        same("connections without and with TLS", self.root(
            "SELECT count(*) FILTER (WHERE NOT ssl), count(*) FILTER (WHERE "
            "ssl) > 0 FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) "
            "WHERE datname = 'safe'"), "0|t")
        site.stop()
        site.check_log()


def tls(binary, room):
    os.makedirs(room, exist_ok=True)
    t = Tls(binary, room)
    try:
        t.run()
    finally:
        t.db.stop()
