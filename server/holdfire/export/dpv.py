"""ISO/IEC TS 27560:2023 consent records, in W3C DPV 2 JSON-LD: one document a line.

After the community group's guide (w3id.org/dpv/guides/consent-27560), profile ``#record``. Where
each field that it requires comes from:

    schema, record id       constant; the event id
    data subject            the visitor's pseudonym, "erased" where that was
    notice, language        version, language and digest of the texts that were shown
    process                 one for each service that was shown, or category without any
    purpose                 the category's kind, its title; the service's text
    personal data           by kind of use: an address of the network, identifiers on the device,
                            and for statistics and marketing how the site was used
    storage                 cookies and storage as the site file names them; the rest is not stated
    recipients              provider and recipients of the service, or else the controller
    withdrawal              where the interface stands, on every page of the site
    jurisdiction            where the visitor was, or else the controller's own
    rights                  controller.rights
    party: name, contact…   [controller] of the site's file; a record is refused without it
    consent type            the service's legal basis; an expressed consent, or none
    state                   given, refused, withdrawn, invalidated; or none that could justify it
    time, duration          when it was recorded; until when it stands
    by whom, method         the data subject; layer and control
"""

from collections.abc import Iterator, Mapping

from holdfire.export.kantara import postal
from holdfire.export.reading import REQUIRED, Reading, Said, State, at, filled
from holdfire.model import LegalBasis, Standard, in_language

NEEDED = (*REQUIRED, "rights")
Node = dict[str, object]

LINKS = (
    "dct:conformsTo", "dpv:hasDataController", "dpv:hasJurisdiction", "dpv:hasApplicableLaw",
    "dpv:hasLegalBasis", "dpv:hasLocation", "dpv:isIndicatedBy", "dpv:isExercisedAt",
    "dpv:hasProcessing", "dpv:hasDataSource", "skos:broader", "schema:url",
)  # fmt: skip
"""Properties whose value is an address or a term, and not a text."""

CONTEXT: Node = {
    "dpv": "https://w3id.org/dpv#",
    "eu-gdpr": "https://w3id.org/dpv/legal/eu/gdpr#",
    "loc": "https://w3id.org/dpv/loc#",
    "pd": "https://w3id.org/dpv/pd#",
    "dct": "http://purl.org/dc/terms/",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "schema": "https://schema.org/",
    "skos": "http://www.w3.org/2004/02/skos/core#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
    **{name: {"@type": "@id"} for name in LINKS},
    "dct:created": {"@type": "xsd:dateTime"},
    "dpv:isIndicatedAtTime": {"@type": "xsd:dateTime"},
}
PROFILE = "https://w3id.org/dpv/schema/dpv-27560#record"

STATES: Mapping[State, str] = {
    "given": "dpv:ConsentGiven",
    "refused": "dpv:ConsentRefused",
    "withdrawn": "dpv:ConsentWithdrawn",
    "invalid": "dpv:ConsentInvalidated",
    "not_asked": "dpv:ConsentStatusInvalidForProcessing",
}
PURPOSES: Mapping[Standard, str] = {
    "necessary": "dpv:ServiceProvision",
    "functional": "dpv:ServicePersonalisation",
    "analytics": "dpv:ServiceUsageAnalytics",
    "marketing": "dpv:Marketing",
}
BASES: Mapping[LegalBasis, str] = {
    "consent": "dpv:ExpressedConsent",
    "contract": "dpv:Contract",
    "legal_obligation": "dpv:LegalObligation",
    "public_interest": "dpv:PublicInterest",
    "legitimate_interest": "dpv:LegitimateInterest",
}
ROLES = {
    "controller": "dpv:DataController",
    "joint_controller": "dpv:JointDataControllers",
    "processor": "dpv:DataProcessor",
}
NOT_STATED = "Not stated by the controller."
ELSEWHERE = "Where and how long its recipients keep it: not stated by the controller."


def document(reading: Reading) -> Node:
    """The consent record of one act."""
    proof, record = reading.proof, reading.record
    return {
        "@context": CONTEXT,
        "@id": f"urn:uuid:{record.event_id}",
        "@type": "dpv:ConsentRecord",
        "dct:conformsTo": PROFILE,
        "dct:identifier": record.event_id,
        "dct:created": at(record.recorded_ms / 1000),
        "dct:language": proof.language,
        "dct:provenance": f"Entry {record.log_index} of the log {reading.origin}",
        "dct:description": reading.described,
        "dpv:hasDataSubject": {
            "@id": "_:subject",
            "@type": "dpv:DataSubject",
            "dct:identifier": reading.visitor,
        },
        "dpv:hasNotice": _notice(reading),
        "dpv:hasDataController": _party(reading),
        "dpv:hasJurisdiction": f"loc:{reading.jurisdiction}",
        **_law(reading),
        "dpv:hasConsentControl": {
            "@type": ["dpv:ProvideConsent", "dpv:WithdrawConsent"],
            "dpv:isExercisedAt": f"{_home(reading)}/",
            "dct:description": "The cookie settings, which every page of the site opens.",
        },
        "dpv:hasRight": list(_rights(reading)),
        "dpv:hasProcess": [_process(reading, said) for said in reading.said],
        "dpv:hasEntity": _controller(reading),
    }


def _notice(reading: Reading) -> Node:
    shown = reading.proof.shown
    return {
        "@id": f"{_home(reading)}/#notice-{shown.notice_version}",
        "@type": "dpv:ConsentNotice",
        "dct:identifier": shown.notice_version,
        "dct:language": reading.proof.language,
        "schema:sha256": shown.texts,
    }


def _law(reading: Reading) -> Node:
    if reading.regime is None:
        return {}
    laws: list[object] = [{"@type": "dpv:Law", "dct:title": law} for law in reading.regime.laws]
    return {"dpv:hasApplicableLaw": [*(["eu-gdpr:GDPR"] if _is_gdpr(reading) else []), *laws]}


def _rights(reading: Reading) -> Iterator[Node]:
    rights = filled(reading.site)["rights"]
    where = rights if "://" in rights else f"mailto:{rights}"
    kinds = ["dpv:DataSubjectRight"]
    yield {
        "@type": [*kinds, "eu-gdpr:A7-3"] if _is_gdpr(reading) else kinds,
        "dct:title": "Right to withdraw consent, or to object",
        "dpv:isExercisedAt": f"{_home(reading)}/",
    }
    yield {
        "@type": kinds,
        "dct:title": "All other rights over personal data that the law gives",
        "dpv:isExercisedAt": where,
    }


def _process(reading: Reading, said: Said) -> Node:
    title = {"@value": said.title, "@language": reading.proof.language}
    purpose: Node = {
        "@type": "dpv:Purpose",
        "skos:broader": PURPOSES[said.category.standard],
        "dct:title": title,
    }
    if said.text:
        purpose["dct:description"] = said.text
    service: Node = {}
    if said.service is not None:
        named = {"dct:identifier": said.service.id, "dct:title": said.service.name}
        service["dpv:hasService"] = {"@type": "dpv:Service", **named}
    return {
        "@type": "dpv:Process",
        **service,
        "dpv:hasPurpose": purpose,
        "dpv:hasPersonalData": list(_data(said)),
        "dpv:hasProcessing": ["dpv:Collect", "dpv:Use"],
        "dpv:hasDataSource": "dpv:DataSubjectDataSource",
        "dpv:hasDataController": _party(reading),
        "dpv:hasRecipient": _recipients(reading, said),
        "dpv:hasStorageCondition": list(_storage(reading, said)),
        "dpv:hasLegalBasis": _basis(reading, said),
        "dpv:hasConsentStatus": _status(reading, said),
    }


def _data(said: Said) -> Iterator[Node]:
    kind = "dpv:SensitivePersonalData" if said.category.sensitive else "dpv:PersonalData"
    found = [("pd:IPAddress", "Sent along with every request to the service.")]
    if kept := dict.fromkeys(use.name for use in said.uses):
        found.append(("pd:DeviceBased", f"Kept on the device: {', '.join(kept)}."))
    if said.category.standard in {"analytics", "marketing"}:
        found.append(("pd:BrowsingBehavior", "How the site was used."))
    for broader, text in found:
        yield {"@type": kind, "skos:broader": broader, "dct:description": text}


def _recipients(reading: Reading, said: Said) -> list[Node]:
    policy = said.service.policy if said.service else ""
    contact = policy or NOT_STATED
    parties: list[Node] = [
        {
            "@type": "dpv:Recipient",
            "dpv:hasName": name,
            "dpv:hasIdentifier": name,
            "dpv:hasContact": contact,
        }
        for name in reading.recipients(said)
    ]
    return parties or [{"@id": _party(reading)}]


def _storage(reading: Reading, said: Said) -> Iterator[Node]:
    for use in said.uses:
        purpose = use.purpose
        known = isinstance(purpose, str) or reading.proof.language in purpose
        text = in_language(
            purpose, reading.proof.language if known else reading.site.default_language
        )
        yield {
            "@type": ["dpv:StorageLocation", "dpv:StorageDuration"],
            "dpv:hasLocation": "dpv:WithinDevice",
            "dpv:hasDuration": {
                "@type": "dpv:UntilEventDuration",
                "rdf:value": use.lifetime or NOT_STATED,
            },
            "dct:identifier": use.name,
            **({"dct:description": text} if text else {}),
        }
    policy = said.service.policy if said.service else ""
    yield {
        "@type": ["dpv:StorageLocation", "dpv:StorageDuration"],
        "dct:description": ELSEWHERE,
        **({"schema:url": policy} if policy else {}),
    }


def _basis(reading: Reading, said: Said) -> str:
    basis = said.service.legal_basis if said.service else "consent"
    return "eu-gdpr:A6-1-a" if basis == "consent" and _is_gdpr(reading) else BASES[basis]


def _status(reading: Reading, said: Said) -> Node:
    state = STATES[said.state]
    return {
        "@type": [state, "dpv:ExpressedConsent"] if said.state == "given" else state,
        "dpv:isIndicatedBy": "_:subject",
        "dpv:isIndicatedAtTime": at(reading.record.recorded_ms / 1000),
        "dpv:hasIndicationMethod": reading.method,
        "dpv:hasDuration": {
            "@type": "dpv:UntilTimeDuration",
            "rdf:value": {"@value": at(reading.proof.valid_until), "@type": "xsd:dateTime"},
        },
        **({"dct:description": said.why} if said.why else {}),
    }


def _controller(reading: Reading) -> Node:
    stated = reading.site.controller
    policy = filled(reading.site)["privacy_policy"]
    contact: Node = {
        "@type": "schema:ContactPoint",
        "schema:name": stated.contact,
        "schema:email": stated.email,
        **({"schema:telephone": stated.phone} if stated.phone else {}),
    }
    address = {f"schema:{name}": text for name, text in postal(stated.address).items()}
    return {
        "@id": _party(reading),
        "@type": ROLES[stated.role],
        "dpv:hasName": stated.name,
        "dpv:hasIdentifier": _party(reading),
        "schema:contactPoint": contact,
        "schema:address": {"@type": "schema:PostalAddress", **address},
        "dpv:hasJurisdiction": f"loc:{stated.jurisdiction}",
        **({"schema:url": policy} if policy else {}),
    }


def _home(reading: Reading) -> str:
    return reading.site.origins[0]


def _party(reading: Reading) -> str:
    return f"{_home(reading)}/#controller"


def _is_gdpr(reading: Reading) -> bool:
    # The United Kingdom's own act bears the same name, and is another law.
    laws = reading.regime.laws if reading.regime else ()
    return any("GDPR" in law and "UK" not in law for law in laws)
