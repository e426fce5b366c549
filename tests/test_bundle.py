"""A bundle for a court, unpacked far from the project and checked with what every machine has."""

import hashlib
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, NamedTuple
from zipfile import ZipFile

import pytest

from commands import Command, Ran, command
from house import Service, running

ALL = ("--since", "2026-01-01")


class Unpacked(NamedTuple):
    """A bundle on the disk of somebody who has never heard of us."""

    folder: Path

    def sh(self, script: str, at: str = ".") -> subprocess.CompletedProcess[str]:
        """Run a shell script in one of its folders, in an empty environment."""
        return subprocess.run(
            ["/bin/sh", "-c", script],
            cwd=self.folder / at,
            env={"PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def verdict(self, receipt: Path) -> tuple[int, str]:
        """Exit code and first line of the verifier that comes along."""
        ran = self.sh(f"{PYTHON} -I -S verify.pyz receipt '{receipt}' --policy policy.txt")
        return ran.returncode, ran.stdout.partition("\n")[0]

    @property
    def receipts(self) -> list[Path]:
        """Every receipt in it."""
        return sorted(self.folder.rglob("*.tlog-proof"))

    @property
    def records(self) -> list[str]:
        """The folder of each record."""
        return sorted(str(p.relative_to(self.folder)) for p in self.folder.glob("records/*"))

    def evidence(self, record: str) -> Any:
        """The evidence of a record."""
        return json.loads((self.folder / record / "evidence.json").read_bytes())

    def statements(self) -> list[Any]:
        """What the service stated of itself."""
        paths = sorted(self.folder.glob("statements/*/statement.json"))
        return [json.loads(path.read_bytes()) for path in paths]


PYTHON = shutil.which("python3") or "python3"


@pytest.fixture
def holdfire(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """Run a command over the records of the test's service."""
    return command(tmp_path, monkeypatch, capsys)


def choose(service: Service, action: str, place: str = "DE") -> dict[str, Any]:
    """A choice of a new visitor."""
    service.client.cookies.clear()
    answer: dict[str, Any] = service.post(service.choice(action), query=f"?geo={place}").json()
    return answer


def bundled(holdfire: Command, folder: Path, *options: str) -> Unpacked:
    """Make a bundle, and unpack it."""
    packed = folder / "bundle.zip"
    ran = holdfire("records", "bundle", *options, "--out", str(packed))
    assert ran.code == 0, ran.errors
    place = folder / "far away"
    with ZipFile(packed) as opened:
        opened.extractall(place)
    return Unpacked(place)


def test_every_receipt_verifies_without_us(tmp_path: Path, holdfire: Command) -> None:
    """Of acts of every kind and of statements alike, with Python alone and nothing to ask."""
    with running(tmp_path) as service:
        for action in ("accept_all", "reject_all", "withdraw"):
            choose(service, action)
    bundle = bundled(holdfire, tmp_path, *ALL)

    assert len(bundle.records) == 3
    assert len(bundle.receipts) > 3
    assert {bundle.verdict(path) for path in bundle.receipts} == {(0, "verified")}


def test_the_readme_is_all_one_needs(tmp_path: Path, holdfire: Command) -> None:
    """Each command in it runs as it stands there, and says what the text before it promises."""
    with running(tmp_path) as service:
        choose(service, "accept_all")
    bundle = bundled(holdfire, tmp_path, *ALL)
    (record,) = bundle.records
    readme = (bundle.folder / "README.txt").read_text()
    sums, evidence, subject, receipt, artefacts = re.findall(
        r"(?:^    .*\n)+", readme, re.MULTILINE
    )

    assert "OK" in bundle.sh(sums).stdout
    assert bundle.sh(sums).returncode == 0
    for pair in (evidence, subject):
        computed, committed = bundle.sh(pair, record).stdout.split("\n")[:2]
        assert computed == f"{committed}  -"
        assert re.fullmatch(r"[0-9a-f]{64}", committed)
    assert "verified" in bundle.sh(receipt.replace("records/FOLDER", record)).stdout
    listed = dict(line.split()[::-1] for line in bundle.sh(artefacts).stdout.splitlines())
    assert listed
    assert all(name.startswith(f"artefacts/{digest}.") for name, digest in listed.items())


def test_every_file_is_explained_and_summed(tmp_path: Path, holdfire: Command) -> None:
    """The readme names each kind of file, SHA256SUMS each file; both readmes say the same."""
    with running(tmp_path) as service:
        choose(service, "accept_all")
    bundle = bundled(holdfire, tmp_path, *ALL)
    files = {str(p.relative_to(bundle.folder)) for p in bundle.folder.rglob("*") if p.is_file()}
    readme, page = ((bundle.folder / f"README.{kind}").read_text() for kind in ("txt", "html"))
    summed = (bundle.folder / "SHA256SUMS").read_text().splitlines()

    assert {line.split("  ", 1)[1] for line in summed} == files - {"SHA256SUMS"}
    names = {Path(name).name for name in files if not name.startswith("artefacts/")}
    for name in names - {"README.txt", "README.html", "statement.json"}:
        assert name in readme, name
    words = [
        re.sub(r"\W+", " ", re.sub(r"<style>.*?</style>|<.*?>", " ", text))
        for text in (readme, page)
    ]
    assert words[0].split()[:40] == words[1].split()[6:46]
    assert "<script" not in page
    assert not re.search(r"(src|href)=", page)


def test_what_was_on_view_comes_along(tmp_path: Path, holdfire: Command) -> None:
    """Texts, configuration, software and script of each record, and the statement that published them."""
    with running(tmp_path) as service:
        choose(service, "accept_all")
    bundle = bundled(holdfire, tmp_path, *ALL)
    shown = bundle.evidence(bundle.records[0])["shown"]
    kept = {
        path.name.partition(".")[0]: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in bundle.folder.glob("artefacts/*")
    }

    assert set(kept) == {shown[key] for key in ("texts", "config", "sdk", "boot")}
    assert all(name == digest for name, digest in kept.items())
    published = [said for said in bundle.statements() if said.get("site") == "demo"]
    assert [said["config"] for said in published] == [shown["config"]]


def test_a_record_is_told_in_plain_words(tmp_path: Path, holdfire: Command) -> None:
    """What was done, when, where, under which law, and what followed; no word of it can do harm."""
    with running(tmp_path) as service:
        answer = choose(service, "reject_all")
    bundle = bundled(holdfire, tmp_path, "--event", answer["event_id"])
    text = (bundle.folder / bundle.records[0] / "record.txt").read_text()
    index = (bundle.folder / "INDEX.txt").read_text()

    for words in ("refused everything", "2026-11-21T12:00:00Z", "DE, found by", "Germany",
                  "said: no; so: not allowed (the visitor said no)", answer["visitor"]):  # fmt: skip
        assert words in text
    assert all(line.isprintable() for line in text.split("\n"))
    assert answer["event_id"] in index
    assert bundle.records[0] in index


def test_only_what_is_asked_for_is_in_it(tmp_path: Path, holdfire: Command) -> None:
    """A visitor's bundle names nobody else."""
    with running(tmp_path) as service:
        mine, other = choose(service, "accept_all"), choose(service, "accept_all")
    bundle = bundled(holdfire, tmp_path, "--visitor", mine["visitor"])
    everything = b"".join(p.read_bytes() for p in bundle.folder.rglob("*") if p.is_file())

    assert [bundle.evidence(r)["event_id"] for r in bundle.records] == [mine["event_id"]]
    assert mine["visitor"].encode() in everything
    for word in (other["visitor"], other["event_id"], str(tmp_path)):
        assert word.encode() not in everything


def test_the_same_log_gives_the_same_bytes(tmp_path: Path, holdfire: Command) -> None:
    """Two who make the bundle can compare it, and nothing in it tells when it was made."""
    with running(tmp_path) as service:
        choose(service, "accept_all")
    paths = [tmp_path / f"{name}.zip" for name in "ab"]
    for path in paths:
        assert holdfire("records", "bundle", *ALL, "--out", str(path)).code == 0

    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert paths[0].stat().st_mode & 0o077 == 0
    with ZipFile(paths[0]) as opened:
        assert {member.date_time for member in opened.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_an_erased_person_is_not_in_it_and_the_tombstone_is(
    tmp_path: Path, holdfire: Command
) -> None:
    """The rest of the record still verifies, and the log itself says what was erased, and why."""
    with running(tmp_path) as service:
        gone, stays = choose(service, "accept_all"), choose(service, "accept_all")
    assert holdfire("erase", "--site", "demo", "--visitor", gone["visitor"], "--yes").code == 0
    sign(tmp_path)
    bundle = bundled(holdfire, tmp_path, *ALL)
    first, second = bundle.records

    assert not (bundle.folder / first / "subject.json").exists()
    assert (bundle.folder / second / "subject.json").exists()
    assert "erased" in (bundle.folder / first / "record.txt").read_text()
    tombstones = [said for said in bundle.statements() if "part" in said]
    assert [(t["part"], t["index"]) for t in tombstones] == [("subject", gone["log_index"])]
    assert {bundle.verdict(path) for path in bundle.receipts} == {(0, "verified")}
    assert stays["visitor"] in (bundle.folder / second / "subject.json").read_text()


def test_a_record_that_is_gone_leaves_its_tombstone(tmp_path: Path, holdfire: Command) -> None:
    """Who asks for those days is told that there was another act, and that it was erased."""
    with running(tmp_path) as service:
        gone, _ = choose(service, "accept_all"), choose(service, "accept_all")
    erased = holdfire(
        "erase", "--site", "demo", "--visitor", gone["visitor"], "--part", "record", "--yes"
    )
    assert erased.code == 0, erased.errors
    sign(tmp_path)
    day = bundled(holdfire, tmp_path, "--since", "2026-11-21", "--until", "2026-11-21")
    tombstones = [said for said in day.statements() if "part" in said]

    assert len(day.records) == 1
    assert [(t["part"], t["index"]) for t in tombstones] == [("record", gone["log_index"])]
    ran = nothing(holdfire, tmp_path, "--event", gone["event_id"])
    assert "nothing is left" in ran.errors


def sign(folder: Path) -> None:
    """Start the service for a moment: it signs what was written beside it."""
    with running(folder):
        pass


@pytest.mark.parametrize("name", ["evidence.json", "subject.json", "evidence.salt", "entry.bin"])
def test_tampering_shows(tmp_path: Path, holdfire: Command, name: str) -> None:
    """One bit of a file, and both the sums and the commitment say no."""
    with running(tmp_path) as service:
        choose(service, "accept_all")
    bundle = bundled(holdfire, tmp_path, *ALL)
    (record,) = bundle.records
    changed = bundle.folder / record / name
    body = bytearray(changed.read_bytes())
    body[40 % len(body)] ^= 1
    changed.write_bytes(body)
    readme = (bundle.folder / "README.txt").read_text()
    pairs = re.findall(r"^    \{ printf .*\n    head .*\n", readme, re.MULTILINE)
    said = [bundle.sh(pair, record).stdout.split()[::2] for pair in pairs]

    assert bundle.sh("sha256sum -c SHA256SUMS").returncode == 1
    assert any(computed != committed for computed, committed in said)


def test_a_changed_receipt_is_refuted(tmp_path: Path, holdfire: Command) -> None:
    """The verifier in the bundle does not take what the log did not sign."""
    with running(tmp_path) as service:
        choose(service, "accept_all")
    bundle = bundled(holdfire, tmp_path, *ALL)
    receipt = bundle.receipts[0]
    text = receipt.read_text()
    receipt.write_text(re.sub(r"^index \d+", "index 0", text, flags=re.MULTILINE))

    assert bundle.verdict(receipt) == (1, "refuted")


# ---------------------------------------------------------------- what is refused


def nothing(holdfire: Command, folder: Path, *options: str) -> Ran:
    """A bundle that is not made, and leaves nothing behind."""
    ran = holdfire("records", "bundle", *options, "--out", str(folder / "none.zip"))
    assert ran.code == 2
    assert not [path for path in folder.iterdir() if "none" in path.name]
    return ran


def test_nothing_is_made_of_nothing(tmp_path: Path, holdfire: Command) -> None:
    """No selection, no such record, no such folder: one line says which, and no file is left."""
    with running(tmp_path) as service:
        choose(service, "accept_all")

    assert "say whose records" in nothing(holdfire, tmp_path).errors
    assert "say whose records" in nothing(holdfire, tmp_path, "--site", "demo").errors
    assert "no record fits" in nothing(holdfire, tmp_path, "--visitor", "nobody").errors
    (tmp_path / "there.zip").write_bytes(b"mine")
    ran = holdfire("records", "bundle", *ALL, "--out", str(tmp_path / "there.zip"))
    assert (ran.code, (tmp_path / "there.zip").read_bytes()) == (2, b"mine")
    ran = holdfire("records", "bundle", *ALL, "--out", str(tmp_path / "no" / "bundle.zip"))
    assert ran.code == 2
    assert "cannot be written" in ran.errors


def test_what_is_not_signed_yet_is_not_bundled(tmp_path: Path, holdfire: Command) -> None:
    """A tombstone that no checkpoint covers has no receipt, and a bundle without it would mislead."""
    with running(tmp_path) as service:
        gone, _ = choose(service, "accept_all"), choose(service, "accept_all")
    assert holdfire("erase", "--site", "demo", "--visitor", gone["visitor"], "--yes").code == 0

    assert "not signed yet" in nothing(holdfire, tmp_path, *ALL).errors
