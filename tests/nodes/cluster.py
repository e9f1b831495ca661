"""Several daemons on one PostgreSQL behind HAProxy, as docs/scaling.md says.

A Cluster can be asked what a Site of the end-to-end tests can be asked, so their
cases run on it as they are.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.dirname(HERE)
DOCS = os.path.join(os.path.dirname(TESTS), "docs")
for room in ("server", "e2e", "postgres"):
    sys.path.insert(0, os.path.join(TESTS, room))
from harness import Site, check, until  # noqa: E402
from ports import free_port  # noqa: E402
import server as postgres  # noqa: E402

# What was committed must be there after a kill: it is written, though not
# synced, since the machine itself goes on.
SETTINGS = {"synchronous_commit": "on", "max_connections": "150"}
AGAIN_S = 60


class Database:
    """A PostgreSQL that can be killed, and started again."""

    def __init__(self, bouncer=False, port=postgres.PORT, **settings):
        self.bouncer = bouncer
        self.server = postgres.Server(bouncer, dict(SETTINGS, **settings),
                                      port)
        try:
            self.server.start()
        except BaseException:
            self.server.stop()
            raise

    def words(self, bouncer=False):
        port = postgres.BOUNCER_PORT if bouncer else self.server.port
        return "host=%s port=%d user=%s" % (self.server.dir, port,
                                            postgres.USER)

    def create(self, name):
        self.sql("CREATE DATABASE " + name)
        return self.uri(name)

    def uri(self, name, more=""):
        if self.bouncer:
            more += " prepare=off"
        return "postgres:%s dbname=%s %s" % (self.words(self.bouncer), name,
                                             more)

    def sql(self, text, db="postgres", user=None):
        words = self.words() + " dbname=" + db
        if user:
            words = re.sub(r"user=\S+", "user=" + user, words)
        p = subprocess.run(
            [self.server.bin + "/psql", "-qXAt", "-v", "ON_ERROR_STOP=1", "-d",
             words, "-f", "-"], input=text, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, timeout=600)
        check(p.returncode == 0, "psql: %s", p.stderr[-1000:])
        return p.stdout.strip()

    def program(self, name, *args):
        """One of PostgreSQL's own, as the user that runs the test."""
        p = subprocess.run([self.server.bin + "/" + name, *args], text=True,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                           timeout=600)
        check(p.returncode == 0, "%s: %s", name, p.stdout[-1000:])

    def end(self, sig):
        """SIGINT: a fast shutdown. SIGKILL: the way a crash does it."""
        p, _ = self.server.child.pop(0)
        p.send_signal(sig)
        p.wait(AGAIN_S)

    def again(self):
        """Another one. After a kill the old one's children still hold its
        memory for a moment, and the first try may fail."""
        end = time.monotonic() + AGAIN_S
        if os.path.exists(self.server.dir + "/data/postmaster.pid"):
            os.unlink(self.server.dir + "/data/postmaster.pid")
        while True:
            try:
                self.server.start_postgres()
                break
            except postgres.Failed:
                self.server.child.pop()
                if time.monotonic() > end:
                    raise
                time.sleep(0.1)
        # The one that can be killed is the first.
        self.server.child.insert(0, self.server.child.pop())

    def stop(self):
        self.server.stop()


def recipe(name, doc="scaling.md"):
    """The indented block behind "NAME:" in the document."""
    with open(os.path.join(DOCS, doc), encoding="utf-8") as f:
        block = re.search(r"\n%s:\n\n((?:    .*\n|\n)+)" % name, f.read())
    check(block, "no recipe %s in %s", name, doc)
    return re.sub(r"(?m)^    ", "", block[1])


def haproxy_program():
    path = os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin"
    found = shutil.which("haproxy", path=path)
    check(found, "HAProxy is not installed: tools/setup.sh test")
    return found


class Balancer:
    """The recipe with the addresses of this test."""

    def __init__(self, room, ports):
        """ports: (port, admin port) of each node, also of those to come"""
        self.room, self.ports = room, ports
        self.port = free_port()
        self.default = ""  # more words for all servers
        self.process = None
        os.makedirs(room, exist_ok=True)

    def conf(self):
        text = recipe("HAProxy")
        text = re.sub(r"bind :443 ssl crt \S+",
                      "bind 127.0.0.1:%d" % self.port, text)
        text = text.replace("X-Forwarded-Proto https",
                            "X-Forwarded-Proto http")
        lines = [x for x in text.split("\n")
                 if not x.strip().startswith("server ")]
        check(len(lines) < len(text.split("\n")) and
              "roundrobin" in text and "cookie" not in text and
              "stick" not in text, "the recipe is another one: %s", text)
        while not lines[-1].strip():
            lines.pop()
        if self.default:
            lines.append("    default-server " + self.default)
        for i, (port, admin) in enumerate(self.ports):
            lines.append("    server node%d 127.0.0.1:%d port %d" % (
                i, port, admin))
        return "\n".join(lines) + "\n"

    def start(self):
        path = os.path.join(self.room, "haproxy.cfg")
        with open(path, "w") as f:
            f.write(self.conf())
        with open(os.path.join(self.room, "haproxy.log"), "ab") as log:
            self.process = subprocess.Popen(
                [haproxy_program(), "-db", "-f", path], stdout=log,
                stderr=log, stdin=subprocess.DEVNULL,
                preexec_fn=postgres.bound_to_parent(signal.SIGKILL))
        until(lambda: self.listens() or self.process.poll() is not None,
              "HAProxy listens")
        check(self.process.poll() is None, "HAProxy ended: see %s", self.room)

    def listens(self):
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        except OSError:
            return False

    def stop(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


class Cluster:
    """n nodes, and room for `spare` more. For the cases of the end-to-end
    tests it is one Site."""

    def __init__(self, binary, room, n=3, spare=0, database=None, name="site",
                 **conf):
        shutil.rmtree(room, ignore_errors=True)
        os.makedirs(room)
        self.room, self.n, self.name = room, n, name
        self.binary = binary
        self.own = database is None
        self.db = database or Database()
        conf.setdefault("store", self.db.create(name))
        conf.setdefault("trusted_proxies", "127.0.0.1")
        conf["key_file"] = os.path.join(room, "key")
        self.nodes = [Site(binary, os.path.join(room, "node%d" % i), **conf)
                      for i in range(n + spare)]
        for i, node in enumerate(self.nodes):
            # Whose a connection is, PostgreSQL can be asked.
            node.name = "node%d" % i
            node.conf = dict(conf, store="%s application_name=%s" % (
                conf["store"], node.name))
        self.balancer = Balancer(os.path.join(room, "balancer"),
                                 [(s.port, s.admin_port) for s in self.nodes])
        # Where e2e looks for what went wrong.
        self.log_path = self.nodes[0].log_path

    @property
    def port(self):
        return self.balancer.port

    @property
    def url(self):
        return "http://127.0.0.1:%d/sync" % self.port

    @property
    def secrets(self):
        return self.nodes[0].secrets

    def start(self):
        for node in self.nodes[:self.n]:
            node.start()
        if self.balancer.process is None:
            self.balancer.start()
        self.ready()
        return self

    def ready(self):
        """The balancer has seen that the nodes are there."""
        until(lambda: self.get_status() == 200, "the site answers", 60)

    def get_status(self):
        try:
            return self.get("/sync")[0]
        except OSError:
            return None

    def get(self, path, port=None):
        return self.nodes[0].__class__.get(self, path, port)

    def stop_nodes(self, sig=signal.SIGTERM):
        for node in self.nodes:
            node.stop(sig)

    def stop(self, sig=signal.SIGTERM):
        self.stop_nodes(sig)
        if sig == signal.SIGTERM:
            self.end()

    def restart(self, sig=signal.SIGTERM):
        self.stop_nodes(sig)
        self.start()

    def end(self):
        self.balancer.stop()
        if self.own:
            self.db.stop()

    def kill(self):
        """After a failure: nothing of it stays."""
        for node in self.nodes:
            if node.process is not None:
                node.process.kill()
                node.process.wait()
                node.process = None
        self.end()

    def check_log(self, texts=()):
        for node in self.nodes:
            if os.path.exists(node.log_path):
                node.secrets = self.secrets
                node.check_log(texts)

    def log_tail(self, n=3000):
        return "\n".join(node.log_tail(n) for node in self.nodes
                         if os.path.exists(node.log_path))

    # As `funicular backup` says.
    def backup(self, path):
        self.db.program("pg_dump", "-Fc", "-f", path, "-d",
                        self.db.words() + " dbname=" + self.name)

    def restore(self, path):
        self.db.sql("DROP DATABASE %s; CREATE DATABASE %s" % (
            self.name, self.name))
        self.db.program("pg_restore", "--exit-on-error", "-d",
                        self.db.words() + " dbname=" + self.name, path)

    # The administrator works at any node.
    def command(self, *args, **more):
        return self.nodes[0].command(*args, **more)

    def json(self, *args):
        return self.nodes[0].json(*args)

    def add_user(self, name, password="geheim"):
        return self.nodes[0].add_user(name, password)

    def md5_secret(self, user, label):
        return self.nodes[0].md5_secret(user, label)

    # -- what PostgreSQL saw -------------------------------------------

    def sql(self, text):
        return self.db.sql(text, self.name)

    def deadlocks(self):
        return int(self.sql("SELECT deadlocks FROM pg_stat_database "
                            "WHERE datname = current_database()"))
