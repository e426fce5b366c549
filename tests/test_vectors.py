"""The vectors that page and server share are what the server decides today."""

import json

import policy_vectors


def test_the_vectors_are_up_to_date() -> None:
    """A change of law or policy comes with the vectors it changes: run ``make vectors``."""
    assert policy_vectors.FILE.read_text("utf-8") == policy_vectors.text()


def test_there_are_vectors_enough() -> None:
    """At least 500 cases over every table the law makes, with every reason they can have."""
    vectors = json.loads(policy_vectors.FILE.read_text("utf-8"))
    reasons = {
        decision["reason"]
        for case in vectors["cases"]
        for decision in case["expect"]["categories"].values()
    }

    assert len(vectors["cases"]) >= 500
    assert reasons >= {
        "necessary",
        "choice_granted",
        "choice_denied",
        "gpc",
        "dnt",
        "default_granted",
        "default_denied",
        "exempt_granted",
        "minor",
        "choice_expired",
        "notice_changed",
    }
