"""The table of rules: what a banner must not do, on whose authority, and what to do instead.

``docs/lint.md`` says the same, and a test holds the two together.
"""

from holdfire.lint.finding import Facts, Finding, Rule, Severity, View

SHARE = 0.9  # "within 10 %": what the refusal must at least have of what the agreement has
COLOURS = 0.05  # OKLab; two and a half times the just noticeable difference of CSS Color 4
TEXT, LARGE, BOUNDARY, FRAMEWORK = 4.5, 3.0, 3.0, 5.0  # contrast ratios
TARGET = 24  # CSS pixels
CLICKS = 3  # a way that is longer is no way

_FREE = "GDPR Art 4(11) and Recital 42"
_REPORT = "EDPB Cookie Banner Taskforce report, 17 January 2023"
_PATTERNS = "EDPB Guidelines 03/2022"
_CNIL = "CNIL délibération 2020-092"
_GARANTE = "Garante, Linee guida cookie, 10 June 2021"
_CHOICE = "DSA Art 25 for online platforms"

RULES: tuple[Rule, ...] = (
    Rule(
        "refuse-missing",
        "The first layer offers to agree, or asks, and has no control that refuses.",
        f"{_FREE}; {_REPORT}, type A; {_CNIL}; 11 CCR § 7004(a)(2)",
        "none where the regime requires a refusal; a concern where it recommends one",
        "put a control that refuses all beside the one that accepts all",
    ),
    Rule(
        "refuse-unequal-kind",
        "Agreeing is a button, refusing is something less: a link, bare words, no stop for the "
        "keyboard.",
        f"{_REPORT}, type C; {_CNIL}; 11 CCR § 7004(a)(2); {_CHOICE}",
        "the same kind of element, both boxed or both bare, both in the tab order",
        "make both controls of one kind, with one class",
    ),
    Rule(
        "refuse-unequal-size",
        "The control that refuses is smaller, or its words are smaller or thinner.",
        f"{_CNIL}; 11 CCR § 7004(a)(2); {_PATTERNS}, hidden in plain sight",
        "area, height and font size at least 90 %; font weight at most 100 lighter",
        "give both controls the same width, height and font",
    ),
    Rule(
        "refuse-unequal-contrast",
        "The control that refuses is fainter: in its words, or against what is around it.",
        f"{_REPORT}, types D and E; {_PATTERNS}, hidden in plain sight",
        "at least 90 % of the other's contrast ratio, for words and fill alike",
        "give both controls the same colours",
    ),
    Rule(
        "refuse-steered-colour",
        "The two controls are filled with colours that look different.",
        f"{_REPORT}, types D and E; {_PATTERNS}, hidden in plain sight; {_CHOICE}",
        "0.05 in OKLab, where 0.02 is just noticeable; a picture on both or on neither",
        "fill both controls with the same colour",
    ),
    Rule(
        "refuse-unequal-clicks",
        "Refusing all takes more clicks than accepting all, from the page as first met.",
        f"{_FREE}; {_CNIL}; {_PATTERNS}, longer than necessary; 11 CCR § 7004(a)(2)",
        "no click more",
        "put the refusal on the same layer as the agreement",
    ),
    Rule(
        "refuse-in-text",
        "The refusal is a word in running text.",
        f"{_REPORT}, type C; {_PATTERNS}, hidden in plain sight",
        "fewer than 10 letters beside it in the same block",
        "take it out of the text and make it a control like the other",
    ),
    Rule(
        "refuse-hidden",
        "The control that refuses cannot be seen or pressed: invisible, without size, covered, or "
        "off the screen.",
        f"{_FREE}; {_REPORT}, type C; {_PATTERNS}, hidden in plain sight",
        "90 % of its area on the screen without scrolling; a concern where the other is off too",
        "show it in full, where the control that accepts is",
    ),
    Rule(
        "preticked",
        "A switch is on that nobody has turned on, where the law asks first.",
        "CJEU C-673/17 Planet49; GDPR Recital 32; "
        f"{_REPORT}, type B; {_PATTERNS}, deceptive snugness",
        "none; what is necessary or exempt may be on",
        "let every switch start off",
    ),
    Rule(
        "contrast",
        "Words, switches or controls are too faint to be read or found.",
        "WCAG 2.2 SC 1.4.3 and 1.4.11; IAB TCF Policies, Appendix B, for its buttons",
        "text 4.5:1, large text 3:1, the boundary of switches and buttons 3:1; under the TCF the "
        "words of buttons 5:1",
        "choose colours further apart",
    ),
    Rule(
        "guilt-wording",
        "A text shames, pleads, threatens or flatters.",
        f"GDPR Art 4(11) and 7(4); {_PATTERNS}, emotional steering; 11 CCR § 7004(a)(4); {_CHOICE}",
        "no phrase of config/wording, in the text's language and in English",
        "say what the choice does, and nothing of how to feel about it",
    ),
    Rule(
        "reprompt-early",
        "Somebody who refused is asked again before the law permits.",
        f"{_GARANTE}; {_CNIL}; Cal. Civ. Code § 1798.135(c)(4); {_PATTERNS}, continuous prompting",
        "the regime's days after a refusal; the next page view asks nothing",
        "keep a refusal at least as long as the regime says",
    ),
    Rule(
        "withdraw-steps",
        "Withdrawing takes more clicks than agreeing did; or opting out more than opting in.",
        "GDPR Art 7(3); EDPB Guidelines 05/2020, section 5.2; "
        f"{_REPORT}, type K; 11 CCR § 7004(a)(2)",
        "no click more, and three at most",
        "put a control that withdraws where it is reached as fast as agreeing was",
    ),
    Rule(
        "target-size",
        "A control or switch is too small to be hit.",
        "WCAG 2.2 SC 2.5.8, without its exceptions",
        "24 by 24 CSS pixels; a switch counts with its label",
        "make it larger",
    ),
    Rule(
        "blocks-page",
        "The page behind the question cannot be scrolled or used, and the site did not ask for it.",
        "GDPR Art 7(4) and Recital 42; EDPB Guidelines 05/2020, section 3.1",
        "none",
        "let the page be used, or say in the site's file that it waits",
    ),
    Rule(
        "close-missing",
        "There is no control that closes the first layer and keeps everything off, where the "
        "regulator wants one.",
        _GARANTE,
        "visible, on the screen, and not covered",
        "add a close control to the first layer",
    ),
)

BY_ID = {rule.id: rule for rule in RULES}


def broken(
    rule: str,
    view: View,
    element: str,
    measured: str,
    *,
    severity: Severity = "fault",
    limit: str = "",
    figures: dict[str, float] | None = None,
) -> Finding:
    """A finding in one view of a rendered banner; ``limit`` where it is more exact than the rule's."""
    return stated(
        rule,
        view.facts,
        element,
        measured,
        severity=severity,
        limit=limit,
        figures=figures,
        seen=(view.language, view.theme, view.viewport),
    )


def stated(
    rule: str,
    facts: Facts,
    element: str,
    measured: str,
    *,
    severity: Severity = "fault",
    limit: str = "",
    figures: dict[str, float] | None = None,
    seen: tuple[str, str, str] = ("", "", ""),
) -> Finding:
    """A finding that needs no view; ``seen`` is language, theme and viewport."""
    language, theme, viewport = seen
    known = BY_ID[rule]
    return Finding(
        rule=rule,
        severity=severity,
        site=facts.site,
        regime=facts.regime,
        language=language,
        theme=theme,
        viewport=viewport,
        element=element,
        measured=measured,
        figures={name: round(figure, 3) for name, figure in (figures or {}).items()},
        limit=limit or known.tolerance,
        law=known.law,
        remedy=known.remedy,
    )
