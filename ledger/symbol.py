"""Symbols: a label drawn as SVG or PNG, bytes in memory.

QR at error level Q (H buys nothing against rust, ECOSYSTEM 5), a quiet zone of 4 modules (ISO/IEC 18004 section 9.1),
and the human-readable code beneath. Both drawings use modules as their unit: an SVG's user unit is one module.
"""

from html import escape
from io import BytesIO

import qrcode  # type: ignore[import-untyped]
from PIL import Image, ImageDraw, ImageFont
from PIL.ImageFont import FreeTypeFont

from ledger.errors import TooLarge
from ledger.label import Label

QUIET_ZONE = 4
MODULE_PX = 12

# Beneath the quiet zone, in modules: the band for the text, its baseline and middle within, its size at most.
_TEXT_BAND = 4
_TEXT_BASELINE = 2.5
_TEXT_MIDDLE = 1.5
_TEXT_SIZE = 3
_MONOSPACE_ASPECT = 0.62  # width of a monospace character, in its size


def symbol_modules(label: Label) -> list[list[bool]]:
    """The symbol's modules by row, True is dark, without the quiet zone. TooLarge when no QR version holds the URL."""
    code = qrcode.QRCode(error_correction=qrcode.constants.ERROR_CORRECT_Q, border=0)
    # optimize=0: one segment in the one mode that holds all of the URL, as the label says.
    code.add_data(label.url, optimize=0)
    try:
        code.make()
    except (qrcode.exceptions.DataOverflowError, ValueError) as error:
        raise TooLarge(
            "内容过长，二维码放不下，请缩短主机名", "too long for a QR symbol; use a shorter host"
        ) from error
    return [[bool(module) for module in row] for row in code.get_matrix()]


def draw_svg(label: Label) -> bytes:
    """A standalone SVG in UTF-8 with the code as real text. Width and height are unset: it scales to its place."""
    rows = symbol_modules(label)
    width = len(rows) + 2 * QUIET_ZONE
    height = width + _TEXT_BAND
    size = min(_TEXT_SIZE, (width - 4) / (_MONOSPACE_ASPECT * len(label.text)))
    text = escape(label.text)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" shape-rendering="crispEdges">\n'
        f"<title>{text}</title>\n"
        f'<rect width="{width}" height="{height}" fill="#fff"/>\n'
        f'<path d="{_path(rows)}" fill="#000"/>\n'
        f'<text x="{width / 2}" y="{width + _TEXT_BASELINE}" font-family="monospace" font-size="{size:.2f}"'
        f' text-anchor="middle">{text}</text>\n</svg>\n'
    ).encode()


def draw_png(label: Label) -> bytes:
    """A black and white PNG, MODULE_PX pixels a module, with the code as text beneath."""
    rows = symbol_modules(label)
    width = len(rows) + 2 * QUIET_ZONE
    image = Image.new("L", (width * MODULE_PX, (width + _TEXT_BAND) * MODULE_PX), 255)
    draw = ImageDraw.Draw(image)
    for y, x, run in _runs(rows):
        left, top = (x + QUIET_ZONE) * MODULE_PX, (y + QUIET_ZONE) * MODULE_PX
        draw.rectangle((left, top, left + run * MODULE_PX - 1, top + MODULE_PX - 1), fill=0)
    font = _font(label.text, (width - 4) * MODULE_PX)
    draw.text((image.width / 2, (width + _TEXT_MIDDLE) * MODULE_PX), label.text, fill=0, font=font, anchor="mm")
    out = BytesIO()
    image.save(out, "PNG", optimize=True)
    return out.getvalue()


def _font(text: str, room_px: int) -> FreeTypeFont | ImageFont.ImageFont:
    """Pillow's own font, as large as the band allows and small enough that the text fits the room."""
    size = _TEXT_SIZE * MODULE_PX
    font = ImageFont.load_default(size)
    needed = font.getlength(text)
    return font if needed <= room_px else ImageFont.load_default(int(size * room_px / needed))


def _path(rows: list[list[bool]]) -> str:
    return "".join(f"M{x + QUIET_ZONE} {y + QUIET_ZONE}h{run}v1h-{run}z" for y, x, run in _runs(rows))


def _runs(rows: list[list[bool]]) -> list[tuple[int, int, int]]:
    """Dark runs as (row, first column, length): far fewer shapes than modules, and no hairlines between them."""
    runs = []
    for y, row in enumerate(rows):
        start = None
        for x, dark in enumerate([*row, False]):
            if dark and start is None:
                start = x
            elif not dark and start is not None:
                runs.append((y, start, x - start))
                start = None
    return runs
