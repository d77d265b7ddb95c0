"""Who may ask: HTTP for devices, and the `ledger` command."""
