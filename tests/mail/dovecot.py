#!/usr/bin/env python3
"""A Dovecot of one's own: on loopback, in a temporary folder, with IMAP, IMAPS
and LMTP, a master user, and certificates that are made for it.

    with Dovecot() as d:
        d.port, d.tls_port, d.ca, d.wrong_ca
        d.deliver("alice", message)
        d.client("alice")    # imaplib, logged in
        d.kill(); d.start()
"""

import email.message
import email.policy
import email.utils
import imaplib
import os
import re
import shutil
import signal
import smtplib
import socket
import subprocess
import sys
import tempfile
import time

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)),
                             "..", "xmpp"))
from prosody import (Failed, account, certificate,  # noqa: E402
                     dies_with_us)
from ports import free_port  # noqa: E402

LIMIT_S = 60
PASSWORD, MASTER, MASTER_PASSWORD = "secret word", "syncd", "mastersecret"
HOST = "localhost"

CONF = """base_dir = {dir}/run
instance_name = fx{port}
log_path = {dir}/log
protocols = imap lmtp
listen = 127.0.0.1
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
first_valid_uid = 1
first_valid_gid = 1
mail_location = maildir:{dir}/mail/%u
mail_max_userip_connections = 3000
ssl = yes
ssl_cert = <{dir}/{cert}.pem
ssl_key = <{dir}/{cert}.key
disable_plaintext_auth = no
auth_mechanisms = plain login
auth_master_user_separator = *
auth_failure_delay = 0
{extra}
passdb {{
  driver = passwd-file
  args = {dir}/masters
  master = yes
  result_success = continue
}}
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={dir}/mail/%u allow_all_users=yes
}}
namespace inbox {{
  inbox = yes
  separator = /
  mailbox Sent {{
    special_use = \\Sent
    auto = create
  }}
  mailbox Drafts {{
    special_use = \\Drafts
    auto = create
  }}
  mailbox Trash {{
    special_use = \\Trash
    auto = create
  }}
}}
protocol imap {{
  imap_capability = {capability}
  imap_idle_notify_interval = 30 mins
}}
service imap-login {{
  chroot =
  service_count = 0
  client_limit = 5000
  process_min_avail = 1
  process_limit = 1
  vsz_limit = 0
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
    ssl = yes
  }}
}}
service imap {{
  process_limit = 3000
  client_limit = 1
}}
service lmtp {{
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {lmtp_port}
  }}
}}
service anvil {{
  chroot =
  client_limit = 12000
}}
service auth {{
  client_limit = 12000
}}
service stats {{
  chroot =
  client_limit = 12000
}}
"""

# What Courier and Cyrus of old do not have.
OLD = "IMAP4rev1 SASL-IR LOGIN-REFERRALS ID IDLE LITERAL+ UIDPLUS"
PLAIN = "IMAP4rev1"


def message(subject="Hello", body="Text\r\n", sender="bob@example.org",
            ident=None, to="alice@example.org"):
    m = email.message.EmailMessage(email.policy.SMTP)
    m["From"], m["To"], m["Subject"] = sender, to, subject
    m["Date"] = email.utils.formatdate()
    m["Message-ID"] = "<%s>" % (ident or email.utils.make_msgid(
        domain="example.org")[1:-1])
    m.set_content(body)
    return m.as_bytes()


class Dovecot:
    master = True  # one who logs in for everybody
    notify, qresync = True, True

    def __init__(self, capability="", cert="good", extra=""):
        # The paths of its sockets have to be short.
        self.dir = tempfile.mkdtemp(prefix="fdc-", dir="/tmp")
        if capability:
            self.notify = self.qresync = False
        self.who = account(("dovenull", "nobody"))
        self.proc = None
        self.port, self.tls_port, self.lmtp_port = (
            free_port(), free_port(), free_port())
        certificate(self.dir, "good", HOST)
        certificate(self.dir, "wrong", "other.example.net")
        self.ca = self.dir + "/good.pem"
        self.wrong_ca = self.dir + "/wrong.pem"
        with open(self.dir + "/masters", "w") as f:
            f.write("%s:{PLAIN}%s\n" % (MASTER, MASTER_PASSWORD))
        os.makedirs(self.dir + "/mail")
        os.makedirs(self.dir + "/run")
        self.configure(capability, cert, extra)
        os.chmod(self.dir, 0o755)
        for at, _, files in os.walk(self.dir):
            for name in [at] + [os.path.join(at, f) for f in files]:
                if self.who is not None:
                    os.chown(name, self.who.pw_uid, self.who.pw_gid)

    def configure(self, capability="", cert="good", extra=""):
        import grp
        import pwd
        who = self.who or pwd.getpwuid(os.getuid())
        with open(self.dir + "/dovecot.conf", "w") as f:
            f.write(CONF.format(
                dir=self.dir, port=self.port, tls_port=self.tls_port,
                lmtp_port=self.lmtp_port, cert=cert, user=who.pw_name,
                group=grp.getgrgid(who.pw_gid).gr_name, extra=extra,
                password=PASSWORD.replace(" ", "_"), capability=capability))

    @property
    def password(self):
        return PASSWORD.replace(" ", "_")

    def start(self):
        if shutil.which("dovecot") is None:
            raise Failed("Dovecot is not installed: tools/setup.sh test")
        with open(self.dir + "/out", "a") as out:
            self.proc = subprocess.Popen(
                ["dovecot", "-F", "-c", self.dir + "/dovecot.conf"],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                cwd=self.dir, preexec_fn=dies_with_us(self.who))
        last = time.monotonic() + LIMIT_S
        for port in (self.port, self.tls_port, self.lmtp_port):
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
                    text += f.read()[-4000:]
            except OSError:
                pass
        return text

    def kill(self):
        """With all its processes: the lines break."""
        if self.proc is None:
            return
        self.proc.send_signal(signal.SIGTERM)
        try:
            self.proc.wait(LIMIT_S)
        except subprocess.TimeoutExpired:
            self.proc.kill()
            self.proc.wait(LIMIT_S)
        self.proc = None

    def close(self):
        self.kill()
        shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.close()

    def deliver(self, user, raw):
        """As its MTA would."""
        with smtplib.LMTP("127.0.0.1", self.lmtp_port) as s:
            s.sendmail("bob@example.org", [user], raw)

    @staticmethod
    def name(folder):
        """What the server calls it."""
        return folder

    def other_uidvalidity(self, user):
        self.kill()
        room = "%s/mail/%s" % (self.dir, user)
        for name in os.listdir(room):
            if name.startswith("dovecot"):
                os.unlink("%s/%s" % (room, name))
        time.sleep(1.1)  # the new one is made of the time
        self.start()

    def mails(self, user, folder="INBOX"):
        """{subject: flags}"""
        c = self.client(user)
        if c.select(self.name(folder), True) == ("OK", [b"0"]) or \
                c.state != "SELECTED":
            return {}
        rows = c.fetch("1:*", "(FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])")[1]
        found = {}
        for r in rows:
            if isinstance(r, tuple):
                flags = re.search(rb"FLAGS \(([^)]*)\)", r[0])[1].decode()
                subject = r[1].decode("latin1").partition(":")[2].strip()
                found[subject] = set(flags.split()) - {"\\Recent"}
        c.logout()
        return found

    def client(self, user):
        c = imaplib.IMAP4("127.0.0.1", self.port)
        c.login(user, self.password)
        return c


if __name__ == "__main__":
    with Dovecot() as d:
        print(d.port, d.tls_port, d.lmtp_port, d.ca, d.log())
        d.deliver("alice", message())
        print(d.client("alice").select())
