"""Has an `app` that cannot be called, and a `nothing` that is None."""

app = 42
nothing = None
