"""What visitors were shown is kept before a record refers to it, and stated in the log."""

import hashlib
import zlib
from pathlib import Path
from typing import Any

import msgspec
import pytest

import kept
from handed import handed_in
from holdfire import archive, evidence
from holdfire.archive import Altered, Archive
from holdfire.canonical import canonical
from holdfire.errors import StoreUnavailable
from holdfire.ledger.entry import Kind
from holdfire.model import Colours, Look, Signals, Site
from holdfire.record import Artefact, Erasure
from holdfire.store import Store
from holdfire.store.sqlite import SqliteStore
from house import NOON, Service, demo_site, running
from stores import Database


def said(site: Site, **texts: str) -> Site:
    """The site with other words in English."""
    words = {key.replace("_", "."): text for key, text in texts.items()}
    return msgspec.structs.replace(site, texts={**site.texts, "en": {**site.texts["en"], **words}})


def dyed(site: Site) -> Site:
    """The site in another colour."""
    return msgspec.structs.replace(site, look=Look(light=Colours(accent="#aa0000")))


def sha256(body: bytes) -> str:
    """In hex."""
    return hashlib.sha256(body).hexdigest()


def test_a_start_states_what_the_site_shows(service: Service) -> None:
    """Configuration, SDK and every language are in the log before anybody has acted."""
    (stated,) = kept.statements(service.folder)
    entry = kept.entries(service.folder)[-1]

    assert (stated.v, stated.site, stated.version) == (1, "demo", service.site.version)
    assert stated.texts.keys() == service.site.texts.keys()
    assert entry.kind is Kind.CONFIG
    assert entry.tail.hex() == stated.config
    assert entry.evidence == hashlib.sha256(canonical(stated)).digest()
    for digest in (stated.config, stated.sdk, *stated.texts.values()):
        assert sha256(kept.body(service.folder, digest) or b"") == digest


def test_a_start_that_changes_nothing_states_nothing(tmp_path: Path) -> None:
    """A statement is made when something is shown differently, and when it is as it was again."""
    site = demo_site()
    for other in (site, site, dyed(site), dyed(site), said(site, button_save="Keep"), site):
        with running(tmp_path, site=other):
            pass
    first, second, third, fourth = kept.statements(tmp_path)

    assert first == fourth
    assert second.config != first.config
    assert second.texts == first.texts
    assert third.config == first.config
    assert third.texts == {**first.texts, "en": third.texts["en"]} != first.texts


def test_the_configuration_is_kept_without_texts(service: Service) -> None:
    """It says what the site is; what is said in it is kept by language."""
    (stated,) = kept.statements(service.folder)
    members = msgspec.json.decode(kept.body(service.folder, stated.config) or b"")

    assert "texts" not in members
    assert (members["id"], members["version"]) == ("demo", service.site.version)


def test_a_record_refers_to_the_script_that_was_served(service: Service) -> None:
    """The boot script of the law, the language and the signals of the act is kept, byte by byte."""
    signal = {"sec-gpc": "1"}
    served = service.client.get("/s/demo.js?geo=DE&lang=fr", headers=signal)
    choice = service.choice("accept_all", language="fr")
    service.post(choice, query="?geo=DE", headers=signal)
    (proof,) = kept.proofs(service.folder)

    assert proof.shown.boot == sha256(served.content)
    assert kept.body(service.folder, proof.shown.boot) == served.content


def test_a_record_refers_to_the_words_that_were_served(service: Service) -> None:
    """Both tables of a language, as the page loads them, one after the other."""
    boot, _ = handed_in(service.client.get("/s/demo.js?geo=DE").text)
    service.choose("accept_all", language="de")
    (proof,) = kept.proofs(service.folder)
    tables = [
        service.client.get(f"/assets/{part}-demo-de.{boot['words']}.js").content
        for part in ("words", "more")
    ]

    assert proof.shown.texts == sha256(b"".join(tables))
    assert kept.body(service.folder, proof.shown.texts) == b"".join(tables)


def test_a_record_refers_to_the_whole_build(service: Service) -> None:
    """Every chunk that a page may load is in it as it is served."""
    service.choose("accept_all")
    (proof,) = kept.proofs(service.folder)
    build = msgspec.json.decode(kept.body(service.folder, proof.shown.sdk) or b"")
    name = f"preferences.{build['sdk']}.js"

    assert build["chunks"][name] == service.client.get(f"/assets/{name}").text
    assert build["core"] in service.client.get("/s/demo.js").text


def test_visitors_who_are_shown_the_same_share_what_is_kept(service: Service) -> None:
    """It is kept once; another signal, law or language is another script."""
    queries = ("?geo=DE", "?geo=DE", "?geo=FR", "?geo=DE&gpc=1", "?geo=DE&lang=fr")
    for query in queries:
        service.client.cookies.clear()
        language = "fr" if "fr" in query else "de"
        service.post(service.choice("accept_all", language=language), query=query)
    same, again, *others = [proof.shown.boot for proof in kept.proofs(service.folder)]

    assert same == again
    assert len({same, *others}) == 4


@pytest.fixture
def failing(service: Service, monkeypatch: pytest.MonkeyPatch) -> Service:
    """A service whose disk takes records, and nothing that was shown."""
    store = service.client.app.state.house.ctx.store  # type: ignore[attr-defined]  # the client types it as any ASGI callable

    async def refuse(_: object) -> None:
        raise StoreUnavailable("The disk is full.")

    monkeypatch.setattr(store, "keep", refuse)
    return service


def test_no_record_refers_to_what_is_not_kept(failing: Service) -> None:
    """An act is not recorded while what the visitor saw cannot be kept."""
    answer = failing.choose("accept_all")

    assert answer.status_code == 503
    assert kept.records(failing.folder) == []


class Unwilling:
    """A store that takes nothing for a while."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.willing = False

    def __getattr__(self, name: str) -> Any:
        """A method of the store, once it is willing."""
        return getattr(self._store, name) if self.willing else self._refuse

    async def _refuse(self, *_: object) -> None:
        raise StoreUnavailable("It is not there.")


async def test_a_start_does_not_wait_for_the_store(database: Database, tmp_path: Path) -> None:
    """What could not be kept and stated at the start is, before the first record."""
    with running(tmp_path / "service") as service:
        ctx = service.client.app.state.house.ctx  # type: ignore[attr-defined]  # the client types it as any ASGI callable
    store = await database.open()
    unwilling: Any = Unwilling(store)
    late = Archive(unwilling, ctx.display, lambda: NOON)
    await late.publish([service.site])
    before = await archive.published(store)
    unwilling.willing = True
    seen = ctx.display.seen(service.site, ctx.lawbook.regimes["de"], "de", Signals())
    await late.refer(service.site, seen)
    after = await archive.published(store)
    found = [await archive.read(store, one.digest) for one in seen]
    needed = await archive.referred(store)
    await store.close()

    assert before == {}
    assert after.keys() == {"demo"}
    assert found == [one.body() for one in seen]
    assert {one.digest for one in seen} <= needed


def referred(folder: Path) -> set[str]:
    """What has to be kept."""
    return kept.asked(folder, archive.referred)


def test_what_records_and_the_site_refer_to_has_to_be_kept(tmp_path: Path) -> None:
    """Older words, scripts and builds stay while a record names them, and current ones always."""
    site = demo_site()
    with running(tmp_path, site=site) as service:
        service.choose("accept_all")
    with running(tmp_path, site=said(dyed(site), button_save="Keep")):
        pass
    (proof,) = kept.proofs(tmp_path)
    old, new = kept.statements(tmp_path)
    shown = proof.shown

    assert {shown.texts, shown.config, shown.sdk, shown.boot} <= referred(tmp_path)
    assert {new.config, new.sdk, *new.texts.values()} <= referred(tmp_path)
    assert shown.config == old.config != new.config
    assert set(kept.asked(tmp_path, lambda store: store.artefacts())) == referred(tmp_path)


async def test_what_nothing_refers_to_any_more_may_go(tmp_path: Path) -> None:
    """When the last record of an older notice is erased, what it showed is not needed."""
    site = demo_site()
    newer = msgspec.structs.replace(said(dyed(site), button_save="Keep"), version="f" * 16)
    with running(tmp_path, site=site) as service:
        service.choose("accept_all")
    with running(tmp_path, site=newer) as service:
        service.client.cookies.clear()
        service.choose("reject_all")
    store = await SqliteStore.open(tmp_path / "holdfire.db")
    try:
        old, new = [evidence.read(record).shown async for record in store.scan()]
        erasure = Erasure("record", "retention", int(NOON * 1000), "demo")
        before = await archive.referred(store)
        await store.erase(erasure)
        after = await archive.referred(store)
    finally:
        await store.close()

    assert before - after == {old.texts, old.config, old.boot}
    assert new.boot in after  # the site shows it: the next record may name it without a look


async def altered(folder: Path, digest: str, body: bytes) -> None:
    """Somebody with the database's own shell changes what is kept."""
    store = await SqliteStore.open(folder / "holdfire.db")
    artefact = await store.artefact(digest)
    assert artefact is not None
    await store.discard([digest])
    await store.keep([Artefact(digest, artefact.shown, body)])
    await store.close()


@pytest.mark.parametrize("body", [b"no such thing", zlib.compress(b"other words")])
async def test_what_was_altered_is_not_taken_for_what_it_was(tmp_path: Path, body: bytes) -> None:
    """What is read back has its digest, or is named as altered."""
    with running(tmp_path) as service:
        service.choose("accept_all")
    store = await SqliteStore.open(tmp_path / "holdfire.db", writing=False)
    [shown] = [evidence.read(record).shown async for record in store.scan()]
    await store.close()
    await altered(tmp_path, shown.texts, body)
    store = await SqliteStore.open(tmp_path / "holdfire.db", writing=False)
    try:
        with pytest.raises(Altered, match=f"the texts kept as {shown.texts}"):
            await archive.read(store, shown.texts)
    finally:
        await store.close()
