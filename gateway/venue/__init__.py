"""One venue over FIX: the engine behind one protocol, and what must be certain around it.

A reading order:

    link, engine, engine_settings    what the engine hands over and is asked for; the callbacks that never raise
    adapter                 the venue on the runtime thread: messages in become events, dispatches become messages
    settle, resend, chunks, too_low, numbering    from logon to numbers both sides agree on, and what is lost for good
    outbound, send_log, gate                      the last moment before the wire
    emergency, emergency_file                     cancels when core or journal is stuck
    schedule, hours, subscription, positions      hours of a session, its market data, what it says of our positions
"""
