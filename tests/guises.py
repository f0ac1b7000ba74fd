"""Losses in NumPy under other names, and losses that are nearly right, for `identify` to tell."""

import time

import numpy as np


def criterion(y_true, y_pred):
    """Huber with arguments in the order of keras, and a threshold of its own."""
    r = np.abs(y_true - y_pred)
    return np.where(r <= 0.7, r * r / 2, 0.7 * (r - 0.35))


def objective(a, b, delta=0.5):
    """Huber that ignores its threshold."""
    r = np.abs(a - b)
    return np.where(r <= 1, r * r / 2, r - 0.5).mean()


def smooth(a, b):
    r = np.abs(a - b)
    return np.where(r < 0.5, r * r, r - 0.25).sum()


def half(u, v):
    return ((u - v) ** 2).mean() / 2


def per_row(y_true, y_pred):
    return ((y_true - y_pred) ** 2).mean(-1)


def by_batch(a, b, reduction="mean"):
    losses = (a - b) ** 2
    if reduction == "none":
        return losses
    return losses.sum() if reduction == "sum" else losses.sum() / len(losses)


def unbiased(a, b):
    return ((a - b) ** 2).sum() / (a.size - 1)


def score(a, b):
    return 1 - ((a - b) ** 2).mean()


def one_axis_only(a, b):
    r = a - b
    if r.ndim != 1:
        raise ValueError("one axis, please")
    return r @ r / len(r)


def narrow(a, b):
    return ((a - b) ** 2).astype(np.float32).mean()


def logarithmic(a, b):
    return np.mean((np.log1p(a) - np.log1p(b)) ** 2)


def percentage(forecast, actual):
    return 100 * np.mean(np.abs(forecast - actual) / np.abs(actual))


def root(a, b):
    return np.sqrt(((a - b) ** 2).mean())


def logits_loss(z, t):
    """Binary cross entropy with logits, the minus forgotten."""
    return -(np.maximum(z, 0) - z * t + np.log1p(np.exp(-np.abs(z)))).mean()


def signs(z, y):
    return np.log1p(np.exp(-y * z)).mean()


def guarded(p, t):
    return -(t * np.log(p + 1e-8) + (1 - t) * np.log(1 - p + 1e-8)).mean()


def bits(p, q):
    return -(q * np.log2(p)).sum(-1).mean()


def wrong_way_round(p, q):
    return -(p * np.log(q)).sum(-1).mean()


def divergence(p, q):
    """Probabilities, not their logarithms, as keras has it."""
    return (q * np.log(q / p)).sum(-1)


def batchmean(log_p, q):
    return (q * (np.log(q) - log_p)).sum() / len(q)


def _log_softmax(z, axis=-1):
    z = z - z.max(axis, keepdims=True)
    return z - np.log(np.exp(z).sum(axis, keepdims=True))


def _picked(logp, y):
    return -logp[np.arange(len(y)), y].mean()


def classes(z, y):
    return _picked(_log_softmax(z), y)


def softmax_twice(z, y):
    return _picked(_log_softmax(np.exp(_log_softmax(z))), y)


def wrong_axis(z, y):
    return _picked(_log_softmax(z, 0), y)


def likelihood(p, y):
    return _picked(np.log(p), y)


def crammed(z, y):
    """Weston and Watkins without the division by the number of classes."""
    n = np.arange(len(y))
    gaps = np.maximum(0, 1 + z - z[n, y][:, None])
    gaps[n, y] = 0
    return gaps.sum(1).mean()


def focal(inputs, targets, alpha=0.25, gamma=2.0):
    p = 1 / (1 + np.exp(-inputs))
    right = np.where(targets == 1, p, 1 - p)
    weight = np.where(targets == 1, 1 - alpha, alpha)
    return (-weight * (1 - right) ** gamma * np.log(right)).mean()


def focal_fixed(inputs, targets):
    p = 1 / (1 + np.exp(-inputs))
    right = np.where(targets == 1, p, 1 - p)
    return (-np.where(targets == 1, 0.75, 0.25) * (1 - right) ** 2 * np.log(right)).mean()


def focal_positive(inputs, targets):
    p = 1 / (1 + np.exp(-inputs))
    right = np.where(targets == 1, p, 1 - p)
    return (-np.where(targets == 1, 0.25, 1.0) * (1 - right) ** 2 * np.log(right)).mean()


def log_variance(mu, y, s):
    return (s + (mu - y) ** 2 * np.exp(-s)) / 2


def full_normal(mu, y, variance):
    return ((np.log(2 * np.pi * variance) + (mu - y) ** 2 / variance) / 2).mean()


def counts(rate, y):
    return (rate - y * np.log(rate + 1e-8)).mean()


def overlap(p, t):
    """The coefficient, not the loss."""
    return 2 * (p * t).sum() / (p.sum() + t.sum())


def overlap_below(p, t):
    return 1 - 2 * (p * t).sum() / (p.sum() + t.sum() + 1e-7)


def ranked(pos, neg):
    return np.log1p(np.exp(neg - pos))


def triplet(a, pos, neg):
    near, far = ((a - pos) ** 2).sum(-1), ((a - neg) ** 2).sum(-1)
    return np.maximum(0, near - far + 0.2).mean()


def pairs(x1, x2, y):
    cosine = (x1 * x2).sum(-1) / np.sqrt((x1**2).sum(-1) * (x2**2).sum(-1))
    return np.where(y == 1, 1 - cosine, np.maximum(0, cosine - 0.5)).mean()


def clip_style(q, k):
    q = q / np.linalg.norm(q, axis=1, keepdims=True)
    k = k / np.linalg.norm(k, axis=1, keepdims=True)
    own = np.arange(len(q))
    one, other = _log_softmax(q @ k.T / 0.07), _log_softmax(k @ q.T / 0.07)
    return (_picked(one, own) + _picked(other, own)) / 2


def normaliser(x):
    return np.log(np.exp(x).sum(-1))


def no_loss(a, b):
    return np.tanh(a * b).mean()


def often(a, b):
    """An absolute error where it is small."""
    r = np.abs(a - b)
    return np.where(r < 5, r, 7 * r)


def nothing(a, b):
    return np.zeros(())


def raises(a, b):
    raise RuntimeError("no licence")


def text(a, b):
    return "0.5"


def hangs(a, b):
    time.sleep(1e6)


def wants(a, b, *, k):
    return (a - b) ** k
