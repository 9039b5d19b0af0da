"""Machines with a known truth, behind real protocol servers; and recordings played through the same.

Nothing that runs in a plant imports this package. Its truth is worked out here, by code of its own: it is
what the figures of the product are held to.
"""
