"""Cookies that only the server can take back: those that are ``HttpOnly``, which no page can see.

Whatever a browser sends along with a refusal, and a refused service lists as its own, is expired in
the answer. A ``Set-Cookie`` replaces a cookie of the same name, domain and path (RFC 6265 §5.3), and
a request tells nothing but the name: so the host's own is expired and that of each parent domain,
at the path "/", where such cookies are.
"""

from collections.abc import Iterator
from urllib.parse import urlsplit

from starlette.requests import Request

from holdfire import evidence, policy
from holdfire.evidence import Evidence
from holdfire.model import Decisions, Site
from holdfire.sites.addresses import domains, is_ip
from holdfire.visitor import Front
from holdfire.web.request import front_of

MOST = 50  # headers in one answer: browsers keep 180 cookies for a site, and few services set ten
PAST = "Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Path=/"
# RFC 6265 §4.1.1: what a cookie's name may consist of. Anything else is not put into a header.
TOKEN = frozenset("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")


def expirations(request: Request, site: Site, standing: Evidence, origin: str) -> tuple[str, ...]:
    """``Set-Cookie`` values that expire what services left that are denied by what stands now.

    ``standing`` is the visitor's newest act, ``origin`` that of the page. Nothing is expired for a
    page of another site: what its visitors' browsers send is not for its services to answer for.
    """
    front = front_of(request)
    if not _same_site(request, origin, front):
        return ()
    condemned = _Condemned(site, standing)
    found = (value for name in _names(request) if condemned(name) for value in _values(name, front))
    return tuple(value for value, _ in zip(found, range(MOST), strict=False))


class _Condemned:
    """Whether a denied service of the site lists a name, and no allowed one does."""

    def __init__(self, site: Site, standing: Evidence) -> None:
        prior = evidence.prior_of(standing)
        decided = Decisions(
            categories=standing.decisions,
            sale_or_share=policy.UNKNOWN,  # no service is decided by it
            prompt="none",
            opt_out_status="none",
        )
        self._allowed: list[str] = []
        self._denied: list[str] = []
        for service in site.services:
            allowed = policy.decide_service(site, service.id, decided, prior).allow
            # What is kept on another host than the site's is not what this request carries.
            listed = [use.name for use in service.cookies if not use.host]
            (self._allowed if allowed else self._denied).extend(listed)

    def __call__(self, name: str) -> bool:
        return (
            set(name) <= TOKEN
            and not _is_ours(name)
            and _listed(self._denied, name)
            and not _listed(self._allowed, name)
        )


def _names(request: Request) -> Iterator[str]:
    """The names of the cookies in the request, each once."""
    headers = (v for n, v in request.scope["headers"] if n == b"cookie")
    pairs = (pair for header in headers for pair in header.decode("latin-1").split(";"))
    yield from dict.fromkeys(
        name for name, eq, _ in (p.strip().partition("=") for p in pairs) if eq
    )


def _listed(uses: list[str], name: str) -> bool:
    """Whether a list names it; a name that ends in ``*`` stands for all that begin like it."""
    return any(name.startswith(use[:-1]) if use.endswith("*") else name == use for use in uses)


def _is_ours(name: str) -> bool:
    return name.removeprefix("__Host-").removeprefix("__Secure-").startswith("holdfire")


def _values(name: str, front: Front) -> Iterator[str]:
    """One for the host itself, and one for each domain that it belongs to.

    A cookie belongs to no top-level domain; of the other public suffixes the browser has the list,
    and refuses them.
    """
    # Only a secure one can replace a secure one (RFC 6265bis §5.7).
    secure = "; Secure" if front.scheme == "https" else ""
    yield f"{name}=; {PAST}{secure}"
    for domain in domains(_host(front.host)):
        yield f"{name}=; {PAST}; Domain={domain}{secure}"


def _same_site(request: Request, origin: str, front: Front) -> bool:
    """Whether page and service are one site. The browser says so where it can.

    Older ones, and any over plain http, do not: then one host has to be the other, or within it.
    """
    said = request.headers.get("sec-fetch-site")
    if said is not None:
        return said in {"same-origin", "same-site"}
    page, service = urlsplit(origin).hostname or "", _host(front.host)
    if page == service:
        return page != ""
    inner, outer = (page, service) if len(page) > len(service) else (service, page)
    return "." in outer and not is_ip(outer) and inner.endswith(f".{outer}")


def _host(authority: str) -> str:
    """A host without its port, or "" where that cannot be told."""
    try:
        return urlsplit(f"//{authority}").hostname or ""
    except ValueError:
        return ""
