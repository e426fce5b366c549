"""The keys of the log: who may read them, how they change, and that nothing is lost with them."""

import hashlib
import json
import stat
from pathlib import Path
from typing import Any

import pytest

import ledger_world
from holdfire.errors import ConfigError, HoldfireError
from holdfire.ledger import note
from holdfire.ledger.note import Note, VerifierKey
from holdfire.ledger.scalars import base64
from holdfire.notary.keys import FOLDER, LogKeys
from holdfire.record import Said
from house import Clock
from notaries import ORIGIN, World, world


def keys_in(folder: Path, clock: Clock | None = None, seeds: bytes = b"") -> LogKeys:
    """The keys of a folder, made of other randomness each."""
    numbers = iter(range(256))
    return LogKeys(
        folder / FOLDER,
        lambda size: hashlib.sha256(bytes([next(numbers)]) + seeds).digest()[:size],
        clock or Clock(),
    )


def test_a_key_is_made_once_and_readable_by_its_owner_only(tmp_path: Path) -> None:
    """The folder is 0700, the file 0600, and the next start finds the same key."""
    (made,) = keys_in(tmp_path).ensure(ORIGIN)
    (found,) = keys_in(tmp_path, seeds=b"another").ensure(ORIGIN)

    (path,) = (tmp_path / FOLDER).iterdir()
    assert found.verifier == made.verifier
    assert path.name == "localhost_log_2026.1.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_key_signs_what_its_public_half_verifies(tmp_path: Path) -> None:
    """A note that it signed verifies under the text of its vkey."""
    (key,) = keys_in(tmp_path).ensure(ORIGIN)
    signed = Note("text\n", (key.sign("text\n"),))

    (found,) = note.verify(note.parse(signed.encode()), [VerifierKey.parse(key.verifier.text())])

    assert found.key == key.verifier


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_key_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    """The start stops, and says how to mend it."""
    keys_in(tmp_path).ensure(ORIGIN)
    (path,) = (tmp_path / FOLDER).iterdir()
    path.chmod(mode)

    with pytest.raises(ConfigError, match="chmod 600"):
        keys_in(tmp_path)


def test_a_folder_that_others_can_read_is_refused(tmp_path: Path) -> None:
    """The names of its files tell nothing, but they could be replaced."""
    keys_in(tmp_path).ensure(ORIGIN)
    (tmp_path / FOLDER).chmod(0o750)

    with pytest.raises(ConfigError, match="chmod 700"):
        keys_in(tmp_path)


def test_every_damaged_key_file_is_refused(tmp_path: Path) -> None:
    """Cut off anywhere, or with any byte replaced, it is no key; and its bytes are not repeated."""
    keys_in(tmp_path).ensure(ORIGIN)
    (path,) = (tmp_path / FOLDER).iterdir()
    whole = path.read_bytes()
    damaged = [whole[:end] for end in range(len(whole))]
    damaged += [whole[:i] + b"~" + whole[i + 1 :] for i in range(len(whole))]

    for text in damaged:
        path.write_bytes(text)
        with pytest.raises(ConfigError, match="not a key of the log") as refused:
            keys_in(tmp_path)
        assert "PRIVATE" not in str(refused.value)


def test_of_two_processes_that_make_a_key_at_once_one_does(tmp_path: Path) -> None:
    """Who comes second reads what the first one wrote, also if it looked before that was there."""
    first, second = keys_in(tmp_path), keys_in(tmp_path, seeds=b"another")
    (made,) = first.ensure(ORIGIN)
    (path,) = (tmp_path / FOLDER).iterdir()
    content = path.read_bytes()
    path.unlink()
    second.reload()
    path.write_bytes(content)
    path.chmod(0o600)

    assert [key.verifier for key in second._make(ORIGIN)] == [made.verifier]


def test_rotated_keys_overlap_until_the_old_one_is_retired(tmp_path: Path) -> None:
    """Both sign; then one does, the other's private half is gone from its file, its public stays."""
    clock = Clock()
    keys = keys_in(tmp_path, clock)
    (old,) = keys.ensure(ORIGIN)
    secret = base64(b"\1" + (old.seed or b""))
    new = keys.rotate(ORIGIN)
    assert [key.id for key in keys.signing(ORIGIN)] == [old.id, new.id]

    clock.forward(days=1)
    keys.retire(old.id)

    assert [key.id for key in keys.signing(ORIGIN)] == [new.id]
    assert set(keys.verifiers(ORIGIN)) == {old.verifier, new.verifier}
    everything = "".join(path.read_text() for path in (tmp_path / FOLDER).iterdir())
    assert secret not in everything
    assert "retired 2026-11-22T12:00:00Z" in everything
    assert [key.state for key in keys_in(tmp_path).of(ORIGIN)] == ["verifies only", "signs"]


def test_the_last_key_of_a_log_is_not_retired(tmp_path: Path) -> None:
    """Nobody would sign the log; and a key that is retired is not retired again."""
    keys = keys_in(tmp_path)
    (only,) = keys.ensure(ORIGIN)

    with pytest.raises(HoldfireError, match="keys rotate"):
        keys.retire(only.id)
    keys.rotate(ORIGIN)
    keys.retire(only.id)
    with pytest.raises(HoldfireError, match="keys list"):
        keys.retire(only.id)


def sample_seeds() -> list[bytes]:
    """Keys that anybody has: too simple, of RFC 8032, of the project's own vectors."""
    simple = [bytes([value]) * 32 for value in (0, 1, 0x41, 0xFF)] + [bytes(range(8)) * 4]
    public = [
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "f5e5767cf153319517630f226876b86c8160cc583bc013744c6bf255f5cc0ee5",
        "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
    ]
    vectors = [
        value.private.private_bytes_raw()
        for value in vars(ledger_world).values()
        if isinstance(value, ledger_world.Signer)
    ]
    assert vectors
    return [*simple, *map(bytes.fromhex, public), *vectors]


@pytest.mark.parametrize("seed", sample_seeds(), ids=lambda seed: seed.hex()[:8])
async def test_a_sample_key_closes_the_fence(tmp_path: Path, seed: bytes) -> None:
    """Nothing is signed with a key that anybody has, and the policy file does not trust it."""
    LogKeys(tmp_path / "var" / FOLDER, lambda _: seed, Clock()).ensure(ORIGIN)

    async with world(tmp_path) as opened:
        assert opened.refused == "A key of the log is a sample, which anybody has."
        assert "log " not in opened.notary.policy_text().replace("# ", "")


async def told(opened: World) -> list[Said]:
    """What the log was told of its keys."""
    return [said async for said in opened.store.statements(5)]


def states(said: Said) -> list[Any]:
    """The states in a statement about keys."""
    body = json.loads(said.body)
    assert all(VerifierKey.parse(key["vkey"]) for key in body["keys"])
    assert "PRIVATE" not in said.body.decode()
    return [key["state"] for key in body["keys"]]


async def test_the_log_is_told_of_every_change_to_its_keys(tmp_path: Path) -> None:
    """One statement when the first key is made, at a rotation, at a retirement; none at a restart."""
    async with world(tmp_path) as opened:
        keys = opened.notary.keys
        (old,) = keys.signing(ORIGIN)
        assert [states(said) for said in await told(opened)] == [["signs"]]

        keys_in(tmp_path / "var", opened.clock, b"new").rotate(ORIGIN)  # another process, by hand
        await opened.publisher.step()
        await opened.publisher.step()
        assert len(await opened.signers()) == 2

        keys_in(tmp_path / "var", opened.clock).retire(old.id)
        await opened.publisher.step()
        await opened.publisher.step()
        assert len(await opened.signers()) == 1

    async with world(tmp_path) as again:
        assert [states(said) for said in await told(again)] == [
            ["signs"],
            ["signs", "signs"],
            ["verifies only", "signs"],
        ]


async def test_a_year_turn_signs_the_old_log_to_its_end_and_the_new_one_with_its_own_key(
    tmp_path: Path,
) -> None:
    """Next year's key is made in December and told; each log has a final, or newest, checkpoint."""
    async with world(tmp_path) as opened:
        await opened.grow(3)
        opened.clock.forward(days=20)  # 11 December
        await opened.publisher.step()
        (coming,) = opened.notary.keys.signing("localhost/log/2027")
        assert coming.verifier.text() in (await told(opened))[-1].body.decode()

        opened.clock.forward(days=30)  # 10 January
        await opened.grow(2, "new year")
        first, second = await opened.store.heads()

        assert (await opened.signed(1)).size == first.size
        assert (await opened.signed(2)).size == second.size
        assert (await opened.signed(2)).origin == "localhost/log/2027"
        assert await opened.signers(2) == [coming.id]
        policy = opened.notary.policy_text()
        assert f"log {coming.verifier.text()}\n" in policy
        assert policy.count("\nlog localhost/log/") == 2
