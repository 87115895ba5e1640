"""Whatever a person holds becomes a Draft: graphs, sessions, functions, Keras models, files."""
