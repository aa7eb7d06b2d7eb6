"""Two `wayfold worker` processes sharing the corpus, until Redis shows all of it; everything switched on."""

from benchmarks.context import Context, Figures
from benchmarks.end_to_end import fold_corpus


def measure(context: Context) -> Figures:
    """Fold the corpus with two worker processes of one group."""
    return fold_corpus(context, 2)
