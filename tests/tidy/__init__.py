"""The repository lints itself: sizes, heads, where `unsafe` and Python may stand, promises with tests."""
