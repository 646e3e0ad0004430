"""Writes the files of tests/golden/pytorch with PyTorch itself (1.13.1 of Debian 12: apt-get install python3-torch python3-onnx).

    python3 tests/golden/pytorch.py tests/golden/pytorch

NAME.onnx is a network from PyTorch's exporter and NAME.json one batch of its inputs and what PyTorch computes from it; the .pth files are
state_dicts and what else people save. Weights are random; none of it is trained.
"""

import json
import math
import pathlib
import sys

import torch
from torch import nn
from torch.nn import functional as F

folder = pathlib.Path(sys.argv[1])


class Block(nn.Module):
    """A residual block with a shortcut, as in a ResNet, and a classifier."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(8)
        self.conv2 = nn.Conv2d(8, 8, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(8)
        self.downsample = nn.Sequential(nn.Conv2d(3, 8, 1, stride=2, bias=False), nn.BatchNorm2d(8))
        self.fc = nn.Linear(8, 5)

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        y = F.relu(self.bn2(self.conv2(y)) + self.downsample(x))
        return self.fc(torch.flatten(F.adaptive_avg_pool2d(y, 1), 1))


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x):
        n, t, c = x.shape
        q, k, v = self.qkv(x).reshape(n, t, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4).unbind(0)
        scores = (q @ k.transpose(-2, -1)) / math.sqrt(c // self.heads)
        return self.out((scores.softmax(-1) @ v).transpose(1, 2).reshape(n, t, c))


class Transformer(nn.Module):
    """Patches, a class token, one encoder block with GELU, a head."""

    def __init__(self, width=8):
        super().__init__()
        self.patch = nn.Conv2d(2, width, 4, stride=4)
        self.token = nn.Parameter(torch.randn(1, 1, width))
        self.position = nn.Parameter(torch.randn(1, 5, width))
        self.norm1, self.norm2, self.norm = nn.LayerNorm(width), nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = Attention(width, 2)
        self.mlp = nn.Sequential(nn.Linear(width, 16), nn.GELU(), nn.Dropout(0.1), nn.Linear(16, width))
        self.head = nn.Linear(width, 3)

    def forward(self, x):
        x = self.patch(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1) + self.position
        x = x + self.attention(self.norm1(x))
        x = x + self.mlp(self.norm2(x))
        return self.head(self.norm(x)[:, 0])


class Recurrent(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.rnn = kind(3, 4, num_layers=2, batch_first=True, bidirectional=True)
        self.fc = nn.Linear(8, 2)

    def forward(self, x):
        return self.fc(self.rnn(x)[0][:, -1])


class Text(nn.Module):
    """The masked mean of an encoder layer over token ids; 0 pads."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(7, 8, padding_idx=0)
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.fc = nn.Linear(8, 3)

    def forward(self, ids):
        pad = ids == 0
        x = self.embedding(ids)
        x = x + self.attention(x, x, x, key_padding_mask=pad, need_weights=False)[0]
        kept = (~pad).unsqueeze(-1).float()
        return self.fc((x * kept).sum(1) / kept.sum(1).clamp(min=1))


class UNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.down = nn.Conv2d(2, 6, 3, stride=2, padding=1)
        self.up = nn.ConvTranspose2d(6, 4, 3, stride=2, padding=1, output_padding=1)
        self.same = nn.ConvTranspose2d(6, 3, 3, padding=1)
        self.last = nn.Conv2d(9, 2, 1)

    def forward(self, x):
        low = F.leaky_relu(self.down(x), 0.1)
        up = self.up(low)
        wide = F.interpolate(self.same(low), size=x.shape[2:], mode="bilinear", align_corners=False)
        return self.last(torch.cat([x, up, wide], 1))


class Mobile(nn.Module):
    """A depthwise block with squeeze and excitation, hardswish and group norm."""

    def __init__(self):
        super().__init__()
        self.expand = nn.Conv2d(2, 8, 1)
        self.norm = nn.GroupNorm(2, 8)
        self.depth = nn.Conv2d(8, 8, 3, padding=1, groups=8)
        self.squeeze = nn.Conv2d(8, 2, 1)
        self.excite = nn.Conv2d(2, 8, 1)
        self.fc = nn.Linear(8, 3)

    def forward(self, x):
        x = F.hardswish(self.norm(self.expand(x)))
        x = F.silu(self.depth(F.pad(x, (1, 0, 0, 1), mode="reflect")))
        x = x * F.hardsigmoid(self.excite(F.relu6(self.squeeze(F.adaptive_avg_pool2d(x, 1)))))
        return self.fc(x.mean((2, 3)))


class Squeezed(nn.Module):
    """A squeeze of an axis whose length the exporter does not know, which it writes as an If."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(2, 1, 3)
        self.fc = nn.Linear(6, 2)

    def forward(self, x):
        y = self.conv(x)
        return self.fc(y[:, y.shape[1] - 1 :].squeeze(1))


def stirred(model):
    """Statistics and affine parameters that differ from their starting values."""
    for module in model.modules():
        if isinstance(module, (nn.BatchNorm2d, nn.LayerNorm, nn.GroupNorm)):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias)
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 1.5)
    return model.eval()


def export(name, model, example, opset, fold=True, **options):
    with torch.no_grad():
        outputs = model(example)
    values = {"input": example.flatten().tolist(), "shape": list(example.shape), "output": outputs.flatten().tolist()}
    (folder / f"{name}.json").write_text(json.dumps(values) + "\n")
    torch.onnx.export(
        model, example, str(folder / f"{name}.onnx"), opset_version=opset, do_constant_folding=fold, input_names=["x"], output_names=["y"],
        dynamic_axes={"x": {0: "batch"}, "y": {0: "batch"}}, **options)


def networks():
    torch.manual_seed(1)
    block = stirred(Block())
    export("block-9", block, torch.randn(2, 3, 8, 8), 9, fold=False, training=torch.onnx.TrainingMode.PRESERVE)
    export("block-17", block, torch.randn(2, 3, 8, 8), 17, training=torch.onnx.TrainingMode.PRESERVE)
    export("block-fused", block, torch.randn(2, 3, 8, 8), 13)
    # A fresh network: initialisers that are equal by chance are one in the file.
    export("block-fresh", Block().eval(), torch.randn(2, 3, 8, 8), 14, training=torch.onnx.TrainingMode.PRESERVE)
    transformer = stirred(Transformer())
    for opset in (11, 14, 17):
        export(f"transformer-{opset}", transformer, torch.randn(2, 2, 8, 8), opset)
    export("transformer-unfolded", transformer, torch.randn(2, 2, 8, 8), 16, fold=False)
    export("lstm", Recurrent(nn.LSTM), torch.randn(2, 5, 3), 14)
    export("gru", Recurrent(nn.GRU), torch.randn(2, 5, 3), 12)
    text = Text().train()  # in evaluation PyTorch takes an operator that its exporter does not know
    export("text", text, torch.tensor([[1, 2, 3, 0], [4, 5, 6, 1]]), 14, training=torch.onnx.TrainingMode.PRESERVE)
    export("unet", UNet(), torch.randn(2, 2, 8, 8), 13)
    export("mobile", stirred(Mobile()), torch.randn(2, 2, 6, 6), 14)
    export("squeezed", Squeezed(), torch.randn(2, 2, 8), 13)


def states():
    torch.manual_seed(2)
    model = nn.Sequential()
    model.add_module("conv", nn.Conv2d(2, 3, 3))
    model.add_module("bn", nn.BatchNorm2d(3))
    model.add_module("fc", nn.Linear(5, 4))
    optimizer = torch.optim.Adam(model.parameters())
    sum(parameter.sum() for parameter in model.parameters()).backward()
    optimizer.step()
    torch.save(model.state_dict(), folder / "state.pth")
    checkpoint = {"epoch": 3, "model": model.state_dict(), "optimizer": optimizer.state_dict(), "loss": 0.25, "name": "small", "best": None}
    torch.save(checkpoint, folder / "checkpoint.pt")
    torch.save({"half": torch.arange(4.0).half(), "brain": torch.arange(4.0).bfloat16(), "double": torch.arange(4.0).double(),
                "turned": torch.arange(6.0).reshape(2, 3).t(), "own": nn.Parameter(torch.ones(2)), "count": torch.tensor(7)}, folder / "kinds.pth")
    torch.save(model, folder / "whole-model.pth")
    torch.save(model.state_dict(), folder / "old-format.pth", _use_new_zipfile_serialization=False)
    torch.jit.script(nn.Linear(2, 2)).save(str(folder / "script.pt"))
    values = {name: tensor.flatten().tolist() for name, tensor in model.state_dict().items()}
    (folder / "state.json").write_text(json.dumps(values) + "\n")


folder.mkdir(parents=True, exist_ok=True)
networks()
states()
