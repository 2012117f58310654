#!/usr/bin/env python3
"""Checks that the Swift blocks of README.md and of the documentation catalogue are code that is compiled.

A block is the same, but for indentation, as a part of Snippets/ or Tests/EventTests/Articles/ from `// snippet.NAME` to
`// snippet.end`; each such part stands in a document. What follows `$ swift run` in a console block is run, and must
print the lines below it.
"""

import pathlib
import re
import subprocess
import sys
import textwrap

ROOT = pathlib.Path(__file__).resolve().parent.parent
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "Sources/EventDSL/EventDSL.docc").glob("*.md"))]
SOURCES = [*sorted((ROOT / "Snippets").glob("*.swift")), *sorted((ROOT / "Tests/EventTests/Articles").glob("*.swift"))]

failures = []


def fail(document, message):
    failures.append(f"{document.relative_to(ROOT)}: {message}")


def parts(source):
    """The named parts of a file as (name, text)."""
    name, lines = None, []
    for line in source.read_text().splitlines():
        mark = re.fullmatch(r"\s*// snippet\.(\w+)", line)
        if mark and mark[1] == "end":
            yield name, textwrap.dedent("\n".join(lines)).strip()
            name = None
        elif mark:
            name, lines = mark[1], []
        else:
            lines.append(line)
    if name:
        fail(source, f"snippet.{name} has no end")


def blocks(document, language):
    """The fenced blocks of a language as (line, text)."""
    begun, lines = 0, []
    for number, line in enumerate(document.read_text().splitlines(), 1):
        if begun and line == "```":
            yield begun, "\n".join(lines).strip()
            begun = 0
        elif begun:
            lines.append(line)
        elif line == "```" + language:
            begun, lines = number, []


def run(document, line, text):
    """Runs each `$ swift run NAME ARGUMENTS` of a console block."""
    count = 0
    for command, expected in re.findall(r"^\$ swift run (.+)\n((?:(?!\$ ).*\n?)*)", text, re.MULTILINE):
        name, *arguments = command.split()
        built = subprocess.run(["swift", "build", "--quiet", "--product", name], cwd=ROOT, capture_output=True, text=True)
        if built.returncode:
            fail(document, f"line {line}: {name} is not built:\n{built.stdout}{built.stderr}")
            continue
        done = subprocess.run([ROOT / ".build/debug" / name, *arguments], cwd=ROOT, capture_output=True, text=True)
        if done.returncode or done.stdout.strip() != expected.strip():
            fail(document, f"line {line}: `{command}` prints\n{done.stdout}{done.stderr}")
        count += 1
    return count


compiled = {}
for source in SOURCES:
    for name, text in parts(source):
        compiled.setdefault(text, []).append(f"{source.relative_to(ROOT)}, snippet.{name}")
shown, commands = set(), 0
for document in DOCUMENTS:
    for line, text in blocks(document, "swift"):
        shown.add(text)
        if text not in compiled:
            fail(document, f"line {line}: the Swift block is in no file that is compiled")
    for line, text in blocks(document, "console"):
        commands += run(document, line, text)
for text, places in compiled.items():
    if text not in shown:
        failures.append(f"{places[0]}: stands in no document")
for failure in failures:
    print("check-articles:", failure, file=sys.stderr)
print(f"check-articles: {len(shown)} Swift blocks, {commands} commands, {len(failures)} wrong")
sys.exit(bool(failures) or not shown)
