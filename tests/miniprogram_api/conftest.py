"""What these tests ask at a door is watched: statements are explained on an uneven database."""

from tests.plans.fixtures import plans as plans
from tests.plans.fixtures import watched as watched
