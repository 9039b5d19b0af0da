"""The repository itself: lock, documents, build."""
