"""The journal as SQL: tables, stable views, and the writer that keeps them its projection, exactly once and in order.

From an event to a row: `fold`, `rows` and `decisions` (pure), `sink` (one transaction with its checkpoint), `writer` (the
thread that follows the journal). A gateway has the writer in a process of its own: `process` is its side of that, `child` the
other one, `status` what they say to each other. `tables`, `types`, `views` and `schema` are the shape; `rebuild` and `verify`
make it again and compare; `queries` is what the command line reads.
"""
