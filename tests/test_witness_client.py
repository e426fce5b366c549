"""How a log is cosigned: what witnesses are asked, and what is believed of their answers."""

import asyncio
import datetime as dt
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from holdfire.errors import ConfigError, LogRefused
from holdfire.ledger import checkpoint, note
from holdfire.ledger.note import COSIGNATURE, VerifierKey
from holdfire.ledger.submission import Submission, parse
from holdfire.notary.cosigning import Cosigning
from holdfire.notary.posting import Answer, Unanswered, post
from holdfire.notary.receipts import Receipts
from holdfire.settings import load
from holdfire.settings.witness import quorum_of, read
from holdfire.store import Store
from house import NOON, Clock
from ledger_world import Signer, signer
from notaries import ORIGIN, World, audit, sql, world
from stores import act
from witnesses import Witness, witness

SIZE = "text/x.tlog.size"
ALL = ("group both all a b", "quorum both")
BETWEEN = 10.0


@dataclass
class Network:
    """Witnesses by their addresses, and what they were asked."""

    witnesses: dict[str, Callable[[bytes], Answer]] = field(default_factory=dict)
    asked: list[tuple[str, Submission]] = field(default_factory=list)

    async def post(self, url: str, body: bytes) -> Answer:
        """Ask one of them."""
        name = url.removeprefix("https://").partition("/")[0]
        self.asked.append((name, parse(body)))
        found = self.witnesses[name]
        if isinstance(found, Honest):
            answer = await found.witness.cosigner.add_checkpoint(body)
            return Answer(answer.status, answer.media_type, answer.body.encode())
        return found(body)

    @property
    def steps(self) -> list[tuple[str, int, int]]:
        """Who was asked to go on from which size to which."""
        return [(name, asked.old, asked.head.size) for name, asked in self.asked]


@dataclass
class Honest:
    """A witness that does as it should."""

    witness: Witness

    def __call__(self, body: bytes) -> Answer:
        """It is asked as a coroutine."""
        raise NotImplementedError  # `Network` hands it to its witness; nobody else may call it


@dataclass
class Cosigned:
    """An instance with its witnesses a and b, which a test may replace by liars."""

    log: World
    network: Network
    keys: dict[str, VerifierKey]
    moment: list[float]
    quorum: tuple[str, ...]

    def client(self) -> Cosigning:
        """Who takes its checkpoints to them; each new one knows nothing yet."""
        texts = [f"{name} {key.text()} https://{name}/w" for name, key in self.keys.items()]
        return Cosigning(
            [read(text) for text in texts],
            quorum_of(texts, self.quorum),
            self.log.store,
            self.log.notary.fence,
            between=BETWEEN,
            clock=self.log.clock,
            monotonic=lambda: self.moment[0],
            post=self.network.post,
        )

    async def ask(self, client: Cosigning) -> None:
        """Take the newest checkpoint to the witnesses, once."""
        stored = await self.log.store.checkpoint(1)
        assert stored is not None
        assert await client(stored) == stored
        await client.step()

    async def signers(self, *, cosigned: bool) -> tuple[int, set[str]]:
        """Size of the newest checkpoint, and who cosigned it; size 0 if there is none."""
        stored = await self.log.store.checkpoint(1, cosigned=cosigned)
        if stored is None:
            return 0, set()
        signed = note.parse(stored)
        names = {key: name for name, key in self.keys.items()}
        found = note.verify(signed, [*self.log.notary.keys.verifiers(ORIGIN), *names])
        return checkpoint.parse(signed.text).size, {names[s.key] for s in found if s.key in names}


@asynccontextmanager
async def cosigned(folder: Path, quorum: tuple[str, ...] = ()) -> AsyncIterator[Cosigned]:
    """An instance with one entry and two honest witnesses that have not been asked yet."""
    async with world(folder) as log:
        await log.grow(1)
        vkeys = [key.text() for key in log.notary.keys.verifiers(ORIGIN)]
        network, keys = Network(), {}
        with ExitStack() as stack:
            for name in ("a", "b"):
                found = stack.enter_context(
                    witness(folder / name, vkeys, name=f"{name}.example", clock=log.clock)
                )
                network.witnesses[name] = Honest(found)
                keys[name] = found.cosigner.key.verifier
            yield Cosigned(log, network, keys, [0.0], quorum)


async def test_every_checkpoint_is_cosigned_by_all(tmp_path: Path) -> None:
    """Each goes on from the one before, by a proof from the store's tiles."""
    async with cosigned(tmp_path, ALL) as made:
        client = made.client()
        for more in (1, 5, 250, 300):
            await made.log.grow(more)
            await made.ask(client)
            size = (await made.log.signed()).size
            assert await made.signers(cosigned=False) == (size, {"a", "b"})
            assert await made.signers(cosigned=True) == (size, {"a", "b"})
        assert len(made.network.asked) == 2 * 4


async def test_the_size_of_a_witness_is_learnt_from_it(tmp_path: Path) -> None:
    """Who starts anew asks from 0, is told the size, and goes on from there."""
    async with cosigned(tmp_path) as made:
        await made.ask(made.client())
        before = (await made.log.signed()).size
        await made.log.grow(3)
        after = (await made.log.signed()).size
        made.network.asked.clear()
        await made.ask(made.client())

        steps = [(old, new) for name, old, new in made.network.steps if name == "a"]
        assert steps == [(0, after), (before, after)]
        assert await made.signers(cosigned=True) == (after, {"a", "b"})


async def test_a_lost_answer_is_asked_for_again(tmp_path: Path) -> None:
    """The witness has cosigned and its answer got lost: it is asked to sign the same once more."""
    async with cosigned(tmp_path) as made:
        honest = made.network.witnesses["a"]
        stored = await made.log.store.checkpoint(1)
        assert isinstance(honest, Honest)
        assert stored is not None
        await honest.witness.cosigner.add_checkpoint(b"old 0\n\n" + stored)
        await made.ask(made.client())
        size = (await made.log.signed()).size

        assert [s for s in made.network.steps if s[0] == "a"] == [("a", 0, size), ("a", size, size)]
        assert await made.signers(cosigned=True) == (size, {"a", "b"})


async def test_what_is_cosigned_is_not_asked_for_again(tmp_path: Path) -> None:
    """Only who starts anew asks once more: a witness may know of a longer log."""
    async with cosigned(tmp_path) as made:
        client, again = made.client(), made.client()
        await made.ask(client)
        await client.step()
        await made.ask(client)
        assert len(made.network.asked) == 2

        await made.ask(again)
        asked = len(made.network.asked)
        await made.ask(again)
        assert len(made.network.asked) == asked == 2 + 2 * 2


async def test_only_the_newest_checkpoint_is_taken_to_them(tmp_path: Path) -> None:
    """What was signed between two rounds is covered by what was signed last."""
    async with cosigned(tmp_path) as made:
        client = made.client()
        for _ in range(5):
            await made.log.grow(1)
            stored = await made.log.store.checkpoint(1)
            assert stored is not None
            await client(stored)
        await client.step()

        size = (await made.log.signed()).size
        assert sorted(made.network.steps) == [("a", 0, size), ("b", 0, size)]


async def test_each_log_is_cosigned_as_it_ended(tmp_path: Path) -> None:
    """After the turn of the year, the old log's last checkpoint is cosigned like the new one's."""
    clock = Clock(NOON + 35 * 86_400)  # in December, when the next year's key is made
    async with world(tmp_path, clock) as log:
        await log.grow(2)
        vkeys = [key.verifier.text() for key in log.notary.keys.all]
        with witness(tmp_path / "a", vkeys, clock=clock) as found:
            network = Network({"a": Honest(found)})
            made = Cosigned(log, network, {"a": found.cosigner.key.verifier}, [0.0], ())
            client = made.client()
            log.notary.on_checkpoint.append(client)
            await log.store.append(act("the last", of="ann", ms=int(clock() * 1000)))
            clock.forward(days=10)
            await log.grow(3)
            assert log.publisher._cosigning is not None
            await log.publisher._cosigning
            await client.step()

            heads = {head.origin: head.size for head in await log.store.heads()}
            assert len(heads) == 2
            assert found.sizes() == heads


# ---------------------------------------------------------------- witnesses that lie


def signed_by(key: Signer, body: bytes, time: int | None = None, text: str = "") -> bytes:
    """A cosignature on what was asked for, or on another text."""
    return key.sign(text or parse(body).note.text, time).line().encode()


MALLORY = signer("mallory.example", COSIGNATURE)
OTHER = signer("other.example", COSIGNATURE)


def raises(_: bytes) -> Answer:
    """No answer."""
    raise Unanswered("no answer in time")


LIES: dict[str, Callable[[bytes], Answer]] = {
    "nothing": lambda _: Answer(200, "", b""),
    "garbage": lambda _: Answer(200, "", b"\xff\x00 garbage"),
    "a page": lambda _: Answer(200, "text/html", b"<html>\n"),
    "another key": lambda body: Answer(200, "", signed_by(OTHER, body)),
    "another text": lambda body: Answer(200, "", signed_by(MALLORY, body, text="x\n")),
    "the future": lambda body: Answer(200, "", signed_by(MALLORY, body, int(NOON) + 3_600)),
    "a broken line": lambda body: Answer(200, "", signed_by(MALLORY, body)[:-2]),
    "one good, one bad": lambda body: Answer(
        200, "", signed_by(MALLORY, body, text="x\n") + signed_by(MALLORY, body)
    ),
    "a redirect": lambda _: Answer(302, "", b""),
    "unknown": lambda _: Answer(404, "", b""),
    "forbidden": lambda _: Answer(403, "", b""),
    "an error": lambda _: Answer(500, "", b""),
    "another history": lambda _: Answer(422, "", b""),
    "no size": lambda _: Answer(409, SIZE, b"many\n"),
    "no end": lambda _: Answer(409, SIZE, b"1"),
    "no type": lambda _: Answer(409, "text/plain", b"1\n"),
    "a negative size": lambda _: Answer(409, SIZE, b"-1\n"),
    "the same size": lambda body: Answer(409, SIZE, b"%d\n" % parse(body).old),
    "any size": lambda body: Answer(409, SIZE, b"%d\n" % (parse(body).old + 1)),
    "silence": raises,
}


@pytest.mark.parametrize("lie", LIES)
async def test_a_witness_that_lies_changes_nothing(tmp_path: Path, lie: str) -> None:
    """Its answer is dropped, the other one's counts, and the log goes on."""
    async with cosigned(tmp_path, ("group one any a b", "quorum one")) as made:
        await made.log.grow(8)
        made.keys["a"], made.network.witnesses["a"] = MALLORY.key, LIES[lie]
        await made.ask(made.client())

        size = (await made.log.signed()).size
        assert await made.signers(cosigned=False) == (size, {"b"})
        assert await made.signers(cosigned=True) == (size, {"b"})
        assert len(made.network.asked) <= 1 + 4
        assert made.log.refused is None
        await made.log.grow(1)


async def test_lines_of_unknown_keys_are_left_out(tmp_path: Path) -> None:
    """Of several lines in an answer, the one by the known key is taken, and no other."""
    async with cosigned(tmp_path) as made:
        made.keys["a"] = MALLORY.key
        made.network.witnesses["a"] = lambda body: Answer(
            200, "", signed_by(OTHER, body) + signed_by(MALLORY, body)
        )
        await made.ask(made.client())
        stored = await made.log.store.checkpoint(1)

        assert stored is not None
        assert {s.name for s in note.parse(stored).signatures} == {
            ORIGIN,
            "b.example",
            "mallory.example",
        }


async def test_who_does_not_cosign_is_asked_less_and_less(tmp_path: Path) -> None:
    """The pause doubles with each failure, up to ten minutes, and ends with a success."""
    async with cosigned(tmp_path) as made:
        honest = made.network.witnesses["a"]
        made.network.witnesses["a"] = raises
        client, asked = made.client(), []
        await made.ask(client)
        for _ in range(200):
            made.moment[0] += BETWEEN
            before = len(made.network.asked)
            await client.step()
            asked += [made.moment[0]] * (len(made.network.asked) - before)
        pauses = [b - a for a, b in zip([0.0, *asked], asked, strict=False)]

        assert pauses == [20.0, 40.0, 80.0, 160.0, 320.0, 600.0, 600.0]
        made.network.witnesses["a"] = honest
        made.moment[0] += 600
        await client.step()
        assert (await made.signers(cosigned=True))[1] == {"a", "b"}


async def test_without_a_quorum_nothing_counts_as_cosigned(tmp_path: Path) -> None:
    """What one of two has cosigned is kept, and an older one that both have counts for more."""
    async with cosigned(tmp_path, ALL) as made:
        client = made.client()
        await made.ask(client)
        before = (await made.log.signed()).size
        await made.log.grow(2)
        made.network.witnesses["a"] = raises
        await made.ask(client)

        assert await made.signers(cosigned=False) == (before + 2, {"b"})
        assert await made.signers(cosigned=True) == (before, {"a", "b"})


async def test_a_receipt_rests_on_a_cosigned_checkpoint_if_one_has_it(tmp_path: Path) -> None:
    """An entry that no cosigned one has yet gets the newest; later it gets the cosigned one."""
    async with cosigned(tmp_path, ALL) as made:
        receipts = Receipts(made.log.store, made.log.publisher.signed)
        client = made.client()
        await made.ask(client)
        old = (await made.log.signed()).size
        await made.log.grow(2)
        new = (await made.log.signed()).size

        sizes = [(await receipts.receipt(1, i)).head()[0].size for i in (old - 1, old, new - 1)]
        await made.ask(client)
        later = [(await receipts.receipt(1, i)).head()[0].size for i in (old - 1, old, new - 1)]

        assert sizes == [old, new, new]
        assert later == [new, new, new]


async def test_a_damaged_cosigned_checkpoint_is_found(tmp_path: Path) -> None:
    """``holdfire log fsck`` looks at the one that receipts rest on, too."""
    async with cosigned(tmp_path) as made:
        await made.ask(made.client())
    assert await audit(tmp_path) == []

    sql(tmp_path, "UPDATE cosigned SET note = CAST(replace(note, '— l', '— k') AS BLOB)")
    assert [found.origin for found in await audit(tmp_path)] == [ORIGIN]


# ---------------------------------------------------------------- a longer log


async def test_a_witness_that_knows_a_longer_log_stops_everything(tmp_path: Path) -> None:
    """It is asked twice; then nothing is read or written any more, and the reason names it."""
    async with cosigned(tmp_path) as made:
        made.network.witnesses["a"] = lambda _: Answer(409, SIZE, b"1000\n")
        await made.ask(made.client())

        assert [step[0] for step in made.network.steps].count("a") == 2
        assert made.log.refused == (
            f"The witness a has cosigned 1000 entries of {ORIGIN}, and there are fewer here."
        )
        with pytest.raises(LogRefused):
            await made.log.store.heads()


async def test_a_longer_log_said_only_once_is_not_believed(tmp_path: Path) -> None:
    """Asked again it says otherwise: the log goes on, and is cosigned."""
    async with cosigned(tmp_path) as made:
        honest, said = made.network.witnesses["a"], [b"1000\n"]

        def once(_: bytes) -> Answer:
            made.network.witnesses["a"] = honest
            return Answer(409, SIZE, said.pop())

        made.network.witnesses["a"] = once
        await made.ask(made.client())

        assert made.log.refused is None
        assert (await made.signers(cosigned=True))[1] == {"a", "b"}


async def test_what_another_process_was_quicker_with_is_no_longer_log(tmp_path: Path) -> None:
    """The witness knows more than this checkpoint has, and no more than is stored."""
    async with cosigned(tmp_path) as made:
        slow = made.client()
        stored = await made.log.store.checkpoint(1)
        assert stored is not None
        await slow(stored)
        await made.log.grow(4)
        await made.ask(made.client())
        await slow.step()

        assert made.log.refused is None
        await made.ask(slow)
        assert (await made.signers(cosigned=True))[1] == {"a", "b"}


async def test_while_the_store_is_away_nobody_is_asked(tmp_path: Path) -> None:
    """The round is lost, and nothing else."""
    async with cosigned(tmp_path) as made:
        client = made.client()
        stored = await made.log.store.checkpoint(1)
        assert stored is not None
        await client(stored)
        await made.log.store.close()
        await client.step()

        assert made.network.asked == []


# ---------------------------------------------------------------- over the network


@asynccontextmanager
async def answering(
    *parts: bytes, context: ssl.SSLContext | None = None, leave_open: bool = False
) -> AsyncIterator[tuple[int, list[bytes]]]:
    """A server that says these parts, whatever it is asked: its port, and what it heard."""
    heard: list[bytes] = []
    tasks: list[asyncio.Task[None] | None] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.append(asyncio.current_task())
        with suppress(asyncio.IncompleteReadError, OSError):
            heard.append(await reader.readuntil(b"BODY"))
            for part in parts:
                writer.write(part)
            await writer.drain()
            if leave_open:
                await reader.read()
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1], heard
    finally:
        server.close()
        await asyncio.gather(*filter(None, tasks))


OK = b"HTTP/1.1 200 OK\r\n"


async def test_a_post_is_one_plain_request() -> None:
    """Address, length and body; the answer may come whole, in chunks, or end with the connection."""
    answers = (
        OK + b"Content-Type: text/plain\r\nContent-Length: 4\r\n\r\nline",
        OK
        + b"content-type: text/plain\r\ntransfer-encoding: chunked\r\n\r\n4\r\nline\r\n0\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\n\r\n" + OK + b"content-type: text/plain\r\n\r\nline",
    )
    for answer in answers:
        async with answering(answer) as (port, heard):
            got = await post(f"http://127.0.0.1:{port}/w/add-checkpoint", b"BODY")
            assert got == Answer(200, "text/plain", b"line")
            assert heard[0].startswith(b"POST /w/add-checkpoint HTTP/1.1\r\n")
            assert b"host: 127.0.0.1:%d\r\n" % port in heard[0].lower()


async def test_a_redirect_is_not_followed() -> None:
    """It is an answer like any other."""
    async with answering(b"HTTP/1.1 307 X\r\nlocation: http://127.0.0.1:1/\r\n\r\n") as (port, _):
        assert (await post(f"http://127.0.0.1:{port}/", b"BODY")).status == 307


@pytest.mark.parametrize(
    "parts",
    [
        (),
        (b"garbage\r\n\r\n",),
        (OK,),
        (OK + b"content-length: 9\r\n\r\nshort",),
        (OK + b"content-length: 17000\r\n\r\n" + b"x" * 17_000,),
        (OK + b"\r\n" + b"x" * 17_000,),
        (OK + b"x-long: " + b"x" * 40_000,),
        (OK + b"content-length: 4\r\ncontent-length: 5\r\n\r\nline",),
    ],
    ids=["none", "garbage", "half", "short", "long", "endless", "headers", "two lengths"],
)
async def test_what_cannot_be_read_is_no_answer(parts: tuple[bytes, ...]) -> None:
    """Broken off, too long, or not HTTP."""
    async with answering(*parts) as (port, _):
        with pytest.raises(Unanswered):
            await post(f"http://127.0.0.1:{port}/", b"BODY")


async def test_a_slow_answer_is_none() -> None:
    """All of it has to come in time."""
    async with answering(OK, b"content-length: 9\r\n\r\n", leave_open=True) as (port, _):
        with pytest.raises(Unanswered, match="in time"):
            await post(f"http://127.0.0.1:{port}/", b"BODY", seconds=0.05)


async def test_nobody_there_is_no_answer() -> None:
    """The port is closed."""
    async with answering() as (port, _):
        pass
    with pytest.raises(Unanswered):
        await post(f"http://127.0.0.1:{port}/", b"BODY")


def certificate(folder: Path) -> ssl.SSLContext:
    """A certificate that nobody vouches for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem, no = serialization.Encoding.PEM, serialization.NoEncryption()
    path = folder / "server.pem"
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, no)
    path.write_bytes(secret + made.public_bytes(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


async def test_a_certificate_is_verified(tmp_path: Path) -> None:
    """Whom nobody vouches for is not told anything; nor who speaks no TLS."""
    async with answering(OK, context=certificate(tmp_path)) as (port, heard):
        with pytest.raises(Unanswered, match="CERTIFICATE_VERIFY_FAILED"):
            await post(f"https://localhost:{port}/", b"BODY")
        assert heard == []
    async with answering(OK) as (port, _):
        with pytest.raises(Unanswered):
            await post(f"https://127.0.0.1:{port}/", b"BODY", seconds=1)


# ---------------------------------------------------------------- settings


KEY = MALLORY.key.text()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        f"a {KEY}",
        f"a {KEY} https://w.example/ more",
        f"a {KEY[:-4]} https://w.example/",
        f"a {signer('log.example').key.text()} https://w.example/",
        f"a {KEY} http://w.example/",
        f"a {KEY} http://127.0.0.1.example/",
        f"a {KEY} ftp://w.example/",
        f"a {KEY} file:///etc/passwd",
        f"a {KEY} w.example",
        f"a {KEY} https://",
        f"a {KEY} https://me:secret@w.example/",
        f"a {KEY} https://w.example/?a=b",
        f"a {KEY} https://w.example/#a",
        f"a {KEY} https://w.example:x/",
        f"a {KEY} https://wé.example/",
    ],
)
def test_a_witness_is_named_in_one_way(text: str) -> None:
    """A name, a witness's key, and an https address or one of this machine."""
    with pytest.raises(ValueError, match=r"."):
        read(text)


@pytest.mark.parametrize(
    "url", ["https://w.example", "https://w.example/a/", "http://127.0.0.1:1/w", "http://[::1]:1"]
)
def test_a_witness_may_be_of_this_machine(url: str) -> None:
    """Without TLS then."""
    assert read(f"a {KEY} {url}").url == url.rstrip("/")


@pytest.mark.parametrize(
    ("content", "key"),
    [
        (f'witnesses = ["a {KEY} http://w.example"]', "witnesses[#1]"),
        (f'witnesses = ["a {KEY} https://w.example", "b"]', "witnesses[#2]"),
        (f'witnesses = ["a {KEY} https://w.example", "b {KEY} https://w.example"]', "quorum"),
        (f'witnesses = ["a {KEY} https://w.example", "a {KEY} https://w.example"]', "quorum"),
        ('quorum = ["quorum a"]', "quorum"),
        ('quorum = ["group all any a"]', "quorum"),
        ('quorum = ["quorum none", "quorum none"]', "quorum"),
        ('quorum = ["log nonsense", "quorum none"]', "quorum"),
        (f'quorum = ["witness a {KEY}", "quorum a"]', "quorum"),
        ("witness_seconds = 0", "witness_seconds"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(tmp_path: Path, content: str, key: str) -> None:
    """Each names the setting at fault, and what to write instead."""
    path = tmp_path / "holdfire.toml"
    path.write_text(content)
    with pytest.raises(ConfigError) as refused:
        load(path, {})
    (problem,) = refused.value.problems

    assert problem.key == key
    assert problem.remedy


async def test_cosigned_checkpoints_are_kept_apart(store: Store) -> None:
    """Each of the two only grows, and one of the same size replaces it."""
    await store.append(act("e", ms=1))
    for size, text, cosigned in (
        (5, b"five", False),
        (3, b"three", True),
        (4, b"four", False),
        (2, b"two", True),
        (3, b"three, cosigned by more", True),
    ):
        await store.publish(1, size, text, cosigned=cosigned)

    assert await store.checkpoint(1) == b"five"
    assert await store.checkpoint(1, cosigned=True) == b"three, cosigned by more"
    assert await store.checkpoint(2, cosigned=True) is None
