"""Whole data sets: a stream of activations, and an index of what each channel looks for, here or on a Dask cluster."""
