"""A real browser, as a person has it: a window of some size, light or dark, in a language; and logged in to Airflow.

    with a_browser() as browser, Windows(browser) as windows:
        page = windows.open("http://127.0.0.1:8080", look=Look(width=390, scheme="dark", locale="zh-CN"))

The browser is Debian's Chromium without a screen, driven by Playwright. Nothing here waits for luck: Playwright looks
again until what a step needs is there, up to a limit.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, Self

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Frame, Page, StorageState, expect, sync_playwright

CHROMIUM: Final = Path("/usr/bin/chromium")

_STEP_MS: Final = 15_000
_LOAD_MS: Final = 30_000


@dataclass(frozen=True)
class Look:
    """How a person looks at a page.

    :param width: of the window, in pixels.
    :param height: of the window, in pixels.
    :param scheme: the theme that the system asks for.
    :param locale: the browser's language.
    """

    width: int = 1440
    height: int = 900
    scheme: Literal["light", "dark"] = "light"
    locale: str = "en-GB"


@contextlib.contextmanager
def a_browser() -> Iterator[Browser]:
    """Run a browser."""
    expect.set_options(timeout=_STEP_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM)
        try:
            yield browser
        finally:
            browser.close()


class Windows:
    """Opens windows that know nothing of each other, and closes them when the block is over.

    :param browser: the browser.

    `complaints` holds what the pages wrote to the browser's console as errors, and the errors that they did not catch:
    what a content security policy forbade is among them.
    """

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._open = contextlib.ExitStack()
        self.complaints: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def open(self, url: str, look: Look | None = None, state: StorageState | None = None) -> Page:
        """Open a window, and return its empty page.

        :param url: the site's address, which the page's addresses may leave out.
        :param look: how a person looks at it.
        :param state: what a window knew that was open before, such as that somebody is logged in.
        """
        look = look or Look()
        context = self._browser.new_context(
            base_url=url,
            viewport={"width": look.width, "height": look.height},
            color_scheme=look.scheme,
            locale=look.locale,
            storage_state=state,
            timezone_id="Europe/Berlin",
        )
        self._open.callback(context.close)
        context.set_default_timeout(_STEP_MS)
        context.set_default_navigation_timeout(_LOAD_MS)
        context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        context.on("console", lambda message: message.type == "error" and self.complaints.append(message.text))
        return context.new_page()


def log_in_to_airflow_3(page: Page, name: str, password: str) -> None:
    """Log in with the form that Airflow 3 shows."""
    page.goto("/")
    _sign_in(page, name, password, button="Sign in")
    expect(page.get_by_role("link", name="Home").first).to_be_visible()


def log_in_to_airflow_2(page: Page, name: str, password: str) -> None:
    """Log in with the form that Airflow 2 shows."""
    page.goto("/login/")
    _sign_in(page, name, password, button="Sign In")
    expect(page.get_by_role("link", name="DAGs").first).to_be_visible()


def _sign_in(page: Page, name: str, password: str, *, button: str) -> None:
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name=button).click()


def barriers(part: Page | Frame) -> list[str]:
    """Return what keeps people out who use a keyboard or a screen reader: what axe calls serious or critical.

    :param part: a page, or a frame of it: what is in a frame is looked at by itself.
    """
    found: list[dict[str, Any]] = Axe().run(part).response["violations"]
    return [
        f"{violation['id']}: {violation['help']}: {node['html'][:200]}"
        for violation in found
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
    ]
