"""The project's files, for the checks of this folder."""

import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
ROOMS = ("base", "pim", "syncml", "backends", "server", "clients")


def files(*suffixes, under=()):
    """Paths relative to the root of what belongs to the project: what git
    knows or would add; without git, everything but build folders."""
    try:
        out = subprocess.run(
            ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached",
             "--others", "--exclude-standard"],
            cwd=ROOT, check=True, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL).stdout.decode()
        names = [n for n in out.split("\0") if n]
    except (OSError, subprocess.CalledProcessError):
        names = []
        for folder, folders, here in os.walk(ROOT):
            folders[:] = [f for f in folders
                          if f != ".git" and not f.startswith("build")]
            names += [os.path.relpath(os.path.join(folder, n), ROOT)
                      for n in here]
    return sorted(n for n in set(names)
                  if (not suffixes or n.endswith(suffixes)) and
                  (not under or n.split("/")[0] in under) and
                  os.path.isfile(os.path.join(ROOT, n)))


def read(name):
    with open(os.path.join(ROOT, name), encoding="utf-8",
              errors="replace") as f:
        return f.read()


def code_only(text):
    """C text with comments and the insides of strings blanked; line numbers
    stay."""
    def blank(m):
        s = m[0]
        if s[0] in "\"'":
            return s[0] + s[0]
        return "\n" * s.count("\n") or " "
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|'
                  r"'(?:\\.|[^'\\\n])*'", blank, text, flags=re.S)


def verdict(findings, said):
    """Print findings, one line each; the exit status of the check."""
    for f in findings:
        print(f)
    print("%s: %s" % (said, "%d findings" % len(findings) if findings
                      else "nothing to complain about"))
    sys.exit(1 if findings else 0)
