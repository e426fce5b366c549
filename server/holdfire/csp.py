"""What the owner's own server enforces for one visitor: a policy for the page, cookies to strip.

A Content-Security-Policy (W3C CSP Level 3) is a list of what may be requested. Ours holds what the
site's pages need by themselves (``model.Csp``) and the hosts of the services that are allowed; the
hosts of all others are blocked because they are not in it. It looks at hosts and nothing else: it
stands beside the site's own policy, and browsers enforce both (§8.1 "The effect of multiple
policies"), so it can only ever narrow.

It holds for the page that it came with. Who consents there gets what they consented to with the
next page, because a browser cannot be told to relax a policy.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping

from holdfire.consent import denied
from holdfire.law import Value
from holdfire.model import Csp, Decision, Service, Site
from holdfire.sites.csp import sources_of

MOST = 6_144  # bytes of a policy: with the other headers within the 16 KiB that proxies are given

FALLING_BACK = ("default-src", "connect-src")
"""Always written: all kinds of request that have no line, and where WebSockets need one."""


class Enforced(Value, frozen=True):
    """What holds for one visitor, as a server enforces it."""

    policy: str  # of at most ``MOST`` bytes, ASCII, without a comma or a line break
    refused: tuple[str, ...]  # names of cookies, or beginnings with ``*`` behind
    kept: tuple[str, ...]  # likewise of allowed services: what both name is kept
    allowed: tuple[str, ...]  # ids of categories and services


def enforced(
    site: Site,
    categories: Mapping[str, Decision],
    services: Mapping[str, Decision],
    inline: Collection[str] = (),
) -> Enforced:
    """Compile what was decided; ``inline`` are digests of inline code that we hand out."""
    granted = tuple(s for s in site.services if services[s.id].allow)
    refused = tuple(s for s in site.services if not services[s.id].allow)
    kept = frozenset(_cookies(granted))
    return Enforced(
        policy=content_policy(site, granted, inline),
        refused=tuple(sorted(frozenset(_cookies(refused)) - kept)),
        kept=tuple(sorted(kept)),
        allowed=tuple(
            key for table in (categories, services) for key, one in table.items() if one.allow
        ),
    )


def strictest(site: Site) -> tuple[dict[str, Decision], dict[str, Decision]]:
    """The decisions for categories and services of which nothing is known but what is necessary."""
    categories = denied(site.categories)
    return categories, {s.id: categories[s.category] for s in site.services}


def content_policy(site: Site, granted: Collection[Service], inline: Collection[str] = ()) -> str:
    """The policy under which these services, and no others of the site, can be reached.

    One that would be too long leaves out the last services of the site: they stay blocked.
    """
    ids = frozenset(service.id for service in granted)
    wanted = [service for service in site.services if service.id in ids]
    while len(text := _written(site, wanted, inline)) > MOST and wanted:
        del wanted[-(len(wanted) // 8 + 1) :]
    return text


def merge(own: str, ours: str) -> str:
    """Both policies in one header line, for servers that can send only one.

    The header is a list, and a comma parts its policies (CSP3 §2.2.2), so nothing of the site's own
    is rewritten. In a ``<meta>`` element a comma parts nothing: there this must not stand.
    """
    return ", ".join(each for each in (own.strip().rstrip(","), ours) if each)


# ---------------------------------------------------------------- the text


def _written(site: Site, granted: Iterable[Service], inline: Collection[str]) -> str:
    csp = site.csp or Csp()
    named = dict(sources_of(csp))
    hosts = _hosts(site, granted)
    base = (csp.base,) if csp.base else ()
    lines = []
    for directive in dict.fromkeys((*FALLING_BACK, *named)):
        sources = [*named.get(directive, csp.default_src), *base, *(f"{h}:*" for h in hosts)]
        if directive == "connect-src":
            # A host without a scheme stands for http and https alone (CSP3 §6.7.2.8).
            sources += (f"{scheme}://{h}:*" for h in hosts for scheme in _sockets(site))
        sources += _inline(csp, directive, sources, inline, named)
        written = [s for s in dict.fromkeys(sources) if s != "'none'"] or ["'none'"]
        lines.append(" ".join((directive, *written)))
    return "; ".join(lines)


def _inline(
    csp: Csp,
    directive: str,
    sources: Collection[str],
    digests: Collection[str],
    named: Mapping[str, object],
) -> Iterator[str]:
    """What inline code needs: our own digests, or a word that leaves it to the site's own policy.

    A nonce would let every script through that bears it, from any host: so none stands here.
    """
    scripts = directive == ("script-src" if "script-src" in named else "default-src")
    styles = directive == ("style-src" if "style-src" in named else "default-src")
    if csp.nonces and (scripts or styles):
        yield "'unsafe-inline'"
    elif scripts and "'unsafe-inline'" not in sources:  # beside a digest browsers pass over it
        yield from digests


def _sockets(site: Site) -> tuple[str, ...]:
    plain = any(origin.startswith("http://") for origin in site.origins)
    return ("ws", "wss") if plain else ("wss",)


def _hosts(site: Site, granted: Iterable[Service]) -> tuple[str, ...]:
    """The hosts of these services, each once, and none that a service names which is not granted.

    A list of what may be requested has no exceptions, so ``*.x.example`` falls with
    ``ads.x.example``: the same as where requests are held in the page (docs/intercept.md).
    """
    wanted = {service.id: service for service in granted}
    denied = {h for s in site.services if s.id not in wanted for h in s.hosts}
    around = {wider for host in denied for wider in _wider(host)}
    found = {
        host
        for service in wanted.values()
        for host in service.hosts
        # CSP has no form for an IPv6 address (§2.3.1 host-part).
        if not host.startswith("[")
        and host not in denied
        and host not in around
        and denied.isdisjoint(_wider(host))
    }
    return tuple(sorted(host for host in found if found.isdisjoint(_wider(host))))


def _wider(pattern: str) -> Iterator[str]:
    """The patterns that stand for all that this one stands for, and for more."""
    labels = pattern.removeprefix("*.").split(".")
    return (f"*.{'.'.join(labels[at:])}" for at in range(1, len(labels)))


def _cookies(services: Iterable[Service]) -> Iterator[str]:
    # What is kept on a host of the provider is in no answer of the owner's server.
    return (use.name for service in services for use in service.cookies if not use.host)
