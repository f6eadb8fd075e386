"""`python -m gateway.pages`."""

from __future__ import annotations

import sys

from gateway.pages import main

sys.exit(main(sys.argv[1:]))
