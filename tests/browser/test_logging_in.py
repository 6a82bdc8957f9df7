"""Logins of the other browser tests."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.conftest import VIEWER


def test_connections_require_a_login(open_airflow: Callable[..., Page]) -> None:
    page = open_airflow("/connections", user=None)
    expect(page.get_by_label("Password")).to_be_visible()


def test_admin_may_add_a_connection(open_airflow: Callable[..., Page]) -> None:
    page = open_airflow("/connections")
    expect(page.get_by_role("button", name="Add Connection")).to_be_enabled()


def test_viewer_is_forbidden(open_airflow: Callable[..., Page]) -> None:
    page = open_airflow("/connections", user=VIEWER)
    expect(page.get_by_text("forbidden", exact=False).first).to_be_visible()
