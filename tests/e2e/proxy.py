"""A proxy that loses what it is told to lose.

It stands between SyncEvolution and the daemon, counts the messages of HTTP and
cuts the connection before or after the n-th reached the daemon. Everything else
goes through byte for byte.
"""

import http.client
import http.server
import threading

HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}


class CuttingProxy:
    """lose: function(n, when) -> bool, n counted from 1, when "request"
    (the daemon never sees it) or "reply" (the client never sees it)."""

    def __init__(self, port, lose=lambda n, when: False):
        self.port_behind, self.lose = port, lose
        self.count, self.lost = 0, []
        self.lock = threading.Lock()
        self.server = http.server.ThreadingHTTPServer(
            ("127.0.0.1", 0), self.handler())
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever,
                                       kwargs={"poll_interval": 0.05})
        self.thread.start()

    @property
    def url(self):
        return "http://127.0.0.1:%d/sync" % self.port

    def close(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def handler(proxy):  # the class's methods have a self of their own
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(
                    int(self.headers.get("Content-Length", 0)))
                with proxy.lock:
                    proxy.count += 1
                    n = proxy.count
                if proxy.lose(n, "request"):
                    proxy.lost.append((n, "request"))
                    self.close_connection = True
                    return
                status, headers, answer = proxy.forward(self, body)
                if proxy.lose(n, "reply"):
                    proxy.lost.append((n, "reply"))
                    self.close_connection = True
                    return
                self.send_response(status)
                for key, value in headers:
                    if key.lower() not in HOP:
                        self.send_header(key, value)
                self.send_header("Content-Length", str(len(answer)))
                try:
                    self.end_headers()
                    self.wfile.write(answer)
                except OSError:  # the client was killed
                    self.close_connection = True

            def log_message(self, *args):
                pass

        return Handler

    def forward(self, request, body):
        c = http.client.HTTPConnection("127.0.0.1", self.port_behind,
                                       timeout=60)
        try:
            headers = {k: v for k, v in request.headers.items()
                       if k.lower() not in HOP}
            c.request("POST", request.path, body, headers)
            r = c.getresponse()
            return r.status, r.getheaders(), r.read()
        except OSError:
            return 502, [], b""
        finally:
            c.close()
