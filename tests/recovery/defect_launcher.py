"""Run a gateway with a defect: `python defect_launcher.py DEFECT CONFIG`. The product has no such switch.

`exposure` forgets orders of 666; `watermark` lets it fall once, with the first fill.
"""

from __future__ import annotations

import sys
from pathlib import Path

from gateway.bootstrap import process
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


if __name__ == "__main__":
    {"exposure": forget_some, "watermark": fall_once}[sys.argv[1]]()
    sys.exit(process.run(Path(sys.argv[2])))
