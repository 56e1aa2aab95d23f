"""These journeys are watched: their statements are explained on a large, uneven database."""

from tests.plans.fixtures import plans as plans
from tests.plans.fixtures import watched as watched
