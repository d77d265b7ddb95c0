"""What is true: the pure core of the cylinder ledger, and its one door to PostgreSQL (`ledger.store`)."""
