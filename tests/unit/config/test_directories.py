"""What is said of directories that a run cannot use."""

from __future__ import annotations

import os
from pathlib import Path

from gateway.config.directories import Needed, troubles


def remedies(path: Path) -> list[str]:
    return [trouble.remedy for trouble in troubles([Needed(what="state", key="gateway.state_dir", path=path, private=True)])]


def test_the_remedy_for_a_directory_that_others_write_to_is_one_this_user_can_carry_out(tmp_path: Path) -> None:
    """A volume given to a container belongs to somebody else, and often to a group that may write."""
    ours, theirs = tmp_path / "ours", Path("/tmp")
    ours.mkdir()
    ours.chmod(0o2770)
    assert remedies(ours) == [f"chmod 700 {ours}"]
    ours.chmod(0o2750)
    assert remedies(ours) == []
    if os.geteuid() == 0:
        theirs = tmp_path / "theirs"
        theirs.mkdir()
        theirs.chmod(0o777)
        os.chown(theirs, 1, 1)
    assert remedies(theirs) == ["name a directory inside it: a run makes it"]
    assert remedies(theirs / "gateway-state") == []
