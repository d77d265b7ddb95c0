"""Traces: what entries tell an investigator, each statement with the entries behind it. Values in, values out."""
