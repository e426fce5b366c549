"""What an owner pastes into the head of every page.

The boot script is asynchronous, but for where it intercepts. Where Google is told, what denies by
default has to be said before any of its tags: by a stub in the page itself, which is made of the
same calls as the adapter's.
"""

import base64
import hashlib
import html

from holdfire.model import Site
from holdfire.web.words import escaped

QUEUE = "window.holdfire=window.holdfire||[]"


def snippet(site: Site, base: str) -> str:
    """The lines to paste; ``base`` is where the service is: a path, or an origin with one."""
    stub = _stub(site)
    source = html.escape(f"{base.rstrip('/')}/s/{site.id}.js")
    # What holds the page's own requests must be there before the scripts that make them.
    mode = "async " if site.intercept.mode == "off" else ""
    lines = [f"<script>{stub}</script>", f'<script {mode}src="{source}"></script>']
    if stub != QUEUE:
        lines.insert(
            0,
            "<!-- Before any other script. Under a Content-Security-Policy, give the next line your"
            f' nonce (nonce="…"), or allow it by {inline_source(site)}. -->',
        )
    return "\n".join(lines)


def inline_source(site: Site) -> str:
    """The source by which a Content-Security-Policy allows the inline line (CSP3 §2.3.1)."""
    digest = hashlib.sha256(_stub(site).encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _stub(site: Site) -> str:
    google = site.adapters.get("google")
    if google is None:
        return QUEUE
    said = escaped(google["defaults"]).decode()
    # Who opposes the sale of data is in no region that grants by default.
    regional = escaped(google["regional"]).decode()
    calls = (
        f"{said}.concat(navigator.globalPrivacyControl?[]:{regional})"
        if google["regional"]
        else said
    )
    return (
        f"{QUEUE};holdfire.google=true;window.dataLayer=window.dataLayer||[];"
        "(function(c,g,i){for(i=0;i<c.length;i++)g.apply(null,c[i])})"
        f"({calls},function(){{dataLayer.push(arguments)}})"
    )
