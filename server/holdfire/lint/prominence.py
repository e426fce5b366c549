"""Refusing must be as easy to find as agreeing: the ``refuse-…`` rules of one view."""

from collections.abc import Callable, Iterator

from holdfire.lint.colour import contrast, distance
from holdfire.lint.finding import Finding, Severity, View
from holdfire.lint.measurement import Control
from holdfire.lint.rules import COLOURS, SHARE, broken

ACCEPT, REFUSE = "accept_all", "reject_all"
RUNNING = 10  # letters; "or" between two buttons is no running text
THINNER = 200  # font weights as CSS counts them: one named step is 100

Compared = Callable[[View, Control, Control, Severity], Iterator[Finding]]


def prominence(view: View) -> Iterator[Finding]:
    """Hold the two controls of each layer against each other."""
    for number in (1, 2):
        layer = view.layer(number)
        if layer is None:
            continue
        accept, refuse = layer.control(ACCEPT), layer.control(REFUSE)
        if refuse is None:
            if number == 1:
                yield from _missing(view, layer.element, accept)
            continue
        # Behind the first layer it is the spirit of the law rather than its letter.
        severity = view.facts.duty if number == 1 else "concern"
        yield from _hidden(view, accept, refuse, severity)
        if refuse.beside >= RUNNING:
            yield broken(
                "refuse-in-text",
                view,
                refuse.element,
                f"{refuse.beside} letters of text around it",
                severity=severity,
                figures={"letters": refuse.beside},
            )
        if accept is not None and accept.usable and refuse.usable:
            for compare in COMPARISONS:
                yield from compare(view, accept, refuse, severity)


def _missing(view: View, layer: str, accept: Control | None) -> Iterator[Finding]:
    duty = view.facts.reject
    asks = accept is not None
    if duty == "required" or (duty == "required_if_banner" and asks):
        severity: Severity = "fault"
    elif duty == "recommended" and asks:
        severity = "concern"
    else:
        return
    offered = accept.element if accept else "no control that accepts all"
    yield broken(
        "refuse-missing",
        view,
        layer,
        f"{offered}, and none that refuses; the regime says: {duty.replace('_', ' ')}",
        severity=severity,
    )


def _hidden(
    view: View, accept: Control | None, refuse: Control, severity: Severity
) -> Iterator[Finding]:
    figures = {"shown": refuse.shown, "width": refuse.box.width, "height": refuse.box.height}
    if not refuse.visible:
        why = "it cannot be seen"
    elif refuse.disabled:
        why = "it cannot be pressed"
    elif refuse.shown < SHARE:
        why = f"{refuse.shown:.0%} of it is on the screen"
        if accept is not None and accept.shown < SHARE:
            severity = "concern"
    elif refuse.covered:
        why = "something lies over it"
    else:
        return
    yield broken("refuse-hidden", view, refuse.element, why, severity=severity, figures=figures)


def _kind(view: View, accept: Control, refuse: Control, severity: Severity) -> Iterator[Finding]:
    if _sort(accept) != _sort(refuse):
        yield broken(
            "refuse-unequal-kind",
            view,
            refuse.element,
            f"{_sort(refuse)}, and {accept.element} is {_sort(accept)}",
            severity=severity,
        )


def _sort(control: Control) -> str:
    box = "boxed" if control.paint.boxed or control.paint.native else "bare"
    return f"{control.kind}, {box}{'' if control.focusable else ', not in the tab order'}"


def _size(view: View, accept: Control, refuse: Control, severity: Severity) -> Iterator[Finding]:
    pairs = {
        "area": (refuse.box.area, accept.box.area),
        "height": (refuse.box.height, accept.box.height),
        "font size": (refuse.font_size, accept.font_size),
    }
    less = [name for name, (mine, other) in pairs.items() if mine < SHARE * other]
    if accept.font_weight - refuse.font_weight >= THINNER:
        pairs["font weight"] = (refuse.font_weight, accept.font_weight)
        less.append("font weight")
    if less:
        yield broken(
            "refuse-unequal-size",
            view,
            refuse.element,
            "; ".join(f"{name} {pairs[name][0]:g} against {pairs[name][1]:g}" for name in less),
            severity=severity,
            figures=_figures({name: pairs[name] for name in less}),
        )


def _contrast(
    view: View, accept: Control, refuse: Control, severity: Severity
) -> Iterator[Finding]:
    pairs = {
        "words": (_words(refuse), _words(accept)),
        "fill": (_fill(refuse), _fill(accept)),
    }
    less = {name: pair for name, pair in pairs.items() if pair[0] < SHARE * pair[1]}
    if less:
        yield broken(
            "refuse-unequal-contrast",
            view,
            refuse.element,
            "; ".join(
                f"{name} {mine:.2f}:1 against {it:.2f}:1" for name, (mine, it) in less.items()
            ),
            severity=severity,
            figures=_figures(less),
        )


def _words(control: Control) -> float:
    return contrast(control.colour, control.paint.fill)


def _fill(control: Control) -> float:
    return contrast(control.paint.fill, control.paint.surround)


def _colour(view: View, accept: Control, refuse: Control, severity: Severity) -> Iterator[Finding]:
    apart = distance(accept.paint.fill, refuse.paint.fill)
    if accept.paint.image != refuse.paint.image:
        pictured = accept if accept.paint.image else refuse
        what = f"only {pictured.element} is filled with a picture"
    elif apart > COLOURS:
        what = f"filled {_hex(refuse)}, and {accept.element} {_hex(accept)}: {apart:.3f} apart in OKLab"
    else:
        return
    yield broken(
        "refuse-steered-colour",
        view,
        refuse.element,
        what,
        severity=severity,
        figures={"distance": apart, "limit": COLOURS},
    )


def _hex(control: Control) -> str:
    return "#" + "".join(f"{channel:02x}" for channel in control.paint.fill)


def _figures(pairs: dict[str, tuple[float, float]]) -> dict[str, float]:
    return {
        f"{name} of {which}": figure
        for name, pair in pairs.items()
        for which, figure in zip(("refuse", "accept"), pair, strict=True)
    }


COMPARISONS: tuple[Compared, ...] = (_kind, _size, _contrast, _colour)
