"""Every document is walked: its files written, its commands run, top to bottom, in a world of its own."""
