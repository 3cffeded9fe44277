"""`ybfort schema`: the JSON Schema of a stack file, by which editors complete and check it."""

import json
from typing import Any

import typer

from ybfort.spec.file import KEY
from ybfort.spec.read import CLOUDS


def schema() -> None:
    """Print the JSON Schema of stack files, for editors.

    \b
    Stack files name it in their first line:
    # yaml-language-server: $schema=cluster.schema.json

    \b
    ybfort schema > stacks/cluster.schema.json
    """
    typer.echo(json.dumps(document(), indent=2, sort_keys=True))


def document() -> dict[str, Any]:
    """The schema: a stack file with a cluster of some cloud, and whatever else Pulumi or the user keeps in it."""
    sections: dict[str, Any] = {}
    for model in CLOUDS.values():
        cluster = model.model_json_schema()
        sections |= {**cluster.pop("$defs"), model.__name__: cluster}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Stack file of a ybfort cluster",
        "type": "object",
        "required": ["config"],
        "properties": {
            "config": {
                "type": "object",
                "required": [KEY],
                "properties": {KEY: {"oneOf": [{"$ref": f"#/$defs/{model.__name__}"} for model in CLOUDS.values()]}},
            }
        },
        "$defs": sections,
    }
