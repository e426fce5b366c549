"""The page that checks receipts, as anybody opens it: from a disc, without the service."""

import json
import re
import socket
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from axe import AXE, LEVELS
from playwright.sync_api import Browser, ConsoleMessage, FilePayload, Page, expect
from visits import Demo, Profile, watched

from house import ROOT, Service
from ledger_world import NOON, choice, evidence, policy, receipt

FILE = ROOT / "static/dist/verify.html"
VECTORS: dict[str, Any] = json.loads((ROOT / "tests/vectors/ledger.json").read_text("utf-8"))
POLICIES = {one["name"]: one["policy64"] for one in VECTORS["policies"]}
RECEIPTS = {one["name"]: one for one in VECTORS["receipts"]}
BY_HAND = (
    "3 witnesses for nested",
    "a person erased",
    "a statement: erasure",
    "a later version",
    "no witness",
    "a policy that is none",
    "evidence altered",
    "one place on",
    "a signature by another key",
    "half",
)
"""Of each outcome some, to be handed in as a reader would."""


@dataclass
class Reader(Profile):
    """Somebody who opens the page; their clock says an hour after the golden receipts."""

    said: list[ConsoleMessage] = field(default_factory=list)

    def open(self, address: str = FILE.as_uri()) -> Page:
        """Open the page, and listen to all it says to the console."""
        self.context.on("console", lambda message: self.said.append(message))
        self.context.clock.set_fixed_time((NOON + 3_600) * 1_000)
        return self.load(address)


@pytest.fixture
def reader(browser: Browser) -> Iterator[Reader]:
    """A reader whose page asked for nothing but itself, and had nothing to complain of."""
    with watched(Reader(browser.new_context())) as found:
        yield found
        pages = [r.url for r in found.requests if not r.is_navigation_request()]
        assert not pages, pages
        assert not found.said, [message.text for message in found.said]


def payload(name: str, data: bytes) -> FilePayload:
    """A file as a reader picks it."""
    return {"name": name, "mimeType": "application/octet-stream", "buffer": data}


def files(case: dict[str, Any]) -> tuple[FilePayload, FilePayload]:
    """The two files of a golden case."""
    return (
        payload("demo-3.tlog-proof", b64decode(case["receipt64"])),
        payload("policy", b64decode(POLICIES[case["policy"]])),
    )


def hand_in(page: Page, proof: FilePayload, trusted: FilePayload) -> None:
    """Pick both files."""
    page.get_by_label("File that ends in .tlog-proof").set_input_files(proof)
    page.get_by_label("File with the keys of the log").set_input_files(trusted)


def verdict(page: Page) -> str:
    """The verdict, once there is one."""
    heading = page.get_by_role("heading", level=2)
    expect(heading).to_be_visible()
    return heading.inner_text().lower()


def test_every_golden_receipt_is_judged_as_the_vectors_say(reader: Reader) -> None:
    """Chromium and the page agree with every shared case on outcome and reason."""
    page = reader.open()
    cases = [{**case, "policy64": POLICIES[case["policy"]]} for case in VECTORS["receipts"]]

    found = page.evaluate(
        """async cases => {
          const octets = text => Uint8Array.from(atob(text), one => one.charCodeAt(0));
          return Promise.all(cases.map(async ({name, receipt64, policy64, now}) => {
            const {outcome, reason} = await judge(octets(receipt64), octets(policy64), now);
            return [name, outcome, reason];
          }));
        }""",
        cases,
    )

    assert found == [[one["name"], one["outcome"], one["reason"]] for one in cases]
    assert len(found) > 100


@pytest.mark.parametrize("name", BY_HAND)
def test_files_that_are_picked_get_the_verdict_of_the_vectors(reader: Reader, name: str) -> None:
    """Two files in, one large word out; what was refuted is not repeated."""
    case = RECEIPTS[name]
    page = reader.open()
    hand_in(page, *files(case))

    assert verdict(page) == case["outcome"]
    expect(page).to_have_title(re.compile(f"^{case['outcome']}"))
    proves = page.get_by_role("heading", name="What this proves")
    expect(proves).to_have_count(int(case["outcome"] == "verified"))
    if case["outcome"] == "refuted":
        expect(page.locator("#details")).to_be_empty()


def test_a_verified_receipt_is_told_in_plain_words(reader: Reader) -> None:
    """What, when, under what, where in the log, and who signed."""
    page = reader.open()
    hand_in(page, *files(RECEIPTS["2 witnesses for all"]))
    assert verdict(page) == "verified"

    for term, told in {
        "Site": "demo",
        "What": "Saved a choice",
        "When": "21 November 2026 at 12:00 UTC",
        "Allowed": "analytics",
        "Refused": "functional, marketing",
        "Law": "eu-gdpr: nothing without permission",
        "Entry": "737, of 1000",
        "Your policy asks for": "2 of (witness.example/w1, witness.example/w2)",
    }.items():
        row = page.locator("dl > div").filter(has=page.locator(f"dt:text-is('{term}')"))
        expect(row.locator("dd")).to_contain_text(told)
    expect(page.locator("dt:text-is('Witness')")).to_have_count(2)


def test_both_files_can_be_dropped_anywhere(reader: Reader) -> None:
    """Which is which, the page tells by what is in them."""
    page = reader.open()
    case = RECEIPTS["a choice"]
    page.evaluate(
        """([receipt, policy]) => {
          const octets = text => Uint8Array.from(atob(text), one => one.charCodeAt(0));
          const dataTransfer = new DataTransfer();
          dataTransfer.items.add(new File([octets(policy)], 'a'));
          dataTransfer.items.add(new File([octets(receipt)], 'b'));
          const dropped = new DragEvent('drop', {dataTransfer, bubbles: true, cancelable: true});
          document.body.dispatchEvent(dropped);
          if (!dropped.defaultPrevented) throw Error('the browser would open the file');
        }""",
        [case["receipt64"], POLICIES[case["policy"]]],
    )

    assert verdict(page) == "verified"


def test_both_can_be_pasted_without_their_last_line_end(reader: Reader) -> None:
    """A copy from a mail or another page serves as well as a file."""
    page = reader.open()
    proof, trusted = files(RECEIPTS["2 witnesses for all"])
    for slot, given in (("receipt", proof), ("policy", trusted)):
        page.get_by_text(f"Paste the {slot} instead").click()
        text = given["buffer"].decode().rstrip("\n")
        page.get_by_label(f"Text of the {slot}").fill(text)
    page.get_by_role("button", name="Check the receipt").click()

    assert verdict(page) == "verified"


def test_a_keyboard_is_enough(reader: Reader) -> None:
    """Every control is reached by Tab; the button takes the focus to the verdict."""
    page = reader.open()
    proof, trusted = files(RECEIPTS["a choice"])

    def reach(name: str) -> None:
        for _ in range(12):
            page.keyboard.press("Tab")
            if (
                page.evaluate("() => document.activeElement.id || document.activeElement.type")
                == name
            ):
                return
        pytest.fail(f"{name} cannot be reached")

    for slot, given in (("receipt", proof), ("policy", trusted)):
        # It listens for the chooser from here on, well before the key.
        with page.expect_file_chooser() as chooser:
            reach(f"{slot}-file")
            page.keyboard.press("Enter")
        chooser.value.set_files(given)
    expect(page.get_by_role("heading", level=2)).to_be_visible()
    reach("submit")
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", level=2)).to_be_focused()
    assert verdict(page) == "verified"


def test_what_is_missing_is_said_and_gets_the_focus(reader: Reader) -> None:
    """The button without files leads to the first that is missing."""
    page = reader.open()
    page.get_by_role("button", name="Check the receipt").click()

    expect(page.get_by_label("File that ends in .tlog-proof")).to_be_focused()
    expect(page.get_by_text("The receipt is missing.")).to_be_visible()
    expect(page.get_by_text("The policy is missing.")).to_be_visible()


def test_the_verdict_is_read_aloud(reader: Reader) -> None:
    """It appears in a live region that was there before."""
    page = reader.open()
    region = page.locator("#verdict")
    expect(region).to_have_attribute("role", "status")
    hand_in(page, *files(RECEIPTS["a choice"]))

    expect(region).to_contain_text("Verified")


@pytest.mark.parametrize("lacking", ["importKey", "verify"])
def test_a_browser_without_ed25519_leaves_it_undecided(reader: Reader, lacking: str) -> None:
    """Never verified, and it says what the browser cannot do."""
    reader.context.add_init_script(
        f"SubtleCrypto.prototype.{lacking} = async () => "
        "{ throw new DOMException('no', 'NotSupportedError') }"
    )
    page = reader.open()
    hand_in(page, *files(RECEIPTS["a choice"]))

    assert verdict(page) == "undecided"
    expect(page.locator("#verdict")).to_contain_text("browser cannot check the signature")


def test_what_a_receipt_says_stays_text(reader: Reader) -> None:
    """Markup is shown as it was recorded, and characters that turn others round are spelt out."""
    page = reader.open()
    act = "<img src=x onerror=alert(1)>\u202e"
    proof = receipt(choice(evidence(action=act, language=[act], regime=act)))
    hand_in(page, payload("r", proof.encode()), payload("p", policy("quorum none")))

    assert verdict(page) == "verified"
    expect(page.locator("img")).to_have_count(0)
    expect(page.get_by_text("<img src=x onerror=alert(1)>\\u{202e}").first).to_be_visible()


def test_a_newer_file_takes_the_place_of_the_older(reader: Reader) -> None:
    """The verdict is always that of the files that are named."""
    page = reader.open()
    hand_in(page, *files(RECEIPTS["a choice"]))
    assert verdict(page) == "verified"
    proof, _ = files(RECEIPTS["evidence altered"])
    page.get_by_label("File that ends in .tlog-proof").set_input_files(proof)

    expect(page.get_by_role("heading", level=2)).to_have_text("Refuted")
    expect(page.get_by_role("heading", name="What this proves")).to_have_count(0)


def test_no_request_can_leave_the_page(browser: Browser) -> None:
    """Its own policy refuses even what its own script were to ask for."""
    with (
        socket.create_server(("127.0.0.1", 0)) as beyond,
        watched(Reader(browser.new_context())) as curious,
    ):
        page = curious.open()
        host = f"127.0.0.1:{beyond.getsockname()[1]}"
        for attempt in (
            f"fetch('http://{host}/').catch(() => 0)",
            f"new Image().src = 'http://{host}/'",
            f"navigator.sendBeacon('http://{host}/')",
            f"new WebSocket('ws://{host}/')",
            f"new EventSource('http://{host}/')",
        ):
            with page.expect_console_message(lambda said: "Content Security Policy" in said.text):
                page.evaluate(f"() => {{ {attempt} }}")

        beyond.settimeout(0)
        with pytest.raises(BlockingIOError):
            beyond.accept()


def test_a_file_that_is_too_large_takes_the_verdict_away(reader: Reader) -> None:
    """No verdict stands beside a file that was not read."""
    page = reader.open()
    hand_in(page, *files(RECEIPTS["a choice"]))
    assert verdict(page) == "verified"
    too_large = payload("film.tlog-proof", bytes((1 << 22) + 1))
    page.get_by_label("File that ends in .tlog-proof").set_input_files(too_large)

    expect(page.get_by_text("This file is too large")).to_be_visible()
    expect(page.get_by_role("heading", level=2)).to_have_count(0)
    expect(page.locator("#details")).to_be_empty()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["2 witnesses for all", "no witness", "evidence altered", ""])
def test_no_fault_is_found_by_a_machine(reader: Reader, name: str, scheme: Any) -> None:
    """WCAG 2.2 AA and best practice, at both ends of width, and nothing to scroll sideways."""
    page = reader.open()
    page.emulate_media(color_scheme=scheme)
    if name:
        hand_in(page, *files(RECEIPTS[name]))
        verdict(page)
    for summary in page.locator("summary").all():
        summary.click()
    page.evaluate(AXE)
    for width in (320, 1280):
        page.set_viewport_size({"width": width, "height": 800})
        found = page.evaluate(
            """async levels => {
              const {violations, incomplete} = await axe.run(document, {runOnly: levels});
              return [...violations, ...incomplete].flatMap(rule => rule.nodes.map(node =>
                `${rule.id}: ${node.target.join(' ')}: ${node.failureSummary}`));
            }""",
            LEVELS,
        )
        assert found == []
        sideways = page.evaluate("() => document.documentElement.scrollWidth - innerWidth")
        assert sideways <= 0


def test_on_paper_there_is_the_verdict_and_no_form(reader: Reader) -> None:
    """What is printed is what was found, for a file or a court."""
    page = reader.open()
    hand_in(page, *files(RECEIPTS["a choice"]))
    verdict(page)
    page.emulate_media(media="print")

    expect(page.get_by_role("button", name="Check the receipt")).to_be_hidden()
    expect(page.get_by_role("heading", name="Verified")).to_be_visible()
    expect(page.get_by_role("heading", name="What this does not prove")).to_be_visible()


def test_the_service_hands_out_the_same_file(reader: Reader, demo: Demo) -> None:
    """It works from the service as it does from a disc."""
    page = reader.open(f"{demo.own}/verify")
    hand_in(page, *files(RECEIPTS["a choice"]))

    assert verdict(page) == "verified"


def test_the_service_repeats_the_policy_of_the_page(service: Service) -> None:
    """The header says what the page says of itself, and keeps it out of frames."""
    answer = service.client.get("/verify", headers={"accept-encoding": "br"})
    stated = re.search(r'Content-Security-Policy" content="([^"]+)"', FILE.read_text("utf-8"))

    assert stated is not None
    assert answer.headers["content-security-policy"] == f"{stated[1]}; frame-ancestors 'none'"
    assert stated[1].startswith("default-src 'none'; script-src 'sha256-")
    assert answer.text == FILE.read_text("utf-8")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"


def test_the_page_is_one_file(tmp_path: Path) -> None:
    """It refers to nothing outside itself."""
    copied = tmp_path / "verify.html"
    copied.write_bytes(FILE.read_bytes())
    html = copied.read_text("utf-8")

    assert not re.search(r"\b(?:src|href|srcset|action)\s*=\s*[\"']", html.split("<script>")[0])
    assert not re.search(r"\burl\(|@import", html)
