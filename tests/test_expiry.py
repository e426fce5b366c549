"""Cookies that no page can see: the service expires them along with a refusal."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from holdfire.model import CookieUse, Site
from holdfire.model import Service as Tag
from house import Service, demo_site, running

PAGE = "https://www.shop.example"
SENT = "st_id=1; both=1; chat=1; basket=1; holdfire_demo=x; __Host-holdfire_demo=x; st_a b=1"


def tag(key: str, category: str, *cookies: str, host: str = "") -> Tag:
    """A service that lists cookies."""
    uses = tuple(CookieUse(name=name, host=host) for name in cookies)
    return Tag(id=key, name=key, category=category, cookies=uses)


def shop(*more: Tag) -> Site:
    """A site whose services keep cookies."""
    services = (
        tag("stats", "analytics", "st_*", "both", "holdfire*", "__Host-holdfire*"),
        tag("chat", "functional", "both", "chat"),
        tag("elsewhere", "marketing", "basket", host="ads.example"),
        *more,
    )
    return msgspec.structs.replace(
        demo_site(), services=services, origins=(PAGE, "https://other.example", "http://127.0.0.1")
    )


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """The shop's service, behind a proxy of its own machine."""
    with running(
        tmp_path, peer="127.0.0.1", site=shop(), trusted_proxies=("127.0.0.1/32",)
    ) as found:
        yield found


def expired(service: Service, action: str = "reject_all", **more: str) -> list[str]:
    """The ``Set-Cookie`` values that expire something, in the answer to a choice."""
    headers = {
        "host": "consent.shop.example",
        "x-forwarded-proto": "https",
        "x-forwarded-for": "198.18.4.1",
        "origin": PAGE,
        "sec-fetch-site": "same-site",
        "cookie": SENT,
    }
    headers |= {name.replace("_", "-"): value for name, value in more.items()}
    answer = service.choose(action, headers=headers)
    assert answer.status_code == 201, answer.text
    return [v for v in answer.headers.get_list("set-cookie") if "Max-Age=0" in v]


def names(values: list[str]) -> set[str]:
    """The cookies' names."""
    return {value.partition("=")[0] for value in values}


def test_a_refusal_expires_what_refused_services_list(service: Service) -> None:
    """Each cookie that came along and a refused service lists is expired, and no other one."""
    assert names(expired(service)) == {"st_id", "both", "chat"}


def test_a_cookie_is_expired_for_the_host_and_each_of_its_domains(service: Service) -> None:
    """Host-only and every parent domain, as a secure cookie at the root, but no top-level domain."""
    values = expired(service, cookie="chat=1")

    past = "chat=; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Path=/"
    assert values == [
        f"{past}; Secure",
        f"{past}; Domain=consent.shop.example; Secure",
        f"{past}; Domain=shop.example; Secure",
    ]


def test_what_an_allowed_service_lists_too_is_kept(service: Service) -> None:
    """A cookie that two services share goes when neither may use it."""
    kept = {"functional": True, "analytics": False, "marketing": False}
    choice = service.choice("save", categories=kept)
    headers = {"host": "www.shop.example", "origin": PAGE, "cookie": SENT}
    answer = service.post(choice, headers={**headers, "sec-fetch-site": "same-origin"})

    found = [v for v in answer.headers.get_list("set-cookie") if "Max-Age=0" in v]
    assert names(found) == {"st_id"}


def test_a_consent_expires_nothing(service: Service) -> None:
    """Nothing is denied, so nothing is taken back."""
    assert expired(service, "accept_all") == []


def test_our_own_cookies_are_never_expired(service: Service) -> None:
    """A site file that lists our cookies as a service's does not make us forget the refusal."""
    values = expired(service, cookie="holdfire_demo=1; __Host-holdfire_demo=1; st_id=1")

    assert names(values) == {"st_id"}


@pytest.mark.parametrize(
    ("host", "origin", "said", "is_same"),
    [
        ("www.shop.example", PAGE, "same-origin", True),
        ("consent.shop.example", PAGE, "cross-site", False),
        ("www.shop.example", PAGE, None, True),
        ("shop.example", PAGE, None, True),
        ("consent.other.example", "https://other.example", None, True),
        ("consent.shop.example", "https://other.example", None, False),
        ("notother.example", "https://other.example", None, False),
        ("example", PAGE, None, False),
        ("127.0.0.1:8080", "http://127.0.0.1", None, True),
    ],
)
def test_only_cookies_of_the_page_s_own_site_are_expired(
    service: Service, host: str, origin: str, said: str | None, *, is_same: bool
) -> None:
    """The browser tells whether page and service are one site; where it does not, their names do."""
    headers = {"host": host, "origin": origin, "cookie": "chat=1"}
    if said:
        headers["sec-fetch-site"] = said
    answer = service.choose("reject_all", headers=headers)

    found = [v for v in answer.headers.get_list("set-cookie") if "Max-Age=0" in v]
    assert bool(found) is is_same


def test_an_address_has_no_parent_domains(service: Service) -> None:
    """On 127.0.0.1 there is the host's own cookie alone, and over http it is not marked secure."""
    values = expired(
        service,
        host="127.0.0.1:8080",
        origin="http://127.0.0.1",
        x_forwarded_proto="http",
        cookie="chat=1",
    )

    assert values == ["chat=; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Path=/"]


def test_at_most_fifty_are_expired_at_once(service: Service) -> None:
    """However many cookies are sent, the answer stays one that proxies let through."""
    many = "; ".join(f"st_{n}=1" for n in range(100))

    assert len(expired(service, cookie=many)) == 50
