"""Built-in scenarios: commented TOML files that `physim init NAME` copies and `physim run NAME` runs as they are."""
