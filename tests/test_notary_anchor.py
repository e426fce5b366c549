"""The anchor: whole or not there, one writer at a time, and believed only if it is as written."""

import asyncio
import json
import multiprocessing
import os
import stat
from pathlib import Path

import msgspec
import pytest

from holdfire.ledger.checkpoint import Checkpoint
from holdfire.ledger.note import Note, Signature
from holdfire.notary.anchor import Anchor, AnchorBroken, Anchored
from notaries import ORIGIN, world


def anchored(size: int, *, at_ms: int = 1, root: bytes = b"r" * 32) -> Anchored:
    """A checkpoint as the anchor holds it; the anchor does not look at signatures."""
    text = Checkpoint(ORIGIN, size, root).text()
    note = Note(text, (Signature("somebody", b"1234", b"s" * 64),)).encode().decode()
    return Anchored(1, ORIGIN, size, root, at_ms, note)


def test_what_was_put_in_is_found_again(tmp_path: Path) -> None:
    """In a file of its owner's, by any other process."""
    path = tmp_path / "elsewhere" / "anchor.json"
    assert Anchor(path).read() == ()

    put = Anchor(path).advance(None, anchored(7))

    assert Anchor(path).read() == (put,)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not list(path.parent.glob(".*"))


def test_who_comes_second_is_told_what_stands_there(tmp_path: Path) -> None:
    """A compare-and-swap: nothing is overwritten that was not known."""
    anchor = Anchor(tmp_path / "anchor.json")
    first = anchor.advance(None, anchored(7))

    assert anchor.advance(None, anchored(9)) == first
    assert anchor.advance(anchored(6), anchored(9)) == first
    assert anchor.of(ORIGIN) == first
    assert anchor.advance(first, anchored(9)).size == 9


def climb(path: Path, steps: int) -> None:
    """Count up, again and again from what stands there."""
    anchor, done = Anchor(path), 0
    while done < steps:
        known = anchor.of(ORIGIN)
        new = anchored((known.size if known else 0) + 1, at_ms=os.getpid())
        done += anchor.advance(known, new) == new


def test_two_processes_lose_none_of_each_others_steps(tmp_path: Path) -> None:
    """Every step that was said to be made was made on what stood there."""
    path = tmp_path / "anchor.json"
    context = multiprocessing.get_context("fork")
    others = [context.Process(target=climb, args=(path, 40)) for _ in range(2)]
    for other in others:
        other.start()
    for other in others:
        other.join()

    found = Anchor(path).of(ORIGIN)
    assert found is not None
    assert found.size == 80


def test_an_anchor_that_was_taken_away_is_not_made_anew(tmp_path: Path) -> None:
    """Who knows that something was signed does not begin again from nothing."""
    anchor = Anchor(tmp_path / "anchor.json")
    first = anchor.advance(None, anchored(7))
    anchor.path.unlink()

    with pytest.raises(AnchorBroken):
        anchor.advance(first, anchored(9))


def test_a_damaged_anchor_is_not_believed(tmp_path: Path) -> None:
    """Cut off anywhere it is broken, and no byte of what it says of a log can be changed unseen."""
    anchor = Anchor(tmp_path / "anchor.json")
    whole = anchor.advance(None, anchored(7))
    text = anchor.path.read_bytes()
    for end in range(len(text) - 2):
        anchor.path.write_bytes(text[:end])
        with pytest.raises(AnchorBroken):
            anchor.read()
    # In the time, in a signature, or in what it is called; the start looks at the signature.
    free = {"at_ms", "note", "log"}
    for place, byte in enumerate(text):
        anchor.path.write_bytes(text[:place] + bytes([byte ^ 1]) + text[place + 1 :])
        try:
            (found,) = anchor.read()
        except AnchorBroken:
            continue
        fields = msgspec.structs.asdict(whole)
        changed = {name for name in fields if getattr(found, name) != fields[name]}
        assert changed <= free, text[place - 20 : place + 20]


@pytest.mark.parametrize("mode", [0o620, 0o602])
def test_an_anchor_that_others_may_write_is_not_believed(tmp_path: Path, mode: int) -> None:
    """Who can write the database could then write the anchor to it."""
    anchor = Anchor(tmp_path / "anchor.json")
    anchor.advance(None, anchored(7))
    anchor.path.chmod(mode)

    with pytest.raises(AnchorBroken, match="Others"):
        anchor.read()


@pytest.mark.parametrize("instead", ["nothing", "a file"])
async def test_a_volume_that_goes_away_holds_the_checkpoint(tmp_path: Path, instead: str) -> None:
    """No new anchor is begun in its place; acts are recorded, and signed when it is back."""
    place, kept = tmp_path / "volume", tmp_path / "unmounted"
    async with world(tmp_path, anchor=str(place / "anchor.json")) as opened:
        await opened.grow(2)
        before = await opened.signed()
        place.rename(kept)
        if instead == "a file":
            place.write_text("no folder")

        await opened.grow(2, "meanwhile")
        assert (await opened.signed()) == before
        assert "anchor" in (opened.publisher.health.held or "")
        assert opened.refused is None

        if instead == "a file":
            place.unlink()
        kept.rename(place)
        await opened.publisher.step()
        assert (await opened.signed()).size == before.size + 2
        assert opened.publisher.health.held is None


async def test_the_anchor_is_where_the_setting_says(tmp_path: Path) -> None:
    """Nothing of it is left in the folder of the database."""
    async with world(tmp_path, anchor=str(tmp_path / "else" / "a.json")) as opened:
        await opened.grow(2)
        size = (await opened.signed()).size

    found = json.loads(await asyncio.to_thread((tmp_path / "else" / "a.json").read_text))
    assert found["logs"][0]["size"] == size
    assert not (tmp_path / "var" / "anchor.json").exists()
