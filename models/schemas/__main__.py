"""`python -m wayfold.models.schemas [DOCS]` writes the schemas to a documentation folder (default: docs)."""

import sys
from pathlib import Path

from wayfold.models.schemas.write import write

sys.stdout.write("".join(f"{path}\n" for path in write(Path(sys.argv[1] if len(sys.argv) > 1 else "docs"))))
