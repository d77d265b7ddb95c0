"""`ledger import`: a station's fleet file, row by row registered or quarantined with a named reason, never guessed."""
