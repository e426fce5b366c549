"""Settings: one table, a file and the environment, and nothing guessed."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from holdfire.errors import ConfigError, Problem
from holdfire.settings import FILE_VARIABLE, SETTINGS, Settings, example, load, shipped

ROOT = Path(__file__).parent.parent
KEY = "q3Vf8mZt0LxW2cYb7HnR5sKdJ9uEaGpTi1"
OTHER_KEY = "Zk4Nw7QeXs1RbM9vTc6LpHf3GyJd8UaOi2"


def file_of(folder: Path, text: str) -> Path:
    """Write a settings file."""
    path = folder / "holdfire.toml"
    path.write_text(text, "utf-8")
    return path


def problems_of(config: Path | None, environment: Mapping[str, str]) -> tuple[Problem, ...]:
    """What loading refuses."""
    with pytest.raises(ConfigError) as refused:
        load(config, environment)
    return refused.value.problems


# ---------------------------------------------------------------- what is read


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_without_a_file_every_setting_is_at_its_default() -> None:
    """An empty folder and an empty environment give the defaults."""
    assert load(None, {}) == Settings()


def test_holdfire_toml_in_the_working_directory_is_read(tmp_path: Path) -> None:
    """A file of the usual name needs no option."""
    file_of(tmp_path, "port = 9000")

    assert load(None, {}).port == 9000


def test_the_environment_may_name_the_file(tmp_path: Path) -> None:
    """HOLDFIRE_CONFIG names the file, and is not itself a setting."""
    path = file_of(tmp_path, "port = 9000")

    assert load(None, {FILE_VARIABLE: str(path)}).port == 9000


def test_an_option_beats_the_environment_in_naming_the_file(tmp_path: Path) -> None:
    """The file named on the command line is the one that is read."""
    path = file_of(tmp_path, "port = 9000")

    assert load(path, {FILE_VARIABLE: str(tmp_path / "other.toml")}).port == 9000


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    """A key of the environment replaces that of the file and leaves the others."""
    path = file_of(tmp_path, 'port = 9000\nhost = "0.0.0.0"')

    settings = load(path, {"HOLDFIRE_PORT": "9001"})

    assert (settings.port, settings.host) == (9001, "0.0.0.0")  # noqa: S104 - nothing listens here


def test_lists_are_written_with_commas_in_the_environment(tmp_path: Path) -> None:
    """Items are trimmed; an empty text is an empty list."""
    path = file_of(tmp_path, f'secret_keys = ["{KEY}"]')
    environment = {
        "HOLDFIRE_TRUSTED_PROXIES": "10.0.0.0/8, 2001:db8::/32",
        "HOLDFIRE_EDGE_HEADERS": "cloudflare,generic",
        "HOLDFIRE_SECRET_KEYS": "",
    }

    settings = load(path, environment)

    assert [str(network) for network in settings.proxies] == ["10.0.0.0/8", "2001:db8::/32"]
    assert settings.edge_headers == ("cloudflare", "generic")
    assert settings.secret_keys == ()


def test_variables_of_other_programs_are_left_alone() -> None:
    """Only HOLDFIRE_ belongs to Holdfire."""
    assert load(ROOT / "config/holdfire.example.toml", {"PORT": "x", "PATH": "/bin"}) == Settings()


@pytest.mark.parametrize(
    "database",
    [
        "sqlite:///var/holdfire.db",
        "sqlite:////srv/holdfire.db",
        "postgresql://user:pa%40ss@db.example:5433/holdfire",
        "postgresql://user@[::1]/holdfire",
        "postgresql:///holdfire?host=/run/postgresql",
    ],
)
def test_a_database_is_sqlite_or_postgresql(database: str) -> None:
    """Relative and absolute SQLite files and PostgreSQL URLs are accepted as they are."""
    assert load(None, {"HOLDFIRE_DATABASE": database}).database == database


def test_every_setting_can_be_given_in_the_environment(tmp_path: Path) -> None:
    """What the example file says of each key can be said by its variable."""
    values: dict[str, str] = {}
    for setting in SETTINGS:
        default = setting.default
        values[setting.variable] = ",".join(default) if isinstance(default, tuple) else str(default)

    assert load(file_of(tmp_path, ""), values) == Settings()


# ---------------------------------------------------------------- what is refused

WRONG = [
    ("prot = 1", "prot", "did you mean port?"),
    ("[listen]\nport = 1", "listen", "remove it"),
    ('port = "8080"', "port", "a whole number from 0 to 65535"),
    ("port = 65536", "port", "a whole number from 0 to 65535"),
    ("port = true", "port", "a whole number"),
    ("host = 1", "host", "a text in quotes"),
    ('host = "http://127.0.0.1"', "host", "127.0.0.1"),
    ('host = ""', "host", "127.0.0.1"),
    ('data_dir = ""', "data_dir", "name a folder"),
    ('database = "sqlite://var/holdfire.db"', "database", "sqlite:///var/holdfire.db"),
    ('database = "sqlite:///"', "database", "sqlite:///var/holdfire.db"),
    ('database = "sqlite:///:memory:"', "database", "sqlite:///var/holdfire.db"),
    ('database = "sqlite:///var/a.db?mode=ro"', "database", "sqlite:///var/holdfire.db"),
    ('database = "postgres://db/holdfire"', "database", "postgresql://"),
    ('database = "postgresql://db"', "database", "postgresql://"),
    ('database = "postgresql://db:port/holdfire"', "database", "postgresql://"),
    ('database = "mysql://db/holdfire"', "database", "postgresql://"),
    ('trusted_proxies = "10.0.0.0/8"', "trusted_proxies", "a list in brackets"),
    ('trusted_proxies = ["10.0.0.0/8", 5]', "trusted_proxies[#2]", "a text in quotes"),
    ('trusted_proxies = ["proxy"]', "trusted_proxies[#1]", "10.0.0.0/8"),
    ('trusted_proxies = ["10.0.0.1/8"]', "trusted_proxies[#1]", 'write "10.0.0.0/8"'),
    ('trusted_proxies = ["0.0.0.0/0"]', "trusted_proxies[#1]", "your own proxies"),
    ('trusted_proxies = ["::/0"]', "trusted_proxies[#1]", "your own proxies"),
    (
        'edge_headers = ["cloudflair"]\ntrusted_proxies = ["::1"]',
        "edge_headers[#1]",
        "cloudflare",
    ),
    ('edge_headers = ["cloudflare"]', "edge_headers", "trusted_proxies"),
    ('secret_keys = ["change-me"]', "secret_keys[#1]", "openssl rand"),
    (
        'secret_keys = ["change-me-change-me-change-me-change-me"]',
        "secret_keys[#1]",
        "openssl rand",
    ),
    (f'secret_keys = ["{"x" * 40}"]', "secret_keys[#1]", "openssl rand"),
    (f'secret_keys = ["{KEY}", "{OTHER_KEY[:31]}"]', "secret_keys[#2]", "openssl rand"),
    ('establishment = "Germany!"', "establishment", '"de"'),
    ('regime_override = "us ca"', "regime_override", '"us-ca"'),
    ("boot_max_age_seconds = 3601", "boot_max_age_seconds", "from 0 to 3600"),
    ("boot_max_age_seconds = -1", "boot_max_age_seconds", "from 0 to 3600"),
    ("cookie_max_age_days = 396", "cookie_max_age_days", "from 1 to 395"),
    ("cookie_max_age_days = 0", "cookie_max_age_days", "from 1 to 395"),
    ('log_level = "loud"', "log_level", "one of debug"),
    ("graceful_seconds = -1", "graceful_seconds", "from 0 to 300"),
    ("graceful_seconds = 301", "graceful_seconds", "from 0 to 300"),
]


@pytest.mark.parametrize(("text", "key", "remedy"), WRONG, ids=[text for text, _, _ in WRONG])
def test_a_fault_is_told_with_file_key_and_remedy(
    tmp_path: Path, text: str, key: str, remedy: str
) -> None:
    """One planted fault gives one problem, which says where it is and how to mend it."""
    path = file_of(tmp_path, text)

    (problem,) = problems_of(path, {})

    assert (problem.file, problem.key) == (str(path), key)
    assert remedy in problem.remedy
    assert problem.what


WRONG_VARIABLES = [
    ("HOLDFIRE_PROT", "8080", "HOLDFIRE_PROT", "did you mean HOLDFIRE_PORT?"),
    ("HOLDFIRE_PORT", "http", "HOLDFIRE_PORT", "a whole number from 0 to 65535"),
    ("HOLDFIRE_PORT", "", "HOLDFIRE_PORT", "a whole number from 0 to 65535"),
    ("HOLDFIRE_DATABASE", "db.sqlite", "HOLDFIRE_DATABASE", "sqlite:///var/holdfire.db"),
    ("HOLDFIRE_LOG_LEVEL", "INFO", "HOLDFIRE_LOG_LEVEL", "one of debug"),
    ("HOLDFIRE_EDGE_HEADERS", "fastly,x", "HOLDFIRE_EDGE_HEADERS[#2]", "one of akamai"),
    ("HOLDFIRE_SECRET_KEYS", f"{KEY},short", "HOLDFIRE_SECRET_KEYS[#2]", "openssl rand"),
]


@pytest.mark.parametrize(("variable", "text", "key", "remedy"), WRONG_VARIABLES)
def test_a_fault_of_the_environment_is_told_as_such(
    tmp_path: Path, variable: str, text: str, key: str, remedy: str
) -> None:
    """The problem names the variable, not a file that has nothing to do with it."""
    problem, *_ = problems_of(file_of(tmp_path, ""), {variable: text})

    assert (problem.file, problem.key) == ("environment", key)
    assert remedy in problem.remedy


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    """Unknown keys, wrong types, values out of range and variables: one start tells them all."""
    path = file_of(tmp_path, 'prot = 1\nport = "x"\ngraceful_seconds = -1\ndatabase = "mysql://"')
    environment = {"HOLDFIRE_HOTS": "x", "HOLDFIRE_LOG_LEVEL": "loud"}

    found = {problem.key for problem in problems_of(path, environment)}

    assert found == {
        "prot",
        "port",
        "graceful_seconds",
        "database",
        "HOLDFIRE_HOTS",
        "HOLDFIRE_LOG_LEVEL",
    }


def test_a_named_file_must_exist(tmp_path: Path) -> None:
    """A mistyped --config never falls back to the defaults."""
    (problem,) = problems_of(tmp_path / "none.toml", {})

    assert problem.file.endswith("none.toml")
    assert "correct the path" in problem.remedy


@pytest.mark.parametrize(
    ("content", "remedy"),
    [(b"port = = 1", "syntax"), (b'host = "\xe9"', "UTF-8"), (b"port = 1\nport = 2", "syntax")],
)
def test_what_is_not_toml_is_told_once(tmp_path: Path, content: bytes, remedy: str) -> None:
    """A file that cannot be parsed gives one problem, not one for each key."""
    path = tmp_path / "holdfire.toml"
    path.write_bytes(content)

    (problem,) = problems_of(path, {})

    assert remedy in problem.remedy


# ---------------------------------------------------------------- secrets


def test_a_refusal_never_repeats_a_secret(tmp_path: Path) -> None:
    """Messages end up in logs: neither keys nor database passwords are in them."""
    path = file_of(tmp_path, 'secret_keys = ["hunter2"]\ndatabase = "mysql://u:hunter2@db/x"')

    told = " ".join(map(str, problems_of(path, {})))

    assert "hunter2" not in told


def test_settings_can_be_printed_without_their_secrets() -> None:
    """The representation holds neither keys nor the database with its password."""
    settings = Settings(secret_keys=(KEY,), database="postgresql://u:hunter2@db/holdfire")

    assert KEY not in repr(settings)
    assert "hunter2" not in repr(settings)
    assert "port=8080" in repr(settings)


# ---------------------------------------------------------------- what ships


def test_the_example_file_is_the_table() -> None:
    """config/holdfire.example.toml is written from the table, never by hand."""
    written = (ROOT / "config/holdfire.example.toml").read_text("utf-8")

    assert written == example(), (
        "stale; run: python -c 'from holdfire.settings import example; print(example(), end=\"\")'"
        " > config/holdfire.example.toml"
    )


def test_the_example_file_changes_nothing() -> None:
    """Copying the example gives the defaults."""
    assert load(ROOT / "config/holdfire.example.toml", {}) == Settings()


def test_every_setting_explains_itself() -> None:
    """Each row of the table has a sentence of help."""
    assert [s.name for s in SETTINGS if not s.help[0].isupper() or len(s.help) < 20] == []


@pytest.mark.parametrize("name", ["config/sites", "config/regimes", "config/locales", "static"])
def test_what_ships_is_found(name: str) -> None:
    """Folders of the repository are found in an editable installation."""
    assert shipped(name) == ROOT / name


def test_a_folder_of_ones_own_replaces_the_shipped_one() -> None:
    """An empty setting means what ships; anything else is taken as it is."""
    own = Settings(sites_dir="my/sites", locales_dir="/srv/locales")

    assert (own.sites_path, own.locales_path) == (Path("my/sites"), Path("/srv/locales"))
    assert own.regimes_path == ROOT / "config/regimes"
    assert own.static_path == ROOT / "static"
