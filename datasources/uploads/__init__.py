"""Files that are sent to Claro: checks, encrypted keeping, sending."""
