"""A Kannel of the test's own, with a fake SMS centre behind it; and what a
phone makes of the octets that arrive there, read without Funicular's help."""

import os
import re
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time
import urllib.parse

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)),
                             os.pardir, "server"))
from ports import free_port  # noqa: E402

LIMIT_S = float(os.environ.get("TEST_LIMIT", "30"))
FAKE = "/usr/lib/kannel/test/fakesmsc"
PROGRAMS = ("bearerbox", "smsbox", "wapbox")
CONF = """group = core
admin-port = %(admin)d
admin-interface = 127.0.0.1
admin-password = bar
admin-deny-ip = "*.*.*.*"
admin-allow-ip = "127.0.0.1"
smsbox-port = %(smsbox)d
smsbox-interface = 127.0.0.1
wapbox-port = %(wapbox)d
box-deny-ip = "*.*.*.*"
box-allow-ip = "127.0.0.1"
sms-resend-freq = 1

group = smsc
smsc = fake
smsc-id = FAKE
port = %(fake)d
connect-allow-ip = 127.0.0.1

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = %(sendsms)d
sendsms-interface = 127.0.0.1
global-sender = 13013

group = sendsms-user
username = tester
password = foobar
concatenation = true
max-messages = 10
user-deny-ip = "*.*.*.*"
user-allow-ip = "127.0.0.1"

group = sms-service
keyword = default
text = "none"
max-messages = 0

group = wapbox
bearerbox-host = 127.0.0.1

group = ppg
ppg-url = /wappush
ppg-port = %(ppg)d
ppg-allow-ip = "127.0.0.1"
concurrent-pushes = 20
users = 1024
trusted-pi = false
service-name = ppg
global-sender = 13013

group = wap-push-user
wap-push-user = sync
ppg-username = ppguser
ppg-password = ppgpass
allow-ip = "127.0.0.1"
"""


def missing():
    """Why it cannot be started here; None: it can."""
    for p in PROGRAMS:
        if not shutil.which(p):
            return "%s is not installed" % p
    return None if os.path.exists(FAKE) else "kannel-extras is not installed"


def wait_for(what, found, limit=LIMIT_S):
    """The first true result of found(); fails after the last moment."""
    end = time.monotonic() + limit
    while True:
        value = found()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError("%s: not within %g s" % (what, limit))
        time.sleep(0.01)


def listens(port):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


class Kannel:
    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="kannel-")
        self.ports = {n: free_port() for n in (
            "admin", "smsbox", "wapbox", "sendsms", "ppg", "fake")}
        self.procs = {}
        self.hold = None
        with open(os.path.join(self.dir, "kannel.conf"), "w",
                  encoding="utf-8") as f:
            f.write(CONF % self.ports)

    def run(self, name, args, stdin=subprocess.DEVNULL):
        with open(os.path.join(self.dir, name + ".log"), "ab") as log:
            self.procs[name] = subprocess.Popen(
                args, stdin=stdin, stdout=log, stderr=log, cwd=self.dir)

    def start(self):
        self.run("bearerbox", ["bearerbox", "-v", "1", "kannel.conf"])
        wait_for("bearerbox", lambda: listens(self.ports["smsbox"]))
        wait_for("the SMS centre's port", lambda: listens(self.ports["fake"]))
        # It ends with its input: a pipe that nobody closes.
        read, self.hold = os.pipe()
        self.run("fakesmsc", [FAKE, "-H", "127.0.0.1", "-r",
                              str(self.ports["fake"])], stdin=read)
        os.close(read)
        self.start_box()
        self.run("wapbox", ["wapbox", "-v", "1", "kannel.conf"])
        wait_for("the proxy gateway", lambda: listens(self.ports["ppg"]))

    def start_box(self):
        self.run("smsbox", ["smsbox", "-v", "1", "kannel.conf"])
        wait_for("sendsms", lambda: listens(self.ports["sendsms"]))

    def stop_one(self, name):
        p = self.procs.pop(name, None)
        if p is not None:
            p.kill()
            p.wait(LIMIT_S)

    def stop(self):
        for name in list(self.procs):
            self.stop_one(name)
        if self.hold is not None:
            os.close(self.hold)
        shutil.rmtree(self.dir, ignore_errors=True)

    def sendsms(self):
        return "http://127.0.0.1:%d/cgi-bin/sendsms" % self.ports["sendsms"]

    def wappush(self):
        return "http://127.0.0.1:%d/wappush" % self.ports["ppg"]

    def log(self, name):
        with open(os.path.join(self.dir, name + ".log"), "rb") as f:
            return f.read().decode("utf-8", "replace")

    def messages(self):
        """What reached the SMS centre: [(to, kind, udh, data)]"""
        out = []
        for line in self.log("fakesmsc").splitlines():
            m = re.search(r"Got message \d+: <(.*)>\s*$", line)
            if not m:
                continue
            word = m[1].split(" ")
            data = [urllib.parse.unquote_to_bytes(w.replace("+", " "))
                    for w in word]
            to, kind = word[1], word[2]
            out.append((to, kind, data[3] if kind == "udh" else b"",
                        data[-1]))
        return out

    def wait_messages(self, n, limit=LIMIT_S):
        wait_for("%d messages at the SMS centre" % n,
                 lambda: len(self.messages()) >= n, limit)
        return self.messages()


# ---- a phone's view ---------------------------------------------------------

def join(parts):
    """The unit of one or several messages: [(udh, data)] of one phone."""
    pieces = {}
    for udh, data in parts:
        assert udh[0] == len(udh) - 1, udh.hex()
        at, total, number = 1, 1, 1
        port = None
        while at < len(udh):
            ie, n = udh[at], udh[at + 1]
            body = udh[at + 2:at + 2 + n]
            if ie == 0x05:
                port, _ = struct.unpack(">HH", body)
            elif ie == 0x00:
                _, total, number = body
            at += 2 + n
        assert port == 2948, "port %s" % port
        assert len(udh) + len(data) <= 140, "too long for an SMS"
        pieces[number] = data
    assert sorted(pieces) == list(range(1, total + 1)), sorted(pieces)
    return b"".join(pieces[n] for n in sorted(pieces))


CODES = {0x4e: "application/vnd.syncml.ds.notification",
         0x44: "application/vnd.syncml.notification",
         0x0303: "application/vnd.syncml+wbxml",
         0x0302: "application/vnd.syncml+xml",
         0x030a: "application/vnd.wap.emn+wbxml"}
APPS = {5: "push.syncml", 7: "syncml.dm", 9: "emn.ua"}


def wsp(unit):
    """(content type, application, body)"""
    assert unit[1] == 6, "no push"
    assert unit[2] < 128
    head, body = unit[3:3 + unit[2]], unit[3 + unit[2]:]
    if head[0] >= 128:
        kind, at = CODES[head[0] - 128], 1
    elif head[0] < 31:
        n = head[1]
        value = int.from_bytes(head[2:2 + n], "big")
        kind, at = CODES[value], 1 + head[0]
    else:
        end = head.index(0)
        kind, at = head[:end].decode(), end + 1
    app = None
    while at < len(head):
        name = head[at] - 128
        if head[at + 1] >= 128:
            value, step = head[at + 1] - 128, 2
        else:
            end = head.index(0, at + 1)
            value, step = head[at + 1:end].decode(), end + 1 - at
        if name == 0x2f:
            app = APPS.get(value, value)
        at += step
    return kind, app, body


STARTS = {6: "", 7: "mailat:", 8: "pop://", 9: "imap://", 10: "http://",
          11: "http://www.", 12: "https://", 13: "https://www."}
VALUES = {0x85: ".com", 0x86: ".edu", 0x87: ".net", 0x88: ".org"}


def emn(data):
    """E-mail notification: {"mailbox": URI, "timestamp": its digits}"""
    assert data[:2] == b"\x02\x0d", "WBXML 1.2, EMN 1.0: " + data.hex()
    assert data[2:4] == b"\x6a\x00", "UTF-8, no table: " + data.hex()
    assert data[4] == 0x85, "emn, with attributes, without content"
    out, at, name = {}, 5, None
    while data[at] != 1:
        if data[at] == 5:
            name, out["timestamp"] = "timestamp", ""
        elif data[at] in STARTS:
            name, out["mailbox"] = "mailbox", STARTS[data[at]]
        elif data[at] in VALUES:
            out[name] += VALUES[data[at]]
        elif data[at] == 3:
            end = data.index(0, at)
            out[name] += data[at + 1:end].decode()
            at = end
        elif data[at] == 0xc3:
            n = data[at + 1]
            out[name] += data[at + 2:at + 2 + n].hex()
            at += 1 + n
        else:
            raise AssertionError("token %02x: %s" % (data[at], data.hex()))
        at += 1
    assert at + 1 == len(data), "octets behind its end"
    # Zeros at its end need not be there.
    out["timestamp"] = out["timestamp"].ljust(14, "0")
    return out


def san(data):
    """Package 0 of SyncML 1.2."""
    bits = int.from_bytes(data[16:23], "big")
    out = {"digest": data[:16], "trigger": data[16:],
           "version": bits >> 46, "ui": bits >> 44 & 3,
           "server_began": bits >> 43 & 1, "future": bits >> 16 & 0x7ffffff,
           "session": bits & 0xffff}
    n = data[23]
    out["server"] = data[24:24 + n].decode()
    at = 24 + n
    count, spare = data[at] >> 4, data[at] & 15
    assert spare == 0
    at += 1
    out["syncs"] = []
    for _ in range(count):
        code, kind = 200 + (data[at] >> 4), int.from_bytes(
            data[at + 1:at + 4], "big")
        n = data[at + 4]
        out["syncs"].append((code, kind, data[at + 5:at + 5 + n].decode()))
        at += 5 + n
    assert at == len(data), "octets behind its end"
    return out
