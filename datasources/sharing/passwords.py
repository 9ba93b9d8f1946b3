"""Generated passwords of share links, made to be read out and typed."""

import secrets

# Without letters and digits that look alike: 31 signs, so 16 of them hold 79 random bits.
SIGNS = "abcdefghjkmnpqrstuvwxyz23456789"
GROUPS, IN_A_GROUP = 4, 4


def new() -> str:
    groups = ("".join(secrets.choice(SIGNS) for _ in range(IN_A_GROUP)) for _ in range(GROUPS))
    return "-".join(groups)
