"""A local Claro API v2: for trying the dashboard without a key, for demos, for tests.

It speaks docs/claro-api.md over HTTP and knows nothing of the dashboard. `manage.py sandbox --port 8900` starts it;
docs/sandbox.md says what it does where the contract is open, and lists the control surface that tests use.

server.py    HTTP: routing, keys, rate limit, faults      api.py      the operations
store.py     accounts, keys, sources, original files      tables.py   parsed rows in DuckDB
parsing.py   a file as a table                            filters.py  filter expressions
uploads.py   the file of an upload                        faults.py   latency and errors on demand
webhooks.py  webhooks, and what they are told            deliveries.py  telling it, until somebody takes it
demo.py      the demo account's sources, from the files of demo_files.py
control.py   what tests steer
"""

DEMO_KEY = "claro_demo_0123456789abcdef"
