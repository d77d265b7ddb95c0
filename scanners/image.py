"""Codes from a picture file: what an image gun or a phone's camera would have sent. Decoder: zxing-cpp."""

from pathlib import Path

import zxingcpp
from PIL import Image, UnidentifiedImageError

from scanners.faults import CodeNotFound


def read_image(path: Path) -> list[str]:
    """The texts of all codes in the picture, top to bottom, each once; CodeNotFound when there is none."""
    try:
        with Image.open(path) as picture:
            found = zxingcpp.read_barcodes(picture.convert("L"))
    except (OSError, UnidentifiedImageError) as error:
        raise CodeNotFound(f"图片无法打开：{path.name}", f"not a readable picture: {path.name}: {error}") from error
    found = sorted(found, key=lambda code: (code.position.top_left.y, code.position.top_left.x))
    texts = list(dict.fromkeys(code.text for code in found if code.text))
    if not texts:
        raise CodeNotFound(
            f"图片中没有可识别的二维码：{path.name}；请擦净标签或按钢印查找",
            f"no readable code in {path.name}; clean the label or search by stamp",
        )
    return texts
