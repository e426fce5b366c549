"""How long a site keeps what it records of its visitors: which terms make sense."""

from holdfire.document import Document
from holdfire.model import Retention

LONGEST = 36_500  # days: a hundred years


def check_retention(document: Document, retention: Retention) -> None:
    """Note a term out of range, and a record that would go before the subject it holds."""
    subject, record = retention.subject_days, retention.record_days
    for name, days in (("subject_days", subject), ("record_days", record)):
        if days is not None and not 0 <= days <= LONGEST:
            document.fault(f"retention.{name}", f"{days} is out of range", f"0 to {LONGEST} days")
    if subject is not None and record is not None and record < subject:
        what = "the record would go before what it says of the person"
        document.fault("retention.record_days", what, "make it as long as subject_days, or longer")
