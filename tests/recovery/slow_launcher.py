"""Run a gateway with a small intake, from which nothing is taken once it is half full, while a file is there:
`python slow_launcher.py CAPACITY FILE CONFIG`. The product has no such switch."""

from __future__ import annotations

import sys
from pathlib import Path
from time import sleep

from gateway.bootstrap import gateway, process
from gateway.runtime.intake import Intake, Item


def hold(capacity: int, file: Path) -> None:
    class Held(Intake):
        def take(self, most: int, timeout: float) -> list[Item]:
            while self.depth > capacity // 2 and file.exists():
                sleep(0.01)
            return super().take(most, timeout)

    gateway.INTAKE_CAPACITY = capacity
    gateway.Intake = Held  # type: ignore[misc]  # the one place that makes one


if __name__ == "__main__":
    hold(int(sys.argv[1]), Path(sys.argv[2]))
    sys.exit(process.run(Path(sys.argv[3])))
