"""What is shown must be read, found and hit: contrast, target size and wording of one view."""

from collections.abc import Iterator

from holdfire.lint.colour import contrast
from holdfire.lint.finding import Finding, Severity, View
from holdfire.lint.measurement import Layer, Paint, Target, Text
from holdfire.lint.rules import BOUNDARY, FRAMEWORK, LARGE, TARGET, TEXT, broken
from holdfire.lint.wording import Phrases, steering

LARGE_PIXELS, LARGE_BOLD_PIXELS, BOLD = 24, 18.66, 700  # 18 pt, 14 pt bold: WCAG "large scale"


def legibility(view: View, phrases: Phrases) -> Iterator[Finding]:
    """Every text, control and switch of every layer on the screen."""
    for layer in view.layers:
        yield from _texts(view, layer)
        yield from _boundaries(view, layer)
        yield from _wording(view, layer, phrases)
    yield from _targets(view)


def _texts(view: View, layer: Layer) -> Iterator[Finding]:
    for text in layer.texts:
        if not text.seen or text.disabled:
            continue
        needed = _needed(text, tcf=view.facts.tcf)
        if text.image:
            what = "it stands on a picture, so that nothing tells how well it is read"
            yield broken("contrast", view, _named(text), what, severity="concern")
            continue
        ratio = contrast(text.colour, text.background)
        if ratio < needed:
            yield _faint(view, _named(text), ratio, needed, "fault")


def _named(text: Text) -> str:
    """An element with its first words: ``p “We use cookies and…”``."""
    words = text.text if len(text.text) <= 24 else f"{text.text[:24].rstrip()}…"  # noqa: PLR2004 -- enough to find it by
    return f"{text.element} “{words}”"


def _needed(text: Text, *, tcf: bool) -> float:
    if tcf and text.button:
        return FRAMEWORK
    bold = text.font_weight >= BOLD
    large = text.font_size >= (LARGE_BOLD_PIXELS if bold else LARGE_PIXELS)
    return LARGE if large else TEXT


def _boundaries(view: View, layer: Layer) -> Iterator[Finding]:
    for switch in layer.switches:
        if not switch.disabled and not switch.paint.native:
            yield from _edge(view, switch.element, switch.paint, "fault")
    for control in layer.controls:
        if not control.usable:
            continue
        if control.paint.boxed and not control.paint.native:
            # The words tell a button already: what its edge adds, WCAG does not ask for.
            yield from _edge(view, control.element, control.paint, "concern")
        if control.role == "close" and not control.paint.image:
            ratio = contrast(control.colour, control.paint.fill)
            if ratio < BOUNDARY:
                yield _faint(view, control.element, ratio, BOUNDARY, "fault")


def _edge(view: View, element: str, paint: Paint, severity: Severity) -> Iterator[Finding]:
    edges = [paint.fill, *([paint.border] if paint.border else [])]
    ratio = max(contrast(edge, paint.surround) for edge in edges)
    if ratio < BOUNDARY and not paint.image:
        yield _faint(view, f"{element} (boundary)", ratio, BOUNDARY, severity)


def _faint(view: View, element: str, ratio: float, needed: float, severity: Severity) -> Finding:
    return broken(
        "contrast",
        view,
        element,
        f"contrast {ratio:.2f}:1",
        severity=severity,
        limit=f"{needed:g}:1",
        figures={"contrast": ratio, "limit": needed},
    )


def _wording(view: View, layer: Layer, phrases: Phrases) -> Iterator[Finding]:
    said = {text.text: text.element for text in reversed(layer.texts)}
    said |= {control.text: control.element for control in layer.controls}
    for words in layer.spoken:
        said.setdefault(words, layer.element)
    for words, element in said.items():
        for phrase in steering(words, view.language, phrases):
            what = f"it says “{phrase}”"
            yield broken("guilt-wording", view, f"{element} “{words[:60]}”", what)


def _targets(view: View) -> Iterator[Finding]:
    switches = [switch for layer in view.layers for switch in layer.switches]
    controls = [control for control in view.measurement.controls if control.usable]
    for element, target in (
        *((switch.element, switch.target) for switch in switches if not switch.disabled),
        *((control.element, control.target) for control in controls if control.role),
    ):
        if min(target.width, target.height) < TARGET:
            yield _small(view, element, target)


def _small(view: View, element: str, target: Target) -> Finding:
    return broken(
        "target-size",
        view,
        element,
        f"{target.width:g} × {target.height:g} px",
        limit=f"{TARGET} × {TARGET} px",
        figures={"width": target.width, "height": target.height, "limit": TARGET},
    )
