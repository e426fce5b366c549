"""``holdfire witness``: what it cosigns, what it refuses, and what it never forgets."""

import os
import sqlite3
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest

from holdfire.errors import ConfigError
from holdfire.ledger import note
from holdfire.ledger.note import COSIGNATURE, Note, VerifierKey
from holdfire.ledger.scalars import base64
from holdfire.ledger.submission import parse
from holdfire.witness.key import WitnessKey
from holdfire.witness.service import WitnessService
from house import NOON, ROOT
from ledger_world import LOG, NEXT_KEY, ORIGIN, OTHER_LOG, STRANGER, W1, signer
from witnesses import Log, Witness, process, witness

SIZE_TYPE = "text/x.tlog.size"
KNOWN = Log()


# ---------------------------------------------------------------- what is answered


def test_a_log_that_grows_is_cosigned_each_time(tmp_path: Path) -> None:
    """Each checkpoint that goes on from the one before gets a cosignature with the time."""
    with witness(tmp_path) as asked:
        for old, new in ((0, 1), (1, 1), (1, 7), (7, 8), (8, 256), (256, 300), (300, 300)):
            asked.clock.forward(seconds=1)
            assert asked.cosigned(KNOWN, old, new).time == asked.clock()
        assert asked.sizes() == {ORIGIN: 300}


def test_a_cosignature_is_one_signature_line_in_plain_text(tmp_path: Path) -> None:
    """The body is what can be put below the checkpoint as it is."""
    with witness(tmp_path) as asked:
        answer = asked.add(KNOWN.request(0, 5))

        assert answer.headers["content-type"].startswith("text/plain")
        assert answer.text.startswith("— witness.example/w1 ")
        whole = note.parse(KNOWN.signed(5) + answer.content)
        keys = [LOG.key, asked.cosigner.key.verifier]
        assert [signed.time for signed in note.verify(whole, keys)] == [None, int(NOON)]


def test_an_empty_log_can_be_cosigned(tmp_path: Path) -> None:
    """Size 0 is the first checkpoint of a log, and any size follows it."""
    with witness(tmp_path) as asked:
        asked.cosigned(KNOWN, 0, 0)
        asked.cosigned(KNOWN, 0, 9)


@pytest.mark.parametrize("old", [0, 3, 6, 8])
def test_another_old_size_is_told_the_right_one(tmp_path: Path, old: int) -> None:
    """409 with the size that was cosigned last, in a type of its own."""
    with witness(tmp_path) as asked:
        asked.cosigned(KNOWN, 0, 7)
        answer = asked.add(KNOWN.request(old, 9))

        assert (answer.status_code, answer.text) == (409, "7\n")
        assert answer.headers["content-type"] == SIZE_TYPE


def test_a_log_never_cosigned_has_size_zero(tmp_path: Path) -> None:
    """Who starts from elsewhere is told so."""
    with witness(tmp_path) as asked:
        answer = asked.add(KNOWN.request(4, 9))

        assert (answer.status_code, answer.text) == (409, "0\n")


def test_a_smaller_checkpoint_is_never_cosigned_again(tmp_path: Path) -> None:
    """However it is asked for: what was cosigned once is not gone back behind."""
    with witness(tmp_path) as asked:
        asked.cosigned(KNOWN, 0, 9)

        answers = [asked.add(KNOWN.request(old, 8)).status_code for old in (0, 8)]
        behind = f"old 9\n\n{KNOWN.signed(8).decode()}".encode()

        assert answers == [409, 409]
        assert asked.add(behind).status_code == 400
        assert asked.sizes() == {ORIGIN: 9}


@pytest.mark.parametrize("new", [7, 8, 100])
def test_another_history_is_not_cosigned(tmp_path: Path, new: int) -> None:
    """A split view: 409 where it has the same size, 422 where it is longer; nothing changes."""
    forged = Log(story="another", since=5)
    with witness(tmp_path) as asked:
        asked.cosigned(KNOWN, 0, 7)
        answer = asked.add(forged.request(7, new))

        assert answer.status_code == (409 if new == 7 else 422)
        assert "—" not in answer.text
        asked.cosigned(KNOWN, 7, new)


@pytest.mark.parametrize(
    "lines",
    [
        lambda proof: proof[:-1],
        lambda proof: [*proof, proof[0]],
        lambda proof: proof[::-1],
        lambda _: [],
        lambda proof: [base64(bytes(32)), *proof[1:]],
    ],
    ids=["short", "long", "reversed", "none", "wrong"],
)
def test_a_wrong_proof_is_refused(tmp_path: Path, lines: object) -> None:
    """422, and the next request with the right one is cosigned."""
    with witness(tmp_path) as asked:
        asked.cosigned(KNOWN, 0, 7)
        proof = lines(KNOWN.proof(7, 20))  # type: ignore[operator]  # one of the functions above
        body = "".join(f"{line}\n" for line in ["old 7", *proof, ""]).encode()

        assert asked.add(body + KNOWN.signed(20)).status_code == 422
        asked.cosigned(KNOWN, 7, 20)


def test_a_proof_from_nothing_is_empty(tmp_path: Path) -> None:
    """From size 0 there is nothing to prove, and a line of proof is wrong."""
    with witness(tmp_path) as asked:
        body = f"old 0\n{base64(bytes(32))}\n\n".encode() + KNOWN.signed(5)

        assert asked.add(body).status_code == 422


def test_an_unknown_log_is_not_found(tmp_path: Path) -> None:
    """404, whoever signed it."""
    with witness(tmp_path) as asked:
        assert asked.add(Log(OTHER_LOG).request(0, 5)).status_code == 404


def test_only_the_log_itself_is_believed(tmp_path: Path) -> None:
    """403 for no known signature, a wrong one, or one by a key of the same name."""
    with witness(tmp_path) as asked:
        stranger = KNOWN.signed(5, signer(ORIGIN, seed="a stranger"))
        text = KNOWN.text(5)
        swapped = Note(text, (LOG.sign(KNOWN.text(6)),)).encode()

        for signed in (stranger, KNOWN.signed(5, STRANGER), swapped):
            assert asked.add(KNOWN.request(0, 5, signed)).status_code == 403
        assert asked.sizes() == {ORIGIN: None}


def test_signatures_of_strangers_are_ignored(tmp_path: Path) -> None:
    """A checkpoint may bring along whatever others have signed."""
    with witness(tmp_path) as asked:
        signed = KNOWN.signed(5, STRANGER, LOG, W1, NEXT_KEY)

        assert asked.add(KNOWN.request(0, 5, signed)).status_code == 200


def test_a_log_may_change_its_key(tmp_path: Path) -> None:
    """Of several keys with one name, any is the log's: one history under all of them."""
    with witness(tmp_path, [LOG.key.text(), NEXT_KEY.key.text()]) as asked:
        asked.cosigned(KNOWN, 0, 5)
        assert asked.add(KNOWN.request(5, 6, KNOWN.signed(6, LOG, NEXT_KEY))).status_code == 200
        asked.cosigned(Log(NEXT_KEY), 6, 7)
        assert asked.add(Log(NEXT_KEY, "another").request(7, 8)).status_code == 422


def test_logs_are_kept_apart(tmp_path: Path) -> None:
    """The size of one says nothing of another's."""
    with witness(tmp_path, [LOG.key.text(), OTHER_LOG.key.text()]) as asked:
        asked.cosigned(KNOWN, 0, 7)
        asked.cosigned(Log(OTHER_LOG, "other"), 0, 3)

        assert asked.sizes() == {ORIGIN: 7, "other.example/log/2026": 3}


def test_lines_below_a_checkpoint_are_signed_with_it(tmp_path: Path) -> None:
    """Other logs add lines of their own, which the cosignature covers."""
    text = KNOWN.text(5) + "an extension\n"
    signed = Note(text, (LOG.sign(text),)).encode()
    with witness(tmp_path) as asked:
        answer = asked.add(KNOWN.request(0, 5, signed))
        cosigned = Note(text, note.parse_signatures(answer.text))

        assert note.verify(cosigned, [asked.cosigner.key.verifier])


PROOF = base64(bytes(32))
SIGNED = KNOWN.signed(5).decode()


@pytest.mark.parametrize(
    "body",
    [
        "",
        "\n",
        "old 0\n",
        f"old 0\n{SIGNED}",
        SIGNED,
        f"old 00\n\n{SIGNED}",
        f"old -1\n\n{SIGNED}",
        f"old +1\n\n{SIGNED}",
        f"old  0\n\n{SIGNED}",
        f"old 0 \n\n{SIGNED}",
        f"Old 0\n\n{SIGNED}",
        f"old\n\n{SIGNED}",
        f"old 99999999999999999999\n\n{SIGNED}",
        f"old ٣\n\n{SIGNED}",
        f"\ufeffold 0\n\n{SIGNED}",
        f"old 0\r\n\r\n{SIGNED}",
        f"old 0\n\n\n{SIGNED}",
        f"old 0\nnot base64\n\n{SIGNED}",
        f"old 0\n{base64(bytes(31))}\n\n{SIGNED}",
        f"old 0\n{PROOF[:-2]}B=\n\n{SIGNED}",
        f"old 1\n{PROOF} \n\n{SIGNED}",
        "old 1\n" + f"{PROOF}\n" * 64 + f"\n{SIGNED}",
        f"old 0\n\n{SIGNED[:-1]}",
        f"old 0\n\n{SIGNED}\n",
        f"old 0\n\n{SIGNED.replace('— ', '- ')}",
        f"old 0\n\n{SIGNED.split('—', maxsplit=1)[0]}",
        f"old 0\n\n{ORIGIN}\n5\n\n{SIGNED}",
        "old 6\n\n" + SIGNED,
        "old 0\n\n" + SIGNED.replace("\n5\n", "\n05\n"),
        "old 0\n\n" + SIGNED.replace("\n5\n", "\n5\t\n"),
    ],
)
def test_what_is_written_in_another_way_is_refused(tmp_path: Path, body: str) -> None:
    """400 for anything but the one way in which a request is written; nothing is cosigned."""
    with witness(tmp_path) as asked:
        assert asked.add(body.encode()).status_code == 400
        assert asked.add(b"\xff" + body.encode()).status_code == 400
        assert asked.sizes() == {ORIGIN: None}


def test_sixty_three_lines_of_proof_are_read(tmp_path: Path) -> None:
    """As many as the specification allows are a wrong proof, not a malformed one."""
    with witness(tmp_path) as asked:
        asked.cosigned(KNOWN, 0, 1)
        body = "old 1\n" + f"{PROOF}\n" * 63 + f"\n{SIGNED}"

        assert asked.add(body.encode()).status_code == 422


def test_a_body_has_a_limit(tmp_path: Path) -> None:
    """413, whether its length is declared or it comes in pieces."""
    pieces = iter([b"x" * 16_384] * 5)
    with witness(tmp_path) as asked:
        assert asked.add(b"x" * 65_537).status_code == 413
        assert asked.client.post("/add-checkpoint", content=pieces).status_code == 413


def test_nothing_else_is_there(tmp_path: Path) -> None:
    """404 for other addresses, 405 for other methods."""
    with witness(tmp_path) as asked:
        for path in ("/add-checkpoint/", "/log", "/add-tree-head"):
            assert asked.client.get(path).status_code == 404
        refused = asked.client.get("/add-checkpoint"), asked.client.post("/")
        assert [answer.status_code for answer in refused] == [405, 405]
        assert [answer.headers["allow"] for answer in refused] == ["POST", "GET, HEAD"]


def test_whoever_watches_sees_name_key_and_sizes(tmp_path: Path) -> None:
    """GET / is for monitoring; HEAD asks whether it is there at all."""
    with witness(tmp_path) as asked:
        asked.cosigned(KNOWN, 0, 7)
        answer = asked.client.get("/")
        key = VerifierKey.parse(answer.json()["vkey"])

        assert answer.headers["content-type"] == "application/json"
        assert (answer.json()["name"], key.name, key.type) == (key.name, key.name, COSIGNATURE)
        assert answer.json()["logs"] == [{"origin": ORIGIN, "size": 7}]
        head = asked.client.head("/")
        assert (head.status_code, head.content) == (200, b"")


def test_a_request_is_read_as_it_is_written() -> None:
    """What the client writes is what the service reads."""
    body = KNOWN.request(7, 20)

    assert parse(body).encode() == body


# ---------------------------------------------------------------- what it remembers


def test_a_restart_forgets_nothing(tmp_path: Path) -> None:
    """Key, name and sizes are those of before."""
    with witness(tmp_path) as asked:
        asked.cosigned(KNOWN, 0, 7)
        key = asked.cosigner.key.verifier
    with witness(tmp_path, name=None) as again:
        assert again.cosigner.key.verifier == key
        assert again.add(Log(story="another").request(0, 9)).text == "7\n"
        again.cosigned(KNOWN, 7, 9)


def test_of_requests_at_once_one_goes_on(tmp_path: Path) -> None:
    """Many from one size, each to another: one is cosigned, the others are told its size."""
    with witness(tmp_path) as asked, ThreadPoolExecutor(8) as pool:
        asked.cosigned(KNOWN, 0, 7)
        answers = list(pool.map(lambda new: asked.add(KNOWN.request(7, new)), range(8, 40)))
        good = [answer for answer in answers if answer.status_code == 200]
        told = {answer.text for answer in answers if answer.status_code == 409}

        assert len(good) == 1
        assert told == {f"{asked.sizes()[ORIGIN]}\n"}


KILLED = """
import os, signal, sys
from pathlib import Path
from holdfire.witness.state import State
from holdfire.witness.service import WitnessService
from holdfire.ledger.submission import parse

def kill():
    os.kill(os.getpid(), signal.SIGKILL)

state = State(Path(sys.argv[1]))
asked = parse(sys.stdin.buffer.read())
state.advance(asked, kill if sys.argv[2] == "before" else lambda: 0)
kill()
"""


@pytest.mark.parametrize(("moment", "size"), [("before", 7), ("after", 9)])
def test_a_kill_inside_a_write_leaves_the_one_or_the_other(
    tmp_path: Path, moment: str, size: int
) -> None:
    """SIGKILL between write and commit: it was not cosigned. After the commit: it may have been."""
    with witness(tmp_path) as asked:
        asked.cosigned(KNOWN, 0, 7)
    command = [sys.executable, "-c", KILLED, str(tmp_path / "w.key.db"), moment]
    killed = subprocess.run(command, input=KNOWN.request(7, 9), check=False)
    with witness(tmp_path) as again:
        assert killed.returncode == -9
        assert again.sizes() == {ORIGIN: size}
        assert again.add(KNOWN.request(size - 1, 20)).status_code == 409
        again.cosigned(KNOWN, size, 20)


def test_a_killed_witness_never_goes_back(tmp_path: Path) -> None:
    """SIGKILL in a storm of requests, again and again: what was cosigned is what it goes on from."""
    size = 0
    for end in (60, 120, 180):
        with (
            process(tmp_path, "--log", LOG.key.text()) as (running, _, url),
            ThreadPoolExecutor(4) as pool,
            httpx2.Client(base_url=url) as client,
        ):

            def ask(new: int, client: httpx2.Client = client, size: int = size) -> list[int]:
                """Go on from wherever it is; the sizes that were cosigned."""
                old = size
                done: list[int] = []
                for _ in range(8):
                    try:
                        answer = client.post("/add-checkpoint", content=KNOWN.request(old, new))
                    except httpx2.TransportError:
                        return done
                    if answer.status_code == 200:
                        return [*done, new]
                    old = int(answer.text) if answer.status_code == 409 else new
                    if old >= new:
                        return done
                return done

            futures = [pool.submit(ask, new) for new in range(size + 1, end)]
            next(found for future in futures if (found := future.result()))
            running.kill()
            cosigned = [n for future in futures for n in future.result()]
        with witness(tmp_path, name=None) as again:
            known = again.sizes()[ORIGIN]
            assert known is not None
            assert known >= max(cosigned, default=0) >= 1
            assert again.add(KNOWN.request(known - 1, 290)).text == f"{known}\n"
            size = known


def test_a_connection_is_kept(tmp_path: Path) -> None:
    """Requests one after another need one connection only."""
    with (
        process(tmp_path, "--log", LOG.key.text(), "--name", "w.example/1") as (_, vkey, url),
        httpx2.Client(base_url=url) as client,
    ):
        ports = set()
        for old, new in ((0, 3), (3, 5), (3, 7), (5, 7)):
            with client.stream(
                "POST", "/add-checkpoint", content=KNOWN.request(old, new)
            ) as answer:
                answer.read()
                stream = answer.extensions["network_stream"]
                ports.add(stream.get_extra_info("socket").getsockname())
        assert len(ports) == 1
        assert client.get("/").json()["vkey"] == vkey
        assert urlsplit(url).hostname == "127.0.0.1"


def test_two_witnesses_do_not_share_a_state(tmp_path: Path) -> None:
    """The second is refused while the first runs."""
    with witness(tmp_path), pytest.raises(ConfigError, match="another witness"), witness(tmp_path):
        pass


def test_a_key_without_its_state_is_refused(tmp_path: Path) -> None:
    """A witness that has forgotten what it cosigned could cosign another history."""
    with witness(tmp_path):
        pass
    (tmp_path / "w.key.db").unlink()
    with pytest.raises(ConfigError, match="forgotten"), witness(tmp_path):
        pass


def test_the_state_refuses_to_go_back(tmp_path: Path) -> None:
    """Whoever writes to the file with a tool is refused what would be a rollback."""
    with witness(tmp_path) as asked:
        asked.cosigned(KNOWN, 0, 7)
    db = sqlite3.connect(tmp_path / "w.key.db", isolation_level=None)
    for statement in (
        "UPDATE latest SET size = 6",
        "UPDATE latest SET root = zeroblob(32)",
        "DELETE FROM latest",
        "INSERT OR REPLACE INTO latest SELECT origin, 1, root, note FROM latest",
    ):
        with pytest.raises(sqlite3.IntegrityError):
            db.execute(statement)
    db.close()


def test_what_cannot_be_written_is_not_cosigned(tmp_path: Path) -> None:
    """503, and nothing signed; afterwards it goes on."""
    with witness(tmp_path) as asked:
        db = asked.cosigner._state._db
        db.execute("PRAGMA query_only = 1")
        assert asked.add(KNOWN.request(0, 7)).status_code == 503
        db.execute("PRAGMA query_only = 0")
        asked.cosigned(KNOWN, 0, 7)


# ---------------------------------------------------------------- its key


def test_the_key_is_its_owners_alone(tmp_path: Path) -> None:
    """0600, and refused once others may read it."""
    with witness(tmp_path):
        pass
    for name in ("w.key", "w.key.db"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
    (tmp_path / "w.key").chmod(0o640)
    with pytest.raises(ConfigError, match="chmod 600"), witness(tmp_path):
        pass


def opened(
    folder: Path, *logs: str, name: str | None = None, policy: Path | None = None
) -> Witness:
    """A witness that is not asked anything."""
    with witness(folder, logs or [LOG.key.text()], name=name, policy=policy) as found:
        return found


def test_a_key_is_used_for_one_thing(tmp_path: Path) -> None:
    """The key of a log is refused as a witness's, and a witness's as a log's."""
    own = opened(tmp_path).cosigner.key
    as_log = VerifierKey(ORIGIN, note.SIGNATURE, own.verifier.public)
    policy = tmp_path / "policy"
    policy.write_text(f"log {as_log.text()}\nquorum none\n")

    with pytest.raises(ConfigError, match="itself"):
        opened(tmp_path, as_log.text())
    with pytest.raises(ConfigError, match="key of a witness"):
        opened(tmp_path, W1.key.text())
    with pytest.raises(ConfigError, match="key of this witness"):
        opened(tmp_path, policy=policy)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"nonsense",
        b"\xff\xfe",
        WitnessKey.of("w", bytes(range(32))).line().encode() + b"\n",
        WitnessKey.of("w", bytes(range(32))).line().replace("+w+", "+v+").encode(),
        WitnessKey.of("w", bytes(32)).line().encode(),
    ],
)
def test_what_is_no_key_is_refused(tmp_path: Path, content: bytes) -> None:
    """A damaged file, another's name, a sample: the start says so and nothing is signed."""
    opened(tmp_path)
    (tmp_path / "w.key").write_bytes(content)

    with pytest.raises(ConfigError):
        opened(tmp_path)


def test_a_key_keeps_its_name(tmp_path: Path) -> None:
    """Another name than it was made with is refused: verifiers know it by that."""
    opened(tmp_path, name="one.example/w")

    assert opened(tmp_path).cosigner.key.verifier.name == "one.example/w"
    with pytest.raises(ConfigError, match="called"):
        opened(tmp_path, name="two.example/w")
    with pytest.raises(ConfigError):
        opened(tmp_path / "new", name="no+name")


# ---------------------------------------------------------------- the logs it knows


def test_a_policy_file_is_read_again_when_it_changes(tmp_path: Path) -> None:
    """Next year's key is cosigned as soon as the file has it; a damaged file changes nothing."""
    policy = tmp_path / "policy"
    policy.write_text(f"log {LOG.key.text()}\nquorum none\n")
    with witness(tmp_path, (), policy=policy) as asked:
        asked.cosigned(KNOWN, 0, 5)
        assert asked.add(Log(OTHER_LOG).request(0, 5)).status_code == 404

        policy.write_text(f"log {LOG.key.text()}\nlog {OTHER_LOG.key.text()}\nquorum none\n")
        asked.cosigned(Log(OTHER_LOG), 0, 5)

        policy.write_text("log nonsense\n")
        asked.cosigned(KNOWN, 5, 6)
        policy.unlink()
        asked.cosigned(KNOWN, 6, 7)

        policy.write_text(f"log {OTHER_LOG.key.text()}\nquorum none\n")
        assert asked.add(KNOWN.request(7, 8)).status_code == 404


@pytest.mark.parametrize("content", [None, "", "nonsense\n", "quorum none\n"])
def test_a_witness_of_nothing_does_not_start(tmp_path: Path, content: str | None) -> None:
    """No file, a damaged one, or one without logs: the start says so."""
    policy = tmp_path / "policy"
    if content is not None:
        policy.write_text(content)

    with pytest.raises(ConfigError), witness(tmp_path, (), policy=policy):
        pass


def test_the_command_tells_what_is_wrong(tmp_path: Path) -> None:
    """Exit code 2 and one line, no traceback."""
    command = [sys.executable, "-m", "holdfire", "witness", "--key-file", str(tmp_path / "k")]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)

    assert (ran.returncode, ran.stderr.count("\n")) == (2, 1)
    assert "no log is named" in ran.stderr
    assert os.listdir(tmp_path)  # noqa: PTH208 -- whatever was made stays for the next start


async def test_a_client_that_is_gone_is_not_answered(tmp_path: Path) -> None:
    """A body that breaks off is not taken for a whole one."""
    sent: list[object] = []

    async def receive() -> dict[str, object]:
        return {"type": "http.disconnect"}

    async def send(event: object) -> None:
        sent.append(event)

    scope = {"type": "http", "method": "POST", "path": "/add-checkpoint", "headers": []}
    with witness(tmp_path) as asked:
        await WitnessService(asked.cosigner)(scope, receive, send)

    assert sent == []
