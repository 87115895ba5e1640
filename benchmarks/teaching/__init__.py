"""Whether pictures of the things network tell the truth, which is known there."""
