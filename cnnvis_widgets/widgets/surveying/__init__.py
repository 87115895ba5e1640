"""A survey of many images that runs beside the views, and answers while it runs."""
