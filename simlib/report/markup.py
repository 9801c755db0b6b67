"""Pieces of text, lists, tables and figures, as one self-contained HTML page or as Markdown.

Every text is escaped, so that nothing in it runs or is read as markup.
"""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

__all__ = ["Block", "to_html", "to_markdown"]


@dataclass(frozen=True, slots=True)
class Block:
    """One piece of a report: a heading, paragraphs, a list, a table or a figure."""

    kind: str
    text: str = ""
    items: tuple[Any, ...] = ()
    png: bytes = b""


_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem;color:#222}"
    "h1{font-size:1.7rem}h2{font-size:1.25rem;margin-top:2.2rem;border-bottom:1px solid #ccc}"
    "img{max-width:100%;height:auto}table{border-collapse:collapse;font-size:.85rem;width:100%}"
    "td,th{border:1px solid #ccc;padding:.3rem .5rem;text-align:left;vertical-align:top;overflow-wrap:break-word}"
    "th{background:#f2f2f2}@media print{h2{break-after:avoid}img,tr{break-inside:avoid}}"
)


def to_html(pieces: Iterable[Block]) -> str:
    """Return one self-contained page, without scripts and links to other files."""
    body, title = [], "Report"
    for block in pieces:
        text = html.escape(block.text)
        if block.kind == "title":
            title = text
            body.append(f"<h1>{text}</h1>")
        elif block.kind == "heading":
            body.append(f"<h2>{text}</h2>")
        elif block.kind == "text":
            body.append(f"<p>{text}</p>")
        elif block.kind == "list":
            body.append("<ul>" + "".join(f"<li>{html.escape(item)}</li>" for item in block.items) + "</ul>")
        elif block.kind == "table":
            body.append(_html_table(block.items))
        else:
            data = base64.b64encode(block.png).decode()
            body.append(f'<p><img alt="{text}" src="data:image/png;base64,{data}"></p>')
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title>'
    page = f"<head>{head}<style>{_STYLE}</style></head><body>{''.join(body)}</body>"
    return f'<!doctype html><html lang="en">{page}</html>\n'


def _html_table(rows: tuple[Any, ...]) -> str:
    def row(cells: Iterable[str], tag: str) -> str:
        return "<tr>" + "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in cells) + "</tr>"

    return f"<table><thead>{row(rows[0], 'th')}</thead><tbody>{''.join(row(r, 'td') for r in rows[1:])}</tbody></table>"


def to_markdown(pieces: Iterable[Block]) -> str:
    """Return the pieces as one Markdown text, with figures inlined as data."""
    parts = []
    for block in pieces:
        text = _marked(block.text)
        if block.kind in ("title", "heading"):
            parts.append(f"{'#' if block.kind == 'title' else '##'} {text}")
        elif block.kind == "text":
            parts.append(text)
        elif block.kind == "list":
            parts.append("\n".join(f"- {_marked(item)}" for item in block.items))
        elif block.kind == "table":
            lines = ["| " + " | ".join(_marked(cell) for cell in row) + " |" for row in block.items]
            parts.append("\n".join([lines[0], "|" + "---|" * len(block.items[0]), *lines[1:]]))
        else:
            parts.append(f"![{text}](data:image/png;base64,{base64.b64encode(block.png).decode()})")
    return "\n\n".join(parts) + "\n"


def _marked(text: str) -> str:
    """Escape the letters that Markdown reads as markup."""
    for letter in "\\`*_[]<>|#":
        text = text.replace(letter, f"\\{letter}")
    return text.replace("\n", " ")
