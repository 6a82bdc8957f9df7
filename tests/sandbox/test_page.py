import re

import pytest
import requests

from airflow_provider_oppo_image.sandbox.options import SANDBOX_MASTER_SECRET, SandboxOptions
from airflow_provider_oppo_image.sandbox.server import SandboxServer
from tests.sandbox.conftest import ApiCaller, message
from tests.support import artwork

HOSTILE = "<script>alert('x')</script>\"'&"


@pytest.fixture
def page(sandbox):
    def get(path="/"):
        return requests.get(sandbox.url + path, timeout=10)

    return get


def test_page_of_an_empty_sandbox_explains_its_use(sandbox, page):
    html = page().text

    assert "Nothing has arrived yet" in html
    assert sandbox.url in html
    assert "sandbox-app-key" in html


def test_page_displays_a_push_with_its_pictures(caller, page):
    big, small = caller.picture("big"), caller.picture("small")
    msg_id = caller.push(message(cid="the-cid", style=3, big_picture_id=big, small_picture_id=small))[1]["msg_id"]

    html = page().text

    for part in ("Spring sale", "Today only", "the-cid", msg_id, "push sent"):
        assert part in html
    assert f'<img class="hero" src="/sandbox/pictures/{big}"' in html
    assert f'<img src="/sandbox/pictures/{small}"' in html
    assert "Nothing has arrived yet" not in html


def test_pictures_are_served_unchanged(caller, page):
    picture = page(f"/sandbox/pictures/{caller.picture('big')}")

    assert picture.content == artwork.good("big")
    assert picture.headers["Content-Type"] == "image/png"
    assert picture.headers["X-Content-Type-Options"] == "nosniff"


def test_page_lists_refused_pictures_first(caller, host, page):
    caller.push(message())
    caller.upload({"big_picture_url": host.serve("/old.png", artwork.png(876, 324))})

    html = page().text

    assert html.index("876 x 324 px, must be 984 x 369") < html.index("Spring sale")
    assert "/old.png" in html


def test_page_explains_a_hidden_big_picture(caller, page):
    caller.push(message(big_picture_id=caller.picture("big")))

    html = page().text

    assert "is not 3" in html
    assert 'class="hero"' not in html


def test_page_marks_other_pushes(caller, page):
    caller.push(message(style=3))
    caller.push(message(), "/v4/push/validate")
    msg_id = caller.push(message())[1]["msg_id"]
    caller.call("DELETE", f"/v4/push/withdraw/{msg_id}")

    html = page().text

    assert '<article class="validated">' in html
    assert '<article class="withdrawn">' in html
    assert "needs a `big_picture_id`" in html


def test_page_escapes_its_input(caller, host, page):
    push = message(channel_id=HOSTILE, category=HOSTILE, style=HOSTILE)
    push["body"]["notification"]["android"] = {"title": HOSTILE, "alert": HOSTILE}
    push["to"] = {HOSTILE: 1, "tag": [HOSTILE]}
    assert caller.push(push)[0] == 200
    caller.upload({"big_picture_url": host.base_url + "/" + HOSTILE})
    caller.call("DELETE", "/v4/push/withdraw/" + requests.utils.quote(HOSTILE, safe=""))

    html = page().text

    assert "&lt;script&gt;" in html
    assert "<script" not in html


def test_page_loads_nothing_external_and_no_script(caller, page):
    caller.push(message(style=3, big_picture_id=caller.picture("big")))

    response = page()

    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "unsafe" not in policy
    sources = re.findall(r'(?:src|href)="([^"]*)"', response.text)
    assert sources
    assert all(source.startswith("/") for source in sources)
    assert not re.search(r"\sstyle=|\son\w+=", response.text)


def test_style_sheet_supports_dark_mode(page):
    response = page("/sandbox/page.css")

    assert response.headers["Content-Type"].startswith("text/css")
    assert "prefers-color-scheme: dark" in response.text
    assert "url(" not in response.text


def test_pages_contain_no_secret_and_no_signature(caller, host, page):
    url = host.serve("/a.png", artwork.good("big")) + "?signature=s1gned"
    caller.upload({"big_picture_url": url})
    caller.upload({}, auth=("sandbox-app-key", "not-" + SANDBOX_MASTER_SECRET))
    caller.push(message())

    for path in ("/", "/sandbox/received", "/sandbox/page.css", "/nowhere"):
        response = page(path)
        text = response.text + str(response.headers)
        assert SANDBOX_MASTER_SECRET not in text
        assert "s1gned" not in text


def test_old_pictures_are_dropped_and_their_ids_stay_valid(host):
    with SandboxServer(SandboxOptions(kept_pictures=2)) as sandbox:
        caller = ApiCaller(sandbox.url, host)
        ids = [caller.picture("big") for _ in range(3)]
        statuses = [requests.get(f"{sandbox.url}/sandbox/pictures/{one}", timeout=10).status_code for one in ids]
        pushed = caller.push(message(style=3, big_picture_id=ids[0]))
        html = requests.get(sandbox.url, timeout=10).text

    assert statuses == [404, 200, 200]
    assert pushed[0] == 200
    assert "no longer keeps" in html


def test_page_limits_long_lists(caller, page):
    for _ in range(52):
        last = caller.push(message())[1]["msg_id"]

    html = page().text

    assert html.count('<article class="sent">') == 50
    assert last in html
    assert "/sandbox/received" in html
