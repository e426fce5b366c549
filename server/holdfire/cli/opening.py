"""What the verbs open: settings in the environment, sites, the log on standard error."""

import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime

from holdfire.catalogue import Catalogue
from holdfire.model import Site
from holdfire.settings import Settings
from holdfire.sites import load_locales, load_sites

FOUND, USAGE = 1, 2


def store_name(settings: Settings) -> str:
    """The record store in words; of a URL nothing is repeated, it may hold a password."""
    scheme, _, path = settings.database.partition(":///")
    return f"the record store {path}" if scheme == "sqlite" else "the record store in PostgreSQL"


def all_sites(settings: Settings) -> Mapping[str, Site]:
    """The sites the settings name. Raises ``ConfigError``."""
    catalogue = Catalogue(settings.services_path)
    return load_sites(settings.sites_path, load_locales(settings.locales_path), catalogue)


class JsonLines(logging.Formatter):
    """One JSON object a line; whatever is logged stays inside its string."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        request = getattr(record, "request_id", None)
        if request is not None:  # the error body tells its reader to report it
            line["request_id"] = request
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=True)


def log_to_stderr(settings: Settings) -> None:
    """Log to standard error, one JSON object a line."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=settings.log_level.upper(), handlers=[handler], force=True)
