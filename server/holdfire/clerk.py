"""Answers to ``holdfire explain``, one question at a time or a line each."""

import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import msgspec

from holdfire import app, explain
from holdfire.errors import HoldfireError
from holdfire.explain import Explanation, Question
from holdfire.law import Confidence
from holdfire.model import UNKNOWN_LOCATION, Location, Site
from holdfire.settings import Settings
from holdfire.visitor import Observatory
from holdfire.visitor.hops import literal


class Clerk:
    """Answers questions of ``explain``; opens the geo database only if one names an address."""

    def __init__(self, settings: Settings, sites: Mapping[str, Site]) -> None:
        """Load the law. Raises ``ConfigError``."""
        self._settings = settings
        self._law = app.open_law(settings)
        self._sites = sites
        self._observatory: Observatory | None = None

    def answer(self, question: Question) -> Explanation:
        """Answer one. Raises ``HoldfireError`` for a question that cannot be."""
        return explain.explain(
            question,
            self._locate(question),
            one_site(self._sites, question.site),
            self._law,
            datetime.now(UTC).date(),
            override=self._settings.regime_override or None,
            floor=self._settings.establishment or None,
        )

    def answer_all(self, file: str) -> bool:
        """Answer one question a line, in order; a bad line gets an error in its place.

        Whether every question could be answered.
        """
        failed = False
        with _lines(file) as lines:
            for line in lines:
                if not line.strip():
                    continue
                try:
                    body = msgspec.json.encode(
                        self.answer(msgspec.json.decode(line, type=Question))
                    )
                except (HoldfireError, msgspec.MsgspecError, UnicodeDecodeError) as error:
                    body = msgspec.json.encode({"error": str(error)})
                    failed = True
                sys.stdout.write(body.decode() + "\n")
        return not failed

    def _locate(self, question: Question) -> Location:
        if question.ip is not None:
            if literal(question.ip) is None:
                raise HoldfireError(f"ip: {question.ip!r} is no address")
            if self._observatory is None:
                self._observatory = app.open_observatory(self._settings)
            found = self._observatory.place(question.ip)
            if question.quality == "ok":
                return found  # the database may know better, and is believed
            return msgspec.structs.replace(found, confidence="low", quality=question.quality)
        if question.country is None:
            return msgspec.structs.replace(UNKNOWN_LOCATION, quality=question.quality)
        confidence: Confidence = "high" if question.quality == "ok" else "low"
        country, region = explain.place(question.country, question.region, self._law.law.aliases)
        return Location(
            country=country,
            region=region,
            source="override",
            confidence=confidence,
            quality=question.quality,
        )


def one_site(sites: Mapping[str, Site], key: str) -> Site:
    """The site of this id. Raises ``HoldfireError`` with the ids there are."""
    if key not in sites:
        raise HoldfireError(f"no site {key!r}; there are: {', '.join(sorted(sites))}")
    return sites[key]


def readable(answer: Explanation) -> str:
    """The answer as a person reads it."""
    place = answer.location
    where = "-".join(filter(None, (place.country, place.region))) or "unknown"
    lines = [
        f"{answer.regime.label} ({answer.regime.id}, {answer.regime.model})",
        f"location  {where}, from {place.source}, confidence {place.confidence}",
        f"prompt    {answer.prompt}",
        f"status    {answer.opt_out_status}",
    ]
    decided = {**answer.categories, "sale or share": answer.sale_or_share}
    for key, decision in decided.items():
        lines.append(f"{key:<14}{'allow' if decision.allow else 'deny':<7}{decision.reason}")
    lines.append("")
    said = {""}
    for step in answer.trace:
        lines.append(f"{step.step}: {step.rule}")
        about = "; ".join(filter(None, (step.law, step.source, step.as_of, step.confidence)))
        if about not in said:  # most steps rest on the regime's own law, which is said once
            lines.append(f"    {about}")
            said.add(about)
    return "\n".join(lines)


def _lines(file: str) -> BinaryIO:
    """What to read questions from. Raises ``HoldfireError`` for a file that cannot be read."""
    if file == "-":
        return sys.stdin.buffer
    try:
        return Path(file).open("rb")
    except OSError as error:
        raise HoldfireError(f"--batch {file}: {error.strerror}") from error
