"""axe-core on what a contender shows: the first layer, then the preference centre."""

from typing import Any

from playwright.sync_api import Browser, Page

from bench.client.contenders import Contender
from bench.client.findings import Audit
from bench.client.hosting import ROOT
from bench.client.visit import UNHURRIED, click, open_page, profile, settle, until

AXE = ROOT / "sdk/node_modules/axe-core/axe.min.js"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]  # WCAG A and AA up to 2.2
REST_MS = 1_500.0  # until nothing moves or fades any more


def audit(browser: Browser, base: str, contender: Contender) -> Audit:
    """Both layers of one contender."""
    if not contender.banner:
        return Audit(None, None)
    with profile(browser, contender) as context:
        page, _ = open_page(context, UNHURRIED)
        settle(page, base, contender, UNHURRIED)
        page.evaluate(AXE.read_text())
        first = _violations(page, contender.banner)
        if not contender.settings:
            return Audit(first, None)
        click(page, contender.settings)
        until(page, contender.preferences, shown=True)
        page.wait_for_timeout(REST_MS)
        return Audit(first, _violations(page, contender.preferences))


def _violations(page: Page, selector: str) -> dict[str, int]:
    """Elements at fault, by rule."""
    host, _, inner = selector.partition(" >>> ")
    found: Any = page.evaluate(
        """async ([part, tags]) => {
          const {violations, passes} = await axe.run({include: [part]}, {runOnly: tags});
          if (!violations.length && !passes.length) throw new Error("axe saw nothing");
          return violations.map(({id, nodes}) => [id, nodes.length]);
        }""",
        [{"fromShadowDom": [host, inner]} if inner else host, TAGS],
    )
    return {str(rule): int(nodes) for rule, nodes in found}
