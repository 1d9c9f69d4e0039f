"""
Writes a network of networks.py, as it computes in evaluation mode, to an ONNX file: its name and the path are the arguments. Constants
are folded; normalizations stay what they are.
"""

import logging
import sys

import onnx_ir
import torch
from networks import network
from onnxscript import optimizer

logging.disable(logging.WARNING)
name, path = sys.argv[1:]
torch.manual_seed(0)
build, shape, _ = network(name)
program = torch.onnx.export(
    build().eval(),
    (torch.rand(2, *shape),),
    dynamo=True,
    dynamic_shapes=({0: torch.export.Dim("batch")},),
    optimize=False,
    verbose=False,
)
optimizer.fold_constants(program.model)
optimizer.remove_unused_nodes(program.model)
onnx_ir.save(program.model, path)
