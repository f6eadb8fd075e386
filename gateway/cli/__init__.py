"""The command line. `main` is the table of commands; a module a noun; `options`, `output` and `instance` are shared."""
