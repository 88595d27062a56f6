"""Fold every batch norm of many published architectures, random weights, and say how far outputs move and what stays.

    pip install timm torchvision
    python benchmarks/fold_zoo.py --json benchmarks/results/fold_zoo.json --markdown benchmarks/results/fold_zoo.md

One or more of most families of timm and torchvision that have batch norms, of less than 140 million parameters. Running statistics,
γ and β are random, so that folding has something to do. An error is the largest change of an output over the largest output.
What is measured is kept beside the JSON (`.partial`) until all is: a killed run goes on from there.
"""

import argparse
import json
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import torch
from benchmarks_zoo_shim import install
from torch import nn

from steadygrad.normalization import fold

TIMM = (
    "resnet18", "resnet50", "resnext50_32x4d", "wide_resnet50_2", "seresnet50", "res2net50_26w_4s", "resnest26d", "densenet121", "dpn68", "vgg11_bn",
    "mobilenetv2_100", "mobilenetv3_large_100", "efficientnet_b0", "mnasnet_100", "ghostnet_100", "regnetx_004", "regnety_004",
    "inception_v3", "inception_v4", "xception41", "hrnet_w18_small", "dla34", "cspresnet50", "darknet53", "selecsls42b", "repvgg_a0", "levit_128s", "mobilevit_s",
    "hardcorenas_a", "rexnet_100", "tresnet_m", "skresnet18", "ese_vovnet19b_dw",
    "botnet26t_256", "halonet26t", "lambda_resnet26t", "bat_resnext26ts", "gernet_s", "mobileone_s0", "convmixer_768_32", "cpubone_b0_bfrobust",
    "cs3darknet_focus_s", "dpn48b", "efficientformer_l1", "efficientformerv2_s0", "efficientvim_m1", "efficientvit_b0", "efficientvit_m0",
    "fasternet_t0", "fastvit_t8", "ghostnetv3_050", "hgnet_tiny", "hgnetv2_b0", "lcnet_050", "lcnetv2_base",
    "lowformer_b0", "coatnet_0_rw_224", "mobilenetv4_conv_small", "mobilevitv2_050", "nextvit_small", "repghostnet_050", "repvit_m0_9",
    "resnetv2_18", "legacy_seresnet18", "shvit_s1", "starnet_s1", "swiftformer_xs", "tiny_vit_5m_224", "visformer_tiny", "volo_d1_224", "legacy_xception",
    "xcit_nano_12_p16_224", "mixnet_s", "semnasnet_050", "tinynet_a", "regnetv_040", "iformer_t", "levit_conv_128s",
)  # fmt: skip
TORCHVISION = (
    "googlenet", "shufflenet_v2_x0_5", "mnasnet0_5", "mobilenet_v3_small", "maxvit_t", "r3d_18", "lraspp_mobilenet_v3_large", "fcn_resnet50",
)  # fmt: skip
NAMES = (*TIMM, *(f"torchvision:{name}" for name in TORCHVISION))
VIDEO = ("r3d_18",)
LARGEST = 140_000_000


def build(name: str, size: int) -> tuple[nn.Module, torch.Tensor]:
    """The architecture and one input."""
    generator = torch.Generator().manual_seed(0)
    family, _, kind = name.rpartition(":")
    if family == "torchvision":
        import torchvision

        model = torchvision.models.get_model(kind, weights=None, **({"weights_backbone": None} if kind.endswith(("large", "fcn_resnet50")) else {}))
        shape = (1, 3, 16, 64, 64) if kind in VIDEO else (1, 3, 224, 224) if kind == "maxvit_t" else (1, 3, size, size)
        return model.eval(), torch.randn(shape, generator=generator)
    import timm

    model = timm.create_model(name, pretrained=False).eval()
    size = model.default_cfg.get("input_size", (3, 224, 224))[1] if model.default_cfg.get("fixed_input_size") else size
    return model, torch.randn(1, 3, size, size, generator=generator)


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


def measure(name: str, dtypes: Sequence[str], size: int) -> dict[str, object]:
    """One architecture."""
    torch.manual_seed(0)
    model, x = build(name, size)
    if sum(p.numel() for p in model.parameters()) > LARGEST:
        return {"name": name, "norms": 0, "float64": "too large for this table"}
    row: dict[str, object] = {"name": name, "size": x.shape[-1], "norms": randomize(model)}
    for name in dtypes if row["norms"] else ():
        dtype = getattr(torch, name)
        try:
            made = fold(model.to(dtype), x.to(dtype))
            row |= {name: made.error, f"{name} bound": made.bound, "folded": len(made.folded), "left": made.left}
        except Exception as error:
            row[name] = f"{type(error).__name__}: {error}"[:200]
    return row


def reasons(left: dict[str, str]) -> str:
    """How often which reason was given, names of modules left out."""
    short = Counter(re.sub(r"stands \S+ \((\w+)\), no linear layer or convolution", r"\1", re.sub(r"`[^`]*`", "a layer", why)) for why in left.values())
    return "<br>".join(f"{count} × {why}" for why, count in short.most_common())


def table(rows: list[dict[str, object]]) -> str:
    """As Markdown."""
    known = [row for row in rows if row["norms"]]
    worst = {kind: max((row[kind] for row in known if isinstance(row.get(kind), float)), default=0.0) for kind in ("float64", "float32")}
    lines = [
        "# Folding batch norms",
        "",
        f"{len(known)} architectures, {sum(r['norms'] for r in known):,} norms, {sum(r.get('folded', 0) for r in known):,} folded; "
        f"largest error {worst['float64']:.1e} in float64, {worst['float32']:.1e} in float32. Made by `benchmarks/fold_zoo.py`.",
        "",
        "| architecture | norms | folded | float64 error | float32 error | float32 bound | why the others stay |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in known:
        show = [f"{v:.1e}" if isinstance(v := row.get(k), float) else str(v or "–") for k in ("float64", "float32", "float32 bound")]
        lines.append(f"| {row['name']} | {row['norms']} | {row.get('folded', 0)} | {' | '.join(show)} | {reasons(row.get('left', {}))} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--markdown", type=Path)
    parser.add_argument("--dtypes", default="float64,float32")
    parser.add_argument("--size", type=int, default=128, help="pixels, where an architecture takes any")
    parser.add_argument("names", nargs="*", default=list(NAMES))
    options = parser.parse_args()
    install()
    torch.set_num_threads(1)
    partial = options.json.with_suffix(".partial") if options.json else None
    done = {row["name"]: row for row in map(json.loads, partial.read_text(encoding="utf-8").splitlines())} if partial and partial.exists() else {}
    for name in options.names:
        if name in done:
            continue
        try:
            done[name] = measure(name, options.dtypes.split(","), options.size)
        except Exception as error:
            done[name] = {"name": name, "norms": 0, "float64": f"could not be built: {type(error).__name__}: {error}"[:200]}
        print({key: value for key, value in done[name].items() if key != "left"}, flush=True)
        if partial:
            with partial.open("a", encoding="utf-8") as file:
                file.write(json.dumps(done[name]) + "\n")
    rows = [done[name] for name in options.names]
    if options.markdown:
        options.markdown.write_text(table(rows), encoding="utf-8")
    if options.json and partial:
        options.json.write_text(json.dumps({"benchmark": "fold_zoo", "torch": torch.__version__, "rows": rows}, indent=1) + "\n", encoding="utf-8")
        partial.unlink()


if __name__ == "__main__":
    main()
