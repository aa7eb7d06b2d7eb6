"""Quix Streams keeping one counter per user, over the same corpus."""

import json
import subprocess
from pathlib import Path
from typing import Final

from benchmarks.context import BenchError, Context, Figures
from wayfold.agents.kafka.topics import event_topics

EVENTS: Final = 500_000
LONGEST_S: Final = 240
HERE: Final = Path(__file__).resolve().parent
PYTHON: Final = HERE.parent / ".cache" / "quix" / "bin" / "python"
COUNTED: Final = ("entries", "steps", "messages", "conversions")


def measure(context: Context) -> Figures:
    """Run the counter in its own environment until it has counted enough."""
    if not PYTHON.exists():
        raise BenchError(
            "Quix Streams is not installed: run `make bench`, which installs it into .cache/quix"
        )
    count = context.count(EVENTS, least=5_000)
    topics = [topic for topic in event_topics(context.prefix) if topic.rpartition(".")[2] in COUNTED]
    script = str(HERE / "quix" / "counter.py")
    done = subprocess.run(
        [str(PYTHON), script, context.bootstrap_servers, str(context.path / "quix"), str(count), *topics],
        check=True,
        stdout=subprocess.PIPE,
        timeout=LONGEST_S,
    )
    figures: Figures = json.loads(done.stdout.splitlines()[-1])
    return figures
