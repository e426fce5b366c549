"""How long what is kept is kept, and what lets go of it.

``terms`` is the table: every kind of data, where it is, how long, and why. ``rounds`` finds what
has reached its end, and erases it. ``keeper`` makes the rounds by itself, and carries out what an
operator asks of a running service through ``spool``.
"""
