"""People, and the teams they are in. The e-mail address is the login."""

import uuid

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.utils import timezone

from accounts.roles import Role


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields) -> "User":
        user = self.model(email=self.normalize_email(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields) -> "User":
        return self.create_user(email, password, **{"is_staff": True, "is_superuser": True, **fields})

    @classmethod
    def normalize_email(cls, email: str | None) -> str:
        """All lower case: nobody means two people by two spellings."""
        return super().normalize_email(email).lower()

    def get_by_natural_key(self, email: str | None) -> "User":
        return self.get(email__iexact=email)


class User(AbstractBaseUser, PermissionsMixin):
    email = models.EmailField(unique=True)
    # Optional and chosen by the user. Shown through accounts/people.py only.
    name = models.CharField(max_length=100, blank=True)
    is_staff = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    date_joined = models.DateTimeField(default=timezone.now, editable=False)
    # To within an hour, for the people of the same teams (sessions.py).
    active_at = models.DateTimeField(null=True, blank=True, editable=False)
    # Shortcuts of one key disturb people who speak their input or press keys by mistake (WCAG 2.1.4).
    uses_single_keys = models.BooleanField(default=True)

    objects = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: list[str] = []

    def __str__(self) -> str:
        return self.email

    def clean(self) -> None:
        self.email = UserManager.normalize_email(self.email)


class Team(models.Model):
    """People who work through the keys that are shared with them."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=100)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["name", "created_at"]

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.PositiveSmallIntegerField(choices=Role)
    joined_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["-role", "joined_at"]
        constraints = [models.UniqueConstraint(fields=["team", "user"], name="one_membership_per_team")]

    def __str__(self) -> str:
        return f"{self.user} in {self.team}"


class Invitation(models.Model):
    """An invitation to a team. The link's secret is a signature that is not stored (teams.py)."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="invitations")
    role = models.PositiveSmallIntegerField(choices=Role)
    # Whom it is for; empty: for whoever has the link.
    email = models.EmailField(blank=True)
    invited_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField()
    is_single_use = models.BooleanField(default=True)
    uses = models.PositiveIntegerField(default=0)
    revoked_at = models.DateTimeField(null=True, blank=True)
    mailed_at = models.DateTimeField(null=True, blank=True)
    # Why it could not be mailed.
    mail_problem = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"invitation to {self.team} as {self.get_role_display()}"

    @property
    def is_used_up(self) -> bool:
        return self.is_single_use and self.uses > 0

    @property
    def is_open(self) -> bool:
        """True as far as the row shows. `teams.is_open` also checks the sender's rights."""
        return self.revoked_at is None and not self.is_used_up and self.expires_at > timezone.now()


class AccessLoss(models.Model):
    """Access to a team that ended or was reduced: invitations made before give this person nothing any more.

    One row for each address of the account, so that a new account with the same address does not get round it.
    """

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="access_losses")
    user = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    email = models.EmailField()
    at = models.DateTimeField(default=timezone.now, editable=False)
    # The address of who removed them; empty where they left by themselves or only got a lower role.
    removed_by = models.EmailField(blank=True)

    class Meta:
        indexes = [models.Index(fields=["team", "at"], name="access_loss_of_team")]

    def __str__(self) -> str:
        return f"{self.email} in {self.team_id}"


class SetupCode(models.Model):
    """The setup code of the first sign-up in production (setup.py), stored as a hash."""

    digest = models.CharField(max_length=64)

    def __str__(self) -> str:
        return "setup code"
