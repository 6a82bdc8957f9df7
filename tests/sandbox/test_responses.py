import pytest

from airflow_provider_oppo_image.sandbox.responses import Fault, FaultQueue

CALLS = ["upload", "upload_big", "upload_small", "push", "validate", "withdraw", "status"]


def test_fault_queue_keeps_order_and_counts():
    queue = FaultQueue()
    queue.add(Fault(call="push", code=1, times=2))
    queue.add(Fault(call="any", code=2))
    queue.add(Fault(call="upload", code=3, times=None))

    faults = [queue.pop(call) for call in ("push", "upload_big", "push", "upload_small", "push", "upload", "withdraw")]

    assert [fault and fault.code for fault in faults] == [1, 2, 1, 3, None, 3, None]


@pytest.mark.parametrize(
    ("call", "matching"),
    [
        ("upload_big", ["upload_big"]),
        ("upload_small", ["upload_small"]),
        ("upload", ["upload", "upload_big", "upload_small"]),
        ("push", ["push"]),
        ("any", CALLS),
    ],
)
def test_fault_matches_the_named_calls(call, matching):
    assert [other for other in CALLS if Fault(call=call).matches(other)] == matching
