"""The product's version: one word that everybody may know."""

__version__ = "0.1.0"
