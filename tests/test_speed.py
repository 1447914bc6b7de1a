"""The page of the speed benchmark says what was measured."""

from benchmarks import speed

PEAK = {"here": [0.1, 0.1], "two": [0.05, 0.05]}  # seconds of a product of 2.147 GFLOP


def test_a_case_is_a_table_of_medians_ranges_and_ratios():
    seconds = {"here": [2.0, 4.0, 3.0], "two": [1.0, 2.0, 1.5], "report": [9.0, 10.0, 12.0]}
    lines = speed.page({"final": seconds}, PEAK, {"final": 21.47e9}).splitlines()
    assert "| here, one thread | 3.00 (2.00-4.00) | 2.00 (2.00-2.00) |" in lines
    assert (
        "| the report's way: `ImageDataGenerator` and `fit` | 10.00 (9.00-12.00) | 6.67 (5.00-9.00) |"
        in lines
    )
    assert "two at once reach 33% of the peak" in lines[-1]
    assert any("21 GFLOP/s on one thread, 43 by two processes" in line for line in lines)
