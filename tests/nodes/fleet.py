"""The fleet (fleet.c) and what it says."""

import json
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor

from cluster import check

NOTHING_BAD = ("failed", "slow")


class Fleet:
    """accounts with so many devices each, and one more that comes late."""

    def __init__(self, build, site, accounts, devices):
        self.site = site
        path = os.path.join(site.room, "devices")
        with ThreadPoolExecutor(4) as pool:
            lines = list(pool.map(lambda a: self.account(a, devices + 1),
                                  range(accounts)))
        with open(path, "w") as f:
            f.write("".join(lines))
        self.errors = open(os.path.join(site.room, "fleet.err"), "w+")
        self.process = subprocess.Popen(
            [os.path.join(build, "tests/nodes/nodes_fleet"), site.url, path],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            stderr=self.errors)

    def account(self, n, devices):
        user = "user%d" % n
        self.site.command("user", "add", user, "--no-password")
        out = []
        for i in range(devices):
            secret = self.site.json("device", "add", user,
                                    "phone %d" % i)["secret"]
            self.site.secrets.append(secret)
            out.append("%s %s\n" % (user, secret))
        return "".join(out)

    def say(self, words):
        self.process.stdin.write(words + "\n")
        self.process.stdin.flush()

    def hear(self):
        line = self.process.stdout.readline()
        check(line, "the fleet ended: %s", self.said())
        return json.loads(line)

    def said(self):
        self.errors.seek(0)
        return self.errors.read()[-3000:]

    def ask(self, words):
        self.say(words)
        return self.hear()

    def judge(self):
        """Everybody has everything once; returns what was compared."""
        r = self.ask("settle")
        check(not any(r[k] for k in NOTHING_BAD), "the last syncs: %r", r)
        check(r["moved"] == 0, "%d items moved when nothing was left to do",
              r["moved"])
        r = self.ask("judge")
        print("  %(items)d items compared: lost %(lost)d, doubled %(doubled)d,"
              " wrong %(wrong)d" % r, flush=True)
        check(r["items"] > 0 and not any(
            r[k] for k in ("lost", "doubled", "wrong", "failed")),
            "items: %r\n%s", r, self.said())
        return r

    def end(self):
        if self.process.poll() is None:
            self.process.stdin.close()
            self.process.wait(60)
        self.process.stdout.close()
        self.errors.close()

    def kill(self):
        self.process.kill()
        self.process.wait()


def tell(what, r):
    print("%s: %d devices, %d syncs in %.1f s (%d sessions, %d messages, %d "
          "items moved): %d messages sent again, %d sessions begun anew, %d "
          "syncs failed, %d slow syncs\n"
          "  message time: p50 %.1f ms, p95 %.1f ms, p99 %.1f ms, max %.1f ms"
          % (what, r["devices"], r["syncs"], r["wall_ms"] / 1000,
             r["sessions"], r["messages"], r["moved"], r["again"],
             r["broken"], r["failed"], r["slow"], r["p50"], r["p95"],
             r["p99"], r["max"]), flush=True)
    if r["broken"] or r["failed"]:
        print("  the last one broke by: " + r["why"], flush=True)
    check(not any(r[k] for k in NOTHING_BAD), "%s: %r", what, r)
