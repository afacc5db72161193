"""The JSON Schema (draft 2020-12) of the result log: what each of its lines is."""

from typing import Any

from bulkstatus.config import DEFAULTS
from bulkstatus.order import OrderStatus
from bulkstatus.result import ErrorKind, Outcome
from bulkstatus.resultlog import FORMAT

# ISO 8601, UTC, to the millisecond.
_MOMENT = {
    "type": "string",
    "format": "date-time",
    "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$",
}
_COUNT = {"type": "integer", "minimum": 0}
_TEXT = {"type": "string"}
_TEXT_OR_NULL = {"type": ["string", "null"]}


def log_schema() -> dict[str, Any]:
    """Return the schema that every line of a log of this version follows, as a JSON object."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A line of a bulkstatus result log",
        "description": "The latest record of a row says what became of it. `run` opens a run, "
        "`end` closes it.",
        "oneOf": [{"$ref": f"#/$defs/{name}"} for name in ("run", "result", "end")],
        "$defs": {"run": _run(), "result": _result(), "end": _end()},
    }


def _run() -> dict[str, Any]:
    return _record(
        "run",
        "What a run was started with.",
        {
            "format": {"const": FORMAT},
            "version": _TEXT | {"description": "The version of bulkstatus that wrote it."},
            "run_id": _TEXT,
            "started_at": _MOMENT,
            "input": _TEXT
            | {"description": "Path of the input from the log's folder, or - for stdin."},
            "input_sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
            "rows": _COUNT,
            "base_url": {"type": "string", "format": "uri"},
            "ref_id": _TEXT,
            "user": _TEXT,
            "host": _TEXT,
            "settings": {
                "type": "object",
                "description": "The options by which `resume` goes on.",
                "propertyNames": {"enum": sorted(DEFAULTS)},
            },
        },
    )


def _result() -> dict[str, Any]:
    error = {
        "type": "object",
        "properties": {
            "kind": {"enum": [str(kind) for kind in ErrorKind]},
            "message": _TEXT,
            "code": {"type": ["integer", "string"], "description": "The API's own code."},
        },
        "required": ["kind", "message"],
        "additionalProperties": False,
    }
    return _record(
        "result",
        "What became of a row.",
        {
            "line": {"type": "integer", "minimum": 1, "description": "Its line in the input."},
            "order_id": _TEXT,
            "status": {
                "enum": [*(int(status) for status in OrderStatus), None],
                "description": "Null only where an invalid row held none.",
            },
            "tracking": _TEXT_OR_NULL,
            "outcome": {"enum": [str(outcome) for outcome in Outcome]},
            "http_status": {
                "type": ["integer", "null"],
                "minimum": 100,
                "maximum": 999,
                "description": "Null where no answer came.",
            },
            "attempts": _COUNT | {"description": "How many requests left for the row."},
            "elapsed_ms": {"type": ["number", "null"], "minimum": 0},
            "at": _MOMENT,
            "error": error,
            "uncertain": {
                "const": True,
                "description": "An attempt may have reached the API without its answer being "
                "seen: the order may have been changed all the same.",
            },
        },
        optional=("error", "uncertain"),
    )


def _end() -> dict[str, Any]:
    return _record(
        "end",
        "How a run ended; the counts are of rows, over all runs of the log.",
        {
            "run_id": _TEXT,
            "ended_at": _MOMENT,
            "reason": {"enum": ["finished", "stopped", "interrupted"]},
            "counts": {
                "type": "object",
                "propertyNames": {"enum": [str(outcome) for outcome in Outcome]},
                "additionalProperties": _COUNT,
            },
            "message": _TEXT,
            "perhaps_touched": {
                "type": "array",
                "items": _TEXT,
                "description": "The orders that are pending although a request may have reached "
                "the API.",
            },
        },
        optional=("message", "perhaps_touched"),
    )


def _record(
    kind: str, description: str, properties: dict[str, Any], optional: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Return the schema of an object that has all of `properties` but for the optional ones."""
    return {
        "type": "object",
        "description": description,
        "properties": {"type": {"const": kind}, **properties},
        "required": ["type", *(name for name in properties if name not in optional)],
        "additionalProperties": False,
    }
