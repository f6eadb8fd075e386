"""The configuration: `model` is the table of keys, `load` reads a file whole or names every problem in it with its line."""
