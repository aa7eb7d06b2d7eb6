"""The generated files of the documentation."""

import json
from pathlib import Path

from wayfold.models.events import EVENT_CLASS_OF_TYPE
from wayfold.models.schemas.asyncapi import asyncapi_document
from wayfold.models.schemas.documents import definition_schema, event_schema
from wayfold.models.schemas.page import PAGE, with_events

FOLDER = "schemas"


def generated() -> dict[str, str]:
    """The text of every generated file, by its path in the documentation folder."""
    documents = {f"{FOLDER}/{type_}.json": event_schema(type_) for type_ in EVENT_CLASS_OF_TYPE}
    documents[f"{FOLDER}/definition.json"] = definition_schema()
    documents["asyncapi.json"] = asyncapi_document()
    return {name: json.dumps(document, indent=2) + "\n" for name, document in documents.items()}


def write(folder: Path) -> list[Path]:
    """Write every generated file, and the generated part of the page on events; return what was changed.

    Schemas of events that are no more are taken away.
    """
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
    page = folder / PAGE
    if page.exists():
        text = page.read_text(encoding="utf-8")
        if with_events(text) != text:
            page.write_text(with_events(text), encoding="utf-8")
            changed.append(page)
    return changed
