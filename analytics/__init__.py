"""Arrays to KPIs: pure numpy; only `job` and `query` know that there is a store."""
