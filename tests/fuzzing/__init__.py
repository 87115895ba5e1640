"""Damaged and hostile inputs for every reader, made from whole ones by rules that know their structure.

``python -m tests.fuzzing`` reads thousands of them in processes with limits and writes docs/fuzzing.md.
"""
