"""Numbers in messages: decimals that can be read by eye, and lose nothing."""

import numpy as np
import pytest

from lossproof.conformance.written import number, text
from lossproof.spec.formats import FORMATS


def drawn(fmt):
    """Numbers of the format of every size: all bits are drawn, those of subnormals too."""
    rng = np.random.default_rng(0)
    width = fmt.dtype.itemsize
    bits = rng.integers(0, 2**63, 3000, dtype=np.uint64).view(f"u{min(width, 8)}")[:3000]
    small = rng.integers(1, 2 ** (fmt.precision - 1), 500).astype(f"u{width}")
    usual = fmt.round(rng.normal(size=500)).view(f"u{width}")
    edges = fmt.round(
        [0.0, -0.0, fmt.largest, fmt.smallest_normal, fmt.smallest_subnormal, 2.0**12, 3e9, 1 / 3]
    )
    values = np.concatenate([bits, small, usual, edges.view(f"u{width}")]).view(fmt.dtype)
    with np.errstate(invalid="ignore"):
        return values[np.isfinite(values.astype(np.float64))]


@pytest.mark.parametrize("fmt", FORMATS.values(), ids=lambda f: f.name)
def test_a_decimal_is_read_back_as_the_same_number(fmt):
    values = drawn(fmt)
    again = fmt.round([float(number(v)) for v in values])
    width = fmt.dtype.itemsize
    assert np.array_equal(values.view(f"u{width}"), again.view(f"u{width}"))


@pytest.mark.parametrize("fmt", FORMATS.values(), ids=lambda f: f.name)
def test_a_decimal_has_no_more_digits_than_the_format_can_need(fmt):
    most = {"float64": 17, "float32": 9, "float16": 5, "bfloat16": 4}[fmt.name]
    for written in map(number, drawn(fmt)):
        digits = written.lstrip("-").partition("e")[0].replace(".", "").strip("0")
        assert len(digits) <= most or float(written) == int(float(written))


def test_numbers_of_each_format_are_short():
    assert number(np.float32(0.1)) == "0.1"
    assert number(np.float16(0.1)) == "0.1"
    assert number(FORMATS["bfloat16"].round(0.1)[()]) == "0.1"
    assert number(np.float64(np.float32(0.1))) == "0.10000000149011612"
    assert number(0.1) == "0.1"
    assert number(np.float32(2.0**64)) == "1.8446744e+19"
    assert number(np.float32(2.0**31)) == "2.1474836e+09"
    assert number(np.float32(1e-45)) == "1e-45"


@pytest.mark.parametrize(("value", "said"), [(np.nan, "nan"), (-np.inf, "-inf"), (-0.0, "-0.0")])
def test_nan_infinity_and_minus_zero_keep_their_names(value, said):
    assert number(np.float32(value)) == said


def test_a_long_array_shows_the_entry_that_is_meant():
    values = np.arange(12, dtype=np.float32).reshape(3, 4)
    first = "0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0 ..."
    assert text(values, number) == f"[{first} (12 in all)] of shape (3, 4)"
    assert text(values, number, shown=[3, 9]) == (
        f"[{first} 9.0 at [2, 1] ... (12 in all)] of shape (3, 4)"
    )


def test_data_stays_hexadecimal():
    assert text(np.float32([0.1, 1.5])) == "[0x1.99999ap-4, 0x1.8p+0]"
