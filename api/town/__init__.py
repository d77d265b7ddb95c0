"""`ledger town`: a whole town written through the real core, to look at, to search and to measure."""
