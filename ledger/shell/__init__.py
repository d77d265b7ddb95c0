"""The core's own shell: what works from files alone, with no database and no network. It may read, write and print."""
