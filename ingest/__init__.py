"""Samples -> durable spool -> store; and reading back."""
