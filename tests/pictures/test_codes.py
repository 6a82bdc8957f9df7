from airflow_provider_oppo_image.pictures.report import ABSENT_CODES, WARNING_CODES, WRONG_CODES


def test_the_codes_are_a_promise() -> None:
    """Whoever removes or renames one breaks somebody's rule; a new one belongs here and into the docs."""
    assert ABSENT_CODES == (
        "access_denied", "connection_failed", "empty", "host_busy", "not_found", "timed_out", "truncated",
        "unknown_host",
    )  # fmt: skip
    assert WRONG_CODES == (
        "address_refused", "animated", "bad_url", "broken", "cmyk", "credentials_in_url", "encoded_body",
        "exif_rotated", "insecure_redirect", "invisible", "too_heavy", "too_many_redirects", "tls_unverified",
        "unexpected_status", "unreadable_file", "unusual_coding", "wrong_dimensions", "wrong_format",
    )  # fmt: skip
    assert WARNING_CODES == ("long_url", "nearly_too_heavy")


def test_a_code_has_one_meaning() -> None:
    codes = (*ABSENT_CODES, *WRONG_CODES, *WARNING_CODES)
    assert len(set(codes)) == len(codes)
