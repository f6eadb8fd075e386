"""The order state change matrices of the FIX specification (FIX 4.2 appendix D; FIX 4.4 vol. 4, appendix D), as data.

Each matrix is a table of messages in both directions and of what the gateway holds of the order after each of them. The
tables are tests of the decoder and the core, the source of docs/matrices.md, and can be played through any dialect:

    from gateway.testing.matrices import MATRICES, play

    for matrix in MATRICES:
        for row, seen in zip(matrix.rows, play(matrix, "generic-fix44"), strict=True):
            assert seen == row.expected

The tables are `*.toml` beside this file; `table` says how a row is written, `play` turns it into a message and feeds it to
the decoder and the core, as they run in a gateway.
"""

from __future__ import annotations

from gateway.testing.matrices.play import play
from gateway.testing.matrices.table import MATRICES, VERSIONS, Matrix, Row, Seen

__all__ = ["MATRICES", "VERSIONS", "Matrix", "Row", "Seen", "play"]
