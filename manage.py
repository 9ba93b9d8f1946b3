#!/usr/bin/env python
import os
import sys

from django.core.management import execute_from_command_line

from core import private

if __name__ == "__main__":
    private.by_default()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "claro_dashboard.settings")
    execute_from_command_line(sys.argv)
