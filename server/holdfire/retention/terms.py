"""Every kind of data: where it is kept, how long, and on whose authority.

Two terms are a site's own (``[retention]`` in its file). Both give way to two things that no site
can set aside: nothing ends while the visitor's newest choice stands, for it is what decides; and
nothing ends before the law lets go of the proof (``proof.retain_days`` in ``config/regimes``).
"""

from collections.abc import Iterable, Mapping, Sequence

from holdfire import evidence
from holdfire.evidence import Evidence
from holdfire.law import Value
from holdfire.model import Site
from holdfire.record import Record

DAY = 86_400  # seconds
SUBJECT_DAYS = 395  # the longest life of the cookie by which a browser asks for its own history
RECORD_DAYS = 1_826  # five years: within them most laws let a claim be brought


class Terms(Value, frozen=True):
    """How long one site keeps what is recorded of a visitor, in days."""

    subject_days: int = SUBJECT_DAYS  # after the newest choice has run out
    record_days: int = RECORD_DAYS  # after the newest act


def terms_of(site: Site | None) -> Terms:
    """The terms of a site; ours where it says nothing, or is no longer configured."""
    if site is None:
        return Terms()
    said = site.retention
    return Terms(
        subject_days=SUBJECT_DAYS if said.subject_days is None else said.subject_days,
        record_days=RECORD_DAYS if said.record_days is None else said.record_days,
    )


def subject_ends(acts: Sequence[Record], terms: Terms) -> int:
    """When nobody needs to know any more who acted. Seconds since 1970, UTC.

    ``acts`` are all of one visitor, newest first, with their evidence.
    """
    proofs = [(act, evidence.read(act)) for act in acts]
    (_, newest) = proofs[0]
    after = newest.valid_until + terms.subject_days * DAY
    return max(after, *(law_lets_go(act, proof) for act, proof in proofs))


def record_kept(act: Record, proof: Evidence) -> int:
    """For how long after the act its record stands or is wanted by law, in seconds."""
    return max(proof.valid_until, law_lets_go(act, proof)) - act.recorded_ms // 1000


def law_lets_go(act: Record, proof: Evidence) -> int:
    """Until when the law wants an act provable. Seconds since 1970, UTC."""
    return act.recorded_ms // 1000 + (proof.keep_days or 0) * DAY


class Kind(Value, frozen=True):
    """One kind of data."""

    name: str
    what: str
    where: str
    kept: str
    why: str


KINDS: tuple[Kind, ...] = (
    Kind(
        name="entry",
        what="128 bytes an act or statement: times, the site, two salted commitments",
        where="database: entry, node, log, checkpoint",
        kept="for ever",
        why="every other receipt is proved by them; without its salt a commitment tells nothing",
    ),
    Kind(
        name="statement",
        what="what the instance says of itself: configurations, keys, notes, erasures",
        where="database: statement, tombstone",
        kept="for ever",
        why="they name no visitor, and show that a gap in the log is a lawful one",
    ),
    Kind(
        name="record",
        what="a choice: what was said, when, under which law and text; without the person",
        where="database: record, evidence",
        kept=f"record_days after the visitor's newest act (else {RECORD_DAYS}), "
        "longer while it stands or the law wants it",
        why="consent has to be proved (GDPR Art 7(1)), also against claims (Art 17(3)(b) and (e))",
    ),
    Kind(
        name="subject",
        what="who it was: pseudonym, network prefix, browser family",
        where="database: subject, sealed under the visitor's own key",
        kept=f"subject_days after the newest choice has run out (else {SUBJECT_DAYS}), "
        "longer while the law wants the proof",
        why="the visitor can ask for their own history as long as their cookie may live",
    ),
    Kind(
        name="person",
        what="the visitor's pseudonym and key",
        where="database: person",
        kept="with their last subject; in backups of that table 30 days at most",
        why="without the key no old copy of a subject opens",
    ),
    Kind(
        name="artefact",
        what="texts, configurations and scripts as visitors were shown them",
        where="database: artefact",
        kept="as long as a record or the present configuration refers to them",
        why="a record proves what was shown only while that can be shown again",
    ),
    Kind(
        name="key",
        what="the keys that sign: of visitor tokens, of consent tokens, of the log",
        where="data_dir: visitor.keys, token.keys, log.keys",
        kept="until the operator retires them; public halves for ever",
        why="old tokens and receipts are verified by them",
    ),
    Kind(
        name="spool",
        what="erasures that an operator asked the running service for, and their answers",
        where="data_dir: erasures, readable by its owner only",
        kept="until carried out and told, a day at most",
        why="a request names the visitor it is about",
    ),
    Kind(
        name="leftover",
        what="half-written files of a process that died, place databases of older releases",
        where="data_dir",
        kept="a day",
        why="nobody uses them",
    ),
    Kind(
        name="log line",
        what="what the service says on standard error",
        where="wherever the operator sends it",
        kept="as the operator likes",
        why="no line names a visitor, an address, a browser or a token",
    ),
)


def listed(sites: Mapping[str, Site]) -> str:
    """All kinds in plain text, and the terms of each site."""
    lines: list[str] = []
    for kind in KINDS:
        lines += [
            kind.name,
            f"  what   {kind.what}",
            f"  where  {kind.where}",
            f"  kept   {kind.kept}",
            f"  why    {kind.why}",
        ]
    lines.append("")
    return "\n".join((*lines, *_by_site(sites)))


def _by_site(sites: Mapping[str, Site]) -> Iterable[str]:
    for name, site in sites.items():
        terms = terms_of(site)
        yield f"{name}: subject_days {terms.subject_days}, record_days {terms.record_days}"


def table() -> str:
    """All kinds as the table of ``docs/retention.md``."""
    rows = (f"| {k.name} | {k.what} | {k.where} | {k.kept} | {k.why} |" for k in KINDS)
    head = "| kind | what | where | how long | why |\n|---|---|---|---|---|\n"
    return head + "\n".join(rows) + "\n"
