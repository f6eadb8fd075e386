"""FIX logs of any layout: files of engines, captures, mails of a broker. Everything about a log is detected, nothing assumed.

    sources     bytes of files, compressed or not, of standard input, of growing files
    layout      what stands for SOH, and other marks that say how a log is written
    framing     bytes to messages: a tight loop for regular ones, `irregular` for all others
    prefix      what stands before a message on its line: time and direction
    header      the few fields every message has, without parsing the rest
    reader      a log as a stream of batches or of messages, several logs merged by time
    names       what tags, values and groups are called in the message's version
    expression  the language of `gateway log grep`
    statistics, sessions, orders, latency   what can be said about a log as it streams by

It knows no engine, no venue and no configuration, and never holds more than a few blocks of a log.
"""
