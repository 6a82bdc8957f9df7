"""Keeps the Chinese pages in step with the English ones.

usage: python -m scripts.translations            say what is out of step, section by section
       python -m scripts.translations PAGE...    its Chinese was brought up to date: write that down

PAGE is an English page, such as docs/how-to/upload.md. For each, its code blocks are copied into the Chinese page, and
a fingerprint of each English section is written to docs/zh/translated.json. A section whose English has another one
later is to be translated again.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from posixpath import dirname, join, normpath
from typing import Final

from scripts.markdown import BLOCK, Section, anchor, sections

IN_STEP: Final = 0
OUT_OF_STEP: Final = 1
NO_SUCH_PAGE: Final = 2

RECORD: Final = "docs/zh/translated.json"
"""For each English page the fingerprint of each section that was translated, by its heading."""


def main(names: list[str], root: Path) -> int:
    """Write down which pages are up to date, then say what is out of step.

    :param names: English pages whose Chinese was brought up to date, as their paths in the repository.
    :param root: the repository.
    :return: the exit code.
    """
    translations = Translations(root)
    for name in names:
        if name not in translations.pairs:
            print(f"{name} is no English page that has a Chinese one; these have: {', '.join(translations.pairs)}")
            return NO_SUCH_PAGE
        translations.renew(name)
    code = IN_STEP
    for name in translations.pairs:
        for difference in translations.differences(name):
            print(difference)
            code = OUT_OF_STEP
        if revision := translations.revision_before(name):
            print(f"  What has changed: git diff {revision} -- {name}")
    if code == IN_STEP:
        print(f"The {len(translations.pairs)} Chinese pages are in step with the English ones.")
    return code


@dataclass(frozen=True)
class Translations:
    """The English pages that are there in Chinese too. All pages go by their paths in the repository.

    :param root: the repository.
    """

    root: Path

    @property
    def pairs(self) -> dict[str, str]:
        """Each English page that is to be there in Chinese, with its Chinese page."""
        guides = {page.name for folder in ("docs", "docs/zh") for page in (self.root / folder).glob("how-to/*.md")}
        return {
            "README.md": "README.zh-CN.md",
            "docs/README.md": "docs/zh/README.md",
            **{f"docs/how-to/{name}": f"docs/zh/how-to/{name}" for name in sorted(guides)},
        }

    def differences(self, page: str) -> Iterator[str]:
        """Yield what is out of step between an English page and its Chinese one, and what to do.

        :param page: the English page.
        """
        other = self.pairs[page]
        then_renew = f"then run: python -m scripts.translations {page}"
        if not self._is_there(other):
            yield f"{other} is not there. Translate {page}, {then_renew}"
            return
        if not self._is_there(page):
            yield f"{page} is not there. Remove {other}"
            return
        if changes := list(_changes(self._record().get(page, {}), self._fingerprints(page))):
            listed = "".join(f"\n  {change}" for change in changes)
            yield f"{page} is another one than was translated:{listed}\nBring {other} up to date, {then_renew}"
        yield from self._unlike(page, other)

    def renew(self, page: str) -> None:
        """Copy an English page's code blocks into its Chinese page, and write down that this is up to date.

        :param page: the English page.
        """
        other = self.pairs[page]
        if not (self._is_there(page) and self._is_there(other)):
            return
        blocks = [block[0] for block in BLOCK.finditer(self._text(page))]
        text = self._text(other)
        if len(BLOCK.findall(text)) == len(blocks):
            (self.root / other).write_text(BLOCK.sub(lambda _: blocks.pop(0), text))
        record = {name: prints for name, prints in self._record().items() if self._is_there(name)}
        record[page] = self._fingerprints(page)
        written = json.dumps(dict(sorted(record.items())), indent=2, ensure_ascii=False)
        (self.root / RECORD).write_text(written + "\n")

    def revision_before(self, page: str) -> str:
        """Return the revision of an English page that was translated, if it is another one than is there now.

        :param page: the English page.
        :return: the revision; "" where it is up to date, or the revision is unknown.
        """
        translated = self._record().get(page)
        if not (self._is_there(page) and translated) or translated == self._fingerprints(page):
            return ""
        for revision in self._git("log", "--format=%h", "--", page).split():
            if fingerprints(self._git("show", f"{revision}:{page}")) == translated:
                return revision
        return ""

    def _git(self, *arguments: str) -> str:
        return subprocess.run(["git", *arguments], cwd=self.root, capture_output=True, text=True).stdout  # noqa: S607

    def _is_there(self, page: str) -> bool:
        return (self.root / page).is_file()

    def _text(self, page: str) -> str:
        return (self.root / page).read_text()

    def _fingerprints(self, page: str) -> dict[str, str]:
        return fingerprints(self._text(page))

    def _record(self) -> dict[str, dict[str, str]]:
        record: dict[str, dict[str, str]] = json.loads(self._text(RECORD))
        return record

    def _unlike(self, page: str, other: str) -> Iterator[str]:
        """Yield in what the Chinese page is another one than the English page."""
        english, chinese = sections(self._text(page)), sections(self._text(other))
        if [section.level for section in english] != [section.level for section in chinese]:
            yield (
                f"{other} must have the headings of {page}, in their order and of their levels:\n"
                f"{_outline(english)}\nIt has:\n{_outline(chinese)}"
            )
            return
        for ours, theirs in zip(english, chinese, strict=True):
            ours_lead_to = Counter(self._in_chinese(_target(page, link)) for link in ours.links)
            theirs_lead_to = Counter(_target(other, link) for link in theirs.links)
            for fault in (
                *_unlike_in_shape(page, ours, theirs),
                *_unlike_in("code", Counter(ours.code), Counter(theirs.code)),
                *_unlike_in("link to", ours_lead_to, theirs_lead_to),
            ):
                yield f"{other}, {theirs.heading!r}, of {ours.heading!r}: {fault}"

    def _in_chinese(self, target: str) -> str:
        """Return where a link of an English page must lead on its Chinese page; the link between the two leads back."""
        path, _, place = target.partition("#")
        pages = self.pairs | {chinese: english for english, chinese in self.pairs.items()}
        if path not in pages or not (self._is_there(path) and self._is_there(pages[path])):
            return target
        places = dict(zip(self._anchors(path), self._anchors(pages[path]), strict=False))
        return pages[path] + (f"#{places.get(place, place)}" if place else "")

    def _anchors(self, page: str) -> list[str]:
        return [anchor(section.heading) for section in sections(self._text(page))]


def fingerprints(text: str) -> dict[str, str]:
    """Return what tells each section of a page from others, by its heading.

    Where its lines are broken does not matter, nor do its code blocks, since these are not translated.

    :param text: the page.
    """
    words = {part.heading: " ".join(f"{part.level} {part.heading} {part.prose}".split()) for part in sections(text)}
    return {heading: hashlib.sha256(said.encode()).hexdigest()[:8] for heading, said in words.items()}


def _changes(translated: dict[str, str], now: dict[str, str]) -> Iterator[str]:
    """Yield which sections are others than those that were translated."""
    for heading in now:
        if heading not in translated:
            yield f"{heading!r} is new"
        elif now[heading] != translated[heading]:
            yield f"{heading!r} has changed"
    for heading in translated:
        if heading not in now:
            yield f"{heading!r} is gone"


def _target(page: str, link: str) -> str:
    """Return where a page's link leads, as a path in the repository; the link itself where it leaves that."""
    if "://" in link:
        return link
    path, mark, place = link.partition("#")
    return (normpath(join(dirname(page), path)) if path else page) + mark + place


def _outline(page: list[Section]) -> str:
    return "\n".join(f"  {'#' * section.level} {section.heading}" for section in page)


def _unlike_in_shape(page: str, english: Section, chinese: Section) -> Iterator[str]:
    if english.blocks != chinese.blocks:
        yield f"its code blocks are not those of the English page. To copy them: python -m scripts.translations {page}"
    if english.tables != chinese.tables:
        yield f"it has tables of {_sizes(chinese.tables)}, and the English page of {_sizes(english.tables)}"
    if english.items != chinese.items:
        yield f"its lists have {chinese.items} entries, and those of the English page {english.items}"
    if english.pictures != chinese.pictures:
        yield f"it has {chinese.pictures} pictures, and the English page {english.pictures}"


def _sizes(tables: list[tuple[int, int]]) -> str:
    return ", ".join(f"{rows} rows and {columns} columns" for rows, columns in tables) or "no rows"


def _unlike_in(what: str, english: Counter[str], chinese: Counter[str]) -> Iterator[str]:
    for verb, extra in (("lacks", english - chinese), ("has, unlike the English page,", chinese - english)):
        if extra:
            yield f"it {verb} the {what} {', '.join(sorted(extra))}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], Path.cwd()))
