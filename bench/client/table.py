"""The findings as Markdown tables."""

from collections.abc import Callable, Iterable, Sequence

from bench.client.contenders import BARE
from bench.client.figures import Sizes, Spread, ratio, spread
from bench.client.findings import Found, Sample

START, END = "<!-- tables -->", "<!-- /tables -->"
NONE = "–"


def render(found: Sequence[Found], machine: str, rounds: int) -> str:
    """All tables of one run, with the machine it ran on and the views that are missing from it."""
    parts = [
        f"Run of {machine}, {rounds} rounds.{_missing(found, rounds)}",
        *_weights(found),
        *_times(found),
        *_clicks(found),
    ]
    return "\n\n".join([*parts, *_audits(found)]) + "\n"


def put(document: str, text: str) -> str:
    """The document with ``text`` between its markers. Raises ``ValueError`` without markers."""
    before, start, rest = document.partition(START)
    _, end, after = rest.partition(END)
    if not start or not end:
        raise ValueError(f"the document has no {START} and {END}")
    return f"{before}{START}\n\n{text}\n{END}{after}"


def _weights(found: Sequence[Found]) -> list[str]:
    rivals = [
        f.weight.first.brotli
        for f in found
        if f.weight and f.contender.kind == "rival" and f.contender.settings
    ]
    rows = []
    for one in found:
        weight = one.weight
        if weight is None or one.contender == BARE:
            continue
        first, owner = weight.first, weight.owner
        rows.append(
            (
                _name(one),
                _whole(first.raw),
                _whole(first.gzip),
                _whole(first.brotli),
                _times_of(ratio(first.brotli, rivals)),
                _whole(first.plus(owner).brotli),
                _brotli(weight.preferences),
                _whole(weight.returning.brotli),
                _whole(weight.again),
                _remark(one),
            )
        )
    heads = (
        "bytes to see and use the first layer, in English",
        "raw",
        "gzip 9",
        "brotli 11",
        "× smallest rival with a preference centre",
        "with what the owner writes",
        "preference centre adds",
        "returning visitor",
        "and again",
        "",
    )
    return ["#### Bytes", _table(heads, rows)]


def _times(found: Sequence[Found]) -> list[str]:
    rivals = [f for f in found if f.contender.kind == "rival"]
    bare = next((f.slow for f in found if f.contender == BARE), [])
    slow = [_median(f.slow, _visible) for f in rivals]
    fast = [_median(f.fast, _visible) for f in rivals]
    bare_blocking = _median(bare, lambda s: s.blocking) or 0.0
    bare_paint = _median(bare, lambda s: s.paint)
    rows = []
    for one in found:
        paint = _median(one.slow, lambda s: s.paint)
        blocked = _median(one.slow, lambda s: s.blocking)
        later = None if paint is None or bare_paint is None else paint - bare_paint
        rows.append(
            (
                _name(one),
                _spread(_of(one.fast, _visible)),
                _times_of(ratio(_median(one.fast, _visible), fast)),
                _spread(_of(one.slow, _visible)),
                _times_of(ratio(_median(one.slow, _visible), slow)),
                _spread(_of(one.slow, lambda s: s.paint)),
                _signed(later),
                _signed(None if blocked is None else blocked - bare_blocking),
                _most(one.slow + one.fast, lambda s: s.shift, "{:.3f}"),
                _most(one.slow + one.fast, lambda s: s.requests, "{:.0f}"),
            )
        )
    heads = (
        "milliseconds, cold cache: median (quartiles)",
        "visible, fast",
        "× fastest rival",
        "visible, slow",
        "× fastest rival",
        "page's own FCP, slow",
        "FCP, over the bare page",
        "blocking, slow, over the bare page",
        "CLS",
        "requests",
    )
    return ["#### Time to banner", _table(heads, rows)]


def _clicks(found: Sequence[Found]) -> list[str]:
    rows = [
        (
            _name(one),
            _spread(_of(one.slow, lambda s: s.click)),
            _spread(_of(one.slow, lambda s: s.presentation)),
            _spread(_of(one.fast, lambda s: s.click)),
            _spread(_of(one.fast, lambda s: s.presentation)),
        )
        for one in found
        if one.contender != BARE
    ]
    heads = (
        "milliseconds at 4×: median (quartiles)",
        "accept, INP",
        "of that, handlers' end to paint",
        "reject, INP",
        "of that, handlers' end to paint",
    )
    return ["#### Clicks", _table(heads, rows)]


def _audits(found: Sequence[Found]) -> list[str]:
    rows = [
        (_name(one), _rules(one.audit.first), _rules(one.audit.preferences))
        for one in found
        if one.audit is not None and one.contender.kind != "floor"
    ]
    heads = ("axe-core, WCAG A and AA up to 2.2", "first layer", "preference centre")
    return ["#### Accessibility", _table(heads, rows)]


# ---------------------------------------------------------------- cells


def _missing(found: Sequence[Found], rounds: int) -> str:
    lost = {f.contender.title: 2 * rounds - len(f.fast) - len(f.slow) for f in found}
    named = ", ".join(f"{title} {views}" for title, views in lost.items() if views)
    return f" Views that failed and are left out: {named}." if named else ""


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    rule = ["---", *("--:" if head else "---" for head in heads[1:])]
    return "\n".join("| " + " | ".join(row) + " |" for row in (heads, rule, *rows))


def _name(one: Found) -> str:
    contender = one.contender
    return f"**{contender.title}**" if contender.kind == "ours" else contender.title


def _remark(one: Found) -> str:
    core = one.weight.core if one.weight else None
    alone = f"Its core without an interface: {_whole(core.brotli)}." if core else ""
    return " ".join(filter(None, (one.contender.remark, alone)))


def _rules(rules: dict[str, int] | None) -> str:
    if rules is None:
        return NONE
    return ", ".join(f"{rule} ({nodes})" for rule, nodes in sorted(rules.items())) or "clean"


def _visible(sample: Sample) -> float | None:
    return sample.visible


def _of(samples: Sequence[Sample], figure: Callable[[Sample], float | None]) -> Spread | None:
    return spread([value for value in map(figure, samples) if value is not None])


def _median(samples: Sequence[Sample], figure: Callable[[Sample], float | None]) -> float | None:
    found = _of(samples, figure)
    return found and found.median


def _most(samples: Sequence[Sample], figure: Callable[[Sample], float], form: str) -> str:
    return form.format(max(map(figure, samples))) if samples else NONE


def _spread(found: Spread | None) -> str:
    if found is None:
        return NONE
    return f"{found.median:,.0f} ({found.low:,.0f} to {found.high:,.0f})"


def _brotli(found: Sizes | None) -> str:
    return NONE if found is None else _whole(found.brotli)


def _whole(value: float) -> str:
    return f"{value:,.0f}"


def _times_of(value: float | None) -> str:
    return NONE if value is None else f"{value:.2f}"


def _signed(value: float | None) -> str:
    return NONE if value is None else f"{value:+,.0f}"
