"""`check_log`: every record of a log follows the schema that `bulkstatus schema` prints."""

import json
from pathlib import Path

from jsonschema import Draft202012Validator

from bulkstatus.log.records import schema

_VALIDATOR = Draft202012Validator(schema())


def check_log(path: Path) -> list[dict[str, object]]:
    """Return the records of the log at `path`; fail, naming the line, where one is not as it says.

    A last line without its end, which a crash leaves, is no record.
    """
    records = []
    for number, line in enumerate(path.read_bytes().splitlines(keepends=True), 1):
        if line.endswith(b"\n"):
            record = json.loads(line)
            check_record(record, f"{path}, line {number}")
            records.append(record)
    return records


def check_record(record: object, where: str = "record") -> None:
    """Fail unless `record` follows the schema."""
    problems = []
    kind = record.get("type") if isinstance(record, dict) else None
    for error in _VALIDATOR.iter_errors(record):
        # Of the five kinds of record, what is wrong with this one's own kind says most.
        own = [cause for cause in error.context or [] if _kind_of(cause) == kind]
        problems += [f"{cause.json_path}: {cause.message}" for cause in own or [error]]
    assert not problems, f"{where}: {'; '.join(problems)}\n{record}"


def _kind_of(error: object) -> object:
    index = error.schema_path[0]  # type: ignore[attr-defined] - jsonschema's ValidationError
    return ("run", "row", "sending", "result", "end")[index]
