"""The front of an explorer's session: what the session shows, and the view that shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from simlib.widgets.explorer.graphs import Size
from simlib.widgets.explorer.second_graph import Still
from simlib.widgets.kit.status_line import Part


@dataclass(frozen=True)
class ShownGraphs:
    """One answer as it is shown: two graphs, and the texts beside them.

    - `left`: the graph of the leading question (the question that the explorer is about), as PNG.
    - `right`: the second graph as PNG, or None if it is drawn later.
    - `size`: the width and height of a graph in pixels of the page.
    - `sentence`: the answer to the leading question, as parts {text, strong}.
    - `answers`: the other answers (see `headline.answers`).
    - `status`: the status line.
    - `preview`: whether the answer is a quick Monte Carlo answer.
    - `alt_right`: the second graph in words.
    """

    left: bytes
    right: bytes | None
    size: Size
    sentence: list[Part]
    answers: list[dict[str, Any]]
    status: Part
    preview: bool
    alt_right: str = ""

    @property
    def alt(self) -> str:
        """The answer to the leading question in words, for readers who cannot see the picture."""
        return "".join(part["text"] for part in self.sentence)


class Nobody:
    """The view of a closed session: it shows nothing."""

    def __getattr__(self, _: str) -> Any:
        return lambda *_: None


class ExplorerFront(Protocol):
    """The view of a session: the widgets, or a stand-in for them in a test."""

    def show(self, shown: ShownGraphs) -> None:
        """Show an answer: graphs, texts and status line at once."""

    def show_still(self, shown: Still) -> None:
        """Show a second graph that is drawn only when the sliders stop, and its sentences."""

    def show_status(self, status: Part) -> None:
        """Show another status line beside the present picture."""

    def show_settings(self) -> None:
        """Show the present settings in the sliders, the choices and the buttons."""

    def show_order(self) -> None:
        """Put the sliders in order (see `ExplorerSession.ordered`)."""

    def show_reach(self) -> None:
        """Show, at both ends of each slider, the answer to the leading question there."""

    def refresh_page(self) -> None:
        """Refresh the open page, after a full answer was shown."""
