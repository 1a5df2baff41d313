"""Sphinx's settings: Markdown pages, and the API from its docstrings."""

from mmsrdl.version import __version__

project = "mmsrdl"
copyright = "mmsrdl contributors"
version = release = __version__
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.mathjax",
    "sphinx.ext.viewcode",
]
myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 3
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_custom_sections = ["Shapes"]
napoleon_use_ivar = True
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_default_options = {"members": True, "show-inheritance": True}
html_theme = "furo"
html_title = f"mmsrdl {release}"
exclude_patterns = ["_build"]
