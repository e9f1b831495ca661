#!/usr/bin/env python3
"""A Prosody of one's own: on loopback, in a temporary folder, with certificates
that are made for it, under an account that owns nothing else.

    with Prosody() as p:
        p.port, p.component_port, p.ca, p.wrong_ca
        p.kill(); p.start()

By hand: `prosody.py COMMAND...` runs the command with FUNICULAR_TEST_XMPP set
to "HOST:PORT CAFILE" and FUNICULAR_TEST_XMPP_COMPONENT to "HOST:PORT".
"""

import ctypes
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)),
                             "..", "server"))
from ports import free_port  # noqa: E402

LIMIT_S = 60  # to start, on a busy machine
DOMAIN = "example.org"
COMPONENT = "notify.example.org"
PASSWORD = "correct horse"
SECRET = "the component's secret"
USERS = ("alice", "bob", "reminder")

CONF = """pidfile = "{dir}/prosody.pid"
data_path = "{dir}/data"
interfaces = {{ "127.0.0.1" }}
c2s_ports = {{ {port} }}
c2s_direct_tls_ports = {{ }}
s2s_ports = {{ }}
component_interfaces = {{ "127.0.0.1" }}
component_ports = {{ {component_port} }}
http_ports = {{ }}
https_ports = {{ }}
modules_enabled = {{ {modules} }}
modules_disabled = {{ "s2s" }}
authentication = "internal_plain"
c2s_require_encryption = {tls}
storage = "internal"
ssl = {{ certificate = "{dir}/{cert}.pem"; key = "{dir}/{cert}.key"; }}
log = {{ info = "{dir}/log" }}
VirtualHost "{domain}"
Component "{component}"
    component_secret = "{secret}"
"""
MODULES = ("roster", "saslauth", "tls", "disco", "ping", "posix", "offline",
           "presence", "message", "iq", "carbons")


class Failed(Exception):
    pass


def run(*argv):
    r = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                       text=True, timeout=LIMIT_S)
    if r.returncode != 0:
        raise Failed("%s: %s" % (" ".join(argv), r.stdout))


def certificate(folder, name, host):
    """A certificate for a host, signed by nobody but itself."""
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
        "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30", "-keyout",
        "%s/%s.key" % (folder, name), "-out", "%s/%s.pem" % (folder, name),
        "-subj", "/CN=" + host, "-addext", "subjectAltName=DNS:" + host)


def account(names):
    """Whom a daemon runs as when we are root; None: as ourselves."""
    if os.getuid() != 0:
        return None
    for name in names:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            pass
    raise Failed("no account to run as")


def dies_with_us(who):
    def prepare():
        if who is not None:
            os.setgroups([])
            os.setgid(who.pw_gid)
            os.setuid(who.pw_uid)
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)
    return prepare


class Prosody:
    accounts = ("prosody", "nobody")

    def __init__(self, tls=True, cert="good", modules=MODULES, users=USERS):
        self.dir = tempfile.mkdtemp(prefix="funicular-xmpp-")
        self.who = account(self.accounts)
        self.proc = None
        self.port, self.component_port = free_port(), free_port()
        certificate(self.dir, "good", DOMAIN)
        certificate(self.dir, "wrong", "other.example.net")
        self.ca = self.dir + "/good.pem"
        self.wrong_ca = self.dir + "/wrong.pem"
        self.configure(tls, cert, modules)
        folder = "%s/data/%s/accounts" % (self.dir, DOMAIN.replace(".", "%2e"))
        os.makedirs(folder)
        for u in users:
            with open("%s/%s.dat" % (folder, u), "w") as f:
                f.write('return {\n\t["password"] = "%s";\n};\n' % PASSWORD)
        for at, _, files in os.walk(self.dir):
            for name in [at] + [os.path.join(at, f) for f in files]:
                if self.who is not None:
                    os.chown(name, self.who.pw_uid, self.who.pw_gid)

    def configure(self, tls=True, cert="good", modules=MODULES):
        with open(self.dir + "/conf.lua", "w") as f:
            f.write(CONF.format(
                dir=self.dir, port=self.port, cert=cert, domain=DOMAIN,
                component_port=self.component_port, component=COMPONENT,
                secret=SECRET, tls="true" if tls else "false",
                modules=", ".join('"%s"' % m for m in modules
                                  if tls or m != "tls")))

    def command(self):
        if shutil.which("prosody") is None:
            raise Failed("Prosody is not installed: tools/setup.sh test")
        # Always with --config: a bare `prosody` starts the system's own.
        return ["prosody", "--config", self.dir + "/conf.lua", "-F"]

    def environment(self):
        return dict(os.environ)

    def start(self):
        with open(self.dir + "/out", "a") as out:
            self.proc = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stdout=out,
                stderr=out, cwd=self.dir, env=self.environment(),
                preexec_fn=dies_with_us(self.who))
        last = time.monotonic() + LIMIT_S
        for port in (self.port, self.component_port):
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                except OSError:
                    pass
                if self.proc.poll() is not None or time.monotonic() > last:
                    raise Failed("it does not start:\n" + self.log())
                time.sleep(0.02)
        return self

    def log(self):
        text = ""
        for name in ("out", "log"):
            try:
                with open("%s/%s" % (self.dir, name), errors="replace") as f:
                    text += f.read()[-3000:]
            except OSError:
                pass
        return text

    def pause(self):
        """It answers nothing any more, and is still there."""
        self.proc.send_signal(signal.SIGSTOP)

    def resume(self):
        self.proc.send_signal(signal.SIGCONT)

    def kill(self, how=signal.SIGKILL):
        if self.proc is not None:
            self.proc.send_signal(how)
            self.proc.send_signal(signal.SIGCONT)
            self.proc.wait(LIMIT_S)
            self.proc = None
            # Who is killed leaves it, and the next one believes it.
            if os.path.exists(self.dir + "/prosody.pid"):
                os.unlink(self.dir + "/prosody.pid")

    def close(self):
        self.kill()
        shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.close()


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    with Prosody() as p:
        env = dict(os.environ,
                   FUNICULAR_TEST_XMPP="127.0.0.1:%d %s" % (p.port, p.ca),
                   FUNICULAR_TEST_XMPP_COMPONENT="127.0.0.1:%d"
                   % p.component_port)
        sys.exit(subprocess.run(sys.argv[1:], env=env).returncode)


if __name__ == "__main__":
    main()
