from tests.plans.fixtures import plans as plans
