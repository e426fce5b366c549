"""Settings, read once at start from ``holdfire.toml`` and the environment.

Every setting is also ``HOLDFIRE_<NAME>`` in the environment, which wins over the file. Nothing
is guessed: a key that nobody reads, or a value that cannot be meant, stops the start.
"""

import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_origin

import msgspec

from holdfire.document import Document
from holdfire.errors import ConfigError
from holdfire.settings.checks import faults
from holdfire.settings.table import PREFIX, SETTINGS, Setting, Settings, shipped

__all__ = ["FILE", "FILE_VARIABLE", "SETTINGS", "Setting", "Settings", "example", "load", "shipped"]

FILE = "holdfire.toml"  # read from the working directory when no other file is named
FILE_VARIABLE = "HOLDFIRE_CONFIG"


def load(config: str | Path | None, environment: Mapping[str, str]) -> Settings:
    """Read the settings from a file and the environment.

    ``config`` names the file; without it ``HOLDFIRE_CONFIG`` does; without that,
    ``holdfire.toml`` in the working directory is read if it is there.
    Raises ``ConfigError`` with every problem found.
    """
    named = config or environment.get(FILE_VARIABLE)
    path = Path(named or FILE)
    file = Document(str(path))
    raw = file.read(path) if named or path.exists() else {}
    settings = file.decode(raw or {}, Settings)

    surroundings = Document("environment", strict=False)
    overridden = _overrides(surroundings, environment)
    settings = msgspec.structs.replace(settings, **overridden)

    for name, item, what, remedy in faults(settings):
        if name in overridden:
            surroundings.fault(PREFIX + name.upper() + item, what, remedy)
        else:
            file.fault(name + item, what, remedy)
    if problems := (*file.problems, *surroundings.problems):
        raise ConfigError(problems)
    return settings


def example() -> str:
    """The text of ``config/holdfire.example.toml``: every setting at its default, explained."""
    opening = (
        "# The settings of Holdfire, each at its default.\n"
        f"# Copy this file to {FILE} and keep what you change.\n"
        f"# Every key may also be given in the environment, which wins: {PREFIX}PORT=8081.\n"
        "# Lists are written there with commas between the items.\n"
    )
    return opening + "".join(map(_entry, SETTINGS))


def _entry(setting: Setting) -> str:
    lines = textwrap.wrap(setting.help, width=92, break_on_hyphens=False, break_long_words=False)
    value = msgspec.json.encode(setting.default).decode()  # for these types TOML writes the same
    return "".join(f"\n# {line}" for line in lines) + f"\n{setting.name} = {value}\n"


def _overrides(surroundings: Document, environment: Mapping[str, str]) -> dict[str, Any]:
    by_variable = {setting.variable: setting for setting in SETTINGS}
    overridden: dict[str, Any] = {}
    for variable, text in environment.items():
        setting = by_variable.get(variable)
        if setting is not None:
            value = _listed(text) if get_origin(setting.type.__origin__) is tuple else text
            overridden[setting.name] = surroundings.decode(value, setting.type, variable)
        elif variable.startswith(PREFIX) and variable != FILE_VARIABLE:
            surroundings.unknown(variable, by_variable)
    return overridden


def _listed(text: str) -> list[str]:
    return [item.strip() for item in text.split(",") if item.strip()]
