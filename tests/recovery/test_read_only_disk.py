"""A disk that turns read-only under open files, as ext4 does after an error: nobody writes there before it is mounted anew.

The error is the kernel's own (`trigger_fs_error`), on a small file system of its own.
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest
from gateway_process import GatewayProcess, wait_for
from postgresql import verified
from trading import STRATEGY, Traders, come_to_rest, differences

from gateway.sim.process import start_venue

pytestmark = pytest.mark.timeout(300)
SEED = 20260106
FSYNC = '\n[journal]\ndurability = "fsync"\n'
RECORDS = '\n[records]\nurl = "sqlite:///records/records.db"\n'


class Disk:
    """An ext4 file system of 64 MB at `place`; skips where none can be mounted, or its error be asked for."""

    def __init__(self, place: Path, image: Path) -> None:
        self.place = place
        self._image = image
        with image.open("wb") as file:
            file.truncate(64 << 20)
        place.mkdir()
        if shutil.which("mkfs.ext4") is None or self._run("mkfs.ext4", "-q", image) or self.mount():
            pytest.skip("no ext4 file system can be made and mounted here")
        place.chmod(0o700)
        if not self._error.exists():
            self.unmount()
            pytest.skip("this kernel gives no errors on request")

    @staticmethod
    def _run(*command: object) -> int:
        return subprocess.run([str(word) for word in command], check=False, capture_output=True).returncode

    def mount(self) -> int:
        return self._run("mount", "-o", "loop,errors=remount-ro", self._image, self.place)

    def unmount(self) -> None:
        """As soon as nobody has a file open there."""
        wait_for(lambda: not self._run("umount", self.place), "nobody uses the disk")

    @property
    def _error(self) -> Path:
        mounts = dict(line.split()[1::-1] for line in Path("/proc/mounts").read_text().splitlines())
        return Path("/sys/fs/ext4") / Path(mounts[str(self.place)]).name / "trigger_fs_error"

    def fails(self) -> None:
        self._error.write_text("1")
        with pytest.raises(OSError, match="Read-only file system"):
            (self.place / "anything").touch()


@pytest.fixture
def make_disk(home: Path, make: Callable[..., GatewayProcess]) -> Iterator[Callable[[Path], Disk]]:
    disks: list[Disk] = []

    def build(place: Path) -> Disk:
        disks.append(Disk(place, home / "disk.img"))
        return disks[-1]

    yield build
    for disk in disks:
        disk.unmount()


def test_under_everything_the_gateway_writes(home, make, make_disk):
    """Nothing is sent any more and the session logs out. Mounted anew, all is there that was committed, and the venue has the
    rest."""
    with start_venue(home / "venue", rate=20, flow=10, seed=SEED) as venue, contextlib.ExitStack() as last:
        gateway = make(venue.port, market_data=["USD/JPY"], extra=STRATEGY + FSYNC, ack_timeout=2)
        last.callback(gateway.close)
        disk = make_disk(gateway.state)
        gateway.start().ready()

        def logouts() -> int:
            return venue.log_path.read_text().count(" logged out\n")

        before = logouts()
        with Traders(gateway, Random(SEED)) as traders:
            wait_for(lambda: traders.sent > 20, "trading")
            disk.fails()
            wait_for(lambda: gateway.status()["journal"]["state"] == "failed", "somebody is told")
            wait_for(lambda: logouts() > before, "the session has logged out")
        status = gateway.status()
        assert "readonly" in status["journal"]["detail"] or "I/O" in status["journal"]["detail"], status["journal"]
        assert any(alarm["severity"] == "critical" and "journal" in alarm["what"] for alarm in status["alarms"])
        assert "Traceback" not in gateway.err.read_text()
        gateway.kill()
        disk.unmount()
        assert disk.mount() == 0
        come_to_rest(gateway)
        assert differences(gateway, venue.ledger_path) == []
        verified(gateway)


def test_under_the_records_alone(make, make_disk, venue):
    """Trading goes on; mounted anew, the records catch up."""
    gateway = make(venue.port, extra=RECORDS)
    disk = make_disk(gateway.home / "records")
    gateway.records = disk.place / "records.db"
    gateway.start().ready()
    gateway.wait_state(gateway.order()["order_id"], "Accepted")
    gateway.caught_up()
    disk.fails()
    for _ in range(10):
        assert gateway.order(wait_seconds=60)["state"] == "Accepted"
    wait_for(lambda: gateway.status()["capabilities"]["record_writer"]["state"] == "degraded", "somebody is told")
    assert gateway.status()["records"]["lag_events"] > 0
    gateway.kill()
    disk.unmount()
    assert disk.mount() == 0
    gateway.start().ready()
    gateway.caught_up()
    assert differences(gateway, venue.ledger_path) == []
    verified(gateway)
    gateway.close()
