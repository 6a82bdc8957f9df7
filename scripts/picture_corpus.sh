#!/bin/sh
# Fetches pictures of other projects, for the tests of the check, into build/picture-corpus, and keeps them there. They
# come from packages of Debian and source distributions on PyPI. The strict decoders with which the tests compare,
# djpeg and pngtopnm, are installed where they are missing.
#
# usage: scripts/picture_corpus.sh PYTHON
set -eu
python=$1 corpus=build/picture-corpus

command -v djpeg >/dev/null || scripts/packages.sh libjpeg-turbo-progs
command -v pngtopnm >/dev/null || scripts/packages.sh netpbm
if [ ! -d "$corpus" ]; then
    mkdir -p build
    work=$(mktemp -d build/corpus.XXXXXX)
    trap 'rm -rf "$work"' EXIT
    mkdir "$work/archives" "$work/pictures"
    (
        cd "$work/archives"
        apt-get update -qq
        apt-get download -qq digikam-data gbrainy imagemagick-6-doc python-matplotlib-data xplanet-images
    )
    "$python" -m pip download --quiet --no-deps --no-binary :all: --dest "$work/archives" \
        imagesize img2pdf piexif pillow pypng reportlab sorl-thumbnail
    for archive in "$work"/archives/*; do
        name=$(basename "$archive" | tr _ - | cut -d- -f1)
        mkdir -p "$work/unpacked/$name" "$work/pictures/$name"
        case $archive in
        *.deb) dpkg-deb -x "$archive" "$work/unpacked/$name" ;;
        *.zip) "$python" -m zipfile -e "$archive" "$work/unpacked/$name" ;;
        *) tar -xf "$archive" -C "$work/unpacked/$name" ;;
        esac
        find "$work/unpacked/$name" -type f -iregex '.*\.\(jpe?g\|png\)' -exec cp --backup=numbered -t "$work/pictures/$name" {} +
    done
    mv "$work/pictures" "$corpus"
fi
echo "$(find "$corpus" -type f | wc -l) pictures are in $corpus."
