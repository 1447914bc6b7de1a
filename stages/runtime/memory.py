"""How much is held in memory at a time; no result depends on it beyond rounding."""

PREDICTED_AT_ONCE = 64  # inputs of a forward pass that predicts
