"""What the servers of the raw requests serve: the subject of the contract tests that ``RAW_SUBJECT`` names."""

import os

from rf_middleware import IntrospectionIssuer, Validator
from tests.contract.subjects import SUBJECTS
from tests.real.raw import EXEMPT

LOCATIONS = ["bearer", "header:X-API-Key", "query:api_key", "cookie:key", "json:api_key"]

(subject,) = [each for each in SUBJECTS if str(each) == os.environ["RAW_SUBJECT"]]
options = {"locations": LOCATIONS, "workspaces": ["acme"], "exempt": EXEMPT, "trusted_proxies": 1}
app = subject.protect(
    Validator(
        IntrospectionIssuer(os.environ["RAW_ISSUER"], os.environ["RAW_TOKEN"]),
        ttl=3600.0,
        max_staleness=3600.0,
        unknown_key_burst=1_000_000,
        timeout=30.0,
    ),
    {name: value for name, value in options.items() if name not in subject.lacks},
    (),
)
