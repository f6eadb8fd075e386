"""The FIX language: messages to events, commands to messages, dialects and dictionaries as data.

Shared by the live venue adapter and by log replay, so it is translation and nothing else: no engine, no socket, no clock, and
no opinion about what an order should do next.
"""
