#!/usr/bin/env python3
"""Functions fit a screen: 80 lines at most. Files have one subject: 700 lines
at most (tests, which are lists by nature, 1,200)."""

import re

import tree

FUNCTION_MAX = 80
FILE_MAX = 700
TEST_MAX = 1200


def functions(text):
    """(name, first line, lines) of each function: the style puts its name and
    its braces into the first column."""
    name, start = None, 0
    lines = text.split("\n")
    for n, line in enumerate(lines, 1):
        m = re.match(r"([A-Za-z_]\w*)\(", line)
        if m:
            name = m[1]
        elif line == "{" and name:
            start = n
        elif line == "}" and start:
            yield name, start, n - start + 1
            name, start = None, 0


def main():
    findings = []
    for name in tree.files(".c", ".h"):
        text = tree.read(name)
        n = text.count("\n")
        most = TEST_MAX if name.startswith("tests/") else FILE_MAX
        if n > most:
            findings.append("%s: %d lines, at most %d" % (name, n, most))
        for f, at, length in functions(text):
            if length > FUNCTION_MAX:
                findings.append("%s:%d: %s() has %d lines, at most %d" % (
                    name, at, f, length, FUNCTION_MAX))
    tree.verdict(findings, "sizes")


main()
