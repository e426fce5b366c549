"""The snippets of ``holdfire csp``: nginx and Caddy, made to ask the service before each page.

What they fall back to stands in the text itself, because it is needed when nobody answers.
"""

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

WAIT = "250ms"  # for the service: a page that waits longer goes out under the strictest policy
PAST = "Path=/; Max-Age=0"
CODES = (*range(300, 309), *range(400, 432), 451, *range(500, 512))
"""All that HTTP knows besides success (IANA registry of status codes)."""


class Wanted(NamedTuple):
    """What is written into a snippet. Nothing in it has a meaning in a server's own language."""

    site: str
    base: str  # where the web server reaches the service
    app: str  # where it reaches the site itself
    policy: str  # the strictest
    refused: tuple[str, ...]  # cookies, or beginnings with ``*`` behind
    domains: tuple[str, ...]
    secure: bool


def nginx(wanted: Wanted) -> str:
    """Lines for ``http {}``, and a server's. Tested with nginx 1.22."""
    expiries = tuple(_expiries(wanted))
    return _filled(
        NGINX,
        {
            **_words(wanted),
            "MAPS": "\n".join(
                f'map $holdfire_<NAME>_says $holdfire_<NAME>_c{at} {{ default ""; '
                f'"~(^|, ){re.escape(name)}(,|$)" "{line}"; }}'
                for at, (name, line) in enumerate(expiries)
            ),
            "EXPIRIES": "\n".join(
                f"        add_header Set-Cookie $holdfire_<NAME>_c{at} always;"
                for at in range(len(expiries))
            ),
        },
    )


def caddy(wanted: Wanted) -> str:
    """A site block. Tested with Caddy 2.6."""
    return _filled(
        CADDY,
        {
            **_words(wanted),
            "SOME": "\n".join(
                f'        @c{at} header_regexp X-Holdfire-Refused-Cookies "(^|, )'
                f'{re.escape(name)}(,|$)"\n{_stripped(name, f"@c{at} ", 8)}'
                for at, name in enumerate(wanted.refused)
            ),
            "ALL": "\n".join(_stripped(name, "", 12) for name in wanted.refused),
        },
    )


def _words(wanted: Wanted) -> dict[str, str]:
    return {
        "SITE": wanted.site,
        "BASE": wanted.base,
        "APP": wanted.app,
        "POLICY": wanted.policy,
        "REFUSED": ", ".join(wanted.refused),
        "WAIT": WAIT,
        "CODES": " ".join(map(str, CODES)),
    }


def _filled(text: str, words: Mapping[str, str]) -> str:
    for mark, word in words.items():
        text = text.replace(f"<{mark}>", word)
    return text.replace("<NAME>", words["SITE"].replace("-", "_")).strip()


def _expiries(wanted: Wanted) -> Iterator[tuple[str, str]]:
    """Name and ``Set-Cookie`` line: one for the host itself, one for each domain it belongs to."""
    past = f"{PAST}; Secure" if wanted.secure else PAST
    for name in wanted.refused:
        if not name.endswith("*"):
            yield name, f"{name}=; {past}"
            yield from ((name, f"{name}=; {past}; Domain={domain}") for domain in wanted.domains)


def _stripped(name: str, matcher: str, indent: int) -> str:
    """A cookie that the site sets becomes one that is over: Caddy cannot take one line away."""
    bare, starred = name.removesuffix("*"), name.endswith("*")
    pattern = rf"^\s*{re.escape(bare)}{'[^=;]*' if starred else ''}\s*=.*$"
    gone = f"holdfire-refused=; {PAST}"
    lines = (f"header {matcher}{{", f'    Set-Cookie "{pattern}" "{gone}"', "    defer", "}")
    return "\n".join(" " * indent + line for line in lines)


NGINX = """
# In http {}: what to enforce for this visitor, and the strictest where the service did not say.
map $holdfire_<NAME>_policy $holdfire_<NAME>_csp {
    default $holdfire_<NAME>_policy;
    "" "<POLICY>";
}
map $holdfire_<NAME>_policy $holdfire_<NAME>_says {
    default $holdfire_<NAME>_refused;
    "" "<REFUSED>";
}
# nginx cannot take one Set-Cookie line away. A second one of the same name replaces it in the
# browser: there is a line for each cookie with a whole name; take out those your site never sets.
# What stands with a * in the site file, or has a path of its own, needs the middleware.
<MAPS>

# In your server {}:
    location = /holdfire-<NAME>-enforcement {
        internal;
        proxy_pass <BASE>/v1/sites/<SITE>/enforcement;
        proxy_pass_request_body off;
        proxy_set_header Content-Length "";
        proxy_set_header Authorization "";
        proxy_set_header Origin "";
        proxy_set_header X-Forwarded-For $remote_addr;
        proxy_set_header X-Forwarded-Proto $scheme;
        proxy_connect_timeout <WAIT>;
        proxy_send_timeout <WAIT>;
        proxy_read_timeout <WAIT>;
        proxy_buffer_size 16k;
        proxy_buffers 4 16k;
        proxy_busy_buffers_size 32k;
        # auth_request turns all but 2xx, 401 and 403 into a 500 of your page, and those two into a
        # refusal of it. Nothing of that is meant: the page goes out, under the strictest policy.
        proxy_intercept_errors on;
        error_page <CODES> =204 @holdfire_<NAME>_strictest;
    }
    location @holdfire_<NAME>_strictest {
        return 204;
    }

    # Your pages. A location with an add_header of its own inherits none: repeat these there.
    location / {
        auth_request /holdfire-<NAME>-enforcement;
        auth_request_set $holdfire_<NAME>_policy $upstream_http_x_holdfire_policy;
        auth_request_set $holdfire_<NAME>_refused $upstream_http_x_holdfire_refused_cookies;
        add_header Content-Security-Policy $holdfire_<NAME>_csp always;
        add_header Vary "Cookie, Sec-GPC, DNT" always;
        add_header Cache-Control private always;
<EXPIRIES>
        proxy_pass <APP>;
    }
"""

CADDY = """
# Your site's block. Replace the name, and what stands for your own site at both places.
shop.example {
    route {
        request_header -X-Holdfire-*
        reverse_proxy <BASE> {
            method GET
            rewrite /v1/sites/<SITE>/enforcement
            header_up -Authorization
            header_up -Origin
            header_up X-Forwarded-For {remote_host}
            header_up X-Forwarded-Proto {scheme}
            transport http {
                dial_timeout <WAIT>
                response_header_timeout <WAIT>
            }
            @answered header X-Holdfire-Policy *
            handle_response @answered {
                request_header X-Holdfire-Policy {rp.header.X-Holdfire-Policy}
                request_header X-Holdfire-Refused-Cookies {rp.header.X-Holdfire-Refused-Cookies}
            }
            handle_response {
                request_header X-Holdfire-Policy "<POLICY>"
                request_header X-Holdfire-Refused-Cookies "<REFUSED>"
            }
        }
<SOME>
        header {
            +Content-Security-Policy {header.X-Holdfire-Policy}
            +Vary "Cookie, Sec-GPC, DNT"
            +Cache-Control private
            defer
        }
        reverse_proxy <APP>
    }
    # The service cannot be reached: the page goes out, under the strictest policy.
    handle_errors {
        route {
<ALL>
            header {
                +Content-Security-Policy "<POLICY>"
                +Cache-Control private
                defer
            }
            reverse_proxy <APP>
        }
    }
}
"""
