"""Tokens that are forged, spoilt, foreign or overtaken: nothing is allowed by any of them.

Every question is asked twice on the same line: an answer that is remembered is as good as the first.
"""

from collections.abc import Callable, Iterator
from itertools import cycle, islice
from random import Random
from typing import NamedTuple

import pytest

from forging import Genuine, forgeries, same, sendable
from outside import BASE, Answer, Headers, Line, Outside, grants, outside, written

AT_ONCE = 32  # requests in one write, each of them twice


class Surface(NamedTuple):
    """Something that answers by who asks."""

    path: str
    lenient: bool = False  # a bad bearer token is as none, rather than refused


class Campaign(NamedTuple):
    """A service, a line to it, and visitors of it who have chosen."""

    service: Outside
    line: Line
    genuine: Genuine
    surfaces: tuple[Surface, ...]
    nobody: dict[str, tuple[object, ...]]  # what each surface answers to who brings nothing


@pytest.fixture(scope="module")
def campaign(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Campaign]:
    """One service for all tests of this file; its visitors stand under the strictest law."""
    with outside(tmp_path_factory.mktemp("forgeries")) as service, service.line() as line:
        chosen = service.choose(line, "accept_all")
        genuine = Genuine(
            token=chosen["token"],
            another=service.choose(line, "accept_all")["token"],
            elsewhere=service.choose(line, "accept_all", site="other")["token"],
        )
        found = surfaces(chosen["event_id"])
        nobody = {surface.path: line.ask(surface.path).settled for surface in found}
        yield Campaign(service, line, genuine, found, nobody)


def surfaces(event_id: str) -> tuple[Surface, ...]:
    """Every address that answers by who asks; one that is not built is a 404 to everybody."""
    return (
        Surface(f"{BASE}/decision?category=marketing"),
        Surface(f"{BASE}/decision?service=posthog"),
        Surface(f"{BASE}/decisions"),
        Surface(f"{BASE}/notice"),
        Surface(f"{BASE}/tags/mixpanel.js"),
        Surface(f"{BASE}/token"),
        Surface(f"{BASE}/enforcement"),
        Surface(f"{BASE}/choices", lenient=True),
        Surface(f"{BASE}/receipts/{event_id}", lenient=True),
        Surface(f"{BASE}/receipts/{event_id}/page", lenient=True),
    )


def bearer(token: str) -> Headers:
    """A token as servers send it."""
    return [("Authorization", f"Bearer {token}")]


def cookie(token: str) -> Headers:
    """A token as browsers send it over plain http."""
    return [("Cookie", f"theme=dark; holdfire_demo={token}")]


def host_cookie(token: str) -> Headers:
    """A token as browsers send it to the site's own host."""
    return [("Cookie", f"__Host-holdfire_demo={token}; theme=dark")]


def secure_cookie(token: str) -> Headers:
    """A token as browsers send it to a host of the service's own."""
    return [("Cookie", f"__Secure-holdfire_demo={token}")]


CARRIERS: tuple[Callable[[str], Headers], ...] = (bearer, cookie, host_cookie, secure_cookie)


def twice(line: Line, asked: list[tuple[str, Headers]]) -> Iterator[tuple[Answer, Answer]]:
    """Ask everything, each thing twice in a row; the two answers to each."""
    requests = [written(path, headers) for path, headers in asked for _ in range(2)]
    answers = iter(line.ask_all(requests))
    return zip(answers, answers, strict=True)


def besiege(campaign: Campaign, count: int, seed: str) -> None:
    """Forge, ask, and see that each forgery is refused, or taken for nothing at all."""
    ways = cycle((carrier, where) for where in campaign.surfaces for carrier in CARRIERS)
    forged = iter(forgeries(Random(seed), campaign.genuine, count))  # noqa: S311 -- to be repeated
    while batch := list(zip(islice(forged, AT_ONCE), ways, strict=False)):
        asked = [(where.path, carrier(text)) for (_, text), (carrier, where) in batch]
        for answers, ((kind, text), way) in zip(twice(campaign.line, asked), batch, strict=True):
            for answer in answers:
                refused(campaign, answer, way, f"{kind}: {text[:300]!r}")


def refused(
    campaign: Campaign, answer: Answer, way: tuple[Callable[[str], Headers], Surface], told: str
) -> None:
    """See that an answer grants nothing, and says of a visitor only that nobody is known."""
    carrier, where = way
    told = f"{told} by {carrier.__name__} at {where.path}: {answer}"
    unknown = campaign.nobody[where.path]
    assert not grants(answer), told
    assert answer.status < 500, told
    if answer.status == 431:
        assert answer.json()["error"]["code"] == "headers_too_large", told
    elif carrier is bearer and not where.lenient and unknown[0] != 404:
        assert answer.status == 401, told
    else:
        assert answer.settled == unknown, told


def test_the_genuine_tokens_are_believed(campaign: Campaign) -> None:
    """What the forgeries are made from does allow, by every carrier: the siege has something to win."""
    for carrier in CARRIERS:
        asked = [(f"{BASE}/decisions", carrier(token)) for token in campaign.genuine[:2]]
        for answers in twice(campaign.line, asked):
            assert all({"analytics", "mixpanel"} <= set(grants(answer)) for answer in answers)


def test_no_forgery_is_believed(campaign: Campaign) -> None:
    """2,000 forged and spoilt tokens of sixteen kinds, on every surface and by every carrier."""
    besiege(campaign, 2_000, "smoke")


@pytest.mark.long
@pytest.mark.parametrize("wave", range(10))
def test_no_forgery_of_a_hundred_thousand_is_believed(campaign: Campaign, wave: int) -> None:
    """The same with 10,000 others in each of ten waves."""
    besiege(campaign, 10_000, f"wave {wave}")


def test_another_spelling_of_a_token_says_nothing_new(campaign: Campaign) -> None:
    """A signature with blanks or spare bits is refused, or is that very visitor's: never more."""
    payload, _, signature = campaign.genuine.token.partition(".")
    spellings = [f"{payload}.{signature[:-1]}{last}" for last in "ABCDEFGHIJKLMNOPQRSTUVWXYZ012"]
    spellings += [f"{payload}.{signature}{more}" for more in ("=", "==", "!", "~", "\xff")]
    spellings += [f"{payload}.{signature[:9]}{odd}{signature[9:]}" for odd in ("!", "%", "\xe9")]
    spellings = [text for text in spellings if same(text, campaign.genuine.token)]
    assert all(map(sendable, spellings))
    own = campaign.line.ask(f"{BASE}/choices", bearer(campaign.genuine.token)).json()

    for text in spellings:
        answer = campaign.line.ask(f"{BASE}/choices", bearer(text)).json()
        assert answer["visitor"] in {None, own["visitor"]}


def doubled(good: str, bad: str) -> dict[str, Headers]:
    """Two tokens in one request, in every way that two programs could read differently."""
    return {
        "one name twice": [("Cookie", f"holdfire_demo={bad}; holdfire_demo={good}")],
        "one name twice, the other way": [("Cookie", f"holdfire_demo={good}; holdfire_demo={bad}")],
        "the same token twice": [("Cookie", f"holdfire_demo={good}; holdfire_demo={good}")],
        "two lines": [*cookie(good), *cookie(bad)],
        "two lines, the other way": [*cookie(bad), *cookie(good)],
        "a planted name before ours": [*host_cookie(bad), *cookie(good)],
        "two prefixed names": [*host_cookie(bad), *secure_cookie(good)],
        "another site's name": [("Cookie", f"holdfire_other={good}")],
        "a name in capitals": [("Cookie", f"Holdfire_Demo={good}")],
        "a name with a blank": [("Cookie", f"holdfire _demo={good}")],
        "within quotes": [("Cookie", f'holdfire_demo="{good}"')],
        "a comma for a semicolon": [("Cookie", f"theme=dark, holdfire_demo={good}")],
        "no name": [("Cookie", good)],
        "a header of another name": [("X-Cookie", f"holdfire_demo={good}")],
    }


def test_of_two_cookies_neither_is_believed(campaign: Campaign) -> None:
    """Whatever two programs could read differently is read as nothing."""
    for how, headers in doubled(campaign.genuine.token, campaign.genuine.elsewhere).items():
        for surface in campaign.surfaces:
            for answer in next(twice(campaign.line, [(surface.path, headers)])):
                assert answer.settled == campaign.nobody[surface.path], (how, surface, answer)


def test_a_bearer_token_is_sent_once_and_alone(campaign: Campaign) -> None:
    """Two of them, another scheme, or one that is bad beside a good cookie: refused, not guessed."""
    good, bad = campaign.genuine.token, campaign.genuine.elsewhere
    ways: tuple[Headers, ...] = (
        [*bearer(good), *bearer(bad)],
        [*bearer(bad), *bearer(good)],
        [*bearer(good), *bearer(good)],
        bearer(f"{good}, {bad}"),
        bearer(f"{good} {bad}"),
        bearer(f"{good},{good}"),
        [("Authorization", f"Basic {good}")],
        [("Authorization", good)],
        [("Authorization", "Bearer")],
        [("Authorization", "")],
        [*bearer(bad), *cookie(good)],
        [*bearer(""), *cookie(good)],
    )
    for headers in ways:
        for path in ("decisions", "decision?category=analytics", "notice", "tags/posthog.js"):
            for answer in next(twice(campaign.line, [(f"{BASE}/{path}", headers)])):
                assert answer.status == 401, (headers, path, answer)
                assert answer.json()["error"]["code"] == "token_invalid"


def test_a_grant_is_not_replayed_after_the_withdrawal(campaign: Campaign) -> None:
    """A token from before a withdrawal is answered "no" on every surface, also where it was remembered."""
    service, line = campaign.service, campaign.line
    chosen = service.choose(line, "accept_all")
    old, found = chosen["token"], surfaces(chosen["event_id"])
    asked = [(surface.path, carrier(old)) for surface in found for carrier in (bearer, cookie)]
    before = [answer for answers in twice(line, asked) for answer in answers]
    assert sum(bool(grants(answer)) for answer in before) >= 20

    new = service.choose(line, "withdraw", old)["token"]

    for token in (old, new):
        with service.line() as another:  # neither the same connection nor another one remembers
            for where in (line, another):
                asked = [(s.path, carrier(token)) for s in found for carrier in (bearer, cookie)]
                for answers in twice(where, asked):
                    assert not [answer for answer in answers if grants(answer)]
                    assert all(answer.status < 500 for answer in answers)


def changes_of_mind(campaign: Campaign, times: int) -> None:
    """Allow and refuse in turn, and ask with the oldest token and the newest in between."""
    service, line = campaign.service, campaign.line
    oldest = newest = service.choose(line, "accept_all")["token"]
    for turn in range(times):
        allows = bool(turn % 2)
        newest = service.choose(line, "accept_all" if allows else "reject_all", newest)["token"]
        asked = [
            (f"{BASE}/{path}", carrier(token))
            for path in ("decision?category=marketing", "decisions", "tags/mixpanel.js", "notice")
            for token in (oldest, newest)
            for carrier in (bearer, cookie)
        ]
        for answers in twice(line, asked):
            assert [bool(grants(answer)) for answer in answers] == [allows, allows], turn


def test_every_change_of_mind_holds_at_once(campaign: Campaign) -> None:
    """The question after an act is answered by that act, whichever token asks it."""
    changes_of_mind(campaign, 24)


@pytest.mark.long
def test_two_thousand_changes_of_mind_hold_at_once(campaign: Campaign) -> None:
    """The same for two thousand acts of one visitor."""
    changes_of_mind(campaign, 2_000)
