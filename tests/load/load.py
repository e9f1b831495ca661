#!/usr/bin/env python3
"""Hostile traffic against the daemon: many idle connections, slow senders, the
largest message from many at once. Prints figures, and fails where they are
beyond the aims.

usage: load.py FUNICULAR [idle=N] [slow=N] [large=N] [header_time=S] [memory=MB]

Without words it is the full size (10000 1000 100 15 64): build without sanitizers,
and let the machine be quiet. The test run takes small numbers; with sanitizers
memory is printed, but proves nothing.
"""

import base64
import os
import re
import resource
import select
import shutil
import socket
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "e2e"))
from harness import Site, check, until  # noqa: E402

TYPE = "application/vnd.syncml+xml"
LIMIT_S = 60

HEAD = """<SyncML><SyncHdr><VerDTD>1.2</VerDTD><VerProto>SyncML/1.2</VerProto>\
<SessionID>{sid}</SessionID><MsgID>{msg}</MsgID><Target><LocURI>http://h/sync\
</LocURI></Target><Source><LocURI>{dev}</LocURI></Source>{cred}</SyncHdr>\
<SyncBody>"""
CRED = "<Cred><Meta><Type>syncml:auth-basic</Type></Meta><Data>%s</Data></Cred>"
ALERT = """<Alert><CmdID>1</CmdID><Data>201</Data><Item><Target><LocURI>contacts\
</LocURI></Target><Source><LocURI>./C</LocURI></Source><Meta><Anchor><Next>{n}\
</Next></Anchor></Meta></Item></Alert>"""
SYNC = """<Sync><CmdID>1</CmdID><Target><LocURI>contacts</LocURI></Target>\
<Source><LocURI>./C</LocURI></Source>"""
ADD = """<Add><CmdID>{n}</CmdID><Meta><Type>text/x-vcard</Type></Meta><Item>\
<Source><LocURI>{n}</LocURI></Source><Data>BEGIN:VCARD&#13;
VERSION:2.1&#13;
N:Name{n};{dev}&#13;
NOTE:{note}&#13;
END:VCARD&#13;
</Data></Item></Add>"""
END = "<Final/></SyncBody></SyncML>"


def request(path, body):
    body = body.encode()
    return ("POST %s HTTP/1.1\r\nHost: h\r\nContent-Type: %s\r\n"
            "Content-Length: %d\r\n\r\n" % (path, TYPE, len(body))
            ).encode() + body


class Client:
    def __init__(self, port):
        self.sock = socket.create_connection(("127.0.0.1", port), LIMIT_S)
        self.left = b""

    def answer(self):
        """(status, headers, body), or None at the connection's end."""
        try:
            while b"\r\n\r\n" not in self.left:
                data = self.sock.recv(65536)
                if not data:
                    return None
                self.left += data
            head, self.left = self.left.split(b"\r\n\r\n", 1)
            n = int(re.search(rb"(?i)content-length: (\d+)", head)[1])
            while len(self.left) < n:
                self.left += self.sock.recv(65536)
        except ConnectionResetError:
            return None
        body, self.left = self.left[:n], self.left[n:]
        return int(head.split()[1]), head.decode().lower(), body.decode()

    def ask(self, data):
        self.sock.sendall(data)
        return self.answer()

    def close(self):
        self.sock.close()


class Phone:
    """A slow sync of n new contacts."""

    count = 0

    def __init__(self, site, n):
        Phone.count += 1
        self.site, self.n = site, n
        self.dev = "IMEI:%d" % (Phone.count % 8)

    def sync(self):
        Phone.count += 1
        sid = Phone.count
        cred = CRED % base64.b64encode(b"anna:geheim").decode()
        adds = "".join(ADD.format(n=i, dev="x%d" % sid, note="y" * 300)
                       for i in range(2, self.n + 2))
        began = time.monotonic()
        c = Client(self.site.port)
        path = "/sync"
        for msg, (who, text) in enumerate((
                (cred, ALERT.format(n=sid)), ("", SYNC + adds + "</Sync>")), 1):
            a = c.ask(request(path, HEAD.format(
                sid=sid, msg=msg, dev=self.dev, cred=who) + text + END))
            check(a is not None and a[0] == 200, "sync: %r", a)
            path = "/sync?s=" + re.search(r"\?s=([\w-]+)", a[2])[1]
        check(a[2].count("<Data>201</Data>") >= self.n, "not all were taken")
        c.close()
        return time.monotonic() - began

    def best(self, times):
        """The middle of so many syncs, in milliseconds."""
        return 1000 * sorted(self.sync() for _ in range(times))[times // 2]


class Memory:
    def __init__(self, site):
        self.pid = site.process.pid
        self.base = self.now()

    def read(self, key):
        with open("/proc/%d/status" % self.pid) as f:
            return int(re.search(key + r":\s+(\d+) kB", f.read())[1]) / 1024

    def now(self):
        return self.read("VmRSS")

    def reset_peak(self):
        with open("/proc/%d/clear_refs" % self.pid, "w") as f:
            f.write("5")

    def peak(self):
        return self.read("VmHWM")


def metric(site, name):
    text = site.get("/metrics", site.admin_port)[1].decode()
    return float(re.search(r"^%s (\S+)$" % re.escape(name), text, re.M)[1])


def settled(site):
    until(lambda: metric(site, "funicular_connections") == 0,
          "connections are gone", LIMIT_S)


def idle(site, n):
    """n connections that had a request each, and then say nothing."""
    memory = Memory(site)
    get = b"GET /sync HTTP/1.1\r\nHost: h\r\n\r\n"
    held = []
    for _ in range(n):
        c = Client(site.port)
        check(c.ask(get)[0] == 200, "the page")
        held.append(c)
    check(metric(site, "funicular_connections") >= n, "some were closed")
    took = memory.now()
    sync_ms = Phone(site, 50).best(5)
    print("idle:  %5d connections: %.1f MB resident (%.1f MB before), "
          "%.1f kB each; a sync of 50 takes %.1f ms" % (
              n, took, memory.base, 1024 * (took - memory.base) / n, sync_ms))
    for c in held:
        c.close()
    settled(site)
    return took


def slow(site, n, header_s):
    """n connections that send a byte now and then."""
    phone = Phone(site, 50)
    before = phone.best(9)
    held, stop = [], threading.Event()
    began = time.monotonic()
    for _ in range(n):
        s = socket.create_connection(("127.0.0.1", site.port), LIMIT_S)
        s.sendall(b"POST /sync HTTP/1.1\r\nX: ")
        held.append(s)
    opened = time.monotonic()
    late = []

    def trickle():
        poll = select.poll()
        left = {s.fileno(): s for s in held}
        for fd in left:
            poll.register(fd, select.POLLIN | select.POLLHUP)
        beat = time.monotonic()
        while left and time.monotonic() - began < LIMIT_S + header_s:
            for fd, _ in poll.poll(200):
                poll.unregister(fd)
                left.pop(fd).close()
            if time.monotonic() - beat > header_s / 3:
                beat = time.monotonic()
                for s in left.values():
                    try:
                        s.send(b"a")
                    except OSError:
                        pass
        late.append((len(left), time.monotonic()))

    t = threading.Thread(target=trickle)
    t.start()
    during = phone.best(9)
    open_then = metric(site, "funicular_connections")
    t.join()
    stop.set()
    check(late[0][0] == 0, "%d slow ones were never cut", late[0][0])
    last = late[0][1] - opened
    print("slow:  %5d connections, a byte each %.1f s: a sync of 50 takes "
          "%.1f ms (%.1f ms without; %d were open); the last one was cut "
          "%.1f s after it came (header_time %d s)" % (
              n, header_s / 3, during, before, open_then, last, header_s))
    check(last < header_s + 10, "slow ones live too long")
    settled(site)
    return during / before


def large(site, n, wire):
    """n connections, each with the largest message, all at once."""
    memory = Memory(site)
    memory.reset_peak()
    body = HEAD.format(sid=1, msg=1, dev="IMEI:1", cred="") + SYNC
    note, i = "z" * 1000, 2
    while len(body) < wire - 3000:
        body += ADD.format(n=i, dev="d", note=note)
        i += 1
    body += "</Sync>" + END
    data = request("/sync", body + " " * (wire - len(body)))
    results, lock = {}, threading.Lock()
    gate = threading.Barrier(n)

    def one():
        c = Client(site.port)
        half = len(data) // 2
        gate.wait()
        try:
            c.sock.sendall(data[:half])
            gate.wait() # all of them hold half a message now
            c.sock.sendall(data[half:])
            a = c.answer()
        except (BrokenPipeError, ConnectionResetError):
            a = c.answer()
        with lock:
            code = a and a[0]
            results[code] = results.get(code, 0) + 1
            if code == 503:
                check("retry-after:" in a[1], "503 without Retry-After")
        c.close()

    began = time.monotonic()
    threads = [threading.Thread(target=one) for _ in range(n)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    took = time.monotonic() - began
    settled(site)
    peak = memory.peak()
    print("large: %5d messages of %.1f MB at once: %s in %.1f s; peak %.1f MB "
          "resident (%.1f MB before, %.1f MB after)" % (
              n, wire / 1e6, ", ".join("%s times %s" % (v, k) for k, v in
                                       sorted(results.items(), key=str)),
              took, peak, memory.base, memory.now()))
    check(set(results) <= {200, 503}, "other answers: %r", results)
    check(results.get(200, 0) > 0, "nobody was served")
    check(results.get(503, 0) > 0, "no limit of memory was met")
    check(Phone(site, 5).sync() > 0, "no sync afterwards")
    return results, peak


def numbers(words):
    found = {"idle": 10000, "slow": 1000, "large": 100, "header_time": 15,
             "memory": 64}
    for w in words:
        key, _, value = w.partition("=")
        if key not in found or not value.isdigit():
            sys.exit(__doc__)
        found[key] = int(value)
    return found


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    n = numbers(sys.argv[2:])
    full = len(sys.argv) == 2
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    room = tempfile.mkdtemp(prefix="funicular-load-")
    site = Site(sys.argv[1], os.path.join(room, "site"), log_level="warning",
                connections=max(n["idle"], n["slow"], n["large"]) + 100,
                connections_per_address=0, keepalive=600,
                header_time=n["header_time"], max_message=500000,
                body_memory="%d MB" % n["memory"])
    try:
        site.start()
        site.add_user("anna")
        Phone(site, 50).best(3) # warm
        ratio = slow(site, n["slow"], n["header_time"])
        results, peak = large(site, n["large"], 1000000)
        resident = idle(site, n["idle"])
        with open(site.log_path) as f:
            check("zzzz" not in f.read(), "a body is in the log")
        site.stop()
    finally:
        if site.process is not None:
            site.process.kill()
        shutil.rmtree(room, ignore_errors=True)
    # Times and memory of a small run, perhaps with sanitizers, prove nothing.
    if full:
        check(ratio <= 2, "a sync takes %.1f times as long", ratio)
        check(resident <= 128, "%.1f MB for idle connections", resident)
        check(peak < 64 + 4 * 96, "%.1f MB at the most", peak)
    return 0


if __name__ == "__main__":
    sys.exit(main())
