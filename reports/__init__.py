"""Reports: one model, written as JSON Lines; its writers, and what compares and merges them."""
