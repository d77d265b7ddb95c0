"""Evidence: a part of a published log as one file that anyone can check, by command and over HTTP."""
