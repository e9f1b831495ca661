#!/usr/bin/env python3
"""clang-format 14 has nothing to change. Exit status 77 where it is missing."""

import shutil
import subprocess
import sys

import tree


def main():
    tool = shutil.which("clang-format-14") or shutil.which("clang-format")
    if not tool:
        print("clang-format is not installed")
        sys.exit(77)
    findings = []
    for name in tree.files(".c", ".h"):
        p = subprocess.run([tool, "--dry-run", "-Werror", name], cwd=tree.ROOT,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                           text=True)
        if p.returncode != 0:
            findings += [line for line in p.stdout.split("\n")
                         if "error:" in line][:3]
    tree.verdict(findings, "format")


main()
