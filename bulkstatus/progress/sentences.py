"""The words in which a run's course is told."""

from bulkstatus.progress.course import SENT, Course
from bulkstatus.run import HoldReason
from bulkstatus.text import printable
from bulkstatus.wording import clock_time, counted, duration

# An end that is further away, in seconds, is also told as a time of day.
_FAR = 600.0

# A rate of fewer requests a second is not measured: none or one in a few seconds says nothing.
_SLOW = 0.5


def done_so_far(course: Course) -> str:
    """Return such as "184 of 330 rows (55 %)"; never 100 % before the end."""
    share = course.settled * 100 // course.due if course.due else 100
    return f"{course.settled} of {counted(course.due, 'row')} ({share} %)"


def counts(course: Course) -> list[str]:
    """Return such as ["180 updated", "3 rejected", "1 failed"]."""
    return [f"{course.counts[outcome]} {outcome}" for outcome in SENT]


def rate(course: Course, now: float) -> str:
    """Return the rate now and the one asked for, such as "9.8 of 10/s"."""
    speed = course.requests_per_second(now)
    if course.rate is None:
        return f"{_figure(speed)}/s"
    if course.rate.count < _SLOW * course.rate.seconds:
        return f"at {course.rate}"
    return f"{_figure(speed * course.rate.seconds)} of {course.rate}"


def time_left(course: Course, now: float, wall: float) -> str:
    """Return such as "about 2 min left", or "" when nothing tells; `wall` is Unix time."""
    left = course.seconds_left(now)
    if left is None or course.ending is not None:
        return ""
    words = f"about {duration(left)} left"
    return f"{words}, until {clock_time(wall + left, wall)}" if left > _FAR else words


def waiting(course: Course, now: float, wall: float) -> str:
    """Return what the run waits for and until when, or "" when it goes on."""
    if course.ending is not None:
        return _stopping(course.ending.reason)
    wait = course.waiting(now)
    if wait is None:
        return ""
    if wait.reason is None:
        quotas = " or ".join(str(quota) for quota in course.quotas)
        reason = f"as many were sent as {quotas} allows"
    elif wait.is_lost_answer:
        reason = "no answer to a request"
    else:
        reason = wait.reason.value
    if wait.message:
        reason += f" ({printable(wait.message, 120)})"
    again = "trying again" if wait.reason is HoldReason.OUTAGE else "going on"
    if wait.until <= now:
        return f"{reason}, trying again now"
    return f"{reason}, {again} at {clock_time(wall + wait.until - now, wall)}"


def _stopping(reason: str) -> str:
    words = "stopping as soon as the API has answered what was sent"
    return f"{words}; Ctrl-C again does not wait for that" if reason == "interrupted" else words


def _figure(value: float) -> str:
    return f"{value:.0f}" if value >= 99.5 else f"{value:.1f}"
