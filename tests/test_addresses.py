"""Origins, URLs and host patterns: exactly what a browser means, and nothing near it."""

import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfire.sites import load_sites
from holdfire.sites.addresses import covers, origin_fault, url_fault

WORDS = {"category.necessary.title": "Necessary", "category.necessary.text": "Needed."}
SITE = """
name = "Shop"
origins = ["{origin}"]
default_language = "en"

[[category]]
id = "necessary"
"""

HONEST = [
    "https://shop.example",
    "https://shop.example:8443",
    "https://xn--bcher-kva.example",
    "https://192.0.2.1",
    "https://[2001:db8::1]:8443",
    "https://intranet",
    "http://localhost",
    "http://localhost:5173",
    "http://shop.localhost:8080",
    "http://127.0.0.1:8080",
    "http://[::1]:8080",
]

LOOKALIKES = [
    ("", "https://shop.example"),
    ("null", "https://shop.example"),
    ("shop.example", 'write "https://shop.example"'),
    ("https://shop.example/", 'write "https://shop.example"'),
    ("https://shop.example/de?x#y", 'write "https://shop.example"'),
    ("https://user@shop.example", 'write "https://shop.example"'),
    ("HTTPS://shop.example", 'write "https://shop.example"'),
    ("https://Shop.example", "shop.example"),
    ("https://shop.example:443", 'write "https://shop.example"'),
    ("http://localhost:80", 'write "http://localhost"'),
    ("https://shop.example:08443", "https://"),
    ("https://shop.example:0", "https://"),
    ("https://shop.example:65536", "65535"),
    ("https://shop.example:", "https://"),
    ("https://shop.example.", "shop.example"),
    (" https://shop.example", 'write "https://shop.example"'),
    ("https://shop.example\n", 'write "https://shop.example"'),
    ("https://bücher.example", "xn--"),
    ("https://shop..example", "shop.example"),
    ("https://-shop.example", "shop.example"),
    ("https://" + "a." * 126 + "example", "shop.example"),
    ("https://127.1", "192.0.2.1"),
    ("https://0x7f.0.0.1", "192.0.2.1"),
    ("https://1.2.3.04", "192.0.2.1"),
    ("https://[127.0.0.1]", "192.0.2.1"),
    ("https://[::0001]", 'write "[::1]"'),
    ("https://[::1", "https://"),
    ("http://shop.example", 'write "https://shop.example"'),
    ("http://128.0.0.1", 'write "https://128.0.0.1"'),
    ("http://localhost.example", 'write "https://localhost.example"'),
    ("http://notlocalhost", 'write "https://notlocalhost"'),
    ("ftp://shop.example", "https://"),
    ("chrome-extension://abcdef", "https://"),
    ("https://*", "by itself"),
    ("https://*.shop.example", "by itself"),
    ("https://shop.example,https://b.example", "https://"),
]


@pytest.mark.parametrize("origin", HONEST)
def test_an_origin_is_written_as_a_browser_sends_it(tmp_path: Path, origin: str) -> None:
    """Scheme, host and a port that is not the usual one; plain http on this machine only."""
    (tmp_path / "shop.toml").write_text(SITE.format(origin=origin))

    assert load_sites(tmp_path, {"en": WORDS})["shop"].origins == (origin,)


@pytest.mark.parametrize(("origin", "remedy"), LOOKALIKES)
def test_any_other_spelling_is_refused(origin: str, remedy: str) -> None:
    """What no browser sends, or what a stranger could stand behind, never gets on the list."""
    fault = origin_fault(origin)

    assert fault is not None
    assert remedy in fault.remedy


def spelled(scheme: str, host: str, port: int | None) -> str:
    """An origin from its parts."""
    return f"{scheme}://{host}" if port is None else f"{scheme}://{host}:{port}"


LABEL = st.from_regex(r"[a-z]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True)
HOSTS = st.lists(LABEL, min_size=1, max_size=4).map(".".join)
PORTS = st.none() | st.integers(1, 65_535)
LOCAL = re.compile(r"^(?:[a-z0-9.-]+\.)?localhost$")
NEARLY = st.lists(
    st.sampled_from(
        ["https", "http", "://", ":", "/", "//", "@", "*", ".", "a", "A", "é", "[", "]", "::1"]
    )
    | st.sampled_from(
        ["127.0.0.1", "localhost", "443", "80", "8080", "\n", " ", "%", "?", "#", "\\", "-"]
    ),
    max_size=9,
).map("".join)


@given(HOSTS, PORTS)
def test_every_https_host_and_port_is_an_origin(host: str, port: int | None) -> None:
    """Nothing that a site may be served from is refused, save the port a browser leaves out."""
    assert (origin_fault(spelled("https", host, port)) is None) == (port != 443)


@given(st.text() | NEARLY | HOSTS.map(lambda host: f"http://{host}"))
def test_nothing_is_accepted_that_is_not_exactly_an_origin(text: str) -> None:
    """What is accepted comes apart and together to itself, and http stays on this machine."""
    if origin_fault(text) is not None:
        return
    parts = urlsplit(text)
    name = parts.hostname or ""
    host = f"[{name}]" if ":" in name else name

    assert text == spelled(parts.scheme, host, parts.port)
    assert (parts.scheme, parts.port) not in {("https", 443), ("http", 80)}
    assert parts.scheme == "https" or name in {"127.0.0.1", "::1", *LOCAL.findall(name)}


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "//shop.example/",
        "https:shop.example",
        "https:///privacy",
        "https://user@shop.example/",
        "https://shop.example\\@evil.example/",
        'https://shop.example/"onclick=x',
        "https://shop.example/<b>",
        "https://shop.example/a b",
        "https://shop.example/ü",
        "https://Shop.example/",
        "https://shop.example:99999/",
        "http://shop.example/",
    ],
)
def test_a_link_is_an_absolute_url_of_the_web(url: str) -> None:
    """Other schemes, markup and what browsers would read in two ways are refused."""
    assert url_fault(url) is not None


@given(st.text() | NEARLY)
def test_no_script_is_ever_a_link(text: str) -> None:
    """An accepted URL begins with a web scheme and holds nothing that could end an attribute."""
    if url_fault(text) is None:
        assert text.startswith(("https://", "http://"))
        assert not set(text) & set("\"'<>` \n\\")


@pytest.mark.parametrize(
    ("pattern", "host", "expected"),
    [
        ("a.example", "a.example", True),
        ("a.example", "b.a.example", False),
        ("*.a.example", "b.a.example", True),
        ("*.a.example", "c.b.a.example", True),
        ("*.a.example", "a.example", False),
        ("*.a.example", "ba.example", False),
    ],
)
def test_a_host_pattern_covers_whole_labels(pattern: str, host: str, *, expected: bool) -> None:
    """A name that merely ends alike is another's."""
    assert covers(pattern, host) is expected
