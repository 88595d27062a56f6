"""Fold every batch norm of many published architectures, random weights, and say how far outputs move.

    pip install timm torchvision
    python benchmarks/fold_zoo.py --json benchmarks/results/fold_zoo.json --markdown benchmarks/results/fold_zoo.md

Running statistics, γ and β are random, so that folding has something to do. An error is the largest change of an output
over the largest output.
"""

import argparse
import json
from pathlib import Path

import torch
from benchmarks_zoo_shim import install
from torch import nn

from steadygrad.normalization import fold

NAMES = (
    "resnet18", "resnet50", "resnext50_32x4d", "wide_resnet50_2", "seresnet50", "res2net50_26w_4s", "resnest26d", "densenet121", "dpn68", "vgg11_bn",
    "mobilenetv2_100", "mobilenetv3_large_100", "efficientnet_b0", "mnasnet_100", "ghostnet_100", "regnetx_004", "regnety_004", "shufflenet_v2_x1_0",
    "inception_v3", "inception_v4", "xception41", "hrnet_w18_small", "dla34", "cspresnet50", "darknet53", "selecsls42b", "repvgg_a0", "levit_128s", "mobilevit_s",
    "hardcorenas_a", "rexnet_100", "tresnet_m", "skresnet18", "ese_vovnet19b_dw",
)  # fmt: skip


def randomize(model: nn.Module) -> int:
    """Statistics, γ and β of every batch norm; returns how many there are."""
    generator, count = torch.Generator().manual_seed(0), 0
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            count += 1
            shape = module.running_mean.shape
            module.running_mean.copy_(0.2 * torch.randn(shape, generator=generator))
            module.running_var.copy_(0.5 + torch.rand(shape, generator=generator))
            module.num_batches_tracked.fill_(1)
            with torch.no_grad():
                module.weight.copy_(0.5 + torch.rand(shape, generator=generator))
                module.bias.copy_(0.2 * torch.randn(shape, generator=generator))
    return count


def measure(name: str) -> dict[str, object]:
    """One architecture in float64 and float32."""
    import timm

    torch.manual_seed(0)
    model = timm.create_model(name, pretrained=False).eval()
    norms = randomize(model)
    size = model.default_cfg.get("input_size", (3, 224, 224))[1] if model.default_cfg.get("fixed_input_size") else 128
    x = torch.randn(1, 3, size, size, generator=torch.Generator().manual_seed(0))
    row: dict[str, object] = {"name": name, "norms": norms}
    for dtype in (torch.float64, torch.float32):
        try:
            made = fold(model.to(dtype), x.to(dtype))
            row |= {str(dtype)[6:]: made.error, f"{str(dtype)[6:]} bound": made.bound, "folded": len(made.folded), "left": made.left}
        except Exception as error:
            row[str(dtype)[6:]] = f"{type(error).__name__}: {error}"[:200]
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--json")
    parser.add_argument("--markdown")
    parser.add_argument("names", nargs="*", default=list(NAMES))
    options = parser.parse_args()
    install()
    torch.set_num_threads(1)
    rows, lines = (
        [],
        [
            "# Folding batch norms",
            "",
            "| architecture | norms | folded | left | float64 error | float32 error | float32 bound |",
            "|---|---|---|---|---|---|---|",
        ],
    )
    for name in options.names:
        try:
            row = measure(name)
        except RuntimeError as error:
            row = {"name": name, "norms": 0, "float64": f"not in this timm: {error}"[:100]}
        rows.append(row)
        show = [f"{v:.1e}" if isinstance(v := row.get(k), float) else str(v) for k in ("float64", "float32", "float32 bound")]
        lines.append(f"| {name} | {row['norms']} | {row.get('folded', 0)} | {len(row.get('left', {}))} | {' | '.join(show)} |")
        print(lines[-1], flush=True)
    if options.json:
        Path(options.json).write_text(json.dumps({"benchmark": "fold_zoo", "torch": torch.__version__, "rows": rows}, indent=1), encoding="utf-8")
    if options.markdown:
        Path(options.markdown).write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
