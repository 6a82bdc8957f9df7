"""How Sphinx makes the site: `make docs`. Its pages are the Markdown files that a code host shows as they are."""

from __future__ import annotations

import os
import sys
from importlib.metadata import metadata
from pathlib import Path
from tempfile import TemporaryDirectory

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS / "_extensions"))
HOME = TemporaryDirectory(prefix="oppo-image-docs-")
os.environ.update(
    COLUMNS="90",  # how wide argparse writes the help of the commands
    AIRFLOW_HOME=HOME.name,  # autodoc imports Airflow, which writes its configuration
    AIRFLOW__LOGGING__LOGGING_LEVEL="ERROR",
)

from airflow_provider_oppo_image import __version__  # noqa: E402

project = "airflow-provider-oppo-image"
html_title = f"OPPO pictures for Airflow {__version__}"
copyright = "the developers of airflow-provider-oppo-image"  # noqa: A001 - Sphinx's own name for it
release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "pages_of_a_code_host", "chinese_pages", "reference_from_code"]
root_doc = "index"
exclude_patterns = ["README.md"]  # the page that `index.md` includes
myst_heading_anchors = 4

nitpicky = True
# Nothing is asked from other projects' sites, so their names lead nowhere.
nitpick_ignore_regex = [(r"py:.*", r"(?!airflow_provider_oppo_image\.).*")]
default_role = "code"
smartquotes = False  # the letters of the pages, also where they are copied
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
python_maximum_signature_line_length = 80

html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["chinese.css", "copy_buttons.css", "side_by_side.css"]
html_js_files = ["copy_buttons.js"]
html_search_scorer = str(DOCS / "_static/search_scorer.js")

REPOSITORY = next(
    url.partition(", ")[2]
    for url in metadata("airflow-provider-oppo-image").get_all("Project-URL") or []
    if url.startswith("Source, ")
)
html_theme_options = {"source_edit_link": f"{REPOSITORY}/edit/main/docs/{{filename}}"}
