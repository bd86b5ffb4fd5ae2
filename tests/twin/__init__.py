"""Gunicorn as the referee: one list of scenarios, each run against Gunicorn 27.0.1 and against Tricorn, and
compared.

`scenario.py` says what a scenario is, `topics/` lists them, `play.py` runs one against one program,
`steps.py` is what a scenario can do and look at, `judge.py` compares. `record.py` keeps the results,
`pages.py` writes the documents from them. The data: `differences.json` (what differs on purpose, and why),
`later.json` (what is not there yet), `results.json` (what was seen).
"""
