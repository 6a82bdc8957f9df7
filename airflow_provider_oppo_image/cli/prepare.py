"""`oppo-image prepare`: any artwork in, a picture that passes the check out."""

from __future__ import annotations

import argparse
from typing import Final

from airflow_provider_oppo_image.artwork.layout import CENTER, FITS, Layout
from airflow_provider_oppo_image.cli.arguments import add_json, non_empty, point
from airflow_provider_oppo_image.cli.failures import GOOD
from airflow_provider_oppo_image.cli.output import print_json, print_note, print_result
from airflow_provider_oppo_image.contract import PICTURE_KINDS

HELP: Final = "make a picture of any artwork: crop it, scale it, and fit it into the limit"
DESCRIPTION: Final = (
    "Make a picture that passes the check of any artwork that Pillow reads: crop or pad it, scale it, convert its "
    "colours, and write the finest file that fits. Both places may be files or URLs that Airflow's object storage "
    "reaches, such as s3://. Needs no connection, and for files no Airflow."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    parser.add_argument("source", type=non_empty, metavar="SOURCE", help="the artwork; it stays as it is")
    parser.add_argument("--kind", choices=PICTURE_KINDS, required=True, help="what it is to be")
    parser.add_argument(
        "-o",
        "--output",
        type=non_empty,
        required=True,
        metavar="DESTINATION",
        help="where the picture goes; .png or .jpg says the format, any other name gets the ending of what was made",
    )
    parser.add_argument(
        "--fit",
        choices=FITS,
        default=FITS[0],
        help="cover crops what is too much, contain shows all and pads (default: %(default)s)",
    )
    parser.add_argument(
        "--focus",
        type=point,
        default=CENTER,
        metavar="X,Y",
        help="the point around which to crop, from the left and the top, 0 to 1 (default: 0.5,0.5)",
    )
    parser.add_argument(
        "--background",
        default="white",
        metavar="COLOUR",
        help='behind transparent artwork and of the padding; "transparent" keeps it so (default: %(default)s)',
    )
    parser.add_argument("--enlarge", action="store_true", help="enlarge artwork that is too small, which makes it soft")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Make the picture, and say what it is.

    :raises OppoImageError: if no picture can be made, or a place cannot be used.
    """
    from airflow_provider_oppo_image.artwork.files import prepare_file

    layout = Layout(args.fit, args.focus, args.background, args.enlarge)
    mended = prepare_file(args.kind, args.source, args.output, layout)
    for note in mended.notes:
        print_note(f"warning: {note}")
    if args.json:
        print_json({"destination": mended.path, "notes": list(mended.notes), "report": mended.report.to_dict()})
    else:
        print_result(str(mended.report))
    return GOOD
