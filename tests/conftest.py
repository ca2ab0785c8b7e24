"""How much Hypothesis tries: HYPOTHESIS_PROFILE is default, ci or long."""

import os

from hypothesis import HealthCheck, settings

# Shared machines are slow in bursts: time says nothing about whether a case is good.

settings.register_profile("default", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("default"), derandomize=True, print_blob=True)
settings.register_profile("long", settings.get_profile("default"), max_examples=5_000, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))
