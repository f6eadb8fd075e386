"""The random streams share their rules, their invariants and a model of a venue."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
