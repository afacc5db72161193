"""Which answers hold the run: those about how fast it sends, and no others."""

import re

import orjson
import pytest
from judging import LOGIN_PAGE, error, judged

from bulkstatus import answer as answer_module
from bulkstatus.answer import Answer, Meaning

UPDATED, REFUSED, FATAL = Meaning.UPDATED, Meaning.REFUSED, Meaning.FATAL
LIMITED, TRANSIENT = Meaning.LIMITED, Meaning.TRANSIENT


@pytest.mark.parametrize(
    "message",
    [
        "Request limit exceeded",
        "request limit reached, try again later",
        "You have reached your request limit.",
        "Rate limit exceeded",
        "Rate-limit exceeded",
        "rate_limit_exceeded",
        "RateLimit reached",
        "API limit reached",
        "API rate limit exceeded for account R1",
        "Hourly limit reached",
        "Daily limit of 10000 exceeded",
        "Limit of 1000 requests per hour exceeded",
        "You have exceeded the limit on requests",
        "You may make 1000 requests an hour",
        "Too many requests",
        "Too many API requests",
        "TOO MANY CALLS",
        "Maximum number of requests exceeded",
        "You have exceeded your maximum requests",
        "Request rate exceeded",
        "Your requests are throttled",
        "Request quota used up",
        "Request limit exceeded. It may take as long as an hour to reset.",
        "Too many requests in a short length of time",
    ],
)
def test_a_message_about_a_request_limit_holds_the_run(message: str) -> None:
    for body in (
        error(message),
        error(message, 429),
        orjson.dumps({"error": message}),
        orjson.dumps({"message": message}),
        message.encode(),
    ):
        assert judged(400, body).meaning is LIMITED, body
    assert judged(200, error(message)).meaning is LIMITED
    assert judged(403, error(message)).meaning is LIMITED
    assert judged(500, error(message)).meaning is LIMITED
    assert judged(400, error(message, 50000)).meaning is FATAL
    assert judged(200, message.encode()).meaning is UPDATED


@pytest.mark.parametrize(
    "message",
    [
        "Tracking limit is 50 characters",
        "shipping_tracking exceeds the limit of 50 chars",
        "The API limits the tracking to 50 characters",
        "API limit: tracking must be at most 50 characters long",
        "Request limit: the body is too long",
        "Request limit is 4096 bytes",
        "The rate limit field has a maximum length of 20",
        "Limit exceeded for shipping_tracking",
        "The order is over its credit limit",
        "This order requests a call",
        "Unlimited",
        "Invalid order status",
    ],
)
def test_a_message_about_another_limit_is_a_refusal(message: str) -> None:
    assert judged(400, error(message)).meaning is REFUSED
    assert judged(400, message.encode()).meaning is REFUSED
    assert judged(200, error(message)).meaning is REFUSED


@pytest.mark.parametrize("body", [b"", LOGIN_PAGE, error("slow down"), b"{"])
def test_429_holds_the_run(body: bytes) -> None:
    assert judged(429, body).meaning is LIMITED
    assert judged(429, body, Retry_After="7").retry_after == 7.0


@pytest.mark.parametrize("body", [b"", LOGIN_PAGE, error("Maintenance")])
def test_503_holds_the_run_only_when_it_says_until_when(body: bytes) -> None:
    assert judged(503, body).meaning is TRANSIENT
    assert judged(503, body, Retry_After="soon").meaning is TRANSIENT
    held = judged(503, body, Retry_After="120")
    assert (held.meaning, held.retry_after) == (LIMITED, 120.0)


def test_any_failure_carries_retry_after_and_a_success_needs_none() -> None:
    assert judged(500, b"", Retry_After="3").retry_after == 3.0
    assert judged(400, error("no"), Retry_After="3").retry_after == 3.0
    assert judged(200, b"{}", Retry_After="3") == Answer(UPDATED, 200)


def test_the_rules_about_words_look_at_a_bounded_part_of_a_hostile_message(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looked_at: list[int] = []

    class Watching:
        def __init__(self, pattern: re.Pattern[str]) -> None:
            self.pattern = pattern

        def search(self, text: str) -> re.Match[str] | None:
            looked_at.append(len(text))
            return self.pattern.search(text)

    for name in ("_SPEAKS_OF_A_LIMIT", "_SPEAKS_OF_A_LENGTH"):
        monkeypatch.setattr(answer_module, name, Watching(getattr(answer_module, name)))
    judged(400, error("limit of " * 7000))
    judged(400, error("too many requests " + "length " * 9000))
    assert looked_at
    assert max(looked_at) <= 1000
