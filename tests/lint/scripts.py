#!/usr/bin/env python3
"""What says in its first line how it is run, can be run: the documents name
scripts as commands."""

import os

import tree


def main():
    tree.verdict(
        ["%s: begins with #! and is not executable" % name
         for name in tree.files()
         if tree.read(name).startswith("#!") and
         not os.access(os.path.join(tree.ROOT, name), os.X_OK)], "scripts")


main()
