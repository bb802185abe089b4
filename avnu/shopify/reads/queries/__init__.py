"""The queries of whole reads (API version 2026-07), one module per kind, and their answers.

What a query asks for is what the versions of ``avnu/store/market/versions.py`` hold, and no more:
each object costs a point. ``each`` of a nodes query counts as Shopify documents it: an object 1, a
connection its size times a node; so a batch of ``most`` ids stays within a query's 1,000 points.
"""
