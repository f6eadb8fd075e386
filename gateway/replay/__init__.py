"""A FIX log through the live decoder and the live core, and what comes out held against what others say.

    dialects   which dialect reads a log of a given version
    requests   D, F and G of a log as the commands they were
    reading    the log as what it says: requests read, reports decoded; needs no state
    ahead      the same by a process of its own, while the core takes in what it has read
    engine     what was said as events: requests are folded, reports are applied as they are live
    ledger     orders, executions and positions in the one shape that is compared, from a replay
    recorded   the same from the records
    compare    every difference between two ledgers, by name

Nothing is decided for anybody and nothing is sent: of the core, what it learns from a venue is used, never what it would do.
"""
