"""What a bundle says of itself: to be read by who has never heard of any of it."""

from html import escape
from itertools import groupby

TEXT = r"""Records of consent, with their proofs
=====================================

What this is
------------

Each folder in records/ is one act of one visitor of a website: a consent, a
refusal, a withdrawal, or an objection. Beside it is the proof that it was
recorded when it says, and has not been changed since, and what the visitor was
shown. All of it can be checked on a machine without a network, and with no
software of ours.

Begin with INDEX.txt, which lists the acts. Then read record.txt in the folder
of the one in question.

The files
---------

In each folder of records/:

- record.txt: the act in plain words. It explains evidence.json. If the two ever
  differ, evidence.json counts.
- evidence.json: what was recorded of the act, byte for byte. It names no person.
- subject.json: what points at the person: a random pseudonym, a shortened
  network address, the kind of browser. It is missing where that was erased.
- evidence.salt, subject.salt: 32 random bytes each. They keep anybody from
  guessing what an entry commits to.
- entry.bin: the entry in the public log, 128 bytes. Bytes 33 to 64 commit to the
  evidence, and bytes 65 to 96 to the subject.
- receipt.tlog-proof: entry, evidence and subject, with the path from the entry
  to the root of the log, and the signed head of the log (C2SP tlog-proof).

Beside them:

- statements/: public statements of the service about itself, each with its
  receipt: which configuration was published, which keys sign, and tombstones,
  which say that something of a record was erased.
- artefacts/: what was on view. Each is named by its SHA-256, which evidence.json
  names too: the texts, the configuration of the site, the boot script, and the
  build of the software in the page.
- policy.txt: whose signatures the receipts rest on (C2SP tlog-policy).
- verify.pyz, verify.html: two verifiers that were written apart from each other,
  one for Python 3.11 or newer, one for a browser.
- SHA256SUMS: the SHA-256 of every other file.

How to check it
---------------

1. That no file was damaged since the bundle was made:

    sha256sum -c SHA256SUMS

2. That the evidence is what the log's entry commits to. In the folder of a
record, with nothing but coreutils, these two lines print the same number:

    { printf 'consent-evidence/v1\n'; cat evidence.salt evidence.json; } | sha256sum
    head -c 64 entry.bin | tail -c 32 | od -An -v -tx1 | tr -d ' \n'; echo

And these two for the person, where that was not erased:

    { printf 'consent-subject/v1\n'; cat subject.salt subject.json; } | sha256sum
    head -c 96 entry.bin | tail -c 32 | od -An -v -tx1 | tr -d ' \n'; echo

3. That the entry is in the signed log. For each receipt this says "verified",
"refuted" or "undecided", and why:

    python3 verify.pyz receipt records/FOLDER/receipt.tlog-proof --policy policy.txt

4. The same in a browser: open verify.html from the disk, and give it the receipt
and policy.txt. Nothing is sent anywhere.

5. That an artefact is what the record names: its SHA-256 is its file name.

    sha256sum artefacts/*

What this proves
----------------

A verified receipt proves that exactly these bytes were in the log by the time
its head was signed, and that neither they nor anything before them has been
altered since. Where the policy names witnesses, it proves too that independent
parties saw the same log, at the times that they state.

Where something of a record was erased, the tombstone proves that it was, and the
receipt that nothing else of the record has changed.

What it does not prove
----------------------

It does not prove who pressed the button. The log knows a pseudonym in a browser.

It does not prove that every act was logged. The service may have left one out,
and only the visitor's own receipt of that act could show it.

It does not prove by itself that the keys in policy.txt are those of the log: the
file comes from the same hands as the rest. Compare it with what the service
publishes at /log/policy, with a policy that the visitor kept, or with what a
witness knows.

Without witnesses in the policy, the times are those of the service's own clock,
and nobody else vouches that everybody was shown the same log.
"""

STYLE = (
    "body{font:1rem/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem}"
    ":root{color-scheme:light dark}"
    "pre{overflow:auto;padding:.7rem;border:1px solid;border-radius:.3rem}"
)
RULES = {"=": "h1", "-": "h2"}


def as_text() -> str:
    """README.txt."""
    return TEXT


def as_html() -> str:
    """README.html: the same, with no script and nothing to load."""
    blocks = TEXT.strip("\n").split("\n\n")
    body = "\n".join(
        f"<ul>{''.join(found)}</ul>" if listed else "\n".join(found)
        for listed, group in groupby(blocks, lambda block: block.startswith("- "))
        for found in [[_element(block) for block in group]]
    )
    title = escape(TEXT.partition("\n")[0])
    return (
        '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width">\n'
        f"<title>{title}</title>\n<style>{STYLE}</style>\n{body}\n</html>\n"
    )


def _element(block: str) -> str:
    lines = block.split("\n")
    if len(lines) > 1 and set(lines[1]) <= set(RULES):
        name = RULES[lines[1][0]]
        return f"<{name}>{escape(lines[0])}</{name}>"
    if block.startswith("    "):
        code = "\n".join(line.removeprefix("    ") for line in lines)
        return f"<pre><code>{escape(code)}</code></pre>"
    if block.startswith("- "):
        items = f"\n{block}".split("\n- ")[1:]
        return "".join(f"<li>{escape(item)}</li>" for item in items)
    return f"<p>{escape(block)}</p>"
