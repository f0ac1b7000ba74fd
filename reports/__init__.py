"""Reports: one model, written as JSON Lines, shown as Markdown or in a terminal."""
