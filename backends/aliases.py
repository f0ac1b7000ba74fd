"""What else the arguments and options of losses are called in the field's libraries."""

from __future__ import annotations

from types import MappingProxyType

_PREDICTION = (
    "prediction", "predictions", "predicted", "predict", "pred", "preds", "y_pred", "ypred", "yhat",
    "y_hat", "y_predicted", "y_preds", "input", "inputs", "output", "outputs", "logits", "logit",
    "score", "scores", "prob", "probs", "proba", "probabilities", "y_prob", "y_proba", "estimate",
    "estimates", "forecast", "forecasts", "out", "y_score", "y_scores", "mu", "mean", "loc",
    "y_logits", "x", "z",
)  # fmt: skip
_TARGET = (
    "target", "targets", "tgt", "label", "labels", "y_true", "ytrue", "y_trues", "true", "truth",
    "targ", "ground_truth", "groundtruth", "gt", "actual", "actuals", "expected", "reference",
    "observed", "obs", "y", "t",
)  # fmt: skip

_LOGS = (
    "log_probs", "log_prob", "logprobs", "logp", "log_p", "lprobs", "lprob", "log_probas",
    "log_probabilities", "log_softmax",
)  # fmt: skip

#: what says in its name that it is no logit
LOG_PROBABILITIES = frozenset(_LOGS)
#: by the name that the specification uses, the nearest first
ARGUMENTS = MappingProxyType(
    {
        "prediction": _PREDICTION,
        "logits": ("logits", "logit", "activations", *_LOGS, *_PREDICTION),
        "log_probabilities": (*_LOGS, *_PREDICTION),
        "x": ("x", "input", "inputs", "logits", "logit", "scores", "z", "a", "v", "tensor"),
        "target": _TARGET,
        "labels": ("labels", "label", *_TARGET),
        "targets": ("targets", "labels", *_TARGET),
        "var": ("var", "variance", "variances", "sigma2", "sigma_sq", "pred_var"),
        "positive": (
            "positive", "positives", "pos", "x_pos", "pos_score", "pos_scores", "positive_score",
            "positive_scores", "score_pos", "scores_pos", "s_pos", "positive_logits", "p",
        ),
        "negative": (
            "negative", "negatives", "neg", "x_neg", "neg_score", "neg_scores", "negative_score",
            "negative_scores", "score_neg", "scores_neg", "s_neg", "negative_logits", "n",
        ),
        "anchor": ("anchor", "anchors", "query", "a"),
        "first": (
            "first", "input1", "x1", "inputs1", "left", "a", "u", "emb1", "embedding1", "score1",
            "scores1", "first_input", "predictions",
        ),
        "second": (
            "second", "input2", "x2", "inputs2", "right", "b", "v", "emb2", "embedding2", "score2",
            "scores2", "second_input",
        ),
        "query": ("query", "queries", "q", "anchor", "anchors", "z1", "z_i", "zi", "features1"),
        "key": (
            "key", "keys", "k", "positive", "positives", "positive_key", "z2", "z_j", "zj",
            "features2", "y",
        ),
        "weight": (
            "class_weight", "class_weights", "weight", "weights", "sample_weight", "sample_weights",
            "w",
        ),
        "pos_weight": ("pos_weight", "pos_weights", "positive_weight"),
        "slope": ("slope", "w", "m", "a", "weight", "coef"),
        "intercept": ("intercept", "b", "bias", "c"),
        "input_lengths": (
            "input_lengths", "logit_lengths", "input_length", "logit_length", "input_lens",
            "in_lens", "ilens", "hlens", "x_len", "x_lengths",
        ),
        "target_lengths": (
            "target_lengths", "label_lengths", "target_length", "label_length", "target_lens",
            "tgt_lens", "olens", "ys_lens", "y_len", "y_lengths",
        ),
    }
)  # fmt: skip

OPTIONS = MappingProxyType(
    {
        "eps": ("eps", "epsilon", "EPS", "e"),
        "delta": ("delta", "d"),
        "margin": ("margin", "m"),
        "gamma": ("gamma", "focusing", "focusing_parameter"),
        "alpha": ("alpha", "balance"),
        "temperature": ("temperature", "tau", "temp", "T"),
        "label_smoothing": ("label_smoothing", "smoothing", "smooth_factor"),
        "ignore_index": ("ignore_index", "ignore_label", "ignore_class", "ignore_idx"),
        "smooth": ("smooth", "smoothing", "eps", "epsilon"),
        "blank": ("blank", "blank_id", "blank_index", "blank_label"),
        "p": ("p", "norm", "norm_degree"),
        "log_target": ("log_target", "logit_target"),
        "log_input": ("log_input",),
        "full": ("full", "compute_full_loss"),
        "swap": ("swap",),
    }
)

COTANGENT = (
    "cotangent", "grad_output", "grad_out", "upstream", "upstream_grad", "dout", "dL", "dloss", "g",
    "gy", "gout", "dy",
)  # fmt: skip
REDUCTION = ("reduction", "reduction_mode")
#: beside one of these, `weight` is another weight
CLASS_WEIGHTS = frozenset({"class_weight", "class_weights"})
