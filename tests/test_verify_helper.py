"""``holdfire.verify``: what a server that holds a consent token may believe, offline."""

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

import consent_token_vectors
from consent_token_world import CLAIMS, GOOD, HEADER, KEY_SETS, NOW, text, token
from holdfire import verify
from holdfire.ledger import ed25519
from holdfire.verify import Consent, Reason, Refused, Verifier
from house import ROOT

VECTORS: dict[str, Any] = json.loads(consent_token_vectors.FILE.read_text(encoding="utf-8"))


def judged(case: dict[str, Any]) -> Consent:
    """What is made of one case of the vectors."""
    return verify.verify(
        case["token"],
        VECTORS["key_sets"][case.get("jwks", "ours")],
        site=case.get("site", VECTORS["site"]),
        now=case.get("now", VECTORS["now"]),
        issuer=case.get("issuer", VECTORS["issuer"]),
    )


def named(case: dict[str, Any]) -> str:
    """A case, for people."""
    return f"{case.get('reason', 'good')}: {case['name']}"


def told(consent: Consent) -> dict[str, Any]:
    """The same in the words of the vectors."""

    def decisions(found: Any) -> dict[str, Any]:
        return {key: one._asdict() for key, one in found.items()}

    return {
        **asdict(consent),
        "categories": decisions(consent.categories),
        "services": decisions(consent.services),
        "sale_or_share": consent.sale_or_share._asdict(),
    }


def test_the_vectors_are_those_that_the_script_makes() -> None:
    """Nobody has to trust that the file was not edited by hand."""
    assert (
        consent_token_vectors.FILE.read_text(encoding="utf-8") == consent_token_vectors.rendered()
    )


@pytest.mark.parametrize("case", VECTORS["good"], ids=named)
def test_a_good_token_is_read(case: dict[str, Any]) -> None:
    """All that it says arrives, in its types."""
    assert told(judged(case)) == case["consent"]


@pytest.mark.parametrize("case", VECTORS["refused"], ids=named)
def test_any_other_is_refused_for_the_reason_of_the_vectors(case: dict[str, Any]) -> None:
    """The first reason that applies is told."""
    with pytest.raises(Refused) as refused:
        judged(case)

    assert refused.value.reason == case["reason"]


def test_every_reason_is_in_the_vectors() -> None:
    """The closed list has no word that no token was refused with."""
    assert {case["reason"] for case in VECTORS["refused"]} == set(get_args(Reason))


def test_what_is_not_named_may_not_fire() -> None:
    """An id that the token does not name, or that is none, is denied as unknown."""
    consent = judged({"token": GOOD})

    assert consent.allowed("analytics")
    assert consent.allowed("posthog")
    assert not consent.allowed("ga4")
    for key in ("", "Analytics", "unknown", "__class__"):
        assert not consent.allowed(key)
        assert consent.reason(key) == "unknown_service"


def test_who_brings_no_token_is_refused_like_who_brings_a_bad_one() -> None:
    """A missing cookie or header needs no question of its own."""
    with pytest.raises(Refused, match="malformed"):
        verify.verify(None, KEY_SETS["ours"], site="shop", now=NOW)


def test_a_time_that_is_no_number_refuses() -> None:
    """A clock that fails grants nothing."""
    for now in (float("nan"), float("inf"), float("-inf")):
        with pytest.raises(Refused):
            verify.verify(GOOD, KEY_SETS["ours"], site="shop", now=now)


def test_the_key_set_may_come_as_it_was_fetched() -> None:
    """As text or bytes; what is no JSON is no key set."""
    for jwks in (json.dumps(KEY_SETS["ours"]), text(KEY_SETS["ours"])):
        assert verify.verify(GOOD, jwks, site="shop", now=NOW).allowed("analytics")
    for bad in ("", "[]", "null", "[" * 100_000, b"\xff"):
        with pytest.raises(Refused, match="key_set"):
            verify.verify(GOOD, bad, site="shop", now=NOW)


def test_a_token_that_is_remembered_runs_out_all_the_same() -> None:
    """A verifier that has found a token good looks at its times each time."""
    verifier = Verifier(KEY_SETS["ours"], site="shop")
    first = verifier.verify(GOOD, NOW)

    assert verifier.verify(GOOD, NOW + 599) is first
    with pytest.raises(Refused, match="expired"):
        verifier.verify(GOOD, NOW + 600)
    with pytest.raises(Refused, match="early"):
        verifier.verify(GOOD, NOW - 6)


def test_what_was_refused_is_not_remembered_as_good() -> None:
    """A token that comes too early is looked at again, and a forged one stays forged."""
    verifier = Verifier(KEY_SETS["ours"], site="shop", remembers=2)
    forged = token(text(HEADER), text(CLAIMS), "other")
    for _ in range(3):
        with pytest.raises(Refused, match="signature"):
            verifier.verify(forged, NOW)
        with pytest.raises(Refused, match="early"):
            verifier.verify(GOOD, NOW - 60)

    assert verifier.verify(GOOD, NOW).allowed("analytics")


def test_a_verifier_forgets_before_it_grows() -> None:
    """However many tokens come, it holds no more than it was told to, and judges all of them."""
    verifier = Verifier(KEY_SETS["ours"], site="shop", remembers=4)
    for seq in range(1, 20):
        made = token(text(HEADER), text({**CLAIMS, "seq": seq}))
        assert verifier.verify(made, NOW).seq == seq
        assert len(verifier._good) <= 4


@given(st.text(max_size=200) | st.from_regex(r"[\w-]+\.[\w-]+\.[\w-]+", fullmatch=True))
def test_no_text_is_a_token_by_chance(made: str) -> None:
    """Whatever comes, the one exception is raised and no other."""
    with pytest.raises(Refused):
        judged({"token": made})


@given(st.data())
def test_whatever_is_signed_is_read_or_refused(data: st.DataObject) -> None:
    """Not even our own signature over any JSON whatever brings another exception."""
    leaf = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
    junk = st.recursive(
        leaf,
        lambda of: st.lists(of, max_size=3) | st.dictionaries(st.text(max_size=5), of, max_size=3),
    )
    changed = {**CLAIMS, data.draw(st.sampled_from(sorted(CLAIMS))): data.draw(junk)}
    raw = (
        json.dumps(changed).encode()
        if data.draw(st.booleans())
        else data.draw(st.binary(max_size=50))
    )
    try:
        consent = judged({"token": token(text(HEADER), raw)})
    except Refused:
        return
    assert isinstance(consent.allowed("analytics"), bool)


def test_it_decides_alike_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """The arithmetic of the standard library judges each case of the vectors alike."""
    monkeypatch.setattr(ed25519, "LIBRARY", False)
    for case in VECTORS["good"][:3]:
        assert told(judged(case)) == case["consent"]
    for case in VECTORS["refused"]:
        if case["reason"] in {"signature", "claims", "site", "expired"}:
            with pytest.raises(Refused, match=case["reason"]):
                judged(case)


ALONE = """
import sys

class Nothing:
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top not in sys.stdlib_module_names and top != "holdfire":
            raise ImportError(f"{name} is not there")

sys.meta_path.insert(0, Nothing())
sys.path.insert(0, sys.argv[1])
import json
from holdfire import verify

given = json.load(sys.stdin)
consent = verify.verify(given["token"], given["jwks"], site="shop", now=given["now"])
loaded = sorted(name for name in sys.modules if name.startswith("holdfire"))
print(json.dumps([consent.allowed("analytics"), consent.allowed("ga4"), loaded]))
"""


def test_it_needs_nothing_but_python(tmp_path: Path) -> None:
    """Without site packages and with every other import refused, it imports and verifies."""
    given = {"token": GOOD, "jwks": KEY_SETS["ours"], "now": NOW}
    ran = subprocess.run(
        [sys.executable, "-S", "-I", "-c", ALONE, str(ROOT / "server")],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )

    assert json.loads(ran.stdout) == [
        True,
        False,
        ["holdfire", "holdfire.ledger", "holdfire.ledger.ed25519", "holdfire.verify"],
    ]


def test_the_token_of_the_protocol_is_good() -> None:
    """The worked example verifies under the key beside it."""
    protocol = (ROOT / "PROTOCOL.md").read_text()
    _, _, section = protocol.partition("**Consent tokens**")
    key = json.loads(section.partition("```json\n")[2].partition("```")[0])
    made = section.partition("```text\n")[2].partition("\n```")[0]
    consent = verify.verify(made, {"keys": [key]}, site="shop", now=NOW, issuer="consent.example")

    assert [
        key for key in ("analytics", "posthog", "ga4", "marketing") if consent.allowed(key)
    ] == ["analytics", "posthog"]
