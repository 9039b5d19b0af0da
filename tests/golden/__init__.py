"""One day, written by hand, and what every store must make of it."""
