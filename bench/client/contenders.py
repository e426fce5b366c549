"""Who is measured: pages, files, and where on the page their parts are.

A selector may reach into an open shadow root: ``host >>> selector``. Each contender is set up as
its own documentation says, with three categories where it has categories, in English.
"""

from typing import Literal, NamedTuple

Kind = Literal["ours", "rival", "floor"]


class Contender(NamedTuple):
    """One page of the benchmark. ``pages/{name}.html`` is what it puts into head and body."""

    name: str
    title: str
    kind: Kind
    banner: str = "#consent-banner"
    accept: str = "#consent-accept"
    reject: str = "#consent-reject"
    settings: str = ""  # none: it has no preference centre
    preferences: str = ""
    files: tuple[tuple[str, str], ...] = ()
    """Served path, and the file below ``node_modules/``, ``pages/`` or the bundle's folder."""
    config: tuple[str, ...] = ()
    """Served paths that the site's owner writes: they are no part of the rival's own weight."""
    core: str = ""
    """A part that decides and stores without an interface, if it is to be had alone."""
    remark: str = ""


BARE = Contender("bare", "page without a banner", "floor", banner="", accept="", reject="")
"""What everything is held against; it has nothing to wait for."""

HOLDFIRE = Contender(
    "holdfire",
    "Holdfire",
    "ours",
    banner='holdfire-ui >>> [role="region"]',
    accept='holdfire-ui >>> [data-control="accept_all"]',
    reject='holdfire-ui >>> [data-control="reject_all"]',
    settings='holdfire-ui >>> [data-control="settings"]',
    preferences="holdfire-ui >>> dialog",
)

RIVALS = (
    Contender(
        "orejime",
        "Orejime 3.2.1",
        "rival",
        banner=".orejime-Banner",
        accept=".orejime-Banner-saveButton",
        reject=".orejime-Banner-declineButton",
        settings=".orejime-Banner-learnMoreButton",
        preferences=".orejime-Modal",
        files=(
            ("/orejime/orejime-standard-en.js", "orejime/dist/orejime-standard-en.js"),
            ("/orejime/orejime-standard.css", "orejime/dist/orejime-standard.css"),
        ),
    ),
    Contender(
        "vanilla-cookieconsent",
        "vanilla-cookieconsent 3.1.0",
        "rival",
        banner="#cc-main .cm",
        accept='#cc-main .cm [data-role="all"]',
        reject='#cc-main .cm [data-role="necessary"]',
        settings='#cc-main .cm [data-role="show"]',
        preferences="#cc-main .pm",
        files=(
            (
                "/vanilla-cookieconsent/cookieconsent.umd.js",
                "vanilla-cookieconsent/dist/cookieconsent.umd.js",
            ),
            (
                "/vanilla-cookieconsent/cookieconsent.css",
                "vanilla-cookieconsent/dist/cookieconsent.css",
            ),
            (
                "/vanilla-cookieconsent/cookieconsent-config.js",
                "vanilla-cookieconsent-config.js",
            ),
        ),
        config=("/vanilla-cookieconsent/cookieconsent-config.js",),
        remark="Preference centre in the same file.",
    ),
    Contender(
        "klaro",
        "Klaro 0.7.22",
        "rival",
        banner="#klaro .cookie-notice",
        accept="#klaro .cookie-notice .cm-btn-success",
        reject="#klaro .cookie-notice .cn-decline",
        settings="#klaro .cookie-notice .cn-learn-more",
        preferences="#klaro .cm-modal",
        files=(
            ("/klaro/klaro.js", "klaro/dist/klaro.js"),
            ("/klaro/config.js", "klaro-config.js"),
        ),
        config=("/klaro/config.js",),
        core="klaro/dist/cm.js",
        remark="All its languages in the same file.",
    ),
    Contender(
        "tarteaucitronjs",
        "tarteaucitron 1.34.0",
        "rival",
        banner="#tarteaucitronAlertBig",
        accept="#tarteaucitronPersonalize2",
        reject="#tarteaucitronAllDenied2",
        settings="#tarteaucitronCloseAlert",
        preferences="#tarteaucitron",
        files=(
            ("/tarteaucitron/tarteaucitron.min.js", "tarteaucitronjs/tarteaucitron.min.js"),
            (
                "/tarteaucitron/tarteaucitron.services.min.js",
                "tarteaucitronjs/tarteaucitron.services.min.js",
            ),
            (
                "/tarteaucitron/css/tarteaucitron.min.css",
                "tarteaucitronjs/css/tarteaucitron.min.css",
            ),
            (
                "/tarteaucitron/lang/tarteaucitron.en.min.js",
                "tarteaucitronjs/lang/tarteaucitron.en.min.js",
            ),
            ("/tarteaucitron/advertising.min.js", "tarteaucitronjs/advertising.min.js"),
        ),
        remark="Its file of services included, which it loads in any case.",
    ),
    Contender(
        "cookieconsent",
        "Osano cookieconsent 3.1.1",
        "rival",
        banner=".cc-window",
        accept=".cc-window .cc-allow",
        reject=".cc-window .cc-deny",
        files=(
            ("/cookieconsent/cookieconsent.min.js", "cookieconsent/build/cookieconsent.min.js"),
            ("/cookieconsent/cookieconsent.min.css", "cookieconsent/build/cookieconsent.min.css"),
        ),
        remark="Banner only: no categories, no preference centre.",
    ),
    Contender(
        "c15t",
        "c15t 2.2.1, headless",
        "rival",
        files=(("/c15t/c15t.js", "c15t.js"),),
        remark="The core with a banner of 20 lines by hand; no preference centre. Offline mode.",
    ),
    Contender(
        "c15t-react",
        "c15t 2.2.1, React",
        "rival",
        banner='[data-testid="consent-banner-root"]',
        accept='[data-testid="consent-banner-accept-button"]',
        reject='[data-testid="consent-banner-reject-button"]',
        settings='[data-testid="consent-banner-customize-button"]',
        preferences='[data-testid="consent-dialog-root"]',
        files=(
            ("/c15t-react/c15t-react.js", "c15t-react.js"),
            ("/c15t-react/c15t-react.css", "c15t-react.css"),
        ),
        remark="React 19 included. Offline mode.",
    ),
)

FLOORS = (
    BARE,
    Contender("floor-inline", "banner in an inline script", "floor"),
    Contender(
        "floor-script",
        "banner in one small script",
        "floor",
        files=(("/floor/banner.js", "floor-banner.js"),),
    ),
)

ALL = (HOLDFIRE, *RIVALS, *FLOORS)


def chosen(names: list[str]) -> tuple[Contender, ...]:
    """Those named, with the bare page they are held against; no names mean all.

    Raises ``KeyError`` for a name that nobody has.
    """
    by_name = {contender.name: contender for contender in ALL}
    if not names:
        return ALL
    wanted = {by_name[name] for name in names} | {BARE}
    return tuple(contender for contender in ALL if contender in wanted)
