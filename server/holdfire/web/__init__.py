"""The HTTP door: bytes in, domain verbs, bytes out."""
