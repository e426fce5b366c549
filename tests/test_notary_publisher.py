"""What is signed, when, and what never is."""

import asyncio
import logging
import os
from pathlib import Path

import pytest

from holdfire.errors import LogRefused, StoreUnavailable
from holdfire.ledger import note
from holdfire.ledger.note import Signature
from holdfire.notary.anchor import Anchor
from holdfire.notary.publisher import Publisher
from holdfire.record import Erasure
from house import NOON, Clock
from notaries import ORIGIN, World, sql, world
from postgres import Cluster
from stores import Database, PostgresDatabase, act


async def test_everything_that_was_recorded_is_signed(tmp_path: Path) -> None:
    """The checkpoint has the size and root of the log, and the anchor holds the same note."""
    async with world(tmp_path) as opened:
        for round_ in range(3):
            await opened.grow(5, f"round {round_}")
            (head,) = await opened.store.heads()
            signed = await opened.signed()
            anchored = opened.notary.anchor.of(ORIGIN)

            assert (signed.size, signed.root) == (head.size, head.root)
            assert anchored is not None
            assert anchored.note.encode() == await opened.store.checkpoint(1)
        assert opened.publisher.health.signed_size == 16
        assert opened.publisher.health.oldest_unsigned_seconds == 0


async def test_who_waits_for_a_checkpoint_gets_it_when_it_is_published(tmp_path: Path) -> None:
    """Nobody waits for the next look round; who asks for what is not recorded waits in vain."""
    async with world(tmp_path) as opened:
        running = asyncio.create_task(opened.publisher.run())
        appended = await opened.store.append(act("one", ms=int(NOON * 1000)))
        size = appended.record.log_index + 1

        assert await opened.publisher.signed(1, size, 20)
        assert (await opened.signed()).size >= size
        assert not await opened.publisher.signed(1, size + 1, 0.01)
        running.cancel()


async def test_an_entry_that_is_not_what_was_recorded_is_never_signed(tmp_path: Path) -> None:
    """Each new leaf is opened from its stored bytes before a key touches it."""
    async with world(tmp_path) as opened:
        await opened.grow(2)
        before = await opened.signed()
        await opened.store.append(act("one", ms=int(NOON * 1000)))
        sql(tmp_path, "UPDATE evidence SET body = x'61' WHERE log_index > 2")
        await opened.publisher.step()

        assert opened.refused == f"Entry {before.size} of {ORIGIN} is not what is stored with it."
        with pytest.raises(LogRefused, match="not what is stored"):
            await opened.store.append(act("two", ms=int(NOON * 1000)))
        with pytest.raises(LogRefused):
            await opened.publisher.signed(1, before.size + 1, 5)
        anchored = opened.notary.anchor.of(ORIGIN)
        assert anchored is not None
        assert anchored.size == before.size


CHANGES = {
    "entry": "UPDATE entry SET body = CAST(x'00' || substr(body, 2) AS BLOB) WHERE log_index = {}",
    "entry bit": "UPDATE entry SET body = CAST(substr(body, 1, 127) || x'01' AS BLOB) WHERE log_index = {}",
    "entry gone": "DELETE FROM entry WHERE log_index = {}",
    "salt": "UPDATE evidence SET salt = zeroblob(32) WHERE log_index = {}",
    "subject": "UPDATE subject SET sealed = CAST(substr(sealed, 2) || x'00' AS BLOB) WHERE log_index = {}",
    "subject gone": "DELETE FROM subject WHERE log_index = {}",
    "evidence gone": "DELETE FROM evidence WHERE log_index = {}",
    "root": "UPDATE head SET root = zeroblob(32), beat = beat + 1",
    "frontier": "UPDATE head SET frontier = zeroblob(length(frontier))",
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
async def test_whatever_was_changed_before_it_was_signed_closes_the_fence(
    tmp_path: Path, change: str
) -> None:
    """Bytes, blocks, the head: nothing of it is signed, nor gone on with."""
    async with world(tmp_path) as opened:
        await opened.grow(2)
        before = await opened.signed()
        appended = await opened.store.append(act("one", ms=int(NOON * 1000)))
        sql(tmp_path, change.format(appended.record.log_index))
        await opened.publisher.step()

        assert opened.refused
        assert str(tmp_path) not in opened.refused
        anchored = opened.notary.anchor.of(ORIGIN)
        assert anchored is not None
        assert anchored.size == before.size


async def test_what_was_erased_before_it_was_signed_is_signed(tmp_path: Path) -> None:
    """A tombstone makes the gap a lawful one, for the subject and for the whole record."""
    async with world(tmp_path) as opened:
        for part in ("subject", "record"):
            await opened.store.append(act(part, of=part, ms=int(NOON * 1000)))
            await opened.store.erase(
                Erasure(part=part, why="request", recorded_ms=int(NOON * 1000), site="demo")
            )
        await opened.publisher.step()

        assert opened.refused is None
        (head,) = await opened.store.heads()
        assert (await opened.signed()).size == head.size


async def test_a_clock_behind_the_last_checkpoint_holds_the_next(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """None is dated before one that was signed; it is said once, and acts are recorded meanwhile."""
    async with world(tmp_path) as opened:
        await opened.grow(2)
        before = await opened.signed()
        opened.clock.now -= 3_600
        caplog.clear()
        await opened.grow(2, "an hour ago")
        await opened.publisher.step()

        assert await opened.signed() == before
        assert opened.publisher.health.held == "The clock is behind the last checkpoint."
        assert opened.publisher.health.oldest_unsigned_seconds >= 0
        lines = [r for r in caplog.records if "behind the last checkpoint" in r.message]
        assert [line.levelno for line in lines] == [logging.ERROR]

        opened.clock.now += 3_600
        await opened.publisher.step()
        assert (await opened.signed()).size == before.size + 2
        assert opened.refused is None


async def test_a_clock_far_ahead_is_seen_when_it_is_right_again(tmp_path: Path) -> None:
    """What was signed in ten years is from the future; a new log goes on from today."""
    clock = Clock()
    async with world(tmp_path, clock) as opened:
        await opened.grow(2)
        clock.forward(days=3_652)
        await opened.grow(2, "in ten years")
    clock.now = NOON
    async with world(tmp_path, clock) as again:
        with pytest.raises(LogRefused, match="later than the clock"):
            await again.store.heads()


async def test_a_death_between_anchor_and_store_is_mended_by_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is anchored is published, the same bytes, and nothing else is signed at that size."""
    async with world(tmp_path) as opened:
        await opened.grow(2)
        before = await opened.signed()

        async def die(*_: object) -> None:
            raise StoreUnavailable("gone")

        monkeypatch.setattr(opened.store, "publish", die)
        await opened.grow(3, "unpublished")
        promised = opened.notary.anchor.of(ORIGIN)
        assert promised is not None
        assert promised.size == before.size + 3
        assert (await opened.signed()) == before

    async with world(tmp_path) as again:
        assert await again.store.checkpoint(1) == promised.note.encode()
        assert again.refused is None


def test_a_kill_at_any_moment_leaves_an_anchor_and_a_store_that_agree(tmp_path: Path) -> None:
    """The process is killed in its first, second, … system call that makes a checkpoint durable."""
    for moment in range(8):
        folder = tmp_path / str(moment)
        child = os.fork()
        if child == 0:  # pragma: no cover - it does not come back
            try:
                asyncio.run(grow_until_killed(folder, moment))
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        asyncio.run(goes_on(folder))


async def grow_until_killed(folder: Path, moment: int) -> None:
    """Sign twice, and die in one of the calls that write, replace or make durable."""
    left = moment

    def or_die(name: str) -> None:
        real = getattr(os, name)

        def call(*arguments: object, **more: object) -> object:
            nonlocal left
            if left == 0:
                os.kill(os.getpid(), 9)
            left -= 1
            return real(*arguments, **more)

        setattr(os, name, call)

    async with world(folder) as opened:
        await opened.grow(2)
        for name in ("fsync", "rename", "replace", "open"):
            or_die(name)
        await opened.grow(2, "more")
        await opened.grow(2, "and more")


async def goes_on(folder: Path) -> None:
    """The next start signs all that was recorded."""
    async with world(folder) as again:
        await again.grow(1, "after")
        (head,) = await again.store.heads()
        assert again.refused is None
        assert (await again.signed()).size == head.size


async def test_a_checkpoint_with_cosignatures_is_kept(tmp_path: Path) -> None:
    """What a witness added is published at the same size, and survives the next start."""

    async def witness(encoded: bytes) -> bytes:
        signed = note.parse(encoded)
        line = Signature("witness.example/w", b"wwww", b"c" * 72)
        return note.Note(signed.text, (*signed.signatures, line)).encode()

    async def silent(encoded: bytes) -> bytes:
        raise TimeoutError(str(len(encoded)))

    async with world(tmp_path) as opened:
        opened.notary.on_checkpoint.extend([silent, witness])
        await opened.grow(2)
        assert opened.publisher._cosigning is not None
        await opened.publisher._cosigning
        assert (await opened.signers())[-1] == b"wwww".hex()
        size = (await opened.signed()).size

    async with world(tmp_path) as again:
        await again.publisher.step()
        assert (await again.signed()).size == size
        assert (await again.signers())[-1] == b"wwww".hex()


def publisher_beside(opened: World, anchor: Anchor | None = None) -> Publisher:
    """Another process's publisher, over the same database, keys and anchor."""
    return Publisher(
        opened.store,
        opened.notary.keys,
        anchor or opened.notary.anchor,
        opened.notary.fence,
        host="localhost",
        clock=opened.clock,
    )


async def test_two_publishers_sign_the_same_text(tmp_path: Path, database: Database) -> None:
    """Whoever is quicker: one checkpoint a size, no harm, and nothing is refused."""
    url = database.url if isinstance(database, PostgresDatabase) else ""
    async with world(tmp_path, database=url) as opened:
        other = publisher_beside(opened)
        far = publisher_beside(opened, Anchor(tmp_path / "another machine.json"))
        far._anchor.path.write_bytes(opened.notary.anchor.path.read_bytes())
        far._anchor.path.chmod(0o600)
        for number in range(6):
            await opened.store.append(act(f"act {number}", ms=int(NOON * 1000)))
            await asyncio.gather(opened.publisher.step(), other.step(), far.step())
            await asyncio.gather(opened.publisher.step(), other.step(), far.step())
            (head,) = await opened.store.heads()
            assert (await opened.signed()).size == head.size
            assert opened.refused is None
        mine, theirs = opened.notary.anchor.of(ORIGIN), far._anchor.of(ORIGIN)
        assert mine is not None
        assert theirs is not None
        assert mine.note == theirs.note


async def test_a_database_that_comes_up_late_is_inspected_before_anything_is_signed(
    tmp_path: Path, postgres_cluster: Cluster
) -> None:
    """The service starts without PostgreSQL, signs nothing, and begins when the server is there."""
    url = postgres_cluster.create()
    async with world(tmp_path, database=url) as opened:
        await opened.grow(2)
        before = await opened.signed()
    postgres_cluster.stop()
    try:
        async with world(tmp_path, database=url) as late:
            assert late.publisher.health.held == "The record store does not answer."
            assert not await late.publisher.signed(1, 1, 0.01)
            postgres_cluster.start()
            for _ in range(400):
                await late.publisher.step()
                if late.publisher.health.held is None:
                    break
                await asyncio.sleep(0.02)
            await late.grow(1, "late")
            assert (await late.signed()).size == before.size + 1
            assert late.refused is None
    finally:
        postgres_cluster.stop()
        postgres_cluster.start()


async def test_a_server_that_lost_what_was_signed_is_refused(
    tmp_path: Path, postgres_cluster: Cluster
) -> None:
    """As after a failover to a standby that had not everything yet."""
    urls = [postgres_cluster.create(), postgres_cluster.create()]
    for url in urls:  # the second one begins like an instance that was signed elsewhere
        async with world(tmp_path / url[-6:], database=url) as opened:
            await opened.grow(2 if url is urls[1] else 5)
    async with world(tmp_path / urls[0][-6:], database=urls[1]) as failed_over:
        with pytest.raises(LogRefused, match="brought back from an old copy"):
            await failed_over.store.append(act("one", ms=int(NOON * 1000)))
