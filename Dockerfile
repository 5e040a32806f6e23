# syntax=docker/dockerfile:1

# The toolchain that builds, and the system that runs. Both are Debian 12, so the libraries found when linking are those at run time.
ARG SWIFT_IMAGE=swift:6.3-bookworm
ARG RUNTIME_IMAGE=debian:bookworm-slim

FROM ${SWIFT_IMAGE} AS build

RUN apt-get update -q \
    && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends \
        ca-certificates git libcurl4-openssl-dev libpq-dev libssl-dev libxml2-dev make pkg-config \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /src

# The packages are fetched in a layer of their own, so that a change to our code does not fetch them again.
COPY Package.* ./
RUN swift package resolve

# The manifest names test targets too, so their folders have to be there; none is compiled.
COPY Sources Sources
COPY Tests Tests
RUN for program in countersignd countersign countersign-watchdog countersign-worker countersign-reader countersign-launch; do \
        swift build -c release --static-swift-stdlib --product "$program" || exit 1; \
    done

# Programs look for each other, and for their resource bundles, in their own directory. The sandbox ERP stays behind.
RUN bin="$(swift build -c release --static-swift-stdlib --show-bin-path)" \
    && mkdir -p /staging/bin \
    && for program in countersignd countersign countersign-watchdog countersign-worker countersign-reader countersign-launch; do \
        install -m 0555 "$bin/$program" /staging/bin/ && strip "/staging/bin/$program" || exit 1; \
    done \
    && cp -R "$bin"/*.resources /staging/bin/ \
    && chmod -R a=rX /staging


FROM ${RUNTIME_IMAGE} AS runtime

ARG VERSION=0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="countersign" \
      org.opencontainers.image.description="Control plane for governed finance automation" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"

# libpq for the server, libcurl for workers and the command line, libxml2 and poppler for the document reader, WeasyPrint with
# its face for PDFs of reports.
RUN apt-get update -q \
    && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends \
        ca-certificates fonts-inter libcurl4 libpq5 libssl3 libxml2 poppler-utils tzdata weasyprint \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --system --gid 10001 countersign \
    && useradd --system --uid 10001 --gid 10001 --home-dir /var/lib/countersign --shell /usr/sbin/nologin countersign \
    && install -d -o 10001 -g 10001 -m 0711 /var/lib/countersign

COPY --from=build /staging/bin /opt/countersign/bin

ENV PATH=/opt/countersign/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    LANG=C.UTF-8

WORKDIR /var/lib/countersign
USER 10001:10001
EXPOSE 7400

# The only directory that is written to; with a read-only root file system it and /tmp are mounts.
VOLUME ["/var/lib/countersign"]
STOPSIGNAL SIGTERM

HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
    CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/7400 && printf 'GET /healthz HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n' >&3 && read -r answer <&3 && [[ $answer == *' 200 '* ]]"]

# The image holds no database: DATABASE_URL names one. The server ends its own children, so it may be process 1.
ENTRYPOINT ["countersignd"]
CMD ["serve", "--host", "0.0.0.0", "--port", "7400", "--data", "/var/lib/countersign", "--worker-uid", "0"]
