"""The pictures page in Airflow 3: its content and its buttons."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import unquote, urlsplit

import pytest
from playwright.sync_api import Frame, Locator, Page, expect

from tests.browser.conftest import VIEWER
from tests.browser.demo_run import ABSENT, EVIL, HEAVY, SPRING, TAB, WRONG, DemoRun, frame_of, framed
from tests.support.browser import Windows


@pytest.fixture
def page(open_airflow: Callable[..., Page], demo_run: DemoRun) -> Page:
    """The run's page, without Airflow around it."""
    return open_airflow(demo_run.address())


def campaign(page: Page | Frame, name: str) -> Locator:
    """Find a campaign."""
    return page.get_by_role("article").filter(has=page.get_by_role("heading", name=name, exact=False))


def test_run_tab_shows_problems_first(
    open_airflow: Callable[..., Page],
    demo_run: DemoRun,
    keep_screenshot: Callable[[Page | Locator, str], None],
) -> None:
    page = open_airflow(demo_run.page_of())
    page.get_by_role("link", name=TAB).click()
    expect(framed(page).get_by_role("article")).to_have_count(6)
    frame = frame_of(page)
    statuses = frame.locator("article h2 small").all_inner_texts()
    assert statuses == ["Stopped before the push", "Waiting for its pictures", "Uploaded, not pushed", *["Pushed"] * 3]
    assert urlsplit(page.url).path == demo_run.tab_of()
    load_phone_pictures(frame)
    frame.locator("article").first.evaluate("article => article.scrollIntoView()")
    keep_screenshot(page, "pictures-light")


def test_task_tab_shows_its_campaign(open_airflow: Callable[..., Page], demo_run: DemoRun) -> None:
    page = open_airflow(demo_run.page_of("teaser"))
    page.get_by_role("link", name=TAB).first.click()
    expect(framed(page).get_by_role("article")).to_have_count(1)
    expect(framed(page).get_by_role("heading", name="teaser")).to_be_visible()
    assert urlsplit(page.url).path == demo_run.tab_of("teaser")


def test_mapped_task_tab_links_to_the_run(open_airflow: Callable[..., Page], demo_run: DemoRun) -> None:
    page = open_airflow(demo_run.page_of("campaign.upload", WRONG))
    page.get_by_role("link", name=TAB).first.click()
    expect(framed(page).get_by_role("article")).to_have_count(1)
    expect(framed(page).get_by_role("heading", name="last_year")).to_be_visible()
    assert urlsplit(page.url).path == demo_run.tab_of("campaign.upload", WRONG)
    framed(page).get_by_role("link", name="All pictures of this run").click()
    expect(framed(page).get_by_role("article")).to_have_count(6)


@pytest.mark.parametrize(("task", "map_index"), [("teaser", -1), ("campaign.push", SPRING)])
def test_task_links(task: str, map_index: int, open_airflow: Callable[..., Page], demo_run: DemoRun) -> None:
    page = open_airflow(f"{demo_run.page_of(task, map_index)}/details")
    expect(page.get_by_role("link", name="EngageLab console")).to_have_attribute(
        "href", "https://console.engagelab.com"
    )
    link = page.locator('a[rel="noopener noreferrer"]').filter(has_text=TAB)
    link.click()
    expect(framed(page).get_by_role("article")).to_have_count(1)
    assert unquote(urlsplit(page.url).path) == demo_run.tab_of(task, map_index)


def test_pictures_are_loaded_in_full_size(page: Page) -> None:
    widths = load_phone_pictures(page)
    assert sorted(set(widths)) == [144, 984]
    assert len(widths) == 3 * 2 + 1 + 2  # three complete campaigns, the teaser, and two with only a small picture


def load_phone_pictures(page: Page | Frame) -> list[int]:
    """Scroll to every picture on a phone, and return their own widths when all are there."""
    pictures = page.locator(".phone img")
    for picture in pictures.all():
        picture.scroll_into_view_if_needed()
        expect(picture).not_to_have_js_property("naturalWidth", 0)
    page.evaluate("scrollTo(0, 0)")
    widths: list[int] = pictures.evaluate_all("all => all.map(picture => picture.naturalWidth)")
    return widths


def test_wrong_picture_has_advice(page: Page) -> None:
    wrong = campaign(page, "last_year")
    for words in ("876 × 324 px", "expected: 984 × 369 px", "aspect ratio", "Then clear the task"):
        expect(wrong.get_by_text(words, exact=False).first).to_be_visible()
    expect(wrong.locator(".phone .placeholder")).to_have_text("No picture: OPPO would refuse this one")
    expect(wrong.get_by_text(f"[{WRONG}]").first).to_be_visible()


def test_absent_picture_is_waited_for(page: Page) -> None:
    waiting = campaign(page, "autumn")
    expect(waiting.get_by_text("Airflow retries it automatically.")).to_be_visible()
    expect(waiting.locator(".phone .placeholder")).to_have_text("No picture yet")
    expect(waiting.get_by_text(f"campaign.upload [{ABSENT}]")).to_be_visible()


def test_warning_of_a_pushed_campaign(page: Page) -> None:
    heavy = campaign(page, "member_day")
    expect(heavy.get_by_text("Accepted, but: File nearly too large.", exact=False)).to_be_visible()
    expect(heavy.get_by_text(f"campaign.upload [{HEAVY}] → campaign.push [{HEAVY}]", exact=False)).to_be_visible()


def test_message_ids_and_ages(page: Page, demo_run: DemoRun) -> None:
    spring = campaign(page, "spring_sale")
    expect(spring.get_by_text(demo_run.message_ids["Spring sale"], exact=True)).to_be_visible()
    age = spring.get_by_role("row", name="Uploaded").first
    expect(age).to_have_text(re.compile(r"(just now|\d+ min ago).*kept for about 30 days, 30 left"))


def test_names_are_escaped(page: Page) -> None:
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    page.reload()
    evil = campaign(page, EVIL)
    expect(evil.locator(".head strong")).to_have_text(EVIL)
    expect(evil.locator(".head p")).to_have_text(EVIL)
    assert not dialogs


def test_actual_pixels(page: Page) -> None:
    shown = campaign(page, "spring_sale").locator("details").first
    shown.get_by_text("Actual pixels").click()
    picture = shown.get_by_role("img")
    expect(picture).to_have_css("width", "984px")
    expect(picture).to_have_css("height", "369px")


def test_replaced_picture_is_reported(page: Page) -> None:
    def serve_old_instead_of(picture: str) -> None:
        page.route(
            f"**/{picture}", lambda route: route.continue_(url=route.request.url.replace(picture, "last_year_big.jpg"))
        )

    serve_old_instead_of("spring_sale_big.jpg")
    page.reload()
    shown = campaign(page, "spring_sale").locator("details").first
    shown.get_by_text("Actual pixels").click()
    expect(shown).to_contain_text("The picture at this URL is now 876 × 324 px: it was replaced after the check.")


def test_unloadable_picture_has_a_placeholder(page: Page) -> None:
    page.route("**/spring_sale_small.png", lambda route: route.abort())
    page.reload()
    spring_sale = campaign(page, "spring_sale")
    spring_sale.scroll_into_view_if_needed()
    expect(spring_sale.locator(".phone .placeholder")).to_have_text("Your browser cannot load it, but the task could")


def test_copy_button(page: Page) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    button = campaign(page, "spring_sale").get_by_role("button", name="Copy the id of the Big picture")
    button.click()
    expect(button).to_have_text("Copied")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert re.fullmatch(r"\d+_[0-9a-f]{24}", copied)
    assert copied == button.get_attribute("data-copy")


def test_copy_button_without_a_clipboard(page: Page) -> None:
    page.add_init_script("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    page.reload()
    button = campaign(page, "spring_sale").get_by_role("button", name="Copy the id of the Small picture")
    button.click()
    expect(button).to_have_text("Copied")
    assert page.evaluate("getSelection().toString()") == button.get_attribute("data-copy")


def test_phone_theme_button(page: Page) -> None:
    note = page.locator(".notification").first
    light = note.evaluate("note => getComputedStyle(note).backgroundColor")
    page.get_by_role("button", name="Phone: light").click()
    expect(page.get_by_role("button", name="Phone: dark")).to_be_visible()
    assert note.evaluate("note => getComputedStyle(note).backgroundColor") != light
    page.get_by_role("button", name="Phone: dark").click()
    expect(note).to_have_css("background-color", light)


def test_filters(open_airflow: Callable[..., Page], demo_run: DemoRun) -> None:
    page = open_airflow(demo_run.tab_of())
    shown = framed(page)
    shown.get_by_role("link", name="With problems").click()
    expect(shown.get_by_role("article")).to_have_count(2)
    expect(shown.get_by_role("link", name="With problems")).to_have_attribute("aria-current", "true")
    shown.get_by_role("searchbox", name="Search by name").fill("AUTUMN")
    shown.get_by_role("searchbox", name="Search by name").press("Enter")
    expect(shown.get_by_role("article")).to_have_count(1)
    expect(shown.get_by_role("heading", name="autumn")).to_be_visible()
    shown.get_by_role("searchbox", name="Search by name").fill("no such name")
    shown.get_by_role("button", name="Find").click()
    expect(shown.get_by_text("No campaign matches.", exact=False)).to_be_visible()


def test_viewer_sees_the_page(open_airflow: Callable[..., Page], demo_run: DemoRun) -> None:
    page = open_airflow(demo_run.tab_of(), user=VIEWER)
    expect(framed(page).get_by_role("article")).to_have_count(6)


@pytest.mark.parametrize("path", ["pictures", "batch", "batch/download", "static/page.css", "static/page.js"])
def test_pages_require_a_login(path: str, open_airflow: Callable[..., Page], demo_run: DemoRun) -> None:
    page = open_airflow("/auth/login", user=None)
    answer = page.goto(demo_run.address(path, task_id="night"))
    assert answer
    assert answer.status == 401
    expect(page.get_by_text("You are not logged in.")).to_be_visible()
    expect(page.get_by_text("Log in to Airflow, and open this page again.")).to_be_visible()


def test_requests_go_to_airflow_and_picture_hosts_only(
    open_airflow: Callable[..., Page], demo_run: DemoRun, windows: Windows
) -> None:
    demo_run.host.headers.clear()
    page = open_airflow("/dags")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(demo_run.tab_of())
    load_phone_pictures(frame_of(page))
    hosts = {urlsplit(url).netloc for url in asked if not url.startswith(("data:", "blob:"))}
    assert hosts == {urlsplit(page.url).netloc, urlsplit(demo_run.host.base_url).netloc}
    by_browsers = [headers for headers in demo_run.host.headers if "Chrome" in headers.get("User-Agent", "")]
    assert by_browsers
    # Not Cookie: cookies know no ports, and here both are one host.
    assert not [headers for headers in by_browsers if {"Referer", "Authorization"} & headers.keys()]
    assert not [complaint for complaint in windows.complaints if "Content Security" in complaint]


def test_page_keeps_its_content_security_policy(page: Page, windows: Windows) -> None:
    load_phone_pictures(page)
    for shown in page.get_by_text("Actual pixels").all():
        shown.click()
    page.get_by_role("button", name="Phone: light").click()
    assert windows.complaints == []
