"""Pictures of a run: reads only what `physim.record` wrote, and nothing imports it but the command line."""
