"""Which servers of Redis and Valkey have the fixes of October 2025 for Lua scripts (CVE-2025-49844 and others).

A client that may run scripts could run code on the server. Sources: the release notes of both projects. Newer releases
have fixes of their own, which this table does not follow (docs/security.md).
"""

FIXED = {
    "Redis": ("6.2.20", "7.2.11", "7.4.6", "8.0.4", "8.2.2"),
    "Valkey": ("7.2.11", "8.0.6", "8.1.4"),
}


def of(facts: dict) -> tuple[str, str]:
    """Name and version of the server, by its INFO; the version is empty if it does not say."""
    if facts.get("server_name") == "valkey":
        return "Valkey", str(facts.get("valkey_version", ""))
    return "Redis", str(facts.get("redis_version", ""))


def fixed_in(server: str, version: str) -> str:
    """The version with the fixes that is nearest to this one; empty if it has them, or if that is unknown.

    A line that gets no fixes any more (7.0) has them in the next line that does.
    """
    if not (number := _number(version)):
        return ""
    fixes = FIXED[server]
    nearest = next((fixed for fixed in fixes if _number(fixed)[:2] >= number[:2]), "")
    return nearest if nearest and number < _number(nearest) else ""


def _number(version: str) -> tuple[int, ...]:
    parts = version.split(".")
    return tuple(map(int, parts)) if all(part.isdecimal() for part in parts) else ()
