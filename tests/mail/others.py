#!/usr/bin/env python3
"""The tests of mail with other IMAP servers than Dovecot.

    others.py [--roots FOLDER] FUNICULAR cyrus|courier [TEST...]

Debian's servers cannot be installed beside each other: each gets a root of its
own below FOLDER (default: below $TMPDIR), which tests/mail/otherroot.sh makes
when it is first wanted. They run there on loopback; it takes root.
"""

import imaplib
import os
import shutil
import signal
import smtplib
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import dovecot
from dovecot import (Failed, MASTER, MASTER_PASSWORD, certificate,
                     dies_with_us)
from ports import free_port

HERE = os.path.dirname(os.path.abspath(__file__))
LIMIT_S = 60
ROOTS = os.path.join(tempfile.gettempdir(), "funicular-roots")
PACKAGES = {
    "cyrus": ("cyrus-imapd", "sasl2-bin", "libsasl2-modules"),
    "courier": ("courier-imap", "gamin", "courier-authlib-userdb"),
}


class Other:
    """A server in a root of its own; `in_` is how it sees its folder."""

    password = dovecot.PASSWORD.replace(" ", "_")
    kind, notify, qresync, master = "", False, False, True
    prefix = ""
    roots = ROOTS

    def __init__(self):
        self.root = os.path.join(self.roots, self.kind)
        rc = subprocess.run([HERE + "/otherroot.sh", self.root] +
                            list(PACKAGES[self.kind])).returncode
        if rc != 0:
            sys.exit(rc)
        self.dir = tempfile.mkdtemp(prefix="f-", dir=self.root + "/tmp")
        self.in_ = self.dir[len(self.root):]
        os.chmod(self.dir, 0o755)
        self.port, self.tls_port = free_port(), free_port()
        certificate(self.dir, "good", dovecot.HOST)
        self.ca = self.dir + "/good.pem"
        with open(self.ca) as a, open(self.dir + "/good.key") as b, \
                open(self.dir + "/both.pem", "w") as c:
            c.write(a.read() + b.read())
        self.procs, self.users = [], set()
        self.prepare()

    def inside(self, *args, stdin=None):
        r = subprocess.run(["chroot", self.root] + list(args), input=stdin,
                           capture_output=True, text=True, cwd="/")
        if r.returncode != 0:
            raise Failed("%s: %s%s" % (args, r.stdout, r.stderr))
        return r.stdout

    def spawn(self, *args, env=None):
        with open(self.dir + "/out", "a") as out:
            self.procs.append(subprocess.Popen(
                ["chroot", self.root] + list(args), stdin=subprocess.DEVNULL,
                stdout=out, stderr=out, cwd="/", env=env,
                start_new_session=True, preexec_fn=dies_with_us(None)))

    def answers(self, *ports):
        last = time.monotonic() + LIMIT_S
        for port in ports:
            while True:
                try:
                    with socket.create_connection(("127.0.0.1", port), 5) as s:
                        s.settimeout(5)
                        if port == self.tls_port or s.recv(1):
                            break
                except OSError:
                    pass
                if any(p.poll() is not None for p in self.procs) or \
                        time.monotonic() > last:
                    raise Failed("it does not start:\n" + self.log())
                time.sleep(0.05)

    def kill(self):
        for p in self.procs:
            p.send_signal(signal.SIGTERM)
        for p in self.procs:
            try:
                os.killpg(p.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            p.wait(LIMIT_S)
        self.procs = []

    def close(self):
        self.kill()
        shutil.rmtree(self.dir, ignore_errors=True)

    def log(self):
        with open(self.dir + "/out", errors="replace") as f:
            return f.read()[-6000:]

    def name(self, folder):
        return folder if folder == "INBOX" else self.prefix + folder

    def user(self, user):
        self.users.add(user)


# ---- Cyrus -------------------------------------------------------------------

IMAPD = """configdirectory: {d}/conf
partition-default: {d}/mail
defaultpartition: default
proc_path: {d}/proc
mboxname_lockpath: {d}/lock
altnamespace: {alt}
unixhierarchysep: {alt}
servername: localhost
loginrealms: localhost
admins: cyrus
proxyservers: {master}
sasl_pwcheck_method: auxprop
sasl_auxprop_plugin: sasldb
sasl_sasldb_path: {d}/sasldb2
sasl_mech_list: PLAIN LOGIN
allowplaintext: yes
tls_server_cert: {d}/good.pem
tls_server_key: {d}/good.key
autocreate_quota: 0
autocreate_post: yes
autocreate_inbox_folders: Sent|Drafts|Trash
xlist-sent: Sent
xlist-drafts: Drafts
xlist-trash: Trash
lmtpsocket: {d}/lmtp
idlesocket: {d}/idle
notifysocket: {d}/notify
sievedir: {d}/sieve
virtdomains: no
"""

MASTER_CONF = """START {{
  recover cmd="/usr/lib/cyrus/bin/ctl_cyrusdb -C {d}/imapd.conf -r"
  idled cmd="/usr/lib/cyrus/bin/idled -C {d}/imapd.conf"
}}
SERVICES {{
  imap cmd="/usr/lib/cyrus/bin/imapd -C {d}/imapd.conf" \
listen="127.0.0.1:{port}" prefork=0
  imaps cmd="/usr/lib/cyrus/bin/imapd -s -C {d}/imapd.conf" \
listen="127.0.0.1:{tls_port}" prefork=0
  lmtp cmd="/usr/lib/cyrus/bin/lmtpd -a -C {d}/imapd.conf" \
listen="127.0.0.1:{lmtp_port}" prefork=0
}}
EVENTS {{
}}
"""


class Syslog:
    """What it says goes to syslog alone."""

    def __init__(self, path, to):
        if os.path.exists(path):
            os.unlink(path)
        self.s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.s.bind(path)
        os.chmod(path, 0o666)
        self.to = to
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                line = self.s.recv(8192)
            except OSError:
                return
            try:
                with open(self.to, "ab") as f:
                    f.write(line + b"\n")
            except OSError:
                pass

    def close(self):
        self.s.close()


class Cyrus(Other):
    kind, qresync = "cyrus", True
    alt = "no"  # as Debian has it
    prefix = "INBOX."

    def prepare(self):
        self.lmtp_port = free_port()
        fill = {"d": self.in_, "alt": self.alt, "master": MASTER,
                "port": self.port, "tls_port": self.tls_port,
                "lmtp_port": self.lmtp_port}
        for name, text in (("imapd.conf", IMAPD), ("cyrus.conf", MASTER_CONF)):
            with open("%s/%s" % (self.dir, name), "w") as f:
                f.write(text.format(**fill))
        for who in (MASTER, "cyrus"):
            self.inside("saslpasswd2", "-p", "-c", "-f", self.in_ + "/sasldb2",
                        "-u", "localhost", who, stdin=MASTER_PASSWORD)
        for name in ("conf/db", "conf/socket", "mail", "proc", "lock", "sieve"):
            os.makedirs("%s/%s" % (self.dir, name))
        self.inside("chown", "-R", "cyrus:mail", self.in_)
        self.syslog = Syslog(self.root + "/dev/log", self.dir + "/syslog")

    def start(self):
        self.spawn("/usr/lib/cyrus/bin/master", "-C", self.in_ + "/imapd.conf",
                   "-M", self.in_ + "/cyrus.conf", "-p", self.in_ + "/pid")
        self.answers(self.port, self.lmtp_port)
        return self

    def close(self):
        super().close()
        self.syslog.close()

    def log(self):
        text = super().log()
        with open(self.dir + "/syslog", errors="replace") as f:
            return text + f.read()[-6000:]

    def deliver(self, user, raw):
        with smtplib.LMTP("127.0.0.1", self.lmtp_port) as s:
            s.sendmail("bob@example.org", [user], raw)

    def other_uidvalidity(self, user):
        """The mailbox is lost, and what was in it put back."""
        c = self.client(user)
        c.select()
        rows = c.fetch("1:*", "(FLAGS INTERNALDATE BODY.PEEK[])")[1]
        rows = [(imaplib.ParseFlags(r[0]), imaplib.Internaldate2tuple(r[0]),
                 r[1]) for r in rows if isinstance(r, tuple)]
        c.logout()
        admin = self.client("cyrus", "cyrus")
        box = "user" + ("/" if self.alt == "yes" else ".") + user
        admin.setacl(box, "cyrus", "lrswipkxtecda")
        if admin.delete(box)[0] != "OK":
            raise Failed("the mailbox cannot be deleted")
        admin.logout()
        time.sleep(1.1)  # the new one is made of the time
        c = self.client(user)
        for flags, date, raw in rows:
            flags = b" ".join(f for f in flags if f != b"\\Recent").decode()
            c.append("INBOX", "(%s)" % flags, time.mktime(date), raw)
        c.logout()

    def client(self, user, as_=MASTER):
        c = imaplib.IMAP4("127.0.0.1", self.port)
        c.authenticate("PLAIN", lambda _: ("%s\0%s\0%s" % (
            user, as_, MASTER_PASSWORD)).encode())
        c.capabilities = tuple(c.capability()[1][0].decode().split())
        return c


class CyrusUnix(Cyrus):
    """As many administrators set it: folders beside INBOX, "/" between."""
    alt, prefix = "yes", ""


# ---- Courier -----------------------------------------------------------------

class Courier(Other):
    kind, master, prefix = "courier", False, "INBOX."
    uid = 65534  # nobody: Gamin wants a name

    def prepare(self):
        os.makedirs(self.dir + "/mail")
        os.makedirs(self.root + "/run/courier/authdaemon", exist_ok=True)
        with open(self.root + "/etc/courier/authdaemonrc", "w") as f:
            f.write('authmodulelist="authuserdb"\n'
                    'authmodulelistorig="authuserdb"\ndaemons=5\n'
                    'authdaemonvar=/run/courier/authdaemon\n'
                    'DEBUG_LOGIN=0\nDEFAULTOPTIONS=""\nLOGGEROPTS=""\n')
        self.crypt = subprocess.run(
            ["openssl", "passwd", "-6", self.password], capture_output=True,
            text=True, check=True).stdout.strip()
        self.write_users()

    def write_users(self):
        with open(self.root + "/etc/courier/userdb", "w") as f:
            for u in sorted(self.users):
                f.write("%s\tuid=%d|gid=%d|home=%s/mail/%s|mail=%s/mail/%s/"
                        "Maildir|imappw=%s\n" % (
                            u, self.uid, self.uid, self.in_, u, self.in_, u,
                            self.crypt))
        os.chmod(self.root + "/etc/courier/userdb", 0o600)
        self.inside("makeuserdb")

    def user(self, user):
        if user in self.users:
            return
        super().user(user)
        home = "%s/mail/%s" % (self.dir, user)
        os.makedirs(home)
        self.inside("maildirmake.courier", "%s/mail/%s/Maildir" % (
            self.in_, user))
        self.inside("chown", "-R", "%d:%d" % (self.uid, self.uid),
                    "%s/mail/%s" % (self.in_, user))
        self.write_users()

    def start(self):
        env = subprocess.run(
            ["chroot", self.root, "sh", "-c", "set -a; . /etc/courier/imapd; "
             ". /etc/courier/imapd-ssl; exec env -0"], env={
                 "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
            capture_output=True, check=True).stdout
        env = dict(v.split("=", 1) for v in env.decode().split("\0") if v)
        env.update({"TLS_CERTFILE": self.in_ + "/both.pem",
                    "IMAP_ENHANCEDIDLE": "1", "IMAP_TLS": "0",
                    "IMAP_STARTTLS": "NO"})
        self.spawn("/usr/lib/courier/courier-authlib/authdaemond", env=env)
        tcpd = ["/usr/sbin/couriertcpd", "-address=127.0.0.1", "-maxprocs=400",
                "-maxperip=400", "-nodnslookup", "-noidentlookup"]
        login = ["/usr/lib/courier/courier/imaplogin", "/usr/bin/imapd",
                 "Maildir"]
        self.spawn(*tcpd, str(self.port), *login, env=env)
        self.spawn(*tcpd, str(self.tls_port), "/usr/bin/couriertls", "-server",
                   "-tcpd", *login, env=dict(env, IMAP_TLS="1"))
        self.answers(self.port, self.tls_port)
        return self

    def deliver(self, user, raw):
        self.user(user)
        box = "%s/mail/%s/Maildir" % (self.dir, user)
        name = "%d.M%dP%d.x" % (time.time(), time.time_ns() // 1000 % 1000000,
                                os.getpid())
        with open("%s/tmp/%s" % (box, name), "wb") as f:
            f.write(raw.replace(b"\r\n", b"\n"))
        os.chown("%s/tmp/%s" % (box, name), self.uid, self.uid)
        os.rename("%s/tmp/%s" % (box, name), "%s/new/%s" % (box, name))

    def client(self, user):
        self.user(user)
        c = imaplib.IMAP4("127.0.0.1", self.port)
        c.login(user, self.password)
        return c

    def other_uidvalidity(self, user):
        self.kill()
        box = "%s/mail/%s/Maildir" % (self.dir, user)
        os.unlink(box + "/courierimapuiddb")
        time.sleep(1.1)  # the new one is made of the time
        self.start()


# ---- tests -------------------------------------------------------------------

def tests(kinds):
    """Those of Dovecot, each with the servers' names in their own."""
    import test_mail

    suite = unittest.TestSuite()
    for server in kinds:
        for base in (test_mail.TestWay, test_mail.TestSending):
            own = type(base.__name__ + server.__name__, (base,), {
                "server": classmethod(lambda cls, s=server: s()),
                "more": base.more + "imap_poll = 10\n"})
            suite.addTests(unittest.defaultTestLoader.loadTestsFromTestCase(
                own))
    return suite


def chosen(suite, names):
    return unittest.TestSuite(
        t for t in suite if not names or
        any(n in t.id().rsplit(".", 2)[-2:] or n in t.id() for n in names))


def main():
    args = sys.argv[1:]
    if args[:1] == ["--roots"]:
        Other.roots = os.path.abspath(args[1])
        args = args[2:]
    kinds = {"cyrus": (Cyrus, CyrusUnix), "courier": (Courier,)}
    if len(args) < 2 or args[1] not in kinds:
        sys.exit(__doc__)
    if os.getuid() != 0:
        print("others: it takes root", file=sys.stderr)
        return 77
    sys.argv[1:] = [args[0]]
    suite = chosen(tests(kinds[args[1]]), args[2:])
    done = unittest.TextTestRunner(verbosity=2, warnings="ignore").run(suite)
    return 0 if done.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
