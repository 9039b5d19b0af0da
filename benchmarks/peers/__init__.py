"""What a user would take instead: the same atoms by Polars and by DuckDB."""
