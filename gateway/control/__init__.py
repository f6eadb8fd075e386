"""The control API on a Unix socket: `surface` says what can be asked; `app` and `server` serve it, `client` asks."""
