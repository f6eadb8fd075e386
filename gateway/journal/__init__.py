"""The durable event stream: the one truth, from which everything else can be made again.

`interface` says what a journal is, `sqlite` and `postgresql` are the two, `stores` finds the one behind a URL. `chain` links
the records, `segments` reads a stream that lies in several; `snapshots` are shorter ways to the same state. `lease`, `claim`,
`renewal` and `fence` see to it that one process at a time writes a journal in PostgreSQL. `run_number` and `durable` are the
small files beside it.
"""
