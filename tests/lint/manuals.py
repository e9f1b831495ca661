#!/usr/bin/env python3
"""The manual pages are clean. Exit status 77 where mandoc is missing."""

import shutil
import subprocess
import sys

import tree


def main():
    if not shutil.which("mandoc"):
        print("mandoc is not installed")
        sys.exit(77)
    pages = tree.files(".1", ".5", ".7", ".8", under=("docs",))
    findings = [] if pages else ["docs/man: there is no manual page"]
    for name in pages:
        p = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", name],
                           cwd=tree.ROOT, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, text=True)
        # Printed by the program, without a date: builds stay the same.
        findings += [line for line in p.stdout.split("\n")
                     if line and "missing date" not in line]
    tree.verdict(findings, "%d manual pages" % len(pages))


main()
