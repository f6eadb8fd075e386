"""Incident review: what happened, what did we know, why did we do it. Reads the journal, writes nothing, decides nothing.

history     the journal from a position on, with the state as it was at every step
model       what a review consists of, as plain values: the page, the terminal and --json show the same
narrate     one recorded event as an entry of a review
collect     an order or a window of time -> a review
wire        the text of messages, from the gateway's own FIX logs
page        a review as one self-contained HTML page
what_if     the decisions other limits would have made
position    the whole state at a position
"""
