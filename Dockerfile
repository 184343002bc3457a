# Any image with Python 3.11 or newer and its venv module will do as BASE.
ARG BASE=python:3.13-slim-bookworm

FROM ${BASE} AS build
# A package mirror of your own, for this stage only: --build-arg PIP_INDEX_URL=…
ARG PIP_INDEX_URL
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /build
COPY requirements.lock requirements-build.lock ./
RUN python3 -m venv /venv \
    && /venv/bin/pip install --require-hashes -r requirements.lock \
    && python3 -m venv tools \
    && tools/bin/pip install --require-hashes -r requirements-build.lock
COPY pyproject.toml README.md LICENSE ./
COPY bot bot
# The zone files come with the locked tzdata package; a fixed path lets the C library find them too.
RUN tools/bin/pip wheel --no-deps --no-build-isolation --wheel-dir wheels . \
    && /venv/bin/pip install --no-deps wheels/*.whl \
    && /venv/bin/pip uninstall --yes setuptools pip \
    && /venv/bin/python -m compileall -q -j 0 /venv/lib \
    && ln -s "$(/venv/bin/python -c 'import tzdata; print(*tzdata.__path__)')/zoneinfo" /venv/zoneinfo

FROM ${BASE}
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    TZ=Asia/Shanghai \
    TZDIR=/venv/zoneinfo \
    DUBAN_HOME=/duban \
    DUBAN_HOST=0.0.0.0 \
    DUBAN_PORT=8866
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /duban --shell /usr/sbin/nologin duban \
    && install -d -o duban -g duban -m 700 /duban/state
COPY --from=build /venv /venv
COPY rules /duban/rules
COPY config /duban/config
WORKDIR /duban
USER 10001:10001
VOLUME /duban/state
EXPOSE 8866
STOPSIGNAL SIGTERM
# Not urllib: a proxy in the environment would be asked for 127.0.0.1.
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 CMD ["python", "-c", \
    "import http.client, os, sys; c = http.client.HTTPConnection('127.0.0.1', int(os.environ['DUBAN_PORT']), timeout=4); c.request('GET', '/healthz'); sys.exit(c.getresponse().status != 200)"]
ENTRYPOINT ["duban"]
CMD ["run"]
