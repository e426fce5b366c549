"""The verifier that comes along in a bundle, opened from where somebody unpacked it."""

import os
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

from playwright.sync_api import Browser, expect
from visits import Profile, watched

from house import running

HOLDFIRE = (sys.executable, "-m", "holdfire")


def unpacked(folder: Path) -> Path:
    """A bundle of one choice, made by the command line and unpacked."""
    with running(folder) as service:
        service.choose("accept_all")
    ran = subprocess.run(
        [*HOLDFIRE, "records", "bundle", "--since", "2026-01-01", "--out", "bundle.zip"],
        cwd=folder,
        env={
            **os.environ,
            "HOLDFIRE_DATABASE": f"sqlite:///{folder}/holdfire.db",
            "HOLDFIRE_DATA_DIR": f"{folder}/var",
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    with ZipFile(folder / "bundle.zip") as opened:
        opened.extractall(folder / "far away")
    return folder / "far away"


def test_the_page_in_the_bundle_verifies_its_receipts(browser: Browser, tmp_path: Path) -> None:
    """From the disk, with the two files of the bundle, and without asking anybody."""
    bundle = unpacked(tmp_path)
    (receipt,) = bundle.glob("records/*/receipt.tlog-proof")
    with watched(Profile(browser.new_context())) as reader:
        page = reader.load((bundle / "verify.html").as_uri())
        page.get_by_label("File that ends in .tlog-proof").set_input_files(receipt)
        page.get_by_label("File with the keys of the log").set_input_files(bundle / "policy.txt")

        expect(page.get_by_role("heading", level=2)).to_have_text("Verified", ignore_case=True)
        assert not [r.url for r in reader.requests if not r.is_navigation_request()]


def test_the_readme_opens_in_a_browser(browser: Browser, tmp_path: Path) -> None:
    """It is one page that loads nothing, with the commands as they are to be typed."""
    bundle = unpacked(tmp_path)
    with watched(Profile(browser.new_context())) as reader:
        page = reader.load((bundle / "README.html").as_uri())

        expect(page.get_by_role("heading", level=1)).to_have_text(
            "Records of consent, with their proofs"
        )
        assert "sha256sum -c SHA256SUMS" in page.locator("pre").all_inner_texts()
        assert not [r.url for r in reader.requests if not r.is_navigation_request()]
