"""What axe-core finds in Holdfire's interface: WCAG 2.2 AA, and best practice."""

from typing import Any

from playwright.sync_api import Page

from house import ROOT

AXE = (ROOT / "sdk/node_modules/axe-core/axe.min.js").read_text()
LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def faults(page: Page, part: str) -> list[str]:
    """The faults of one part, which is reached through its shadow root."""
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(AXE)
    found: Any = page.evaluate(
        """async ([part, levels]) => {
          const include = [{fromShadowDom: ['holdfire-ui', part]}];
          const {violations, incomplete} = await axe.run({include}, {
            runOnly: levels, resultTypes: ['violations', 'incomplete'],
          });
          // What axe cannot tell counts as well, but for text beside which something scrolls.
          const obscured = node => node.any.some(check => /Obscur/.test(check.data?.messageKey));
          return [...violations, ...incomplete].flatMap(rule =>
            rule.nodes.filter(node => !obscured(node))
              .map(node => `${rule.id}: ${node.target.join(' ')}: ${node.failureSummary}`));
        }""",
        [part, LEVELS],
    )
    return [str(fault) for fault in found]
