"""Recalls, drills and incidents: what they reach, who must answer, and how far they are; over HTTP and as commands."""
