"""One bench in a process of its own: `python -m benchmarks.one MODULE CONTEXT RESULT`.

CONTEXT is a file with the context as JSON, RESULT the file that the figures go to, as JSON.
"""

import importlib
import sys
from pathlib import Path

import msgspec

from benchmarks.context import BenchError, Context


def main(module: str, context_file: str, result_file: str) -> None:
    """Measure and write the figures."""
    context = msgspec.json.decode(Path(context_file).read_bytes(), type=Context)
    try:
        figures = importlib.import_module(module).measure(context)
    except BenchError as error:
        sys.exit(str(error))
    Path(result_file).write_bytes(msgspec.json.encode(figures))


if __name__ == "__main__":
    main(*sys.argv[1:])
