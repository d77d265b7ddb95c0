"""The rules of the trade: one file per gate family, each rule a small versioned function with its metadata."""
