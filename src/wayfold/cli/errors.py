"""What a failed command says: one clear line, no traceback."""

import os
import sys
import traceback


def explain(error: BaseException) -> str:
    """Say what went wrong and what to do about it.

    Our own exceptions say it themselves. Anything else is a fault of ours, unless the system refused.
    """
    message = str(error).strip()
    if type(error).__module__.startswith("wayfold.") and message:
        return message
    if isinstance(error, OSError):
        place = f" ({error.filename})" if error.filename else ""
        return f"{error.strerror or message or type(error).__name__}{place}"
    if type(error).__module__.startswith(("kafka.", "aiokafka.", "redis.")):
        return f"{message or type(error).__name__}; see that the servers run and that the settings name them"
    return (
        f"unexpected {type(error).__name__}: {message or 'no message'}. This is a fault in Wayfold; "
        "WAYFOLD_LOG_LEVEL=debug shows where"
    )


def fail(error: BaseException) -> None:
    """Print what a failed command has to say on standard error."""
    if os.environ.get("WAYFOLD_LOG_LEVEL", "").lower() == "debug":
        traceback.print_exception(error)
    first, *others = explain(error).splitlines()
    print(f"wayfold: {first}", file=sys.stderr)
    for line in others:
        print(f"         {line}", file=sys.stderr)
