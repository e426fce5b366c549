"""The command line: arguments to verbs.

Exit codes: 0 done, 1 the check found something, 2 usage or configuration error.
"""

import argparse
import asyncio
import os
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime

import msgspec
import uvicorn

from holdfire import app, check, demo, scraping, serving
from holdfire.catalogue import Catalogue, table
from holdfire.clerk import Clerk, one_site, readable
from holdfire.cli import csp, erase, keys, log, records, verify, witness
from holdfire.cli.opening import FOUND, USAGE, all_sites, log_to_stderr
from holdfire.errors import ConfigError, HoldfireError
from holdfire.explain import Question
from holdfire.lint.browser import Unavailable
from holdfire.settings import load
from holdfire.sites.taking import near
from holdfire.web.snippet import snippet


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    options = parser().parse_args(_joined(sys.argv[1:] if arguments is None else arguments))
    try:
        run: Callable[[argparse.Namespace], int] = options.run
        return run(options)
    except ConfigError as error:
        for problem in error.problems:
            print(problem, file=sys.stderr)
        return USAGE
    except HoldfireError as error:
        print(f"holdfire: {error}", file=sys.stderr)
        return USAGE
    except BrokenPipeError:
        # The reader of our output has gone, as with `| head`; there is nobody left to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _joined(arguments: Sequence[str]) -> list[str]:
    """The arguments with each visitor joined to its option: a pseudonym may begin with a dash."""
    joined: list[str] = []
    for argument in arguments:
        if joined and joined[-1] == "--visitor":
            joined[-1] += f"={argument}"
        else:
            joined.append(argument)
    return joined


def parser() -> argparse.ArgumentParser:
    """Every command and option."""
    top = argparse.ArgumentParser(
        prog="holdfire", description="Consent and tracking preferences, self-hosted."
    )
    top.add_argument("--config", help="settings file (default: holdfire.toml, if there)")
    verbs = top.add_subparsers(required=True, metavar="COMMAND")

    verb = verbs.add_parser("demo", help="serve everything at once, with a demo shop")
    verb.add_argument("--port", type=int, default=8080)
    verb.set_defaults(run=run_demo)

    verb = verbs.add_parser("serve", help="serve the configured sites")
    verb.set_defaults(run=run_serve)

    _check_options(
        verbs.add_parser(
            "check", help="check settings, sites, law and banners; report every problem"
        )
    )

    verb = verbs.add_parser("snippet", help="print what to paste into a page")
    verb.add_argument("--site", default="demo")
    verb.add_argument("--base", default="", help="where the service is: /consent or https://host")
    verb.set_defaults(run=run_snippet)

    for family in (records, erase, log, verify, keys, witness, csp):
        family.add(verbs)

    _explain_options(verbs.add_parser("explain", help="say what holds for a visitor, and why"))

    verb = verbs.add_parser("services", help="list the service catalogue, or show one service")
    verb.add_argument("name", nargs="?", metavar="NAME", help="such as ga4")
    verb.add_argument("--json", action="store_true")
    verb.set_defaults(run=run_services)
    return top


def _check_options(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--json", action="store_true")
    verb.add_argument("--stale", type=int, metavar="DAYS", help="list rules not reviewed for DAYS")
    verb.add_argument(
        "--every-language", action="store_true", help="render all languages, not the telling few"
    )
    verb.add_argument("--strict", action="store_true", help="concerns fail the check too")
    look = verb.add_mutually_exclusive_group()
    look.add_argument(
        "--render", action="store_true", help="fail if there is no browser to look with"
    )
    look.add_argument("--no-render", action="store_true", help="leave the rendered banners out")
    look.add_argument(
        "--page",
        metavar="URL",
        action="append",
        help="look at the banner of this page instead; may be given again",
    )
    verb.add_argument("--place", metavar="CC[-SUB]", help="with --page: whose law it is held to")
    verb.set_defaults(run=run_check)


def _explain_options(verb: argparse.ArgumentParser) -> None:
    place = verb.add_mutually_exclusive_group()
    place.add_argument("--country", metavar="CC", help="ISO 3166-1 code")
    place.add_argument("--ip", metavar="ADDRESS")
    place.add_argument("--batch", metavar="FILE", help="one JSON question a line; - is stdin")
    verb.add_argument(
        "--region", metavar="SUB", help="ISO 3166-2 code, with or without the country"
    )
    verb.add_argument("--site", default="demo")
    verb.add_argument("--date", metavar="YYYY-MM-DD")
    verb.add_argument(
        "--quality", choices=("ok", "vpn", "tor", "hosting", "satellite"), default="ok"
    )
    verb.add_argument("--age", type=int, metavar="N")
    verb.add_argument("--residence", metavar="CC[-SUB]", help="where the visitor lives")
    verb.add_argument(
        "--prior", choices=("accept_all", "reject_all", "analytics_only", "opt_out_sale")
    )
    verb.add_argument("--analytics-role", choices=("processor", "third_party"))
    verb.add_argument("--attest", default="", metavar="LIST", help="analytics,functional")
    for flag in (
        "gpc",
        "dnt",
        "known",
        "prior-expired",
        "signal-at-choice",
        "online-platform",
        "parental",
    ):
        verb.add_argument(f"--{flag}", action="store_true")
    verb.add_argument("--json", action="store_true")
    verb.set_defaults(run=run_explain)


# ---------------------------------------------------------------- verbs


def run_demo(options: argparse.Namespace) -> int:
    """``holdfire demo``."""
    settings = load(options.config, os.environ)
    log_to_stderr(settings)
    return asyncio.run(demo.serve_demo(settings, "127.0.0.1", options.port))


def run_serve(options: argparse.Namespace) -> int:
    """``holdfire serve``."""
    settings = load(options.config, os.environ)
    log_to_stderr(settings)
    application = app.build(settings, all_sites(settings), whole=serving.in_one_piece)
    with serving.listen(settings.host, settings.port) as listener:
        server = uvicorn.Server(serving.config(application, settings, settings.host, settings.port))

        async def measured() -> None:
            async with scraping.measured(application, settings, settings.metrics_port or None):
                await server.serve([listener])

        with asyncio.Runner(loop_factory=server.config.get_loop_factory()) as runner:
            runner.run(measured())
    return 0 if server.started else USAGE


def run_check(options: argparse.Namespace) -> int:
    """``holdfire check``."""
    if options.place and not options.page:
        raise HoldfireError("--place: only a page is held to it; name one with --page")
    today = datetime.now(UTC).date()
    report = check.everything(options.config, os.environ, today=today, stale=options.stale)
    if options.page or not (options.no_render or report.fails(strict=False)):
        report += _looked_at(options, today)
    elif not options.no_render:
        print("The banners are looked at once this is mended.", file=sys.stderr)
    if options.json:
        found: list[object] = [*report.problems, *report.findings]
        print(msgspec.json.encode(found).decode())
    else:
        for line in (*report.problems, *report.findings):
            print(line)
        print(_summary(report))
    return FOUND if report.fails(strict=options.strict) else 0


def _looked_at(options: argparse.Namespace, today: date) -> check.Report:
    """What a browser sees. Without one, a line says so, and only ``--render`` insists."""

    def tell(line: str) -> None:
        print(line, file=sys.stderr)

    try:
        if options.page:
            return check.pages(
                options.config,
                os.environ,
                options.page,
                today=today,
                tell=tell,
                place=options.place,
            )
        return check.banners(
            options.config, os.environ, today=today, tell=tell, every=options.every_language
        )
    except Unavailable as error:
        if options.render or options.page:
            raise
        tell(f"The rendered banners were not looked at: {error}")
        return check.Report()


def _summary(report: check.Report) -> str:
    faults = len(report.problems) + sum(f.severity == "fault" for f in report.findings)
    concerns = sum(f.severity == "concern" for f in report.findings)
    said = f"Problems found: {faults}." if faults else "No problems found."
    return f"{said} Concerns: {concerns}." if concerns else said


def run_snippet(options: argparse.Namespace) -> int:
    """``holdfire snippet``."""
    site = one_site(all_sites(load(options.config, os.environ)), options.site)
    print(snippet(site, options.base))
    return 0


def run_explain(options: argparse.Namespace) -> int:
    """``holdfire explain``."""
    settings = load(options.config, os.environ)
    clerk = Clerk(settings, all_sites(settings))
    if options.batch:
        return 0 if clerk.answer_all(options.batch) else USAGE
    names = set(Question.__struct_fields__)
    question = msgspec.convert(
        {name: value for name, value in vars(options).items() if name in names}, Question
    )
    answer = clerk.answer(question)
    print(msgspec.json.encode(answer).decode() if options.json else readable(answer))
    return 0


def run_services(options: argparse.Namespace) -> int:
    """``holdfire services``."""
    catalogue = Catalogue(load(options.config, os.environ).services_path)
    if options.name is None:
        rows = [table.row(key, entry) for key, entry in catalogue.items()]
        print(msgspec.json.encode(rows).decode() if options.json else table.listed(rows))
        return 0
    if options.name not in catalogue:
        remedy = near(options.name, catalogue)
        raise HoldfireError(f"no service {options.name!r} in the catalogue; {remedy}")
    shown = table.row(options.name, catalogue[options.name])
    print(msgspec.json.encode(shown).decode() if options.json else table.shown(shown))
    return 0
