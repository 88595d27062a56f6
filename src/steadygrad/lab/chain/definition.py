"""What the chain's three passes compute, in torch. The compiled ones give the same numbers but for the order of sums: a few eps a layer."""

import torch


def forward(weights: torch.Tensor, biases: torch.Tensor, signals: torch.Tensor) -> None:
    """signals[l + 1] = tanh(W_l·signals[l] + b_l), shapes (L, n, n), (L, n), (L + 1, n, batch); signals[1:] is written."""
    for l, weight in enumerate(weights):
        torch.addmm(biases[l].unsqueeze(1), weight, signals[l], out=signals[l + 1])
        signals[l + 1].tanh_()


def backward(weights: torch.Tensor, signals: torch.Tensor, slopes: torch.Tensor, gradient: torch.Tensor) -> None:
    """slopes[l] = gradient ⊙ (1 − signals[l + 1]²), gradient = W_lᵀ·slopes[l], from the last layer down; both are written."""
    for l in range(len(weights) - 1, -1, -1):
        torch.mul(gradient, 1.0 - signals[l + 1].square(), out=slopes[l])
        torch.mm(weights[l].T, slopes[l], out=gradient)


def update(
    parameters: tuple[torch.Tensor, ...], rests: torch.Tensor | None, signals: torch.Tensor, slopes: torch.Tensor, squares: torch.Tensor,
    rates: tuple[float, float, float],
) -> None:  # fmt: skip
    """v = momentum·v + slopes·signalsᵀ, W −= rate·v, biases alike; squares[l] = Σ (∂loss/∂W_l)².

    `parameters` are weights, biases, their momenta and the biases' momenta; `rates` the rate, that of biases, and momentum. With `rests`
    (Kahan) what rounding takes from an update is added to the next one.
    """
    weights, biases, momenta, bias_momenta = parameters
    rate, bias_rate, momentum = rates
    gradients = torch.bmm(slopes, signals[:-1].transpose(1, 2))
    squares.copy_(gradients.double().square().sum((1, 2)))
    momenta.mul_(momentum).add_(gradients)
    bias_momenta.mul_(momentum).add_(slopes.sum(2))
    biases.sub_(bias_rate * bias_momenta)
    if rests is None:
        weights.sub_(rate * momenta)
        return
    moved = rests - rate * momenta
    before = weights.clone()
    weights.add_(moved)
    rests.copy_(moved - (weights - before))
