"""Sphinx builds the documentation: `python -m sphinx -W docs docs/_build`."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1]))

import language_reference
from simlib import __version__

project = "simlib"
release = version = __version__
author = "the simlib team"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.mathjax"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"simlib {version}"
myst_enable_extensions = ["dollarmath", "colon_fence"]
myst_heading_anchors = 3
# Some pages include a file of the project (such as the README of a scenario). Its links lead to files outside the site.
suppress_warnings = ["myst.xref_missing"]
autodoc_default_options = {"members": True, "show-inheritance": True}
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_format = "short"
default_role = "code"
napoleon_google_docstring = True

language_reference.write(Path(__file__).with_name("language.md"))
