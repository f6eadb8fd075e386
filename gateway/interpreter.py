"""Other processes of this program: the same interpreter and the same modules, and nothing from where somebody happens to stand.

`python -m` alone imports from the current directory first, and that may be a folder of files that a broker has sent.
"""

from __future__ import annotations

import os
import sys


def command(module: str, *arguments: str) -> list[str]:
    """What runs a module of this program as a process; start it with `environment()`."""
    return [sys.executable, "-P", "-m", module, *arguments]


def environment() -> dict[str, str]:
    """That of this process, and where it imports from."""
    return os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
