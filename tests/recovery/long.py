"""Many rounds of trading and dying: `python tests/recovery/long.py --rounds 50 --seed 7`. Prints its seed and what it found."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from random import Random, SystemRandom

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "wire/venue"))

from gateway_process import GatewayProcess
from trading import STRATEGY, come_to_rest, differences, journal_numbers, start_and_die, trade_and_die

from gateway.sim.process import start_venue


def say(*lines: str) -> None:
    sys.stdout.write("\n  ".join(lines) + "\n")
    sys.stdout.flush()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=SystemRandom().randrange(1 << 31))
    parser.add_argument("--check-every", type=int, default=5, help="rounds between two comparisons of the ledgers")
    arguments = parser.parse_args()
    say(f"seed {arguments.seed}")
    random = Random(arguments.seed)
    directory = Path(tempfile.mkdtemp(prefix="long-"))
    started = time.monotonic()
    asked = 0
    with start_venue(directory / "venue", rate=20, flow=10, seed=arguments.seed) as venue:
        gateway = GatewayProcess(directory / "g", venue.port, market_data=["USD/JPY"], extra=STRATEGY, ack_timeout=2)
        for number in range(1, arguments.rounds + 1):
            asked += trade_and_die(gateway, random)
            if random.random() < 0.3:
                start_and_die(gateway, random)
            if number % arguments.check_every and number != arguments.rounds:
                continue
            come_to_rest(gateway)
            found = differences(gateway, venue.ledger_path)
            if found:
                say(f"round {number}, seed {arguments.seed}, {directory}:", *found)
                return 1
            fills = gateway.rows("SELECT count(*) AS n FROM v_fills")[0]["n"]
            events, runs = journal_numbers(gateway)
            seconds = time.monotonic() - started
            say(f"round {number}: {asked} orders asked for, {fills} fills, {events} events, {runs} runs, {seconds:.0f} s")
            gateway.start().ready()
            gateway.post("/trading", state="enabled", reason="the next rounds")
            gateway.kill()
    say(f"equal after {arguments.rounds} rounds; {directory}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
