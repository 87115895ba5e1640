"""The explorer in a browser: waits, frames a second, and what Binder serves."""
