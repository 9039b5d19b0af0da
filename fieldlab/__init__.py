"""The command line: composes the rooms below, holds no logic."""
