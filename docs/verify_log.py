#!/usr/bin/env python3
"""Holds lines of highwater's log to its schema.

    highwater logs-schema > schema.json
    journalctl -u highwater -o cat | python3 verify_log.py schema.json

The log must be in the JSON format (log.format = "json"). Needs the Python package jsonschema. With --strict, a key that the
schema does not know is a mistake too. Exit code 0: all lines fit; 1: some do not, and the first of them are printed.
"""

import json
import sys

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

SHOWN_MAX = 20


def mistake(validator, line):
    """What is wrong with a line, or None."""
    try:
        value = json.loads(line)
    except ValueError as error:
        return f"no JSON: {error}"
    error = best_match(validator.iter_errors(value))
    return None if error is None else f"{'/'.join(map(str, error.path)) or 'the line'}: {error.message}"


def main(arguments):
    strict = "--strict" in arguments
    paths = [argument for argument in arguments if argument != "--strict"]
    if len(paths) != 1:
        sys.exit(__doc__)
    with open(paths[0], encoding="utf-8") as file:
        schema = json.load(file)
    Draft202012Validator.check_schema(schema)
    if strict:
        schema["unevaluatedProperties"] = False
    validator = Draft202012Validator(schema)
    lines = [line for line in sys.stdin.read().splitlines() if line]
    wrong = [(line, why) for line in lines if (why := mistake(validator, line)) is not None]
    for line, why in wrong[:SHOWN_MAX]:
        print(f"{why}\n  {line}")
    print(f"{len(lines)} lines, {len(wrong)} wrong")
    return 1 if wrong or not lines else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
