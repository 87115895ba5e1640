"""How one number comes about, drawn step by step."""
