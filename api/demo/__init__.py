"""`ledger demo`: a believable city, a shift through the real agent, and every planted violation found."""
