"""The oracle shares nothing with what it checks."""

import ast
import subprocess
import sys
from pathlib import Path

from wayfold.audit import oracle

FOLDER = Path(oracle.__file__).parent
OWN = "wayfold.audit.oracle"


def test_the_oracle_imports_the_standard_library_and_itself() -> None:
    """No decoder, zone, money or history of the fold: two programs must be wrong alike to go unnoticed."""
    modules = sorted(FOLDER.glob("*.py"))
    assert len(modules) > 5
    for path in modules:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                assert node.level == 0
                names = [node.module or ""]
            for name in names:
                assert name.startswith(OWN) or name.partition(".")[0] in sys.stdlib_module_names, (path, name)


def test_nothing_of_the_fold_is_loaded_with_it() -> None:
    """Importing the oracle alone loads neither models nor state."""
    code = f"import sys, {OWN}; print([name for name in sys.modules if name.startswith('wayfold')])"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert OWN in loaded
    assert "wayfold.models" not in loaded
    assert "wayfold.state" not in loaded
