"""The OpenAPI document: paths as Litestar reads them from the handlers, schemas as msgspec encodes the Structs."""

from collections.abc import Iterable
from typing import Any

import msgspec
from litestar import Litestar
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.spec import Reference, Schema
from litestar.plugins import OpenAPISchemaPlugin
from litestar.types import Method
from litestar.types.internal_types import PathParameterDefinition
from litestar.typing import FieldDefinition
from msgspec import Struct
from msgspec import json as mjson

from ledger.bundle import Envelope

TITLE = "气瓶追溯账本 · cylinder ledger"
_REF = "#/components/schemas/{name}"


class _StructSchemas(OpenAPISchemaPlugin):
    """Structs as references to msgspec's own schemas: tags, unions and bounds as they are on the wire."""

    def __init__(self) -> None:
        self.seen: set[type[Struct]] = {Envelope}

    def is_plugin_supported_field(self, field_definition: FieldDefinition) -> bool:
        """Structs."""
        return isinstance(field_definition.annotation, type) and issubclass(field_definition.annotation, Struct)

    def to_openapi_schema(self, field_definition: FieldDefinition, schema_creator: object) -> Schema:  # noqa: ARG002
        """A reference, and a note of what it refers to."""
        kind = field_definition.annotation
        self.seen.add(kind)
        return Schema(all_of=[Reference(ref=_REF.format(name=kind.__name__))])


def describe(handlers: Iterable[HTTPRouteHandler], version: str) -> bytes:
    """OpenAPI 3.1 of these handlers, as JSON."""
    structs = _StructSchemas()
    config = OpenAPIConfig(title=TITLE, version=version, operation_id_creator=_operation_id)
    # An app that never serves: Litestar describes the handlers of an app only.
    described = Litestar([*handlers], openapi_config=config, plugins=[structs], logging_config=None)
    document = described.openapi_schema.to_schema()
    _, components = mjson.schema_components(sorted(structs.seen, key=lambda kind: kind.__name__), ref_template=_REF)
    document["components"]["schemas"] |= _portable(components)
    document["info"]["license"] = {"name": "Apache-2.0", "identifier": "Apache-2.0"}
    return mjson.encode(document, order="deterministic")


def _operation_id(_: HTTPRouteHandler, method: Method, path: list[str | PathParameterDefinition]) -> str:
    words = [part if isinstance(part, str) else part.name for part in path]
    return "_".join([method.lower(), *words])


def _portable(schema: Any) -> Any:  # noqa: ANN401 - any JSON
    r"""Patterns as ECMA-262 has them: Python's `\Z` is `$` there."""
    if isinstance(schema, dict):
        return {
            key: value.replace(r"\Z", "$") if key == "pattern" and isinstance(value, str) else _portable(value)
            for key, value in schema.items()
        }
    return [_portable(value) for value in schema] if isinstance(schema, list) else msgspec.to_builtins(schema)
