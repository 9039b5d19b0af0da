"""Configurations that run as they are."""
