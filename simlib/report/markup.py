"""Blocks (text, lists, tables and figures) as one self-contained HTML page or as Markdown.

Every text is escaped, so that no text can run as a script or be read as markup.
"""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

__all__ = ["Block", "ValueBar", "to_html", "to_markdown"]


@dataclass(frozen=True, slots=True)
class Block:
    """One piece of a report. Its `kind` says which fields it uses.

    - "sheet" (one printed page), "columns", "column" and "panel" hold the blocks in `parts`.
    - "title", "heading", "subheading", "kicker", "lead", "note" and "text" show `text`.
    - "big" shows `text` in large letters, and `items` in small ones.
    - "claim" shows `text` in bold, then `items`.
    - "list" has texts in `items`.
    - "table" has rows of cells in `items`, the head first. A cell is a text or a `ValueBar`.
    - "contents" has pairs in `items`: words, and the `name` of the heading to which they link.
    - "figure" has an image in `png` and its description in `text`. The image is `width` pixels wide on screen (0: its
      own width).

    `name` is the name of a heading to which other blocks may link.
    """

    kind: str
    text: str = ""
    items: tuple[Any, ...] = ()
    png: bytes = b""
    parts: tuple[Block, ...] = ()
    name: str = ""
    width: int = 0


@dataclass(frozen=True, slots=True)
class ValueBar:
    """A bar of the length `value` (0 to 1) in HTML, and `words` in Markdown."""

    value: float
    words: str


_STYLE = (
    "body{font:16px/1.5 system-ui,'DejaVu Sans',sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem;color:#222}"
    "h1{font-size:1.7rem;line-height:1.2;margin:.2rem 0 .6rem}h1,h2{text-wrap:balance}"
    "h2{font-size:1.25rem;margin:2.2rem 0 .6rem;border-bottom:1px solid #ccc}h3{font-size:1rem;margin:1rem 0 .3rem}"
    "p{margin:.5rem 0}ul{margin:.3rem 0;padding-left:1.2rem}img{max-width:100%;height:auto}a{color:#004f86}"
    "table{border-collapse:collapse;font-size:.85rem;width:100%}"
    "td,th{border:1px solid #ccc;padding:.3rem .5rem;text-align:left;vertical-align:top;overflow-wrap:break-word}"
    "th,thead td{background:#f2f2f2}"
    ".sheet{margin-bottom:2.5rem}.sheet h2{font-size:1.05rem;margin:1rem 0 .3rem;color:#004f86;border-color:#9db7cc}"
    ".sheet td,.sheet th{border-width:0 0 1px;padding:.2rem .4rem}.sheet thead>tr>*{background:none;color:#444}"
    ".kicker{color:#444;font-size:.85rem;margin:0}.lead{font-size:.95rem}.note{color:#444;font-size:.8rem}"
    ".panel{background:#eef4f9;border-left:5px solid #0072b2;padding:.5rem 1rem;margin:.6rem 0}"
    ".panel h2{border:0;margin:.2rem 0;color:#222}"
    ".columns{display:flex;gap:1.6rem;align-items:flex-start}.columns>*{flex:1 1 0;min-width:0}"
    ".columns td:nth-child(n+2){white-space:nowrap}"
    ".big{font-size:2.3rem;line-height:1.15;font-weight:700;margin:.1rem 0}.big small{font-size:1rem;font-weight:600}"
    ".span{display:block;position:relative;height:.7rem;min-width:7rem;background:#e8e8e8;margin-top:.35rem}"
    ".span i{position:absolute;top:0;bottom:0;background:#7fb3d5}.span b{position:absolute;top:-.15rem;bottom:-.15rem;"
    "width:3px;background:#222}"
    "@media(max-width:44rem){.columns{display:block}}"
    "@page{size:A4;margin:12mm 13mm}"
    "@media print{body{font-size:9.4pt;line-height:1.32;margin:0;max-width:none;padding:0}"
    "*{print-color-adjust:exact;-webkit-print-color-adjust:exact}"
    "h2{font-size:12.5pt;margin:1.3rem 0 .4rem}h3{font-size:10pt}table{font-size:8.4pt}td,th{padding:.15rem .4rem}"
    "p,li{orphans:2;widows:2}h2,h3,h2+p,p:has(+ul),p:has(+table){break-after:avoid}img,tr,li{break-inside:avoid}"
    ".columns{display:flex}"
    ".sheet{break-after:page;margin:0}.sheet h1{font-size:15pt}.sheet h2{font-size:10.5pt;margin:.55rem 0 .2rem}"
    ".sheet table{font-size:8.25pt}.sheet td,.sheet th{padding:.12rem .35rem}.sheet p,.sheet li{margin:.15rem 0}"
    ".sheet .note,.sheet .kicker{font-size:8.25pt}.sheet .lead{font-size:8.8pt}"
    ".big{font-size:22pt}.big small{font-size:9.5pt}"
    ".panel{padding:.25rem .7rem;margin:.3rem 0}.columns{gap:1.1rem}.span{height:.55rem;margin-top:.25rem}}"
)

_TAGS = {"title": "h1", "heading": "h2", "subheading": "h3", "text": "p"}
_MARKS = {"title": "#", "heading": "##", "subheading": "###"}
_CLASSES = ("kicker", "lead", "note")
_CONTAINERS = ("sheet", "columns", "panel", "column")


def to_html(pieces: Iterable[Block]) -> str:
    """Return the blocks as one HTML page without scripts and without links to other files."""
    blocks = list(pieces)
    title = next((block.text for block in _flat(blocks) if block.kind == "title"), "Report")
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">'
    head += f"<title>{html.escape(title)}</title><style>{_STYLE}</style>"
    body = "".join(map(_html, blocks))
    return f'<!doctype html><html lang="en"><head>{head}</head><body><main>{body}</main></body></html>\n'


def _flat(blocks: Iterable[Block]) -> Iterator[Block]:
    for block in blocks:
        yield block
        yield from _flat(block.parts)


def _html(block: Block) -> str:
    text = html.escape(block.text)
    if block.kind in _CONTAINERS:
        tag = "section" if block.kind == "sheet" else "div"
        return f'<{tag} class="{block.kind}">{"".join(map(_html, block.parts))}</{tag}>'
    if block.kind in _TAGS:
        tag, anchor = _TAGS[block.kind], f' id="{html.escape(block.name)}"' if block.name else ""
        return f"<{tag}{anchor}>{text}</{tag}>"
    if block.kind in _CLASSES:
        return f'<p class="{block.kind}">{text}</p>'
    if block.kind == "big":
        return f'<p class="big">{text} <small>{html.escape("".join(block.items))}</small></p>'
    if block.kind == "claim":
        return f"<p><strong>{text}</strong> {html.escape(' '.join(block.items))}</p>"
    if block.kind == "list":
        return "<ul>" + "".join(f"<li>{html.escape(item)}</li>" for item in block.items) + "</ul>"
    if block.kind == "contents":
        links = (f'<a href="#{html.escape(name)}">{html.escape(words)}</a>' for words, name in block.items)
        return f'<nav aria-label="Contents"><p>{" · ".join(links)}</p></nav>'
    if block.kind == "table":
        return _html_table(block.items)
    data = base64.b64encode(block.png).decode()
    wide = f' width="{block.width}"' if block.width else ""
    return f'<p><img alt="{text}"{wide} src="data:image/png;base64,{data}"></p>'


def _html_table(rows: tuple[Any, ...]) -> str:
    def row(cells: Iterable[str | ValueBar], tag: str) -> str:
        tags = ((tag if cell else "td", cell) for cell in cells)  # an empty header cell would confuse screen readers
        return "<tr>" + "".join(f"<{each}>{_cell(cell)}</{each}>" for each, cell in tags) + "</tr>"

    return f"<table><thead>{row(rows[0], 'th')}</thead><tbody>{''.join(row(r, 'td') for r in rows[1:])}</tbody></table>"


def _cell(cell: str | ValueBar) -> str:
    if isinstance(cell, str):
        return html.escape(cell)
    value = f"{100 * cell.value:.1f}%"
    bar = f'<i style="left:0.0%;width:{value}"></i><b style="left:{value}"></b>'
    return f'<span class="span" role="img" aria-label="{html.escape(cell.words)}">{bar}</span>'


def to_markdown(pieces: Iterable[Block]) -> str:
    """Return the blocks as one Markdown text that holds the images as data."""
    return "\n\n".join(filter(None, map(_markdown, pieces))) + "\n"


def _markdown(block: Block) -> str:
    text = _marked(block.text)
    if block.kind in _CONTAINERS:
        return "\n\n".join(filter(None, map(_markdown, block.parts)))
    if block.kind in _MARKS:
        return f"{_MARKS[block.kind]} {text}"
    if block.kind in ("big", "claim"):
        return f"**{text}** {_marked(' '.join(block.items))}"
    if block.kind == "list":
        return "\n".join(f"- {_marked(item)}" for item in block.items)
    if block.kind == "contents":
        return "\n".join(f"- {_marked(words)}" for words, _ in block.items)
    if block.kind == "table":
        lines = ["| " + " | ".join(_marked(_words(cell)) for cell in row) + " |" for row in block.items]
        return "\n".join([lines[0], "|" + "---|" * len(block.items[0]), *lines[1:]])
    if block.kind == "figure":
        return f"![{text}](data:image/png;base64,{base64.b64encode(block.png).decode()})"
    return text


def _words(cell: str | ValueBar) -> str:
    return cell if isinstance(cell, str) else cell.words


def _marked(text: str) -> str:
    for letter in "\\`*_[]<>|#":
        text = text.replace(letter, f"\\{letter}")
    return text.replace("\n", " ")
