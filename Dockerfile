# walbridge as a container: docker build --build-arg REVISION=$(git rev-parse HEAD) -t walbridge .
# The configuration is /etc/walbridge/walbridge.yaml; what has to outlive the container (file caches) is in /var/lib/walbridge.
FROM debian:bookworm-20251229-slim AS build
# Debian 12 keeps its versions; pinning them here would only miss its security updates.
# hadolint ignore=DL3008
RUN apt-get update \
  && apt-get install -y --no-install-recommends \
    ca-certificates cmake g++ libcli11-dev libcpp-httplib-dev libcurl4-openssl-dev libfmt-dev libpg-query-dev libpq-dev \
    librdkafka-dev libspdlog-dev libsqlite3-dev libssl-dev libyaml-cpp-dev ninja-build nlohmann-json3-dev pkg-config prometheus-cpp-dev \
  && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN cmake --preset release \
  && cmake --build --preset release --target walbridge \
  && strip build/release/cli/walbridge

FROM debian:bookworm-20251229-slim
# The libraries that the program is linked with, and the authorities that TLS trusts.
# hadolint ignore=DL3008
RUN apt-get update \
  && apt-get install -y --no-install-recommends \
    ca-certificates libcpp-httplib0.11 libcurl4 libfmt9 libpq5 libprometheus-cpp-core1.0 librdkafka1 libspdlog1.10 libsqlite3-0 libssl3 \
    libstdc++6 libyaml-cpp0.7 \
  && rm -rf /var/lib/apt/lists/* \
  && groupadd --system --gid 10001 walbridge \
  && useradd --system --uid 10001 --gid walbridge --no-create-home --home-dir /var/lib/walbridge --shell /usr/sbin/nologin walbridge \
  && install -d -m 0755 /etc/walbridge \
  && install -d -m 0750 -o walbridge -g walbridge /var/lib/walbridge
COPY --from=build /src/build/release/cli/walbridge /usr/bin/walbridge
COPY LICENSE /usr/share/doc/walbridge/copyright

ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="walbridge" \
      org.opencontainers.image.description="Keeps SQLite, libSQL and Turso caches in step with a Postgres database" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"

# By number, so that an orchestrator can see that it is not root.
USER 10001:10001
WORKDIR /etc/walbridge
VOLUME ["/var/lib/walbridge"]
EXPOSE 9630
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD ["/usr/bin/walbridge", "healthcheck"]
ENTRYPOINT ["/usr/bin/walbridge"]
CMD ["run"]
