"""Start the daemon on free ports with a temporary directory, and talk to it.

Nothing here sleeps for luck: everything waits for a line, a byte or an end.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

LIMIT = float(os.environ.get("TEST_LIMIT", "30"))
XML = "application/vnd.syncml+xml"


class Failed(Exception):
    """The daemon did not start: .code and .text tell how."""

    def __init__(self, code, text):
        super().__init__("exit %s: %s" % (code, text))
        self.code = code
        self.text = text


class Daemon:
    def __init__(self, program, conf="", env=None, preexec=None, args=()):
        self.dir = tempfile.mkdtemp(prefix="funicular-test-")
        self.conf = os.path.join(self.dir, "funicular.conf")
        self.lines = []
        self.more = threading.Condition()
        self.public = []
        self.admin = ""
        if "listen =" not in conf.replace("admin_listen =", ""):
            conf = "listen = 127.0.0.1:0\n" + conf
        if "admin_listen =" not in conf:
            conf = "admin_listen = 127.0.0.1:0\n" + conf
        self.write(conf)
        self.proc = subprocess.Popen(
            list(program) + [a.replace("CONF", self.conf) for a in args]
            if args else list(program) + [self.conf, "--allow-root"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env=None if env is None else dict(os.environ, **env),
            preexec_fn=preexec, close_fds=preexec is None)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        line = self.proc.stdout.readline()
        if not line.startswith("funicular: ready at "):
            code = self.proc.wait(LIMIT)
            self.reader.join(LIMIT)
            text = "\n".join(self.lines)
            self.close()
            raise Failed(code, text)
        self.ready = line.strip()
        head, _, tail = line.strip().partition(", admin at ")
        self.public = head[len("funicular: ready at "):].split()
        self.admin = tail.split()[0] if tail else ""

    def write(self, conf):
        with open(self.conf, "w", encoding="utf-8") as f:
            f.write(conf)

    def _read(self):
        for line in self.proc.stderr:
            with self.more:
                self.lines.append(line.rstrip("\n"))
                self.more.notify_all()

    def wait_log(self, pattern, after=0):
        """The first line from number `after` on that matches."""
        end = time.monotonic() + LIMIT
        with self.more:
            while True:
                for line in self.lines[after:]:
                    if re.search(pattern, line):
                        return line
                left = end - time.monotonic()
                if left <= 0 or not self.more.wait(left):
                    raise AssertionError("no line %r in %r" % (
                        pattern, self.lines[after:]))

    def port(self, n=0):
        return int(re.search(r":(\d+)/", self.public[n]).group(1))

    def admin_port(self):
        return int(self.admin.rsplit(":", 1)[1])

    def term(self, sig=signal.SIGTERM):
        self.proc.send_signal(sig)

    def wait(self):
        code = self.proc.wait(LIMIT)
        self.reader.join(LIMIT)
        return code

    def stop(self):
        self.term()
        return self.wait()

    def close(self):
        if self.proc.poll() is None:
            self.proc.kill()
            self.proc.wait()
        self.reader.join(LIMIT)
        self.proc.stdout.close()
        self.proc.stderr.close()
        shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, kind, *rest):
        if kind is None and self.proc.poll() is None:
            code = self.stop()
            text = "\n".join(self.lines)
            self.close()
            assert code == 0, "exit %s: %s" % (code, text)
        else:
            self.close()


class Answer:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body

    def get(self, name, default=None):
        values = [v for k, v in self.headers if k == name.lower()]
        assert len(values) < 2, "%s came %d times" % (name, len(values))
        return values[0] if values else default


class Client:
    """One connection, byte by byte."""

    def __init__(self, port, host="127.0.0.1", wrap=None):
        self.began = time.monotonic()  # not after the daemon's clock
        self.sock = socket.create_connection((host, port), LIMIT)
        if wrap is not None:
            self.sock = wrap(self.sock)
        self.left = b""

    def send(self, data):
        self.sock.sendall(data)

    def _more(self):
        data = self.sock.recv(65536)
        self.left += data
        return bool(data)

    def answer(self, head_only=False):
        """The next answer, or None when the connection ends before it."""
        while b"\r\n\r\n" not in self.left:
            try:
                if not self._more():
                    return None
            except (ConnectionResetError, BrokenPipeError):
                return None
        head, self.left = self.left.split(b"\r\n\r\n", 1)
        lines = head.decode("latin-1").split("\r\n")
        status = int(lines[0].split()[1])
        headers = [(k.lower(), v.strip()) for k, v in
                   (line.split(":", 1) for line in lines[1:])]
        if status == 100:
            return self.answer(head_only)
        found = Answer(status, headers, b"")
        n = 0 if head_only else int(found.get("Content-Length"))
        while len(self.left) < n:
            if not self._more():
                raise AssertionError("answer cut off")
        found.body, self.left = self.left[:n], self.left[n:]
        return found

    def ended(self):
        """Wait for the end of the connection; what came before it."""
        try:
            while self._more():
                pass
        except (ConnectionResetError, BrokenPipeError):
            pass
        return self.left

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *rest):
        self.close()


def head(method="POST", path="/sync", headers=(), version="HTTP/1.1"):
    lines = ["%s %s %s" % (method, path, version)]
    lines += ["%s: %s" % h for h in headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def post(body, path="/sync", ctype=XML, more=()):
    if isinstance(body, str):
        body = body.encode()
    return head("POST", path, [("Host", "h"), ("Content-Type", ctype),
                               ("Content-Length", len(body))]
                + list(more)) + body


def ask(port, request, host="127.0.0.1", wrap=None):
    """One request on a connection of its own."""
    with Client(port, host, wrap) as c:
        c.send(request)
        return c.answer(head_only=request.startswith(b"HEAD"))
