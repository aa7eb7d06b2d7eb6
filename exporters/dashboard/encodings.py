"""Which compressed copy of a file a client takes."""

from collections.abc import Collection
from typing import Final

# In the order in which they are preferred where a client likes them equally: the smaller copy first.
PREFERRED: Final = ("br", "gzip")


def chosen(accepted: str, available: Collection[str]) -> str | None:
    """Choose from the encodings `available` by the header Accept-Encoding; None is the file as it is.

    What the header refuses (q=0) or does not name is not chosen; a weight that cannot be read refuses.
    """
    weights = _weights(accepted)
    anything = weights.get("*", 0.0)
    liked = [(weights.get(name, anything), name) for name in PREFERRED if name in available]
    weight, name = max(liked, key=lambda one: one[0], default=(0.0, None))
    # A client may like the file as it is better; where it does not say so, it only takes it.
    return name if weight > 0 and weight >= weights.get("identity", 0.0) else None


def _weights(accepted: str) -> dict[str, float]:
    weights = {}
    for one in accepted.split(","):
        name, *parameters = (part.strip().lower() for part in one.split(";"))
        weight = 1.0
        for parameter in parameters:
            key, _, value = parameter.partition("=")
            if key.strip() == "q":
                weight = _number(value)
        if name:
            weights[name] = weight
    return weights


def _number(text: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        return 0.0
    return weight if 0 <= weight <= 1 else 0.0
