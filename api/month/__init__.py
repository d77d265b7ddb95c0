"""`ledger month`: a month of a town's honest work, and whether anybody was refused whom the law does not refuse."""
