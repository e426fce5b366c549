"""A recorded act told and shown again: what was done, under which words, and whether all of it holds.

Nothing here asks the configuration of today. What a visitor saw was kept when they saw it
(``archive``), and is served to a browser that can reach nothing else.
"""
