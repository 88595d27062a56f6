"""Changes after which a training is as healthy as before: what a detector must be silent about."""

from dataclasses import replace

from benchmarks.faulty_programs.program import Setting
from benchmarks.injected_faults.base import Base
from benchmarks.injected_faults.operator import harmless
from benchmarks.injected_faults.surgery import ACTIVATIONS, affine, of_kind, replace_each
from torch import nn
from torch.optim import SGD, Adam, AdamW, RMSprop


@harmless
def as_it_is(base: Base) -> Setting:
    """The healthy training itself."""
    return base.setting


@harmless
def half_the_rate(base: Base) -> Setting:
    """Half the learning rate."""
    return base.optimizer(lambda optimizer: [group.update(lr=group["lr"] / 2) for group in optimizer.param_groups])


@harmless
def twice_the_rate(base: Base) -> Setting:
    """Twice the learning rate."""
    return base.optimizer(lambda optimizer: [group.update(lr=group["lr"] * 2) for group in optimizer.param_groups])


@harmless
def another_optimizer(base: Base) -> Setting:
    """Adam in place of SGD and RMSprop; AdamW with some decay in place of Adam."""
    adam = isinstance(base.setting.optimizer(base.setting.network()), Adam)
    rate = base.setting.optimizer(base.setting.network()).param_groups[0]["lr"]
    if adam:
        return replace(base.setting, optimizer=lambda model: AdamW(model.parameters(), rate, weight_decay=0.05))
    return replace(base.setting, optimizer=lambda model: Adam(model.parameters(), 3e-3))


@harmless
def a_little_dropout(base: Base) -> Setting:
    """Dropout of 0.2 behind the first layer."""
    first = affine(base.setting.network())[0][0]
    return base.network(lambda model: replace_each(model, [first], lambda layer: nn.Sequential(layer, nn.Dropout(0.2))))


@harmless
def orthogonal_weights(base: Base) -> Setting:
    """Orthogonal weights of gain √2 before the last layer."""

    def surgery(model: nn.Module) -> None:
        for _, layer in affine(model)[:-1]:
            nn.init.orthogonal_(layer.weight, 2.0**0.5)

    return base.network(surgery)


@harmless
def a_head_of_zeros(base: Base) -> Setting | None:
    """The last layer starts at zero, as is usual for classifiers."""
    if base.task not in ("classes", "binary"):
        return None

    def surgery(model: nn.Module) -> None:
        layer = affine(model)[-1][1]
        nn.init.zeros_(layer.weight)
        nn.init.zeros_(layer.bias)

    return base.network(surgery)


@harmless
def smooth_activations(base: Base) -> Setting | None:
    """SiLU in place of every hidden activation."""
    paths = [path for path, _ in of_kind(base.setting.network(), ACTIVATIONS)]
    return base.network(lambda model: replace_each(model, paths, lambda old: nn.SiLU())) if paths else None


@harmless
def inputs_of_another_range(base: Base) -> Setting | None:
    """Inputs twice as large and a little off centre."""
    if not base.setting.data(0).inputs.is_floating_point() or base.task == "values":
        return None
    return base.data(lambda data: data.changed(inputs=lambda x: 2.0 * x + 0.5))


@harmless
def plain_descent(base: Base) -> Setting:
    """SGD with Nesterov's momentum and a usual decay."""
    return replace(base.setting, optimizer=lambda m: SGD(m.parameters(), 0.05, momentum=0.9, nesterov=True, weight_decay=1e-4))


@harmless
def root_mean_square(base: Base) -> Setting:
    """RMSprop at its usual rate."""
    return replace(base.setting, optimizer=lambda m: RMSprop(m.parameters(), 2e-3))


@harmless
def smaller_batches(base: Base) -> Setting:
    """A third of the batch."""
    return replace(base.setting, batch=base.setting.batch // 3)
