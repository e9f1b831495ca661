#!/usr/bin/env python3
"""Functions that no file of ours calls, and words that no file keeps."""

import re

import tree

# function -> what to use
FUNCTIONS = {
    "strcpy": "arena_cstr(), buf_add()", "strcat": "buf_str()",
    "strncpy": "buf_add()", "strncat": "buf_add()",
    "sprintf": "buf_printf(), snprintf()", "vsprintf": "vsnprintf()",
    "strtok": "slice_split()", "atoi": "slice_i64()", "atol": "slice_i64()",
    "atof": "a parser that reports errors", "gets": "fgets()",
    "alloca": "the arena", "setjmp": "an error return",
    "longjmp": "an error return", "system": "no shell at all",
    "popen": "no shell at all", "rand": "rnd_", "srand": "rnd_",
    "tmpnam": "mkstemp()", "mktemp": "mkstemp()",
}
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b[:(]|"
                        r"/[*/]\s*(TODO|FIXME|XXX|HACK)\b|"
                        r"\b([Ff]or now|[Ss]tub)\b")


def main():
    findings = []
    call = re.compile(r"(?<![\w.>])(%s)\s*\(" % "|".join(FUNCTIONS))
    for name in tree.files(".c", ".h"):
        text = tree.read(name)
        for n, line in enumerate(tree.code_only(text).split("\n"), 1):
            for m in call.finditer(line):
                findings.append("%s:%d: %s(); use %s" % (
                    name, n, m[1], FUNCTIONS[m[1]]))
        for n, line in enumerate(text.split("\n"), 1):
            m = UNFINISHED.search(line)
            if m:
                findings.append("%s:%d: \"%s\"" % (name, n, m[0]))
    tree.verdict(findings, "forbidden functions and words")


main()
