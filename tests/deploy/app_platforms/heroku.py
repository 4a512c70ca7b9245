"""A stand-in for heroku that knows the options of the real one and does nothing.

`heroku_commands.json` is taken out of `oclif.manifest.json` of the npm package heroku, which its own parser reads.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

KNOWN = Path(__file__).with_name("heroku_commands.json")


def problem(argv: list[str]) -> str:
    """What heroku would have against a command; empty when it would begin."""
    commands: dict[str, Any] = json.loads(KNOWN.read_text(encoding="utf-8"))["commands"]
    name, *words = argv
    if name not in commands:
        return f"{name} is not a heroku command"
    command, seen, plain = commands[name], set(), 0
    flags = command["flags"]
    by_char = {flag["char"]: each for each, flag in flags.items() if "char" in flag}
    while words:
        word = words.pop(0)
        if not word.startswith("-"):
            plain += 1
            continue
        option, equals, _ = word.partition("=")
        flag = option[2:] if option.startswith("--") else by_char.get(option[1:], option)
        if flag not in flags:
            return f"Nonexistent flag: {option}"
        seen.add(flag)
        if flags[flag]["type"] == "option" and not equals:
            if not words:
                return f"Flag {option} expects a value"
            words.pop(0)
    if command["strict"] and plain > len(command["args"]):
        return f"Unexpected argument: {plain} for {command['args']}"
    missing = [each for each, flag in flags.items() if flag.get("required") and each not in seen]
    return f"Missing required flag {missing[0]}" if missing else ""


def installed(directory: Path) -> Path:
    """A directory for `PATH` with a program heroku."""
    program = directory / "bin" / "heroku"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\nexec '{sys.executable}' '{Path(__file__).resolve()}' \"$@\"\n", encoding="utf-8")
    program.chmod(0o755)
    return program.parent


if __name__ == "__main__":
    sys.exit(problem(sys.argv[1:]) or None)
