"""How a host uses Python's collector of reference cycles."""

import gc
from typing import Final

THRESHOLDS: Final = (200_000, 20, 50)


def relax_collector() -> None:
    """Take what is here by now out of the collector's sight, and let it look at the rest seldom.

    The fold makes no cycles but very many objects, of which a batch holds most until it is committed. By
    default the collector looks through them after every 700, which was seen to take 7 % of the fold's time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
