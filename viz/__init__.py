"""Pictures of a finished or running run: reads only what `physim.record` wrote, and nothing imports it but the CLI."""
