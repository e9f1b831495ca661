"""A daemon, a Dovecot and a server that takes mail, with accounts on them."""

import json
import os
import re
import socket
import subprocess
import sys
import threading
import time

import dovecot
from mailphone import Phone

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.append(os.path.join(HERE, "..", "server"))
sys.path.append("/usr/lib/python3/dist-packages")
from daemon import Daemon  # noqa: E402
from ports import free_port  # noqa: E402
from aiosmtpd.controller import Controller  # noqa: E402

LIMIT_S = float(os.environ.get("TEST_LIMIT", "60"))
PASSWORD = "phone password"


class Failed(Exception):
    pass


def until(what, want, limit=LIMIT_S):
    """Whatever want() gives once it is true; what it waited for, if never."""
    last = time.monotonic() + limit
    while True:
        got = want()
        if got:
            return got
        if time.monotonic() > last:
            raise AssertionError("never: %s" % what)
        time.sleep(0.02)


class Sink:
    """Takes mail. hook(content): before it answers; a text is the answer."""

    def __init__(self):
        self.mails = []
        self.lock = threading.Lock()
        self.hook = None
        self.c = Controller(self, hostname="127.0.0.1",
                            port=free_port())
        self.c.start()
        self.port = self.c.port

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("nobody@"):
            return "550 5.1.1 no such user here"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        with self.lock:
            self.mails.append((session.host_name, envelope.mail_from,
                               list(envelope.rcpt_tos), envelope.content))
        answer = self.hook(server) if self.hook else None
        return answer or "250 OK"

    def close(self):
        self.c.stop()


class Between:
    """On the way to a server. event(way, piece): each piece of the talk, before
    it goes on; ">" is what a client says."""

    def __init__(self, port, event=None):
        self.to, self.event = port, event
        self.said = []  # by the clients, for each connection
        self.s = socket.create_server(("127.0.0.1", 0), backlog=20)
        self.port = self.s.getsockname()[1]
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                c, _ = self.s.accept()
            except OSError:
                return
            try:
                up = socket.create_connection(("127.0.0.1", self.to))
            except OSError:
                c.close()
                continue
            said = bytearray()
            self.said.append(said)
            for way in ((c, up, ">", said), (up, c, "<", None)):
                threading.Thread(target=self.carry, args=way,
                                 daemon=True).start()

    def carry(self, a, b, way, said):
        try:
            while piece := a.recv(65536):
                if said is not None:
                    said += piece
                event = self.event
                if event is not None:
                    event(way, piece)
                b.sendall(piece)
        except OSError:
            pass
        for s in (a, b):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        self.s.close()


class Site:
    """The daemon can be ended and begun again, on one database."""

    def __init__(self, program, imap, sink=None, more="", room=None,
                 store=None, key=None):
        self.program = program
        self.room = room or imap.dir + "/site"
        os.makedirs(self.room, exist_ok=True)
        self.port = free_port()
        master = self.room + "/master"
        with open(master, "w") as f:
            f.write(dovecot.MASTER_PASSWORD + "\n")
        os.chmod(master, 0o600)
        conf = {
            "listen": "127.0.0.1:%d" % self.port,
            "store": store or "sqlite:%s/db" % self.room,
            "state_dir": self.room, "key_file": key or self.room + "/key",
            "alarm_poll": "1", "imap_host": dovecot.HOST, "imap_port": imap.tls_port,
            "imap_ca_file": imap.ca,
        }
        self.imap = imap
        if imap.master:
            conf.update({"imap_master_user": dovecot.MASTER,
                         "imap_master_password_file": master})
        if sink:
            conf.update({"smtp_server": "127.0.0.1:%d" % sink.port,
                         "smtp_tls": "none",
                         "smtp_from": "sync@example.org"})
        for line in more.splitlines():
            conf.pop(line.split(" = ")[0], None)
        self.text = "".join("%s = %s\n" % kv for kv in conf.items()) + more
        self.conf = self.room + "/funicular.conf"
        with open(self.conf, "w") as f:
            f.write(self.text)
        self.daemon = None

    def configure(self, text):
        """From now on, in a daemon begun anew."""
        self.stop()
        self.text = text
        with open(self.conf, "w") as f:
            f.write(text)
        self.start()

    def start(self, env=None):
        self.daemon = Daemon([self.program, "--config"], self.text, env=env,
                             args=["CONF", "serve", "--allow-root"])
        return self

    def stop(self):
        d, self.daemon = self.daemon, None
        if d is not None:
            code = d.stop()
            text = "\n".join(d.lines)
            d.close()
            if code != 0:
                raise AssertionError("the daemon: %d %s" % (code, text))

    def kill(self):
        self.daemon.close()
        self.daemon = None

    def command(self, *args, stdin=None, fails=False):
        r = subprocess.run([self.program, "--config", self.conf] + list(args),
                           input=stdin, capture_output=True, text=True,
                           timeout=LIMIT_S)
        if (r.returncode != 0) != fails:
            raise AssertionError("%s: %d %s%s" % (args, r.returncode, r.stdout,
                                                  r.stderr))
        return r.stdout + r.stderr

    def peak_kb(self):
        """Most memory that the daemon had."""
        with open("/proc/%d/status" % self.daemon.proc.pid) as f:
            return int(re.search(r"VmHWM:\s+(\d+)", f.read())[1])

    def json(self, *args):
        return json.loads(self.command("--json", *args))

    def user(self, name, **keys):
        """An account with mail, and its phone."""
        self.command("user", "add", name, "--password-stdin",
                     stdin=PASSWORD + "\n")
        if not self.imap.master:
            self.imap.user(name)
            self.command("mail", "set", name, "password", "--password-stdin",
                         stdin=self.imap.password + "\n")
        # The first one begins the watch: what it is to hold to comes first.
        keys.setdefault("addresses", name + "@example.org")
        for k, v in keys.items():
            self.command("mail", "set", name, k, v)
        return self.phone(name)

    def phone(self, name, dev="IMEI:1", db="mail"):
        return Phone(dev, name, PASSWORD, db)

    def state(self, name):
        return self.json("mail", "show", name)["state"]

    def done(self, name):
        return self.json("mail", "done", name)
