"""``holdfire csp``: what the owner's own web server needs to enforce the verdict (docs/enforcement.md)."""

import argparse
import os
import re
from urllib.parse import urlsplit

import msgspec

from holdfire.clerk import one_site
from holdfire.cli.opening import all_sites
from holdfire.cli.webservers import Wanted, caddy, nginx
from holdfire.errors import HoldfireError
from holdfire.model import Site
from holdfire.settings import load
from holdfire.sites.addresses import domains
from holdfire.web.enforcement import strictest

_BASE = re.compile(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9._~/-]*)?")
_PLAIN = re.compile(r"[A-Za-z0-9_.-]+\*?")
"""Names of cookies that mean nothing else in the language of any server."""


def add(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The options."""
    verb = verbs.add_parser("csp", help="print what makes a web server enforce the verdict")
    verb.add_argument("site", metavar="SITE")
    verb.add_argument(
        "--server",
        choices=("nginx", "caddy", "header"),
        default="header",
        help="header: the policy for a visitor who has not chosen (default)",
    )
    verb.add_argument(
        "--base",
        metavar="URL",
        default="http://127.0.0.1:8080",
        help="where the web server reaches the service (default: %(default)s)",
    )
    verb.add_argument(
        "--app",
        metavar="URL",
        default="http://127.0.0.1:3000",
        help="where it reaches the site itself (default: %(default)s)",
    )
    verb.add_argument(
        "--json", action="store_true", help="what the middleware keeps for a failing service"
    )
    verb.set_defaults(run=run_csp)


def run_csp(options: argparse.Namespace) -> int:
    """``holdfire csp``. Raises ``HoldfireError`` for an address that is none."""
    site = one_site(all_sites(load(options.config, os.environ)), options.site)
    held = strictest(site)
    if options.json:
        print(msgspec.json.format(msgspec.json.encode(held)).decode())
        return 0
    wanted = Wanted(
        site=site.id,
        base=_address("--base", options.base),
        app=_address("--app", options.app),
        policy=held.policy,
        refused=tuple(name for name in held.cookies.refused if _PLAIN.fullmatch(name)),
        domains=_domains(site),
        secure=any(origin.startswith("https://") for origin in site.origins),
    )
    written = {"nginx": nginx, "caddy": caddy, "header": _header}
    print(written[options.server](wanted))
    return 0


def _header(wanted: Wanted) -> str:
    return f"Content-Security-Policy: {wanted.policy}"


def _address(option: str, text: str) -> str:
    if not _BASE.fullmatch(text):
        raise HoldfireError(f"{option}: {text!r} is not an address; write http://127.0.0.1:8080")
    return text.rstrip("/")


def _domains(site: Site) -> tuple[str, ...]:
    """Those of the site's hosts: a cookie may have been set for any of them."""
    found: dict[str, None] = {}
    for origin in site.origins:
        found |= dict.fromkeys(domains(urlsplit(origin).hostname or ""))
    return tuple(found)
