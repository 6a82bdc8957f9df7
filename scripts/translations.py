"""Keep the Chinese pages in step with the English ones.

usage: python -m scripts.translations            list the differences, section by section
       python -m scripts.translations PAGE...    record that the Chinese of these English pages is up to date

For each PAGE, for example docs/how-to/upload.md, its code blocks are copied into the Chinese page, and a fingerprint of
each English section is written to docs/zh/translated.json. If it changes, the section must be translated again.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from posixpath import dirname, join, normpath
from typing import Final

from scripts.markdown import BLOCK, Section, anchor, sections

RECORD: Final = "docs/zh/translated.json"
"""The fingerprint of each translated section, by English page and heading."""


def main(names: list[str], root: Path) -> int:
    """Record the given English pages as translated, then print the differences; return the exit code."""
    translations = Translations(root)
    for name in names:
        if name not in translations.pairs:
            print(f"{name} has no Chinese page; these have: {', '.join(translations.pairs)}")
            return 2
        translations.renew(name)
    if found := [difference for name in translations.pairs for difference in translations.differences(name)]:
        print(*found, sep="\n")
        return 1
    print(f"The {len(translations.pairs)} Chinese pages are in step with the English ones.")
    return 0


@dataclass(frozen=True)
class Translations:
    """The English pages with a Chinese page. All pages are paths below the repository at `root`."""

    root: Path

    @property
    def pairs(self) -> dict[str, str]:
        """The Chinese page of each English page that must have one."""
        guides = {page.name for folder in ("docs", "docs/zh") for page in (self.root / folder).glob("how-to/*.md")}
        others = {"README.md", *(page.name for page in (self.root / "docs/zh").glob("*.md"))}
        names = [*sorted(others), *(f"how-to/{name}" for name in sorted(guides))]
        return {"README.md": "README.zh-CN.md"} | {f"docs/{name}": f"docs/zh/{name}" for name in names}

    def differences(self, page: str) -> Iterator[str]:
        """Yield the differences between an English page and its Chinese page, and what to do."""
        other = self.pairs[page]
        then_renew = f"then run: python -m scripts.translations {page}"
        if not self._exists(other):
            yield f"{other} is missing. Translate {page}, {then_renew}"
            return
        if not self._exists(page):
            yield f"{page} is missing. Remove {other}"
            return
        translated, now = self._record().get(page, {}), fingerprints(self._text(page))
        states = {heading: "has changed" if heading in translated else "is new" for heading in now}
        states |= {heading: "is gone" for heading in translated if heading not in now}
        listed = [f"\n  {name!r} {state}" for name, state in states.items() if translated.get(name) != now.get(name)]
        if listed:
            yield f"{page} has changed since it was translated:{''.join(listed)}\nUpdate {other}, {then_renew}"
        yield from self._compare(page, other)

    def renew(self, page: str) -> None:
        """Copy an English page's code blocks into its Chinese page, and record that it is up to date."""
        other = self.pairs[page]
        if not (self._exists(page) and self._exists(other)):
            return
        blocks = [block[0] for block in BLOCK.finditer(self._text(page))]
        text = self._text(other)
        if len(BLOCK.findall(text)) == len(blocks):
            (self.root / other).write_text(BLOCK.sub(lambda _: blocks.pop(0), text))
        record = {name: prints for name, prints in self._record().items() if self._exists(name)}
        record[page] = fingerprints(self._text(page))
        written = json.dumps(dict(sorted(record.items())), indent=2, ensure_ascii=False)
        (self.root / RECORD).write_text(written + "\n")

    def _exists(self, page: str) -> bool:
        return (self.root / page).is_file()

    def _text(self, page: str) -> str:
        return (self.root / page).read_text()

    def _record(self) -> dict[str, dict[str, str]]:
        return dict(json.loads(self._text(RECORD)))

    def _compare(self, page: str, other: str) -> Iterator[str]:
        english, chinese = sections(self._text(page)), sections(self._text(other))
        if [section.level for section in english] != [section.level for section in chinese]:
            expected, found = (
                "\n".join(f"  {'#' * one.level} {one.heading}" for one in part) for part in (english, chinese)
            )
            yield f"{other} must have the headings of {page}:\n{expected}\nIt has:\n{found}"
            return
        for ours, theirs in zip(english, chinese, strict=True):
            links = Counter(self._chinese_target(_target(page, link)) for link in ours.links)
            for difference in (
                *_compare_shape(page, ours, theirs),
                *_compare_sets("code", Counter(ours.code), Counter(theirs.code)),
                *_compare_sets("link to", links, Counter(_target(other, link) for link in theirs.links)),
            ):
                yield f"{other}, {theirs.heading!r}, of {ours.heading!r}: {difference}"

    def _chinese_target(self, target: str) -> str:
        """Return where an English page's link must lead on the Chinese page; a link to that page leads back."""
        path, _, fragment = target.partition("#")
        pages = self.pairs | {chinese: english for english, chinese in self.pairs.items()}
        if path not in pages or not (self._exists(path) and self._exists(pages[path])):
            return target
        ours, theirs = ([anchor(one.heading) for one in sections(self._text(page))] for page in (path, pages[path]))
        anchors = dict(zip(ours, theirs, strict=False))
        return pages[path] + (f"#{anchors.get(fragment, fragment)}" if fragment else "")


def fingerprints(text: str) -> dict[str, str]:
    """Return a fingerprint of each section, by heading; line breaks and code blocks do not count."""
    texts = {part.heading: " ".join(f"{part.level} {part.heading} {part.prose}".split()) for part in sections(text)}
    return {heading: hashlib.sha256(prose.encode()).hexdigest()[:8] for heading, prose in texts.items()}


def _target(page: str, link: str) -> str:
    """Return where a page's link leads, as a path in the repository; an external link as it is."""
    path, mark, fragment = link.partition("#")
    return link if "://" in link else (normpath(join(dirname(page), path)) if path else page) + mark + fragment


def _compare_shape(page: str, english: Section, chinese: Section) -> Iterator[str]:
    if english.blocks != chinese.blocks:
        yield f"its code blocks differ from the English page. To copy them: python -m scripts.translations {page}"
    for what in ("tables", "items", "pictures"):
        ours, theirs = getattr(english, what), getattr(chinese, what)
        if ours != theirs:
            yield f"its {what} are {theirs}, and those of the English page {ours}"


def _compare_sets(what: str, english: Counter[str], chinese: Counter[str]) -> Iterator[str]:
    for verb, extra in (("lacks", english - chinese), ("has, unlike the English page,", chinese - english)):
        if extra:
            yield f"it {verb} the {what} {', '.join(sorted(extra))}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], Path.cwd()))
