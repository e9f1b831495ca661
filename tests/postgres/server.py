#!/usr/bin/env python3
"""Run a command with a PostgreSQL of its own.

    server.py [--pgbouncer] [--tcp] [--set NAME=VALUE] COMMAND [ARGUMENT...]

The server lives in a temporary folder, listens on a Unix socket in it and
nowhere else (--tcp: on a port of 127.0.0.1 too, which the command is given), syncs nothing to the disk, and is gone when the command has
ended, however it ended: a keeper in a session of its own waits for the end of
this process, and the server dies with the keeper. As root it runs under
another account. The command finds it by its environment:

    FUNICULAR_TEST_POSTGRES   conninfo without dbname; the user may create
                              databases and is no superuser
    FUNICULAR_TEST_PGBOUNCER  the same through PgBouncer in transaction mode
    FUNICULAR_TEST_PG_DIR     its folder: data/, log, pgbouncer.log

By hand: `server.py sh`. Exit status: the command's; 2 where there is no
PostgreSQL (tools/setup.sh test installs it).
"""

import ctypes
import glob
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)),
                             "..", "server"))
from ports import free_port  # noqa: E402

LIMIT_S = 60  # to start or stop, on a busy machine
PORT = 5432  # only the name of a socket
BOUNCER_PORT = 6432
USER = "funicular"

SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "log_min_messages": "warning",
    "log_line_prefix": "%m %d ",
}

BOUNCER = """[databases]
* = host={dir} port={port}
[pgbouncer]
listen_addr =
listen_port = {bouncer}
unix_socket_dir = {dir}
logfile = {dir}/pgbouncer.log
pidfile = {dir}/pgbouncer.pid
auth_type = trust
auth_file = {dir}/users
pool_mode = transaction
max_client_conn = 500
default_pool_size = 20
server_idle_timeout = 2
server_login_retry = 1
"""


class Failed(Exception):
    pass


def programs():
    """The newest PostgreSQL's folder of programs."""
    found = [d for d in glob.glob("/usr/lib/postgresql/*/bin")
             if os.access(d + "/postgres", os.X_OK) and
             os.access(d + "/initdb", os.X_OK)]
    if not found:
        raise Failed("PostgreSQL is not installed: tools/setup.sh test")
    return max(found, key=lambda d: float(d.split("/")[4]))


def account():
    """Whom the server runs as: PostgreSQL refuses to be root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            pass
    raise Failed("no account to run PostgreSQL under")


def bound_to_parent(sig):
    """For preexec_fn: end with the parent, however that ends."""
    parent = os.getpid()
    prctl = ctypes.CDLL(None).prctl

    def call():
        prctl(1, sig)  # PR_SET_PDEATHSIG
        if os.getppid() != parent:
            os._exit(1)

    return call


class Server:
    """PostgreSQL, and PgBouncer where it is asked for; used by the keeper."""

    def __init__(self, bouncer, settings, port=PORT):
        self.bin = programs()
        self.port = port
        self.who = account()
        self.bouncer = bouncer
        self.settings = dict(SETTINGS, **settings)
        self.child = []
        self.dir = tempfile.mkdtemp(prefix="funicular-pg-")
        if self.who:
            os.chown(self.dir, self.who.pw_uid, self.who.pw_gid)

    def command(self, args, sig, **more):
        who = self.who
        bound = bound_to_parent(sig)

        def enter():
            # Another account's process: the signal is set after the switch,
            # which would clear it.
            if who:
                os.setgroups([])
                os.setgid(who.pw_gid)
                os.setuid(who.pw_uid)
            bound()

        env = {"PATH": self.bin + ":/usr/sbin:/usr/bin:/bin",
               "LC_ALL": "C.UTF-8", "TZ": "UTC"}
        return subprocess.Popen(args, cwd=self.dir, env=env, preexec_fn=enter,
                                stdin=subprocess.DEVNULL, **more)

    def run(self, *args):
        p = self.command(list(args), signal.SIGKILL, text=True,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        said, _ = p.communicate()
        if p.returncode != 0:
            raise Failed("%s: %s" % (args[0], said))

    def daemon(self, sig, *args):
        """sig: the one at which it stops at once, and worth saving is
        nothing."""
        with open(self.dir + "/log", "ab") as log:
            p = self.command(list(args), sig, stdout=log, stderr=log)
        self.child.append((p, sig))
        return p

    def wait(self, p, ready):
        end = time.monotonic() + LIMIT_S
        while not ready():
            if p.poll() is not None or time.monotonic() > end:
                raise Failed("%s did not start:\n%s" % (
                    p.args[0], self.log_tail()))
            time.sleep(0.01)

    def postgres_ready(self):
        try:
            with open(self.dir + "/data/postmaster.pid") as f:
                return f.read().split("\n")[7].strip() == "ready"
        except (OSError, IndexError):
            return False

    def start(self):
        data = self.dir + "/data"
        self.run("initdb", "-D", data, "-U", "postgres", "-A", "trust",
                 "-E", "UTF8", "--locale=C.UTF-8", "--no-sync",
                 "--no-instructions")
        self.settings["unix_socket_directories"] = self.dir
        with open(data + "/postgresql.auto.conf", "a") as f:
            for name, value in self.settings.items():
                f.write("%s = '%s'\n" % (name, value))
        self.start_postgres()
        self.run("psql", "-qX", "-h", self.dir, "-p", str(self.port), "-U",
                 "postgres", "-d", "postgres", "-c",
                 "CREATE ROLE %s LOGIN CREATEDB CREATEROLE" % USER)
        if self.bouncer:
            self.start_bouncer()

    def start_postgres(self):
        p = self.daemon(signal.SIGQUIT, self.bin + "/postgres", "-D",
                        self.dir + "/data", "-p", str(self.port))
        self.wait(p, self.postgres_ready)

    def start_bouncer(self):
        if not shutil.which("pgbouncer"):
            raise Failed("PgBouncer is not installed: tools/setup.sh test")
        conf = self.dir + "/pgbouncer.ini"
        with open(conf, "w") as f:
            f.write(BOUNCER.format(dir=self.dir, port=self.port,
                                   bouncer=BOUNCER_PORT))
        with open(self.dir + "/users", "w") as f:
            f.write('"%s" ""\n' % USER)
        p = self.daemon(signal.SIGTERM, "pgbouncer", "-q", conf)
        path = "%s/.s.PGSQL.%d" % (self.dir, BOUNCER_PORT)
        self.wait(p, lambda: os.path.exists(path))

    def log_tail(self):
        try:
            with open(self.dir + "/log", errors="replace") as f:
                return "".join(f.readlines()[-20:])
        except OSError:
            return ""

    def stop(self):
        for p, sig in reversed(self.child):
            if p.poll() is None:
                p.send_signal(sig)
        for p, _ in self.child:
            try:
                p.wait(LIMIT_S)
            except subprocess.TimeoutExpired:
                p.kill()
                p.wait()
        shutil.rmtree(self.dir, ignore_errors=True)


def keep(bouncer, settings, port, lifeline, tell):
    """The keeper: a server until nobody holds the other end of `lifeline`."""
    os.setsid()
    # The test's output ends with the test, whatever is still to tidy up.
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    server = None
    try:
        server = Server(bouncer, settings, port)
        server.start()
        os.write(tell, ("ready " + server.dir).encode())
    except (Failed, OSError, subprocess.SubprocessError) as e:
        os.write(tell, str(e).encode()[:4000])
    os.close(tell)
    os.read(lifeline, 1)
    if server:
        server.stop()


def fork_keeper(bouncer, settings, port):
    """Returns (pid, lifeline, what it said first)."""
    lifeline_r, lifeline_w = os.pipe()
    tell_r, tell_w = os.pipe()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            os.close(lifeline_w)
            os.close(tell_r)
            keep(bouncer, settings, port, lifeline_r, tell_w)
            code = 0
        finally:
            os._exit(code)
    os.close(lifeline_r)
    os.close(tell_w)
    said = b""
    while True:
        more = os.read(tell_r, 4096)
        if not more:
            break
        said += more
    os.close(tell_r)
    return pid, lifeline_w, said.decode(errors="replace")


def with_server(command, bouncer=False, settings=None, tcp=False):
    """Run the command with a server; its exit status."""
    settings, port = dict(settings or {}), PORT
    if tcp:
        port = free_port()
        settings["listen_addresses"] = "127.0.0.1"
    pid, lifeline, said = fork_keeper(bouncer, settings, port)
    code = 2
    try:
        if not said.startswith("ready "):
            sys.stderr.write("server.py: %s\n" % said)
            return code
        room = said[len("ready "):]
        env = dict(os.environ, FUNICULAR_TEST_PG_DIR=room)
        env["FUNICULAR_TEST_POSTGRES"] = "host=%s port=%d user=%s" % (
            "127.0.0.1" if tcp else room, port, USER)
        if bouncer:
            env["FUNICULAR_TEST_PGBOUNCER"] = "host=%s port=%d user=%s" % (
                room, BOUNCER_PORT, USER)
        p = subprocess.Popen(command, env=env,
                             preexec_fn=bound_to_parent(signal.SIGKILL))
        for sig in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(sig, lambda s, _: p.send_signal(s))
        code = p.wait()
        if code != 0:
            show_log(room)
    finally:
        os.close(lifeline)
        os.waitpid(pid, 0)
    return code if code >= 0 else 128 - code


def show_log(room):
    try:
        with open(room + "/log", errors="replace") as f:
            lines = f.readlines()
    except OSError:
        return
    sys.stderr.write("PostgreSQL's log ends:\n" + "".join(
        line[:240].rstrip("\n") + "\n" for line in lines[-20:]))


def main():
    args = sys.argv[1:]
    bouncer = tcp = False
    settings = {}
    while args and args[0].startswith("--"):
        if args[0] == "--pgbouncer":
            bouncer = True
        elif args[0] == "--tcp":
            tcp = True
        elif args[0] == "--set" and len(args) > 1 and "=" in args[1]:
            name, _, value = args.pop(1).partition("=")
            settings[name] = value
        else:
            break
        args.pop(0)
    if not args or args[0].startswith("-"):
        sys.exit(__doc__)
    sys.exit(with_server(args, bouncer, settings, tcp))


if __name__ == "__main__":
    main()
