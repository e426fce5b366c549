"""Makes the fixtures of ``visits`` known to the tests beside it."""

from visits import browser, demo, visit

__all__ = ["browser", "demo", "visit"]
