"""The two ways to install: under the site's own host, behind a real nginx; and on another host."""

from pathlib import Path
from typing import Any

from hosting import pages, serving, write_page
from playwright.sync_api import Browser, Page, Request, Response, expect

from nginx import under_a_path
from ports import free_port


def recorded(page: Page, act: str) -> dict[str, Any]:
    """Let the visitor act by a button or a call; the service's answer to the choice."""

    def is_choice(response: Response) -> bool:
        return response.request.method == "POST" and "/choices" in response.url

    with page.expect_response(is_choice) as answer:
        if act.endswith("()"):
            page.evaluate(act)
        else:
            page.get_by_role("button", name=act).click()
    assert answer.value.status == 201
    body: dict[str, Any] = answer.value.json()
    return body


def test_under_a_path_of_the_sites_own_host(browser: Browser, tmp_path: Path) -> None:
    """Boot script, banner, choice and cookie all live below the path, and the cookie is __Host-."""
    port = free_port()
    origin = f"https://127.0.0.1:{port}"
    with (
        pages(tmp_path) as canary,
        serving(tmp_path / "service", origin, HOLDFIRE_TRUSTED_PROXIES="127.0.0.0/8") as service,
        under_a_path(tmp_path / "nginx", port, service),
    ):
        write_page(tmp_path / "nginx/page", "/consent", f"http://127.0.0.1:{canary}/pixel.gif")
        context = browser.new_context(ignore_https_errors=True)
        requests: list[Request] = []
        context.on("request", lambda request: requests.append(request))
        page = context.new_page()
        page.goto(f"{origin}/")
        expect(page.get_by_role("button", name="Reject all")).to_be_visible()
        assert not [r.url for r in requests if "pixel" in r.url]

        recorded(page, "Accept all")
        page.wait_for_function("() => document.cookie.includes('__Host-holdfire_shop=')")
        cookie = next(c for c in context.cookies() if c["name"] == "__Host-holdfire_shop")
        assert cookie["secure"]
        assert cookie["path"] == "/"
        assert cookie["sameSite"] == "Lax"
        page.wait_for_function("() => window.holdfire.allowed('pixel')")

        assert recorded(page, "window.holdfire.withdraw()")["seq"] == 2
        ours = [
            r.url for r in requests if "pixel" not in r.url and not r.url.endswith("/favicon.ico")
        ]
        assert all(u == f"{origin}/" or u.startswith(f"{origin}/consent/") for u in ours), ours
        context.close()


def test_on_a_host_of_its_own(browser: Browser, tmp_path: Path) -> None:
    """Without a first-party cookie the page's own storage carries the visitor from act to act."""
    page_folder = tmp_path / "page"
    page_folder.mkdir()
    with pages(page_folder) as port:
        origin = f"http://localhost:{port}"  # another host than the service's 127.0.0.1
        with serving(tmp_path / "service", origin) as service:
            base = f"http://127.0.0.1:{service}"
            write_page(page_folder, base, f"{origin}/pixel.gif")
            context = browser.new_context()
            requests: list[Request] = []
            context.on("request", lambda request: requests.append(request))
            page = context.new_page()
            page.goto(f"{origin}/")
            expect(page.get_by_role("button", name="Reject all")).to_be_visible()

            first = recorded(page, "Reject all")
            page.reload()
            expect(page.get_by_role("button", name="Reject all")).to_be_hidden()
            second = recorded(page, "window.holdfire.acceptAll()")

            assert second["visitor"] == first["visitor"]
            assert second["seq"] == 2
            page.wait_for_function("() => window.holdfire.allowed('pixel')")
            context.close()
