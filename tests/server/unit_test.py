"""What systemd says about docs/funicular.service and docs/funicular.socket.
Usage: unit_test.py PROGRAM DOCS [unittest arguments]

Exits with 77 where systemd-analyze is not installed.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest

PROGRAM = DOCS = ""
ANALYZE = shutil.which("systemd-analyze")


def run(*args):
    return subprocess.run([ANALYZE, "--no-pager", *args], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=60, check=False)


class Units(unittest.TestCase):
    def setUp(self):
        self.tmp = tempfile.TemporaryDirectory()
        self.addCleanup(self.tmp.cleanup)

    def unit(self, name, change=lambda text: text):
        """A copy with the program and the manuals of the build."""
        with open(os.path.join(DOCS, name), encoding="utf-8") as f:
            text = f.read()
        self.assertTrue("Exec" not in text or "/usr/bin/funicular" in text)
        text = text.replace("/usr/bin/funicular", PROGRAM)
        text = "".join(l for l in text.splitlines(True)
                       if not l.startswith("Documentation=man:"))
        path = os.path.join(self.tmp.name, name)
        with open(path, "w", encoding="utf-8") as f:
            f.write(change(text))
        return path

    def test_verify(self):
        """No unknown key, no value that is refused, nothing missing."""
        paths = [self.unit("funicular.service"), self.unit("funicular.socket")]
        r = run("verify", *paths)
        ours = [l for l in r.stdout.splitlines() if "funicular" in l]
        self.assertEqual((r.returncode, ours), (0, []), r.stdout)

    def test_verify_sees_mistakes(self):
        path = self.unit("funicular.service", lambda t: t.replace(
            "NoNewPrivileges=yes", "NoNewPrivilege=yes"))
        self.assertIn("NoNewPrivilege", run("verify", path).stdout)

    def test_confinement(self):
        """1.5 or less on systemd's scale of exposure."""
        path = self.unit("funicular.service")
        r = run("security", "--offline=true", "--threshold=15", path)
        self.assertEqual(r.returncode, 0, r.stdout)
        path = self.unit("funicular.service", lambda t: t.replace(
            "CapabilityBoundingSet=\n", "").replace("SystemCallFilter", "#"))
        r = run("security", "--offline=true", "--threshold=15", path)
        self.assertNotEqual(r.returncode, 0, r.stdout)


if __name__ == "__main__":
    PROGRAM, DOCS = sys.argv.pop(1), sys.argv.pop(1)
    if ANALYZE is None:
        print("systemd-analyze is not installed")
        sys.exit(77)
    unittest.main()
