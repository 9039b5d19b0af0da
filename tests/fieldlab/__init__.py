"""Tests of the command line: the product as a user meets it."""
