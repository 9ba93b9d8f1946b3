from typing import ClassVar

from django.contrib.auth.hashers import MD5PasswordHasher


class Counting(MD5PasswordHasher):
    """Hashes like the other tests' and counts how often."""

    algorithm = "counting"
    count: ClassVar[int] = 0

    def encode(self, password, salt):
        Counting.count += 1
        return super().encode(password, salt)
