"""API keys, as operators make and revoke them, and as servers use them."""

import base64
import json
import re
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from commands import Command, command
from holdfire.apikeys import FOLDER, SCOPES, USED, ApiKeys
from holdfire.errors import ConfigError, HoldfireError, KeyInvalid, ScopeRefused
from house import ORIGIN, Clock, Service, demo_site, running

YEAR = 365 * 86_400
NOBODY = "A" * 22
SCANNED = re.compile(r"hfk_[0-9a-f]{8}_[A-Za-z0-9_-]{43}")


@pytest.fixture
def holdfire(
    service: Service, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """The command line beside the running service."""
    return command(service.folder, monkeypatch, capsys)


def made(holdfire: Command, expires: str = "90d") -> tuple[str, str]:
    """A key by the command line: its id, and the key itself."""
    ran = holdfire(
        "keys", "create", "--site", "demo", "--scope", "decisions:read", "--expires", expires
    )
    assert ran.code == 0, ran.errors
    key = ran.out.strip()
    return key.split("_", 2)[1], key


def ask(service: Service, *keys: str, **more: Any) -> httpx2.Response:
    """Ask for one visitor, with an Authorization header for each of the keys."""
    headers = [("authorization", f"Bearer {key}") for key in keys]
    url = f"{service.base}/decisions"
    return service.client.post(url, json={"visitors": [NOBODY]}, headers=headers, **more)


def keys_in(service: Service, clock: Clock | None = None) -> ApiKeys:
    """The folder of the running service, opened by somebody else."""
    numbers = iter(range(1, 256))
    return ApiKeys(
        service.folder / "var" / FOLDER,
        lambda size: bytes([next(numbers)]) * size,
        clock or service.clock,
    )


def refused(answer: httpx2.Response) -> str:
    """The code of a refusal."""
    return str(answer.json()["error"]["code"])


# ---------------------------------------------------------------- made


def test_a_key_that_was_made_opens_the_batch(service: Service, holdfire: Command) -> None:
    """The running service takes it at once, without a restart."""
    assert refused(ask(service, f"hfk_00000000_{'A' * 43}")) == "key_invalid"
    _, key = made(holdfire)

    assert ask(service, key).status_code == 200


def test_a_key_has_256_bits_and_a_form_that_scanners_find(holdfire: Command) -> None:
    """It stands alone on standard output, and what stands beside it says that it is shown once."""
    ran = holdfire(
        "keys", "create", "--site", "demo", "--scope", "decisions:read", "--expires", "1y"
    )

    assert SCANNED.fullmatch(ran.out.strip())
    assert len(base64.urlsafe_b64decode(ran.out.strip().split("_", 2)[2] + "=")) == 32
    assert "not shown again" in ran.errors
    assert not SCANNED.search(ran.errors)


def test_a_key_as_json_says_what_it_is_for(holdfire: Command) -> None:
    """Id, key, site, scopes and times, in one document."""
    arguments = ["--site", "demo", "--scope", "decisions:read", "--expires", "12h", "--json"]
    (shown,) = holdfire("keys", "create", *arguments).lines

    assert SCANNED.fullmatch(shown.pop("key"))
    assert re.fullmatch(r"[0-9a-f]{8}", shown.pop("id"))
    assert (shown["site"], shown["scopes"]) == ("demo", ["decisions:read"])
    assert shown["made"] < shown["expires"]


def test_no_key_is_kept_anywhere(
    service: Service, holdfire: Command, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither the key nor its secret is in the folder, the database, a list or the log."""
    caplog.set_level("DEBUG")
    _, key = made(holdfire)
    service.choose("accept_all")
    ask(service, key)
    ask(service, key[:-1])
    secret = key.split("_", 2)[2]

    listed = holdfire("keys", "list"), holdfire("keys", "list", "--json")
    files = [path for path in service.folder.rglob("*") if path.is_file()]
    assert any(path.suffix == ".key" and FOLDER in path.parts for path in files)
    assert not [path for path in files if secret[:20].encode() in path.read_bytes()]
    assert not any(secret[:20] in ran.out + ran.errors for ran in listed)
    assert secret[:20] not in caplog.text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--site", "nowhere", "--scope", "decisions:read", "--expires", "90d"), "there are: demo"),
        (("--site", "demo", "--scope", "decision:read", "--expires", "90d"), "decisions:read"),
        (("--site", "demo", "--scope", "decisions:read", "--expires", "3y"), "--expires 2y"),
        (("--site", "demo", "--scope", "decisions:read", "--expires", "731d"), "--expires 2y"),
        (("--site", "demo", "--scope", "decisions:read", "--expires", "0d"), "90d"),
        (("--site", "demo", "--scope", "decisions:read", "--expires", "-1d"), "expires"),
        (("--site", "demo", "--scope", "decisions:read", "--expires", "90"), "90d"),
        (("--site", "demo", "--scope", "decisions:read", "--expires", "٣d"), "90d"),
        (("--site", "demo", "--scope", "decisions:read"), "--expires"),
        (("--site", "demo", "--expires", "90d"), "--scope"),
        (("--scope", "decisions:read", "--expires", "90d"), "--site"),
    ],
)
def test_what_cannot_be_meant_makes_no_key(
    service: Service,
    holdfire: Command,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    said: str,
) -> None:
    """Exit 2, with what to do instead, and nothing in the folder."""
    try:
        ran = holdfire("keys", "create", *arguments)
        code, errors = str(ran.code), ran.errors
    except SystemExit as stopped:
        code, errors = str(stopped.code), capsys.readouterr().err

    assert code == "2"
    assert said in errors
    assert not list((service.folder / "var").glob(f"{FOLDER}/*.key"))


def test_folder_and_files_are_readable_by_their_owner_only(
    service: Service, holdfire: Command
) -> None:
    """0700 and 0600, and no draft stays behind."""
    key_id, key = made(holdfire)
    ask(service, key)
    folder = service.folder / "var" / FOLDER

    modes = {str(p.relative_to(folder)): stat.S_IMODE(p.stat().st_mode) for p in folder.rglob("*")}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert modes == {f"{key_id}.key": 0o600, USED: 0o700, f"{USED}/{key_id}": 0o600}


def test_keys_made_at_once_are_all_kept(service: Service) -> None:
    """Each has a file of its own, also where two draw the same id."""
    wanted = 8
    begin = threading.Barrier(wanted)
    texts: list[str] = []

    def make() -> None:
        keys = keys_in(service)  # all draw the same numbers
        begin.wait()
        texts.append(keys.create("demo", SCOPES, 3_600)[1])

    threads = [threading.Thread(target=make) for _ in range(wanted)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len({text.split("_", 2)[1] for text in texts}) == wanted
    assert {ask(service, text).status_code for text in texts} == {200}


# ---------------------------------------------------------------- refused


def wrong(key: str) -> Iterator[tuple[str, list[str]]]:
    """What is not the key, and what is sent of it."""
    head, key_id, secret = key.split("_", 2)
    swapped = "B" if secret[0] == "A" else "A"
    yield "none", []
    yield "empty", [""]
    yield "another secret", [f"{head}_{key_id}_{swapped}{secret[1:]}"]
    yield "another id", [f"{head}_{'0' * 8}_{secret}"]
    yield "cut off", [key[:-1]]
    yield "longer", [key + "A"]
    yield "id alone", [f"{head}_{key_id}_"]
    yield "upper case", [key.upper()]
    yield "twice", [key, key]
    yield "two in one", [f"{key}, {key}"]
    yield "two schemes", [f"Bearer {key}"]
    yield "beyond ASCII", [key + "é"]
    yield "very long", ["x" * 4_000]


def test_what_is_not_the_key_is_refused_in_the_same_words(
    service: Service, holdfire: Command
) -> None:
    """Every wrong key gets the same answer, and is told how a key is sent."""
    _, key = made(holdfire)
    bodies = {}
    for what, keys in wrong(key):
        headers = [(b"authorization", f"Bearer {sent}".encode("latin-1")) for sent in keys]
        answer = service.client.post(
            f"{service.base}/decisions", json={"visitors": [NOBODY]}, headers=headers
        )
        assert answer.status_code == 401, what
        assert answer.headers["www-authenticate"] == "Bearer"
        bodies[what] = (refused(answer), answer.json()["error"]["message"])

    assert len(set(bodies.values())) == 1
    assert bodies["none"][0] == "key_invalid"


@pytest.mark.parametrize("scheme", ["Basic", "Token", ""])
def test_a_key_goes_as_a_bearer_only(service: Service, holdfire: Command, scheme: str) -> None:
    """Under another scheme it is none; the scheme itself is read in any case (RFC 9110 §11.1)."""
    _, key = made(holdfire)
    url, body = f"{service.base}/decisions", {"visitors": [NOBODY]}

    other = service.client.post(url, json=body, headers={"authorization": f"{scheme} {key}"})
    lower = service.client.post(url, json=body, headers={"authorization": f"bearer {key}"})

    assert (other.status_code, lower.status_code) == (401, 200)


def test_a_key_in_the_address_or_a_cookie_is_no_key(service: Service, holdfire: Command) -> None:
    """Addresses end up in logs: any parameter is refused, also beside a good key."""
    _, key = made(holdfire)
    url, body = f"{service.base}/decisions", {"visitors": [NOBODY]}

    for name in ("key", "api_key", "access_token", "token"):
        assert refused(service.client.post(f"{url}?{name}={key}", json=body)) == "bad_query"
        good = {"authorization": f"Bearer {key}"}
        beside = service.client.post(f"{url}?{name}={key}", json=body, headers=good)
        assert refused(beside) == "bad_query"
        cookie = {"cookie": f"{name}={key}; holdfire_demo={key}"}
        assert refused(service.client.post(url, json=body, headers=cookie)) == "key_invalid"
    header = {"x-api-key": key}
    assert refused(service.client.post(url, json=body, headers=header)) == "key_invalid"


def test_a_page_gets_nothing_with_a_key(service: Service, holdfire: Command) -> None:
    """Whoever sends an Origin is a browser, and a key in a page is everybody's."""
    _, key = made(holdfire)
    for origin in (ORIGIN, "https://elsewhere.example", "null", ""):
        headers = {"authorization": f"Bearer {key}", "origin": origin}
        answer = service.client.post(
            f"{service.base}/decisions", json={"visitors": [NOBODY]}, headers=headers
        )
        assert (answer.status_code, refused(answer)) == (403, "origin_refused")


def test_a_key_is_no_visitor_token(service: Service, holdfire: Command) -> None:
    """And a visitor token is no key: neither opens the other's door."""
    _, key = made(holdfire)
    token = service.choose("accept_all").json()["token"]

    as_token = service.get("/decisions", headers={"authorization": f"Bearer {key}"})
    assert refused(as_token) == "token_invalid"
    assert refused(ask(service, token)) == "key_invalid"


def test_a_key_of_another_site_learns_nothing_of_the_visitor(service: Service) -> None:
    """The same refusal whether the visitor is known or not; nothing is asked of the store."""
    keys = keys_in(service)
    _, key = keys.create("another", SCOPES, 3_600)
    known = service.choose("accept_all").json()["visitor"]
    service.client.cookies.clear()

    answers = [
        service.client.post(
            f"{service.base}/decisions",
            json={"visitors": [visitor]},
            headers={"authorization": f"Bearer {key}"},
        )
        for visitor in (known, NOBODY)
    ]

    bodies = [answer.json()["error"] for answer in answers]
    assert [answer.status_code for answer in answers] == [403, 403]
    assert bodies[0]["code"] == bodies[1]["code"] == "scope_refused"
    assert bodies[0]["message"] == bodies[1]["message"]


def test_a_key_without_the_scope_is_refused(service: Service) -> None:
    """A key opens what it was made for and nothing else."""
    keys = keys_in(service)
    _, key = keys.create("demo", (), 3_600)

    with pytest.raises(ScopeRefused):
        keys.check(key, "demo", "decisions:read")
    assert ask(service, key).status_code == 403


# ---------------------------------------------------------------- ended


def test_a_revoked_key_is_refused_with_the_next_request(
    service: Service, holdfire: Command
) -> None:
    """The others hold on; revoking it again changes nothing."""
    key_id, key = made(holdfire)
    _, other = made(holdfire)
    assert ask(service, key).status_code == 200

    assert holdfire("keys", "revoke", key_id).code == 0

    assert refused(ask(service, key)) == "key_invalid"
    assert ask(service, other).status_code == 200
    before = (service.folder / "var" / FOLDER / f"{key_id}.key").read_bytes()
    assert holdfire("keys", "revoke", key_id).code == 0
    assert (service.folder / "var" / FOLDER / f"{key_id}.key").read_bytes() == before


def test_no_change_is_missed_however_quick(service: Service) -> None:
    """The clock of a file system stands still for milliseconds; each change shows all the same."""
    keys = keys_in(service)
    seen = keys_in(service)
    for _ in range(100):
        key, text = keys.create("demo", SCOPES, 3_600)
        assert seen.check(text, "demo", "decisions:read").id == key.id
        keys.revoke(key.id)
        with pytest.raises(KeyInvalid):
            seen.check(text, "demo", "decisions:read")


@pytest.mark.parametrize("key_id", ["00000000", "../../visitor", "", "*"])
def test_revoking_what_is_not_there_is_an_error_of_use(holdfire: Command, key_id: str) -> None:
    """Exit 2, one line, which says where the ids are."""
    ran = holdfire("keys", "revoke", key_id)

    assert ran.code == 2
    assert ran.errors.count("\n") == 1
    assert "holdfire keys list" in ran.errors


def test_a_key_ends_at_its_second(service: Service) -> None:
    """It holds until then and not a second longer."""
    _, key = keys_in(service).create("demo", SCOPES, 3_600)
    service.clock.forward(seconds=3_599)
    assert ask(service, key).status_code == 200

    service.clock.forward(seconds=1)

    assert refused(ask(service, key)) == "key_invalid"


def test_a_key_lives_two_years_at_most(service: Service) -> None:
    """One that nobody remembers has to end; one without any life is none."""
    keys = keys_in(service)

    assert keys.create("demo", SCOPES, 2 * YEAR)[0].expires == service.clock.now + 2 * YEAR
    for seconds in (2 * YEAR + 1, 0, -1):
        with pytest.raises(HoldfireError, match="two years"):
            keys.create("demo", SCOPES, seconds)


def test_a_removed_file_ends_its_key(service: Service, holdfire: Command) -> None:
    """Who has no command at hand takes the file away."""
    key_id, key = made(holdfire)
    assert ask(service, key).status_code == 200

    (service.folder / "var" / FOLDER / f"{key_id}.key").unlink()

    assert refused(ask(service, key)) == "key_invalid"


# ---------------------------------------------------------------- the folder


def test_a_file_that_is_no_key_opens_nothing_and_stops_nothing(
    service: Service, holdfire: Command
) -> None:
    """Foreign, half-written, misnamed, readable by others: named in the list, and passed over."""
    key_id, key = made(holdfire)
    folder = service.folder / "var" / FOLDER
    whole = (folder / f"{key_id}.key").read_bytes()
    (folder / "README").write_text("not a key")
    (folder / f".{key_id}.key.123").write_bytes(whole[:20])
    damaged = {
        "11111111.key": whole[: len(whole) // 2],
        "22222222.key": whole,  # another's name
        "33333333.key": b"",
        "44444444.key": b"[" * 10_000,
        "55555555.key": whole.replace(key_id.encode(), b"55555555").replace(b"demo", b"d\xffmo"),
        "66666666.key": whole.replace(key_id.encode(), b"66666666"),
    }
    for name, content in damaged.items():
        (folder / name).write_bytes(content)
        (folder / name).chmod(0o644 if name.startswith("6") else 0o600)
    (folder / "77777777.key").mkdir()

    assert ask(service, key).status_code == 200
    assert {ask(service, key.replace(key_id, f"{n}" * 8)).status_code for n in range(10)} == {401}
    told = holdfire("keys", "list").errors
    assert all(name in told for name in (*damaged, "77777777.key"))
    assert "README" not in told
    assert len(json.loads(holdfire("keys", "list", "--json").out)["api"]) == 1


def test_every_cut_of_a_key_file_opens_nothing(service: Service) -> None:
    """Half a file is no key, wherever it ends."""
    keys = keys_in(service)
    key, text = keys.create("demo", SCOPES, 3_600)
    path = service.folder / "var" / FOLDER / f"{key.id}.key"
    whole = path.read_bytes()

    for end in range(len(whole)):
        path.write_bytes(whole[:end])
        with pytest.raises(KeyInvalid):
            keys_in(service).check(text, "demo", "decisions:read")


def test_a_folder_that_others_may_write_stops_the_start(service: Service) -> None:
    """Anybody could put a key there; the start says how to mend it."""
    keys_in(service).create("demo", SCOPES, 3_600)
    (service.folder / "var" / FOLDER).chmod(0o770)

    with pytest.raises(ConfigError, match="chmod 700"):
        keys_in(service)


def test_a_folder_that_cannot_be_read_opens_nothing(
    service: Service, holdfire: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A revocation could be missed, so nobody is let in; 503 says to come back."""
    _, key = made(holdfire)
    assert ask(service, key).status_code == 200

    def broken(_: Path, **__: object) -> object:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "stat", broken)
        answer = ask(service, key)
    assert (answer.status_code, refused(answer)) == (503, "store_unavailable")
    assert ask(service, key).status_code == 200


def test_a_folder_that_was_taken_away_opens_nothing(service: Service, holdfire: Command) -> None:
    """Without the folder there are no keys; with it they are back."""
    _, key = made(holdfire)
    assert ask(service, key).status_code == 200
    folder = service.folder / "var" / FOLDER
    folder.rename(folder.with_name("away"))
    assert refused(ask(service, key)) == "key_invalid"

    folder.with_name("away").rename(folder)

    assert ask(service, key).status_code == 200


# ---------------------------------------------------------------- listed


def test_the_list_says_what_each_key_is_and_when_it_was_used(
    service: Service, holdfire: Command
) -> None:
    """Active, expired and revoked; the log's and the visitors' keys stand there as before."""
    active, key = made(holdfire, "2y")
    revoked, _ = made(holdfire, "2y")
    expired = keys_in(service, Clock(1_000.0)).create("demo", SCOPES, 60)[0].id
    holdfire("keys", "revoke", revoked)
    service.clock.now = 1_700_000_000.0
    ask(service, key)

    listed = json.loads(holdfire("keys", "list", "--json").out)
    rows = {row["id"]: row for row in listed["api"]}
    assert set(listed) == {"log", "visitor_tokens", "consent_tokens", "api"}
    assert listed["visitor_tokens"][0]["state"] == "signs"
    assert {name: row["state"] for name, row in rows.items()} == {
        active: "active",
        revoked: "revoked",
        expired: "expired",
    }
    assert rows[active]["used"] == "2023-11-14T22:13:20Z"
    assert (rows[revoked]["used"], rows[active]["revoked"]) == (None, None)
    assert rows[revoked]["revoked"]
    assert rows[expired]["expires"] == "1970-01-01T00:17:40Z"
    lines = holdfire("keys", "list").out.splitlines()
    assert [line for line in lines if line.startswith(active) and "last used 2023" in line]


def test_a_use_is_noted_once_a_minute(service: Service) -> None:
    """Not more often, so that asking costs no write; and a refused use is none."""
    keys = keys_in(service)
    key, text = keys.create("demo", SCOPES, 3_600)
    assert refused(ask(service, text[:-1])) == "key_invalid"
    assert keys.used(key.id) is None
    first = int(service.clock.now)
    noted = []
    for seconds in (0, 59, 1, 30):
        service.clock.forward(seconds=seconds)
        ask(service, text)
        noted.append(keys.used(key.id))

    assert noted == [first, first, first + 60, first + 60]


def test_a_use_that_cannot_be_noted_is_answered(service: Service) -> None:
    """The note is for a list; the answer does not wait for it."""
    _, text = keys_in(service).create("demo", SCOPES, 3_600)
    used = service.folder / "var" / FOLDER / USED
    used.rmdir()
    used.write_text("in the way")

    assert ask(service, text).status_code == 200


def test_a_service_finds_the_keys_made_before_its_start(tmp_path: Path) -> None:
    """They are in the folder, and nowhere else."""
    keys = ApiKeys(tmp_path / "var" / FOLDER, lambda size: b"\x07" * size, Clock())
    _, text = keys.create(demo_site().id, SCOPES, 3_600)

    with running(tmp_path) as service:
        assert ask(service, text).status_code == 200
