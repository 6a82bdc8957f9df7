"""Accessibility of the pages: screen readers, keyboards, narrow windows, both themes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Frame, Locator, Page, expect

from tests.browser.demo_run import WRONG, DemoRun, frame_of
from tests.support.browser import Viewport

DARK, LIGHT = "rgb(17, 21, 28)", "rgb(255, 255, 255)"

PAGES: dict[str, dict[str, Any]] = {
    "the run's page": {},
    "a task's page": {"task_id": "campaign.upload", "map_index": WRONG},
    "a search without results": {"name": "nothing has this name"},
    "the batch's page": {"page": "batch", "task_id": "night"},
    "the error page": {"run_id": "none"},
}


def choose_theme(page: Page, theme: str) -> None:
    """Choose a theme as Airflow's menu does; the system prefers the other one."""
    page.emulate_media(color_scheme="light" if theme == "dark" else "dark")
    page.add_init_script(f"localStorage.setItem('theme', {theme!r})")


@pytest.mark.parametrize("locale", ["en-GB", "zh-CN"])
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_pages_are_accessible(
    width: int,
    theme: str,
    locale: str,
    open_airflow: Callable[..., Page],
    demo_run: DemoRun,
    axe: Callable[[Page | Frame], list[str]],
    keep_screenshot: Callable[[Page | Locator, str], None],
) -> None:
    page = open_airflow("/oppo-image/static/page.css", Viewport(width=width, locale=locale))
    choose_theme(page, theme)
    for name, asked in PAGES.items():
        page.goto(demo_run.address(**asked))
        expect(page.locator("html")).to_have_attribute("lang", "zh-CN" if locale == "zh-CN" else "en")
        expect(page.locator("body")).to_have_css("background-color", DARK if theme == "dark" else LIGHT)
        assert axe(page) == [], name
        scrolls = "document.scrollingElement.scrollWidth > document.scrollingElement.clientWidth"
        assert not page.evaluate(scrolls), f"{name} scrolls sideways"
        if (width, theme, locale) == (390, "light", "en-GB") and name in ("the run's page", "the batch's page"):
            page.wait_for_load_state("networkidle")
            keep_screenshot(page, "pictures-phone" if name == "the run's page" else "batch-phone")


def test_page_follows_airflows_theme(
    open_airflow: Callable[..., Page],
    demo_run: DemoRun,
    axe: Callable[[Page | Frame], list[str]],
    keep_screenshot: Callable[[Page | Locator, str], None],
) -> None:
    page = open_airflow("/oppo-image/static/page.css")
    choose_theme(page, "dark")
    page.goto(demo_run.tab_of())
    frame = frame_of(page)
    expect(frame.locator("body")).to_have_css("background-color", DARK)
    assert axe(frame) == []
    for picture in frame.locator(".phone img").all()[:3]:
        picture.scroll_into_view_if_needed()
        expect(picture).not_to_have_js_property("naturalWidth", 0)
    frame.locator("article").first.evaluate("article => article.scrollIntoView()")
    keep_screenshot(page, "pictures-dark")
    page.evaluate("document.documentElement.className = 'light'")
    expect(frame.locator("body")).to_have_css("background-color", LIGHT)


@pytest.mark.parametrize("name", ["the run's page", "the batch's page"])
def test_tab_key_reaches_everything_with_a_visible_focus(
    name: str, open_airflow: Callable[..., Page], demo_run: DemoRun
) -> None:
    page = open_airflow(demo_run.address(**PAGES[name]))
    for details in page.locator("summary").all():
        details.click()
    # Scrollable regions must be reachable too.
    wanted = page.locator("a, button, select, summary, input:not([type=hidden]), [tabindex]").filter(visible=True)
    total = wanted.count()
    page.evaluate("scrollTo(0, 0); document.activeElement.blur(); getSelection().removeAllRanges()")
    page.locator("body").evaluate("body => { body.tabIndex = -1; body.focus(); body.removeAttribute('tabindex'); }")
    reached: set[int] = set()
    for _ in range(total):
        page.keyboard.press("Tab")
        index, outline = page.evaluate(
            """() => {
                const all = [...document.querySelectorAll(
                    "a, button, select, summary, input:not([type=hidden]), [tabindex]")];
                const style = getComputedStyle(document.activeElement);
                return [all.indexOf(document.activeElement), style.outlineStyle + " " + style.outlineWidth];
            }"""
        )
        assert outline == "solid 2px", page.evaluate("document.activeElement.outerHTML")
        reached.add(index)
    assert len(reached - {-1}) == total
