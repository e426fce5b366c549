"""Holdfire: consent and tracking preferences, asked once, proved later, answered fast."""
