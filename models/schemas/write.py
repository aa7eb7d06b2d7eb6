"""The generated files of the documentation."""

import json
from pathlib import Path

from wayfold.models.events import EVENT_CLASS_OF_TYPE
from wayfold.models.schemas.asyncapi import asyncapi_document
from wayfold.models.schemas.documents import definition_schema, event_schema

FOLDER = "schemas"


def generated() -> dict[str, str]:
    """The text of every generated file, by its path in the documentation folder."""
    documents = {f"{FOLDER}/{type_}.json": event_schema(type_) for type_ in EVENT_CLASS_OF_TYPE}
    documents[f"{FOLDER}/definition.json"] = definition_schema()
    documents["asyncapi.json"] = asyncapi_document()
    return {name: json.dumps(document, indent=2) + "\n" for name, document in documents.items()}


def write(folder: Path) -> list[Path]:
    """Write every generated file, take away schemas of events that are no more; return what was changed."""
    texts = {folder / name: text for name, text in generated().items()}
    changed = []
    for path in (folder / FOLDER).glob("*.json"):
        if path not in texts:
            path.unlink()
            changed.append(path)
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            changed.append(path)
    return changed
