"""A mirror: an outsider who follows a log over HTTP, believes only what leads to a signed root, and keeps it all."""
