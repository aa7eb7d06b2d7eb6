"""JSON Schemas and an AsyncAPI document from the event classes: `python -m wayfold.models.schemas`."""
