"""The one place where the parts meet: from a configuration to a running gateway.

`places` says where things are, `venues` makes the sessions, `gateway` is the run, `process` is its life as a process.
"""
