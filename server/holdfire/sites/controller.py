"""Who answers for a site: what may stand in the ``[controller]`` table of its file.

All of it may be left out. What a consent record has to say of the controller (ISO/IEC TS
27560:2023, Kantara Consent Receipt v1.1) is asked for when such a record is exported.
"""

import re

import msgspec

from holdfire.document import Document
from holdfire.model import Controller
from holdfire.sites import addresses

LONGEST = 256  # characters of a line that people read
NUMBER = re.compile(r"\+?[0-9][0-9 ()./-]{3,30}")  # E.164, as people write it
MAILBOX = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252})")
COUNTRY = re.compile(r"[A-Z]{2}")
JURISDICTION = re.compile(r"[A-Z]{2}(-[A-Z0-9]{1,3})?")


def check_controller(document: Document, controller: Controller) -> None:
    """Note every member that cannot be what it stands for."""
    lines = {
        **msgspec.structs.asdict(controller),
        **{f"address.{k}": v for k, v in msgspec.structs.asdict(controller.address).items()},
    }
    for name, text in lines.items():
        if isinstance(text, str) and (len(text) > LONGEST or not text.isprintable()):
            what = f"is no single line of at most {LONGEST} characters"
            document.fault(f"controller.{name}", what, "shorten it, without line breaks")
    if not controller.name.strip() and controller != Controller():
        remedy = "write the name as it is registered, or remove the table"
        document.fault("controller.name", "is missing, so nobody is named", remedy)
    _form(document, "email", controller.email, MAILBOX, "privacy@shop.example")
    _form(document, "phone", controller.phone, NUMBER, "+49 30 5550100")
    _form(document, "jurisdiction", controller.jurisdiction, JURISDICTION, "DE, US-CA or EU")
    _form(document, "address.country", controller.address.country, COUNTRY, "DE")
    if (url := controller.privacy_policy) and (fault := addresses.url_fault(url)):
        document.fault("controller.privacy_policy", *fault)
    rights = controller.rights
    if rights and not MAILBOX.fullmatch(rights) and (fault := addresses.url_fault(rights)):
        document.fault("controller.rights", fault.what, "write a URL or an e-mail address")


def _form(document: Document, name: str, text: str, pattern: re.Pattern[str], example: str) -> None:
    if text and not pattern.fullmatch(text):
        document.fault(f"controller.{name}", f"{text!r} is none", f"write it like {example}")
