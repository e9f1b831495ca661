#!/usr/bin/env python3
"""What watched mailboxes cost, and what one new mail costs in a large one.

    bench.py watchers FUNICULAR [N]    N mailboxes at a server of our own: memory
                                       of the daemon for each line
    bench.py mailbox FUNICULAR [N]     a Dovecot with N mails in one mailbox: the
                                       first look, a phone's first sync of
                                       100, and a new mail in it and in a
                                       mailbox of 20
"""

import asyncio
import concurrent.futures
import os
import re
import ssl
import subprocess
import sys
import tempfile
import threading
import time

import dovecot
from dovecot import Dovecot, message
from ports import free_port
from stand import Site, until


class Quiet:
    """An IMAP server with one mail in each mailbox, where nothing happens."""

    master = True  # logs in for everybody
    answers = {
        "CAPABILITY": "* CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN IDLE UIDPLUS "
                      "MOVE ENABLE CONDSTORE QRESYNC\r\n",
        "LIST": '* LIST () "/" INBOX\r\n',
        "SELECT": "* 0 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT 1] x"
                  "\r\n* OK [HIGHESTMODSEQ 1] x\r\n",
    }

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="fbe-", dir="/tmp")
        dovecot.certificate(self.dir, "good", dovecot.HOST)
        self.ca = self.dir + "/good.pem"
        self.tls_port, self.idle = free_port(), 0
        threading.Thread(target=lambda: asyncio.run(self.serve()),
                         daemon=True).start()

    async def serve(self):
        c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        c.load_cert_chain(self.ca, self.dir + "/good.key")
        s = await asyncio.start_server(self.talk, "127.0.0.1", self.tls_port,
                                       ssl=c, backlog=500)
        await s.serve_forever()

    async def talk(self, r, w):
        w.write(b"* OK hello\r\n")
        try:
            while True:
                line = (await r.readline()).decode()
                if not line:
                    return
                tag, _, rest = line.strip().partition(" ")
                word = rest.split(" ")[0]
                if word == "IDLE":
                    self.idle += 1
                    w.write(b"+ idling\r\n")
                    await r.readline()
                    self.idle -= 1
                w.write((self.answers.get(word, "") + tag +
                         " OK done\r\n").encode())
        except OSError:
            pass


def rss_kb(pid):
    with open("/proc/%d/status" % pid) as f:
        return int(re.search(r"VmRSS:\s+(\d+)", f.read())[1])


def cpu_ms(site):
    with open("/proc/%d/stat" % site.daemon.proc.pid) as f:
        t = f.read().rsplit(")", 1)[1].split()
    return (int(t[11]) + int(t[12])) * 1000 // os.sysconf("SC_CLK_TCK")


def parallel(jobs):
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda j: j(), jobs))


def watchers(program, n):
    q = Quiet()
    site = Site(program, q)
    site.start()
    until("it runs", lambda: site.daemon.proc.poll() is None)
    time.sleep(2)
    bare = rss_kb(site.daemon.proc.pid)
    site.stop()
    parallel([lambda i=i: (
        site.command("user", "add", "u%d" % i, "--no-password"),
        site.command("mail", "set", "u%d" % i, "on", "yes"))
        for i in range(n)])
    site.start()
    began = time.monotonic()
    until("all are watched", lambda: q.idle == n, 600)
    took = time.monotonic() - began
    time.sleep(3)
    full = rss_kb(site.daemon.proc.pid)
    cpu = cpu_ms(site)
    time.sleep(10)
    print("watchers: %d lines in %.1f s; %d kB with none, %d kB with all: "
          "%.1f kB each (TLS session included); idle: %d ms of processor in "
          "10 s" % (n, took, bare, full, (full - bare) / n,
                    cpu_ms(site) - cpu))
    site.stop()


def fill(d, user, n):
    d.deliver(user, message("first"))
    room = "%s/mail/%s/new" % (d.dir, user)
    now = time.time()
    for i in range(n - 1):
        path = "%s/%d.M%d.x" % (room, now, i)
        with open(path, "wb") as f:
            f.write(message("m%d" % i, ident="m%d@example.org" % i))
        os.utime(path, (now, now - (n - i) * 60))  # when it was received
    subprocess.run(["chmod", "-R", "a+rwX", room], check=True)


def mailbox(program, n):
    with Dovecot() as d:
        site = Site(program, d, more="log_level = debug\n")
        fill(d, "large", n)
        fill(d, "small", 20)
        d.client("large").select()  # its index is Dovecot's own matter
        site.start()
        for user in ("small", "large"):
            known(site, site.user(user, count="1", days="0"))
            began = time.monotonic()
            site.command("mail", "set", user, "count", "0")
            until("the first look", lambda: site.state(user) == "ok", 600)
            print("mailbox of %s: first look at all of it %.1f s, %d kB" % (
                n if user == "large" else 20, time.monotonic() - began,
                rss_kb(site.daemon.proc.pid)))
            first_sync(site, user)
        for user in ("small", "large", "small", "large"):
            took, cpu = [], cpu_ms(site)
            for i in range(20):
                before = count(site, user)
                began = time.monotonic()
                d.deliver(user, message("new %d" % i))
                until("it is here", lambda: count(site, user) > before)
                took.append(time.monotonic() - began)
            print("one new mail in %s: %.1f ms of the daemon's processor, %.0f "
                  "ms from delivery to mirror (Dovecot's included)" % (
                      user, (cpu_ms(site) - cpu) / 20,
                      1000 * sorted(took)[10]))
        site.stop()


def known(site, phone):
    """A phone that wants the newest 100, of which there is one yet."""
    until("a look", lambda: site.state(phone.user) == "ok")
    phone.sync(site.port)
    site.command("device", "set", phone.user, "IMEI:1", "--db", "mail",
                 "--newest", "100")


def first_sync(site, user):
    """It has forgotten all, and begins anew."""
    phone, cpu = site.phone(user), cpu_ms(site)
    began = time.monotonic()
    phone.sync(site.port)
    print("first sync of a phone, newest 100: %d mails, %.2f s, %d ms of the "
          "daemon's processor, %d kB, at most %d kB" % (
              len(phone.got), time.monotonic() - began, cpu_ms(site) - cpu,
              rss_kb(site.daemon.proc.pid), site.peak_kb()))


def count(site, user):
    import sqlite3
    with sqlite3.connect("file:%s/db?mode=ro" % site.room, uri=True) as db:
        return db.execute(
            "SELECT count(*) FROM mail_place p JOIN account a USING "
            "(account_id) WHERE a.user = ?", (user.encode(),)).fetchone()[0] \
            or db.execute(
            "SELECT count(*) FROM mail_place p JOIN account a USING "
            "(account_id) WHERE a.user = ?", (user,)).fetchone()[0]


def main():
    if len(sys.argv) < 3 or sys.argv[1] not in ("watchers", "mailbox"):
        sys.exit(__doc__)
    n = int(sys.argv[3]) if len(sys.argv) > 3 else 0
    if sys.argv[1] == "watchers":
        watchers(sys.argv[2], n or 2000)
    else:
        mailbox(sys.argv[2], n or 20000)


if __name__ == "__main__":
    sys.exit(main())
