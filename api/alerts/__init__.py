"""Alerts: following a served log for them, showing them over HTTP, and the `ledger alerts` command."""
