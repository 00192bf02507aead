# The first stage may need compilers, where a wheel is missing; the image that runs has none, and runs without root.
FROM python:3.11-slim-bookworm AS build
WORKDIR /build
COPY requirements.txt .
RUN python -m venv /opt/venv \
    && /opt/venv/bin/pip install --no-cache-dir --require-hashes -r requirements.txt

FROM python:3.11-slim-bookworm
# The fonts have the Chinese, Japanese and Korean names that a printed report may hold; any version of them does.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends fonts-droid-fallback fonts-nanum \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 10001 triage \
    && install -d -o triage -g triage /var/lib/triage
COPY --from=build /opt/venv /opt/venv
WORKDIR /app
COPY app.py ./
COPY .streamlit .streamlit
COPY assets assets
COPY models models
COPY pages pages
COPY triage triage
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    TRIAGE_HOME=/var/lib/triage
USER 10001
VOLUME /var/lib/triage
EXPOSE 8501
# It listens on all addresses, so it asks for an account and for TRIAGE_ADDRESS first: docs/access.md.
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8501/health', timeout=4)"]
CMD ["python", "-m", "triage", "serve", "--address", "0.0.0.0"]
