"""A slow, plain reading of the model, sharing no code with the product: what its figures are held to.

Exact fractions, sorted lists and loops. Where `MODEL` and `docs/reference/rules.md` leave a choice, the
choice taken is said in a comment that begins with "Reading:".
"""
