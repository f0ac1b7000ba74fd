"""Implementations in a process of their own: anybody's Python, or a program in any language."""
