"""Servers that speak as InfluxDB 2 and 3 do, before a real InfluxDB 1.6.7 that stores and answers.

What those versions say by themselves (tokens, rights, buckets, limits, how they refuse lines) comes from
here, and every such answer names the lines of the server's source that it stands for; data, types, retention
and InfluxQL are those of the real server behind.
"""
