"""Metadata of the wheel that the build derives: the project's URLs, and a description with absolute links."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

PACKAGE = "airflow_provider_oppo_image"
_LINK = re.compile(r"(?P<image>!?)(?P<text>\[[^\]]*\])\((?!https?:|#)(?P<path>[^)]+)\)")


class Urls(MetadataHookInterface):
    """Hook that adds what follows from the URL of the repository, which stands in pyproject.toml only."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Add the URLs and the description."""
        root, repository = Path(self.root), self.config["repository"]
        version = _constant(root / PACKAGE / "__init__.py", "__version__")
        metadata["urls"] = {
            "Documentation": _constant(root / PACKAGE / "errors.py", "DOCS_URL"),
            "Source": repository,
            "Issues": f"{repository}/issues",
            "Changelog": f"{repository}/blob/v{version}/CHANGELOG.md",
        }
        text = absolute_links((root / "README.md").read_text(encoding="utf-8"), repository, f"v{version}")
        metadata["readme"] = {"content-type": "text/markdown", "text": text}


def absolute_links(text: str, repository: str, tag: str) -> str:
    """Return Markdown with absolute links: to a page for a file, and to the file itself for a picture."""

    def absolute(link: re.Match[str]) -> str:
        kind = "raw" if link["image"] else "blob"
        return f"{link['image']}{link['text']}({repository}/{kind}/{tag}/{link['path']})"

    return _LINK.sub(absolute, text)


def _constant(path: Path, name: str) -> str:
    [value] = re.findall(rf'^{name}\b.*= "(.*)"$', path.read_text(encoding="utf-8"), re.MULTILINE)
    return str(value)
