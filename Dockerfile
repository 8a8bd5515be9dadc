# The image of mlreef-bot: it serves webhooks, and the jobs of every generated pipeline run in it.
ARG BASE=python:3.12-slim-trixie
FROM ${BASE}

# git: the jobs read commits with it. Nothing is fetched when the base has it already.
RUN command -v git >/dev/null \
    || { apt-get update -q \
         && apt-get install -qy --no-install-recommends git ca-certificates \
         && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/*; }

# For the engine `docker`: the client and its way to BuildKit, which Debian has together from trixie on. Without them
# the engine's classic builder is used; the other engines need neither.
RUN grep -Eq '^VERSION_CODENAME=(bullseye|bookworm)$' /etc/os-release \
    || { apt-get update -q \
         && apt-get install -qy --no-install-recommends docker-cli docker-buildx \
         && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/*; }

ARG PIP_ROOT_USER_ACTION=ignore
ARG PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /opt/mlreef-bot

# What is needed first, in a layer of its own: it changes seldom.
COPY setup.cfg pyproject.toml README.md ./
RUN pip install --no-cache-dir --no-compile .

COPY bot bot
COPY parser parser
COPY ci_templates ci_templates
COPY repository_templates repository_templates
RUN pip install --no-cache-dir --no-deps --force-reinstall --no-compile . \
    && rm -rf build ./*.egg-info

# A service needs no rights. A CI runner may choose another user; the jobs work as root as well.
RUN mkdir -p /var/lib/mlreef-bot && chown 10001:10001 /var/lib/mlreef-bot
USER 10001:10001
ENV HOME=/var/lib/mlreef-bot PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /var/lib/mlreef-bot

# No entry point: a CI job starts its own shell.
EXPOSE 8080
CMD ["mlreef-bot", "serve"]
