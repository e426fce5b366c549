"""What a site holds that nobody marked: whose hosts run in any case."""

from holdfire.document import Document
from holdfire.model import Intercept
from holdfire.sites import addresses


def check_intercept(document: Document, intercept: Intercept) -> None:
    """Note every trusted host that is none, and what says nothing while ``mode`` is "off"."""
    for place, pattern in enumerate(intercept.trusted, start=1):
        if (fault := addresses.pattern_fault(pattern)) is not None:
            document.fault(f"intercept.trusted[#{place}]", *fault)
    if intercept.mode == "off" and intercept != Intercept():
        remedy = 'set mode = "report" or "hold", or remove the rest of [intercept]'
        document.fault("intercept.mode", "nothing is held, so the rest says nothing", remedy)
