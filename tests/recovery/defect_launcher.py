"""Run a gateway with a defect: `python defect_launcher.py DEFECT CONFIG`. The product has no such switch.

`exposure` forgets orders of 666; `thread` ends with one; `watermark` lets it fall once; `disturbed` is none: garbage is
collected all the time, and threads are switched at random intervals.
"""

from __future__ import annotations

import gc
import sys
import threading
from pathlib import Path
from random import Random

from gateway.bootstrap import process
from gateway.core.core import Core
from gateway.core.exposure import Exposure
from gateway.journal.interface import Watermark
from gateway.venue.adapter import VenueAdapter


def forget_some() -> None:
    follow = Exposure.follow

    def forgetful(self, order_id, order, pending):
        if order is None or order.quantity != 666:
            follow(self, order_id, order, pending)

    Exposure.follow = forgetful


def fall_once() -> None:
    watermark, fallen = VenueAdapter.watermark, []

    def falling(self):
        mark = watermark.fget(self)
        if mark.msg_seq_num > 8 and not fallen:
            fallen.append(mark)
            return Watermark(mark.epoch, 1)
        return mark

    VenueAdapter.watermark = property(falling)


def end_the_thread() -> None:
    step = Core.step

    def failing(self, event, **times):
        if getattr(event, "quantity", None) == 666:
            raise ZeroDivisionError("a defect")
        return step(self, event, **times)

    Core.step = failing


def disturb() -> None:
    random = Random(1)

    def run() -> None:
        while True:
            sys.setswitchinterval(random.choice((1e-6, 1e-5, 1e-4, 5e-3)))
            gc.collect(random.randrange(2))
            sum(range(random.randrange(5000)))

    gc.set_threshold(50, 2, 2)
    threading.Thread(target=run, daemon=True).start()


if __name__ == "__main__":
    {"exposure": forget_some, "thread": end_the_thread, "watermark": fall_once, "disturbed": disturb}[sys.argv[1]]()
    sys.exit(process.run(Path(sys.argv[2])))
