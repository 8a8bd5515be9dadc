# The image of a module, for BuildKit and for the classic builder of a Docker engine. Its context is made by the build job and
# holds two folders: requirements/ (the files that pip reads) and source/ (the commit). A line that is one name
# in angle brackets is a hole: bot/ci/dockerfile.py puts instructions there whose words are escaped. No RUN ever
# holds a word from a repository outside a JSON string, and no shell reads any of them.
ARG MLREEF_BASE
FROM ${MLREEF_BASE}
USER 0:0
<base-environment>

# Folders that any user of the container may write to: the working directory and a home.
RUN ["python", "-c", "import os\nfor path in ('/app', '/home/module'):\n    os.makedirs(path, exist_ok=True)\n    os.chmod(path, 0o1777)"]
WORKDIR /app

# Debian packages, if .mlreef.yaml names any.
<packages>

# The requirements have a layer of their own: it is built again only when they change.
ARG PIP_NO_INPUT=1
ARG PIP_PROGRESS_BAR=off
ARG PIP_ROOT_USER_ACTION=ignore
ARG PIP_DISABLE_PIP_VERSION_CHECK=1
<requirements>

COPY --chown=10001:10001 source/ /app/

ENV HOME=/home/module PYTHONUNBUFFERED=1
<module-environment>
USER 10001:10001
<entry-point>
CMD []
