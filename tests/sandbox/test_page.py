import re

import pytest
import requests

from airflow_provider_oppo_image.sandbox.options import SANDBOX_MASTER_SECRET, SandboxOptions
from airflow_provider_oppo_image.sandbox.server import SandboxServer
from tests.sandbox.conftest import Caller, message
from tests.support import artwork

EVIL = "<script>alert('x')</script>\"'&"


@pytest.fixture
def page(sandbox):
    def get(path="/"):
        return requests.get(sandbox.url + path, timeout=10)

    return get


def test_an_empty_sandbox_says_where_to_send_things(sandbox, page):
    html = page().text

    assert "Nothing has arrived yet" in html
    assert sandbox.url in html
    assert "sandbox-app-key" in html


def test_a_push_is_shown_with_its_words_and_its_pictures(caller, page):
    big, small = caller.picture("big"), caller.picture("small")
    msg_id = caller.push(message(cid="the-cid", style=3, big_picture_id=big, small_picture_id=small))[1]["msg_id"]

    html = page().text

    for part in ("Spring sale", "Today only", "the-cid", msg_id, "push sent"):
        assert part in html
    assert f'<img class="hero" src="/sandbox/pictures/{big}"' in html
    assert f'<img src="/sandbox/pictures/{small}"' in html
    assert "Nothing has arrived yet" not in html


def test_the_pictures_are_served_as_they_were_uploaded(caller, page):
    picture = page(f"/sandbox/pictures/{caller.picture('big')}")

    assert picture.content == artwork.good("big")
    assert picture.headers["Content-Type"] == "image/png"
    assert picture.headers["X-Content-Type-Options"] == "nosniff"


def test_a_refused_picture_comes_first_and_says_why(caller, host, page):
    caller.push(message())
    caller.upload({"big_picture_url": host.serve("/old.png", artwork.png(876, 324))})

    html = page().text

    assert html.index("876 x 324 px, asked for 984 x 369") < html.index("Spring sale")
    assert "/old.png" in html


def test_a_big_picture_that_a_phone_would_hide_is_named(caller, page):
    caller.push(message(big_picture_id=caller.picture("big")))

    html = page().text

    assert "its style is not 3" in html
    assert 'class="hero"' not in html


def test_withdrawn_and_validated_pushes_are_told_from_sent_ones(caller, page):
    caller.push(message(), "/v4/push/validate")
    msg_id = caller.push(message())[1]["msg_id"]
    caller.call("DELETE", f"/v4/push/withdraw/{msg_id}")

    html = page().text

    assert '<article class="validated">' in html
    assert '<article class="withdrawn">' in html


def test_refused_requests_are_listed(caller, page):
    caller.push(message(style=3))

    assert "needs a `big_picture_id`" in page().text


def test_whatever_is_sent_is_escaped(caller, host, page):
    push = message(channel_id=EVIL, category=EVIL, style=EVIL)
    push["body"]["notification"]["android"] = {"title": EVIL, "alert": EVIL}
    push["to"] = {EVIL: 1, "tag": [EVIL]}
    assert caller.push(push)[0] == 200
    caller.upload({"big_picture_url": host.base_url + "/" + EVIL})
    caller.call("DELETE", "/v4/push/withdraw/" + requests.utils.quote(EVIL, safe=""))

    html = page().text

    assert "&lt;script&gt;" in html
    assert "<script" not in html


def test_the_page_may_load_nothing_from_elsewhere_and_runs_no_script(caller, page):
    caller.push(message(style=3, big_picture_id=caller.picture("big")))

    answer = page()

    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "unsafe" not in policy
    sources = re.findall(r'(?:src|href)="([^"]*)"', answer.text)
    assert sources
    assert all(source.startswith("/") for source in sources)
    assert not re.search(r"\sstyle=|\son\w+=", answer.text)


def test_the_style_sheet_is_there_and_knows_the_dark(page):
    answer = page("/sandbox/page.css")

    assert answer.headers["Content-Type"].startswith("text/css")
    assert "prefers-color-scheme: dark" in answer.text
    assert "url(" not in answer.text


def test_the_secret_and_signatures_are_on_no_page(caller, host, page):
    url = host.serve("/a.png", artwork.good("big")) + "?signature=s1gned"
    caller.upload({"big_picture_url": url})
    caller.upload({}, auth=("sandbox-app-key", "not-" + SANDBOX_MASTER_SECRET))
    caller.push(message())

    for path in ("/", "/sandbox/received", "/sandbox/page.css", "/nowhere"):
        answer = page(path)
        shown = answer.text + str(answer.headers)
        assert SANDBOX_MASTER_SECRET not in shown
        assert "s1gned" not in shown


def test_only_the_last_pictures_are_kept_and_all_ids_stay_good(host):
    with SandboxServer(SandboxOptions(kept_pictures=2)) as sandbox:
        caller = Caller(sandbox.url, host)
        ids = [caller.picture("big") for _ in range(3)]
        statuses = [requests.get(f"{sandbox.url}/sandbox/pictures/{one}", timeout=10).status_code for one in ids]
        pushed = caller.push(message(style=3, big_picture_id=ids[0]))
        html = requests.get(sandbox.url, timeout=10).text

    assert statuses == [404, 200, 200]
    assert pushed[0] == 200
    assert "no longer kept here" in html


def test_a_long_list_shows_its_newest_and_says_where_the_rest_is(caller, page):
    for _ in range(52):
        last = caller.push(message())[1]["msg_id"]

    html = page().text

    assert html.count('<article class="sent">') == 50
    assert last in html
    assert "/sandbox/received" in html
