"""Signals: what entries show to be wrong though no gate could say so, and the alerts that people settle.

Pure: entries in, alerts out, the same at every reading. Detectors see one entry after the other and a memory of small
states by key; whoever follows a log keeps that memory beside it and goes on where it stood.
"""
