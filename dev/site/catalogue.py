# SPDX-License-Identifier: GPL-3.0-or-later
"""The catalogue of errors as a page: each code with its causes and its remedy, read from the source.

The remedies are those of ``CATALOGUE``. A cause is the message of a failure with the code, or the words of a server that a
table of rules maps to the code.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Iterator, NamedTuple

#: The catalogue replaces the rest of the page after this line.
MARKER = "<!-- dev/site/catalogue.py puts the list in the place of what follows -->"
#: Maximum number of causes shown per code; the message of a failure has its own anyway.
MOST = 4
#: (file, table of rules) -> the server whose words the rules match.
SPEAKERS = {
    ("server_errors.py", "_BACKEND_RULES"): "The backend",
    ("server_errors.py", "_RULES"): "OpenSearch",
    ("client.py", "_RULES"): "Ollama",
}


class Section(NamedTuple):
    title: str
    codes: dict[str, str]


def sections(errors: str) -> list[Section]:
    """The sections of the catalogue, which comments divide, in their order."""
    lines = errors.splitlines()
    [assigned] = [
        node.value
        for node in ast.parse(errors).body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "CATALOGUE"
    ]
    assert isinstance(assigned, ast.Dict)
    found: list[Section] = []
    line = assigned.lineno
    for key, value in zip(assigned.keys, assigned.values):
        assert key
        for comment in lines[line : key.lineno - 1]:
            if comment.strip().startswith("#"):
                found.append(Section(comment.strip("# "), {}))
        found[-1].codes[ast.literal_eval(key)] = ast.literal_eval(value)
        line = value.end_lineno or line
    return found


def shown(expression: ast.expr) -> str:
    """A message in the source as Markdown. Inserted values appear as their names in italics."""
    if isinstance(expression, ast.Constant) and isinstance(expression.value, str):
        return plain(expression.value)
    if isinstance(expression, ast.JoinedStr):
        return "".join(shown(part) for part in expression.values)
    if isinstance(expression, ast.FormattedValue):
        return f"<em>{filled(expression.value)}</em>"
    if isinstance(expression, ast.BinOp) and isinstance(expression.op, ast.Add):
        return shown(expression.left) + shown(expression.right)
    return f"<em>{filled(expression)}</em>"


def plain(text: str) -> str:
    """A text with Markdown escaped, for the cell of a table."""
    return re.sub(r"([*_<|\[\]`$])", r"\\\1", text)


def filled(value: ast.expr) -> str:
    """A name for an inserted value: that of its variable, without the functions that only format it."""
    if isinstance(value, ast.Name):
        return {"exc": "reason"}.get(value.id, value.id.strip("_").lower().replace("_", " "))
    if isinstance(value, ast.Attribute):
        return value.attr.strip("_").lower().replace("_", " ")
    if isinstance(value, ast.Subscript):
        index = value.slice
        if isinstance(index, ast.Constant) and isinstance(index.value, str):
            return index.value.replace("_", " ")
        return filled(value.value)
    if isinstance(value, ast.Call):
        if ast.unparse(value.func) == "len":
            return "number"
        if value.args:
            return filled(value.args[0])
    if isinstance(value, (ast.GeneratorExp, ast.ListComp)):
        return filled(value.generators[0].iter)
    if isinstance(value, ast.BoolOp):
        return filled(value.values[0])
    return "..."


class Cause(NamedTuple):
    code: str
    text: str


def causes(path: Path, codes: set[str]) -> Iterator[Cause]:
    """The causes of codes in one source file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assigned = sorted((node for node in ast.walk(tree) if isinstance(node, ast.Assign)), key=lambda node: node.lineno)

    def value_of(expression: ast.expr) -> ast.expr:
        """The expression that was assigned to a name last before its use; other expressions as they are."""
        if not isinstance(expression, ast.Name):
            return expression
        same = (node for node in reversed(assigned) if ast.unparse(node.targets[0]) == expression.id)
        return next((node.value for node in same if node.lineno < expression.lineno), expression)

    for node in tree.body:
        if isinstance(node, ast.Assign) and (speaker := SPEAKERS.get((path.name, ast.unparse(node.targets[0])))):
            assert isinstance(node.value, ast.Tuple)
            for rule in node.value.elts:
                parts = rule.args if isinstance(rule, ast.Call) else rule.elts  # type: ignore[attr-defined] # a tuple, or a call of Rule
                yield Cause(ast.literal_eval(parts[0]), said(speaker, [value_of(part) for part in parts[1:]]))
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or ast.unparse(node.func) == "Rule":
            continue
        if ast.unparse(node.func) == "next":
            # The default of next() is the code if no rule matches.
            for code in coded(node.args[-1], codes):
                yield Cause(code, "The server answers with any other error")
        for place, argument in enumerate(node.args[:-1]):
            for code in coded(argument, codes):
                yield Cause(code, shown(value_of(node.args[place + 1])))


def coded(argument: ast.expr, codes: set[str]) -> list[str]:
    """The codes that an argument can have."""
    if isinstance(argument, ast.IfExp):
        return coded(argument.body, codes) + coded(argument.orelse, codes)
    if isinstance(argument, ast.Constant) and argument.value in codes:
        return [argument.value]
    return []


def said(speaker: str, parts: list[ast.expr]) -> str:
    """The description of a rule: words of a server, a status, or both."""
    pattern = ast.literal_eval(parts[0])
    statuses = ast.literal_eval(parts[1]) if len(parts) > 1 else ()
    words = [f"`{alternative}`" for alternative in alternatives(pattern)]
    status = " or ".join(str(each) for each in statuses)
    if not words:
        return f"{speaker} answers {status}" if status else f"{speaker} answers with any other error"
    return f"{speaker} says {' or '.join(words)}" + (f" (status {status})" if status else "")


def alternatives(pattern: str) -> list[str]:
    """The alternatives of a pattern that contain words, as plain text where that is the same."""
    branches, depth = [""], 0
    for piece in re.findall(r"\\.|\[(?:\\.|[^\]])*\]|.", pattern.removeprefix("(?i)")):
        depth += {"(": 1, ")": -1}.get(piece, 0)
        if piece == "|" and not depth:
            branches.append("")
        else:
            branches[-1] += piece
    unescaped = [re.sub(r"\\([\[\].{}$])", r"\1", branch.strip("^$")) for branch in branches]
    return [branch.replace("|", r"\|") for branch in unescaped if re.search(r"\w", branch)]


def catalogue(plugins: Path) -> str:
    divided = sections((plugins / "module_utils/_errors/catalogue.py").read_text(encoding="utf-8"))
    codes = {code for section in divided for code in section.codes}
    known: dict[str, list[str]] = {code: [] for code in codes}
    for path in sorted(plugins.rglob("*.py")):
        for cause in causes(path, codes):
            if cause.text not in known[cause.code]:
                known[cause.code].append(cause.text)
    # A code without a cause shows that this script cannot read some place in the source.
    bare = sorted(code for code in codes if not known[code])
    assert not bare, f"no cause was found for {bare}"
    lines = ["Words in italics are replaced in a message.", ""]
    for section in divided:
        lines += [f"### {section.title}", "", "| code | cause | remedy |", "|---|---|---|"]
        for code, remedy in section.codes.items():
            shown_causes = known[code][:MOST]
            if len(known[code]) > MOST:
                shown_causes.append(f"... and {len(known[code]) - MOST} more; the message says which")
            remedy = re.sub(r"\{(\w+)\}", r"<em>\1</em>", plain(remedy))
            lines.append(f'| <span id="{code}"></span>`{code}` | {"<br>".join(shown_causes)} | {remedy} |')
        lines.append("")
    return "\n".join(lines)
