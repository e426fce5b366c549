"""The client benchmark's arithmetic and tables; the browser's part runs in ``make bench-client``."""

import re
import sys
from typing import Any

import pytest

from house import ROOT

sys.path.insert(0, str(ROOT))

from bench.client import figures, flame, table
from bench.client.contenders import ALL, BARE, HOLDFIRE, RIVALS, Contender, chosen
from bench.client.figures import Sizes, Spread
from bench.client.findings import Audit, Found, Sample, Weight, as_json
from bench.client.pages import pasted


@pytest.mark.parametrize(
    ("samples", "expected"),
    [
        ([], None),
        ([7.0], Spread(7, 7, 7)),
        ([1.0, 3.0], Spread(2, 1.5, 2.5)),
        ([9.0, 1.0, 5.0], Spread(5, 3, 7)),
        ([1.0, 2.0, 3.0, 4.0, 1000.0], Spread(3, 2, 4)),
    ],
)
def test_spread_is_the_median_between_its_quartiles(
    samples: list[float], expected: Spread | None
) -> None:
    """Order does not matter, one outlier moves nothing, and no sample is no figure."""
    assert figures.spread(samples) == expected


@pytest.mark.parametrize(
    ("tasks", "expected"),
    [([], 0), ([49.0, 50.0], 0), ([51.0], 1), ([80.0, 120.0, 10.0], 100)],
)
def test_blocking_counts_only_what_tasks_take_beyond_fifty(
    tasks: list[float], expected: float
) -> None:
    """Each task has 50 ms free, and none can lend them to another."""
    assert figures.blocking(tasks) == expected


def event(start: float, processed: float, duration: float) -> dict[str, float]:
    """One entry of the Event Timing API."""
    return {"startTime": start, "processingEnd": processed, "duration": duration}


@pytest.mark.parametrize(
    ("events", "witnessed", "inp", "presentation"),
    [
        ([], None, None, None),
        ([], 9.0, 16, None),
        ([], 40.0, 40, None),
        ([event(100, 110, 24)], 40.0, 24, 14),
        ([event(100, 101, 16), event(103, 130, 56)], 40.0, 56, 29),
        # Durations are rounded to 8 ms, so the paint may seem to come before the handlers' end.
        ([event(100, 126, 24)], None, 24, 0),
    ],
)
def test_an_interaction_is_as_long_as_its_longest_event(
    events: list[dict[str, float]],
    witnessed: float | None,
    inp: float | None,
    presentation: float | None,
) -> None:
    """Without a report it is what the page witnessed, and at least what would not be reported."""
    assert figures.interaction(events, witnessed) == inp
    assert figures.presentation(events) == presentation


@pytest.mark.parametrize(
    ("value", "rivals", "expected"),
    [
        (80.0, [100.0, 160.0], 0.8),
        (80.0, [None, 100.0], 0.8),
        (80.0, [None], None),
        (80.0, [], None),
        (None, [100.0], None),
    ],
)
def test_a_ratio_is_against_the_least_rival(
    value: float | None, rivals: list[float | None], expected: float | None
) -> None:
    """A rival without a figure is passed over; without any there is no ratio."""
    assert figures.ratio(value, rivals) == expected


def test_each_body_is_compressed_by_itself() -> None:
    """Two equal files weigh twice as much as one: no browser gets them as one."""
    body = b"function banner() { return 'banner' }\n" * 40

    one, two = figures.sizes([body]), figures.sizes([body, body])

    assert two == one.plus(one)
    assert one.raw == len(body)
    assert one.brotli < one.gzip < one.raw
    assert figures.sizes([]) == Sizes()


def sample(visible: float | None, **more: Any) -> Sample:
    """One page view."""
    return Sample(**{"visible": visible, "paint": 400.0, "blocking": 0.0, "shift": 0.0,
                     "requests": 2, **more})  # fmt: skip


def found(contender: Contender, slow: list[Sample], brotli: int = 100) -> Found:
    """What a run may have found of a contender."""
    weight = Weight(
        first=Sizes(4 * brotli, 2 * brotli, brotli),
        owner=Sizes(9, 8, 7),
        preferences=Sizes(3, 2, 1) if contender.settings else None,
        returning=Sizes(6, 5, 4),
        again=0,
        core=None,
    )
    audit = Audit({}, {"target-size": 2} if contender.settings else None)
    return Found(contender, weight, audit, slow, slow)


def rows(text: str, heading: str) -> dict[str, list[str]]:
    """The cells of the table below a heading, by the first cell of their row."""
    _, _, after = text.partition(f"#### {heading}\n\n")
    lines = after.partition("\n\n")[0].splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {row[0]: row[1:] for row in cells}


def run() -> str:
    """The tables of a run of ours, two rivals and the page without a banner."""
    orejime, osano = RIVALS[0], next(r for r in RIVALS if not r.settings)
    return table.render(
        [
            found(HOLDFIRE, [sample(480, blocking=60.0, paint=420.0, click=24.0)] * 2, 1100),
            found(orejime, [sample(600, blocking=90.0)] * 2, 1300),
            found(osano, [sample(960)], 700),
            found(BARE, [sample(None, blocking=20.0, requests=1)] * 2),
        ],
        "some day",
        2,
    )


def test_times_are_held_against_the_fastest_rival_and_the_bare_page() -> None:
    """Ratio, later paint and blocking time are of this run; the bare page has no banner."""
    times = rows(run(), "Time to banner")

    ours = times["**Holdfire**"]
    assert ours == ["480 (480 to 480)", "0.80", "480 (480 to 480)", "0.80", "420 (420 to 420)",
                    "+20", "+40", "0.000", "2"]  # fmt: skip
    assert times["Orejime 3.2.1"][3] == "1.00"
    assert times[BARE.title][:4] == ["–"] * 4
    assert times[BARE.title][6] == "+0"


def test_bytes_are_held_against_the_smallest_rival_that_does_as_much() -> None:
    """A banner without a preference centre is listed, and sets no mark."""
    weights = rows(run(), "Bytes")

    assert weights["**Holdfire**"][:6] == ["4,400", "2,200", "1,100", "0.85", "1,107", "1"]
    assert weights["Osano cookieconsent 3.1.1"][3:6] == ["0.54", "707", "–"]
    assert BARE.title not in weights


def test_faults_of_accessibility_are_named_and_counted() -> None:
    """No fault is clean, and a layer that does not exist is neither."""
    audits = rows(run(), "Accessibility")

    assert audits["**Holdfire**"] == ["clean", "target-size (2)"]
    assert audits["Osano cookieconsent 3.1.1"] == ["clean", "–"]


def test_views_that_failed_are_said() -> None:
    """A median of fewer views than the others is not passed off as one of as many."""
    assert "left out: Osano cookieconsent 3.1.1 2." in run()


def test_every_row_has_a_cell_for_every_heading() -> None:
    """The tables are tables in Markdown too."""
    for block in re.findall(r"(?:^\|.*\|\n?)+", run(), re.MULTILINE):
        assert len({line.count("|") for line in block.splitlines()}) == 1


def test_tables_replace_only_what_is_between_their_markers() -> None:
    """Writing twice is writing once, and the rest of the document stays."""
    document = "before\n<!-- tables -->\nold\n<!-- /tables -->\nafter\n"

    written = table.put(document, "new\n")

    assert written == "before\n<!-- tables -->\n\nnew\n\n<!-- /tables -->\nafter\n"
    assert table.put(written, "new\n") == written


@pytest.mark.parametrize("document", ["", "<!-- tables -->", "<!-- /tables -->"])
def test_a_document_without_a_place_for_tables_is_left_alone(document: str) -> None:
    """Nothing is appended somewhere."""
    with pytest.raises(ValueError, match="<!-- tables -->"):
        table.put(document, "new")


def test_the_document_has_a_place_for_the_tables() -> None:
    """``--write`` finds its markers."""
    assert table.put((ROOT / "docs/bench-client.md").read_text(), "x")


def test_results_name_every_figure() -> None:
    """What is kept can be read without this program."""
    kept: Any = as_json(found(HOLDFIRE, [sample(480)]))

    assert kept["bytes"]["first"] == {"raw": 400, "gzip": 200, "brotli": 100}
    assert kept["slow"][0]["visible"] == 480
    assert kept["axe"]["preferences"] == {"target-size": 2}


def test_the_bare_page_is_always_measured() -> None:
    """Naming one contender keeps what it is held against; naming none means all."""
    assert chosen(["orejime"]) == (RIVALS[0], BARE)
    assert chosen([]) == ALL
    with pytest.raises(KeyError):
        chosen(["nobody"])


@pytest.mark.parametrize("contender", ALL, ids=lambda contender: str(contender.name))
def test_pages_ask_only_for_files_that_are_served(contender: Contender) -> None:
    """Nothing is fetched from elsewhere; the bare page has nothing to fetch."""
    written = "".join(pasted(contender, "<script async src='http://127.0.0.1/s/x.js'></script>"))
    asked = set(re.findall(r'(?:src|href)="(/[^"#]+)"', written))

    assert asked <= {path for path, _ in contender.files}
    assert "//" not in "".join(re.findall(r'(?:src|href)="([^"]+)"', written))
    assert bool(written) == (contender != BARE)


def recorded(name: str, at: float, length: float, thread: int = 1, **data: str) -> dict[str, Any]:
    """An event as Chromium records it; times in ms."""
    times = {"ts": 1e6 + at * 1_000, "dur": length * 1_000}
    return {"name": name, "ph": "X", "pid": 1, "tid": thread, **times, "args": {"data": data}}


def test_a_flame_chart_nests_what_the_thread_of_the_boot_script_did() -> None:
    """From the navigation to the end asked for; short tasks, what they did and other threads are out."""
    events = [
        recorded("navigationStart", 0, 0) | {"ph": "R"},
        recorded("RunTask", 100, 80),
        recorded("ThreadControllerImpl::RunTask", 100, 79),
        recorded("EvaluateScript", 101, 50, url="https://c.test/s/demo.js"),
        recorded("Layout", 152, 20),
        recorded("Paint", 173, 0.5),
        recorded("RunTask", 200, 9),
        recorded("TimerFire", 201, 8),
        recorded("RunTask", 120, 90, thread=2),
        recorded("RunTask", -50, 40),
        recorded("RunTask", 900, 40),
    ]

    assert flame.spans_of(events, until=500) == [
        flame.Span("RunTask", 100, 80, 0),
        flame.Span("EvaluateScript demo.js", 101, 50, 1),
        flame.Span("Layout", 152, 20, 1),
    ]


def test_a_flame_chart_says_each_bar_s_name_and_length() -> None:
    """As text, whatever is in a name."""
    picture = flame.drawn([flame.Span("EvaluateScript <i>.js", 10, 40, 0)], visible=30)

    assert "<title>EvaluateScript &lt;i&gt;.js: 40.0 ms at 10 ms</title>" in picture
    assert "banner to be seen at 30 ms" in picture
