"""Trace queries: any question about the log answered with the entries behind the answer, over HTTP and by command."""
