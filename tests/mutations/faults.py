"""Deliberate faults in the package, for ``run_faults.py``: each names the tests that are to notice it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    """One wrong line.

    Attributes:
        title: what goes wrong, in words.
        file: where, within ``cnnvis_widgets``.
        right, wrong: the text there, which stands in that file once, and what takes its place.
        tests: the test file that should notice, with pytest's -k behind a space where a part of it does.
    """

    title: str
    file: str
    right: str
    wrong: str
    tests: str


RULES = "engine/backward/test_rules_properties.py not random_networks"
ORACLES = "engine/ops/test_oracles.py"
PATCHES = "engine/reconstruction/test_patches.py"
REQUESTS = "engine/reconstruction/test_reconstruct.py in_place"
CUSTOM = "engine/graph/test_custom_gradients.py"
INSIDE = "engine/backward/test_loops_and_branches.py"
DREAM = "engine/dreaming/test_dream.py"
WAY_IN = "engine/dreaming/test_way_in.py"
LAPLACIAN = "engine/dreaming/test_laplacian.py"
PIXELS = "engine/dreaming/test_pixel_ascent.py"
CAMS = "engine/attribution/test_cams.py"
PERTURBATION = "engine/attribution/test_perturbation.py"
INTEGRATED = "engine/attribution/test_integrated_gradients.py"
ATTRIBUTION = "engine/attribution/test_attribution.py"
SPECTRA = "engine/dreaming/test_parameterizations.py"
PREDICTIONS = "engine/attribution/test_predictions.py"
PNG_FILES = "outputs/test_png_files.py"
IMAGING = "imaging/test_imaging.py"
READING = "imaging/test_reading.py"

FAULTS = (
    # ---- first looks
    Fault(
        "two results share their memory",
        "engine/runtime/tracing.py",
        " or view.ctypes.data in taken:",
        ":",
        "engine/runtime/test_op_by_op.py outlive",
    ),
    # ---- tokens and attention
    Fault(
        "rollout forgets the residual connections",
        "engine/attention/flow.py",
        "whole = (tokens.mean_over_heads(flat) @ whole + whole) / 2",
        "whole = tokens.mean_over_heads(flat) @ whole",
        "engine/attention/test_attention.py rollout",
    ),
    Fault(
        "relevance multiplies attentions in the wrong order",
        "engine/attention/flow.py",
        "whole = whole + tokens.mean_over_heads(flat) @ whole",
        "whole = whole + whole @ tokens.mean_over_heads(flat)",
        "engine/attention/test_attention.py rollout",
    ),
    Fault(
        "relevance keeps what speaks against the class",
        "engine/attention/flow.py",
        "tf.nn.relu(slope * each)",
        "(slope * each)",
        "engine/attention/test_attention.py rollout",
    ),
    Fault(
        "queries and keys are exchanged",
        "engine/tokens/tracing.py",
        "(first, second) if sizes[1] >= sizes[0] else (second, first)",
        "(first, second) if sizes[1] < sizes[0] else (second, first)",
        "engine/attention/test_attention.py each_head",
    ),
    Fault(
        "rolled windows stay where they are",
        "engine/tokens/place_rules.py",
        "np.broadcast_to(np.roll(thin, shifts, axes), places.shape)",
        "places",
        "engine/attention/test_attention.py windows",
    ),
    Fault(
        "tokens behind a class token begin one place too early",
        "engine/tokens/grids.py",
        'builder.part("placed", tokens, start, end)',
        'builder.part("placed", tokens, start - 1, end - 1)',
        "engine/tokens/test_layers.py leave",
    ),
    Fault(
        "rows of pixels count as images",
        "engine/graph/image_axis.py",
        "not in ((2, 3), (None, None))",
        "in ()",
        "engine/graph/test_products.py rows_of_pixels",
    ),
    Fault(
        "the means of normalisations are pools",
        "engine/graph/layers.py",
        "inner_nodes(facts.composites) | inside_normalizations(facts.normalizations.values())",
        "inner_nodes(facts.composites)",
        "engine/graph/test_normalizations.py",
    ),
    # ---- rules
    Fault(
        "guided without the mask of what entered",
        "engine/backward/rules.py",
        "tf.nn.relu(signal) * tf.cast(entered > 0, signal.dtype)",
        "tf.nn.relu(signal)",
        RULES,
    ),
    Fault(
        "guided passes where exactly 0 entered",
        "engine/backward/rules.py",
        "tf.cast(entered > 0, signal.dtype)",
        "tf.cast(entered >= 0, signal.dtype)",
        "engine/backward/test_rules_properties.py random_networks_of_quarters",
    ),
    Fault(
        "the next unit is offered whether or not it has a picture",
        "engine/reconstruction/reconstruct.py",
        "                if picture.any()\n",
        "",
        "engine/reconstruction/test_silence.py",
    ),
    Fault(
        "a custom gradient is dropped with its IdentityN",
        "engine/graph/inlining.py",
        'if node.op == "IdentityN" and GRADIENT not in node.attr:',
        'if node.op == "IdentityN":',
        CUSTOM + " author",
    ),
    Fault(
        "signals start before the custom gradient of their layer",
        "engine/graph/layers.py",
        "            tensor = wrapped.get(tensor, tensor)\n",
        "",
        CUSTOM + " wrapped",
    ),
    Fault(
        "a lost custom gradient counts as covered",
        "engine/backward/coverage.py",
        '    if LOST in node.attr:\n        return _CUSTOM, "lost"\n',
        "",
        CUSTOM + " lost",
    ),
    Fault(
        "rules do not reach the ops inside loops and branches",
        "engine/runtime/subgraphs.py",
        "    rules.apply_rule(nodes, rule, function.composites)\n",
        "",
        INSIDE,
    ),
    Fault(
        "what depends on the image only after a round of a loop is constant",
        "engine/backward/signal_path.py",
        "    while places != before:\n",
        "    while False:\n",
        INSIDE,
    ),
    Fault(
        "deconvnet gates by what entered instead of by the signal",
        "engine/backward/rules.py",
        "_: tf.Tensor) -> tf.Tensor:\n    return tf.nn.relu(signal)\n",
        "_: tf.Tensor) -> tf.Tensor:\n    return signal * tf.cast(_ > 0, signal.dtype)\n",
        RULES,
    ),
    Fault(
        "guided clips ReLU6 above, too",
        "engine/backward/rules.py",
        "tf.cast(entered > 0, signal.dtype)",
        "tf.cast((entered > 0) & (entered < 6), signal.dtype)",
        "engine/graph/test_composite_activations.py",
    ),
    Fault(
        "leaky ReLUs obey no rule",
        "engine/backward/rules.py",
        '_RECTIFIED_OPS = {"Relu", "Relu6", "LeakyRelu"}',
        '_RECTIFIED_OPS = {"Relu", "Relu6"}',
        "engine/graph/test_composite_activations.py",
    ),
    Fault(
        "a PReLU's unit is bypassed",
        "engine/backward/rules.py",
        "    rewire(nodes, outputs)\n",
        "",
        "engine/graph/test_composite_activations.py",
    ),
    Fault(
        "LRN is the identity under guided, too",
        "engine/backward/rules.py",
        'node.op == "LRN" and lrn_is_identity(rule)',
        'node.op == "LRN"',
        ORACLES + " normalization",
    ),
    Fault(
        "a constant near 0 counts as 0, so that a floor under a norm is a ReLU",
        "engine/graph/composite_activations.py",
        "return bool((values == number).all())",
        "return bool(np.isclose(values, number, atol=1e-3).all())",
        "engine/graph/test_composite_activations.py looks",
    ),
    Fault(
        "the larger of x and c x is a leaky ReLU for any c",
        "engine/graph/composite_activations.py",
        '("Maximum", "x", ("Mul", "slope", "x"))',
        '("Maximum", "x", ("Mul", "c", "x"))',
        "engine/graph/test_composite_activations.py looks",
    ),
    Fault(
        "a clip from -1 to 1 is a ReLU with a ceiling",
        "engine/graph/composite_activations.py",
        '("Maximum", ("Minimum", entered, ceiling), 0.0)',
        '("Maximum", ("Minimum", entered, ceiling), "c")',
        "engine/graph/test_composite_activations.py looks",
    ),
    Fault(
        "a hard swish from x / 6 is a product with a ReLU6",
        "engine/graph/composite_activations.py",
        '        ("Mul", "x/6", "gate"),\n',
        "",
        "engine/graph/test_composite_activations.py spelling",
    ),
    Fault(
        "a ReLU with another ceiling than 6 obeys no rule",
        "engine/backward/rules.py",
        '"relu6", "clipped_relu", "prelu"',
        '"relu6", "prelu"',
        "engine/graph/test_composite_activations.py spelling",
    ),
    Fault(
        "the ReLU inside a CELU obeys the rule by itself",
        "engine/graph/composite_activations.py",
        '        (_ADD, "relu(x)", ("Mul", "c", "bend")),\n',
        "",
        "engine/graph/test_composite_activations.py spelling",
    ),
    Fault(
        "a thresholded ReLU obeys the rule of ReLUs",
        "engine/backward/rules.py",
        '_RECTIFIED_COMPOSITES = {"relu", ',
        '_RECTIFIED_COMPOSITES = {"thresholded_relu", "relu", ',
        "engine/graph/test_composite_activations.py spelling",
    ),
    Fault(
        "squareplus is named by its ops",
        "engine/graph/composite_activations.py",
        '("Sqrt", (_ADD, "c", ("Square", "x"))), ',
        "",
        "engine/backward/test_coverage.py several_ops",
    ),
    Fault(
        "a maxout of two layers is unruled",
        "engine/backward/coverage.py",
        'node.op == "Maximum" and len(varying) == 2',
        'node.op == "Maximum" and len(varying) == 3',
        "engine/backward/test_coverage.py maxout",
    ),
    Fault(
        "'auto' is the deconvnet without max-pools",
        "engine/backward/coverage.py",
        "    if pools:\n",
        "    if not pools:\n",
        "engine/backward/test_coverage.py auto",
    ),
    # ---- empty pictures
    Fault(
        "of units at the ceiling the first one is the strongest",
        "engine/reconstruction/silence.py",
        "np.where(strongest, entered, -np.inf)",
        "np.where(strongest, 0, -np.inf)",
        "engine/reconstruction/test_silence.py ceiling",
    ),
    Fault(
        "a unit below the ceiling is said to be saturated",
        "engine/reconstruction/silence.py",
        "return self.values >= 6",
        "return self.values >= 0",
        "engine/reconstruction/test_silence.py below_the_ceiling",
    ),
    Fault(
        "a unit is judged by inputs that it does not see",
        "engine/reconstruction/silence.py",
        "if self.field is None or any(place < 0 for place in unit):",
        "if self.field is not None or any(place < 0 for place in unit):",
        "engine/reconstruction/test_silence.py window",
    ),
    Fault(
        "a depthwise unit is judged by the inputs of other channels",
        "engine/reconstruction/silence.py",
        "self.maps[..., channel : channel + 1] if self.channelwise else self.maps",
        "self.maps",
        "engine/reconstruction/test_silence.py bias",
    ),
    # ---- backward steps
    Fault(
        "LRN is the identity under the gradient",
        "engine/ops/elementwise.py",
        "return signal.with_values(signal.values * direct - outward * nearby)",
        "return signal",
        ORACLES + " normalization",
    ),
    Fault(
        "a ReLU's own gradient is 1 everywhere",
        "engine/ops/elementwise.py",
        "slope = tf.cast(true_gradient(op, tf.ones_like(op.outputs[0])), signal.values.dtype)",
        "slope = tf.ones_like(op.outputs[0], signal.values.dtype)",
        RULES,
    ),
    Fault(
        "batch norm without its scale",
        "engine/ops/elementwise.py",
        "factor = op.inputs[1] * tf.math.rsqrt(",
        "factor = tf.math.rsqrt(",
        ORACLES + " batch_normalization",
    ),
    Fault(
        "parts of a concatenation in the wrong order",
        "engine/ops/arrangement.py",
        "tf.split(signal.values, sizes, signal.axis(axis))",
        "tf.split(signal.values, sizes, signal.axis(axis))[::-1]",
        PATCHES + " inception",
    ),
    Fault(
        "padding is cut off at the wrong end",
        "engine/ops/arrangement.py",
        "for (before, _), length in zip(margins[1:]",
        "for (_, before), length in zip(margins[1:]",
        "engine/reconstruction/test_strategies.py padded",
    ),
    Fault(
        "a mean sends the whole signal to each place",
        "engine/ops/arrangement.py",
        "share = true_gradient(op, tf.ones_like(op.outputs[0]))",
        "share = tf.ones_like(op.inputs[0])",
        ORACLES + " global_average",
    ),
    Fault(
        "equal values of a maximum share the signal",
        "engine/ops/arrangement.py",
        "first = tf.one_hot(tf.argmax(flat, -1), count, dtype=values.dtype)",
        "first = tf.cast(tf.equal(flat, tf.reduce_max(flat, -1, keepdims=True)), values.dtype)",
        ORACLES + " global_max",
    ),
    Fault(
        "the kernel of a convolution is not turned",
        "engine/ops/convolutions.py",
        "tf.transpose(tf.reverse(kernel, [0, 1]), [0, 1, 3, 2])",
        "tf.transpose(kernel, [0, 1, 3, 2])",
        "engine/reconstruction/test_strategies.py one_channel",
    ),
    Fault(
        "a strided convolution's answer begins one pixel early",
        "engine/ops/convolutions.py",
        "return fitted(tf.nn.depth_to_space(phases, stride), [axis.before for axis in axes], lengths)",
        "return fitted(tf.nn.depth_to_space(phases, stride), [max(axis.before - 1, 0) for axis in axes], lengths)",
        ORACLES + " test_convolution",
    ),
    Fault(
        "groups of a convolution in the wrong order",
        "engine/ops/convolutions.py",
        "zip(tf.split(signal.values, parts, -1), tf.split(kernel, parts, -1)",
        "zip(tf.split(signal.values, parts, -1)[::-1], tf.split(kernel, parts, -1)",
        ORACLES + " grouped_convolution",
    ),
    Fault(
        "a max pool sends to its first cell",
        "engine/ops/pools.py",
        "_max_pool_gradient(op, op.inputs[0], op.outputs[0], tf.ones_like(op.outputs[0]))",
        "_max_pool_gradient(op, 0 * op.inputs[0], 0 * op.outputs[0], tf.ones_like(op.outputs[0]))",
        ORACLES + " test_pool",
    ),
    Fault(
        "an average over the border counts the padding, in patches",
        "engine/ops/pools.py",
        "return np.minimum(begins + axis.kernel, length) - np.maximum(begins, 0)",
        "return np.full(len(begins), axis.kernel)",
        PATCHES + " average",
    ),
    Fault(
        "behind the border a max pool sees zeros, in patches",
        "engine/ops/pools.py",
        "outside=op.inputs[0].dtype.min",
        "outside=0",
        PATCHES + " pools",
    ),
    Fault(
        "rows of a patch are counted along its columns where channels come first",
        "engine/ops/signals.py",
        "_CHANNELS_LAST = (0, 2, 3, 1)",
        "_CHANNELS_LAST = (0, 3, 2, 1)",
        PATCHES + " channels_first",
    ),
    Fault(
        "SAME pads the other side by one",
        "engine/ops/windows.py",
        "before, after = missing // 2, missing - missing // 2",
        "before, after = missing - missing // 2, missing // 2",
        ORACLES + " test_convolution",
    ),
    Fault(
        "height and width change places in networks with channels first",
        "engine/graph/channels_last.py",
        "last, first = [0, *range(2, rank), 1], [0, rank - 1, *range(1, rank - 1)]",
        "last, first = [0, *range(rank - 1, 1, -1), 1], [0, rank - 1, *range(1, rank - 1)]",
        ORACLES + " test_pool",
    ),
    Fault(
        "the exponent of a power gets no signal",
        "engine/ops/elementwise.py",
        "op.outputs[0] * logarithm))",
        "0.0))",
        "engine/ops/test_specs.py pullback and Pow",
    ),
    Fault(
        "in the gradient graph, what is subtracted gets its signal with the wrong sign",
        "engine/ops/gradient_nodes.py",
        'sent = writer.add("Neg", signal, T=node.attr["T"]) if place == 1 else signal',
        "sent = signal",
        "engine/backward/test_gradient_graph.py",
    ),
    # ---- what is known of ops
    Fault(
        "a product of two signals counts as linear",
        "engine/ops/specs.py",
        "SINGLE: len(varying) == 1,",
        "SINGLE: True,",
        "engine/backward/test_coverage.py product",
    ),
    Fault(
        "a square is listed as linear",
        "engine/ops/specs.py",
        '"Square": _function("square"),',
        '"Square": OpSpec("square", JOINT, _one(elementwise.by_slope), pointwise=True),',
        "engine/ops/test_specs.py Square",
    ),
    Fault(
        "an op that the engine does not know counts as exact",
        "engine/backward/coverage.py",
        '"unknown" if spec is None else "unruled"',
        '"exact" if spec is None else "unruled"',
        "engine/backward/test_coverage.py without_a_row",
    ),
    Fault(
        "ops of a shape alone count as ops on the way of signals",
        "engine/backward/signal_path.py",
        "if node.name in entries or not entered or linearity is SHAPE:",
        "if node.name in entries or not entered:",
        "engine/backward/test_coverage.py linear_ops_are_not_named",
    ),
    # ---- seeds and patches
    Fault(
        "a unit is seeded with 1 instead of its activation, in patches",
        "engine/reconstruction/strategies.py",
        "strengths = tf.gather_nd(target[0], places)",
        "strengths = tf.ones_like(tf.gather_nd(target[0], places))",
        PATCHES + " whole_image_has",
    ),
    Fault(
        "a map is seeded with ones",
        "engine/reconstruction/seeds.py",
        '(values if kind == "map" else',
        '(values if kind == "maps" else',
        "engine/reconstruction/test_seeds.py",
    ),
    Fault(
        "the one channel of a seed meets the kernel of another",
        "engine/ops/convolutions.py",
        "own = tf.gather(tf.cast(turned, signal.values.dtype), signal.channels)",
        "own = tf.gather(tf.cast(turned, signal.values.dtype), 0 * signal.channels)",
        "engine/reconstruction/test_strategies.py one_channel",
    ),
    Fault(
        "a seed's channel comes back to every part of a concatenation",
        "engine/ops/arrangement.py",
        "inside = tf.cast((channels >= 0) & (channels < part.shape[-1]), signal.values.dtype)",
        "inside = tf.ones_like(channels, signal.values.dtype)",
        "engine/reconstruction/test_strategies.py one_channel",
    ),
    Fault(
        "patches lie one pixel beside their place",
        "engine/ops/signals.py",
        "field.stride[axis] + field.start[axis] + tf.range",
        "field.stride[axis] + field.start[axis] + 1 + tf.range",
        PATCHES + " whole_image_has",
    ),
    Fault(
        "what falls into the padding comes back",
        "engine/ops/signals.py",
        "padded = any(axis.before or axis.after for axis in axes)",
        "padded = False",
        PATCHES + " whole_image_has",
    ),
    Fault(
        "the weakest unit of a map is called the strongest",
        "engine/reconstruction/seeds.py",
        "values.reshape(-1, channels).argmax(axis=0)",
        "values.reshape(-1, channels).argmin(axis=0)",
        ORACLES + " strongest",
    ),
    Fault(
        "an array changed in place counts as the same feed",
        "engine/runtime/caches.py",
        "        hashed.update(np.ascontiguousarray(array).tobytes())\n",
        "",
        REQUESTS,
    ),
    # ---- attribution
    Fault(
        "Grad-CAM without its ReLU",
        "engine/attribution/cam_weightings.py",
        "    weights = gradients.mean(axis=_places(maps), keepdims=True)\n"
        "    return np.maximum((weights * maps).sum(axis=-1), 0)",
        "    weights = gradients.mean(axis=_places(maps), keepdims=True)\n    return (weights * maps).sum(axis=-1)",
        ATTRIBUTION + " grad_cam or line",
    ),
    Fault(
        "Grad-CAM++ counts each map, not its sum",
        "engine/attribution/cam_weightings.py",
        "positive * maps.sum(axis=places, keepdims=True)",
        "positive * maps",
        CAMS,
    ),
    Fault(
        "HiResCAM keeps what is positive only",
        "engine/attribution/cam_weightings.py",
        "    return (gradients * maps).sum(axis=-1)",
        "    return np.maximum((gradients * maps).sum(axis=-1), 0)",
        CAMS,
    ),
    Fault(
        "LayerCAM counts negative gradients, too",
        "engine/attribution/cam_weightings.py",
        "(np.maximum(gradients, 0) * maps)",
        "(gradients * maps)",
        CAMS,
    ),
    Fault(
        "Score-CAM weighs maps by their scores, without the softmax",
        "engine/attribution/score_cam.py",
        "np.exp(logits - np.where(np.isfinite(largest), largest, 0))",
        "np.where(np.isfinite(logits), logits, 0)",
        CAMS,
    ),
    Fault(
        "Score-CAM takes a map that is the same everywhere for a mask",
        "engine/attribution/score_cam.py",
        "return masks[..., np.newaxis], (high > low).ravel()",
        "return masks[..., np.newaxis], (high >= low).ravel()",
        CAMS,
    ),
    Fault(
        "deletion removes the least important pixels first",
        "engine/attribution/perturbation.py",
        "np.argsort(-self.importance[image, target], kind",
        "np.argsort(self.importance[image, target], kind",
        PERTURBATION,
    ),
    Fault(
        "insertion begins with the photo",
        "engine/attribution/perturbation.py",
        'if kind == "deletion" else (missing, images)',
        "",
        PERTURBATION,
    ),
    Fault(
        "the area of a curve counts left ends only",
        "results/attribution.py",
        "means = (self.values[..., 1:] + self.values[..., :-1]) / 2",
        "means = self.values[..., :-1]",
        PERTURBATION,
    ),
    Fault(
        "a drop counts rising probabilities, too",
        "results/attribution.py",
        "lost = np.maximum(self.before - self.after, 0)",
        "lost = self.before - self.after",
        PERTURBATION,
    ),
    Fault(
        "the rival on a wall is the class itself",
        "engine/attribution/method_wall.py",
        "channel=int(number)) for number in self.classes if number >= 0]",
        "channel=int(self.classes[0])) for number in self.classes if number >= 0]",
        "engine/attribution/test_method_wall.py",
    ),
    Fault(
        "gradient x input is the gradient alone",
        "engine/attribution/gradient_times_input.py",
        "products = images * class_scores",
        "products = class_scores",
        CAMS,
    ),
    Fault(
        "integrated gradients at the ends of the steps, not in their middle",
        "engine/attribution/integrated_gradients.py",
        "self.gradients((chunk + 0.5) / count)",
        "self.gradients(chunk / count)",
        ATTRIBUTION + " integrated",
    ),
    Fault(
        "integrated gradients stay as they are where the sum misses",
        "engine/attribution/integrated_gradients.py",
        "while _missed(intervals) > allowed and",
        "while _missed(intervals) > 1e9 and",
        INTEGRATED,
    ),
    Fault(
        "a halved interval keeps its old share",
        "engine/attribution/integrated_gradients.py",
        "for part in (-1, 0.5, 0.5)]",
        "for part in (0, 0.5, 0.5)]",
        INTEGRATED,
    ),
    Fault(
        "SmoothGrad's noise does not know the range of the image",
        "engine/attribution/smooth_grad.py",
        "np.float32(noise * np.ptp(picture))",
        "np.float32(noise)",
        ATTRIBUTION + " noise",
    ),
    Fault(
        "occlusion leaves out the last place of each row",
        "engine/attribution/occlusion.py",
        "return np.array([*range(0, length - side, stride), length - side])",
        "return np.array([*range(0, length - side, stride)])",
        ATTRIBUTION + " occlusion",
    ),
    # ---- dreams
    Fault(
        "a Laplacian pyramid is merged without its rest",
        "engine/dreaming/laplacian.py",
        "    image = pyramid[-1]\n",
        "    image = tf.zeros_like(pyramid[-1])\n",
        LAPLACIAN,
    ),
    Fault(
        "levels of the pyramid enlarged without the factor 4",
        "engine/dreaming/laplacian.py",
        "tf.tile(4 * _BINOMIAL[",
        "tf.tile(_BINOMIAL[",
        LAPLACIAN,
    ),
    Fault(
        "one strength for the gradients of all pictures of a batch",
        "engine/dreaming/laplacian.py",
        "axes = list(range(1, values.shape.rank))",
        "axes = list(range(values.shape.rank))",
        DREAM + " batch",
    ),
    Fault(
        "frequencies all of one scale",
        "engine/dreaming/parameterizations.py",
        "scale, usual = frequency**-decay, frequency**-1.0",
        "scale, usual = frequency**0.0, frequency**-1.0",
        SPECTRA,
    ),
    Fault(
        "the matrix of colours is transposed",
        "engine/dreaming/parameterizations.py",
        '"nkhw,ck->nhwc"',
        '"nkhw,kc->nhwc"',
        SPECTRA,
    ),
    Fault(
        "tiles leave out a strip",
        "engine/dreaming/pixel_ascent.py",
        "count = -(-whole // side)",
        "count = whole // side",
        PIXELS + " tiles_cover",
    ),
    Fault(
        "the picture is not rolled back",
        "engine/dreaming/pixel_ascent.py",
        "tf.roll(gradient, -shift, axes)",
        "gradient",
        PIXELS + " whole_gradient",
    ),
    Fault(
        "the gradient is climbed down",
        "engine/dreaming/pixel_ascent.py",
        "images + inputs.step * inputs.mask * gradient, inputs.low",
        "images - inputs.step * inputs.mask * gradient, inputs.low",
        PIXELS + " follows_the_gradient",
    ),
    Fault(
        "jitter shifts by half of what it says",
        "engine/dreaming/transforms.py",
        "x, y = random.integers(-pixels, pixels + 1, 2)",
        "x, y = random.integers(-pixels, pixels + 1, 2) // 2",
        "engine/dreaming/test_transforms.py",
    ),
    Fault(
        "a redirected gradient lets signals into ReLUs that should fall",
        "engine/backward/rules.py",
        "leads_in = tf.where(entered > 0, signal < 0, signal > 0)",
        "leads_in = tf.where(entered > 0, signal < 0, signal != 0)",
        WAY_IN + " cannot_rise",
    ),
    Fault(
        "all pictures of a batch move along the redirected gradient",
        "engine/dreaming/way_in.py",
        "return Moved(ascent.with_redirected(moved, redirected, entered), scores,",
        "return Moved(redirected, scores,",
        WAY_IN,
    ),
    Fault(
        "noise does not grow louder",
        "engine/dreaming/way_in.py",
        "factors[quiet] = factor",
        "factors[quiet] = 1",
        WAY_IN + " louder",
    ),
    # ---- graphs of gradients, folding, subgraphs
    Fault(
        "every part of a concatenation is sent the signal of the first",
        "engine/ops/gradient_nodes.py",
        'begin = writer.add("ConcatOffset", axis, *shapes, N=len(parts)).replace(":0", f":{place}")',
        'begin = writer.add("ConcatOffset", axis, *shapes, N=len(parts))',
        "engine/backward/test_gradient_graph.py",
    ),
    Fault(
        "random numbers are drawn once and kept as constants",
        "engine/runtime/op_by_op.py",
        "not definition.is_stateful and ",
        "",
        "engine/runtime/test_constant_folding.py",
    ),
    Fault(
        "a value fed in place of a weight does not reach what is folded from the weight",
        "engine/runtime/constant_folding.py",
        "if all(node_of(tensor) in self._structure.varying for tensor in inputs):",
        "if True:",
        "engine/runtime/test_constant_folding.py",
    ),
    Fault(
        "a convolution that another op reads, too, takes in a scale",
        "engine/runtime/batch_norm_folding.py",
        "or self._uses[tensor] != 1 or",
        "or",
        "engine/runtime/test_batch_norm_folding.py",
    ),
    Fault(
        "the bias before a scale is not scaled",
        "engine/runtime/batch_norm_folding.py",
        "self._replace(addition, bias, factor, [-1])",
        'self._replace(addition, bias, "", [-1])',
        "engine/runtime/test_batch_norm_folding.py",
    ),
    Fault(
        "a placeholder may stay without a value",
        "engine/runtime/subgraphs.py",
        "    _require_fed(structure, needed, inputs)\n",
        "",
        "engine/network/test_feeds.py",
    ),
    Fault(
        "nodes before a fed layer are computed, too",
        "engine/runtime/subgraphs.py",
        "stop=sources)",
        "stop=())",
        PREDICTIONS,
    ),
    # ---- predictions, interventions, sanity checks
    Fault(
        "the evidence of a channel is its activation alone",
        "engine/attribution/predictions.py",
        "(values * gradients).sum(",
        "values.sum(",
        PREDICTIONS,
    ),
    Fault(
        "a factor for a region scales the whole map",
        "engine/attribution/intervention.py",
        "factors[top : top + height, left : left + width] = by_channel",
        "factors[:] = by_channel",
        PREDICTIONS,
    ),
    Fault(
        "factors of a dict are all 1",
        "engine/attribution/intervention.py",
        "        factors[list(scales)] = list(scales.values())\n",
        "",
        PREDICTIONS,
    ),
    Fault(
        "a sanity check leaves the weights as they are",
        "engine/attribution/sanity_checks.py",
        "order = tf.argsort(tf.random.stateless_uniform(tf.shape(flat), [seed, 0]))",
        "order = tf.range(tf.size(flat)) + 0 * seed",
        "engine/attribution/test_sanity_checks.py",
    ),
    Fault(
        "the rival of a named class is that class",
        "engine/attribution/sanity_checks.py",
        "rivals = np.where(order[:, 0] == number, order[:, 1], order[:, 0])",
        "rivals = order[:, 0]",
        "engine/attribution/test_sanity_checks.py",
    ),
    # ---- outputs
    Fault(
        "two layers write into one folder",
        "outputs/file_names.py",
        "shared = any(_plain(other.name) == plain and other.name != layer.name for other in layers)",
        "shared = False",
        PNG_FILES,
    ),
    Fault(
        "each image overwrites the files of the one before",
        "outputs/file_names.py",
        'image = "" if picture.image is None else f"_{picture.image}"',
        'image = ""',
        PNG_FILES,
    ),
    Fault(
        "checksums of an event file are not rotated",
        "outputs/tensorboard.py",
        "((crc >> 15) | (crc << 17)) + 0xA282EAD8",
        "crc + 0xA282EAD8",
        "outputs/test_tensorboard.py",
    ),
    Fault(
        "a later result takes the step of an earlier one",
        "outputs/tensorboard.py",
        "        self._steps[name] += 1\n",
        "",
        "outputs/test_tensorboard.py",
    ),
    Fault(
        "a page without room keeps the oldest results",
        "outputs/html.py",
        "newest = list(by_key.values())[::-1]",
        "newest = list(by_key.values())",
        "outputs/test_html.py",
    ),
    Fault(
        "negative values of a page's maps are cut off",
        "outputs/html.py",
        "if lowest < 0 else (largest / 255, 0.0)",
        "if lowest > 0 else (largest / 255, 0.0)",
        "outputs/test_html.py",
    ),
    Fault(
        "a recipe is followed with any weights",
        "outputs/provenance.py",
        'if network.fingerprint() != recipe["model"]:',
        "if False:",
        "outputs/test_provenance.py",
    ),
    Fault(
        "changes on the way come one step late when a picture is made again",
        "outputs/provenance.py",
        "steered.get(steps_made, {})",
        "steered.get(steps_made - 1, {})",
        "outputs/test_provenance.py",
    ),
    # ---- imaging
    Fault(
        "the last row of a montage is left out",
        "imaging/grid.py",
        "        if len(last):",
        "        if not len(last):",
        IMAGING,
    ),
    Fault(
        "a gap of a montage belongs to the tile before it",
        "imaging/grid.py",
        " or inner_y >= self.height or inner_x >= self.width:",
        ":",
        IMAGING,
    ),
    Fault(
        "zero is not the middle of signed values",
        "imaging/normalize.py",
        "0.5 + finite(values) / (2 * np.asarray(limit))",
        "finite(values) / np.asarray(limit)",
        IMAGING,
    ),
    Fault(
        "channels of an attribution are not summed",
        "imaging/heat.py",
        "array = array.sum(axis=-1)",
        "array = array[..., 0]",
        "imaging/test_heat.py",
    ),
    Fault(
        "rows of a PNG file are not what their filter says",
        "imaging/encode.py",
        "np.subtract(rows[1:], rows[:-1], out=filtered[1:, 1:])",
        "filtered[1:, 1:] = rows[1:]",
        IMAGING,
    ),
    Fault(
        "a photo taken with the phone turned right is turned left",
        "imaging/conversion.py",
        "    6: (True, -1, 1),\n",
        "    6: (True, 1, -1),\n",
        READING,
    ),
    Fault(
        "the pixels of a file are counted only once they are decoded",
        "imaging/reading.py",
        "        _check_pixels(image, label)\n        yield image\n",
        "        yield image\n",
        READING,
    ),
    # ---- dreams by parameters, and on photographs
    Fault(
        "Adam's mean is not corrected for its start at zero",
        "engine/dreaming/parameter_ascent.py",
        "inputs.rate * mean / (1 - _MEAN_DECAY**inputs.step) / deviation",
        "inputs.rate * mean / deviation",
        "engine/dreaming/test_parameter_ascent.py",
    ),
    Fault(
        "the variables of a picture move downhill",
        "engine/dreaming/parameter_ascent.py",
        "moved = variables + inputs.rate",
        "moved = variables - inputs.rate",
        "engine/dreaming/test_parameter_ascent.py",
    ),
    Fault(
        "the score of several views is that of the first",
        "engine/dreaming/parameter_ascent.py",
        "tf.reduce_mean(tf.reshape(scores, [self.pictures, views]), 1)",
        "tf.reshape(scores, [self.pictures, views])[:, 0]",
        "engine/dreaming/test_parameter_ascent.py several_views",
    ),
    Fault(
        "the photo loses its sharpness from octave to octave",
        "engine/dreaming/pixel_ascent.py",
        "detail = resize(state - resize(photo, state.shape[1:-1]), size)",
        "detail = resize(state, size) - resize(photo, size)",
        PIXELS,
    ),
)
