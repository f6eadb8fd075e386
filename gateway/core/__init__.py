"""The deterministic core: one event in, its consequences out. No clock, no I/O, no threads, no engine, no SQL.

A reading order:

    values, events          the words: sides, states, and everything that can happen
    orders, state           what is known: three domains, every table of them under one digest
    lifecycle, apply        what an event does to the state; `apply` is the only code that changes it, and decides nothing
    turn, core              one step: apply, ask the strategy, and emit what follows as events of their own
    reactions               what follows from which event, as a table
    risk                    may it go? controls as a table, each with its code and source
    dominance, execution_control, pacing    when does it go, and in which order?
    positions, exposure, windows            the arithmetic that limits and P&L rest on
    strategy, timers        what somebody who writes a strategy sees
    invariants              what must hold after every step
    digest, snapshot, verify                the state as a number, as bytes, and decided once more from the recorded inputs
"""
