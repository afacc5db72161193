"""The words in which a run's course is told."""

from bulkstatus.progress.course import SENT, Course, Waiting
from bulkstatus.run import HoldReason
from bulkstatus.text import printable
from bulkstatus.wording import capitalised, clock_time, counted, duration

# An end that is further away, in seconds, is also told as a time of day.
_FAR = 600.0

# A rate of fewer requests a second is not measured: none or one in a few seconds says nothing.
_SLOW = 0.5

_NOTHING_IS_LOST = (
    "Nothing is lost: what is left is sent as soon as the API answers again, or by a resume"
)


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
    said = f" ({printable(wait.message, 120)})" if wait.message else ""
    if wait.reason is HoldReason.OUTAGE:
        # What was said often names the host.
        host = "" if course.host in wait.message else f" from {course.host}"
        since = clock_time(wall + wait.since - now, wall)
        return f"no answer{host} since {since}{said}. {_tries(wait, now, wall)}. {_NOTHING_IS_LOST}"
    if wait.reason is None:
        reason = f"as many were sent as {' or '.join(map(str, course.quotas))} allows"
    else:
        reason = wait.reason.value
    return f"{reason}{said}, {_next_try(wait, now, wall)}"


def _next_try(wait: Waiting, now: float, wall: float) -> str:
    if wait.until <= now:
        return "trying again now"
    what = "going on" if wait.has_known_end else "next try"
    return f"{what} at {clock_time(wall + wait.until - now, wall)}"


def _tries(wait: Waiting, now: float, wall: float) -> str:
    """Return such as "Next try at 14:02:11; gives up at 14:15"."""
    if wait.gives_up is None:
        return capitalised(_next_try(wait, now, wall))
    end = f"gives up at {clock_time(wall + wait.gives_up - now, wall)}"
    if wait.until > now and wait.until >= wait.gives_up:
        return capitalised(end)
    return f"{capitalised(_next_try(wait, now, wall))}; {end}"


def _stopping(reason: str) -> str:
    words = "stopping: no further row is sent, only the answers to those on the way are waited for"
    return f"{words}. Ctrl-C again stops without them" if reason == "interrupted" else words


def _figure(value: float) -> str:
    return f"{value:.0f}" if value >= 9.95 else f"{value:.1f}"
