"""The sentry: watches what signers' bundles say of each other and of the log, and raises the alarm as the log."""
