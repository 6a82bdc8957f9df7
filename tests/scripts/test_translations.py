"""Differences between Chinese and English pages are reported, with the section and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.translations import Translations, main

PAGE = "docs/how-to/upload.md"
ENGLISH = """\
# Upload pictures

[中文](../zh/how-to/upload.md)

You get ids. See [what then](push.md#when-twice) and [the limits](../limits.md#pushes).

## Steps

```python
# a comment
upload()
```

1. Call `upload`.
2. Look.

![A phone](../phone.png)

| in | write |
| --- | --- |
| a template | `{{ id }}` |
"""
CHINESE = """\
# 上传图片

[English](../../how-to/upload.md)

得到 ID。见[之后](push.md#何时两次)和[限制](../../limits.md#pushes)。

## 步骤

```
```

1. 调用 `upload`。
2. 查看。

![手机](../../phone.png)

| 用在 | 写法 |
| --- | --- |
| 模板 | `{{ id }}` |
"""
OTHERS = {
    "README.md": "# Provider\n",
    "README.zh-CN.md": "# 插件\n",
    "docs/README.md": "# Documentation\n",
    "docs/zh/README.md": "# 文档\n",
    "docs/how-to/push.md": "# Push\n\n## When twice\n",
    "docs/zh/how-to/push.md": "# 推送\n\n## 何时两次\n",
    "docs/zh/translated.json": "{}",
}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository whose Chinese pages are in step."""
    for name, text in {**OTHERS, PAGE: ENGLISH, "docs/zh/how-to/upload.md": CHINESE}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    main(list(Translations(tmp_path).pairs), tmp_path)
    return tmp_path


def replace(repository: Path, name: str, old: str, new: str) -> None:
    text = (repository / name).read_text()
    assert old in text
    (repository / name).write_text(text.replace(old, new))


def test_main_in_step(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([], repository) == 0
    assert "The 4 Chinese pages are in step" in capsys.readouterr().out
    assert "```python\n# a comment\nupload()\n```" in (repository / "docs/zh/how-to/upload.md").read_text()
    replace(repository, PAGE, "You get ids. See", "You get\nids. See")
    assert main([], repository) == 0


def test_differences_changed_section(repository: Path) -> None:
    replace(repository, PAGE, "2. Look.", "2. Look twice.")
    assert list(Translations(repository).differences(PAGE)) == [
        "docs/how-to/upload.md has changed since it was translated:\n"
        "  'Steps' has changed\n"
        "Update docs/zh/how-to/upload.md, then run: python -m scripts.translations docs/how-to/upload.md"
    ]
    assert main([PAGE], repository) == 0


def test_differences_new_and_removed_section(repository: Path) -> None:
    replace(repository, PAGE, "## Steps", "## How")
    [words] = Translations(repository).differences(PAGE)
    assert "\n  'How' is new\n  'Steps' is gone\n" in words


CHANGES = {
    "a heading of another level": ("## 步骤", "### 步骤", "  ## Steps\nIt has:\n  # 上传图片\n  ### 步骤"),
    "another code block": ("# a comment", "# 注释", "code blocks differ"),
    "a row less": ("| 模板 | `{{ id }}` |\n", "", "its tables are [(2, 2)], and those of the English page [(3, 2)]"),
    "an entry less": ("2. 查看。\n", "", "its items are 1, and those of the English page 2"),
    "a picture less": ("![手机]", "[手机]", "its pictures are 0, and those of the English page 1"),
    "a link less": ("[限制](../../limits.md#pushes)", "限制", "lacks the link to docs/limits.md#pushes"),
    "a link more": ("调用", "[调用](push.md)", "has, unlike the English page, the link to docs/zh/how-to/push.md"),
    "a link to the English page": (
        "](push.md#何",
        "](../../how-to/push.md#何",
        "lacks the link to docs/zh/how-to/push.md",
    ),
    "a link to another section": ("#何时两次", "#when-twice", "lacks the link to docs/zh/how-to/push.md#何时两次"),
    "no way back": ("[English](../../how-to/upload.md)\n", "", "lacks the link to docs/how-to/upload.md"),
    "code within a sentence": ("`upload`", "`uplaod`", "lacks the code upload"),
}


@pytest.mark.parametrize(("old", "new", "words"), CHANGES.values(), ids=CHANGES)
def test_differences_of_chinese_page(repository: Path, old: str, new: str, words: str) -> None:
    replace(repository, "docs/zh/how-to/upload.md", old, new)
    assert words in "\n".join(Translations(repository).differences(PAGE))


def test_main_missing_page(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (repository / "docs/how-to/push.md").unlink()
    (repository / "docs/how-to/wait.md").write_text("# Wait\n")
    assert main(["docs/how-to/wait.md"], repository) == 1
    printed = capsys.readouterr().out
    assert "docs/how-to/push.md is missing. Remove docs/zh/how-to/push.md" in printed
    assert "docs/zh/how-to/wait.md is missing. Translate docs/how-to/wait.md" in printed
