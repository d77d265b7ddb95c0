"""`ledger bench`: how fast the ledger is, as ratios within one run."""
