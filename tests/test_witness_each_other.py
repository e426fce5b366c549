"""Two owners who witness each other: whole services, whole witnesses, and HTTP between them."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from holdfire import cli
from holdfire.ledger import receipt
from holdfire.ledger.verdict import Verdict, judge
from holdfire.notary.cosigning import Cosigning
from house import Clock, Service, running
from notaries import copy
from witnesses import Witness, serving, witness

QUORUM = ("group everybody all peer", "quorum everybody")
SLOW = 3_600  # no round is made but those that a test asks for


@dataclass
class Owner:
    """One of the two: a service, and the witness that cosigns the other's log."""

    service: Service
    witness: Witness
    policy: bytes  # that visitors keep

    def step(self) -> None:
        """Sign what was chosen, and take it to the other's witness."""
        publisher = self.service.client.app.state.publisher  # type: ignore[attr-defined]  # the client types it as any ASGI callable
        (cosigning,) = publisher._on_checkpoint
        assert isinstance(cosigning, Cosigning)
        within(self.service, publisher.step)
        within(self.service, cosigning, publisher._anchor.read()[-1].note.encode())
        within(self.service, cosigning.step)

    def choose(self) -> dict[str, Any]:
        """A choice of somebody who was not here before."""
        self.service.client.cookies.clear()
        made: dict[str, Any] = self.service.choose("save").json()
        return made

    def receipt(self, made: dict[str, Any]) -> bytes:
        """Its receipt."""
        bearer = {"authorization": f"Bearer {made['token']}"}
        answer = self.service.get(f"/receipts/{made['event_id']}", headers=bearer)
        assert answer.status_code == 200, answer.text
        return answer.content

    def verdict(self, made: dict[str, Any]) -> Verdict:
        """What its receipt is worth under the policy that was kept."""
        return judge(self.receipt(made), self.policy, self.service.clock())


def within(service: Service, verb: Callable[..., Any], *arguments: Any) -> Any:
    """Call something of the service in its own event loop."""
    assert service.client.portal is not None
    return service.client.portal.call(verb, *arguments)


def host(name: str) -> str:
    """Where its log is named after."""
    return f"{name}.example"


def log_keys(folder: Path, name: str, clock: Clock) -> Path:
    """The policy file of a service that has been started once, for its witness's operator."""
    path = folder / f"{name}.policy"
    with running(folder, log_host=host(name), clock=clock) as service:
        path.write_bytes(service.client.get("/log/policy").content)
    return path


@contextmanager
def owners(folder: Path, names: tuple[str, ...] = ("one", "two")) -> Iterator[dict[str, Owner]]:
    """The owners, each of whose logs the next one's witness cosigns."""
    clock = Clock()
    with ExitStack() as stack:
        found = {}
        for name, peer in zip(names, (*names[1:], names[0]), strict=True):
            (folder / name).mkdir(exist_ok=True)
            policy = log_keys(folder / name, name, clock)
            asked = stack.enter_context(
                witness(
                    folder / f"witness of {peer}", (), policy=policy, name=host(peer), clock=clock
                )
            )
            url = stack.enter_context(serving(asked))
            setting = f"peer {asked.cosigner.key.verifier.text()} {url}"
            service = stack.enter_context(
                running(
                    folder / name,
                    log_host=host(name),
                    clock=clock,
                    witnesses=(setting,),
                    quorum=QUORUM,
                    witness_seconds=SLOW,
                )
            )
            served = service.client.get("/log/policy").content
            found[name] = Owner(service, asked, served)
        yield found


def keep(owner: Owner, folder: Path) -> Path:
    """A copy of all that a service has: database, keys and anchor."""
    copy(owner.service.folder, "copy.db")
    shutil.copytree(owner.service.folder / "var", folder / "var")
    shutil.move(owner.service.folder / "copy.db", folder / "holdfire.db")
    return folder


@contextmanager
def brought_back(owner: Owner, kept: Path, *, asking: bool = True) -> Iterator[Service]:
    """The service over such a copy, with the same witness."""
    lines = owner.policy.decode().splitlines()
    (named,) = [line for line in lines if line.startswith("witness ")]
    with running(
        kept,
        log_host=host("one"),
        clock=owner.service.clock,
        witnesses=(named.removeprefix("witness "),) if asking else (),
        quorum=QUORUM if asking else (),
        witness_seconds=SLOW,
    ) as service:
        yield service


def test_two_instances_witness_each_other(tmp_path: Path) -> None:
    """Each one's receipts verify under a policy that asks for the other's cosignature."""
    with owners(tmp_path) as found:
        for owner in found.values():
            made = [owner.choose() for _ in range(3)]
            owner.step()
            for verdict in map(owner.verdict, made):
                assert verdict.outcome == "verified", verdict.why
                assert verdict.proved is not None
                assert [w.time for w in verdict.proved.witnesses] == [int(owner.service.clock())]
            # Before the next round, the newest checkpoint is not cosigned, and says so.
            late = owner.choose()
            assert (owner.verdict(late).outcome, owner.verdict(late).reason) == (
                "undecided",
                "quorum",
            )
            assert owner.verdict(made[0]).outcome == "verified"
            owner.step()
            assert owner.verdict(late).outcome == "verified"
        logs = [owner.witness.sizes() for owner in found.values()]
        assert {origin for sizes in logs for origin in sizes} == {
            "one.example/log/2026",
            "two.example/log/2026",
        }


def test_the_policy_names_the_witnesses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is served is what the command prints: logs, witness with address, quorum."""
    with owners(tmp_path) as found:
        (owner, _) = found.values()
        key = owner.witness.cosigner.key.verifier.text()
        lines = owner.policy.decode().splitlines()
        (named,) = [line for line in lines if line.startswith("witness ")]

        assert named.startswith(f"witness peer {key} http://127.0.0.1:")
        assert lines[-2:] == list(QUORUM)
    folder = tmp_path / "one"
    monkeypatch.setenv("HOLDFIRE_DATA_DIR", f"{folder}/var")
    monkeypatch.setenv("HOLDFIRE_WITNESSES", named.removeprefix("witness "))
    monkeypatch.setenv("HOLDFIRE_QUORUM", ", ".join(QUORUM))
    capsys.readouterr()
    assert cli.main(["log", "policy"]) == 0
    assert capsys.readouterr().out.encode() == owner.policy


def test_a_split_view_stays_undecided(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An owner who shows two visitors two logs gets one of them cosigned, never both."""
    with owners(tmp_path) as found:
        owner = found["one"]
        owner.choose()
        owner.step()
        seen = owner.choose()
        kept = keep(owner, tmp_path / "kept")
        before = owner.choose()
        owner.step()
        assert owner.verdict(seen).outcome == owner.verdict(before).outcome == "verified"
        size = receipt.decode(owner.receipt(before)).head()[0].size

        # The same keys over the copy, with the anchor of then, and for now without witnesses:
        # another visitor sees another log.
        with brought_back(owner, kept, asking=False) as service:
            forked = Owner(service, owner.witness, owner.policy)
            while (late := forked.choose())["log_index"] < size + 2:
                pass
        with brought_back(owner, kept) as service:
            forked = Owner(service, owner.witness, owner.policy)
            forked.step()
            body, verdict = forked.receipt(late), forked.verdict(late)

        assert (verdict.outcome, verdict.reason) == ("undecided", "quorum")
        assert owner.witness.sizes() == {"one.example/log/2026": size}
    (tmp_path / "late").write_bytes(body)
    (tmp_path / "policy").write_bytes(owner.policy)
    arguments = ["verify", "receipt", str(tmp_path / "late"), "--policy", str(tmp_path / "policy")]
    assert cli.main(arguments) == 3
    assert capsys.readouterr().out


def test_a_database_and_anchor_from_an_old_copy_are_noticed(tmp_path: Path) -> None:
    """Where the anchor was brought back too, the witness still knows: everything is refused."""
    with owners(tmp_path) as found:
        owner = found["one"]
        owner.choose()
        owner.step()
        kept = keep(owner, tmp_path / "kept")
        for _ in range(5):
            owner.choose()
        owner.step()
        with brought_back(owner, kept) as service:
            Owner(service, owner.witness, owner.policy).step()
            refused = service.choose("save")
            ready = service.client.get("/readyz")

        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "log_refused")
        assert ready.status_code == 503
        assert "The witness peer has cosigned" in ready.text
