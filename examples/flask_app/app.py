"""A Flask app that lets requests in by API key: copy this folder and begin."""

import os

from flask import Flask

from rf_middleware.flask import APIKeyAuth, current_workspace, require_key

app = Flask(__name__)
APIKeyAuth(app)  # asks RF_ISSUER_URL; with RF_ISSUER_TOKEN a revoked key is refused at once


@app.get("/")
@require_key
def hello() -> dict[str, object]:
    """Say who asks, and which of the worker processes answers."""
    return {"workspace": current_workspace.slug, "pid": os.getpid()}


@app.get("/infer")
@require_key(scopes=["model:infer"])
def infer() -> dict[str, object]:
    """Do what only keys with the scope ``model:infer`` may ask for."""
    return {"workspace": current_workspace.slug, "prediction": "a cat"}


@app.get("/healthz")
def healthz() -> dict[str, object]:
    """Answer anyone: what is not decorated needs no key."""
    return {"status": "ok"}
