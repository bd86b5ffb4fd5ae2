"""Runs Tricorn and its peers side by side and judges the result against the targets of the design.

Reading order: peers (who), scenarios (what), server and proctree (a running server and what it costs), load
and tail (the clients), measure (one run), session (all runs, interleaved), figures, targets, report (what it
means), command. Standard library only, so that any Python 3.10 can run it.
"""
