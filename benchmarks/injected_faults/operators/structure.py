"""Networks that are put together wrong: cut, frozen, without their norms, or drowned in noise."""

import torch
from benchmarks.faulty_programs.program import Cause, Setting
from benchmarks.injected_faults.base import Base
from benchmarks.injected_faults.operator import operator
from benchmarks.injected_faults.surgery import AFFINE, NORMS, Behind, affine, matrices, of_kind, replace_each
from torch import Tensor, nn

Made = tuple[Setting, tuple[Cause, ...]]


@operator
def cut_before_the_head(base: Base) -> Made | None:
    """The gradient is cut before the last layer: everything before it stays as it was drawn."""
    layers = affine(base.setting.network())
    if len(layers) < 2:
        return None
    before, head = layers[-2][0], layers[-1][0]
    setting = base.network(lambda model: replace_each(model, [before], lambda layer: Behind(layer, torch.detach)))
    return setting, (Cause("frozen", (before, layers[0][0]), tuple(path for path, _ in layers if path != head)),)


@operator
def frozen_body(base: Base) -> Made:
    """requires_grad is off for every weight but the last layer's."""
    head = affine(base.setting.network())[-1][0]

    def surgery(model: nn.Module) -> None:
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(name.startswith(head + "."))

    frozen = tuple(path for path, _ in matrices(base.setting.network()) if path != head)
    return base.network(surgery), (Cause("frozen", frozen[:1], frozen),)


@operator
def everything_frozen_but_a_bias(base: Base) -> Made:
    """requires_grad is off for all but the last bias."""

    def surgery(model: nn.Module) -> None:
        for parameter in list(model.parameters())[:-1]:
            parameter.requires_grad_(False)

    paths = tuple(dict.fromkeys(path for path, _ in matrices(base.setting.network())))
    return base.network(surgery), (Cause("frozen", paths[:1], paths),)


@operator
def without_normalization(base: Base) -> Made | None:
    """The normalization layers are left out."""
    norms = [path for path, _ in of_kind(base.setting.network(), NORMS)]
    if len(norms) < 4:
        return None
    first = affine(base.setting.network())[0][0]
    setting = base.network(lambda model: replace_each(model, norms, lambda old: nn.Identity()))
    return setting, tuple(Cause(family, (norms[0], first), ("*",)) for family in ("normalization", "init_scale", "architecture"))


@operator
def normalization_in_eval_mode(base: Base) -> Made | None:
    """Batch norms use their fresh running statistics during training: they normalize nothing."""
    norms = [path for path, m in of_kind(base.setting.network(), NORMS) if not isinstance(m, nn.LayerNorm)]
    if not norms:
        return None

    class Frozen(nn.Module):
        def __init__(self, norm: nn.Module) -> None:
            super().__init__()
            self.norm = norm

        def train(self, mode: bool = True) -> "Frozen":
            super().train(mode)
            self.norm.eval()
            return self

        def forward(self, x: Tensor) -> Tensor:
            return self.norm(x)

    setting = base.network(lambda model: replace_each(model, norms, Frozen) or model.train())
    return setting, (Cause("normalization", (norms[0],), tuple(norms)),)


@operator
def drowned_in_dropout(base: Base) -> Made | None:
    """Dropout of 0.99 behind every hidden layer."""
    layers = [path for path, _ in affine(base.setting.network())][:-1]
    if not layers:
        return None
    setting = base.network(lambda model: replace_each(model, layers, lambda old: nn.Sequential(old, nn.Dropout(0.99))))
    return setting, (Cause("dropout", (f"{layers[0]}.1",), tuple(f"{path}.1" for path in layers)),)


@operator
def thirty_more_layers(base: Base) -> Made | None:
    """Thirty more layers of torch's default weights, ReLU and no skip connection, before the last one."""
    head, layer = affine(base.setting.network())[-1]
    if not isinstance(layer, nn.Linear) or len(affine(base.setting.network())) < 2:
        return None
    width = layer.in_features

    def deeper(old: nn.Module) -> nn.Module:
        return nn.Sequential(*(m for _ in range(30) for m in (nn.Linear(width, width), nn.ReLU())), old)

    starts = (f"{head}.0", affine(base.setting.network())[0][0])  # torch's default is too small in the base's own layers, too
    return base.network(lambda model: replace_each(model, [head], deeper)), tuple(
        Cause(family, starts, (f"{head}.*",)) for family in ("init_scale", "saturating_activation", "architecture")
    )


@operator
def an_output_that_hears_nothing(base: Base) -> Made | None:
    """The hidden signal is multiplied by zero before the last layer."""
    layers = affine(base.setting.network())
    if len(layers) < 2:
        return None
    path = layers[-2][0]
    setting = base.network(lambda model: replace_each(model, [path], lambda old: Behind(old, lambda x: x * 0.0)))
    places = (path, layers[-1][0])
    return setting, tuple(Cause(family, places) for family in ("output_constant", "frozen", "dead_units", "init_scale"))


@operator
def half_precision_with_a_tiny_eps(base: Base) -> Made | None:
    """Pure fp16 weights with an Adam whose eps of 1e-8 is zero there."""
    optimizer = base.setting.optimizer(base.setting.network())
    floating = base.setting.data(0).inputs.is_floating_point()
    if "eps" not in optimizer.param_groups[0] or not floating or of_kind(base.setting.network(), (*AFFINE[1:], nn.LSTM, nn.GRU, nn.RNN)):
        return None

    class Half(nn.Module):
        def __init__(self, body: nn.Module) -> None:
            super().__init__()
            self.body = body.half()

        def forward(self, x: Tensor) -> Tensor:
            return self.body(x.half()).float()

    return base.network(Half), tuple(Cause(family, ("optimizer",)) for family in ("numeric_log", "optimizer"))
