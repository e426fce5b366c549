"""``holdfire records``: the records of choices, for people and programs outside."""

import argparse

from holdfire.cli import bundle, exports, retain, show


def add(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The options."""
    records = verbs.add_parser("records", help="work with the records of choices")
    family = records.add_subparsers(required=True, metavar="VERB")
    for verb in (exports, bundle, show, retain):
        verb.add(family)
