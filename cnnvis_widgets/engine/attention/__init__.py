"""Transformers: where their tokens attend to, in each head and through all layers."""
