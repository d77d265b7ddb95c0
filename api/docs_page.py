"""GET /openapi.json, and /docs: Swagger UI from our own files. Nothing is asked of any other host."""

from collections.abc import Callable
from importlib.resources import files

from litestar import Response, get
from litestar.exceptions import NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from api.openapi import TITLE

_ASSETS = {
    "favicon.svg": "image/svg+xml",
    "swagger-ui.css": "text/css",
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui-standalone-preset.js": "text/javascript",
    "start.js": "text/javascript",
}
# The browser itself is told to load nothing from elsewhere. Swagger UI draws with inline styles and data: images.
_POLICY = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'"

_PAGE = f"""<!doctype html>
<html lang="zh-CN">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{TITLE}</title>
<link rel="icon" href="/docs/favicon.svg">
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<div id="docs"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"""
_START = """SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#docs",
  presets: [SwaggerUIBundle.presets.apis],
  validatorUrl: null,
  deepLinking: true,
});
"""


def docs_routes(document: Callable[[], bytes]) -> list[HTTPRouteHandler]:
    """The routes; `document` is asked for the OpenAPI JSON once, when first wanted."""
    kept: list[bytes] = []

    @get("/openapi.json", include_in_schema=False, sync_to_thread=True)
    def get_document() -> Response[bytes]:
        if not kept:
            kept.append(document())
        return Response(kept[0], media_type="application/json")

    @get("/docs", include_in_schema=False, sync_to_thread=False)
    def get_page() -> Response[bytes]:
        headers = {"Content-Security-Policy": _POLICY}
        return Response(_PAGE.encode(), media_type="text/html", headers=headers)

    @get("/docs/{name:str}", include_in_schema=False, sync_to_thread=True)
    def get_asset(name: FromPath[str]) -> Response[bytes]:
        if name not in _ASSETS:
            raise NotFoundException
        body = _START.encode() if name == "start.js" else (files("api.static") / "swagger" / name).read_bytes()
        return Response(body, media_type=_ASSETS[name], headers={"Cache-Control": "max-age=3600"})

    return [get_document, get_page, get_asset]
