"""A GraphDef as data: walked, cleaned, frozen, and read for layers."""
