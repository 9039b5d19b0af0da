"""Tests of the gateways, against real servers and brokers."""
