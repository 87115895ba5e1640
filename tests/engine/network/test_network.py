"""What a network shows, and what networks with other settings share."""

from networks import frozen_graph, photo

from cnnvis_widgets import load


def test_public_members_of_a_network():
    """Whoever adds one says so here and in docs/reference; what only the engine needs belongs to the runtime."""
    network = load(frozen_graph())
    attributes = {"runtime", "feed", "heads", "preprocess"}
    properties = {"layers", "attentions", "inputs", "outputs", "image_input", "logits", "class_names"}
    methods = {"select", "layer", "describe", "coverage", "receptive_field", "feeds", "images", "value_range"}
    methods |= {"fingerprint", "nonfinite_weights", "head", "before_saturation", "to_bytes", "from_bytes", "close"}
    assert {name for name in dir(network) if not name.startswith("_")} == attributes | properties | methods


def test_settings_share_what_is_compiled_but_another_input_does_not():
    network = load(frozen_graph(), photo(), class_names=["a", "b", "c", "d"])
    assert load(network) is network
    other = load(network, photo(3), class_names={1: "e"})
    assert other.runtime is network.runtime
    assert (network.class_names, other.class_names) == (("a", "b", "c", "d"), ("class 0", "e", "class 2", "class 3"))
    inside = load(network, image_input=network.layers[0].tensor)
    assert inside.runtime is not network.runtime
    assert inside.runtime.image_tensor == network.layers[0].tensor
