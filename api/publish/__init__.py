"""Publishing: a log as static files that outsiders can check, under checkpoints that are never taken back."""
