# The only container that has the App's key. `docker buildx imagetools inspect IMAGE:TAG` shows the digest to pin: as
# shipped, the tag has none.
ARG BASE=python:3.11-slim-bookworm
FROM ${BASE}
# Tokens are signed with openssl: a base image without it fails here and not at the first job.
RUN openssl version && useradd --uid 10001 --no-create-home registrar
WORKDIR /usr/local/lib/registrar
COPY exposure.py github_app.py registrar.py settings.py version_watch.py ./
# As in the Dockerfile of the runner: the registrar warns before GitHub refuses this version.
ENV RUNNER_VERSION=2.338.0
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
HEALTHCHECK NONE
ENTRYPOINT ["python3", "registrar.py"]
