"""What torch cannot transform is left out in torch's own words; all else that is raised counts."""

import pytest

import lossproof

torch = pytest.importorskip("torch")


class Undocumented(torch.autograd.Function):
    """Of the old style: without setup_context."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, cotangent):
        return 2 * cotangent * ctx.saved_tensors[0]


class Unbatched(torch.autograd.Function):
    """With setup_context, without generate_vmap_rule."""

    @staticmethod
    def forward(x):
        return x * x

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(inputs[0])

    @staticmethod
    def backward(ctx, cotangent):
        return 2 * cotangent * ctx.saved_tensors[0]


def by_control_flow(r):
    return r * r if bool((r > -1e30).any()) else r * r + 0


def by_item(r):
    return r * r * (r.numel() and float(r.reshape(-1)[0] * 0 + 1))


def by_mask(r):
    return (r * r)[r == r].reshape(r.shape)


def by_old_function(r):
    return Undocumented.apply(r)


def by_unbatched_function(r):
    return Unbatched.apply(r)


def by_size(r):
    if r.numel() == 1:
        raise RuntimeError("vmap over one row: functorch is not implemented here")
    return r * r


def by_buffer(r):
    return torch.zeros(r.shape).copy_(r * r)


def transformed(square):
    def mse(prediction, target, *, reduction):
        if prediction.shape != target.shape:
            raise ValueError("shapes differ")
        losses = square(prediction - target)
        return losses if reduction == "none" else getattr(losses, reduction)()

    (found,) = lossproof.check(
        mse, loss="mse", backend="torch", dtypes=["float32"], checks=["transformations"]
    )
    return found


@pytest.mark.parametrize(
    ("square", "words"),
    [
        (by_control_flow, "vmap: It looks like you're attempting to use a Tensor in some data-"),
        (by_item, "vmap: It looks like you're calling .item() on a Tensor"),
        (by_mask, "vmap: We do not support batching operators that can support dynamic shape"),
        (by_old_function, "In order to use an autograd.Function with functorch transforms"),
        (by_unbatched_function, "You tried to vmap over Unbatched, but it does not have vmap"),
        (by_buffer, "vmap: inplace arithmetic(self, *extra_args) is not possible"),
    ],
)
def test_what_torch_cannot_do_is_left_out_and_quoted(square, words):
    found = transformed(square)
    assert found.status == "passed"
    assert found.conventions["vmap"].startswith(f"does not apply: torch: no vmap here: {words}")


@pytest.mark.parametrize(
    ("square", "words"),
    [
        (by_size, "vmap over one row: functorch is not implemented here"),
    ],
)
def test_what_the_function_raises_is_a_failure_whatever_it_mentions(square, words):
    found = transformed(square)
    assert found.status == "failed"
    assert "vmap raises" in found.message
    assert words in found.message
