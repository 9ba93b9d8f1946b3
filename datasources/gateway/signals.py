"""Signals about a stored key, sent after calls of the API, for listeners such as keys/health.py.

Receivers run within the call's thread, after it, and may raise.
"""

from django.dispatch import Signal

# Claro answered, and the key works: `key`, and `limit`, the calls a minute that the headers name, or None.
answered = Signal()
# Claro refused a call with this key: `key`.
refused = Signal()
# No usable answer: `key`, `error`.
failed = Signal()
# The calls that are left became few, or enough again: `key`.
budget_turned = Signal()
