"""How long a row waits for its next try: exponential backoff with full jitter."""

#: Seconds: the longest wait after the first failure, and after any.
BASE_SECONDS = 0.5
CAP_SECONDS = 30.0


def backoff(failures: int, jitter: float, retry_after: float | None = None) -> float:
    """Return the seconds to wait after a row's `failures`-th failure.

    `jitter` is a random number from 0 to 1: spreading the waits over the whole span keeps rows
    that failed together from coming back together. `retry_after`, the seconds that the server
    asked for, is a floor.
    """
    span = min(CAP_SECONDS, BASE_SECONDS * 2.0 ** (failures - 1))
    return max(jitter * span, retry_after or 0.0)
