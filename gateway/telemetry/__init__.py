"""What the gateway shows of itself while it runs: metrics, health, logs. Nothing here is on the path of an order."""
