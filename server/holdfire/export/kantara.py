"""Kantara Consent Receipt v1.1: one receipt a line, as KI-CR-v1.1.0 has it.

    version             KI-CR-v1.1.0
    jurisdiction        where the visitor was, or else the controller's own
    consentTimestamp    when it was recorded, seconds since 1970
    collectionMethod    layer and control
    consentReceiptID    the event id
    piiPrincipalId      the visitor's pseudonym
    piiControllers      [controller] of the site's file
    policyUrl           controller.privacy_policy, or links.privacy_policy
    services            each that was shown, with what was said to it in ``consentType``
    sensitive, spiCat   categories that the site marks ``sensitive``

The standard knows consent alone: EXPLICIT is a yes, and anything else is described, as it asks for
where consent is not explicit. Its lists of purposes and of personal data are those of its annex.
"""

from collections.abc import Mapping

from holdfire.export.reading import REQUIRED, Reading, Said, State, at, filled
from holdfire.model import Address, Controller, Standard

NEEDED = (*REQUIRED, "phone", "privacy_policy")

CONSENT: Mapping[State, str] = {
    "given": "EXPLICIT",
    "refused": "NONE: refused",
    "withdrawn": "NONE: withdrawn",
    "invalid": "NONE: said, and did not count",
    "not_asked": "NONE: not asked for",
}
PURPOSES: Mapping[Standard, str] = {
    "necessary": "1 - Core Function",
    "functional": "5 - Personalize Experience",
    "analytics": "16 - Improve Performance",
    "marketing": "6 - Marketing",
}
SOLD = "7 - Marketing Third Parties"
NETWORK, BEHAVIOUR = "5 - Network/Service", "15 - Behavioral"


def receipt(reading: Reading) -> dict[str, object]:
    """The receipt of one act."""
    categories = {said.category.id: said for said in reading.said if said.category.sensitive}
    return {
        "version": "KI-CR-v1.1.0",
        "jurisdiction": reading.jurisdiction,
        "consentTimestamp": reading.record.recorded_ms // 1000,
        "collectionMethod": reading.method,
        "consentReceiptID": reading.record.event_id,
        "language": reading.proof.language,
        "piiPrincipalId": reading.visitor,
        "piiControllers": [_controller(reading.site.controller)],
        "policyUrl": filled(reading.site)["privacy_policy"],
        "services": [_service(reading, said) for said in reading.said],
        "sensitive": bool(categories),
        "spiCat": [said.title for said in categories.values()],
    }


def _controller(controller: Controller) -> dict[str, object]:
    return {
        "piiController": controller.name,
        "onBehalf": controller.role == "processor",
        "contact": controller.contact,
        "address": postal(controller.address),
        "email": controller.email,
        "phone": controller.phone,
    }


def postal(address: Address) -> dict[str, str]:
    """An address in the words of schema.org."""
    members = {
        "streetAddress": address.street,
        "postalCode": address.postal_code,
        "addressLocality": address.locality,
        "addressRegion": address.region,
        "addressCountry": address.country,
    }
    return {name: text for name, text in members.items() if text}


def _service(reading: Reading, said: Said) -> dict[str, object]:
    name = said.service.name if said.service else said.title
    return {"service": name, "purposes": [_purpose(reading, said)]}


def _purpose(reading: Reading, said: Said) -> dict[str, object]:
    standard = said.category.standard
    others = reading.recipients(said)
    purpose: dict[str, object] = {
        "purpose": f"{said.title}: {said.text}" if said.text else said.title,
        "purposeCategory": [PURPOSES[standard], *([SOLD] if said.category.sale else [])],
        "consentType": ". ".join(filter(None, (CONSENT[said.state], said.why))),
        "piiCategory": [NETWORK, *([BEHAVIOUR] if standard in {"analytics", "marketing"} else [])],
        "primaryPurpose": False,
        "termination": f"Valid until {at(reading.proof.valid_until)}, or until withdrawn",
        "thirdPartyDisclosure": bool(others),
    }
    if others:
        purpose["thirdPartyName"] = ", ".join(others)
    return purpose
