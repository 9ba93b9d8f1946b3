"""Whole tables, read once from the API and kept on our side: how they are made, stored, asked and exported."""
