"""A FIX venue to trade against: matching, market data and faults behind a real FIX.4.4 acceptor.

It exists so that the gateway is tested against a counterparty that does not share its opinions: nothing here imports the
gateway's core, records or venue code, and the venue keeps books of its own (`gateway.sim.ledger`).
"""
