"""The catalogue as people and programs read it: lines of a terminal, JSON, ``docs/services.md``."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from holdfire.law import Value
from holdfire.model import CookieUse, Standard
from holdfire.sites.shape import STANDARDS
from holdfire.sites.taking import Entry, Source

HEAD = """\
# Services that Holdfire knows

Generated from `config/services/`; edit the services there, then run `make docs`.

## Use one

In the site's file, name it instead of describing it:

```toml
[[service]]
uses = "ga4"

[[service]]
uses = "meta-pixel"
```

Provider, policy, hosts, cookies, storage keys and purpose come from the catalogue.
The service gets the name you used as its `id`, and the one category of your site whose standard is that of the catalogue.
If your site has no such category or several, say which:

```toml
[[service]]
uses = "vimeo"
category = "media"
```

Whatever you write yourself replaces what the catalogue says of it, one member as a whole:

```toml
[[service]]
uses = "ga4"
id = "ga4-shop"                   # a page asks for it by this name
category = "marketing"
recipients = ["Fernweh Agency"]   # the catalogue cannot know to whom you pass data on
cookies = [
  { name = "_ga", purpose = "Tells visitors apart.", lifetime = "13 months" },
]

[service.text]
en = "Counts visits to the shop."
de = "Zählt Besuche im Laden."
```

The texts of the catalogue are English, and stay English in every other language of your notice.
Where your visitors read another language, write `text` and the purposes yourself, as above.

`holdfire services` lists the catalogue, `holdfire services ga4` shows one service, and `--json` is for programs.
`holdfire check` names what is wrong, and near names for one that is not there.

## Before you rely on it

- The catalogue tells what a service does as it comes; what you switched on in it may set more.
- The category is where a service belongs as a rule. Whether it is so for your use of it is yours to judge.
- A cookie with a host is kept there, out of the reach of your page: it is told to the visitor, and only the provider can remove it.
- A name that ends in `*` covers every name that begins so, and one of your own among them would be removed with it: then write the names yourself.
- One host may serve several services. What comes from it runs only if all services of your site that name it are allowed.
- What a service lists is part of the version of your notice: an update of the catalogue that changes it asks your visitors anew. Keep a copy and name it in `services_dir` if you want to choose the day.
- A service whose script serves from your own host (Matomo, tag gateways) needs that host added: `hosts = ["stats.shop.example"]`.

## Add one

One TOML file a service, named after its id.
`services_dir` in the settings names the folder; without it the shipped catalogue is in use.

```toml
name = "Example Counter"
provider = "Example Ltd"
category = "analytics"            # necessary, functional, analytics or marketing
text = "Counts visits."
policy = "https://example.com/privacy"
hosts = ["example.com", "*.example.com"]
cookies = [
  { name = "_ex_*", purpose = "Tells visits apart.", lifetime = "30 minutes" },
  { name = "ex_uid", purpose = "Recognises the browser.", lifetime = "1 year", host = "example.com" },
]
storage = []
databases = []
adapter = ""                      # the adapter that speaks to it, if there is one
reload = true                     # it keeps running when refused, until the page is loaded anew
sources = ["own"]
```

`*.example.com` is every host below the domain, and not the domain itself.
A lifetime is `session`, `persistent`, or a number of minutes, hours, days, weeks, months or years.
Two services may name the same host or cookie if they have one provider, or if each names the other: `shares = ["other"]`.
"""


class Row(Value, frozen=True):
    """One entry, with its id and without what only the catalogue's own checks need."""

    id: str
    name: str
    provider: str
    category: Standard
    text: str
    policy: str
    hosts: tuple[str, ...]
    cookies: tuple[CookieUse, ...]
    storage: tuple[CookieUse, ...]
    databases: tuple[CookieUse, ...]
    adapter: str
    reload: bool
    sources: tuple[Source, ...]


def row(key: str, entry: Entry) -> Row:
    """One entry as it is told to people and programs."""
    names = (name for name in Row.__struct_fields__ if name != "id")
    return Row(key, **{name: getattr(entry, name) for name in names})


# ---------------------------------------------------------------- in a terminal


def listed(rows: Sequence[Row]) -> str:
    """One line for each: id, category, name, provider."""
    told = [(r.id, r.category, r.name, r.provider) for r in rows]
    widths = [max((len(line[at]) for line in told), default=0) for at in range(3)]
    return "\n".join(
        "  ".join(
            (*(cell.ljust(width) for cell, width in zip(line, widths, strict=False)), line[3])
        )
        for line in told
    )


def shown(one: Row) -> str:
    """Everything about one, on lines of their own."""
    lines = [
        f"{one.name} ({one.id})",
        one.text,
        "",
        f"provider   {one.provider}",
        f"category   {one.category}",
        f"policy     {one.policy}",
        f"hosts      {', '.join(one.hosts) or 'none'}",
        f"adapter    {one.adapter or 'none'}",
        f"reload     {'yes' if one.reload else 'no'}",
        f"sources    {', '.join(one.sources)}",
    ]
    for heading, uses in _kinds(one):
        lines += [
            "",
            heading,
            *(f"  {_where(use)}: {use.purpose} ({use.lifetime})" for use in uses),
        ]
    return "\n".join(lines)


def _kinds(one: Row) -> Iterator[tuple[str, tuple[CookieUse, ...]]]:
    kinds = (("cookies", one.cookies), ("storage", one.storage), ("databases", one.databases))
    yield from ((heading, uses) for heading, uses in kinds if uses)


def _where(use: CookieUse) -> str:
    return f"{use.name} on {use.host}" if use.host else use.name


# ---------------------------------------------------------------- docs/services.md


def render(catalogue: Mapping[str, Entry]) -> str:
    """The whole page, in Markdown. The same catalogue gives the same bytes."""
    return "\n".join((HEAD, *_list(catalogue))) + "\n"


def _list(catalogue: Mapping[str, Entry]) -> Iterator[str]:
    rows = [row(key, entry) for key, entry in catalogue.items()]
    yield f"## The {len(rows)} services"
    for standard in STANDARDS:
        yield from ("", f"### {standard.capitalize()}", "")
        yield _cells(
            "Name in `uses`", "Service", "Provider", "Hosts", "Cookies and keys", "Adapter"
        )
        yield _cells(*["---"] * 6)
        yield from (_line(one) for one in rows if one.category == standard)
    yield from ("", "## Credits", "")
    yield "Cookies, purposes and lifetimes are in part from the [Open Cookie Database](https://github.com/jkwakman/Open-Cookie-Database) (Apache License 2.0),"
    yield "hosts and providers in part from [third-party-web](https://github.com/patrickhulce/third-party-web) (MIT),"
    yield "both selected, corrected and reworded; each file names its `sources`, and the licences are beside them."


def _line(one: Row) -> str:
    kept = (use for _, uses in _kinds(one) for use in uses)
    return _cells(
        f"`{one.id}`",
        f"[{one.name}]({one.policy})",
        one.provider,
        _coded(one.hosts),
        _coded(_where(use) for use in kept),
        one.adapter,
    )


def _coded(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _cells(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
