"""A bundle for a court: records, their receipts, and all it takes to check them without us.

One zip file, written straight to the disk, that unpacks anywhere; ``readme`` says what is in it.
The same log and the same checkpoints give the same bytes: nothing in it tells when it was made.
Members are stored, not deflated, as the bytes of a deflated file are those of one version of zlib.
"""

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from hashlib import sha256
from tempfile import TemporaryFile
from typing import IO, NamedTuple
from zipfile import ZIP_STORED, ZipFile, ZipInfo

import msgspec

from holdfire import archive, evidence
from holdfire.archive import Altered
from holdfire.export import plain, readme
from holdfire.export.progress import Progress
from holdfire.export.reading import at
from holdfire.export.selection import Selection, selected
from holdfire.law import Regime
from holdfire.ledger import entry
from holdfire.ledger.entry import Kind
from holdfire.ledger.receipt import NOT_SHOWN, Receipt
from holdfire.notary.receipts import Receipts
from holdfire.record import Head, Record, Said, Shown
from holdfire.store import Store

EPOCH = (1980, 1, 1, 0, 0, 0)
UNIX, READABLE = 3, 0o644 << 16
DIGEST = re.compile(rb'"([0-9a-f]{64})"')
ENDINGS: Mapping[Shown, str] = {
    "texts": "texts.js",
    "config": "config.json",
    "sdk": "sdk.json",
    "boot": "boot.js",
}


class Tools(NamedTuple):
    """What comes along so that nothing has to be asked for: whole files."""

    policy: bytes
    verifier: bytes  # verify.pyz
    page: bytes  # verify.html


class Bundle:
    """One bundle as it is written."""

    def __init__(
        self,
        store: Store,
        receipts: Receipts,
        tools: Tools,
        regimes: Mapping[str, Regime],
        *,
        selection: Selection,
        heads: Sequence[Head],
    ) -> None:
        """What is selected up to the ``heads``. ``regimes`` are for the words: today's laws."""
        self._store = store
        self._selection = selection
        self._heads = heads
        self._receipts = receipts
        self._tools = tools
        self._regimes = regimes
        self._digests: set[str] = set()  # of what was on view
        self._sites: set[str] = set()
        self._shorn: set[tuple[str, int]] = set()  # origin and index of records that lost something

    async def write(self, out: IO[bytes], progress: Progress) -> int:
        """Write the bundle; returns how many records it has.

        Memory grows by the names of the files alone. Raises ``ReceiptNotReady`` if the newest is
        not signed yet, ``LogRefused`` if what is stored is not what was signed, and
        ``StoreUnavailable``.
        """
        origins = {head.log: head.origin for head in self._heads}
        found = selected(self._store, self._selection, self._heads, progress.read)
        with TemporaryFile() as sums, TemporaryFile() as index, ZipFile(out, "w") as packed:
            files = _Files(packed, sums)
            files.add("README.txt", readme.as_text().encode())
            files.add("README.html", readme.as_html().encode())
            files.add("policy.txt", self._tools.policy)
            files.add("verify.pyz", self._tools.verifier)
            files.add("verify.html", self._tools.page)
            async for record in found:
                await self._record(files, record, origins[record.log])
                index.write(_listed(record).encode())
                progress.written += 1
            async for said in self._concerned():
                await self._statement(files, said)
            for line in [line async for line in self._artefacts(files)]:
                index.write(line.encode())
            files.copy("INDEX.txt", index)
            files.copy("SHA256SUMS", sums)
        progress.end()
        return progress.written

    async def _record(self, files: "_Files", record: Record, origin: str) -> None:
        receipt = await self._receipts.receipt(record.log, record.log_index)
        shown = evidence.read(record).shown
        self._digests |= {shown.texts, shown.config, shown.sdk, shown.boot}
        self._sites.add(record.site)
        regime = self._regimes.get(evidence.read(record).regime.id)
        folder = _folder("records", record.log, record.log_index)
        files.add(f"{folder}/record.txt", plain.told(record, receipt, regime).encode())
        _receipt(files, folder, receipt)
        files.add(f"{folder}/evidence.json", receipt.evidence.body)
        files.add(f"{folder}/evidence.salt", receipt.evidence.salt)
        if receipt.subject == NOT_SHOWN:
            self._shorn.add((origin, record.log_index))
            return
        files.add(f"{folder}/subject.json", receipt.subject.body)
        files.add(f"{folder}/subject.salt", receipt.subject.salt)

    async def _concerned(self) -> AsyncIterator[Said]:
        """The statements about what is in the bundle: keys, notes, publications, tombstones."""
        ends = {head.log: head.size for head in self._heads}
        async for said in self._store.statements():
            if said.log_index < ends.get(said.log, 0) and await self._concerns(said):
                yield said

    async def _concerns(self, said: Said) -> bool:
        if said.kind == Kind.CONFIG:
            named = {digest.decode() for digest in DIGEST.findall(said.body)}
            return said.site in self._sites and bool(named & self._digests)
        if said.kind == Kind.ERASURE:
            gone = msgspec.json.decode(said.body, type=_Gone)
            return (gone.origin, gone.index) in self._shorn or await self._was_meant(
                gone, said.site
            )
        return True

    async def _was_meant(self, gone: "_Gone", site: str | None) -> bool:
        """Whether a record that is there no more may have been selected: its entry tells when."""
        asked = self._selection
        log = next((head.log for head in self._heads if head.origin == gone.origin), None)
        if log is None or asked.visitor or asked.event_id or asked.site not in {None, site}:
            return False
        (body,) = await self._store.entries(log, gone.index, gone.index + 1)
        ms = entry.decode(body).ms  # of the minute's beginning
        since, until = asked.since_ms, asked.until_ms
        return (since is None or ms > since - entry.MINUTE) and (until is None or ms < until)

    async def _statement(self, files: "_Files", said: Said) -> None:
        receipt = await self._receipts.receipt(said.log, said.log_index)
        folder = _folder("statements", said.log, said.log_index)
        files.add(f"{folder}/statement.json", said.body)
        _receipt(files, folder, receipt)

    async def _artefacts(self, files: "_Files") -> AsyncIterator[str]:
        """Adds what was on view, and tells what is missing of it."""
        for digest in sorted(self._digests):
            artefact = await self._store.artefact(digest)
            if artefact is None:
                yield f"Not kept any more: the artefact {digest}\n"
                continue
            try:
                body = archive.unpacked(artefact)
            except Altered:
                yield f"Altered, and left out: the {artefact.shown} {digest}\n"
                continue
            files.add(f"artefacts/{digest}.{ENDINGS[artefact.shown]}", body)


class _Gone(msgspec.Struct, frozen=True):
    """What a tombstone names."""

    origin: str
    index: int


class _Files:
    """The members of the zip file, and their sums as sha256sum writes them."""

    def __init__(self, packed: ZipFile, sums: IO[bytes]) -> None:
        self._packed = packed
        self._sums = sums

    def add(self, name: str, body: bytes) -> None:
        self._packed.writestr(_member(name), body)
        self._sums.write(f"{sha256(body).hexdigest()}  {name}\n".encode())

    def copy(self, name: str, source: IO[bytes]) -> None:
        """Add what was written to a temporary file."""
        source.seek(0)
        summed = sha256()
        with self._packed.open(_member(name), "w", force_zip64=True) as member:
            while part := source.read(1 << 16):
                summed.update(part)
                member.write(part)
        source.seek(0, 2)
        self._sums.write(f"{summed.hexdigest()}  {name}\n".encode())


def _member(name: str) -> ZipInfo:
    member = ZipInfo(name, EPOCH)
    member.compress_type = ZIP_STORED
    member.create_system, member.external_attr = UNIX, READABLE
    return member


def _receipt(files: _Files, folder: str, receipt: Receipt) -> None:
    files.add(f"{folder}/receipt.tlog-proof", receipt.encode())
    files.add(f"{folder}/entry.bin", receipt.entry.encode())


def _folder(kind: str, log: int, log_index: int) -> str:
    """Number of the log, and of the entry in it: in the order of the logs."""
    return f"{kind}/{log}-{log_index:09}"


def _listed(record: Record) -> str:
    proof = evidence.read(record)
    said = ", ".join(f"{key} {'yes' if yes else 'no'}" for key, yes in proof.categories.items())
    folder = _folder("records", record.log, record.log_index)
    when = at(record.recorded_ms / 1000)
    return f"{folder}  {when}  {record.site}  {record.event_id}  {proof.action}  {said}\n"
