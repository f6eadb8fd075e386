"""Trade through a failing network, die, go on; compare with the venue's ledger. By hand: `scripts/soak --help`."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import Random, SystemRandom
from statistics import median

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "wire/venue"))

from crash_launcher import POINTS
from pair_rounds import PairRounds
from postgresql import Server
from proxy import Proxy
from rounds import Rounds

from gateway.errors import GatewayError
from gateway.sim.process import start_venue

EXAMPLE = """
example: scripts/soak --rounds 200 --seed 7; scripts/soak --standby --rounds 50

A round: the gateway starts, trades with the simulated venue through a proxy that delays, cuts, resets, goes silent, throttles,
splits and repeats messages, and is killed, at random or at a named point between two steps, or stopped. After every few rounds
the network is left in peace, everything is brought to rest, and the venue's ledger must agree with the records: every fill
exactly once, every order in the venue's state, positions equal, no order there twice; and `gateway verify` must find nothing.
With --standby there are two gateways on one PostgreSQL: the active one is killed, stopped, paused or cut off from its database,
from the venue or from both, the server crashes, the standby dies while it takes over; and the comparison follows each round.
Exit code 0 when all of it agrees, 1 at the first difference: the directory that is named then holds all there is to see.
"""


def say(*lines: str) -> None:
    sys.stdout.write("\n  ".join(lines) + "\n")
    sys.stdout.flush()


class Soak:
    """What is asked for, and what has been done so far."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.rounds: int = arguments.rounds
        self.standby: bool = arguments.standby
        self.check_every: int = 1 if self.standby else arguments.check_every
        self.anew: int = arguments.anew_every
        self.random = Random(arguments.seed)
        self.directory: Path = arguments.dir or Path(tempfile.mkdtemp(prefix="soak-"))
        self.began = time.monotonic()
        self.number = 0
        self.sums: Counter[str] = Counter()
        self.ends: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self.first_orders: list[float] = []
        self.lost = 0

    def walk(self) -> bool:
        """Every named point once; True when everything agreed."""
        home = self.directory / "points"
        with start_venue(home / "venue", rate=0) as venue, Proxy(venue.port) as proxy:
            rounds = Rounds(home / "g", venue, proxy, self.random, extra="")
            try:
                for number, point in enumerate(self.random.sample(POINTS, len(POINTS)), 1):
                    rounds.die_at(point)
                    say(f"point {number} of {len(POINTS)}: died {point}")
                found = rounds.check()
            except (AssertionError, GatewayError) as error:
                found = [f"{type(error).__name__}: {error}"]
            finally:
                rounds.gateway.close()
            self._sum_up(rounds)
        if found:
            say(f"NOT EQUAL after {len(rounds.ends)} points: {home}", *found)
        return not found

    def run(self) -> bool:
        """True when everything agreed."""
        while self.number < self.rounds:
            home = self.directory / f"from-{self.number + 1}"
            count = min(self.anew, self.rounds - self.number)
            with self._anew(home) as rounds:
                found = self._some(rounds, count)
                rounds.close()
                self._sum_up(rounds)
            if found:
                say(f"NOT EQUAL after round {self.number}: {home}", *found)
                return False
            shutil.rmtree(home)
        return True

    @contextmanager
    def _anew(self, home: Path) -> Iterator[Rounds | PairRounds]:
        """Everybody with empty directories."""
        seed = self.random.randrange(1 << 31)
        with ExitStack() as stack:
            venue = stack.enter_context(start_venue(home / "venue", rate=20, flow=10, seed=seed))
            rounds: Rounds | PairRounds
            if self.standby:
                server = Server()
                stack.callback(server.close)
                rounds = PairRounds(home, venue, server, self.random, stack)
            else:
                rounds = Rounds(home / "g", venue, stack.enter_context(Proxy(venue.port, seed)), self.random)
            stack.callback(rounds.close)
            yield rounds

    def _some(self, rounds: Rounds | PairRounds, count: int) -> list[str]:
        for last in [False] * (count - 1) + [True]:
            self.number += 1
            try:
                told = rounds.run()
                say(f"round {self.number}: {told}")
                found = rounds.check() if last or self.number % self.check_every == 0 else []
            except (AssertionError, GatewayError) as error:
                return [f"{type(error).__name__}: {error}"]
            if found:
                return found
            if last or self.number % self.check_every == 0:
                seconds = time.monotonic() - self.began
                orders, fills = rounds.count("v_orders"), rounds.count("v_fills")
                lost = f", {rounds.losses.count} lost by the server" if isinstance(rounds, PairRounds) else ""
                say(f"  equal: {rounds.asked} orders asked for, {orders} sent{lost}, {fills} fills; {seconds:.0f} s")
        return []

    def _sum_up(self, rounds: Rounds | PairRounds) -> None:
        self.ends += rounds.ends
        self.faults += rounds.faults
        if isinstance(rounds, PairRounds):
            self.first_orders += rounds.first_orders
            self.lost += rounds.losses.count
        events, runs = rounds.numbers()
        self.sums += Counter(
            asked=rounds.asked, orders=rounds.count("v_orders"), fills=rounds.count("v_fills"), events=events, runs=runs
        )


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="soak", description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=20, help="how many [20]")
    parser.add_argument("--seed", type=int, default=SystemRandom().randrange(1 << 31), help="of everything random; printed")
    parser.add_argument("--check-every", type=int, default=5, help="rounds between two comparisons [5]")
    parser.add_argument("--anew-every", type=int, default=50, help="rounds until the next begins with empty directories [50]")
    parser.add_argument("--standby", action="store_true", help="two gateways, one of them active; compared after each round")
    parser.add_argument("--points", action="store_true", help="first die once at every named point")
    parser.add_argument("--dir", type=Path, help="a new directory for everything [a temporary one]")
    arguments = parser.parse_args()
    if arguments.dir is not None and arguments.dir.exists():
        parser.error(f"{arguments.dir} is there already: both sides begin with empty directories")
    soak = Soak(arguments)
    say(f"seed {arguments.seed}, {soak.directory}")
    equal = (not arguments.points or soak.walk()) and soak.run()
    say(f"ends: {dict(soak.ends.most_common())}", f"faults: {dict(soak.faults.most_common())}")
    if soak.first_orders:
        times = sorted(soak.first_orders)
        say(f"first order accepted after a takeover: median {median(times):.1f} s, longest {times[-1]:.1f} s, of {len(times)}")
    if soak.lost:
        say(f"orders sent in the last moments of a server that crashed under commit, and external since: {soak.lost}")
    say(f"{'equal' if equal else 'NOT EQUAL'} after {soak.number} rounds, seed {arguments.seed}: {dict(soak.sums)}")
    return 0 if equal else 1


if __name__ == "__main__":
    sys.exit(main())
