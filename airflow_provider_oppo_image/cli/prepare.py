"""`oppo-image prepare`: makes a picture that passes the check from any artwork."""

from __future__ import annotations

import argparse
from typing import Final

from airflow_provider_oppo_image.artwork.layout import CENTER, FITS, Layout
from airflow_provider_oppo_image.cli.arguments import add_json, non_empty, point
from airflow_provider_oppo_image.cli.output import SUCCESS, print_json, print_note, print_result
from airflow_provider_oppo_image.contract import PICTURE_KINDS

HELP: Final = "make a picture from artwork: crop it, scale it, and compress it to the size limit"
DESCRIPTION: Final = (
    "Make a picture that passes the check from any artwork that Pillow reads: crop or pad it, scale it, convert its "
    "colours, and write the file with the best quality within the size limit. SOURCE and DESTINATION may be local "
    "files or URLs of Airflow's object storage, such as s3://. Needs no connection; for local files, no Airflow either."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("source", type=non_empty, metavar="SOURCE", help="the artwork, which is not changed")
    parser.add_argument("--kind", choices=PICTURE_KINDS, required=True, help="the kind of picture to make")
    parser.add_argument(
        "-o",
        "--output",
        type=non_empty,
        required=True,
        metavar="DESTINATION",
        help="the picture to write; .png or .jpg chooses the format, otherwise the extension is added",
    )
    parser.add_argument(
        "--fit",
        choices=FITS,
        default=FITS[0],
        help="cover: crop to fill the picture; contain: show all of the artwork and pad it (default: %(default)s)",
    )
    parser.add_argument(
        "--focus",
        type=point,
        default=CENTER,
        metavar="X,Y",
        help="the centre of the crop, as fractions from the left and the top, 0 to 1 (default: 0.5,0.5)",
    )
    parser.add_argument(
        "--background",
        default="white",
        metavar="COLOUR",
        help='colour of the padding and of transparent parts; "transparent" keeps transparency (default: %(default)s)',
    )
    parser.add_argument("--enlarge", action="store_true", help="enlarge artwork that is too small, which blurs it")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Make the picture, print its report, and return the exit code.

    :raises OppoImageError: if no picture can be made, or a file cannot be read or written.
    """
    from airflow_provider_oppo_image.artwork.files import prepare_file

    layout = Layout(args.fit, args.focus, args.background, args.enlarge)
    prepared = prepare_file(args.kind, args.source, args.output, layout)
    for note in prepared.notes:
        print_note(f"warning: {note}")
    if args.json:
        print_json({"destination": prepared.path, "notes": list(prepared.notes), "report": prepared.report.to_dict()})
    else:
        print_result(str(prepared.report))
    return SUCCESS
