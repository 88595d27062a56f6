"""Predictions of signal-propagation theory, in float64 NumPy.

    activations, gaussian                          φ, φ′ and averages over Gaussian pre-activations
    maps, depth_scale, phase, starting_point       plain networks: fixed points, criticality, how deep
    dropout, residual, convolution, transformer    what architecture does to them
    layer_norm, batch_growth, normalizer_free      norms, and doing without
    depth_rate                                     which learning rate a depth allows
    finite_width, lyapunov, product_bounds         one network of finite width, not the average
    jacobian, jacobian_spectrum, free_product      singular values
    shaping, gated_units                           other activations
"""
