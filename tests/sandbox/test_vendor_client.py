"""Tests of the sandbox with the vendor's own client."""

import engagelab
import pytest

from tests.support import artwork


@pytest.fixture
def client(sandbox):
    return engagelab.Client("sandbox-app-key", "sandbox-master-secret", base_url=sandbox.url)


def make_push(**oppo):
    return engagelab.PushParam(
        to="all",
        request_id="r1",
        body=engagelab.PushBody(
            platform="all",
            notification=engagelab.NotificationMessage(
                android=engagelab.AndroidNotification(title="Spring sale", alert="Today only")
            ),
            options=engagelab.Options(cid="a-cid", third_party_channel={"oppo": oppo}),
        ),
    )


def test_vendor_client_uploads_pushes_and_withdraws(sandbox, client, host):
    big_url, small_url = host.serve("/b.png", artwork.good("big")), host.serve("/s.jpg", artwork.good("small", "JPEG"))

    big = client.image.upload_oppo(engagelab.OppoImageParam(big_picture_url=big_url))
    small = client.image.upload_oppo(engagelab.OppoImageParam(small_picture_url=small_url))
    push = make_push(style=3, big_picture_id=big.big_picture_id, small_picture_id=small.small_picture_id)
    validated = client.push.validate(push)
    sent, repeated = client.push.send(push), client.push.send(push)
    detail = client.status.message_detail([sent.msg_id])
    withdrawn = client.push.withdraw(sent.msg_id)

    assert big.big_picture_id
    assert big.small_picture_id is None
    assert small.small_picture_id
    assert small.big_picture_id is None
    assert sent == repeated == engagelab.PushResult(request_id="r1", msg_id=sent.msg_id)
    assert validated.msg_id != sent.msg_id
    assert detail[sent.msg_id]["delivered"] == 1
    assert withdrawn.msg_id == sent.msg_id
    assert [entry["withdrawn"] for entry in sandbox.received()["pushes"]] == [True]


def test_vendor_client_ignores_code_51(client, host):
    url = host.serve("/old.png", artwork.png(876, 324))

    result = client.image.upload_oppo(engagelab.OppoImageParam(big_picture_url=url))

    assert result == engagelab.ImageUploadResult(big_picture_id=None, small_picture_id=None)


def test_vendor_client_raises_the_error(client):
    with pytest.raises(engagelab.ApiError) as error:
        client.image.upload_oppo(engagelab.OppoImageParam())

    assert (error.value.status_code, error.value.error.code) == (400, 23002)


def test_vendor_client_reads_the_paid_plan(client):
    assert client.app.get_vip_status().vip_status == 1
