"""A witness (C2SP tlog-witness): an outsider who cosigns a log's checkpoints as long as the log only appends."""
