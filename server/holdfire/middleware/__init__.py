"""For the owner's own Python server: what holds for a visitor, enforced on what the server sends.

``asgi`` and ``wsgi`` have a ``ConsentMiddleware`` each; docs/enforcement.md says how to put it in.
Nothing here needs more than the standard library and the packages beside it that need no more.
"""
