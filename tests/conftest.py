"""How much Hypothesis tries: HYPOTHESIS_PROFILE is default, ci, long or mutants."""

import os

from hypothesis import HealthCheck, Phase, settings

# Shared machines are slow in bursts: time says nothing about whether a case is good.

settings.register_profile("default", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("default"), derandomize=True, print_blob=True)
settings.register_profile("long", settings.get_profile("default"), max_examples=5_000, print_blob=True)
# Mutation testing asks whether a case fails, the same each time, not which is the smallest.
settings.register_profile(
    "mutants", settings.get_profile("ci"), max_examples=30, phases=(Phase.explicit, Phase.generate), database=None
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))
