"""What is true of unusual networks: ``python -m docs.truth`` writes docs/truth.md.

Each kind of op, of spelling or of layer that could make a picture wrong is put into a small network. Its pictures are
compared with ``tf.GradientTape`` on the plain function. Beside the difference stands what the badge says.
"""
