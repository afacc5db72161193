"""Short ways to write an answer and have it judged."""

import orjson
from multidict import CIMultiDict

from bulkstatus.answer import Answer, judge

BOM = b"\xef\xbb\xbf"
LOGIN_PAGE = b"<!DOCTYPE html>\n<html><head><title>Log in</title></head><body></body></html>"


def judged(
    status: int, body: bytes, complete: bool = True, now: float = 0.0, **headers: str
) -> Answer:
    sized = {"Content_Length": str(len(body))} | headers
    fields = CIMultiDict({name.replace("_", "-"): value for name, value in sized.items()})
    return judge(status, fields, body, complete, now)


def error(message: object, code: object = 0) -> bytes:
    return orjson.dumps({"error": {"message": message, "code": code}})


def nested(depth: int, inside: bytes = b"1") -> bytes:
    return b'{"a":' * depth + inside + b"}" * depth
