"""The keys of consent tokens: how they change, who may read them, and what verifiers see of it."""

import time
from functools import partial
from pathlib import Path

import jwt
import pytest

from commands import command
from consent_tokens import consent_of, key_set, keys_of, token_of, why
from holdfire import verify
from holdfire.errors import ConfigError, HoldfireError
from holdfire.token_keys import FOLDER
from house import Clock, Service, running


def test_the_key_set_is_public(service: Service) -> None:
    """Anybody may read it, keep it for five minutes, and ask whether it has changed."""
    answer = service.client.get("/.well-known/jwks.json", headers={"origin": "https://any.example"})
    (key,) = answer.json()["keys"]

    assert answer.headers["content-type"] == "application/jwk-set+json"
    assert answer.headers["cache-control"] == "public, max-age=300"
    assert answer.headers["access-control-allow-origin"] == "*"
    assert {name: key[name] for name in ("kty", "crv", "alg", "use")} == {
        "kty": "OKP",
        "crv": "Ed25519",
        "alg": "EdDSA",
        "use": "sig",
    }
    assert key.keys() == {"kty", "crv", "x", "kid", "alg", "use"}
    again = service.client.get(
        "/.well-known/jwks.json",
        headers={"if-none-match": f'"another", {answer.headers["etag"]}'},
    )
    assert (again.status_code, again.content) == (304, b"")


def test_a_key_is_made_once_and_readable_by_its_owner_only(tmp_path: Path) -> None:
    """The folder is 0700, the file 0600, and the next start signs with the same key."""
    with running(tmp_path) as service:
        first = key_set(service)
    with running(tmp_path) as service:
        assert key_set(service) == first
    folder = tmp_path / "var" / FOLDER

    assert folder.stat().st_mode & 0o777 == 0o700
    assert [path.name for path in folder.iterdir()] == ["1.key"]
    assert (folder / "1.key").stat().st_mode & 0o777 == 0o600


def test_a_key_is_named_by_its_thumbprint(service: Service) -> None:
    """An independent library finds the same name for it (RFC 7638)."""
    (key,) = key_set(service)["keys"]
    theirs = jwt.PyJWK({name: value for name, value in key.items() if name != "kid"})

    assert theirs.key_type == "OKP"
    assert key["kid"] == jwt.get_unverified_header(token_of(service))["kid"]


def test_a_new_key_is_published_at_once_and_signs_when_verifiers_have_it(service: Service) -> None:
    """Who fetches the key set every five minutes never meets a token that it cannot check."""
    (old,) = key_set(service)["keys"]
    keys_of(service).rotate()
    held = key_set(service)
    fetched = service.clock()

    assert held["keys"][0] == old
    assert len(held["keys"]) == 2
    signed_by = set()
    for _ in range(0, 26 * 60, 5):
        made = token_of(service)
        verify.verify(made, held, site="demo", now=service.clock())
        signed_by.add(
            (jwt.get_unverified_header(made)["kid"], int(service.clock() - fetched) < 600)
        )
        service.clock.forward(seconds=300)
        held = key_set(service)

    assert signed_by == {(old["kid"], True), (held["keys"][-1]["kid"], False)}
    assert [key["kid"] for key in held["keys"]] != [old["kid"]]
    assert len(held["keys"]) == 1


def test_what_the_old_key_signed_verifies_until_it_runs_out(service: Service) -> None:
    """A token made in the last second of the old key is good for its ten minutes."""
    keys_of(service).rotate()
    service.clock.forward(seconds=599)
    made = token_of(service)
    begun = service.clock()
    service.clock.forward(seconds=599)

    assert (
        verify.verify(made, key_set(service), site="demo", now=service.clock()).issued_at == begun
    )


def test_what_a_retired_key_signed_is_refused(service: Service) -> None:
    """As soon as the key set is fetched again; the other key signs at once, and only it."""
    made = token_of(service)
    held = key_set(service)
    keys = keys_of(service)
    keys.rotate()
    keys.retire(keys.rows()[0]["id"])

    assert (
        why(lambda: verify.verify(made, key_set(service), site="demo", now=service.clock()))
        == "unknown_key"
    )
    assert consent_of(service).site == "demo"
    assert (
        why(lambda: verify.verify(token_of(service), held, site="demo", now=service.clock()))
        == "unknown_key"
    )
    assert len(key_set(service)["keys"]) == 1


def test_the_only_key_cannot_be_retired(service: Service) -> None:
    """Somebody has to sign; what to do first is said."""
    keys = keys_of(service)
    for key_id, told in ((keys.rows()[0]["id"], "keys rotate --tokens"), ("00000000", "keys list")):
        with pytest.raises(HoldfireError, match=told):
            keys.retire(key_id)


def test_a_rotation_destroys_what_is_published_no_more(service: Service) -> None:
    """The secret of a key that nothing needs is not kept."""
    keys = keys_of(service)
    keys.rotate()
    service.clock.forward(days=2)
    keys.rotate()

    assert [path.name for path in sorted(keys._folder.glob("*.key"))] == ["2.key", "3.key"]
    assert [row["state"] for row in keys.rows()] == ["signs", "published"]


def test_two_services_on_one_folder_have_one_set_of_keys(tmp_path: Path) -> None:
    """What one of them rotates the other publishes and verifies, without a restart."""
    clock = Clock()
    (tmp_path / "b" / "var").mkdir(parents=True)
    (tmp_path / "b" / "var" / FOLDER).symlink_to(tmp_path / "a" / "var" / FOLDER)
    with running(tmp_path / "a", clock=clock) as one, running(tmp_path / "b", clock=clock) as other:
        keys_of(one).rotate()
        assert key_set(one) == key_set(other)
        clock.forward(seconds=600)
        made = token_of(other)
        assert verify.verify(made, key_set(one), site="demo", now=clock()).site == "demo"
        assert jwt.get_unverified_header(made)["kid"] == key_set(one)["keys"][1]["kid"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_keys_that_others_can_read_stop_the_start(tmp_path: Path, mode: int) -> None:
    """It says how to mend it."""
    with running(tmp_path):
        pass
    (tmp_path / "var" / FOLDER / "1.key").chmod(mode)

    with pytest.raises(ConfigError, match="chmod 600"), running(tmp_path):
        pass


def test_keys_that_go_bad_meanwhile_sign_nothing(service: Service) -> None:
    """503, and tokens again when the folder is mended."""
    path = service.folder / "var" / FOLDER / "2.key"
    path.write_text("no key\n")
    path.chmod(0o600)

    for url in (f"{service.base}/token", "/.well-known/jwks.json"):
        answer = service.client.get(url)
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "store_unavailable")
        assert "2.key" not in answer.text
    path.unlink()
    assert consent_of(service).site == "demo"


def test_a_folder_that_was_emptied_gets_a_new_key(service: Service) -> None:
    """What the old one signed is refused, and nobody is left without tokens."""
    made = token_of(service)
    (service.folder / "var" / FOLDER / "1.key").unlink()
    held = key_set(service)

    assert len(held["keys"]) == 1
    assert consent_of(service).site == "demo"
    judging = partial(verify.verify, made, held, site="demo", now=service.clock())
    assert why(judging) == "unknown_key"


def test_the_command_line_rotates_lists_and_retires(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """``keys rotate --tokens`` adds a key, ``keys list`` shows both, ``keys retire`` takes one away."""
    with running(tmp_path, clock=Clock(time.time())):
        pass
    monkeypatch.setenv("HOLDFIRE_DATA_DIR", str(tmp_path / "var"))
    holdfire = command(tmp_path, monkeypatch, capsys)
    (kid,) = holdfire("keys", "rotate", "--tokens").out.split()
    (listed,) = holdfire("keys", "list", "--json").lines
    old, new = listed["consent_tokens"]

    assert (new["kid"], old["state"], new["state"]) == (kid, "signs", "published")
    assert holdfire("keys", "retire", old["id"]).out == f"{old['kid']}\n"
    assert holdfire("keys", "retire", new["id"]).code == 2
