import hashlib
import json
from pathlib import Path

import api

SWAGGER = Path(api.__file__).parent / "static" / "swagger"


def test_vendored_files_are_those_that_were_published() -> None:
    vendor = json.loads((SWAGGER / "vendor.json").read_text())
    present = {path.name for path in SWAGGER.iterdir()} - {"vendor.json"}
    digests = {name: hashlib.sha256((SWAGGER / name).read_bytes()).hexdigest() for name in present}
    assert digests == vendor["sha256"]


def test_api_documentation_loads_nothing_from_elsewhere() -> None:
    style = (SWAGGER / "swagger-ui.css").read_text()
    assert "@import" not in style
    assert "url(http" not in style
