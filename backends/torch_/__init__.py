"""The torch backend: `torch.nn.functional`, and compositions where it lacks a loss."""
