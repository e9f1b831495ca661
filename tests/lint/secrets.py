#!/usr/bin/env python3
"""Digests, tokens, nonces and secrets are compared by digest_same() (or
sodium_memcmp()) only: a comparison that ends at the first difference tells how
much of a guess was right."""

import re

import tree

COMPARE = re.compile(
    r"(?<![\w.>])(memcmp|strcmp|strncmp|strcasecmp|bcmp|slice_eq|slice_is|"
    r"slice_cmp|slice_eq_nocase|slice_is_nocase|slice_starts)\s*\(")
SECRET = re.compile(r"\b\w*(digest|token|nonce|secret|passw|hmac|hash|sealed)"
                    r"\w*\b|\bmacs?\b", re.I)

# (file, what is compared) -> why that is no secret
ALLOWED = {
    ("backends/xmpp/sasl.c", "c.nonce, s->nonce"): "we sent it just before",
    ("clients/folder.c", "CLI_HASH_BYTES"): "hash of a file of our own",
    ("clients/folder_apply.c", "CLI_HASH_BYTES"): "hash of a file of our own",
    ("clients/folder_sync.c", "CLI_HASH_BYTES"): "hash of a file of our own",
}


def arguments(text, at):
    """What stands in the parentheses that open at `at`."""
    depth = 0
    for i in range(at, len(text)):
        depth += {"(": 1, ")": -1}.get(text[i], 0)
        if depth == 0:
            return " ".join(text[at + 1:i].split())
    return ""


def main():
    findings, used = [], set()
    for name in tree.files(".c", ".h", under=tree.ROOMS):
        text = tree.code_only(tree.read(name))
        for m in COMPARE.finditer(text):
            args = arguments(text, m.end() - 1)
            found = SECRET.search(args)
            if not found or args.startswith("const "):
                continue
            why = [k for k in ALLOWED if k[0] == name and k[1] in args]
            used.update(why)
            if not why:
                findings.append("%s:%d: %s(%s); use digest_same()" % (
                    name, text[:m.start()].count("\n") + 1, m[1], args))
    findings += ["%s: nothing compares %s any more" % k
                 for k in ALLOWED if k not in used]
    tree.verdict(findings, "comparisons of secrets")


main()
