"""Sec-GPC and DNT: either source suffices, and neither ever grants."""

import json
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfire.model import Signals
from holdfire.visitor import Observatory

VECTORS = Path(__file__).parent / "vectors"
HERE = Observatory()


def rows(name: str) -> list[Any]:
    """The header rows of a vector file."""
    found: list[Any] = json.loads((VECTORS / name).read_text())["header"]
    return found


def heard(gpc: list[str], dnt: list[str], **hints: bool) -> Signals:
    """The signals in a request with these header lines."""
    lines = [(b"sec-gpc", line.encode("latin-1")) for line in gpc]
    lines += [(b"dnt", line.encode("latin-1")) for line in dnt]
    return HERE.describe("203.0.113.9", lines, **hints).signals


@pytest.mark.parametrize("row", rows("gpc.json"), ids=lambda row: repr(row["values"]))
def test_sec_gpc_row(row: dict[str, Any]) -> None:
    """Each row of the vectors; where the expectation is a sentence, the signal counts."""
    assert heard(row["values"], []) == Signals(gpc=bool(row["gpc"]))


@pytest.mark.parametrize("row", rows("dnt.json"), ids=lambda row: repr(row["value"]))
def test_dnt_row(row: dict[str, Any]) -> None:
    """Each row of the vectors: the first character alone is the preference."""
    expected = {1: True, 0: False, None: None}[row["dnt"]]
    assert heard([], [row["value"]]) == Signals(dnt=expected)


@pytest.mark.parametrize(
    ("lines", "dnt"),
    [
        ([], None),
        (["0", "1"], True),
        (["1", "0"], True),
        (["0, 1"], True),
        (["0", "unspecified"], False),
        ([" \t1"], True),
        (["null", ""], None),
    ],
)
def test_of_several_preferences_the_one_that_denies_counts(
    *, lines: list[str], dnt: bool | None
) -> None:
    """``DNT: 1`` anywhere outweighs the rest."""
    assert heard([], lines).dnt is dnt


@pytest.mark.parametrize(("gpc", "gpc_hint"), list(product([[], ["0"], ["1"]], [False, True])))
def test_either_source_of_gpc_suffices(*, gpc: list[str], gpc_hint: bool) -> None:
    """GPC is on if the header or the page says so; a page that does not cannot take it back."""
    assert heard(gpc, [], gpc_hint=gpc_hint).gpc is (gpc_hint or gpc == ["1"])


@pytest.mark.parametrize(("dnt", "dnt_hint"), list(product([[], ["0"], ["1"]], [False, True])))
def test_either_source_of_dnt_suffices(*, dnt: list[str], dnt_hint: bool) -> None:
    """DNT is on if the header or the page says so, also where the header says 0."""
    expected = True if dnt_hint or dnt == ["1"] else False if dnt else None
    assert heard([], dnt, dnt_hint=dnt_hint).dnt is expected


LINES = st.lists(st.text(st.characters(max_codepoint=255), max_size=20), max_size=4)


@settings(deadline=None)
@given(gpc=LINES, dnt=LINES, more=LINES, hint=st.booleans())
def test_more_said_never_denies_less(
    *, gpc: list[str], dnt: list[str], more: list[str], hint: bool
) -> None:
    """Adding lines or hints never turns a signal off; nothing said makes hostile bytes raise."""
    less = heard(gpc, dnt)
    full = heard(gpc + more, dnt + more, gpc_hint=hint, dnt_hint=hint)
    assert full.gpc >= less.gpc
    assert full.dnt is True or less.dnt is not True
